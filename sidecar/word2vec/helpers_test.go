package word2vec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"deepdist/internal/vec"
)

// defaults are word2vec's settings for skip-gram, and vectors of 20.
func defaults() Settings {
	return Settings{VectorSize: 20, Window: 5, Sg: true, CbowMean: true, Negative: 5, Sample: 1e-4, NsExponent: 0.75, Alpha: 0.025, MinAlpha: 0.0001, Epochs: 1, Seed: 1, ShrinkWindows: true}
}

func newModel(t testing.TB, s Settings, counts []uint64) *Model {
	t.Helper()
	m, err := New(s, counts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// modes are word2vec's, by what sets them apart from defaults.
var modes = map[string]func(*Settings){
	"skip-gram, negative sampling":      func(s *Settings) {},
	"skip-gram, hierarchical softmax":   func(s *Settings) { s.Hs, s.Negative = true, 0 },
	"skip-gram, both":                   func(s *Settings) { s.Hs = true },
	"CBOW mean, negative sampling":      func(s *Settings) { s.Sg = false },
	"CBOW sum, negative sampling":       func(s *Settings) { s.Sg, s.CbowMean = false, false },
	"CBOW mean, hierarchical softmax":   func(s *Settings) { s.Sg, s.Hs, s.Negative = false, true, 0 },
	"CBOW sum, hierarchical softmax":    func(s *Settings) { s.Sg, s.CbowMean, s.Hs, s.Negative = false, false, true, 0 },
	"CBOW mean, both":                   func(s *Settings) { s.Sg, s.Hs = false, true },
	"CBOW sum, both":                    func(s *Settings) { s.Sg, s.CbowMean, s.Hs = false, false, true },
	"skip-gram, more negatives at once": func(s *Settings) { s.Negative = 13 },
}

// eachMode runs the test with every mode.
func eachMode(t *testing.T, test func(t *testing.T, settings Settings)) {
	for name, change := range modes {
		t.Run(name, func(t *testing.T) {
			settings := defaults()
			change(&settings)
			test(t, settings)
		})
	}
}

// eachModeAndKernel runs the test with every mode and kernel.
func eachModeAndKernel(t *testing.T, test func(t *testing.T, settings Settings)) {
	eachMode(t, func(t *testing.T, settings Settings) {
		eachKernel(t, func(t *testing.T) { test(t, settings) })
	})
}

// startRows are rows as word2vec starts them: syn0 uniform in ±0.5/size, the others zero.
func startRows(m *Model, words int) *Matrices {
	size := m.settings.VectorSize
	rows := &Matrices{Stride: Stride(size)}
	for _, matrix := range m.settings.Matrices(words) {
		rows.Put(matrix.Name, alignedRows(matrix.Rows*Stride(size)), nil)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for w := range words {
		scatter(r, rows.row0(w)[:size], 0.5/float32(size))
	}
	return rows
}

// trainedRows are rows as they may look in the middle of a training: none is zero.
func trainedRows(m *Model, words int) *Matrices {
	rows := startRows(m, words)
	r := rand.New(rand.NewPCG(5, 6))
	for _, floats := range rows.all() {
		for at := 0; at < len(floats); at += rows.Stride {
			scatter(r, floats[at:][:m.settings.VectorSize], 0.7)
		}
	}
	return rows
}

func scatter(r *rand.Rand, row []float32, width float32) {
	for i := range row {
		row[i] = (2*r.Float32() - 1) * width
	}
}

func (m *Matrices) row0(row int) []float32 { return m.Syn0[row*m.Stride:][:m.Stride] }
func (m *Matrices) row1(row int) []float32 { return m.Syn1neg[row*m.Stride:][:m.Stride] }

// all are the matrices that there are.
func (m *Matrices) all() map[string][]float32 {
	return map[string][]float32{"syn0": m.Syn0, "syn1": m.Syn1, "syn1neg": m.Syn1neg}
}

func (m *Matrices) clone() *Matrices {
	c := &Matrices{Stride: m.Stride}
	c.Put("syn0", slices.Clone(m.Syn0), m.Slot0)
	c.Put("syn1", slices.Clone(m.Syn1), m.Slot1)
	c.Put("syn1neg", slices.Clone(m.Syn1neg), m.Slot1neg)
	return c
}

// equal compares every bit.
func (m *Matrices) equal(other *Matrices) bool {
	return slices.Equal(m.Syn0, other.Syn0) && slices.Equal(m.Syn1, other.Syn1) && slices.Equal(m.Syn1neg, other.Syn1neg)
}

// zipfText is a vocabulary with Zipf's frequencies and sentences drawn from it.
func zipfText(words, sentences, length int) (records []Record, counts []uint64) {
	r := rand.New(rand.NewPCG(7, uint64(words)))
	zipf := rand.NewZipf(r, 1.2, 2, uint64(words-1))
	counts = make([]uint64, words)
	for i := range counts {
		counts[i] = 1
	}
	for i := range sentences {
		tokens := make([]uint32, r.IntN(length+1))
		for j := range tokens {
			tokens[j] = uint32(zipf.Uint64())
			counts[tokens[j]]++
		}
		records = append(records, Record{Epoch: uint32(i % 3), Partition: uint32(i % 5), Index: uint64(i), Tokens: tokens})
	}
	return records, counts
}

// eachKernel runs the test with every kernel that runs here.
func eachKernel(t *testing.T, test func(t *testing.T)) {
	for _, name := range vec.Names() {
		t.Run(name, func(t *testing.T) {
			if err := vec.Use(name); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = vec.Use(vec.Auto) }()
			test(t)
		})
	}
}
