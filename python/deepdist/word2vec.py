"""deepdist.Word2Vec: skip-gram and CBOW, with negative sampling and hierarchical softmax, trained natively. Driver side.

Parameters have gensim's names, meanings and defaults. The paper: Mikolov, Sutskever, Chen, Corrado, Dean, "Distributed
Representations of Words and Phrases and their Compositionality", 2013.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .control import bundle_of_words
from .errors import BadInput
from .summary import Summary
from .vectors import Word, WordVectors

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


class Word2Vec:
    """Word2Vec holds the settings of a training and, after it, the word vectors as `wv`.

    sg: 1 for skip-gram (a word predicts each word around it), 0 for CBOW (the words around it predict a word together: by their
    mean, or with cbow_mean=0 by their sum). hs: 1 for hierarchical softmax. negative: so many negatives for negative sampling, 0
    for none. One of hs and negative, or both.
    vector_size: D. alpha, min_alpha: the learning rate falls linearly from one to the other. window: largest distance of a
    context word; with shrink_windows each window's size is drawn from 1…window. min_count: rarer words are dropped.
    max_final_vocab: raise min_count until so many words are left at most. sample: threshold of subsampling. seed: of every random
    choice. ns_exponent: negatives are drawn by count**ns_exponent. epochs: passes over the data. compute_loss: take the loss of
    every sentence; without it, that of one in 16. workers: accepted and ignored, since Spark's task slots decide.

    After training: `wv` (WordVectors), `syn0` (float32 (V, D): wv.vectors), and the output vectors: `syn1neg` (V, D) of negative
    sampling, `syn1` (V − 1, D) of hierarchical softmax, else None. Training again continues from them with the same vocabulary.

    Raises ValueError naming the parameter that is out of its range.
    """

    def __init__(
        self,
        *,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int | None = None,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        epochs: int = 5,
        compute_loss: bool = False,
        shrink_windows: bool = True,
    ):
        self.vector_size = _integer("vector_size", vector_size, 1, 1 << 16)
        self.alpha = _real("alpha", alpha, 0.0, 10.0)
        self.min_alpha = _real("min_alpha", min_alpha, 0.0, 10.0)
        if self.min_alpha > self.alpha:
            raise ValueError(f"Word2Vec: min_alpha={min_alpha} is above alpha={alpha}")
        self.window = _integer("window", window, 1, 1000)
        self.min_count = _integer("min_count", min_count, 0, 1 << 31)
        self.max_final_vocab = None if max_final_vocab is None else _integer("max_final_vocab", max_final_vocab, 1, 1 << 31)
        self.sample = _real("sample", sample, 0.0, 1.0)
        self.seed = _integer("seed", seed, 0, (1 << 64) - 1)
        self.workers = workers
        self.sg, self.hs, self.cbow_mean = (_flag(n, v) for n, v in (("sg", sg), ("hs", hs), ("cbow_mean", cbow_mean)))
        self.negative = _integer("negative", negative, 0, 1000)
        if not self.hs and not self.negative:
            raise ValueError(f"Word2Vec: {NO_OBJECTIVE}")
        self.ns_exponent = _real("ns_exponent", ns_exponent, -10.0, 10.0)
        self.epochs = _integer("epochs", epochs, 1, 1 << 16)
        self.compute_loss = bool(compute_loss)
        self.shrink_windows = bool(shrink_windows)
        self._wv: WordVectors | None = None
        self.syn1: np.ndarray | None = None
        self.syn1neg: np.ndarray | None = None
        self._loss = 0.0

    @property
    def wv(self) -> WordVectors:
        """Driver: the trained word vectors; raises RuntimeError before the first training."""
        if self._wv is None:
            raise RuntimeError("this Word2Vec has not been trained yet: call dd.train(rdd) first")
        return self._wv

    @property
    def syn0(self) -> np.ndarray:
        """Driver: the input vectors, float32 (V, D): what most people call the word vectors."""
        return self.wv.vectors

    def most_similar(self, positive: Any = (), negative: Any = (), topn: int | None = 10, **kw: Any) -> list[tuple[str, float]] | np.ndarray:
        """Driver: as `WordVectors.most_similar`."""
        return self.wv.most_similar(positive, negative, topn, **kw)

    def similarity(self, a: str, b: str) -> float:
        """Driver: as `WordVectors.similarity`."""
        return self.wv.similarity(a, b)

    def __getitem__(self, words: str | Sequence[str]) -> np.ndarray:
        """Driver: the vector of a word, or the vectors of several."""
        return self.wv[words]

    def __contains__(self, word: object) -> bool:
        return self._wv is not None and word in self._wv

    def save_word2vec_format(self, path: str | os.PathLike[str], binary: bool = False, overwrite: bool = True) -> None:
        """Driver: as `WordVectors.save_word2vec_format`."""
        self.wv.save_word2vec_format(path, binary, overwrite)

    def get_latest_training_loss(self) -> float:
        """Driver: the loss summed over the predictions of the last training: all of them with compute_loss, else one in 16.

        The mean of each epoch is in the summary that `dd.train` returns.
        """
        return self._loss

    def to_gensim(self) -> KeyedVectors:
        """Driver: as `WordVectors.to_gensim`."""
        return self.wv.to_gensim()

    def __repr__(self) -> str:
        trained = "not trained" if self._wv is None else f"{len(self._wv)} words"
        mode = "skip-gram" if self.sg else "CBOW, mean" if self.cbow_mean else "CBOW, sum"
        return (
            f"Word2Vec({mode}, vector_size={self.vector_size}, window={self.window}, hs={self.hs}, negative={self.negative}, "
            f"epochs={self.epochs}; {trained})"
        )

    # What the native training asks of a model (native.NativeModel).

    def native_settings(self) -> dict[str, Any]:
        """Driver: the `settings` of `open_training`."""
        names = "vector_size window negative sample ns_exponent alpha min_alpha epochs seed"
        flags = "sg cbow_mean hs compute_loss shrink_windows"
        return {name: getattr(self, name) for name in names.split()} | {name: bool(getattr(self, name)) for name in flags.split()}

    def native_start(self) -> dict[str, np.ndarray]:
        """Driver: vocabulary and vectors to go on from; empty before the first training."""
        if self._wv is None:
            return {}
        if self._wv.vector_size != self.vector_size:
            raise BadInput(
                f"vector_size={self.vector_size}, but the word vectors that this Word2Vec has been trained to, and would go on from, have "
                f"{self._wv.vector_size} dimensions: set vector_size={self._wv.vector_size}, or train a new Word2Vec"
            )
        start = {**bundle_of_words(self._wv.index_to_key, self._wv.counts), "syn0": self._wv.vectors}
        return start | {name: m for name, m in (("syn1", self.syn1), ("syn1neg", self.syn1neg)) if m is not None}

    def native_finish(self, words: list[str], counts: np.ndarray, arrays: Mapping[str, np.ndarray], summary: Summary) -> None:
        """Driver: take over what has been trained, in the memory that it came in: it is this process's own as soon as it is written."""
        self._wv = WordVectors(words, np.asarray(arrays["syn0"], np.float32), counts)
        self.syn1, self.syn1neg = (np.asarray(arrays[n], np.float32) if n in arrays else None for n in ("syn1", "syn1neg"))
        self._loss = summary.loss


NO_OBJECTIVE = "hs=0 and negative=0: nothing would be trained; set negative=5 (negative sampling), hs=1 (hierarchical softmax), or both"


def _flag(name: str, value: Any) -> int:
    if value not in (0, 1):
        raise ValueError(f"Word2Vec: {name}={value!r} must be 0 or 1")
    return int(value)


def _integer(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"Word2Vec: {name}={value!r} must be an integer")
    if not low <= value <= high:
        raise ValueError(f"Word2Vec: {name}={value!r} must lie in [{low}, {high}]")
    return int(value)


def _real(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not math.isfinite(value):
        raise ValueError(f"Word2Vec: {name}={value!r} must be a finite number")
    if not low <= value <= high:
        raise ValueError(f"Word2Vec: {name}={value!r} must lie in [{low:g}, {high:g}]")
    return float(value)


__all__ = ["Word", "Word2Vec"]
