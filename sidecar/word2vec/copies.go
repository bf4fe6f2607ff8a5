package word2vec

import (
	"math"
	"sync"
	"sync/atomic"

	"deepdist/internal/ranges"
	"deepdist/internal/vec"
)

// Copies are the rows once more for every cache beyond the first, where a machine's processors have several. Between processors without a common cache, rows that both
// train travel line by line, and two threads did no more than one; most of that is not a few hot rows. So threads train the copy of the cache that they run on:
//
//  1. Begin makes every copy equal to the shared rows, which the first cache's threads train themselves.
//  2. Threads call Copy.Train. From time to time that combines a band of rows, of words that are about equally frequent, with the shared
//     ones: shared += copy − base, then copy and base = shared. A band's turn comes when each of its rows has been trained so often that more would cost accuracy; so
//     frequent words are combined all the time, rare ones once in millions of words.
//  3. End combines all rows.
//
// A band is combined by one thread at a time, so that no copy's changes are lost. Otherwise the rows are Hogwild, as Matrices are.
//
// Measured, two threads, dim 100: without a common cache .88 of one thread's words per CPU second instead of .50; with one, .90 instead of 1. Analogies (17 million words,
// two seeds) by contextTurns and outputTurns: 8 and 128 37.1 %, 8 and 64 36.7, 16 and 64 36.7, 16 and 128 36.2, 32 and 256 35.7, shared rows 37.1.
// CBOW by 8 and 128: 28.2 with the mean, 22.1 with the sum; with shared rows 28.0 and 21.3.
type Copies struct {
	shared *Matrices
	parts  []copied
	list   []*Copy
	places [64]atomic.Int32 // by cache: which of the list it has, counted from 1; 0: none yet
	placed atomic.Int32     // how many caches have one
}

// MostCopies is how many caches have a copy of their own; what all have trained alone meanwhile is summed up, and must not be too much.
const MostCopies = 8

const (
	contextTurns = 8   // times that a word occurs until its row of syn0 is combined
	outputTurns  = 128 // windows that a row of syn1neg is trained in until then
	leastTrained = 256 // words that a thread trains at least until it asks whether a band is due
	bandRatio    = 1.5 // between the rates of a band's rows, up and down from the first
	mostBands    = 512 // an unsorted vocabulary has more: such has no copies
)

// copied is a matrix that has copies.
type copied struct {
	of    func(m *Matrices) *[]float32
	bands []*band
}

// band is rows [from, to) of a matrix, of words about equally frequent.
type band struct {
	mu       sync.Mutex // held while they are combined
	from, to int
	every    uint64 // words that a cache's threads train between two turns
}

// Copy is one cache's.
type Copy struct {
	copies *Copies
	rows   *Matrices
	base   [][]float32 // by part: the shared rows as the copy has last met them. None for the first cache's
	free   []func()

	trained atomic.Uint64 // words, by the cache's threads
	next    atomic.Uint64 // of those: when a band is due
	mu      sync.Mutex    // held by who combines bands
	due     [][]uint64    // by part and band
	gain    []float32     // scratch
}

// NewCopies returns so many copies, the shared rows among them, MostCopies at most; and no more than those if the model may not have any.
func (m *Model) NewCopies(count int) *Copies {
	c := &Copies{list: []*Copy{{}}}
	if count < 2 || !m.MayHaveCopies() {
		return c
	}
	c.parts = m.copied()
	for range min(count, MostCopies) - 1 {
		c.list = append(c.list, &Copy{copies: c, gain: make([]float32, piece)})
	}
	return c
}

// MayHaveCopies tells whether threads may train copies: not with hierarchical softmax, where accuracy with copies has not been measured, and not with an unsorted vocabulary.
func (m *Model) MayHaveCopies() bool {
	return m.settings.Negative > 0 && !m.settings.Hs && m.copied() != nil
}

// copied cuts the matrices into bands, once; nil if there are too many.
func (m *Model) copied() []copied {
	m.cut.Do(func() {
		occurs, predicted := m.rates()
		syn0, syn1neg := bands(occurs, contextTurns), bands(predicted, outputTurns)
		if len(syn0) <= mostBands && len(syn1neg) <= mostBands {
			m.parts = []copied{
				{of: func(m *Matrices) *[]float32 { return &m.Syn0 }, bands: syn0},
				{of: func(m *Matrices) *[]float32 { return &m.Syn1neg }, bands: syn1neg},
			}
		}
	})
	return m.parts
}

// CopyBytes is what so many copies take beside the shared rows: the rows, and the base of each.
func (m *Model) CopyBytes(count int) (bytes uint64) {
	for _, matrix := range m.settings.Matrices(m.words) {
		bytes += 2 * 4 * uint64(matrix.Rows) * uint64(Stride(m.settings.VectorSize))
	}
	return bytes * uint64(min(count, MostCopies)-1)
}

// rates are how often, per word of the text, each word occurs after subsampling, and how often it is the center or a negative of a window.
func (m *Model) rates() (occurs, predicted []float64) {
	total, kept := 0.0, 0.0
	for _, n := range m.counts {
		total += float64(n)
	}
	occurs, predicted = make([]float64, m.words), make([]float64, m.words)
	for i, n := range m.counts {
		occurs[i] = float64(n) / total * float64(m.keep[i]) / math.MaxUint32
		kept += occurs[i]
	}
	each := kept * float64(m.settings.Negative) / float64(m.words) // a cell of the table is drawn
	for i, cell := range m.negatives {
		own := float64(cell.Cut) / (1 << 32)
		predicted[i] += own * each
		predicted[cell.Other] += (1 - own) * each
	}
	for i := range predicted {
		predicted[i] += occurs[i]
	}
	return occurs, predicted
}

