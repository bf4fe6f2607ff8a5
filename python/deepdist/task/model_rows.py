"""Rows of a saved model: unpacked where they are written, packed where they are read. Task side; the driver makes the parts.

NumPy's bytes travel between driver and tasks; only within a task there is a Python object for every number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

BLOCK = 4096
"""So many rows are packed at a time."""


class Part(NamedTuple):
    """Part is some rows: the bytes of int64 indices and counts and of float32 vectors, and the words."""

    indices: bytes
    words: list[str]
    counts: bytes
    vectors: bytes
    dimensions: int


def part(words: Sequence[str], counts: np.ndarray, vectors: np.ndarray, begin: int, end: int) -> Part:
    """Driver: the rows from begin to end."""
    some = list(words[begin:end])
    indices = np.arange(begin, begin + len(some))
    rows = np.ascontiguousarray(vectors[begin:end], np.float32)
    return Part(indices.astype(np.int64).tobytes(), some, counts[begin:end].astype(np.int64).tobytes(), rows.tobytes(), rows.shape[1])


def unpack(part: Part) -> Iterator[tuple[int, str, int, list[float]]]:
    """Task: the rows one by one: index, word, count, vector."""
    vectors = np.frombuffer(part.vectors, np.float32).reshape(-1, part.dimensions)
    indices, counts = np.frombuffer(part.indices, np.int64), np.frombuffer(part.counts, np.int64)
    for index, word, count, vector in zip(indices.tolist(), part.words, counts.tolist(), vectors):
        yield index, word, count, vector.tolist()


def pack(rows: Iterable[tuple[int, str, int, list[float]]]) -> Iterator[Part]:
    """Task: such rows as parts again; raises ValueError if their vectors are not all of one size."""
    rows = iter(rows)
    while block := list(islice(rows, BLOCK)):
        indices, words, counts, vectors = zip(*block)
        matrix = np.array(vectors, np.float32)
        if matrix.ndim != 2:
            raise ValueError("a word has no vector")
        yield Part(np.array(indices, np.int64).tobytes(), list(words), np.array(counts, np.int64).tobytes(), matrix.tobytes(), matrix.shape[1])
