"""Trains word2vec on text in HDFS over all workers of the cluster, prints neighbours, and leaves the vectors on HDFS."""

import argparse
import sys

from pyspark import SparkContext

from deepdist import DeepDist, Word2Vec

HDFS = "hdfs://namenode:8020"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("text", nargs="?", default=f"{HDFS}/sample/*.txt.bz2", help="file or pattern, one paragraph per line (default: %(default)s)")
    parser.add_argument("--vectors", default=f"{HDFS}/models/word2vec.txt", help="where the vectors go (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the text (default: %(default)s)")
    parser.add_argument("--vector-size", type=int, default=100, help="dimensions (default: %(default)s)")
    parser.add_argument("--ask", default="france physics music computer island", help="words whose neighbours are printed (default: %(default)s)")
    return parser.parse_args()


def main() -> None:
    given = options()
    with SparkContext(appName="word2vec"):
        model = Word2Vec(vector_size=given.vector_size, sg=1, window=5, negative=5, sample=1e-4, min_count=5, epochs=given.epochs)
        with DeepDist(model) as dd:
            print(f"watch it at {dd.page}", file=sys.stderr, flush=True)
            print(dd.train(given.text))
            for word in given.ask.split():
                if word in dd.model:
                    print(f"{word:>10}: " + ", ".join(f"{near} {cosine:.2f}" for near, cosine in dd.model.most_similar(word, topn=6)))
            dd.model.save_word2vec_format(given.vectors)
            print(f"{len(dd.model.wv)} vectors are in {given.vectors}")


if __name__ == "__main__":
    main()
