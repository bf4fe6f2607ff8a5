"""The ways in which the sidecar comes to the executors of a cluster. The programs that run tell by which one it was."""

import sys
from pathlib import Path

import pytest
from helpers import run_app

from deepdist.errors import BinaryError
from deepdist.session import Session
from deepdist.task import sidecar

ENVIRONMENT = Path(__file__).resolve().parents[2] / "build" / "environment.tar.gz"

APP = """
import sys, psutil
from pyspark import SparkConf, SparkContext
from deepdist import *
from helpers import topic_lines, topic_score
conf = SparkConf().setMaster("local-cluster[2,1,1024]").set("spark.ui.enabled", "false").set("spark.executor.memory", "1g")
for pair in sys.argv[2:]:
    conf.set(*pair.split("=", 1))
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
sc.addPyFile(sys.argv[1])
if sc.getConf().get("test.add"):
    sc.addFile(sc.getConf().get("test.add"))
programs = {}
def show(figures):
    for w in figures.get("workers") or ():
        programs[w["pid"]] = programs.get(w["pid"]) or psutil.Process(w["pid"]).exe()
with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=4), progress=show, page=None) as dd:
    dd.train(sc.parallelize(topic_lines(6000), 6))
    assert topic_score(dd.model) > 0.9, topic_score(dd.model)
print("PROGRAMS", *programs.values())
print("SHIPPED", *(f.rsplit("/", 1)[-1] for f in sc.listFiles))
sc.stop()
"""


@pytest.fixture
def train(binaries):
    """Trains on two executors; returns the programs of the sidecars, and the files that the driver has added."""
    import helpers

    def train(*settings, **env):
        out = run_app(APP, helpers.__file__, *settings, timeout=280, env=env).stdout
        programs, shipped = ([line.split()[1:] for line in out.splitlines() if line.startswith(name)][0] for name in ("PROGRAMS", "SHIPPED"))
        assert len(programs) == 2, programs
        return programs, shipped

    return train


def in_package(program):
    return program.endswith("/site-packages/deepdist/bin/deepdist-sidecar")


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_the_sidecar_comes_by_files(train, binaries):
    programs, _ = train(f"spark.files={binaries / 'deepdist-sidecar'}")
    assert all(p != str(binaries / "deepdist-sidecar") and not in_package(p) for p in programs), programs


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_the_sidecar_comes_by_add_file(train, binaries):
    programs, shipped = train(f"test.add={binaries / 'deepdist-sidecar'}")
    assert shipped.count("deepdist-sidecar") == 1
    assert all(p != str(binaries / "deepdist-sidecar") and not in_package(p) for p in programs), programs


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_the_sidecar_comes_in_the_wheel_of_an_environment(train):
    assert ENVIRONMENT.is_file(), f"{ENVIRONMENT} is missing: make build/environment.tar.gz"
    python = {"PYSPARK_PYTHON": "./environment/bin/python"}
    programs, shipped = train(f"spark.archives={ENVIRONMENT}#environment", "spark.deepdist.ship=false", **python)
    assert all(map(in_package, programs)) and "deepdist-sidecar" not in shipped and not any(f.startswith("deepdist-0") for f in shipped)


def test_the_wheel_is_found_although_a_zip_of_the_package_hides_it(tmp_path, monkeypatch):
    installed = tmp_path / "site-packages" / "deepdist" / "bin" / "deepdist-sidecar"
    installed.parent.mkdir(parents=True)
    installed.write_bytes(b"")
    session = Session("id", "driver:1", "token", "hash")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["deepdist-0.1.0.zip", str(tmp_path / "site-packages")])
    assert sidecar.find(session) == str(installed)
    monkeypatch.setattr(sys, "path", ["deepdist-0.1.0.zip"])
    with pytest.raises(BinaryError, match="--files.*spark.deepdist.sidecar.path.*wheel"):
        sidecar.find(session)
