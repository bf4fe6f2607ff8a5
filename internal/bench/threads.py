#!/usr/bin/env python3
"""What a second thread costs: `make bench-threads`, with DEEPDIST_CORPUS naming a text file.

Trains two epochs over the first 3 million words with one thread, with two, and in two processes of one thread at once, in turns, five times each at dim 100 and 300 (settings as
in kernel.py). One JSON line per turn, and one with the medians:

    ratio             words per CPU second with two threads over those with one: 1 if threads do not disturb each other
    separate_ratio    the same of the two processes, which have no memory in common: what the machine's common cache and memory take away, without any row that is shared
    peak_ratio        the same of a loop that only multiplies and adds, in registers: what the machine itself takes away
    caches            how many the two processors were found to have before the two threads began: with 2, each thread trained a copy of the rows
    line_transfer_ns  how long a cache line takes from one processor to the other, measured right after the two threads have trained
"""

from __future__ import annotations

import concurrent.futures
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import inputs
from kernel import ROOT, deepdist, first_words

TURNS = 5
WORDS = 3_000_000
EPOCHS = 2


def turn(binary: Path, text: Path, dim: int) -> dict[str, float]:
    one, two = (deepdist(binary, text, dim, threads, epochs=EPOCHS) for threads in (1, 2))
    with concurrent.futures.ThreadPoolExecutor() as processes:
        separate = list(processes.map(lambda _: deepdist(binary, text, dim, 1, epochs=EPOCHS), range(2)))
    return {
        "ratio": two["words_per_cpu_second"] / one["words_per_cpu_second"],
        "separate_ratio": statistics.mean(process["words_per_cpu_second"] for process in separate) / one["words_per_cpu_second"],
        "peak_ratio": two["fma_peak_gflops"] / 2 / one["fma_peak_gflops"],
        "caches": two["caches"],
        "line_transfer_ns": two["line_transfer_ns"],
        "words_per_cpu_second": two["words_per_cpu_second"],
    }


def main() -> None:
    corpus = inputs.corpus("bench-threads")
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel"
        subprocess.run(["go", "build", "-o", binary, "./internal/bench/kernel"], cwd=ROOT, check=True)
        text = first_words(corpus, WORDS, Path(folder) / "text.txt")
        for dim in (100, 300):
            turns = []
            for _ in range(TURNS):
                turns.append(turn(binary, text, dim))
                print(json.dumps({"dim": dim, **{name: round(value, 3) for name, value in turns[-1].items()}}), flush=True)
            medians = {name: round(statistics.median(t[name] for t in turns), 3) for name in turns[0]}
            print(json.dumps({"dim": dim, "turns": TURNS, "median": True, **medians}), flush=True)


if __name__ == "__main__":
    main()
