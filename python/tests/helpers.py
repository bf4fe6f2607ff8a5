"""Data and processes that several tests use; shipped to the workers too."""

import os
import random
import subprocess
import sys
import time

import numpy as np

TOPICS = 10
WORDS = 12


def topic_lines(n, seed=0, length=12):
    """n lines, each of words of one topic: words of a topic must end up as neighbours."""
    r = random.Random(seed)
    out = []
    for _ in range(n):
        t = r.randrange(TOPICS)
        out.append(" ".join(f"t{t}w{int(WORDS * r.random() ** 2)}" for _ in range(length)))
    return out


def topic_score(model, topn=5):
    """Share of the nearest neighbours that are of the word's own topic."""
    hits = total = 0
    for t in range(TOPICS):
        for other, _ in model.most_similar(f"t{t}w0", topn=topn):
            hits += other.startswith(f"t{t}w")
            total += 1
    return hits / total


def count(model, rows):
    """A gradient: how many records the partition had."""
    return {"w": np.array([1.0, 0.0]) * sum(1 for _ in rows)}


def jvm_pid(sc):
    """The driver's JVM."""
    return int(sc._jvm.java.lang.ProcessHandle.current().pid())


def sidecars(jvm=None):
    """Running sidecars (of one JVM)."""
    import psutil

    out = []
    for p in psutil.process_iter(["name", "cmdline", "status"]):
        if p.info["name"] == "deepdist-sidecar" and p.info["status"] != psutil.STATUS_ZOMBIE:
            if jvm is None or str(jvm) in (p.info["cmdline"] or []):
                out.append(p)
    return out


def once_in_training(act):
    """A reader of figures that calls `act` as soon as words have been trained, again until it returns something; and the list of that."""
    done = []

    def watch(figures):
        if not done and figures.get("phase") == "training" and figures.get("words", 0) > 0:
            done.extend(act())

    return watch, done


def all_sidecars(sc, do):
    """Do something to each sidecar of this driver's JVM, by the name of psutil's method; returns their processes."""
    found = sidecars(jvm_pid(sc))
    for process in found:
        getattr(process, do)()
    return found


def until(what, seconds=60):
    """Ask again and again until `what()` is true; returns that."""
    deadline = time.monotonic() + seconds
    while not (got := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return got


def run_app(source, *args, timeout=170, env=None, check=True):
    """Run a driver program of its own; returns the finished process."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join([here, os.path.dirname(here), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", source, *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": path, **(env or {})},
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done
