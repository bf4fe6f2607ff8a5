package word2vec

import (
	"math/rand/v2"
	"testing"

	"deepdist/internal/vec"
)

// defaults are word2vec's settings, for vectors of 20.
func defaults() Settings {
	return Settings{VectorSize: 20, Window: 5, Negative: 5, Sample: 1e-4, NsExponent: 0.75, Alpha: 0.025, MinAlpha: 0.0001, Epochs: 1, Seed: 1, ShrinkWindows: true}
}

func newModel(t testing.TB, s Settings, counts []uint64) *Model {
	t.Helper()
	m, err := New(s, counts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// startRows are rows as word2vec starts them: syn0 uniform in ±0.5/size, syn1neg zero.
func startRows(m *Model, words int) *Matrices {
	size := m.settings.VectorSize
	rows := &Matrices{Syn0: alignedRows(words * Stride(size)), Syn1neg: alignedRows(words * Stride(size)), Stride: Stride(size)}
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
	for w := range words {
		scatter(r, rows.row0(w)[:m.settings.VectorSize], 0.7)
		scatter(r, rows.row1(w)[:m.settings.VectorSize], 0.7)
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

func (m *Matrices) clone() *Matrices {
	return &Matrices{Syn0: append([]float32(nil), m.Syn0...), Syn1neg: append([]float32(nil), m.Syn1neg...), Stride: m.Stride, Slot0: m.Slot0, Slot1: m.Slot1}
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
			defer func() { _ = vec.Use("") }()
			test(t)
		})
	}
}
