"""Runs on YARN by spark-submit, the driver here or in a container: trains on text in HDFS, on rows and any model, by a sidecar in each of two
executors' containers, saves the vectors to HDFS, and leaves nothing behind in the containers."""

import os
import random
import sys
import time

import numpy as np
import pyspark
from pyspark import SparkContext

from deepdist import SGD, DeepDist, Word2Vec

TEXT = "hdfs:///text"


def main(way):
    sc = SparkContext(appName=f"on yarn: {way}")
    r = random.Random(1)
    lines = [" ".join(f"w{int(300 * r.random() ** 3)}" for _ in range(20)) for _ in range(20_000)]
    sc.parallelize(lines, 4).saveAsTextFile(f"{TEXT}-{way}")
    sc.parallelize(range(2), 2).map(lambda _: time.sleep(3)).count()  # both executors are there

    workers = {}

    def watch(figures):
        for worker in figures.get("workers") or ():
            workers[worker["worker_id"]] = worker

    with DeepDist(Word2Vec(vector_size=16, min_count=1, sample=0, epochs=3), progress=watch, page=None) as dd:
        psserver = os.readlink(f"/proc/{dd._server.ready.pid}/exe")
        summary = dd.train(f"{TEXT}-{way}/part-*", min_partitions=4)
        assert summary.rows == len(lines) and [e.words for e in summary.epochs] == [20 * len(lines)] * 3, summary
        idle = [worker for worker in workers.values() if not worker.get("pushes")]
        assert len(workers) == 2 and not idle, f"one sidecar for each of two executors: {workers}"
        sidecars = [os.readlink(f"/proc/{worker['pid']}/exe") for worker in workers.values()]
        dd.model.save_word2vec_format(f"hdfs:///vectors-{way}")
        assert dd.train(sc.parallelize(lines, 4), epochs=1).rows == len(lines)
    with DeepDist({"n": np.zeros(1)}, progress=False, page=None) as dd:
        dd.train(sc.parallelize(range(1000), 4), lambda model, rows: {"n": -np.full(1, sum(1.0 for _ in rows))}, SGD(1.0))
        assert dd.model["n"][0] == 1000, dd.model

    # All of it is one machine's: what containers run is seen from here.
    assert all("/usercache/" in program for program in sidecars), f"the sidecars do not come from the containers' files: {sidecars}"
    assert ("/usercache/" in psserver) == (way != "client"), psserver
    sc.stop()
    deadline = time.monotonic() + 30
    while left := [w["pid"] for w in workers.values() if os.path.exists(f"/proc/{w['pid']}")]:
        assert time.monotonic() < deadline, f"sidecars outlived their containers: {left}"
        time.sleep(0.1)
    print(f"PySpark {pyspark.__version__} on YARN, {way}: psserver {psserver}, sidecars {sidecars}: 1 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1])
