"""Runs by spark-submit on a standalone cluster whose workers 127.0.0.1 and 127.0.0.2 share their addresses with DataNodes of `hdfs.sh`:
tasks that read a path run where its blocks are. Each block has two replicas on three DataNodes, so one of the workers has it; and the file ends
with a block, since a partition of a shorter one and a part of another has only the DataNode that holds both, which may have no worker."""

import json
import os
import random
import sys
import tempfile
from pathlib import Path

import pyspark
from pyspark import SparkConf, SparkContext

from deepdist import DeepDist, Word2Vec

BLOCK = 1 << 20  # of hdfs.sh


def main():
    events = tempfile.TemporaryDirectory()
    conf = SparkConf().setAppName("placed").set("spark.eventLog.enabled", "true").set("spark.eventLog.dir", f"file://{events.name}")
    conf.set("spark.eventLog.compress", "false").set("spark.eventLog.rolling.enabled", "false").set("spark.locality.wait", "20s")
    sc = SparkContext(conf=conf)
    r = random.Random(1)
    lines = [" ".join(f"w{int(500 * r.random() ** 3)}" for _ in range(30)) for _ in range(60_000)]
    path = f"{os.environ['HDFS_URL']}/placed-{pyspark.__version__}"
    place = sc._jvm.org.apache.hadoop.fs.Path(path)
    system = place.getFileSystem(sc._jsc.hadoopConfiguration())
    out = system.create(place)
    text = "\n".join(lines).encode()
    out.write(bytearray(text + b" " * (-len(text) % BLOCK)))
    out.close()
    status = system.getFileStatus(place)
    held = [tuple(b.getHosts()) for b in system.getFileBlockLocations(status, 0, status.getLen())]
    sc.parallelize(range(2), 2).map(lambda _: __import__("time").sleep(3)).count()  # both executors are there

    with DeepDist(Word2Vec(vector_size=8, min_count=1, sample=0, epochs=1), progress=False) as dd:
        summary = dd.train(path, min_partitions=len(held))
    assert summary.rows == len(lines), summary
    sc.stop()

    ingests, hosts, levels = set(), set(), []
    for line in next(f for f in Path(events.name).iterdir() if f.is_file()).read_text().splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart" and "ingest" in (event.get("Properties") or {}).get("spark.job.description", ""):
            ingests.update(event["Stage IDs"])
        if event["Event"] == "SparkListenerTaskEnd" and event["Stage ID"] in ingests:
            levels.append(event["Task Info"]["Locality"])
            hosts.add(event["Task Info"]["Host"])
    away = [level for level in levels if level not in ("NODE_LOCAL", "PROCESS_LOCAL")]
    assert len(levels) == len(summary) and len(levels) >= 5 and not away, (levels, held)
    assert hosts == {"127.0.0.1", "127.0.0.2"}, hosts
    print(f"PySpark {pyspark.__version__}: {len(levels)} of {len(levels)} tasks ran where their block is: 1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
