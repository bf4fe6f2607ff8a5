// Package lint holds the rules of the house, as ordinary tests: who may import whom, who may dial and listen, which words name
// things, that code is formatted and vetted. It has no code of its own. The rules read the tree as `go list` sees it, so a new
// package is under them from its first day; a rule that names a package fails when that package is gone.
package lint
