"""Writes golden.json: the rules computed a second time, by other hands, in plain Python floats.

Run: python3 golden.py > golden.json. Weights of shape (3, 2); five gradients, the third and fifth of rows 0 and 2 only.
"""

import json
import math
import random

random.seed(17)
ROWS, DIM = 3, 2
START = [[random.uniform(-1, 1) for _ in range(DIM)] for _ in range(ROWS)]
GRADIENTS = []
for step in range(5):
    keys = [0, 2] if step in (2, 4) else None
    GRADIENTS.append({"keys": keys, "values": [[random.uniform(-1, 1) for _ in range(DIM)] for _ in (keys or range(ROWS))]})


def sgd(p, state, w, g, t):
    return [x - p["learning_rate"] * d for x, d in zip(w, g)]


def momentum(p, state, w, g, t):
    v = state.setdefault("v", [0.0] * DIM)
    out = []
    for i in range(DIM):
        v[i] = p["momentum"] * v[i] + g[i]
        out.append(w[i] - p["learning_rate"] * (g[i] + p["momentum"] * v[i] if p.get("nesterov") else v[i]))
    return out


def adagrad(p, state, w, g, t):
    s = state.setdefault("s", [p.get("initial_accumulator_value", 0.0)] * DIM)
    out = []
    for i in range(DIM):
        s[i] += g[i] ** 2
        out.append(w[i] - p["learning_rate"] * g[i] / (s[i] ** 0.5 + p["epsilon"]))
    return out


def row_adagrad(p, state, w, g, t):
    state["s"] = state.get("s", 0.0) + sum(d * d for d in g) / DIM
    return [x - p["learning_rate"] * d / (math.sqrt(state["s"]) + p["epsilon"]) for x, d in zip(w, g)]


def adam(p, state, w, g, t):
    m, v = state.setdefault("m", [0.0] * DIM), state.setdefault("v", [0.0] * DIM)
    out = []
    for i in range(DIM):
        m[i] += (1 - p["beta1"]) * (g[i] - m[i])
        v[i] += (1 - p["beta2"]) * (g[i] ** 2 - v[i])
        out.append(w[i] - p["learning_rate"] * (m[i] / (1 - p["beta1"] ** t)) / (math.sqrt(v[i] / (1 - p["beta2"] ** t)) + p["epsilon"]))
    return out


CASES = [
    (sgd, {"rule": "sgd", "learning_rate": 0.1}),
    (momentum, {"rule": "momentum", "learning_rate": 0.1, "momentum": 0.9}),
    (momentum, {"rule": "momentum", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    (adagrad, {"rule": "adagrad", "learning_rate": 0.1, "epsilon": 1e-8, "initial_accumulator_value": 0.1}),
    (row_adagrad, {"rule": "row_adagrad", "learning_rate": 0.1, "epsilon": 1e-8}),
    (adam, {"rule": "adam", "learning_rate": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
]

out = {"start": START, "gradients": GRADIENTS, "cases": []}
for rule, parameters in CASES:
    w, states, path = [list(r) for r in START], [{} for _ in range(ROWS)], []
    for t, gradient in enumerate(GRADIENTS, 1):
        for key, g in zip(gradient["keys"] or range(ROWS), gradient["values"]):
            w[key] = rule(parameters, states[key], w[key], g, t)
        path.append([list(r) for r in w])
    out["cases"].append({"config": parameters, "path": path})
print(json.dumps(out, indent=1))
