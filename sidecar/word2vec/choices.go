package word2vec

import "deepdist/internal/vec"

// Scratch holds the random choices for one record: which tokens stay, how far each window reaches and against which negatives it is trained.
// Its zero value is ready; it grows to the longest record seen and is used by one goroutine.
type Scratch struct {
	kept   []uint32 // tokens after subsampling; empty if fewer than two stay, since a word alone has no context
	radius []int32  // of the window around kept[i]
	outs   []uint32 // output words, equally many for each window: the center, then its negatives, one of which may be the center again
	plain  []bool   // the output words of kept[i] are vec.MaxOuts, and all differ
	drawn  []uint32 // the negatives alone

	survivors int // tokens that subsampling kept, also of records too short to train
}

// choose fills the scratch. Need and Train both start here, and so agree.
func (m *Model) choose(rec Record, s *Scratch) {
	r := newRandom(m.settings.Seed, rec)
	s.kept = resize(s.kept, len(rec.Tokens))
	s.survivors = r.Thin(s.kept, rec.Tokens, m.keep)
	s.kept = s.kept[:s.survivors]
	if s.survivors < 2 {
		s.kept = s.kept[:0]
	}
	s.widths(m.settings, &r)
	s.outs = s.outs[:0]
	if m.settings.Negative > 0 {
		s.opponents(m.negatives, m.settings.Negative, &r)
	}
}

// widths draws the windows' radii.
func (s *Scratch) widths(settings Settings, r *vec.Random) {
	s.radius = resize(s.radius, len(s.kept))
	radius, random := s.radius, *r // what lies behind a pointer would be written and read again at each turn
	for i := range radius {
		radius[i] = int32(settings.Window)
		if settings.ShrinkWindows {
			radius[i] = 1 + int32(random.Below(uint64(settings.Window)))
		}
	}
	*r = random
}

// opponents draws so many negatives for every window and lists them behind its center.
func (s *Scratch) opponents(table []vec.Cell, count int, r *vec.Random) {
	s.drawn = resize(s.drawn, len(s.kept)*count)
	r.Draw(s.drawn, table)
	s.outs = resize(s.outs, len(s.kept)*(1+count)+vec.OpponentsMargin)
	s.plain = resize(s.plain, len(s.kept))
	if count == vec.MaxOuts-1 {
		vec.Opponents(s.outs, s.plain, s.kept, s.drawn)
	} else {
		clear(s.plain)
		for i, center := range s.kept {
			s.outs[i*(1+count)] = center
			copy(s.outs[i*(1+count)+1:], s.drawn[i*count:][:count])
		}
	}
	s.outs = s.outs[:len(s.kept)*(1+count)]
}

// resize gives a slice of length n, of what memory there is if that is enough.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
