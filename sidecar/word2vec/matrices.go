package word2vec

// Matrices are the rows that trainers change: the whole vocabulary's, or those that a slice needs.
//
// They are Hogwild: any number of Trainers call Train on the same Matrices at once, and no lock orders their reads and writes. An addition may be lost
// when two threads change the same element in the same nanoseconds; training forgives that. What must hold nevertheless:
//
//  1. Nobody reads or writes the rows from elsewhere while a Train runs, and whoever does so before or after is ordered by a goroutine's start and end.
//  2. The slots do not change while a Train runs.
//  3. Elements are aligned float32, written whole, so that a reader sees an old or a new value and never a mixture.
//
// Builds with the race detector train under a lock instead, since the detector cannot know that these races are meant.
type Matrices struct {
	Syn0, Syn1, Syn1neg    []float32
	Stride                 int     // floats from row to row: Stride(vector size); the floats beyond a vector are 0 and stay 0
	Slot0, Slot1, Slot1neg []int32 // Slot0[key] is the row of key in Syn0, negative if it is not there; nil: row = key

	hogwild
}

// Stride is the room for a row of the given vector size: whole cache lines of 16 floats.
func Stride(vectorSize int) int { return (vectorSize + 15) &^ 15 }

// Matrix is one of the matrices that a training changes, by the name that word2vec and gensim know it by.
type Matrix struct {
	Name string
	Rows int
}

// Matrices lists those of a training of so many words: their vectors, the inner nodes of the tree, the outputs of negative sampling.
func (s Settings) Matrices(words int) []Matrix {
	list := []Matrix{{"syn0", words}}
	if s.Hs {
		list = append(list, Matrix{"syn1", max(0, words-1)})
	}
	if s.Negative > 0 {
		list = append(list, Matrix{"syn1neg", words})
	}
	return list
}

// Put makes these the rows of the matrix of that name.
func (m *Matrices) Put(name string, rows []float32, slots []int32) {
	switch name {
	case "syn0":
		m.Syn0, m.Slot0 = rows, slots
	case "syn1":
		m.Syn1, m.Slot1 = rows, slots
	case "syn1neg":
		m.Syn1neg, m.Slot1neg = rows, slots
	default:
		panic("there is no matrix " + name)
	}
}
