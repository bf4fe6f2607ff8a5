"""Fixtures: the real binaries and a real Spark, one context for all tests of local mode."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None, max_examples=60)
settings.load_profile("here")

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
os.environ.setdefault("DEEPDIST_BIN", str(ROOT / "bin"))
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # two cores are shared by driver, workers and sidecar
    os.environ.setdefault(name, "1")

TESTS = str(Path(__file__).resolve().parent)


@pytest.fixture(scope="session")
def binaries():
    """The folder with both programs."""
    folder = Path(os.environ["DEEPDIST_BIN"])
    for name in ("psserver", "deepdist-sidecar"):
        assert (folder / name).is_file(), f"{folder / name} is missing: run `make build`, or set DEEPDIST_BIN"
    return folder


@pytest.fixture(scope="session")
def sc(binaries):
    """local[2], for every test of local mode."""
    from pyspark import SparkConf, SparkContext

    conf = SparkConf().setMaster("local[2]").setAppName("deepdist tests")
    conf.set("spark.ui.enabled", "false").set("spark.driver.memory", "1g").set("spark.python.worker.reuse", "true")
    context = SparkContext(conf=conf)
    context.setLogLevel("OFF")
    context.addPyFile(os.path.join(TESTS, "helpers.py"))
    yield context
    context.stop()


@pytest.fixture(scope="session")
def spark(sc):
    """A session over the same context."""
    from pyspark.sql import SparkSession

    return SparkSession(sc)


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """No test leaves a psserver behind."""
    yield
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        left = [p for p in psutil.Process().children() if _name(p) == "psserver"]
        if not left:
            return
        time.sleep(0.05)
    assert not left, f"left running: {left}"


def _name(process):
    try:
        return process.name() if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.NoSuchProcess:
        return ""
