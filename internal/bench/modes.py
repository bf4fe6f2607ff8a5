#!/usr/bin/env python3
"""Every mode of word2vec beside gensim's with the same settings (`make bench-modes`): accuracy and speed, one JSON line per mode and tool.

    analogies, wordsim353, men   of one training of the text through `local[2]`, or by gensim, 5 epochs at dim 100
    words_per_cpu_second         of one thread on the first 3 million words, training alone, the best of three in turns; a process's CPU time

DEEPDIST_SEEDS=1 names the seeds; DEEPDIST_MODES= some of the modes below; DEEPDIST_TOOLS=deepdist leaves gensim's accuracy out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import inputs
import kernel
import quality

MODES: dict[str, dict[str, int]] = {
    "skip-gram, negative sampling": {"sg": 1},
    "skip-gram, hierarchical softmax": {"sg": 1, "hs": 1, "negative": 0},
    "skip-gram, both": {"sg": 1, "hs": 1},
    "CBOW mean, negative sampling": {"sg": 0},
    "CBOW sum, negative sampling": {"sg": 0, "cbow_mean": 0},
    "CBOW mean, hierarchical softmax": {"sg": 0, "hs": 1, "negative": 0},
}


def speeds(binary: Path, text: Path, settings: dict[str, int]) -> dict[str, float]:
    """Words per CPU second of both tools, the best of three runs in turns."""
    rival = kernel.Gensim(text, 100, **settings)
    best = {"deepdist": 0.0, "gensim": 0.0}
    for _ in range(kernel.REPEATS):
        for line in (kernel.deepdist(binary, text, 100, 1, **settings), rival.run(1)):
            best[line["tool"]] = max(best[line["tool"]], line["words_per_cpu_second"])
    return best


def main() -> None:
    text, sets = inputs.corpus("bench-modes"), inputs.evaluation()
    seeds = [int(seed) for seed in os.environ.get("DEEPDIST_SEEDS", "1").split(",")]
    tools = os.environ.get("DEEPDIST_TOOLS", "deepdist,gensim").split(",")
    chosen = [mode for mode in MODES if os.environ.get("DEEPDIST_MODES", "") in mode]
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel"
        subprocess.run(["go", "build", "-o", binary, "./internal/bench/kernel"], cwd=kernel.ROOT, check=True)
        first = kernel.first_words(text, 3_000_000, Path(folder) / "text.txt")
        for mode in chosen:
            for tool, speed in speeds(binary, first, MODES[mode]).items():
                print(json.dumps({"mode": mode, "tool": tool, "words_per_cpu_second": round(speed)}), flush=True)
    for mode in chosen:
        for tool, master in [("deepdist", "local[2]"), ("gensim", "2 threads")]:
            for seed in seeds if tool in tools else ():
                quality.run(tool, master, seed, text, sets, **MODES[mode])


if __name__ == "__main__":
    main()
