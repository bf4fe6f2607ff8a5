// Package version names this build and the protocol that it speaks. Both binaries and the Python package carry the same pair;
// ends that differ part with an error that names both.
package version

const (
	// Protocol is the number in every first message of every wire (proto/README.md).
	Protocol = 1
	// Build is the version of the release.
	Build = "0.1.0"
)
