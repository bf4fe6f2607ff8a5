"""deepdist.ml: word2vec as a stage of Spark ML, with the params and methods of pyspark.ml.feature.Word2Vec. Driver side.

    from deepdist.ml import Word2Vec            # instead of pyspark.ml.feature

    model = Word2Vec(inputCol="words", outputCol="features").fit(frame)

`Word2Vec` trains by DeepDist; `Word2VecModel` is what comes of it. docs/ml.md has the whole story.
"""

from __future__ import annotations

try:
    import pyspark  # noqa: F401
except ImportError as e:
    raise ImportError("deepdist.ml needs pyspark, which is not installed: pip install 'deepdist-spark[spark]'", name=e.name) from e

from .model import Word2VecModel
from .word2vec import Word2Vec

__all__ = ["Word2Vec", "Word2VecModel"]
