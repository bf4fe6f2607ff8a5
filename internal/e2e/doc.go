// Package e2e tests the two programs together, as users run them: it builds psserver and deepdist-sidecar, starts them as processes,
// and speaks to both as the Python package does, in frames over their Unix sockets. Everything is real but Spark.
//
// harness_test.go has the processes and the clients; every other file tells one kind of story.
package e2e
