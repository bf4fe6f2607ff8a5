"""One training of word2vec in a process of its own, with the settings that the benchmarks share.

    one_run.py TOOL MASTER SEED TEXT [EVALUATION SETS as name=path …] [SETTINGS as a JSON object]

TOOL is `deepdist` (the text as lines), `deepdist:lists`, `deepdist:path` or `gensim`. SETTINGS replace the shared ones. Prints one line of JSON: the seconds by part, and the scores on the sets named.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy loads: a tool's threads are those that it is given

SETTINGS: dict[str, Any] = dict(vector_size=100, window=5, negative=5, sample=1e-4, min_count=5, alpha=0.025, epochs=5, sg=1)
GENSIM_WORKERS = 2


def deepdist(master: str, seed: int, text: str, data: str) -> tuple[Any, dict[str, Any]]:
    """Trains through Spark; returns gensim's KeyedVectors (for the same evaluation) and the figures."""
    from pyspark import SparkConf, SparkContext

    from deepdist import DeepDist, Word2Vec

    conf = SparkConf().setMaster(master).setAppName("DeepDist benchmark").set("spark.ui.enabled", "false").set("spark.log.level", "ERROR")
    conf.set("spark.ui.showConsoleProgress", "false")
    at = time.monotonic()
    with SparkContext(conf=conf) as sc:
        sc.parallelize([0], 1).count()  # the executors are there
        spark_start = time.monotonic() - at
        workers: dict[str, Any] = {}

        def watch(figures: dict[str, Any]) -> None:
            for worker in figures.get("workers") or ():
                workers[worker["worker_id"]] = {k: worker.get(k) for k in ("host", "pid", "kernel", "words", "pushes")}

        source: Any = {"lines": sc.textFile, "lists": lambda path: sc.textFile(path).map(str.split), "path": str}[data or "lines"](text)
        with DeepDist(Word2Vec(seed=seed, **SETTINGS), page=None, progress=watch) as dd:
            at = time.monotonic()
            summary = dd.train(source)
            dd.model.wv  # the vectors are in Python
            seconds = time.monotonic() - at
            start = dd.start_seconds
            vectors = dd.model.to_gensim()
    ended = at + seconds
    trained = ended - summary.seconds["model"]
    ingested = trained - summary.seconds["train"]
    parts = {name: round(value, 2) for name, value in summary.seconds.items() if name != "total"}
    return vectors, {
        "seconds": round(seconds, 2), "parts": parts, "start": round(start, 2), "spark_start": round(spark_start, 2),
        "words": summary.words, "words_per_second": round(summary.words * SETTINGS["epochs"] / summary.seconds["train"]),
        "loss": round(summary.epochs[-1].loss, 4) if summary.epochs else None, "vocabulary": len(vectors), "workers": list(workers.values()),
        "moments": {"ingest": (at, ingested), "train": (ingested, trained), "model": (trained, ended)},
    }  # fmt: skip


def gensim(master: str, seed: int, text: str, data: str) -> tuple[Any, dict[str, Any]]:
    """Trains with gensim's fastest input, a file that its threads read by themselves."""
    from gensim.models import Word2Vec

    at = time.monotonic()
    model = Word2Vec(seed=seed, workers=GENSIM_WORKERS, **SETTINGS)
    model.build_vocab(corpus_file=text)
    vocabulary = time.monotonic() - at
    model.train(corpus_file=text, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=SETTINGS["epochs"])
    seconds = time.monotonic() - at
    words = int(sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key))
    return model.wv, {
        "seconds": round(seconds, 2), "parts": {"vocabulary": round(vocabulary, 2), "train": round(seconds - vocabulary, 2)},
        "words": words, "words_per_second": round(words * SETTINGS["epochs"] / (seconds - vocabulary)), "vocabulary": len(model.wv),
        "moments": {"ingest": (at, at + vocabulary), "train": (at + vocabulary, at + seconds)},
    }  # fmt: skip


def scores(vectors: Any, sets: dict[str, str]) -> dict[str, float]:
    """Analogies among the 30,000 most frequent words (percent right), Spearman's rank correlation of the pairs."""
    found = {}
    for name, path in sets.items():
        if name == "analogies":
            found[name] = round(100 * vectors.evaluate_word_analogies(path, restrict_vocab=30000, dummy4unknown=False)[0], 2)
        else:
            found[name] = round(float(vectors.evaluate_word_pairs(path)[1].statistic), 4)
    return found


def main() -> None:
    tool, master, seed, text, *sets = sys.argv[1:]
    if sets and sets[-1].startswith("{"):
        SETTINGS.update(json.loads(sets.pop()))
    logging.getLogger("gensim").setLevel(logging.ERROR)
    name, _, data = tool.partition(":")
    vectors, figures = {"deepdist": deepdist, "gensim": gensim}[name](master, int(seed), text, data)
    line = {"tool": tool, "master": master, "seed": int(seed), **scores(vectors, dict(s.split("=", 1) for s in sets)), **figures}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
