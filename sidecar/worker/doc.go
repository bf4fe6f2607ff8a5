// Package worker is this sidecar's part in a session: a worker, in the words of the protocol. It joins, reports, ingests
// partitions, trains slices and forwards gradients, for any number of tasks at once.
//
// Native training is one loop per training, in worker.go, which is the place to begin reading. Around it:
//
//	session.go   joining, the report of every second, and how everything ends
//	ingest.go    rows → spool → counts to the server
//	seat.go      a task that lends its core: as many threads train as there are seats
//	feed.go      spools → chunks of translated records, read ahead of the loop
//	slice.go     chunks → one slice, and its cursors
//	threads.go   one slice, trained by all seats
//	gradient.go  any model: versions and pushes
//
// A worker ends for one of three reasons: its session is over, psserver does not answer any more, or the sidecar stops. In
// each case its context ends with that reason as the cause, and the cause is the error that every task gets.
package worker
