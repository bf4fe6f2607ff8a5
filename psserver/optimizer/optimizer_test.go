package optimizer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/diff/fd"

	"deepdist/internal/bundle"
)

func tensor[T float](dtype string, shape []int, keys []uint32, values []T) *bundle.Tensor {
	return &bundle.Tensor{Name: "w", DType: dtype, Shape: shape, Keys: keys, Data: bundle.Bytes(values)}
}

func once(r *Rule, w, g *bundle.Tensor) error { return r.Apply(Step{w, g}) }

func flat[T float](rows [][]float64) []T {
	var out []T
	for _, r := range rows {
		for _, x := range r {
			out = append(out, T(x))
		}
	}
	return out
}

func TestEveryRuleFollowsTheNumbersOfAnIndependentComputation(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json") // by testdata/golden.py
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Start     [][]float64
		Gradients []struct {
			Keys   []uint32
			Values [][]float64
		}
		Cases []struct {
			Config json.RawMessage
			Path   [][][]float64
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		r64, err := Parse(c.Config)
		if err != nil {
			t.Fatal(err)
		}
		r32, _ := Parse(c.Config)
		w64, w32 := flat[float64](golden.Start), flat[float32](golden.Start)
		for step, g := range golden.Gradients {
			shape := []int{len(g.Values), 2}
			if err := once(r64, tensor("float64", []int{3, 2}, nil, w64), tensor("float64", shape, g.Keys, flat[float64](g.Values))); err != nil {
				t.Fatal(err)
			}
			if err := once(r32, tensor("float32", []int{3, 2}, nil, w32), tensor("float32", shape, g.Keys, flat[float32](g.Values))); err != nil {
				t.Fatal(err)
			}
			for i, want := range flat[float64](c.Path[step]) {
				if math.Abs(w64[i]-want) > 1e-12 {
					t.Errorf("%s, step %d, float64: w[%d] = %v, not %v", c.Config, step, i, w64[i], want)
				}
				if math.Abs(float64(w32[i])-want) > 2e-6 {
					t.Errorf("%s, step %d, float32: w[%d] = %v, not %v", c.Config, step, i, w32[i], want)
				}
			}
		}
	}
}

