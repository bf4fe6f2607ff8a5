// Package shim is the sidecar's door: a Unix socket that the tasks of this executor connect to. It is the only package of the
// sidecar that listens.
//
// A stream is one connection and one operation, named by its HELLO; each has a file here: ingest, read, train, gradient, end, ping.
// The first HELLO of a session joins it; later ones must bring the same token. The sessions' table is in sessions.go.
package shim
