"""Runs on a standalone cluster by spark-submit: both ways to train, by the sidecar that came in the way named, nothing left behind."""

import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyspark
from pyspark import SparkContext

from deepdist import SGD, DeepDist, Word2Vec, launch

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample"
IN_ENVIRONMENT = "/site-packages/deepdist/bin/deepdist-sidecar"


def main(way):
    workers, programs = {}, {}

    def watch(figures):
        for worker in figures.get("workers") or ():
            workers[worker["worker_id"]] = worker
            try:
                programs.setdefault(worker["pid"], psutil.Process(worker["pid"]).exe())
            except psutil.Error:
                pass

    sc = SparkContext(appName="submitted")
    if way == "addFile":
        sc.addFile(launch.find("deepdist-sidecar", None, ""))
    word2vec(sc, watch)

    assert len(workers) >= 2, f"one sidecar per executor, and there are two: {workers}"
    idle = [worker for worker in workers.values() if not worker.get("pushes")]
    assert not idle, f"these sidecars pushed nothing: {idle}"
    strangers = [program for program in programs.values() if "/app-" not in program and "/spark-" not in program]
    assert len(programs) >= 2 and not strangers, f"the sidecars are not the shipped file: {programs}"
    assert all(program.endswith(IN_ENVIRONMENT) == (way == "archives") for program in programs.values()), programs

    if way == "files":
        mean(sc)
    sc.stop()
    for _ in range(100):
        left = [pid for pid in programs if psutil.pid_exists(pid)]
        if not left:
            break
        time.sleep(0.2)
    assert not left, f"sidecars outlived their executors: {left}"
    print(f"PySpark {pyspark.__version__} on {sc.master}, sidecar by {way}: 1 passed, 0 failed")


def word2vec(sc, watch):
    lines = sc.textFile(f"file://{SAMPLE}/part-*.txt.bz2", 4)
    with DeepDist(Word2Vec(vector_size=50, sg=1, sample=1e-4, epochs=4), progress=watch) as dd:
        summary = dd.train(lines)
        assert list(summary) == ["OK"] * len(summary), summary
        print(summary)
        near = [word for word, _ in dd.model.most_similar("physics", topn=20)]
        assert {"mathematics", "theoretical", "quantum", "mechanics", "chemistry"} & set(near), near


def mean(sc):
    def gradient(model, rows):
        rows = np.array(list(rows))
        return {"w": model["w"] - rows.mean()}

    with DeepDist({"w": np.zeros(1)}) as dd:
        dd.train(sc.parallelize([1.0, 2.0, 3.0, 6.0], 2), gradient, SGD(learning_rate=0.1), epochs=30)
        dd.train(sc.parallelize([1.0, 2.0, 3.0, 6.0], 2), gradient, SGD(learning_rate=0.02), epochs=10)
        assert abs(float(dd.model["w"][0]) - 3.0) < 0.5, dd.model


if __name__ == "__main__":
    main(sys.argv[1])
