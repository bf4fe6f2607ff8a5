package worker

import (
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

// pace gives each block of a slice the learning rates from the words that have been begun before it.
type pace struct {
	rates
	begun atomic.Uint64
}

func (p *pace) begin(words uint64) rates {
	r := p.rates
	r.applied += p.begun.Add(words) - words
	return r
}

// trainSlice trains a slice with all seats, also those that tasks take meanwhile: each thread takes a block after the other until there is none. A task that leaves ends
// its thread after the block at hand, and the others do the rest; complete is false if there are no others. One seat alone trains the records in their order.
func (t *training) trainSlice(s *slice, rows *word2vec.Matrices, r rates) (stats word2vec.Stats, complete bool) {
	seats, more := t.seats.all()
	blocks := s.blocks(max(1, len(seats)))
	list, pace := shares(blocks, len(seats)), &pace{rates: r}
	var done atomic.Int64
	ended := make(chan word2vec.Stats)
	begin := func(own int, seat *Seat) {
		trainer := t.trainer()
		for !seat.gone() && t.ctx.Err() == nil {
			block := take(list, own)
			if block == nil {
				break
			}
			trainBlock(trainer, *block, rows, pace.begin(block.words))
			t.words.Add(block.words)
			done.Add(1)
		}
		stats := trainer.Stats()
		t.giveBack(trainer)
		ended <- stats
	}
	seated, running := map[*Seat]bool{}, 0
	for {
		for _, seat := range seats {
			if !seated[seat] {
				go begin(len(seated)%len(list), seat)
				seated[seat] = true
				running++
			}
		}
		if running == 0 {
			return stats, int(done.Load()) == len(blocks)
		}
		select {
		case s := <-ended:
			stats.Add(s)
			running--
		case <-more:
		}
		seats, more = t.seats.all()
	}
}

func trainBlock(trainer *word2vec.Trainer, b block, rows *word2vec.Matrices, r rates) {
	words := uint64(0)
	for i := b.from; i < b.to; i++ {
		rec := b.chunk.record(i)
		trainer.Train(rec, rows, r.at(words))
		words += uint64(len(rec.Tokens))
	}
}
