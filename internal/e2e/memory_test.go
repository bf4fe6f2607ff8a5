package e2e

import (
	"testing"

	"deepdist/psserver/vocabulary"
	"deepdist/sidecar/replica"
	"deepdist/sidecar/word2vec"
)

// The server refuses what does not fit, the worker shortens its slices: both by the same number.
func TestServerAndWorkerAgreeOnTheReplicasMemory(t *testing.T) {
	entries := make([]vocabulary.Entry, 1000)
	for i := range entries {
		entries[i] = vocabulary.Entry{Word: string(rune('a' + i)), Count: 1}
	}
	v, err := vocabulary.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, dim := range []int{1, 16, 100, 300} {
		settings := word2vec.Settings{VectorSize: dim, Negative: 5}
		need, err := vocabulary.Estimate(v, dim, len(settings.Matrices(v.Size())))
		if err != nil {
			t.Fatal(err)
		}
		if most := replica.MostBytes(v.Size(), settings); need.Replica != most {
			t.Errorf("dim %d: the server estimates %d bytes, the worker %d", dim, need.Replica, most)
		}
		rows := replica.NewWords(v.Size(), settings)
		rows.HoldWhole()
		if need.Replica != rows.Bytes() {
			t.Errorf("dim %d: estimated %d bytes, held %d", dim, need.Replica, rows.Bytes())
		}
		rows.Close()
	}
}
