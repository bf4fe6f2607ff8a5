// Package replica holds this worker's copy of the model between a pull and a push.
//
// For native word2vec (words.go) these are float32 rows that trainers change in place, with a base: the rows as pulled. A delta is
// rows − base. For any other model (versions.go) they are immutable versions that all tasks of the executor map.
package replica
