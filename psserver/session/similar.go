package session

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"deepdist/psserver/figures"
	"deepdist/psserver/store"
	"deepdist/psserver/vocabulary"
)

// block is how many rows of syn0 are compared at once: they stay in the cache between their product and their norms.
const block = 1024

// MostSimilar lists the words nearest to a word, by the cosine of their vectors as they are now.
func (s *Session) MostSimilar(word string, topn int) ([]figures.Neighbour, error) {
	v, syn0, err := s.vectors()
	if err != nil {
		return nil, err
	}
	id, ok := v.ID(word)
	if !ok {
		return nil, faultf(ErrUnknown, "%q is not in the vocabulary of %d words", word, v.Size())
	}
	query := make([]float32, syn0.RowBytes()/4)
	syn0.ReadRange(int(id), int(id)+1, bytesOf(query))
	return nearest(v, syn0, query, topn, int(id)), nil
}

// Nearest lists the words nearest to a vector.
func (s *Session) Nearest(vector []float32, topn int) ([]figures.Neighbour, error) {
	v, syn0, err := s.vectors()
	if err != nil {
		return nil, err
	}
	if dim := syn0.RowBytes() / 4; len(vector) != dim {
		return nil, faultf(ErrBadInput, "a vector of %d numbers; the model's have %d", len(vector), dim)
	}
	return nearest(v, syn0, vector, topn, -1), nil
}

func (s *Session) vectors() (*vocabulary.Vocabulary, *store.Tensor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.lastSettled()
	if w == nil {
		return nil, nil, faultf(ErrUnknown, "there are no word vectors yet")
	}
	return w.settled.Vocabulary, s.words.Get("syn0"), nil
}

// nearest computes cos(q, w) = q·w / (|q|·|w|) for all words, a block of rows at a time, and keeps the topn best but one.
func nearest(v *vocabulary.Vocabulary, syn0 *store.Tensor, query []float32, topn, but int) []figures.Neighbour {
	dim := len(query)
	q := blas32.Vector{N: dim, Inc: 1, Data: query}
	norm := blas32.Nrm2(q)
	best := []figures.Neighbour{}
	if norm == 0 || topn < 1 {
		return best
	}
	rows, dots := make([]float32, block*dim), make([]float32, block)
	for first := 0; first < v.Size(); first += block {
		n := min(block, v.Size()-first)
		syn0.ReadRange(first, first+n, bytesOf(rows[:n*dim]))
		blas32.Gemv(blas.NoTrans, 1, blas32.General{Rows: n, Cols: dim, Stride: dim, Data: rows}, q, 0, blas32.Vector{N: n, Inc: 1, Data: dots})
		for i := range n {
			length := blas32.Nrm2(blas32.Vector{N: dim, Inc: 1, Data: rows[i*dim : (i+1)*dim]})
			if first+i == but || length == 0 {
				continue
			}
			cosine := float64(dots[i]) / (float64(norm) * float64(length))
			if math.IsNaN(cosine) {
				continue
			}
			if len(best) < topn || cosine > best[len(best)-1].Cosine {
				at, _ := slices.BinarySearchFunc(best, cosine, func(b figures.Neighbour, c float64) int { return cmp.Compare(c, b.Cosine) })
				best = slices.Insert(best, at, figures.Neighbour{Word: v.Entries[first+i].Word, Cosine: cosine})
				best = best[:min(len(best), topn)]
			}
		}
	}
	return best
}
