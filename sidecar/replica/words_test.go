package replica

import (
	"math/rand/v2"
	"slices"
	"testing"

	"deepdist/internal/bundle"
	"deepdist/internal/vec"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/word2vec"
)

// model is the server's side in the simplest form: rows, and the adding of deltas.
type model struct {
	dim     int
	version uint64
	tensors map[string][]float32
}

func newModel(size, dim int) *model {
	m := &model{dim: dim, version: 5, tensors: map[string][]float32{}}
	random := rand.New(rand.NewPCG(1, 1))
	for _, matrix := range settings(dim).Matrices(size) {
		for range matrix.Rows * dim {
			m.tensors[matrix.Name] = append(m.tensors[matrix.Name], random.Float32()-0.5)
		}
	}
	return m
}

// settings have all matrices that there are.
func settings(dim int) word2vec.Settings {
	return word2vec.Settings{VectorSize: dim, Hs: true, Negative: 5}
}

// pull answers in odd pieces, as a stream may.
func (m *model) pull(t *testing.T, w *Words) {
	t.Helper()
	rows, ifNot := w.Wanted()
	if err := w.Begin(psclient.Pulled{Version: m.version, Unchanged: ifNot == m.version}); err != nil {
		t.Fatal(err)
	}
	if ifNot != m.version {
		for i, r := range rows {
			values := m.tensors[r.Tensor]
			if r.Keys != nil {
				values = nil
				for _, k := range r.Keys {
					values = append(values, m.tensors[r.Tensor][int(k)*m.dim:(int(k)+1)*m.dim]...)
				}
			}
			bytes := bundle.Bytes(values)
			for at := 0; at < len(bytes); at += 22 {
				if err := w.Values(i, uint64(at), bytes[at:min(len(bytes), at+22)]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	w.Ready()
}

func (m *model) push(deltas []psclient.Delta) {
	for _, d := range deltas {
		for i := range d.Rows {
			key := i
			if d.Sparse {
				key = int(d.Keys[i])
			}
			vec.Add(m.tensors[d.Name][key*m.dim:(key+1)*m.dim], bundle.View[float32](slices.Clone(d.Values(i, i+1))))
		}
	}
	m.version++
}

// train changes some of the rows held, as trainers do.
func train(w *Words, random *rand.Rand) {
	m := w.Matrices()
	for _, rows := range [][]float32{m.Syn0, m.Syn1, m.Syn1neg} {
		for row := 0; row < len(rows)/m.Stride; row += 1 + random.IntN(3) {
			for i := range w.dim {
				rows[row*m.Stride+i] += random.Float32() - 0.5
			}
		}
	}
}

// equal compares the whole replica with the model, to the bit.
func equal(w *Words, m *model) bool {
	for _, p := range w.parts {
		for key := range p.size {
			at := key * w.stride
			if !slices.Equal(p.rows[at:at+w.dim], m.tensors[p.name][key*m.dim:(key+1)*m.dim]) {
				return false
			}
		}
	}
	return true
}

func TestAWholeReplicaStaysTheServersStateToTheBitWithoutAnotherPull(t *testing.T) {
	m, w := newModel(40, 19), NewWords(40, settings(19))
	defer w.Close()
	random := rand.New(rand.NewPCG(2, 2))
	w.HoldWhole()
	for range 20 {
		m.pull(t, w)
		if !equal(w, m) {
			t.Fatal("the replica is not the server's state")
		}
		train(w, random)
		m.push(w.Deltas())
		w.Settle(m.version)
		if _, ifNot := w.Wanted(); ifNot != m.version {
			t.Fatal("a replica that alone has pushed is pulled again")
		}
	}
}

func TestAReplicaIsPulledAgainWhenOthersHavePushed(t *testing.T) {
	m, w := newModel(10, 16), NewWords(10, settings(16))
	defer w.Close()
	w.HoldWhole()
	m.pull(t, w)
	train(w, rand.New(rand.NewPCG(1, 1)))
	m.push(w.Deltas())
	m.tensors["syn0"][3] += 1 // another worker's push
	m.version++
	w.Settle(m.version)
	if _, ifNot := w.Wanted(); ifNot != 0 {
		t.Fatal("a replica that lacks another worker's push is kept")
	}
	m.pull(t, w)
	if !equal(w, m) {
		t.Error("the replica is not the server's state")
	}
}

func needed(size int, syn0, syn1neg, syn1 []uint32) *word2vec.Needed {
	set := func(keys []uint32) *word2vec.KeySet {
		s := word2vec.NewKeySet(size)
		for _, key := range keys {
			s.Add(key)
		}
		return s
	}
	return &word2vec.Needed{Syn0: set(syn0), Syn1: set(syn1), Syn1neg: set(syn1neg)}
}

func TestASlicesRowsArePulledMappedAndPushedByKey(t *testing.T) {
	m, w := newModel(50, 20), NewWords(50, settings(20))
	defer w.Close()
	for _, keys := range [][3][]uint32{{{0, 7, 49}, {3}, {48}}, {{1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 49}, nil}, {{5}, nil, nil}} {
		before := slices.Clone(m.tensors["syn0"])
		w.Hold(needed(50, keys[0], keys[1], keys[2]))
		m.pull(t, w)
		rows := w.Matrices()
		for key, slot := range rows.Slot0 {
			held := slices.Contains(keys[0], uint32(key))
			if held != (slot >= 0) {
				t.Fatalf("key %d is held: %v, its slot is %d", key, held, slot)
			}
			if held && !slices.Equal(rows.Syn0[int(slot)*rows.Stride:int(slot)*rows.Stride+20], before[key*20:key*20+20]) {
				t.Fatalf("key %d has another row's values", key)
			}
		}
		for _, key := range keys[0] {
			rows.Syn0[int(rows.Slot0[key])*rows.Stride] += 1
		}
		m.push(w.Deltas())
		w.Settle(m.version)
		for key := range 50 {
			change := m.tensors["syn0"][key*20] - before[key*20]
			if held := slices.Contains(keys[0], uint32(key)); held != (change > 0.9) {
				t.Errorf("key %d is held: %v, and changed by %v", key, held, change)
			}
		}
	}
}

func TestUnchangedRowsAreNotPushed(t *testing.T) {
	m, w := newModel(30, 16), NewWords(30, settings(16))
	defer w.Close()
	w.HoldWhole()
	m.pull(t, w)
	w.Matrices().Syn0[4*w.stride] += 1
	deltas := w.Deltas()
	if len(deltas) != 1 || deltas[0].Name != "syn0" || !slices.Equal(deltas[0].Keys, []uint32{4}) {
		t.Errorf("%+v", deltas)
	}
}

func TestValuesThatWereNotAskedForAreRefused(t *testing.T) {
	w := NewWords(10, settings(16))
	defer w.Close()
	w.Hold(needed(10, []uint32{1, 2}, nil, nil))
	for _, c := range []struct {
		i      int
		offset uint64
		length int
	}{{0, 0, 129}, {0, 128, 1}, {1, 0, 1}, {0, 1 << 63, 64}, {-1, 0, 4}} {
		if err := w.Values(c.i, c.offset, make([]byte, c.length)); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestAReplicaThatWasClosedHoldsRowsAgain(t *testing.T) {
	m, w := newModel(20, 16), NewWords(20, settings(16))
	defer w.Close()
	for range 2 {
		w.HoldWhole()
		m.pull(t, w)
		if !equal(w, m) {
			t.Fatal("the replica is not the server's state")
		}
		w.Close()
		if w.Bytes() != 0 || w.Current() || w.Matrices().Syn0 != nil {
			t.Errorf("closed, yet it holds %d bytes", w.Bytes())
		}
		w.Hold(needed(20, []uint32{3, 4}, []uint32{5}, nil))
		m.pull(t, w)
		rows := w.Matrices()
		if at := int(rows.Slot0[4]) * rows.Stride; !slices.Equal(rows.Syn0[at:at+16], m.tensors["syn0"][4*16:5*16]) {
			t.Error("the slice's row is not the server's")
		}
		w.Close()
	}
}
