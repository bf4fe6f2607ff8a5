"""Adapters: what a model's tensors and numbers are, and how to bind them to other memory. Shared by driver and tasks.

An adapter knows three things of one kind of model: which NumPy arrays are its tensors (they travel as tensors), which plain numbers
it has (they travel with every pull), and that everything else travels once, inside Spark's closure: pickling an adapter leaves
the arrays out. Binding replaces the model's arrays by views of a mapping: writable and shared on the driver, copy-on-write in a task.
"""

from __future__ import annotations

from typing import Any

from .arrays import Adapter, DictModel, ObjectModel

__all__ = ["Adapter", "adapt", "is_gensim_word2vec", "is_torch_module"]


def adapt(model: Any) -> Adapter:
    """Driver: the adapter for `model`: a dict of arrays, a gensim Word2Vec, a PyTorch module, or an object with array attributes.

    Raises TypeError if it holds no array that could be trained.
    """
    if isinstance(model, Adapter):
        return model
    if isinstance(model, dict):
        return DictModel(model)
    if is_gensim_word2vec(model):
        from .gensim import GensimModel

        return GensimModel(model)
    if is_torch_module(model):
        from .torch import TorchModel

        return TorchModel(model)
    return ObjectModel(model)


def is_gensim_word2vec(model: Any) -> bool:
    """Driver: whether `model` is gensim's Word2Vec (or a class of yours that inherits from it), found out without importing gensim.

    Raises TypeError for gensim's own heirs, FastText and Doc2Vec: they have weights that a Word2Vec has not.
    """
    gensims = [c for c in type(model).__mro__ if c.__module__.startswith("gensim.models.")]
    if not any(c.__module__ == "gensim.models.word2vec" and c.__name__ == "Word2Vec" for c in gensims):
        return False
    if gensims[0].__name__ != "Word2Vec":
        raise TypeError(
            f"DeepDist(model): gensim's {gensims[0].__name__} has weights beside those of word2vec, which would stay untrained: use gensim's "
            f"Word2Vec, or give the arrays as a dict, DeepDist({{'name': array, …}}), and train them by a gradient of your own"
        )
    return True


def is_torch_module(model: Any) -> bool:
    """Driver: whether `model` is a PyTorch nn.Module, found out without importing torch."""
    return any(c.__module__ == "torch.nn.modules.module" and c.__name__ == "Module" for c in type(model).__mro__)
