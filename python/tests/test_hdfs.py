"""Text and vectors in a real HDFS of two NameNodes and three DataNodes, which `.ci/lab/hdfs.sh run` starts (`make test-hdfs`)."""

import collections
import gzip
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import run_app

from deepdist import BadInput, DeepDist, Word2Vec
from deepdist.hadoop import configuration
from deepdist.vectors import WordVectors

URL = os.environ.get("HDFS_URL")
LAB = Path(os.environ.get("HDFS_LAB", "."))
pytestmark = pytest.mark.skipif(not URL, reason="HDFS_URL is not set: make test-hdfs starts an HDFS")


@pytest.fixture(scope="module")
def lines():
    r = random.Random(1)
    return [" ".join(f"wört{int(500 * r.random() ** 3)}" for _ in range(r.randrange(40))) for _ in range(25_000)]


@pytest.fixture(scope="module")
def put(sc):
    """Writes a file through Hadoop's own client."""

    def write(path, data):
        java = sc._jvm
        place = java.org.apache.hadoop.fs.Path(URL + path)
        out = place.getFileSystem(sc._jsc.hadoopConfiguration()).create(place)
        for at in range(0, len(data), 1 << 20):
            out.write(bytearray(data[at : at + (1 << 20)]))
        out.close()
        return URL + path

    return write


def train(path, **kw):
    with DeepDist(Word2Vec(vector_size=16, min_count=1, sample=0, epochs=2), progress=False) as dd:
        summary = dd.train(path, **kw)
        return summary, dict(zip(dd.model.wv.index_to_key, dd.model.wv.counts.tolist()))


def test_a_text_of_several_blocks_is_read_whole_whatever_the_splits(sc, lines, put):
    data = "\r\n".join(lines).encode()
    assert len(data) > 3 << 20
    path = put("/text/lines", data)
    counted = collections.Counter(w for line in lines for w in line.split())
    for n in (1, 2, 7):
        summary, counts = train(path, min_partitions=n)
        assert n <= len(summary) <= n + 4 and summary.rows == len(lines) and counts == counted
        assert [e.words for e in summary.epochs] == [sum(counted.values())] * 2
    assert sc.textFile(path).count() == len(lines)


def test_folders_patterns_and_packed_files_are_found(sc, lines, put):
    put("/many/part-0", "\n".join(lines[:100]).encode())
    put("/many/part-1.gz", gzip.compress("\n".join(lines[100:300]).encode()))
    put("/many/_SUCCESS", b"")
    put("/many/.part-0.crc", b"\xff")
    assert train(f"{URL}/many")[0].rows == 300
    assert train(f"{URL}/m*y/part-?")[0].rows == 100
    assert train(f"{URL}/{{many,none}}/part-[1-9].gz")[0].rows == 200
    address = configuration(sc)["settings"][f"dfs.namenode.rpc-address.lab.{active()}"]
    assert train(f"hdfs://{address}/many")[0].rows == 300  # a NameNode by its address, beside the nameservice that has it too


def test_what_cannot_be_read_is_said(sc, put):
    put("/blank", b"")
    put("/latin1", b"good\nB\xf6se")
    for path, said in (
        (f"{URL}/none", f"there is no file {URL}/none"),
        (f"{URL}/none*", "no file matches"),
        (f"{URL}/blank", "is empty"),
        (f"{URL}/latin1", "partition .*latin1: the line at byte 5 is not valid UTF-8"),
    ):
        with pytest.raises(BadInput, match=said):
            train(path)


def test_a_path_without_a_host_lies_in_sparks_default_file_system(sc, put):
    put("/default", b"a b c a b c\n" * 100)
    assert [train(path)[0].rows for path in ("/default", "hdfs:///default")] == [100, 100]


@pytest.fixture
def vectors():
    r = np.random.default_rng(1)
    words = [f"wört{i}" for i in range(20_000)]
    return WordVectors(words, r.standard_normal((len(words), 25)).astype(np.float32))


def same(a, b):
    return a.index_to_key == b.index_to_key and np.array_equal(a.vectors, b.vectors)


@pytest.mark.parametrize("binary", [False, True])
def test_vectors_are_saved_to_hdfs_and_read_back(sc, vectors, binary):
    path = f"{URL}/models/of/{binary}.vec"
    vectors.save_word2vec_format(path, binary)
    assert same(WordVectors.load_word2vec_format(path, binary), vectors)
    if not binary:
        assert sc.textFile(path).count() == len(vectors) + 1
    with pytest.raises(FileExistsError, match=f"{path} is there already"):
        vectors.save_word2vec_format(path, binary, overwrite=False)
    vectors.save_word2vec_format(path, binary)
    listed = sc._jvm.org.apache.hadoop.fs.Path(f"{URL}/models/of")
    files = [f.getPath().getName() for f in listed.getFileSystem(sc._jsc.hadoopConfiguration()).listStatus(listed)]
    assert not [f for f in files if f.startswith(".")], files


