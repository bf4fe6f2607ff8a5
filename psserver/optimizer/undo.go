package optimizer

import (
	"fmt"

	"deepdist/internal/bundle"
	"deepdist/internal/vec"
)

// saved is what the rows of a tensor were like that a gradient is about to change.
type saved struct {
	tensor *bundle.Tensor
	keys   []uint32 // nil: all rows
	width  int      // bytes of a row, or of all
	rows   []byte
}

// save copies the rows of t, which has n, into the memory of an earlier copy.
func (s *saved) save(t *bundle.Tensor, n int, keys []uint32) {
	s.tensor, s.keys, s.width, s.rows = t, keys, len(t.Data), s.rows[:0]
	if keys != nil && n > 0 {
		s.width /= n
	}
	s.each(func(_ int, now []byte) { s.rows = append(s.rows, now...) })
}

func (s *saved) restore() {
	s.each(func(i int, now []byte) { copy(now, s.rows[i*s.width:]) })
}

// each visits the rows as they are now, or all at once.
func (s *saved) each(visit func(i int, now []byte)) {
	if s.keys == nil {
		visit(0, s.tensor.Data)
		return
	}
	for i, key := range s.keys {
		visit(i, s.tensor.Data[int(key)*s.width:][:s.width])
	}
}

// check errs if a number is NaN or infinite that was not before: a model may have infinities of its own, like bounds and masks.
func (s *saved) check() (err error) {
	s.each(func(i int, now []byte) {
		if err == nil && len(now) > 0 {
			if s.tensor.DType == "float32" {
				err = worse(s.tensor.Name, bundle.View[float32](now), bundle.View[float32](s.rows[i*s.width:][:s.width]), vec.AllFinite)
			} else {
				err = worse(s.tensor.Name, bundle.View[float64](now), bundle.View[float64](s.rows[i*s.width:][:s.width]), nil)
			}
		}
	})
	return err
}

func worse[T float](name string, now, before []T, allFinite func([]T) bool) error {
	if allFinite != nil && allFinite(now) {
		return nil
	}
	for i, x := range now {
		if x-x != 0 && before[i]-before[i] == 0 { // ∞−∞ is NaN
			return fmt.Errorf("%q would become %v, from %v", name, x, before[i])
		}
	}
	return nil
}
