"""gensim's Word2Vec, trained natively: its settings and vocabulary go in, vectors come back into it. Driver side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .control import bundle_of_words
from .errors import BadInput
from .summary import Summary
from .word2vec import NO_OBJECTIVE


class GensimNative:
    """GensimNative lets native.train see a gensim Word2Vec as it sees a deepdist.Word2Vec.

    Raises BadInput if the model is none that can be trained natively.
    """

    def __init__(self, model: Any):
        if not model.hs and model.negative <= 0:
            raise BadInput(f"this gensim model has {NO_OBJECTIVE}")
        self._model = model
        self.min_count, self.epochs = _whole(model, "min_count"), _whole(model, "epochs")
        self.max_final_vocab = None if getattr(model, "max_final_vocab", None) is None else _whole(model, "max_final_vocab")
        if (np.asarray(getattr(model.wv, "vectors_lockf", 1)) != 1).any():
            raise BadInput(
                "this gensim model has wv.vectors_lockf other than 1, which keeps words from learning; native training moves all of them: "
                "set wv.vectors_lockf[:] = 1, or train with a gradient that calls model.train"
            )
        if len(model.wv.index_to_key):
            self._check_arrays()
        else:
            self._check_counting()

    def _check_arrays(self) -> None:
        """Driver: refuse arrays that could not take what will be trained."""
        wv, shape = self._model.wv, (len(self._model.wv), _whole(self._model, "vector_size"))
        if wv.vectors.shape != shape:
            raise BadInput(f"this gensim model has wv.vectors of shape {wv.vectors.shape}, not {shape} as its words and its vector_size say")
        for name, array in (("wv.vectors", wv.vectors), *self._outputs().items()):
            if not array.flags.writeable:
                raise BadInput(f"this gensim model's {name} is read-only: make it a copy (model.{name} = model.{name}.copy()), or load it without mmap")

    def _check_counting(self) -> None:
        """Driver: refuse what gensim would do while it counts words, and the cluster does not."""
        if getattr(self._model, "max_vocab_size", None):
            raise BadInput(
                f"this gensim model has max_vocab_size={self._model.max_vocab_size}: gensim then forgets rare words while it counts, the cluster "
                f"counts all of them: set it to None and use max_final_vocab or min_count, or call model.build_vocab(sentences) before"
            )
        if getattr(self._model, "null_word", 0):
            raise BadInput("this gensim model has null_word=1, a word that is in no text: set null_word=0")

    def native_settings(self) -> dict[str, Any]:
        """Driver: the `settings` of `open_training`."""
        m = self._model
        return {
            "vector_size": _whole(m, "vector_size"),
            "window": _whole(m, "window"),
            "sg": bool(m.sg),
            "cbow_mean": bool(m.cbow_mean),
            "hs": bool(m.hs),
            "negative": max(0, _whole(m, "negative")),
            "sample": float(m.sample),
            "ns_exponent": float(m.ns_exponent),
            "alpha": float(m.alpha),
            "min_alpha": float(m.min_alpha),
            "epochs": self.epochs,
            "seed": int(m.seed) if isinstance(m.seed, (int, np.integer)) and m.seed >= 0 else 1,
            "shrink_windows": bool(getattr(m, "shrink_windows", True)),
            "compute_loss": bool(m.compute_loss),
        }

    def native_start(self) -> dict[str, np.ndarray]:
        """Driver: the model's vocabulary and vectors; empty if it has none yet."""
        wv = self._model.wv
        if not len(wv.index_to_key):
            return {}
        counts = [wv.get_vecattr(w, "count") for w in wv.index_to_key]
        start = {**bundle_of_words(wv.index_to_key, counts), "syn0": np.asarray(wv.vectors, np.float32)}
        return start | {name: np.asarray(rows, np.float32) for name, rows in self._outputs().items()}

    def _outputs(self) -> dict[str, np.ndarray]:
        """Driver: the model's output vectors. gensim's syn1 has a row more than its tree has inner nodes, which stays unused."""
        m = self._model
        out = {"syn1": m.syn1[: len(m.wv) - 1]} if m.hs else {}
        return out | ({"syn1neg": m.syn1neg} if m.negative > 0 else {})

    def native_finish(self, words: list[str], counts: np.ndarray, arrays: Mapping[str, np.ndarray], summary: Summary) -> None:
        """Driver: put vocabulary (if the model had none) and vectors into the gensim model."""
        m = self._model
        if not len(m.wv.index_to_key):
            m.build_vocab_from_freq(dict(zip(words, counts.tolist())), corpus_count=summary.rows)
            m.corpus_total_words = summary.words + summary.dropped.words
            _reorder(m, words)
        m.wv.vectors[...] = arrays["syn0"]
        for name, rows in self._outputs().items():
            rows[...] = arrays[name]
        if m.compute_loss:
            m.running_training_loss = summary.loss
        m.wv.fill_norms(force=True)


def _whole(model: Any, name: str) -> int:
    """Driver: a setting of the gensim model that must be a whole number, whatever its type."""
    value = getattr(model, name)
    try:
        if int(value) == value:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadInput(f"this gensim model has {name}={value!r}: it must be a whole number")


def _reorder(model: Any, words: list[str]) -> None:
    """Driver: give the rows of a fresh model the order of `words`; gensim breaks ties of frequency otherwise than psserver."""
    wv = model.wv
    if wv.index_to_key == words:
        return
    if set(wv.index_to_key) != set(words):
        raise BadInput(
            f"gensim kept {len(wv.index_to_key)} of the {len(words)} words that were counted: "
            f"its trim rule or min_count differs from the training's"
        )
    order = np.array([wv.key_to_index[w] for w in words])
    for name, values in wv.expandos.items():
        wv.expandos[name] = values[order]
    wv.index_to_key = list(words)
    wv.key_to_index = {w: i for i, w in enumerate(words)}
    if model.negative > 0:
        model.make_cum_table()
    if model.hs:
        model.create_binary_tree()  # psserver's words of equal frequency lie in another order, which makes another tree
