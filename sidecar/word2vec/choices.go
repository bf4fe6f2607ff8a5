package word2vec

// Scratch holds the random choices for one record: which tokens stay, how far each window reaches and against which negatives it is trained.
// Its zero value is ready; it grows to the longest record seen and is used by one goroutine.
type Scratch struct {
	kept   []uint32 // tokens after subsampling; empty if fewer than two stay, since a word alone has no context
	radius []int32  // of the window around kept[i]
	outs   []uint32 // output words window by window: the center, then its negatives
	ends   []int32  // outs[ends[i]:ends[i+1]] belong to kept[i]

	survivors int // tokens that subsampling kept, also of records too short to train
}

// choose fills the scratch. Need and Train both start here, and so agree.
func (m *Model) choose(rec Record, s *Scratch) {
	r := newRandom(m.settings.Seed, rec)
	s.thin(m.keep, rec.Tokens, &r)
	s.widths(m.settings, &r)
	s.outs = s.outs[:0]
	if m.settings.Negative > 0 {
		s.opponents(m.negatives, m.settings.Negative, &r)
	}
}

// thin keeps each token with its word's probability. It always writes and sometimes advances, which spares a branch that no processor could predict.
func (s *Scratch) thin(keep []uint32, tokens []uint32, r *random) {
	s.kept = resize(s.kept, len(tokens))
	n := 0
	for _, token := range tokens {
		s.kept[n] = token
		if uint32(r.next()>>32) <= keep[token] {
			n++
		}
	}
	s.survivors = n
	if n < 2 {
		n = 0
	}
	s.kept = s.kept[:n]
}

// widths draws the windows' radii.
func (s *Scratch) widths(settings Settings, r *random) {
	s.radius = resize(s.radius, len(s.kept))
	for i := range s.radius {
		s.radius[i] = int32(settings.Window)
		if settings.ShrinkWindows {
			s.radius[i] = 1 + int32(r.below(uint64(settings.Window)))
		}
	}
}

// opponents lists the center and its negatives for every window. A negative that equals the center is left out.
func (s *Scratch) opponents(table negatives, count int, r *random) {
	s.outs = resize(s.outs, len(s.kept)*(1+count))
	s.ends = resize(s.ends, len(s.kept)+1)
	n := 0
	for i, center := range s.kept {
		s.ends[i] = int32(n)
		s.outs[n] = center
		n++
		for range count {
			negative := table.draw(r)
			s.outs[n] = negative
			if negative != center {
				n++
			}
		}
	}
	s.ends[len(s.kept)] = int32(n)
	s.outs = s.outs[:n]
}

// resize gives a slice of length n, of what memory there is if that is enough.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
