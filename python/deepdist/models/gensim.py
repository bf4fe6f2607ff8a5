"""gensim's Word2Vec under its old and its new names. Shared by driver and tasks.

gensim 4 renamed `syn0` and `most_similar`, moved negative sampling's weights to `syn1neg`, and lets `train` ask for counts. The
adapter is the model that the user's functions see: old and new names over one set of arrays.

Two traps: norms are cached, so `most_similar` is nonsense after an in-place step until they are refreshed; and gensim trains by
pointer, so a tensor must be bound before `train`, never swapped during it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .arrays import Adapter, is_number, is_tensor, like

_OWN = ("model", "_added")


class GensimModel(Adapter):
    """GensimModel is a gensim Word2Vec with `syn0`, `syn1`, `train(sentences)`, `most_similar` beside gensim 4's own names.

    Tensors: `syn0` (wv.vectors) and `syn1neg` or, with hierarchical softmax, `syn1`; under negative sampling alone `syn1`
    is another name of `syn1neg`. Arrays that the user sets on it become tensors too. Everything else is the model's own.
    """

    def __init__(self, model: Any):
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "_added", {})
        if not len(model.wv.vectors):
            raise TypeError(
                "DeepDist(model): this gensim model has no vocabulary yet: give it sentences, or call build_vocab; "
                "or train it natively with dd.train(rdd), which counts the words in the cluster"
            )

    # gensim's arrays under their old names. A setter writes into the array that is there, which may be shared memory;
    # `m.syn0 += x` hands back the same array.

    @property
    def syn0(self) -> np.ndarray:
        """Driver and task: the input vectors (V, D), float32: wv.vectors itself."""
        return self.model.wv.vectors

    @syn0.setter
    def syn0(self, value: np.ndarray) -> None:
        _write(self.model.wv.vectors, value)

    @property
    def syn1(self) -> np.ndarray:
        """Driver and task: the output weights: those of hierarchical softmax, or of negative sampling if there are no others."""
        return self.model.syn1 if self.model.hs else self.model.syn1neg

    @syn1.setter
    def syn1(self, value: np.ndarray) -> None:
        _write(self.syn1, value)

    @property
    def syn1neg(self) -> np.ndarray:
        """Driver and task: the output weights of negative sampling (V, D), float32."""
        return self.model.syn1neg

    @syn1neg.setter
    def syn1neg(self, value: np.ndarray) -> None:
        _write(self.model.syn1neg, value)

    @property
    def vocab(self) -> dict[str, int]:
        """Driver and task: word → row (the old name of wv.key_to_index)."""
        return self.model.wv.key_to_index

    @property
    def index2word(self) -> list[str]:
        """Driver and task: the words in row order (the old name of wv.index_to_key)."""
        return self.model.wv.index_to_key

    def train(self, corpus_iterable: Iterable[Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        """Driver and task: gensim's `train`; counts are filled in if they are not given: one pass over all the sentences.

        The learning rate falls within each such call from `alpha` to `min_alpha`, as it does in gensim.
        """
        if corpus_iterable is not None and not args and not {"total_examples", "total_words"} & kwargs.keys():
            corpus_iterable = list(corpus_iterable)
            kwargs = {"total_examples": len(corpus_iterable), "epochs": 1, **kwargs}
            if not corpus_iterable:
                return 0, 0
        return self.model.train(corpus_iterable, *args, **kwargs)

    def most_similar(self, *args: Any, **kwargs: Any) -> list[tuple[str, float]]:
        """Driver and task: wv.most_similar with fresh norms."""
        self.refresh()
        return self.model.wv.most_similar(*args, **kwargs)

    def similarity(self, a: str, b: str) -> float:
        """Driver and task: the cosine of two words."""
        return float(self.model.wv.similarity(a, b))

    def refresh(self) -> None:
        """Driver and task: forget cached norms."""
        self.model.wv.fill_norms(force=True)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Driver: gensim's `save`, of the real model."""
        self.refresh()
        self.model.save(*args, **kwargs)

    def __getitem__(self, words: Any) -> np.ndarray:
        return self.model.wv[words]

    def __contains__(self, word: object) -> bool:
        return word in self.model.wv

    def __getattr__(self, name: str) -> Any:
        if name in _OWN or name.startswith("__"):
            raise AttributeError(name)
        if name in self._added:
            return self._added[name]
        return getattr(self.model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        elif is_tensor(name, value):
            self._added[name] = value
        else:
            setattr(self.model, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._added:
            del self._added[name]
        else:
            delattr(self.model, name)

    # Adapter

    @property
    def view(self) -> GensimModel:
        """Driver and task: the adapter is itself what the user's functions are given."""
        return self

    @property
    def aliases(self) -> Mapping[str, str]:  # type: ignore[override]
        return {} if self.model.hs else {"syn1": "syn1neg"}

    def arrays(self) -> dict[str, np.ndarray]:
        """Driver and task: the tensors under their canonical names."""
        out = {"syn0": self.model.wv.vectors}
        if self.model.hs:
            out["syn1"] = self.model.syn1
        if self.model.negative:
            out["syn1neg"] = self.model.syn1neg
        return {**out, **self._added}

    def bind(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Driver and task: make these arrays the model's."""
        for name, array in arrays.items():
            if name == "syn0":
                self.model.wv.vectors = array
                self.model.wv.norms = None
            elif name in ("syn1", "syn1neg"):
                setattr(self.model, name, array)
            else:
                self._added[name] = array

    def unbind(self, names: Any) -> None:
        """Driver: take tensors away that the model did not have."""
        for name in names:
            self._added.pop(name, None)

    def numbers(self) -> dict[str, int | float]:
        """Driver and task: the plain numbers among the model's attributes."""
        return {k: v for k, v in vars(self.model).items() if is_number(v) and isinstance(v, (int, float))}

    def set_numbers(self, numbers: Mapping[str, float]) -> None:
        """Driver and task: refresh plain numbers; integers stay integers."""
        for name, value in numbers.items():
            setattr(self.model, name, like(getattr(self.model, name, None), value))

    def __getstate__(self) -> dict[str, Any]:
        rest = copy.copy(self.model)
        rest.wv = copy.copy(self.model.wv)
        rest.wv.vectors = rest.wv.norms = None
        for name in ("syn1", "syn1neg"):
            if name in vars(rest):
                setattr(rest, name, None)
        return {"model": rest, "_added": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


def _write(array: np.ndarray, value: np.ndarray) -> None:
    if value is not array:
        array[...] = value