def test_what_cannot_be_saved_or_loaded_is_said_as_of_a_local_file(sc, vectors):
    with pytest.raises(FileNotFoundError, match=f"there is no file {URL}/none"):
        WordVectors.load_word2vec_format(f"{URL}/none")
    vectors.save_word2vec_format(f"{URL}/file")
    with pytest.raises(BadInput, match="s3a://b/v: files can be"):
        vectors.save_word2vec_format("s3a://b/v")
    with pytest.raises(BadInput, match="does not reach the NameNode 127.0.0.1:1 .*HADOOP_CONF_DIR"):
        vectors.save_word2vec_format("hdfs://127.0.0.1:1/v")


def test_a_model_is_saved_after_its_session_and_loaded_without_spark(put, vectors, tmp_path):
    path = put("/tiny", b"a b c a b c\n" * 100)
    with DeepDist(Word2Vec(vector_size=4, min_count=1, sample=0), progress=False) as dd:
        dd.train(path)
    dd.model.save_word2vec_format(f"{URL}/tiny.vec", binary=True)
    out = run_app(
        """
import sys
from deepdist.vectors import WordVectors
assert "pyspark" not in sys.modules
print(WordVectors.load_word2vec_format(sys.argv[1], binary=True))
WordVectors.load_word2vec_format(sys.argv[1], binary=True).save_word2vec_format("hdfs:///again")
try:
    WordVectors.load_word2vec_format(sys.argv[1], binary=True).save_word2vec_format("hdfs:///a/again", overwrite=False)
except PermissionError as e:
    print(e)
""",
        f"{URL}/tiny.vec",
    ).stdout
    assert "WordVectors(3 words, 4 dimensions)" in out
    assert same(WordVectors.load_word2vec_format("hdfs:///again"), dd.model.wv)


def test_sparks_own_settings_count_as_those_of_hadoop(sc, put):
    """Without HADOOP_CONF_DIR, the nameservice comes from spark.hadoop.*, and is all that executors get."""
    path = put("/of-settings", b"a b c a b c\n" * 100)
    known = configuration(sc)["settings"]
    assert known["dfs.ha.namenodes.lab"] == "nn1,nn2" and "dfs.replication" not in known
    settings = [f"{k}={v}" for k, v in known.items()]
    out = run_app(
        """
import os, sys
del os.environ["HADOOP_CONF_DIR"]
from pyspark import SparkConf, SparkContext
from deepdist import *
conf = SparkConf().setMaster("local-cluster[1,1,1024]").set("spark.ui.enabled", "false").set("spark.executor.memory", "1g")
for setting in sys.argv[2:]:
    conf.set("spark.hadoop." + setting.split("=")[0], setting.split("=", 1)[1])
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
with DeepDist(Word2Vec(vector_size=4, min_count=1, sample=0), progress=False) as dd:
    print(dd.train(sys.argv[1]).rows, "rows")
    dd.model.save_word2vec_format("hdfs:///of-settings.vec")
print("saved")
sc.stop()
""",
        path,
        *settings,
        timeout=200,
    ).stdout
    assert "100 rows" in out and "saved" in out


def test_a_training_goes_on_when_another_namenode_takes_over(sc, lines, put):
    """The active NameNode dies while the sidecars read; for some seconds there is none."""
    path = put("/taken-over", "\n".join(lines).encode())
    first = active()
    other = {"nn1": "nn2", "nn2": "nn1"}[first]

    def kill():
        os.kill(int((LAB / f"{first}.pid").read_text()), signal.SIGKILL)
        time.sleep(2)
        admin("-transitionToActive", "--forceactive", other)

    killer = threading.Thread(target=kill)

    def first_read(_):
        if not killer.ident:
            killer.start()

    with DeepDist(Word2Vec(vector_size=16, min_count=1, sample=0, epochs=2), progress=first_read) as dd:
        summary = dd.train(path, min_partitions=40)
        dd.model.save_word2vec_format(f"{URL}/taken-over.vec")
    killer.join()
    assert summary.rows == len(lines)
    assert same(WordVectors.load_word2vec_format(f"{URL}/taken-over.vec"), dd.model.wv)
    subprocess.run([LAB / "start", first], check=True)


def active():
    return next(n for n in ("nn1", "nn2") if b"active" in admin("-getServiceState", n))


def admin(*arguments):
    command = [LAB / "admin", "org.apache.hadoop.hdfs.tools.DFSHAAdmin", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
