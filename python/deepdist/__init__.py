"""DeepDist trains models on data that lives in Spark, by asynchronous stochastic gradient descent.

    from deepdist import DeepDist, Word2Vec

    with DeepDist(Word2Vec(vector_size=100, sg=1)) as dd:
        dd.train(sc.textFile("enwiki"))
        print(dd.model.most_similar(positive=["woman", "king"], negative=["man"]))

Names are imported when they are first used, so that executors load only what runs in tasks.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .deepdist import DeepDist
    from .errors import (
        BadInput,
        BinaryError,
        DeepDistError,
        NoProgress,
        ServerLost,
        SidecarLost,
        UserCodeError,
    )
    from .models.torch import gradients
    from .optimizers import SGD, AdaGrad, Adam, Momentum, RowAdaGrad
    from .rows import Rows
    from .summary import Summary
    from .vectors import WordVectors
    from .word2vec import Word2Vec

_HOME = {
    "DeepDist": "deepdist",
    "Word2Vec": "word2vec",
    "WordVectors": "vectors",
    "Summary": "summary",
    "Rows": "rows",
    "SGD": "optimizers",
    "Momentum": "optimizers",
    "AdaGrad": "optimizers",
    "RowAdaGrad": "optimizers",
    "Adam": "optimizers",
    "gradients": "models.torch",
    "DeepDistError": "errors",
    "BadInput": "errors",
    "BinaryError": "errors",
    "NoProgress": "errors",
    "ServerLost": "errors",
    "SidecarLost": "errors",
    "UserCodeError": "errors",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
