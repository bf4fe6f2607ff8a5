#!/usr/bin/env python3
"""Word vectors, and a model of one's own, from a client of Spark Connect: no JVM runs here (docs/connect.md).

    python examples/connect.py [sc://HOST:PORT] [EPOCHS]

The server has to run DeepDist's Spark plugin. The text is that of examples/sample, which this client has and the server need not.
"""
import bz2
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from deepdist import SGD, DeepDist, Word2Vec

SAMPLE = Path(__file__).resolve().parent / "sample"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def letters(model, rows):
    """A gradient: how often each letter occurs in a thousand rows."""
    while batch := list(islice(rows, 1000)):
        seen = Counter("".join(row.text for row in batch))
        yield {"counts": -np.array([seen[letter] for letter in LETTERS], float)}


def main() -> None:
    spark = SparkSession.builder.remote(sys.argv[1] if len(sys.argv) > 1 else "sc://localhost").getOrCreate()
    lines = [line for part in sorted(SAMPLE.glob("part-*.txt.bz2")) for line in bz2.open(part, "rt").read().splitlines()]
    text = spark.createDataFrame([(line,) for line in lines], "text string").repartition(4).cache()

    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    with DeepDist(Word2Vec(vector_size=100, sg=1, sample=1e-4, epochs=epochs)) as dd:
        print(dd.train(text))
        for word in ("france", "physics", "music"):
            print(f"{word:>10}: " + ", ".join(f"{near} {cosine:.2f}" for near, cosine in dd.model.most_similar(word, topn=6)))

    model = {"counts": np.zeros(len(LETTERS))}
    with DeepDist(model) as dd:
        dd.train(text, letters, SGD(learning_rate=1))
    share = model["counts"] / model["counts"].sum()
    print("letters: " + ", ".join(f"{LETTERS[i]} {100 * share[i]:.1f} %" for i in np.argsort(-share)[:6]))


if __name__ == "__main__":
    main()
