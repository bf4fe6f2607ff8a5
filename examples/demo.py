#!/usr/bin/env python3
"""What `make demo` runs: word2vec, trained natively on the sample text in local Spark, then a few questions.

    python examples/demo.py [TEXT]

TEXT is a file or a pattern of files, one paragraph per line (default: the 2.5 million words in examples/sample).
"""
import sys
from pathlib import Path

from pyspark import SparkConf, SparkContext

from deepdist import DeepDist, Word2Vec

SAMPLE = Path(__file__).resolve().parent / "sample" / "part-*.txt.bz2"
WORDS = ["france", "physics", "music", "computer", "island"]
ANALOGIES = [("man", "woman", "he"), ("france", "paris", "germany"), ("france", "french", "germany"), ("he", "she", "king")]


def main() -> None:
    text = sys.argv[1] if len(sys.argv) > 1 else f"file://{SAMPLE}"
    conf = SparkConf().setMaster("local[*]").setAppName("DeepDist demo").set("spark.ui.enabled", "false")
    conf.set("spark.log.level", "ERROR").set("spark.ui.showConsoleProgress", "false")  # Spark's own bar would write into ours
    with SparkContext(conf=conf) as sc:
        lines = sc.textFile(text)
        # A small text needs more passes than the five that are gensim's default.
        with DeepDist(Word2Vec(vector_size=100, sg=1, window=5, negative=5, sample=1e-4, min_count=5, epochs=15)) as dd:
            print(f"watch it at {dd.page}", flush=True)
            summary = dd.train(lines)
            print(summary)
            ask(dd.model)


def ask(model: Word2Vec) -> None:
    """Prints the neighbours of a few words, and who answers a few analogies."""
    print()
    for word in WORDS:
        if word in model:
            print(f"{word:>10}: " + ", ".join(f"{near} {cosine:.2f}" for near, cosine in model.most_similar(word, topn=6)))
    print()
    for a, b, c in ANALOGIES:
        if a in model and b in model and c in model:
            answers = model.most_similar(positive=[b, c], negative=[a], topn=3)
            print(f"{a} is to {b} as {c} is to: " + ", ".join(f"{word} {cosine:.2f}" for word, cosine in answers))


if __name__ == "__main__":
    main()
