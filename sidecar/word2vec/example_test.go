package word2vec_test

import (
	"fmt"
	"slices"

	"deepdist/sidecar/word2vec"
)

// A slice, as the worker trains it: which rows do its records need, train those alone, and see what has changed.
func Example() {
	counts := []uint64{40, 30, 20, 10, 5, 5, 5, 5} // of a vocabulary of 8 words
	model, err := word2vec.New(word2vec.Settings{
		VectorSize: 4, Window: 2, Sg: true, Negative: 2, NsExponent: 0.75, Alpha: 0.025, MinAlpha: 0.0001, Epochs: 1, Seed: 1, ShrinkWindows: true,
	}, counts)
	if err != nil {
		fmt.Println(err)
		return
	}
	records := []word2vec.Record{{Index: 0, Tokens: []uint32{0, 3, 1}}, {Index: 1, Tokens: []uint32{3, 0}}}

	needed := model.NewNeeded()
	var scratch word2vec.Scratch
	for _, rec := range records {
		model.Need(rec, &scratch, needed)
	}
	fmt.Println("input rows needed:", needed.Syn0.Keys())

	rows := &word2vec.Matrices{Stride: word2vec.Stride(4)}
	for _, matrix := range model.Settings().Matrices(len(counts)) {
		keys := needed.Of(matrix.Name).Keys()
		floats, free := word2vec.AllocRows(len(keys), rows.Stride)
		defer free()
		slots := slices.Repeat([]int32{-1}, matrix.Rows)
		for slot, key := range keys {
			slots[key] = int32(slot)
			floats[slot*rows.Stride] = 1 // a row as it was pulled
		}
		rows.Put(matrix.Name, floats, slots)
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
