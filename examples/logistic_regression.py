#!/usr/bin/env python3
"""Logistic regression (softmax) on scikit-learn's digits, beside scikit-learn's own SGD.

The model is a dict of two arrays. `gradient` yields one gradient per minibatch, and after every `yield` finds the model as it is
by then; the rule `AdaGrad` runs inside the server.
"""
import numpy as np
from pyspark import SparkConf, SparkContext
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

from deepdist import AdaGrad, DeepDist

BATCH = 16
PASSES = 20


def gradient(model, rows):
    """Runs in tasks: the mean gradient of the cross-entropy, minibatch by minibatch."""
    for x, y in minibatches(rows):
        error = softmax(x @ model["W"] + model["b"])
        error[np.arange(len(y)), y] -= 1
        yield {"W": x.T @ error / len(y), "b": error.mean(axis=0)}


def minibatches(rows):
    """Arrays of at most BATCH rows."""
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield stack(batch)
            batch = []
    if batch:
        yield stack(batch)


def stack(batch):
    x, y = zip(*batch)
    return np.array(x, np.float32), np.array(y)


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def accuracy(model, x, y):
    return float(np.mean((x @ model["W"] + model["b"]).argmax(axis=1) == y))


def main():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)

    conf = SparkConf().setMaster("local[2]").setAppName("logistic regression").set("spark.ui.enabled", "false")
    with SparkContext(conf=conf) as sc:
        rdd = sc.parallelize(list(zip(x, y)), 2).cache()
        with DeepDist({"W": np.zeros((64, 10), np.float32), "b": np.zeros(10, np.float32)}) as dd:
            dd.train(rdd, gradient, AdaGrad(learning_rate=0.3), epochs=PASSES)
            ours = accuracy(dd.model, x_test, y_test)

    theirs = np.mean([SGDClassifier(loss="log_loss", random_state=seed).fit(x, y).score(x_test, y_test) for seed in range(10)])
    print(f"accuracy on {len(y_test)} held-out digits: DeepDist {ours:.4f}, scikit-learn's SGDClassifier {theirs:.4f} (mean of 10 seeds)")
    return ours, float(theirs)


if __name__ == "__main__":
    main()
