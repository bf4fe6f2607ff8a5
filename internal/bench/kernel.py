#!/usr/bin/env python3
"""The training kernel's speed beside gensim's: `make bench-kernel`, with DEEPDIST_CORPUS naming a text file.

Both train one epoch of skip-gram with negative sampling (window 5, negative 5, sample 1e-4, min_count 5) over the same first words of the text: 3 million at
dim 100 and 300, 1 million at dim 900. They run in turns, three times each, and the best run by words per CPU second counts. One JSON line per tool, dim
and number of threads:

    words_per_second       raw in-vocabulary words per second of wall time
    words_per_cpu_second   the same per second of the process's CPU time, which other load on the machine disturbs less
    pairs_per_second       (center, context word) pairs; gensim's from the pairs per word that ours counts (the distributions are the same)
    gflops                 6·dim per pair and output row, of which there are 1 + negative; no padding counted
    fma_peak_gflops        what these threads could do if they did nothing but multiply and add, measured in the same run (of ours)

Only training is timed, neither reading the vocabulary nor making the tables. Ours has the text in memory as ids; gensim reads it through corpus_file, its fastest
way. The last lines compare the two by words per CPU second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy loads: gensim's threads are those that it is given

import inputs

ROOT = Path(__file__).resolve().parents[2]
DIMS = {100: 3_000_000, 300: 3_000_000, 900: 1_000_000}
THREADS = (1, 2)
REPEATS = 3


def first_words(source: str, words: int, target: Path) -> Path:
    """The first lines of the text that reach so many words."""
    seen = 0
    with open(source, encoding="utf-8") as lines, open(target, "w", encoding="utf-8") as out:
        for line in lines:
            out.write(line)
            seen += len(line.split())
            if seen >= words:
                break
    return target


def deepdist(binary: Path, text: Path, dim: int, threads: int, **settings: int) -> dict:
    flags = [f"-{name.replace('_', '-')}={value}" for name, value in settings.items()]
    ran = subprocess.run([binary, "-corpus", text, "-dim", str(dim), "-threads", str(threads), *flags], check=True, stdout=subprocess.PIPE)
    return json.loads(ran.stdout)


class Gensim:
    """gensim's model of one text and size, its vocabulary counted once."""

    def __init__(self, text: Path, dim: int, **settings: int) -> None:
        from gensim.models.word2vec import FAST_VERSION, Word2Vec

        if FAST_VERSION < 0:
            sys.exit("gensim runs without its compiled code here: install a wheel of gensim, or a compiler")
        self.text, self.dim = str(text), dim
        shared = {"window": 5, "negative": 5, "sample": 1e-4, "min_count": 5, "sg": 1, "epochs": 1, "seed": 1}
        self.model = Word2Vec(vector_size=dim, **(shared | settings))
        self.model.build_vocab(corpus_file=self.text)
        vectors = self.model.wv
        self.words = sum(vectors.get_vecattr(word, "count") for word in vectors.index_to_key)

    def run(self, threads: int) -> dict:
        self.model.init_weights()
        self.model.workers = threads
        wall, cpu = time.perf_counter(), time.process_time()
        self.model.train(corpus_file=self.text, total_words=self.model.corpus_total_words, epochs=1)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return {"tool": "gensim", "dim": self.dim, "threads": threads, "words_per_second": self.words / wall, "words_per_cpu_second": self.words / cpu}


def compare(binary: Path, text: Path, dim: int) -> list[tuple[int, float]]:
    """Prints the lines of one dim; gives the factor for each number of threads."""
    rival = Gensim(text, dim)
    factors = []
    for threads in THREADS:
        ours, theirs = [], []
        for _ in range(REPEATS):
            ours.append(deepdist(binary, text, dim, threads))
            theirs.append(rival.run(threads))
        a, b = (max(runs, key=lambda run: run["words_per_cpu_second"]) for runs in (ours, theirs))
        if a["words"] != rival.words:
            sys.exit(f"{a['words']} words were trained here and {rival.words} by gensim: the text has other white space than spaces, or lines above 10,000 words")
        peak = max(run["fma_peak_gflops"] for run in ours)
        per_word = a["pairs_per_second"] / a["words_per_second"]
        b["pairs_per_second"] = b["words_per_second"] * per_word
        b["gflops"] = b["pairs_per_second"] * 6 * 6 * dim / 1e9
        for line in (a, b):
            line["fma_peak_gflops"] = peak
            print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in line.items()}), flush=True)
        factors.append((threads, a["words_per_cpu_second"] / b["words_per_cpu_second"]))
    return factors


def main() -> None:
    corpus = inputs.corpus("bench-kernel")
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel"
        subprocess.run(["go", "build", "-o", binary, "./internal/bench/kernel"], cwd=ROOT, check=True)
        for dim, words in DIMS.items():
            text = first_words(corpus, words, Path(folder) / "text.txt")
            for threads, factor in compare(binary, text, dim):
                print(json.dumps({"dim": dim, "threads": threads, "times_gensim_per_cpu_second": round(factor, 2)}), flush=True)


if __name__ == "__main__":
    main()
