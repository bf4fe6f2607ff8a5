package worker

import (
	"context"

	"deepdist/sidecar/psclient"
	"deepdist/sidecar/word2vec"
)

// slice is the records that are trained together between a pull and a push.
type slice struct {
	pieces  []piece
	cursors []psclient.Cursor
	words   uint64
}

// piece is the records [from, to) of a chunk.
type piece struct {
	chunk    *chunk
	from, to int
}

// source is where slices are cut from: the feed, and the chunk that the last slice has left half read.
type source struct {
	feed *feed
	open int // claims whose last chunk has not come yet
	half *chunk
	from int // records of half that are used
}

// cut reads a slice of at most `words` raw words, or of one record if that alone is longer. It ends early when the claims do, and
// where another epoch begins, since a push's loss is one epoch's. Where it ends depends on positions only, never on time.
func (s *source) cut(ctx context.Context, words uint64) (*slice, error) {
	out := &slice{}
	s.feed.reach(words)
	for s.half != nil || s.open > 0 {
		if s.half == nil {
			select {
			case s.half = <-s.feed.chunks:
				s.from = 0
				s.feed.wake()
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			if s.half.err != nil {
				return nil, s.half.err
			}
		}
		if len(out.cursors) > 0 && out.cursors[0].Epoch != s.half.claim.epoch {
			break
		}
		if full := out.take(s, words); full {
			break
		}
	}
	return out, nil
}

// take moves records from the open chunk into the slice; it is full when the next one would exceed its words.
func (out *slice) take(s *source, words uint64) (full bool) {
	k := s.half
	to, n := s.from, uint64(0)
	for to < len(k.records) {
		more := uint64(k.length(to))
		if out.words+n+more > words && out.words+n > 0 {
			full = true
			break
		}
		n += more
		to++
	}
	ended := to == len(k.records)
	if to > s.from || (ended && k.last) {
		out.pieces = append(out.pieces, piece{chunk: k, from: s.from, to: to})
		out.extend(k, s.from, to, n)
		out.words += n
	}
	s.from = to
	if ended {
		s.half = nil
		if k.last {
			s.open--
		}
	}
	return full
}

// extend moves the slice's cursor of the chunk's claim.
func (out *slice) extend(k *chunk, from, to int, words uint64) {
	last := k.last && to == len(k.records)
	if n := len(out.cursors); n > 0 {
		if c := &out.cursors[n-1]; c.Epoch == k.claim.epoch && c.Partition == k.claim.partition {
			c.To, c.Hash, c.Last = k.first+uint64(to), k.hash(to), last
			c.Words += words
			return
		}
	}
	out.cursors = append(out.cursors, psclient.Cursor{
		Epoch: k.claim.epoch, Partition: k.claim.partition, From: k.first + uint64(from), To: k.first + uint64(to),
		Words: words, PrefixHash: k.hash(from), Hash: k.hash(to), Last: last,
	})
}

// length is the number of words of record i.
func (k *chunk) length(i int) int { return k.records[i].end - k.start(i) }

func (k *chunk) start(i int) int {
	if i == 0 {
		return 0
	}
	return k.records[i-1].end
}

// hash is of the partition's records before record i.
func (k *chunk) hash(i int) uint64 {
	if i == 0 {
		return k.before
	}
	return k.records[i-1].hash
}

// record i of the chunk, as training wants it.
func (k *chunk) record(i int) word2vec.Record {
	return word2vec.Record{Epoch: k.claim.epoch, Partition: k.claim.partition, Index: k.first + uint64(i), Tokens: k.tokens[k.start(i):k.records[i].end]}
}

// giveBack returns the memory of chunks that the slice has used up.
func (out *slice) giveBack(s *source) {
	for _, p := range out.pieces {
		if p.chunk != s.half {
			if p.to == len(p.chunk.records) {
				s.feed.giveBack(p.chunk)
			}
		}
	}
}
