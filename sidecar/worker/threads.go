package worker

import (
	"sync/atomic"

	"deepdist/internal/ranges"
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
	// Shares lie far apart in the text: near each other, threads would meet in the rows of the words that a text is about, and each such row has to travel from
	// processor to processor.
	shares, rate := ranges.NewShares(len(blocks), len(seats)), &pace{rates: r}
	var done atomic.Int64
	ended := make(chan word2vec.Stats)
	copies := t.spread(s, len(seats), rows)
	thread := func(own int, seat *Seat) {
		trainer := t.trainer()
		for !seat.gone() && t.ctx.Err() == nil {
			i, ok := shares.Take(own)
			if !ok {
				break
			}
			trainBlock(trainer, blocks[i], copies.here(), rate.begin(blocks[i].words))
			t.words.Add(blocks[i].words)
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
				go thread(len(seated)%len(shares), seat)
				seated[seat] = true
				running++
			}
		}
		if running == 0 {
			copies.End()
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

func trainBlock(trainer *word2vec.Trainer, b block, own *word2vec.Copy, r rates) {
	words := uint64(0)
	for i := b.from; i < b.to; i++ {
		rec := b.chunk.record(i)
		own.Train(trainer, rec, r.at(words))
		words += uint64(len(rec.Tokens))
	}
}
