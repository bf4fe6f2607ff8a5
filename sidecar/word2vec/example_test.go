package word2vec_test

import (
	"fmt"

	"deepdist/sidecar/word2vec"
)

// A slice, as the worker trains it: which rows do its records need, train those alone, and see what has changed.
func Example() {
	counts := []uint64{40, 30, 20, 10, 5, 5, 5, 5} // of a vocabulary of 8 words
	model, err := word2vec.New(word2vec.Settings{
		VectorSize: 4, Window: 2, Negative: 2, NsExponent: 0.75, Alpha: 0.025, MinAlpha: 0.0001, Epochs: 1, Seed: 1, ShrinkWindows: true,
	}, counts)
	if err != nil {
		fmt.Println(err)
		return
	}
	records := []word2vec.Record{{Index: 0, Tokens: []uint32{0, 3, 1}}, {Index: 1, Tokens: []uint32{3, 0}}}

	syn0, syn1neg := word2vec.NewKeySet(len(counts)), word2vec.NewKeySet(len(counts))
	var scratch word2vec.Scratch
	for _, rec := range records {
		model.Need(rec, &scratch, syn0, syn1neg)
	}
	fmt.Println("input rows needed:", syn0.Keys())

	rows := &word2vec.Matrices{Stride: word2vec.Stride(4), Slot0: make([]int32, len(counts)), Slot1: make([]int32, len(counts))}
	for _, matrix := range []struct {
		keys  *word2vec.KeySet
		slots []int32
		rows  *[]float32
	}{{syn0, rows.Slot0, &rows.Syn0}, {syn1neg, rows.Slot1, &rows.Syn1neg}} {
		var free func()
		*matrix.rows, free = word2vec.AllocRows(matrix.keys.Len(), rows.Stride)
		defer free()
		for i := range matrix.slots {
			matrix.slots[i] = -1
		}
		for slot, key := range matrix.keys.Keys() {
			matrix.slots[key] = int32(slot)
			(*matrix.rows)[slot*rows.Stride] = 1 // a row as it was pulled
		}
	}

	trainer := word2vec.NewTrainer(model)
	for _, rec := range records {
		trainer.Train(rec, rows, 0.025)
	}
	stats := trainer.Stats()
	fmt.Println("words:", stats.Words, "changed:", rows.Syn0[0] != 1)
	// Output:
	// input rows needed: [0 1 3]
	// words: 5 changed: true
}
