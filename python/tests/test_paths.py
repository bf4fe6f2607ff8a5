"""A path as data: the sidecars read the text by themselves."""

import bz2
import collections
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from helpers import run_app, topic_lines, topic_score

from deepdist import SGD, BadInput, DeepDist, Word2Vec
from deepdist.source import resolve


def small(**settings):
    return Word2Vec(**{"vector_size": 24, "min_count": 1, "sample": 0.0, "epochs": 3, "seed": 7, **settings})


def train(data, model=None, **kw):
    with DeepDist(model or small(epochs=1), progress=False) as dd:
        return dd.train(data, **kw), dd.model


def counts(model):
    return dict(zip(model.wv.index_to_key, model.wv.counts.tolist()))


@pytest.fixture(scope="module")
def lines():
    return topic_lines(6000)


@pytest.fixture(scope="module")
def text(lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text("\n".join(lines))
    return path


def test_a_path_trains_like_the_lines_in_it(sc, lines, text):
    for path, kw, partitions in ((text, {}, 2), (f"file:{text}", {"min_partitions": 5}, 5), (os.path.relpath(text), {}, 2)):
        summary, model = train(path, small(), **kw)
        assert list(summary) == ["OK"] * partitions and summary.rows == summary.records == len(lines)
        assert [e.words for e in summary.epochs] == [12 * len(lines)] * 3
        assert topic_score(model) > 0.9
        assert counts(model) == collections.Counter(w for line in lines for w in line.split())


def test_a_path_and_spark_see_the_same_lines(sc, tmp_path):
    parts = ["one two\r\nthree\rfour\n\n", "\ufefffünf  sechs\u2003sieben", "\n", "last line"]
    for i, part in enumerate(parts):
        data = part.encode()
        (tmp_path / ("part-%d%s" % (i, ("", "", ".gz", ".bz2")[i]))).write_bytes((bytes, bytes, gzip.compress, bz2.compress)[i](data))
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-0.crc").write_bytes(b"\xff")
    ours, model = train(str(tmp_path), min_partitions=7)
    theirs, same = train(sc.textFile(str(tmp_path), 7))
    assert (ours.rows, ours.records, ours.words) == (theirs.rows, theirs.records, theirs.words) == (7, 5, 9)
    assert counts(model) == counts(same)
    assert train(f"{tmp_path}/part-[0-1]")[0].rows == 5


def test_a_line_longer_than_any_buffer_is_split_and_counted_once(sc, tmp_path):
    (tmp_path / "long").write_text("a b c d e f g h i j\u00a0" * 300_000 + "\nshort")
    summary, model = train(tmp_path / "long", small(epochs=1, vector_size=8, negative=1, window=1))
    assert (summary.rows, summary.words, summary.split_sentences) == (2, 3_000_001, 1)
    assert list(summary) == ["OK", "OK"] and counts(model)["j"] == 300_000


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("s3a://bucket/text", r'dd.train\(sc.textFile\("s3a://bucket/text"\)\)'),
        ("hdfs:///text", "names no NameNode"),
        ("HDFS://127.0.0.1:1/text", "does not reach the NameNode 127.0.0.1:1 .*HA"),
        ("", "the path is empty"),
        ("{tmp}/none", "there is no file .*/none on host .*every executor"),
        ("{tmp}/none-*", "no file matches"),
        ("{tmp}/nothing", "is empty"),
        ("{tmp}/blank", "not a single word"),
        ("{tmp}/latin1", "partition 0: .*latin1: the line at byte 5 is not valid UTF-8"),
        ("{tmp}/text.xz", "not .xz"),
        ("{tmp}/plain.gz", "plain.gz is damaged"),
    ],
)
def test_a_path_that_cannot_be_trained_on_says_what_to_do(sc, tmp_path, path, said):
    for name, data in (("nothing", b""), ("blank", b" \n\n"), ("latin1", b"good\nB\xf6se"), ("text.xz", b"x"), ("plain.gz", b"plain")):
        (tmp_path / name).write_bytes(data)
    with DeepDist(small(), progress=False) as dd, pytest.raises(BadInput, match=said) as e:
        dd.train(path.format(tmp=tmp_path), min_partitions=1)
    assert "\n" not in str(e.value)


def test_what_goes_with_paths_only_and_what_does_not_is_told(sc, text):
    with DeepDist(small(), progress=False) as dd:
        with pytest.raises(BadInput, match="min_partitions= is for paths"):
            dd.train(sc.parallelize(["a"]), min_partitions=2)
        with pytest.raises(BadInput, match="min_partitions= is for paths"):
            dd.train(sc.parallelize(["a"]), lambda model, rows: None, lambda model, update: None, min_partitions=2)
        with pytest.raises(BadInput, match="column= is for DataFrames"):
            dd.train(text, column="text")
        with pytest.raises(ValueError, match="min_partitions=0"):
            dd.train(text, min_partitions=0)
    with DeepDist({"w": np.zeros(2)}, progress=False) as dd, pytest.raises(BadInput, match="let Spark read it"):
        dd.train(text, lambda model, rows: None, SGD())


def test_a_path_without_a_file_system_lies_in_sparks_default_one(sc):
    conf = sc._jsc.hadoopConfiguration()
    before = conf.get("fs.defaultFS")
    assert resolve(sc, "/a b") == "file:///a b" and resolve(sc, Path("a")) == f"file://{os.getcwd()}/a"
    try:
        conf.set("fs.defaultFS", "hdfs://name:9000/")
        assert resolve(sc, "/a") == "hdfs://name:9000/a" and resolve(sc, "hdfs:///a") == "hdfs:///a"  # of which psserver knows the same
        assert resolve(sc, "a") == f"hdfs://name:9000/user/{sc.sparkUser()}/a" and resolve(sc, "file:///a") == "file:///a"
    finally:
        conf.set("fs.defaultFS", before)


@pytest.mark.cluster
@pytest.mark.patient
@pytest.mark.timeout(300)
def test_every_pass_is_trained_from_the_spool_of_its_own_sidecar(text):
    import helpers

    out = run_app(
        """
import sys
from pyspark import SparkConf, SparkContext
from deepdist import *
from helpers import topic_score
conf = SparkConf().setMaster("local-cluster[4,1,1024]").set("spark.ui.enabled", "false").set("spark.executor.memory", "1g")
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
sc.addPyFile(sys.argv[1])
seen = {}
def show(figures):
    for w in figures.get("workers") or ():
        seen[w["pid"]] = max(seen.get(w["pid"], 0), w["pushes"])
sc.parallelize(range(4), 4).mapPartitions(lambda _: (__import__("time").sleep(2), [0])[1]).count()  # all four executors are there
with DeepDist(Word2Vec(vector_size=24, min_count=1, sample=0, epochs=5), progress=show) as dd:
    summary = dd.train(sys.argv[2], min_partitions=12)
    assert [e.words for e in summary.epochs] == [72000] * 5 and len(summary) == 12, summary
    assert topic_score(dd.model) > 0.9
    assert summary.passes == 60 and summary.own_passes >= 57, summary
    assert f"passes over a partition: 60, {summary.own_passes} of them" in repr(summary), summary
assert sum(1 for n in seen.values() if n) >= 2, seen
print(summary)
sc.stop()
print("FINE")
""",
        helpers.__file__,
        f"file://{text}",
        timeout=280,
    ).stdout
    assert "FINE" in out
