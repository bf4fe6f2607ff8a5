// Package psclient speaks to psserver: one method for each call of proto/deepdist/v1, in plain Go types. It is the only package of
// the sidecar that dials.
//
// Every call is safe to repeat, since pushes carry their cursors and commits their attempts. So a call that fails because the
// server can't be reached is repeated with growing pauses, for `patience`; then the server is given up, and that error (frame.Lost)
// is what every task of the session gets. A server that answers is never asked twice.
package psclient