// bands cuts rows into bands by their rates.
func bands(rates []float64, turns float64) (list []*band) {
	for from := 0; from < len(rates); {
		to, most := from, 0.0
		for ; to < len(rates) && rates[to] <= rates[from]*bandRatio && rates[to]*bandRatio >= rates[from]; to++ {
			most = max(most, rates[to])
		}
		every := uint64(math.MaxInt64)
		if most > turns/math.MaxInt64 {
			every = uint64(turns / most)
		}
		list = append(list, &band{from: from, to: to, every: every})
		from = to
	}
	return list
}

// Begin makes all copies equal to the rows.
func (c *Copies) Begin(shared *Matrices) {
	c.shared = shared
	for i := range c.places {
		c.places[i].Store(0)
	}
	c.placed.Store(0)
	for cache, own := range c.list {
		if cache == 0 {
			own.rows = shared
			continue
		}
		own.reserve(shared)
		for i, part := range c.parts {
			from, rows, base := *part.of(shared), *part.of(own.rows), own.base[i]
			ranges.Each(len(from), func(_, first, end int) {
				copy(rows[first:end], from[first:end])
				copy(base[first:end], from[first:end])
			})
		}
	}
}

// reserve makes room for the rows, and sets all bands' times.
func (o *Copy) reserve(shared *Matrices) {
	parts := o.copies.parts
	if o.rows == nil {
		o.rows = &Matrices{Stride: shared.Stride}
		for _, part := range parts {
			n := len(*part.of(shared)) / shared.Stride
			rows, freeRows := AllocRows(n, shared.Stride)
			base, freeBase := AllocRows(n, shared.Stride)
			*part.of(o.rows) = rows
			o.base, o.free = append(o.base, base), append(o.free, freeRows, freeBase)
			o.due = append(o.due, make([]uint64, len(part.bands)))
		}
	}
	now := o.trained.Load()
	for i, part := range parts {
		for k, band := range part.bands {
			o.due[i][k] = now + band.every
		}
	}
	o.next.Store(0)
}

// Count is how many copies there are, the shared rows among them.
func (c *Copies) Count() int { return len(c.list) }

// Of is the copy of a cache: caches get them in the order in which they are asked for, since fewer threads than caches may be at work.
func (c *Copies) Of(cache int) *Copy {
	if len(c.list) == 1 {
		return c.list[0]
	}
	place := &c.places[cache%len(c.places)]
	if place.Load() == 0 {
		place.CompareAndSwap(0, c.placed.Add(1))
	}
	return c.list[int(place.Load()-1)%len(c.list)]
}

// Rows are what the cache's threads train.
func (o *Copy) Rows() *Matrices { return o.rows }

// Train takes one step of training on the rows for every window of the record, and now and then combines the bands that are due with the shared rows.
func (o *Copy) Train(t *Trainer, rec Record, alpha float32) {
	t.Train(rec, o.rows, alpha)
	if t.untold += uint64(len(rec.Tokens)); t.untold >= leastTrained {
		o.tell(t.untold)
		t.untold = 0
	}
}

// tell notes that a thread of the cache has trained so many more words, and combines the bands that are due.
func (o *Copy) tell(words uint64) {
	if o.base == nil {
		return
	}
	now := o.trained.Add(words)
	if now < o.next.Load() || !o.mu.TryLock() {
		return
	}
	defer o.mu.Unlock()
	next := uint64(math.MaxUint64)
	for i, part := range o.copies.parts {
		for k, band := range part.bands {
			due := &o.due[i][k]
			if now >= *due && band.mu.TryLock() { // if another cache has it now: the next time
				o.combine(i, band.from, band.to, o.gain)
				band.mu.Unlock()
				*due = now + band.every
			}
			next = min(next, *due)
		}
	}
	o.next.Store(next)
}

// End brings the shared rows what every copy has learnt. Nobody trains meanwhile.
func (c *Copies) End() {
	for _, own := range c.list[1:] {
		for i, part := range c.parts {
			ranges.Each(len(*part.of(c.shared))/c.shared.Stride, func(_, first, end int) { own.combine(i, first, end, make([]float32, piece)) })
		}
	}
}

// piece is so many floats that they stay in the nearest cache.
const piece = 1024

// combine adds to the shared rows [from, to) of a part what the copy has learnt, and takes over the sum.
func (o *Copy) combine(i, from, to int, gain []float32) {
	o.rows.lock()
	defer o.rows.unlock()
	o.copies.shared.lock()
	defer o.copies.shared.unlock()
	part, stride := o.copies.parts[i], o.rows.Stride
	all, rows, base := *part.of(o.copies.shared), *part.of(o.rows), o.base[i]
	for at := from * stride; at < to*stride; at += piece {
		end := min(at+piece, to*stride)
		shared, own, before, gain := all[at:end], rows[at:end], base[at:end], gain[:end-at]
		vec.Sub(gain, own, before)
		vec.Add(shared, gain)
		copy(gain, shared) // once: threads of the first cache may be training it
		copy(own, gain)
		copy(before, gain)
	}
}

// Bytes is the memory that the copies take.
func (c *Copies) Bytes() (bytes uint64) {
	for _, own := range c.list {
		for i, base := range own.base {
			bytes += 4 * uint64(len(base)+len(*c.parts[i].of(own.rows)))
		}
	}
	return bytes
}

// Close gives the memory back; Begin takes it again.
func (c *Copies) Close() {
	for _, own := range c.list {
		for _, free := range own.free {
			free()
		}
		own.rows, own.base, own.free, own.due = nil, nil, nil, nil
	}
}
