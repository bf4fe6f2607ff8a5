"""Text in a real HDFS, which `.ci/lab/hdfs.sh run` starts (`make test-hdfs`)."""

import collections
import gzip
import os
import random

import pytest

from deepdist import BadInput, DeepDist, Word2Vec

URL = os.environ.get("HDFS_URL")
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
        assert len(summary) == n and summary.rows == len(lines) and counts == counted
        assert [e.words for e in summary.epochs] == [sum(counted.values())] * 2
    assert sc.textFile(path).count() == len(lines)


def test_folders_patterns_and_packed_files_are_found(lines, put):
    put("/many/part-0", "\n".join(lines[:100]).encode())
    put("/many/part-1.gz", gzip.compress("\n".join(lines[100:300]).encode()))
    put("/many/_SUCCESS", b"")
    assert train(f"{URL}/many")[0].rows == 300
    assert train(f"{URL}/m*y/part-?")[0].rows == 100


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
    conf = sc._jsc.hadoopConfiguration()
    before = conf.get("fs.defaultFS")
    try:
        conf.set("fs.defaultFS", URL)
        assert [train(path)[0].rows for path in ("/default", "hdfs:///default")] == [100, 100]
    finally:
        conf.set("fs.defaultFS", before)
