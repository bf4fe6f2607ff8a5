#!/usr/bin/env python3
"""How fast text comes out of HDFS: read by the sidecars (`dd.train(path)`) and through Spark (`dd.train(sc.textFile(path))`), from the same
file in the same HDFS (`make bench-hdfs`), in local[2].

Each repeat goes through the ways one after the other, every second one backwards, so that they meet the same machine. Prints JSON lines: `mb_per_second` of
the text and `cpu_seconds` of the processes by their kind (the daemons of HDFS are `jvm of HDFS`). The ways:
    count   sc.textFile(path), whose lines are counted inside the JVM: reading alone, as Spark does it
    get     psserver get: reading alone, by the Go client, in one process with one connection
    lines   the ingest of dd.train(sc.textFile(path)): reading, tokens, counts, spool
    path    the ingest of dd.train(path): the same
The last line is the median of the ratios path ÷ lines, each within one repeat.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import inputs
from train import TICKS, Meter

REPEATS = int(os.environ.get("DEEPDIST_REPEATS", "5"))
BLOCK = 32 << 20
WAYS = ("count", "get", "lines", "path")


def put(sc: Any, text: str, to: str) -> int:
    """Write the file to HDFS, in blocks of 32 MiB; returns its size."""
    place = sc._jvm.org.apache.hadoop.fs.Path(to)
    conf = sc._jsc.hadoopConfiguration()
    conf.setLong("dfs.blocksize", BLOCK)
    place.getFileSystem(conf).copyFromLocalFile(sc._jvm.org.apache.hadoop.fs.Path(f"file://{text}"), place)
    return os.path.getsize(text)


def of_hdfs() -> float:
    """CPU seconds so far of the daemons."""
    total = 0
    for file in Path(os.environ["HDFS_LAB"]).glob("*.pid"):
        fields = Path(f"/proc/{file.read_text().strip()}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def of_commands() -> float:
    """CPU seconds of commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def ingest(data: Any) -> tuple[float, float]:
    """When an ingest began and ended; the training after it is as small as it can be."""
    from deepdist import DeepDist, Word2Vec

    with DeepDist(Word2Vec(vector_size=1, window=1, negative=1, sample=1e-9, epochs=1), page=None, progress=False) as dd:
        began = time.monotonic()
        summary = dd.train(data)
        return began, began + summary.seconds["ingest"]


def main() -> None:
    text = inputs.corpus("bench-hdfs")
    from pyspark import SparkConf, SparkContext

    conf = SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false").set("spark.log.level", "ERROR").set("spark.ui.showConsoleProgress", "false")
    with SparkContext(conf=conf) as sc:
        url = f"{os.environ['HDFS_URL']}/text"
        size = put(sc, text, url)
        program = str(Path(__file__).resolve().parents[2] / "bin" / "psserver")
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        spent: dict[str, list[float]] = {way: [] for way in WAYS}
        for repeat in range(REPEATS + 1):  # the first one warms up the JVM and is not told
            for way in WAYS[:: 1 if repeat % 2 else -1]:
                meter = Meter(os.getpid())
                meter.start()
                time.sleep(0.5)
                daemons, commands, began = of_hdfs(), of_commands(), time.monotonic()
                if way == "count":
                    sc.textFile(url)._jrdd.count()
                elif way == "get":
                    subprocess.run([program, "get", url], stdout=subprocess.DEVNULL, check=True)
                else:
                    began, ended = ingest(sc.textFile(url) if way == "lines" else url)
                if way in ("count", "get"):
                    ended = time.monotonic()
                ran = {"psserver": round(of_commands() - commands, 2)} if way == "get" else {}  # it is over before the meter sees it
                cpu = {**meter.cpu_seconds(began, ended), **ran, "jvm of HDFS": round(of_hdfs() - daemons, 2)}
                meter.stop()
                if repeat:
                    seconds[way].append(ended - began)
                    spent[way].append(sum(cpu.values()))
                    print(json.dumps({"way": way, "repeat": repeat, "mb": size / 1e6, "seconds": round(ended - began, 2),
                                      "mb_per_second": round(size / 1e6 / (ended - began), 1), "cpu_seconds": cpu}), flush=True)  # fmt: skip
        ratio = {
            "speed": statistics.median(b / a for a, b in zip(seconds["path"], seconds["lines"])),
            "cpu_seconds": statistics.median(a / b for a, b in zip(spent["path"], spent["lines"])),
        }
        print(json.dumps({"way": "path ÷ lines", "repeats": REPEATS, **{k: round(v, 2) for k, v in ratio.items()}}, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
