//go:build race

package e2e

// With the race detector on, the programs are built with it too.
func init() { buildFlags = []string{"-race"} }
