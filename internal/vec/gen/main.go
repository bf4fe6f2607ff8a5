// The generator of internal/vec's assembly. It has a go.mod of its own, so that avo is no dependency of DeepDist.
// Run `go generate ./internal/vec` at the root of the repository; the same generator gives the same bytes.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("amd64,!purego")
	constants()
	for _, v := range []wide{zmm, ymm} {
		for columns := 1; columns <= maxOuts; columns++ {
			window(v, columns)
		}
		pair(v)
		gather(v)
		spread(v)
		draw(v)
		if v.floats == 16 {
			thin(v)
			opponents(v)
			offsets(v)
		}
		add(v)
		sub(v)
		allFinite(v)
		peak(v)
	}
	Generate()
}

const (
	// The layout of vec.Grid, in bytes.
	maxOuts    = 6
	maxIns     = 32
	scoreLeft  = 0
	scoreRight = scoreLeft + maxIns*4*4
	errorLeft  = scoreRight + maxIns*2*4
	errorRight = errorLeft + maxIns*4*4
)
