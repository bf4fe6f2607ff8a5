#!/usr/bin/env python3
"""What memory and disk a training takes, beside the formula of docs/spark.md (`make bench-memory`).

It makes a text of its own: every word of a vocabulary once and the rest drawn by Zipf's law, so that with min_count 1 the vocabulary is as large as it is
asked to be. That is trained for one epoch in `local[2]`, and every process is read twenty times a second meanwhile. Prints one line of JSON:

    formula     bytes by term, and by process: what the terms come to when it is fullest
    measured    bytes by process: `peak` (VmHWM), and the largest RssAnon and RssShmem that were seen; shared memory that two processes map
                is counted with both
    ratio       peak ÷ formula, of psserver and the sidecar
    spool       bytes on disk, and per word of the text

DEEPDIST_VOCABULARY=1000000, DEEPDIST_WORDS=4000000 and DEEPDIST_DIM=300 are the sizes; DEEPDIST_SETTINGS={"hs": 1} adds settings. At these sizes
the machine needs 11 GB free.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from train import Meter

SIZES = {"vocabulary": 1_000_000, "words": 4_000_000, "dim": 300}
LINE = 20
WORD = 240
"""What psserver and the sidecar take for a word, besides its text: as in psserver/vocabulary/settle.go."""
PROGRAM = 100_000_000
"""What each takes without any: its code and buffers."""


class MemoryMeter(Meter):
    """MemoryMeter also notes the largest anonymous and shared memory of each role."""

    def __init__(self, root: int):
        super().__init__(root)
        self.largest: dict[str, dict[str, int]] = {}

    def _read(self, pid: int) -> None:
        super()._read(pid)
        roles = [role for role, known in self._peaks if known == pid]
        if not roles:
            return
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(("VmHWM", "Rss")))
        seen = self.largest.setdefault(roles[-1], {"peak": 0, "anonymous": 0, "shared": 0})
        for name, field in (("peak", "VmHWM"), ("anonymous", "RssAnon"), ("shared", "RssShmem")):
            seen[name] = max(seen[name], int(status.get(field, "0").split()[0]) << 10)  # one that has ended, but is not collected, has none


def make_text(path: Path, vocabulary: int, words: int) -> int:
    """Writes the text; returns the bytes of its distinct words."""
    random = np.random.default_rng(1)
    weights = 1 / np.arange(1, vocabulary + 1)
    drawn = np.searchsorted(np.cumsum(weights) / weights.sum(), random.random(words - vocabulary))
    ids = random.permutation(np.concatenate([np.arange(vocabulary), np.minimum(drawn, vocabulary - 1)]))
    names = [name(i) for i in range(vocabulary)]
    with open(path, "w") as f:
        for at in range(0, len(ids), LINE):
            f.write(" ".join(names[i] for i in ids[at : at + LINE]) + "\n")
    return sum(map(len, names))


def name(i: int) -> str:
    """A word of about the length that words of this rank have."""
    letters = ""
    while True:
        letters += chr(97 + i % 26)
        i //= 26
        if not i:
            return letters + "ing" * (len(letters) > 2)


def train(text: str, settings: dict[str, Any]) -> dict[str, Any]:
    """One training, in a process of its own."""
    from pyspark import SparkConf, SparkContext

    from deepdist import DeepDist, Word2Vec

    conf = SparkConf().setMaster("local[2]").setAppName("DeepDist benchmark").set("spark.ui.enabled", "false").set("spark.log.level", "ERROR")
    conf.set("spark.ui.showConsoleProgress", "false")
    reported = {"spool_bytes": 0, "replica_bytes": 0}

    def watch(figures: dict[str, Any]) -> None:
        for worker in figures.get("workers") or ():
            for field in reported:
                reported[field] = max(reported[field], int(worker.get(field) or 0))

    with SparkContext(conf=conf) as sc, DeepDist(Word2Vec(**settings), page=None, progress=watch) as dd:
        summary = dd.train(sc.textFile(text))
        return {
            "vocabulary": len(dd.model.wv), "pushes": sum(epoch.pushes for epoch in summary.epochs), "replica_bytes": reported["replica_bytes"],
            "spool_bytes": reported["spool_bytes"], "seconds": round(summary.seconds["total"], 1),
        }  # fmt: skip


def formula(v: int, text: int, words: int, settings: dict[str, Any]) -> dict[str, Any]:
    """The terms of docs/spark.md, in bytes."""
    d, matrices = settings["vector_size"], 1 + (settings.get("negative", 5) > 0) + settings.get("hs", 0)
    terms = {
        "model": matrices * v * 4 * d,
        "push": matrices * v * (4 * d + 4),
        "way out": matrices * v * 4 * d,
        "replica": 2 * matrices * v * 4 * (-(-d // 16) * 16),
        "vocabulary": text + v * WORD,
        "text": round((4 + 16 / LINE) * min(words if words <= 20_000_000 else 40_000_000, words * settings["epochs"])),
        "program": PROGRAM,
    }
    own = terms["program"] + terms["vocabulary"]
    server = own + terms["model"] + max(terms["push"], terms["way out"])
    return {**terms, "psserver": server, "sidecar": own + terms["replica"] + terms["text"]}


def main() -> None:
    v, words, d = (int(os.environ.get(f"DEEPDIST_{field.upper()}", size)) for field, size in SIZES.items())
    settings = dict(vector_size=d, sg=1, negative=5, min_count=1, epochs=1) | json.loads(os.environ.get("DEEPDIST_SETTINGS", "{}"))
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        letters = make_text(text, v, words)
        process = subprocess.Popen([sys.executable, __file__, "train", str(text), json.dumps(settings)], stdout=subprocess.PIPE, text=True)
        meter = MemoryMeter(process.pid)
        meter.start()
        out, _ = process.communicate()
        meter.stop()
    if process.returncode:
        sys.exit(f"the training failed (exit {process.returncode})")
    run, terms = json.loads(out.splitlines()[-1]), formula(v, letters, words, settings)
    spool = run.pop("spool_bytes")
    print(json.dumps({
        "words": words, "dim": d, **run, "formula": terms, "measured": meter.largest,
        "ratio": {role: round(meter.largest[role]["peak"] / terms[role], 3) for role in ("psserver", "sidecar")},
        "spool": {"bytes": spool, "per_word": round(spool / words, 2)},
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        print(json.dumps(train(sys.argv[2], json.loads(sys.argv[3]))), flush=True)
    else:
        main()
