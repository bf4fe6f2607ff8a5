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
