"""What the benchmarks are given, by environment variables, and what they say when it is missing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CORPUS = """DEEPDIST_CORPUS is not set (or names no file): name a text file, one sentence or paragraph per line, words separated by spaces.
The figures in the README come from 17,000,000 words of the English Wikipedia in text8 style (a–z and spaces); to try the
command, the sample text will do:

    bzcat examples/sample/part-*.txt.bz2 > sample.txt
    DEEPDIST_CORPUS=sample.txt make {command}
"""
EVAL = """DEEPDIST_EVAL is not set (or lacks {missing}): name a folder that holds
    questions-words.txt   the 19,544 analogies of Mikolov et al. 2013 (gensim's test data and word2vec's distribution have it)
    wordsim353.tsv        WordSimilarity-353: word, word, score, separated by tabs
    men3000.txt           MEN: word, word, score, separated by tabs
"""


def corpus(command: str) -> str:
    """The path of the text, or an exit that says how to get one."""
    path = os.environ.get("DEEPDIST_CORPUS", "")
    if not os.path.isfile(path):
        sys.exit(CORPUS.format(command=command))
    return os.path.abspath(path)


def evaluation() -> dict[str, str]:
    """The paths of the evaluation sets, or an exit that says what is missing."""
    folder = Path(os.environ.get("DEEPDIST_EVAL") or ".")
    paths = {"analogies": folder / "questions-words.txt", "wordsim353": folder / "wordsim353.tsv", "men": folder / "men3000.txt"}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        sys.exit(EVAL.format(missing=", ".join(missing)))
    return {name: str(path) for name, path in paths.items()}
