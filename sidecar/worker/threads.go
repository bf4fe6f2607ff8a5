package worker

import (
	"sync"
	"sync/atomic"

	"deepdist/sidecar/word2vec"
)

// block is what a thread takes at a time: some records of one chunk.
type block struct {
	chunk    *chunk
	from, to int
	words    uint64
}

// blocks cuts a slice so that every thread gets several, in the order of the records.
func (out *slice) blocks(threads int) []block {
	target := max(1, min(10_000, out.words/uint64(8*threads)))
	var list []block
	for _, p := range out.pieces {
		for from := p.from; from < p.to; {
			b := block{chunk: p.chunk, from: from, to: from}
			for b.to < p.to && b.words < target {
				b.words += uint64(p.chunk.length(b.to))
				b.to++
			}
			list = append(list, b)
			from = b.to
		}
	}
	return list
}

// share is the blocks that one thread takes first. Shares lie far apart in the text: near each other, threads would meet in the rows of the words that a text is
// about, and each such row has to travel from processor to processor.
type share struct {
	blocks []block
	next   atomic.Int64
	_      [64]byte // the next one's counter is not on the same cache line
}

// shares cuts blocks into as many ranges as there are threads.
func shares(blocks []block, threads int) []share {
	list := make([]share, threads)
	for i := range list {
		list[i].blocks = blocks[i*len(blocks)/threads : (i+1)*len(blocks)/threads]
	}
	return list
}

// take gives the next block of a thread's own share, in order; then one that another thread has not come to; then nil.
func take(list []share, own int) *block {
	for k := range list {
		s := &list[(own+k)%len(list)]
		if i := int(s.next.Add(1)) - 1; i < len(s.blocks) {
			return &s.blocks[i]
		}
	}
	return nil
}

// rates gives the learning rate: it falls from alpha to minAlpha with the words that are in the model, and those of this slice that have been begun.
type rates struct {
	alpha, minAlpha float32
	applied, total  uint64
}

func (r rates) at(words uint64) float32 {
	done := min(1, float64(r.applied+words)/float64(max(1, r.total)))
	return max(r.minAlpha, r.alpha-(r.alpha-r.minAlpha)*float32(done))
}

// trainSlice trains a slice with all seats: each thread takes a block after the other until there is none. A task that leaves ends its
// thread after the block at hand, and the others do the rest; complete is false if there are no others. One seat alone trains
// the records in their order.
func (t *training) trainSlice(s *slice, rows *word2vec.Matrices, r rates) (stats word2vec.Stats, complete bool) {
	seats := t.seats.all()
	blocks := s.blocks(max(1, len(seats)))
	list := shares(blocks, len(seats))
	var begun atomic.Uint64
	var done atomic.Int64
	var threads sync.WaitGroup
	for own, seat := range seats {
		threads.Go(func() {
			trainer := t.trainer()
			for !seat.gone() && t.ctx.Err() == nil {
				block := take(list, own)
				if block == nil {
					break
				}
				trainBlock(trainer, *block, rows, r, begun.Add(block.words)-block.words)
				t.words.Add(block.words)
				done.Add(1)
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			stats.Add(trainer.Stats())
			t.spare = append(t.spare, trainer)
		})
	}
	threads.Wait()
	return stats, int(done.Load()) == len(blocks)
}

func trainBlock(trainer *word2vec.Trainer, b block, rows *word2vec.Matrices, r rates, begun uint64) {
	for i := b.from; i < b.to; i++ {
		rec := b.chunk.record(i)
		trainer.Train(rec, rows, r.at(begun))
		begun += uint64(len(rec.Tokens))
	}
}
