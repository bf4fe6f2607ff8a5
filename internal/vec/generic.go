package vec

import "math"

func addGeneric(y, x []float32) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] += v
	}
}

func subGeneric(delta, x, base []float32) {
	x, base = x[:len(delta)], base[:len(delta)]
	for i := range delta {
		delta[i] = x[i] - base[i]
	}
}

// allFiniteGeneric looks for an exponent of all ones, which only infinities and NaNs have.
func allFiniteGeneric(x []float32) bool {
	const exponent = 0xff << 23
	for _, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return false
		}
	}
	return true
}

func peakGeneric() int {
	const rounds = 4096
	eightSums(0, rounds)
	return rounds * 8 * 2
}

// eightSums has eight chains, since one would measure how long an addition takes and not how many fit beside each other. Not inlined, the
// compiler cannot see that all of them are 0 or that nobody asks.
//
//go:noinline
func eightSums(x float32, rounds int) float32 {
	var a, b, c, d, e, f, g, h float32
	for range rounds {
		a, b, c, d = a+x*x, b+x*x, c+x*x, d+x*x
		e, f, g, h = e+x*x, f+x*x, g+x*x, h+x*x
	}
	return a + b + c + d + e + f + g + h
}
