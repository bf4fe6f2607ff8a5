package optimizer

import (
	"fmt"
	"math"

	"deepdist/internal/bundle"
)

type float interface{ ~float32 | ~float64 }

// Step is a gradient and the weights that it is for.
type Step struct{ Weights, Gradient *bundle.Tensor }

// Apply descends: w -= … of every step's gradient, which is dense (of w's shape) or has keys; shape and keys must have been checked,
// and no weights come twice. All steps are taken or, if a number would become NaN or infinite by them, none.
func (r *Rule) Apply(steps ...Step) error {
	for _, step := range steps {
		if w := step.Weights; !Takes(w.DType) {
			return fmt.Errorf("rule %s descends on float32 and float64, tensor %q is %s", r.name, w.Name, w.DType)
		}
	}
	for i, step := range steps {
		if err := r.apply(step); err != nil {
			for _, done := range steps[:i+1] {
				r.undo(done.Weights)
			}
			return fmt.Errorf("%w: rule %s, learning_rate=%v: lower the learning rate, or look at the gradient's size", err, r.name, r.p["learning_rate"])
		}
	}
	return nil
}

// apply takes one step, in place, and looks at what has come of it.
func (r *Rule) apply(step Step) error {
	w, g := step.Weights, step.Gradient
	n := rows(w)
	s := r.stateOf(w, n)
	s.steps++
	s.before = append(s.before, make([]saved, 1+len(s.tensors)-len(s.before))...)
	s.before[0].save(w, n, g.Keys)
	for i := range s.tensors {
		s.before[1+i].save(&s.tensors[i], n, g.Keys)
	}
	if n == 0 || len(w.Data) == 0 {
		return nil
	}
	if w.DType == "float32" {
		descend[float32](r, s, w, g, n)
	} else {
		descend[float64](r, s, w, g, n)
	}
	for i := range s.before {
		if err := s.before[i].check(); err != nil {
			return err
		}
	}
	return nil
}

// undo takes the last step of these weights back.
func (r *Rule) undo(w *bundle.Tensor) {
	s := r.state[w.Name]
	s.steps--
	for i := range s.before {
		s.before[i].restore()
	}
}

func descend[T float](r *Rule, s *state, w, g *bundle.Tensor, n int) {
	weights, gradient := bundle.View[T](w.Data), bundle.View[T](g.Data)
	dim := len(weights) / n
	step := stepper[T](r, s)
	if g.Keys == nil {
		for row := range n {
			step(weights, gradient[row*dim:(row+1)*dim], row, dim)
		}
		return
	}
	for i, key := range g.Keys {
		step(weights, gradient[i*dim:(i+1)*dim], int(key), dim)
	}
}

// stateOf finds or makes the state of a tensor. If the tensor has been replaced by one of another shape, its state begins anew.
func (r *Rule) stateOf(w *bundle.Tensor, n int) *state {
	s := r.state[w.Name]
	if s != nil && (len(s.tensors) == 0 || fits(r, &s.tensors[0], w, n)) {
		return s
	}
	s = &state{}
	add := func(what string, shape []int, length int, value float64) {
		size := bundle.DTypeSize(w.DType)
		data := bundle.Bytes(make([]uint64, (length*size+7)/8))[:length*size]
		t := bundle.Tensor{Name: w.Name + "/" + what, DType: w.DType, Shape: shape, Data: data}
		if value != 0 && w.DType == "float32" {
			fill(t.Float32s(), float32(value))
		} else if value != 0 {
			fill(t.Float64s(), value)
		}
		s.tensors = append(s.tensors, t)
	}
	length := len(w.Data) / bundle.DTypeSize(w.DType)
	switch r.name {
	case "momentum":
		add("momentum", w.Shape, length, 0)
	case "adagrad":
		add("accumulator", w.Shape, length, r.p["initial_accumulator_value"])
	case "row_adagrad":
		add("accumulator", []int{n}, n, r.p["initial_accumulator_value"])
	case "adam":
		add("m", w.Shape, length, 0)
		add("v", w.Shape, length, 0)
	}
	r.state[w.Name] = s
	return s
}

func fits(r *Rule, have, w *bundle.Tensor, n int) bool {
	want := len(w.Data)
	if r.name == "row_adagrad" {
		want = n * bundle.DTypeSize(w.DType)
	}
	return have.DType == w.DType && len(have.Data) == want
}

// stepper is the rule for one row: weights are the whole tensor's, gradient the row's.
func stepper[T float](r *Rule, s *state) func(weights, gradient []T, row, dim int) {
	eta, eps := r.p["learning_rate"], r.p["epsilon"]
	memory := func(i int) []T { return bundle.View[T](s.tensors[i].Data) }
	switch r.name {
	case "sgd":
		return func(weights, gradient []T, row, dim int) {
			for i, g := range gradient {
				weights[row*dim+i] -= T(eta * float64(g))
			}
		}
	case "momentum":
		mu, velocity := r.p["momentum"], memory(0)
		return func(weights, gradient []T, row, dim int) {
			for i, g := range gradient {
				v := mu*float64(velocity[row*dim+i]) + float64(g)
				velocity[row*dim+i] = T(v)
				if r.nesterov {
					v = float64(g) + mu*v
				}
				weights[row*dim+i] -= T(eta * v)
			}
		}
	case "adagrad":
		sum := memory(0)
		return func(weights, gradient []T, row, dim int) {
			for i, g := range gradient {
				if g == 0 {
					continue // 0/√0 without ε would be NaN
				}
				a := float64(sum[row*dim+i]) + float64(g)*float64(g)
				sum[row*dim+i] = T(a)
				weights[row*dim+i] -= T(eta * float64(g) / (math.Sqrt(a) + eps))
			}
		}
	case "row_adagrad":
		sum := memory(0)
		return func(weights, gradient []T, row, dim int) {
			square := 0.0
			for _, g := range gradient {
				square += float64(g) * float64(g)
			}
			if square == 0 {
				return
			}
			a := float64(sum[row]) + square/float64(dim)
			sum[row] = T(a)
			rate := eta / (math.Sqrt(a) + eps)
			for i, g := range gradient {
				weights[row*dim+i] -= T(rate * float64(g))
			}
		}
	case "adam":
		b1, b2, m, v := r.p["beta1"], r.p["beta2"], memory(0), memory(1)
		c1, c2 := 1-math.Pow(b1, s.steps), 1-math.Pow(b2, s.steps)
		return func(weights, gradient []T, row, dim int) {
			for i, g := range gradient {
				k := row*dim + i
				mean := b1*float64(m[k]) + (1-b1)*float64(g)
				square := b2*float64(v[k]) + (1-b2)*float64(g)*float64(g)
				m[k], v[k] = T(mean), T(square)
				weights[k] -= T(eta * (mean / c1) / (math.Sqrt(square/c2) + eps))
			}
		}
	}
	panic("optimizer: rule " + r.name) // Parse lets no other name through
}

func fill[T float](x []T, value T) {
	for i := range x {
		x[i] = value
	}
}
