#!/usr/bin/env python3
"""deepdist.ml.Word2Vec beside pyspark.ml.feature.Word2Vec on the same cached DataFrame of array<string> (`make bench-ml`). Prints JSON lines.

    fit         seconds and CPU seconds (by kind of process) from `fit` to the vectors, and how good they are; each in a process of its own, local[2],
                with the params' defaults but for the seed and maxIter, Spark's own with numPartitions 1 (its default) and 2
    transform   words per second and per CPU second of both models with the same vectors, in turns; the medians of seven
    synonyms    milliseconds of findSynonymsArray(word, 10), the median of 50 words, in turns; the words that both find

DEEPDIST_SEEDS=1 names the seeds, DEEPDIST_ITERATIONS=1,5 the values of maxIter, DEEPDIST_PARTITIONS=1,2 Spark's numPartitions, DEEPDIST_PARTS=fit,apply
what is measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import inputs
import one_run
import psutil
import train

REPEATS = 7
ASKED = 50


def session() -> Any:
    from pyspark.sql import SparkSession

    conf = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR", "spark.driver.memory": "3g"}
    builder = SparkSession.builder.master("local[2]").appName("DeepDist benchmark").config("spark.deepdist.page", "off")
    for name, value in conf.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def words(spark: Any, text: str) -> tuple[Any, int]:
    """The text as a cached DataFrame of lists of words and of lines, and how many words it has."""
    from pyspark.sql import functions as F

    frame = spark.read.text(text).select(F.split("value", " ").alias("words"), F.col("value").alias("lines")).repartition(4).cache()
    return frame, frame.select(F.sum(F.size("words"))).first()[0]


def fit(tool: str, params: dict[str, Any], text: str, sets: dict[str, str]) -> dict[str, Any]:
    """One fit: its figures, and moments of time.monotonic() around it."""
    from pyspark.ml import feature

    from deepdist import WordVectors
    from deepdist.ml import Word2Vec

    spark = session()
    frame, total = words(spark, text)
    estimator = (Word2Vec if tool == "deepdist.ml" else feature.Word2Vec)(inputCol="words", outputCol="features", **params)
    begin = time.monotonic()
    model = estimator.fit(frame)
    end = time.monotonic()
    if tool == "deepdist.ml":
        wv = model.wv
    else:
        counts = Counter(word for line in open(text) for word in line.split())
        rows = sorted(model.getVectors().collect(), key=lambda row: -counts[row.word])
        wv = WordVectors([row.word for row in rows], [row.vector.toArray() for row in rows], [counts[row.word] for row in rows])
    return {
        "what": "fit", "tool": tool, **params, "words": total, "vocabulary": len(wv), "seconds": round(end - begin, 2),
        **one_run.scores(wv.to_gensim(), sets), "moments": [begin, end],
    }  # fmt: skip


def apply(text: str) -> None:
    """transform and findSynonymsArray of both models, in turns; prints their lines."""
    from deepdist.ml import Word2Vec

    spark = session()
    frame, total = words(spark, text)
    ours = Word2Vec(inputCol="words", outputCol="features", seed=1).fit(frame)
    spark_own = ours.toSpark()
    lines = ours.copy({ours.inputCol: "lines"})
    runs: dict[str, list[tuple[float, float]]] = {}
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]  # the JVM among them, which does the work
    for _ in range(REPEATS + 1):
        for name, model in (("deepdist.ml", ours), ("pyspark.ml", spark_own), ("deepdist.ml, lines", lines)):
            cpu, begin = spent(family), time.monotonic()
            model.transform(frame).select("features").write.format("noop").mode("overwrite").save()
            runs.setdefault(name, []).append((time.monotonic() - begin, spent(family) - cpu))
    for name, took in runs.items():
        seconds, cpu = (statistics.median(values) for values in zip(*took[1:]))  # the first has to compile
        line = {"words_per_second": round(total / seconds), "words_per_cpu_second": round(total / cpu)}
        print(json.dumps({"what": "transform", "tool": name, "words": total, "seconds": round(seconds, 3), "cpu_seconds": round(cpu, 3), **line}))
    asked = ours.wv.index_to_key[100 : 100 + 20 * ASKED : 20]
    times: dict[str, list[float]] = {}
    found: dict[str, list[set[str]]] = {}
    for word in asked:
        for name, model in (("deepdist.ml", ours), ("pyspark.ml", spark_own)):
            begin = time.monotonic()
            near = model.findSynonymsArray(word, 10)
            times.setdefault(name, []).append(1000 * (time.monotonic() - begin))
            found.setdefault(name, []).append({w for w, _ in near})
    same = sum(len(a & b) for a, b in zip(*found.values())) / (10 * ASKED)
    for name, took in times.items():
        print(json.dumps({"what": "synonyms", "tool": name, "vocabulary": len(ours.wv), "milliseconds": round(statistics.median(took), 2), "same": same}))


def spent(family: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in family if process.is_running())


def measured(*arguments: str) -> None:
    """Runs this file with the arguments in a process of its own, and prints its lines with the CPU time of its moments."""
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)
    meter = train.Meter(process.pid)
    meter.start()
    out, _ = process.communicate()
    meter.stop()
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} failed (exit {process.returncode})")
    for line in map(json.loads, filter(lambda text: text.startswith("{"), out.splitlines())):
        moments = line.pop("moments", None)
        if moments:
            line |= {"cpu_seconds": meter.cpu_seconds(*moments), "peak_mb": meter.peak_mb()}
        print(json.dumps(line), flush=True)


def main() -> None:
    if sys.argv[1:2] == ["fit"]:
        tool, params, text, *sets = sys.argv[2:]
        print(json.dumps(fit(tool, json.loads(params), text, dict(s.split("=", 1) for s in sets))), flush=True)
        return
    if sys.argv[1:2] == ["apply"]:
        apply(sys.argv[2])
        return
    text = inputs.corpus("bench-ml")
    parts = os.environ.get("DEEPDIST_PARTS", "fit,apply").split(",")
    sets = [f"{name}={path}" for name, path in inputs.evaluation().items()] if "fit" in parts else []
    for iterations in map(int, os.environ.get("DEEPDIST_ITERATIONS", "1,5").split(",")) if "fit" in parts else ():
        for seed in map(int, os.environ.get("DEEPDIST_SEEDS", "1").split(",")):
            params = {"seed": seed, "maxIter": iterations}
            measured("fit", "deepdist.ml", json.dumps(params), text, *sets)
            for partitions in map(int, os.environ.get("DEEPDIST_PARTITIONS", "1,2").split(",")):
                measured("fit", "pyspark.ml", json.dumps(params | {"numPartitions": partitions}), text, *sets)
    if "apply" in parts:
        measured("apply", text)


if __name__ == "__main__":
    main()
