// Package optimizer holds the rules by which the server itself applies a gradient g to weights W. All of them descend:
//
//	SGD         W -= η·g
//	Momentum    v  = μ·v + g           W -= η·v             (nesterov: W -= η·(g + μ·v))
//	AdaGrad     s += g²                W -= η·g / (√s + ε)                              Duchi, Hazan, Singer 2011
//	RowAdaGrad  s += mean(g² of row)   W -= η·g / (√s + ε)   one s per row: a 1/dim of AdaGrad's memory
//	Adam        m  = β₁·m + (1−β₁)·g   v = β₂·v + (1−β₂)·g²  Kingma, Ba 2015
//	            W -= η·m̂ / (√v̂ + ε)    m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)
//
// Weights and gradients are float32 or float64; state has the dtype of its weights, the arithmetic is float64. A gradient of
// sparse rows touches only those rows and their state ("lazy", as in PyTorch's SparseAdam): for momentum and Adam, a row that is not in
// the gradient neither decays nor moves. Adam's t counts, per tensor, the gradients applied to it.
//
// A gradient by which a weight, or a number of the state, would become NaN or infinite is refused as a whole: nothing changes.
//
// State is tensors of the weights' shape (RowAdaGrad: the number of rows), so whatever saves tensors saves it too.
package optimizer

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"deepdist/internal/bundle"
)

// Config is a rule as the driver names it: {"rule": "adam", "learning_rate": 0.001, …}.
type Config struct {
	Rule                    string   `json:"rule"`
	LearningRate            *float64 `json:"learning_rate"`
	Momentum                *float64 `json:"momentum"`
	Nesterov                bool     `json:"nesterov"`
	Epsilon                 *float64 `json:"epsilon"`
	Beta1                   *float64 `json:"beta1"`
	Beta2                   *float64 `json:"beta2"`
	InitialAccumulatorValue *float64 `json:"initial_accumulator_value"`
}

// defaults are the usual ones, by rule; a parameter that is not listed does not belong to the rule.
var defaults = map[string]map[string]float64{
	"sgd":         {"learning_rate": 0.01},
	"momentum":    {"learning_rate": 0.01, "momentum": 0.9},
	"adagrad":     {"learning_rate": 0.01, "epsilon": 1e-10, "initial_accumulator_value": 0},
	"row_adagrad": {"learning_rate": 0.01, "epsilon": 1e-10, "initial_accumulator_value": 0},
	"adam":        {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
}

// Rule is a rule with its parameters, and the state that it has built up. It has no lock.
type Rule struct {
	name     string
	p        map[string]float64
	nesterov bool
	state    map[string]*state // by tensor
}

// state is what a rule remembers of one tensor.
type state struct {
	tensors []bundle.Tensor // named <tensor>/<what>
	steps   float64
	before  []saved // of the weights and of tensors, as they were before the last step
}

// Parse reads a rule from the driver's JSON and refuses what it does not know.
func Parse(text []byte) (*Rule, error) {
	var c Config
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("descent: %w", err)
	}
	known, ok := defaults[c.Rule]
	if !ok {
		return nil, fmt.Errorf("descent: no rule %q; there are sgd, momentum, adagrad, row_adagrad, adam", c.Rule)
	}
	r := &Rule{name: c.Rule, p: map[string]float64{}, nesterov: c.Nesterov, state: map[string]*state{}}
	for name, given := range map[string]*float64{"learning_rate": c.LearningRate, "momentum": c.Momentum, "epsilon": c.Epsilon,
		"beta1": c.Beta1, "beta2": c.Beta2, "initial_accumulator_value": c.InitialAccumulatorValue} {
		value, has := known[name]
		if given != nil {
			if !has {
				return nil, fmt.Errorf("descent: rule %s has no parameter %s", c.Rule, name)
			}
			value = *given
		}
		if has {
			if err := check(c.Rule, name, value); err != nil {
				return nil, fmt.Errorf("descent: rule %s: %w", c.Rule, err)
			}
			r.p[name] = value
		}
	}
	if c.Nesterov && c.Rule != "momentum" {
		return nil, fmt.Errorf("descent: rule %s has no parameter nesterov", c.Rule)
	}
	return r, nil
}

func check(rule, name string, value float64) error {
	ok := !math.IsNaN(value) && !math.IsInf(value, 0) && value >= 0
	switch name {
	case "learning_rate":
		ok = !math.IsNaN(value) && !math.IsInf(value, 0) && value != 0 // below 0 it ascends: a delta that is to be added
	case "momentum", "beta1", "beta2":
		ok = ok && value < 1
	case "epsilon":
		ok = ok && (value > 0 || rule != "adam") // AdaGrad leaves out what has had no gradient; Adam would divide 0 by 0
	}
	if !ok {
		return fmt.Errorf("%s=%v is out of range", name, value)
	}
	return nil
}

// Name is the rule's, as the driver spells it.
func (r *Rule) Name() string { return r.name }

// State lists the state tensors, by name.
func (r *Rule) State() []bundle.Tensor {
	var all []bundle.Tensor
	for _, s := range r.state {
		all = append(all, s.tensors...)
	}
	slices.SortFunc(all, func(a, b bundle.Tensor) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Bytes is how much memory the rule will take for weights of this dtype and shape: its state, and the copies of state and weights
// that a step may be undone with.
func (r *Rule) Bytes(w *bundle.Tensor) int64 {
	return 2*r.stateBytes(w) + int64(len(w.Data))
}

func (r *Rule) stateBytes(w *bundle.Tensor) int64 {
	switch r.name {
	case "momentum", "adagrad":
		return int64(len(w.Data))
	case "adam":
		return 2 * int64(len(w.Data))
	case "row_adagrad":
		return int64(rows(w)) * int64(bundle.DTypeSize(w.DType))
	}
	return 0
}

// Takes tells whether the rule can descend on tensors of a dtype.
func Takes(dtype string) bool { return dtype == "float32" || dtype == "float64" }

func rows(t *bundle.Tensor) int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[0]
}
