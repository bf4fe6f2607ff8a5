"""gensim's Word2Vec, trained natively: its settings and vocabulary go in, vectors come back into it. Driver side."""

from __future__ import annotations

from typing import Any

import numpy as np

from .control import bundle_of_words
from .errors import BadInput


class GensimNative:
    """GensimNative lets native.train see a gensim Word2Vec as it sees a deepdist.Word2Vec.

    Raises BadInput if the model is not skip-gram with negative sampling.
    """

    def __init__(self, model: Any):
        if model.sg != 1 or model.hs != 0 or model.negative <= 0:
            raise BadInput(
                f"this gensim model has sg={model.sg}, hs={model.hs}, negative={model.negative}: the native training does skip-gram "
                f"with negative sampling. Make it with sg=1, hs=0, negative=5, or give dd.train a gradient and a descent"
            )
        self._model = model
        self.min_count = int(model.min_count)
        self.max_final_vocab = getattr(model, "max_final_vocab", None)
        self.epochs = int(model.epochs)

    def native_settings(self) -> dict[str, Any]:
        """Driver: the `settings` of `open_training`."""
        m = self._model
        return {
            "vector_size": int(m.vector_size),
            "window": int(m.window),
            "negative": int(m.negative),
            "sample": float(m.sample),
            "ns_exponent": float(m.ns_exponent),
            "alpha": float(m.alpha),
            "min_alpha": float(m.min_alpha),
            "epochs": self.epochs,
            "seed": int(m.seed) if isinstance(m.seed, (int, np.integer)) and m.seed >= 0 else 1,
            "shrink_windows": bool(getattr(m, "shrink_windows", True)),
        }

    def native_start(self) -> dict[str, np.ndarray]:
        """Driver: the model's vocabulary and vectors; empty if it has none yet."""
        wv = self._model.wv
        if not len(wv.index_to_key):
            return {}
        counts = [wv.get_vecattr(w, "count") for w in wv.index_to_key]
        start = bundle_of_words(wv.index_to_key, counts)
        if wv.vectors.shape == (len(counts), self._model.vector_size) and self._model.syn1neg is not None:
            start |= {"syn0": np.asarray(wv.vectors, np.float32), "syn1neg": np.asarray(self._model.syn1neg, np.float32)}
        return start

    def native_finish(self, words: list[str], counts: np.ndarray, syn0: np.ndarray, syn1neg: np.ndarray) -> None:
        """Driver: put vocabulary (if the model had none) and vectors into the gensim model."""
        m = self._model
        if not len(m.wv.index_to_key):
            m.build_vocab_from_freq(dict(zip(words, counts.tolist())), corpus_count=None)
            _reorder(m, words)
        if m.wv.index_to_key == words:
            m.wv.vectors[...], m.syn1neg[...] = syn0, syn1neg
        else:  # the model's own order stays: whoever has it may know rows by number
            row = {w: i for i, w in enumerate(words)}
            order = [row[w] for w in m.wv.index_to_key]
            m.wv.vectors[...], m.syn1neg[...] = syn0[order], syn1neg[order]
        m.wv.fill_norms(force=True)


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
    model.make_cum_table()
