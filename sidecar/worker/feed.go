package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"deepdist/internal/frame"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/spool"
)

// claim is one pass over one partition that this worker holds. `at` is its cursor: what has been applied.
type claim struct {
	epoch, partition uint32
	at               psclient.Cursor // From = To
}

// chunk is some records of a claim, decoded and translated.
type chunk struct {
	claim   *claim
	first   uint64 // number of its first record
	before  uint64 // hash of the records before it
	records []record
	tokens  []uint32
	last    bool // it ends the partition
	kept    bool // its records and tokens serve other epochs as well
	err     error
}

// record ends at tokens[end]; hash is of the partition's records up to and with it.
type record struct {
	end  int
	hash uint64
}

const (
	chunkWords  = 1 << 16 // decoded at a time: some milliseconds of training
	chunksAhead = 320     // read while the loop trains, at most: the longest slice, 20M words
	leastAhead  = 8
	slicesAhead = 8 // a lone worker's next slice may be many times as long as the last
)

// keepWords is how long a text may be to be decoded only once, and kept: as long as the longest that is read ahead.
const keepWords = chunksAhead * chunkWords

// feed reads the spools of its claims, in their order, ahead of the loop: a goroutine that decodes and translates, and stops when it is some slices ahead, or
// chunksAhead. A short text it keeps from epoch to epoch. A feed can't go back; for that the loop ends it and begins another one at the cursors.
type feed struct {
	room   int                 // words that may still be kept
	texts  map[uint32][]*chunk // kept, by partition: from its first record to its last
	chunks chan *chunk
	ahead  atomic.Int64  // chunks that may wait
	taken  chan struct{} // one has been, or more may wait
	claims chan *claim
	spare  chan *chunk // chunks whose memory may be used again
	cancel context.CancelFunc
	done   chan struct{}
}

// openSpool returns the reader of a partition that this worker has spooled.
type openSpool func(ctx context.Context, partition uint32) (*spool.Reader, error)

// newFeed begins to read; it keeps `room` words.
func newFeed(ctx context.Context, open openSpool, room int) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{room: room, texts: map[uint32][]*chunk{}, chunks: make(chan *chunk, chunksAhead), taken: make(chan struct{}, 1), claims: make(chan *claim, 4*claimsAhead),
		spare: make(chan *chunk, 2*chunksAhead), cancel: cancel, done: make(chan struct{})}
	f.ahead.Store(leastAhead)
	go func() {
		defer close(f.done)
		f.run(ctx, open)
	}()
	return f
}

// add appends a claim. There are at most claimsAhead at once, so it does not wait.
func (f *feed) add(c *claim) { f.claims <- c }

// stop ends the reading and waits for it.
func (f *feed) stop() {
	f.cancel()
	<-f.done
}

func (f *feed) run(ctx context.Context, open openSpool) {
	for {
		select {
		case c := <-f.claims:
			if err := f.read(ctx, c, open); err != nil {
				if code := frame.CodeOf(err); code == frame.Internal { // the disk's fault: another attempt may do better
					err = frame.Errorf(frame.Lost, "%w", err)
				}
				f.send(ctx, &chunk{claim: c, err: err})
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// read streams one claim from its cursor to the partition's end.
func (f *feed) read(ctx context.Context, c *claim, open openSpool) error {
	if text := f.texts[c.partition]; text != nil && c.at.To == 0 {
		for _, k := range text {
			again := *k // whoever has k may be at it still
			again.claim = c
			if !f.send(ctx, &again) {
				break
			}
		}
		return nil
	}
	reader, err := open(ctx, c.partition)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := reader.Skip(c.at.To); err != nil {
		return err
	}
	if record, hash := reader.Position(); record > 0 && hash != c.at.Hash {
		return frame.Errorf(frame.BadInput, "partition %d has other records, or another order, than when its first %d were trained: make the RDD's order "+
			"stable, e.g. rdd.persist(StorageLevel.DISK_ONLY) or a checkpoint before training", c.partition, record)
	}
	var text []*chunk
	whole := c.at.To == 0
	for {
		k, err := f.next(c, reader)
		if err != nil {
			return err
		}
		if whole = whole && len(k.tokens) <= f.room; whole {
			f.room -= len(k.tokens)
			k = f.keep(k)
			text = append(text, k)
		} else {
			f.drop(text)
			text = nil
		}
		last := k.last // the loop has k from here on
		if !f.send(ctx, k) {
			return nil
		}
		if last {
			if whole {
				f.texts[c.partition] = text
			}
			return nil
		}
	}
}

// drop makes room again for others than a partition that is too long.
func (f *feed) drop(text []*chunk) {
	for _, k := range text {
		f.room += len(k.tokens)
	}
}

// keep gives a chunk that is less than full memory of its own length: there may be many small partitions.
func (f *feed) keep(k *chunk) *chunk {
	if 2*len(k.tokens) < cap(k.tokens) {
		short := *k
		short.records, short.tokens = slices.Clone(k.records), slices.Clone(k.tokens)
		f.giveBack(k)
		k = &short
	}
	k.kept = true
	return k
}

func (f *feed) next(c *claim, reader *spool.Reader) (*chunk, error) {
	k := f.take()
	k.claim = c
	k.first, k.before = reader.Position()
	for len(k.tokens) < chunkWords && !reader.AtEnd() {
		tokens, err := reader.Next(k.tokens)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		k.tokens = tokens
		_, hash := reader.Position()
		k.records = append(k.records, record{end: len(tokens), hash: hash})
	}
	k.last = reader.AtEnd()
	return k, nil
}

func (f *feed) send(ctx context.Context, k *chunk) bool {
	for len(f.chunks) >= int(f.ahead.Load()) {
		select {
		case <-f.taken:
		case <-ctx.Done():
			return false
		}
	}
	f.chunks <- k // there is room: nobody else sends
	return true
}

// reach lets the feed read as far ahead as slices of so many words ask for.
func (f *feed) reach(words uint64) {
	f.ahead.Store(int64(max(leastAhead, min(chunksAhead, slicesAhead*min(words, keepWords)/chunkWords))))
	f.wake()
}

func (f *feed) wake() {
	select {
	case f.taken <- struct{}{}:
	default: // it will look anyway
	}
}

func (f *feed) take() *chunk {
	select {
	case k := <-f.spare:
		*k = chunk{records: k.records[:0], tokens: k.tokens[:0]}
		return k
	default:
		return &chunk{tokens: make([]uint32, 0, chunkWords+spool.MaxSentence)}
	}
}

// giveBack offers a chunk's memory for the next one.
func (f *feed) giveBack(k *chunk) {
	if k.kept {
		return
	}
	select {
	case f.spare <- k:
	default:
	}
}

// partition returns the spool of a partition. The server may know of a commit some moments before this side has taken note of it.
func (t *training) partition(ctx context.Context, number uint32) (*spool.Partition, error) {
	for {
		t.mu.Lock()
		p, kept := t.partitions[number], t.kept
		t.mu.Unlock()
		if p != nil {
			return p, nil
		}
		select {
		case <-kept:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the spool of partition %d: %w", number, context.Cause(ctx))
		}
	}
}
