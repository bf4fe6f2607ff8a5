#!/usr/bin/env python3
"""A small PyTorch model, a multilayer perceptron on scikit-learn's digits, trained through DeepDist.

`gradient` runs PyTorch's own forward and backward passes in the tasks; the rule `Adam` runs inside the server, so its state never
travels. Any CPU build of PyTorch will do.
"""
import numpy as np
import torch
from pyspark import SparkConf, SparkContext
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from deepdist import Adam, DeepDist, gradients

BATCH = 32
PASSES = 15


def gradient(model, rows):
    """Runs in tasks: one gradient per minibatch, by autograd."""
    torch.set_num_threads(1)  # a task has one core
    model.train()
    for x, y in minibatches(rows):
        nn.functional.cross_entropy(model(x), y).backward()
        yield gradients(model)


def minibatches(rows):
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
    return torch.from_numpy(np.array(x, np.float32)), torch.from_numpy(np.array(y, np.int64))


def main():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split((x / 16).astype(np.float32), y, test_size=0.25, stratify=y, random_state=0)

    conf = SparkConf().setMaster("local[2]").setAppName("PyTorch").set("spark.ui.enabled", "false")
    with SparkContext(conf=conf) as sc:
        rdd = sc.parallelize(list(zip(x, y)), 2).cache()
        with DeepDist(model) as dd:
            dd.train(rdd, gradient, Adam(learning_rate=0.003), epochs=PASSES)
            trained = dd.model

    trained.eval()
    with torch.no_grad():
        accuracy = float((trained(torch.from_numpy(x_test)).argmax(dim=1).numpy() == y_test).mean())
    print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main()
