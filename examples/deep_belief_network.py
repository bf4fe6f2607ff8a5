#!/usr/bin/env python3
"""A deep belief network on scikit-learn's digits: two stacked RBMs, trained by contrastive divergence through DeepDist.

Hinton, Osindero, Teh, "A fast learning algorithm for deep belief nets", 2006: a restricted Boltzmann machine learns to reproduce
its input; its hidden units are the input of the next one. No label is used. In the end the same linear classifier learns the
labels twice, from raw pixels and from the top layer.

The digits are those of scikit-learn's own RBM example: each one also moved by a pixel in four directions, which a linear
classifier on pixels handles badly. Held-out digits were set apart before they were moved.
"""
import numpy as np
from pyspark import SparkConf, SparkContext
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from deepdist import SGD, DeepDist

LAYERS = [256, 256]
BATCH = 50
PASSES = 10
RATE = 0.2
DECAY = 2e-4


class RBM:
    """RBM has weights W (visible × hidden) and the biases of both sides: E(v, h) = −v·W·h − a·v − b·h."""

    def __init__(self, visible: np.ndarray, hidden: int, seed: int):
        mean = visible.mean(axis=0).clip(0.01, 0.99)
        self.W = np.random.default_rng(seed).normal(0, 0.05, (visible.shape[1], hidden)).astype(np.float32)
        self.a = np.log(mean / (1 - mean)).astype(np.float32)  # starts at the data's own mean: Hinton's practical guide, section 8
        self.b = np.zeros(hidden, np.float32)
        self.seed = seed


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hidden(rbm, v):
    """p(h = 1 | v)"""
    return sigmoid(v @ rbm.W + rbm.b)


def visible(rbm, h):
    """p(v = 1 | h)"""
    return sigmoid(h @ rbm.W.T + rbm.a)


def gradient(rbm, rows):
    """Runs in tasks: one step of contrastive divergence (CD-1) per minibatch.

    The log likelihood's gradient is <v·h> under the data minus <v·h> under the model; CD-1 takes one step of Gibbs sampling, from
    the data, for the model. `SGD` descends, so the signs are turned.
    """
    for v0 in minibatches(rows):
        rng = np.random.default_rng([rbm.seed, int(v0.sum() * 1e4)])
        h0 = hidden(rbm, v0)
        v1 = visible(rbm, rng.random(h0.shape, np.float32) < h0)
        h1 = hidden(rbm, v1)
        yield {
            "W": (v1.T @ h1 - v0.T @ h0) / len(v0) + DECAY * rbm.W,
            "a": (v1 - v0).mean(axis=0),
            "b": (h1 - h0).mean(axis=0),
        }


def minibatches(rows):
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield np.array(batch, np.float32)
            batch = []
    if batch:
        yield np.array(batch, np.float32)


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
                dd.train(rdd, gradient, SGD(learning_rate=RATE), epochs=PASSES)
                x, x_test = hidden(dd.model, x), hidden(dd.model, x_test)
            accuracies.append(score(x, y, x_test, y_test))
            print(f"layer {depth}, {units} units: {accuracies[-1]:.4f}")
    return raw, accuracies


if __name__ == "__main__":
    main()
