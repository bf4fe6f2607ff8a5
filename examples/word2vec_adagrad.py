#!/usr/bin/env python3
"""gensim's word2vec in the tasks, AdaGrad in a `descent` of one's own, evaluation on analogies while it trains.

    python examples/word2vec_adagrad.py [TEXT [QUESTIONS]]

TEXT: files of one paragraph per line (default: the sample text). QUESTIONS: analogies, four words a line (the format of
questions-words.txt); without it, the few below.

AdaGrad (Duchi, Hazan, Singer 2011) divides each element's step by the root of the sum of its squared gradients: rare words take
large steps for longer. The state, `ssyn0` and `ssyn1`, is set on the model by `descent` and becomes part of it.
"""
import sys
from pathlib import Path

import numpy as np
from gensim.models.word2vec import Word2Vec
from pyspark import SparkConf, SparkContext

from deepdist import DeepDist, WordVectors

SAMPLE = Path(__file__).resolve().parent / "sample" / "part-*.txt.bz2"
SENTENCES = 1000  # per update
PASSES = 3
ETA = 0.2
EVALUATE_EVERY = 15

FAMILY = ["man woman", "he she", "his her", "king queen", "father mother", "son daughter", "brother sister", "husband wife", "boy girl"]
CAPITALS = ["france paris", "germany berlin", "england london", "italy rome", "japan tokyo", "russia moscow", "egypt cairo", "greece athens"]
NATIONS = ["france french", "germany german", "england english", "italy italian", "japan japanese", "russia russian", "china chinese",
           "spain spanish", "greece greek", "india indian", "israel israeli", "poland polish", "sweden swedish", "ireland irish"]


def gradient(model, sentences):
    """Runs in tasks: what gensim's own training makes of some sentences, as a difference."""
    for some in chunks(sentences):
        syn0, syn1 = model.syn0.copy(), model.syn1.copy()
        model.train(some)
        yield {"syn0": model.syn0 - syn0, "syn1": model.syn1 - syn1}


def descent(model, update):
    """Runs on the driver, one update at a time."""
    if not hasattr(model, "ssyn0"):
        model.ssyn0, model.ssyn1 = np.zeros_like(model.syn0), np.zeros_like(model.syn1)
        model.updates = 0
    model.ssyn0 += update["syn0"] ** 2
    model.ssyn1 += update["syn1"] ** 2
    model.syn0 += ETA * update["syn0"] / (1e-6 + np.sqrt(model.ssyn0))
    model.syn1 += ETA * update["syn1"] / (1e-6 + np.sqrt(model.ssyn1))
    model.updates += 1
    if model.updates % EVALUATE_EVERY == 0:
        right, asked = evaluate(model)
        print(f"after {model.updates:4d} updates: {right:.1%} of {asked} analogies", flush=True)


def chunks(sentences):
    some = []
    for sentence in sentences:
        some.append(sentence)
        if len(some) == SENTENCES:
            yield some
            some = []
    if some:
        yield some


questions = [(a, b, c, d) for group in (FAMILY, CAPITALS, NATIONS) for a, b in map(str.split, group) for c, d in map(str.split, group) if a != c]


def evaluate(model):
    """The share of analogies answered right, and how many could be asked."""
    right, asked, _ = WordVectors(model.wv.index_to_key, model.wv.vectors).evaluate_analogies(questions)
    return right, asked


def main():
    text = sys.argv[1] if len(sys.argv) > 1 else f"file://{SAMPLE}"
    if len(sys.argv) > 2:
        questions[:] = [tuple(line.lower().split()) for line in open(sys.argv[2]) if not line.startswith(":")]
    conf = SparkConf().setMaster("local[2]").setAppName("word2vec with AdaGrad").set("spark.ui.enabled", "false")
    with SparkContext(conf=conf) as sc:
        corpus = sc.textFile(text).map(str.split).cache()
        # The rate is constant within a task's training: how it falls is what AdaGrad decides.
        model = Word2Vec(vector_size=100, window=5, negative=5, sg=1, sample=1e-4, min_count=5, alpha=0.025, min_alpha=0.025, workers=1)
        model.build_vocab(corpus.toLocalIterator())
        before, _ = evaluate(model)
        with DeepDist(model) as dd:
            dd.train(corpus, gradient, descent, epochs=PASSES)
            after, asked = evaluate(dd.model)
            print(f"{after:.1%} of {asked} analogies ({before:.1%} before the training)")
            print(dd.model.most_similar(positive=["paris", "germany"], negative=["france"], topn=3))
    return before, after


if __name__ == "__main__":
    main()
