#!/usr/bin/env python3
"""A deep belief network on scikit-learn's digits: two stacked RBMs, trained by contrastive divergence through DeepDist.

Hinton, Osindero, Teh, "A fast learning algorithm for deep belief nets", 2006: a restricted Boltzmann machine learns to reproduce
its input; its hidden units are the input of the next one. No label is used. In the end the same linear classifier learns the
labels twice, from raw pixels and from the top layer.

The digits are those of scikit-learn's own RBM example: each one also moved by a pixel in four directions, which a linear
classifier on pixels handles badly. Held-out digits were set apart before they were moved.
"""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices: threads of NumPy beside Spark's tasks would wait for each other

import numpy as np
from pyspark import SparkConf, SparkContext
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from deepdist import SGD, DeepDist

LAYERS = [256, 256]
BATCH = 20  # digits per step of contrastive divergence
STEPS = 10  # steps per push
PASSES = 10
RATE = 0.1
DECAY = 2e-4


class RBM:
    """RBM has weights W (visible × hidden) and the biases of both sides: E(v, h) = −v·W·h − a·v − b·h."""

    def __init__(self, visible, hidden, seed):
        mean = visible.mean(axis=0).clip(0.01, 0.99)
        self.W = np.random.default_rng(seed).normal(0, 0.05, (visible.shape[1], hidden)).astype(np.float32)
        self.a = np.log(mean / (1 - mean)).astype(np.float32)  # starts at the data's own mean: Hinton's practical guide, section 8
        self.b = np.zeros(hidden, np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hidden(rbm, v):
    """p(h = 1 | v)"""
    return sigmoid(v @ rbm.W + rbm.b)


def visible(rbm, h):
    """p(v = 1 | h)"""
    return sigmoid(h @ rbm.W.T + rbm.a)


def gradient(rbm, rows):
    """Runs in tasks: STEPS steps of contrastive divergence on the private view of the RBM, then what they changed.

    `SGD` descends, so the sign is turned: with a learning rate of 1 the server adds after − before.
    """
    rng = np.random.default_rng()
    for some in batches(rows, BATCH * STEPS):
        before = {"W": rbm.W.copy(), "a": rbm.a.copy(), "b": rbm.b.copy()}
        for start in range(0, len(some), BATCH):
            contrastive_divergence(rbm, some[start : start + BATCH], rng)
        yield {name: old - getattr(rbm, name) for name, old in before.items()}


def contrastive_divergence(rbm, v0, rng):
    """CD-1: the log likelihood's gradient is <v·h> of the data minus <v·h> of the model, here of one Gibbs step from the data."""
    h0 = hidden(rbm, v0)
    v1 = visible(rbm, (rng.random(h0.shape) < h0).astype(np.float32))
    h1 = hidden(rbm, v1)
    rbm.W += RATE * ((v0.T @ h0 - v1.T @ h1) / len(v0) - DECAY * rbm.W)
    rbm.a += RATE * (v0 - v1).mean(axis=0)
    rbm.b += RATE * (h0 - h1).mean(axis=0)


def batches(rows, size):
    """Arrays of at most `size` rows."""
    some = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield np.array(some)
            some = []
    if some:
        yield np.array(some)


def moved(x, y):
    """Every digit and its four neighbours, one pixel up, down, left and right."""
    pixels = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    shifts = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    return np.concatenate([pixels[:, i : i + 8, j : j + 8].reshape(-1, 64) for i, j in shifts]), np.tile(y, len(shifts))


def score(x, y, x_test, y_test):
    """Held-out accuracy of the classifier that is the same for pixels and for features."""
    return LogisticRegression(max_iter=500).fit(x, y).score(x_test, y_test)


def main():
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split((x / 16).astype(np.float32), y, test_size=0.25, stratify=y, random_state=0)
    x, y = moved(x, y)
    x_test, y_test = moved(x_test, y_test)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    raw = score(x, y, x_test, y_test)
    print(f"raw pixels: {raw:.4f} of {len(y_test)} held-out digits")

    conf = SparkConf().setMaster("local[2]").setAppName("deep belief network").set("spark.ui.enabled", "false")
    accuracies = []
    with SparkContext(conf=conf) as sc:
        for depth, units in enumerate(LAYERS, start=1):
            rdd = sc.parallelize(list(x), 2).cache()
            with DeepDist(RBM(x, units, seed=depth)) as dd:
                dd.train(rdd, gradient, SGD(learning_rate=1), epochs=PASSES)
                x, x_test = hidden(dd.model, x), hidden(dd.model, x_test)
            accuracies.append(score(x, y, x_test, y_test))
            print(f"layer {depth}, {units} units: {accuracies[-1]:.4f}")
    return raw, accuracies


if __name__ == "__main__":
    main()
