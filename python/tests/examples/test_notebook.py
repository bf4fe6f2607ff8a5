"""DeepDist in a notebook: cells, one of them interrupted, one with an error, in one process that goes on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import psutil
import pytest
from run_example import EXAMPLES

BEGIN = f"""
import numpy as np
from pyspark import SparkConf, SparkContext
from deepdist import SGD, DeepDist, Word2Vec
sc = SparkContext(conf=SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false").set("spark.log.level", "OFF"))
lines = sc.textFile("file://{EXAMPLES}/sample/part-00.txt.bz2", 2)
print("ready", flush=True)
"""
LONG = """
with DeepDist(Word2Vec(vector_size=50, sg=1, epochs=10000), page=0) as dd:
    print("page", dd.page, flush=True)
    dd.train(lines)
"""
ALIVE = 'print("alive", sc.parallelize(range(10), 2).sum(), flush=True)'
SHORT = """
with DeepDist(Word2Vec(vector_size=20, sg=1, epochs=1), page=None) as dd:
    print("trained", *dd.train(lines), flush=True)
"""
WRONG = """
def gradient(model, rows):
    raise ValueError("a mistake of mine")

with DeepDist({"w": np.zeros(3)}, page=None) as dd:
    dd.train(lines, gradient, SGD())
"""


class Notebook:
    """Notebook is Python's own prompt, fed cell by cell; what it prints is kept."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-i", "-q", "-u"], cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.printed = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while part := os.read(self.process.stdout.fileno(), 65536):
            self.printed += part.decode(errors="replace")

    def run(self, cell, until):
        """Type a cell and wait for what it must print; returns what follows that on its line."""
        seen = len(self.printed)
        for line in cell.strip().split("\n"):
            self.process.stdin.write(line + "\n")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.wait(until, seen)

    def wait(self, until, seen=0, seconds=120):
        deadline = time.monotonic() + seconds
        while until not in self.printed[seen:]:
            assert time.monotonic() < deadline and self.process.poll() is None, f"no {until!r} in:\n{self.printed[seen:][-4000:]}"
            time.sleep(0.05)
        return self.printed[seen:].partition(until)[2].partition("\n")[0].strip()

    def servers(self):
        return [p for p in psutil.Process(self.process.pid).children() if p.name() == "psserver"]


@pytest.fixture
def notebook(tmp_path):
    notebook = Notebook(tmp_path)
    yield notebook
    if notebook.process.poll() is None:
        family = psutil.Process(notebook.process.pid).children(recursive=True)
        notebook.process.kill()
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
    notebook.process.wait()


def eventually(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def test_an_interrupted_cell_and_a_failing_one_leave_nothing_running_and_the_notebook_goes_on(notebook):
    notebook.run(BEGIN, until="ready")

    page = notebook.run(LONG, until="page ")
    workers = []

    def training():
        with urllib.request.urlopen(f"{page}/figures") as answer:
            figures = json.load(answer)
        workers[:] = [worker["pid"] for worker in figures.get("workers") or ()]
        return figures.get("words", 0) > 0 and workers

    eventually(training)
    assert len(notebook.servers()) == 1
    notebook.process.send_signal(signal.SIGINT)
    notebook.wait("KeyboardInterrupt")
    eventually(lambda: not notebook.servers())

    assert notebook.run(ALIVE, until="alive ") == "45"
    assert notebook.run(SHORT, until="trained ") == "OK OK"
    notebook.run(WRONG, until="a mistake of mine")
    eventually(lambda: not notebook.servers())
    assert notebook.run(ALIVE, until="alive ") == "45"

    family = psutil.Process(notebook.process.pid).children(recursive=True)
    notebook.process.stdin.close()
    notebook.process.wait(60)
    eventually(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in workers))