// The quadratic f(w) = ½ Σ aᵢ(wᵢ − bᵢ)² has its minimum at b. Its gradient is taken numerically, so neither side of the test knows
// the other's formula.
func TestEveryRuleDescendsToTheMinimumOfAQuadratic(t *testing.T) {
	a, b := []float64{1, 3, 0.5, 2}, []float64{1, -2, 0.25, 4}
	f := func(w []float64) float64 {
		sum := 0.0
		for i := range w {
			sum += a[i] * (w[i] - b[i]) * (w[i] - b[i]) / 2
		}
		return sum
	}
	for _, config := range []string{
		`{"rule":"sgd","learning_rate":0.1}`,
		`{"rule":"momentum","learning_rate":0.02}`,
		`{"rule":"momentum","learning_rate":0.02,"nesterov":true}`,
		`{"rule":"adagrad","learning_rate":1}`,
		`{"rule":"row_adagrad","learning_rate":1}`,
		`{"rule":"adam","learning_rate":0.05}`,
	} {
		rule, err := Parse([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		w := make([]float64, 4)
		for range 2000 {
			g := fd.Gradient(nil, f, w, &fd.Settings{Formula: fd.Central})
			if err := once(rule, tensor("float64", []int{2, 2}, nil, w), tensor("float64", []int{2, 2}, nil, g)); err != nil {
				t.Fatal(err)
			}
		}
		if f(w) > 1e-6 {
			t.Errorf("%s: f = %g at %v", config, f(w), w)
		}
	}
}

func TestRowsThatAreNotInTheGradientStay(t *testing.T) {
	for name := range defaults {
		rule, _ := Parse([]byte(`{"rule":"` + name + `"}`))
		w := []float32{1, 1, 1, 1}
		once(rule, tensor("float32", []int{2, 2}, nil, w), tensor("float32", []int{2, 2}, nil, []float32{1, 1, 1, 1}))
		before := w[0]
		once(rule, tensor("float32", []int{2, 2}, nil, w), tensor("float32", []int{1, 2}, []uint32{1}, []float32{1, 1}))
		if w[0] != before || w[2] == before {
			t.Errorf("%s: %v, row 0 was %v", name, w, before)
		}
	}
}

func TestAZeroGradientNeverMakesANaN(t *testing.T) {
	for name := range defaults {
		rule, _ := Parse([]byte(`{"rule":"` + name + `"}`))
		if name == "adagrad" || name == "row_adagrad" {
			rule, _ = Parse([]byte(`{"rule":"` + name + `","epsilon":0}`))
		}
		w := []float32{1, 2}
		once(rule, tensor("float32", []int{1, 2}, nil, w), tensor("float32", []int{1, 2}, nil, []float32{0, 0}))
		if w[0] != 1 || w[1] != 2 {
			t.Errorf("%s: %v", name, w)
		}
	}
}

func TestStateHasTheShapeOfItsWeightsAndBeginsAnewWithThem(t *testing.T) {
	rule, _ := Parse([]byte(`{"rule":"adam"}`))
	w := tensor("float32", []int{2, 2}, nil, make([]float32, 4))
	once(rule, w, tensor("float32", []int{2, 2}, nil, []float32{1, 1, 1, 1}))
	state := rule.State()
	if len(state) != 2 || state[0].Name != "w/m" || len(state[1].Data) != 16 || rule.Bytes(w) != 2*32+16 {
		t.Fatalf("state %v", state)
	}
	once(rule, tensor("float64", []int{1, 2}, nil, make([]float64, 2)), tensor("float64", []int{1, 2}, nil, []float64{1, 1}))
	if state := rule.State(); state[0].DType != "float64" {
		t.Errorf("state of the old tensor stays: %v", state)
	}
	scalar := tensor("float64", []int{}, nil, []float64{1})
	scalar.Name = "bias"
	once(rule, scalar, tensor("float64", []int{}, nil, []float64{1}))
	if scalar.Float64s()[0] == 1 {
		t.Error("a scalar does not descend")
	}
}

func TestParametersThatDoNotBelongAreRefused(t *testing.T) {
	for _, config := range []string{
		`{"rule":"adagard"}`, `{}`, `[]`, `{"rule":"sgd","momentum":0.9}`, `{"rule":"sgd","nesterov":true}`, `{"rule":"sgd","lr":1}`,
		`{"rule":"sgd","learning_rate":0}`, `{"rule":"momentum","momentum":1}`, `{"rule":"adam","beta1":-0.1}`, `{"rule":"adam","epsilon":-1}`, `{"rule":"adam","epsilon":0}`,
	} {
		if _, err := Parse([]byte(config)); err == nil {
			t.Errorf("%s was taken", config)
		}
	}
	if _, err := Parse([]byte(`{"rule":"sgd","learning_rate":-1}`)); err != nil {
		t.Errorf("a negative rate (a delta that is to be added): %v", err)
	}
	rule, _ := Parse([]byte(`{"rule":"sgd"}`))
	whole := &bundle.Tensor{Name: "n", DType: "int64", Shape: []int{1}, Data: make([]byte, 8)}
	if once(rule, whole, whole) == nil || Takes("int64") {
		t.Error("a rule descends on whole numbers")
	}
}

func TestAStepToAnInfinityIsNotTaken(t *testing.T) {
	const huge = 3e38 // of at most 3.4e38
	for name, c := range map[string]struct {
		config  string
		w, g    float32
		because string
	}{
		"a weight":                {`{"rule":"sgd","learning_rate":1}`, -huge, huge, `"w" would become -Inf`},
		"a step":                  {`{"rule":"sgd","learning_rate":100}`, 1, 1e37, `"w" would become -Inf`},
		"a velocity":              {`{"rule":"momentum","learning_rate":1e-9,"momentum":0.9}`, 1, huge, `"w/momentum" would become +Inf`},
		"a sum of squares":        {`{"rule":"adagrad"}`, 1, 1e25, `"w/accumulator" would become +Inf`},
		"a row's sum of squares":  {`{"rule":"row_adagrad"}`, 1, 1e25, `"w/accumulator" would become +Inf`},
		"a mean of squares":       {`{"rule":"adam"}`, 1, 1e25, `"w/v" would become +Inf`},
		"a rate that is too high": {`{"rule":"adam","learning_rate":1e39}`, 1, 1, `"w" would become -Inf`},
	} {
		for _, keys := range [][]uint32{nil, {0, 1}} {
			rule, err := Parse([]byte(c.config))
			if err != nil {
				t.Fatal(err)
			}
			other, w := tensor("float32", []int{2}, nil, []float32{1, 2}), tensor("float32", []int{2, 1}, nil, []float32{5, c.w})
			other.Name = "other"
			gradient, small := tensor("float32", []int{2, 1}, keys, []float32{0, c.g}), tensor("float32", []int{2}, nil, []float32{1e-30, 1e-30})
			for range 2 { // a second one finds all as the first one did
				err = nil
				for step := 0; step < 2 && err == nil; step++ { // a velocity needs two
					before, state := append([]float32(nil), w.Float32s()...), remembered(rule)
					if err = rule.Apply(Step{other, small}, Step{w, gradient}); err == nil {
						other.Float32s()[0], other.Float32s()[1] = 1, 2
						continue
					}
					if got := w.Float32s(); got[0] != before[0] || got[1] != before[1] || other.Float32s()[0] != 1 || other.Float32s()[1] != 2 {
						t.Errorf("%s: refused, but the weights are %v and %v", name, got, other.Float32s())
					}
					if now := remembered(rule); state != "" && now != state {
						t.Errorf("%s: refused, but the state is %s, it was %s", name, now, state)
					}
				}
				if err == nil || !strings.Contains(err.Error(), c.because) || !strings.Contains(err.Error(), "lower the learning rate") {
					t.Errorf("%s: %v at w=%v", name, err, w.Float32s())
				}
			}
		}
	}
}

// remembered is a rule's whole state as text.
func remembered(r *Rule) (text string) {
	for _, tensor := range r.State() {
		text += fmt.Sprint(tensor.Name, tensor.Float32s(), r.state[strings.Split(tensor.Name, "/")[0]].steps)
	}
	return text
}

func TestAnInfinityOfTheModelsOwnIsNoReasonToRefuse(t *testing.T) {
	rule, _ := Parse([]byte(`{"rule":"sgd","learning_rate":1}`))
	w := tensor("float64", []int{2}, nil, []float64{math.Inf(-1), 1})
	if err := once(rule, w, tensor("float64", []int{2}, nil, []float64{0, 1})); err != nil || w.Float64s()[1] != 0 {
		t.Errorf("%v, %v", w.Float64s(), err)
	}
}
