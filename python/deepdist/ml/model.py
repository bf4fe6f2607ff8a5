"""deepdist.ml.Word2VecModel: word vectors as a stage of Spark ML. Driver side.

The vectors are here, in NumPy, and once more in the driver's JVM as soon as a DataFrame is transformed: there they are the vectors of
Spark's own Word2VecModel, which does the work and sends them to the executors by a broadcast. Arrow and Python in the executors were
tried instead: 6 million words a second where Spark's own has 8, with the same last bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml.base import Model
from pyspark.ml.linalg import _convert_to_vector
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from .. import settings
from ..summary import Summary
from ..vectors import WordVectors
from . import columns, jvm, saved
from .params import Word2VecParams

if TYPE_CHECKING:
    from pyspark.ml import feature
    from pyspark.ml._typing import ParamMap
    from pyspark.ml.linalg import Vector
    from pyspark.sql import DataFrame


class Word2VecModel(Model, Word2VecParams, MLReadable["Word2VecModel"], MLWritable):
    """Word2VecModel turns words into vectors; the model that Word2Vec.fit returns, with the methods of pyspark.ml.feature.Word2VecModel.

    wv: the WordVectors, for what Spark's model lacks: most_similar, save_word2vec_format, to_gensim. summary: the figures of the training,
    None if the model was loaded.
    """

    def __init__(self, wv: WordVectors, summary: Summary | None = None):
        super().__init__()
        self.wv = wv
        self.summary = summary
        self._norms: np.ndarray | None = None
        self._java: Any = None

    def getVectors(self) -> DataFrame:
        """Driver: the words with their vectors, as a DataFrame of `word` and `vector`."""
        return self.toSpark().getVectors()

    def findSynonyms(self, word: str | Vector, num: int) -> DataFrame:
        """Driver: the `num` words most similar to a word, without itself, or to a vector, as a DataFrame of `word` and `similarity`."""
        found = self.findSynonymsArray(word, num)
        return SparkSession.builder.getOrCreate().createDataFrame(found, "word string, similarity double")

    def findSynonymsArray(self, word: str | Vector, num: int) -> list[tuple[str, float]]:
        """Driver: the same as a list of (word, cosine), the most similar first.

        Raises KeyError for an unknown word, ValueError if num is not above 0 or the vector has another size.
        """
        num = settings.whole("findSynonyms: num", num, low=1)
        target = self.wv[word] if isinstance(word, str) else np.asarray(_convert_to_vector(word).toArray(), np.float32)
        if len(target) != self.wv.vector_size:
            raise ValueError(f"findSynonyms: the vector has {len(target)} dimensions, those of the words have {self.wv.vector_size}")
        cosines = self._cosines(target)
        asked = self.wv.key_to_index[word] if isinstance(word, str) else -1
        n = min(num + 1, len(cosines))
        best = np.argpartition(-cosines, n - 1)[:n]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.wv.index_to_key[i], float(cosines[i])) for i in best if i != asked][:num]

    def toSpark(self) -> feature.Word2VecModel:
        """Driver: Spark's own Word2VecModel with the same uid, params and vectors; saved, it loads where DeepDist is not installed.

        Raises BadInput if it has more numbers than a Java array.
        """
        if self._java is None:
            self._java = jvm.vectors(SparkSession.builder.getOrCreate().sparkContext, self.wv)
        own = jvm.model(SparkSession.builder.getOrCreate().sparkContext, self.uid, self._java)
        values = {p.name: self.getOrDefault(p) for p in self.params if own.hasParam(p.name) and self.isDefined(p)}
        return own._set(**{**values, "vectorSize": self.wv.vector_size})

    def write(self) -> saved.Writer:
        """Driver: a writer: model.write().overwrite().save(path)."""
        return saved.Writer(self)

    @classmethod
    def read(cls) -> saved.Reader:
        """Driver: a reader: Word2VecModel.read().load(path), or Word2VecModel.load(path)."""
        return saved.Reader(cls)

    def setInputCol(self, value: str) -> Word2VecModel:
        """Driver: set inputCol."""
        return self._set(inputCol=value)  # type: ignore[return-value]

    def setOutputCol(self, value: str) -> Word2VecModel:
        """Driver: set outputCol."""
        return self._set(outputCol=value)  # type: ignore[return-value]

    def copy(self, extra: ParamMap | None = None) -> Word2VecModel:
        """Driver: a model with params of its own over the same vectors."""
        same = super().copy(extra)
        same._java = self._java
        return same

    @classmethod
    def _from_java(cls, java: Any) -> Word2VecModel:
        """Driver: the model that the JVM has as a deepdist.ml.Word2VecModel. PySpark 3.5 asks for it when a pipeline of Scala's is loaded."""
        sc = SparkSession.builder.getOrCreate().sparkContext
        model = cls(jvm.fetched(sc, java))
        jvm.params(sc, model, java)
        return model

    def _transform(self, dataset: DataFrame) -> DataFrame:
        column, lines = columns.text(dataset, self)
        output = self.getOutputCol()
        columns.check_output(dataset, output)
        words, vector = f"{self.uid}__words", f"{self.uid}__vector"
        # Spark's own model fails on a null row; ours has null for null.
        given = dataset.withColumn(words, F.coalesce(columns.words(column, lines), F.array().cast("array<string>")))
        done = self.toSpark().setInputCol(words).setOutputCol(vector).transform(given)
        size = done.schema[vector].metadata
        found = F.when(column.isNotNull(), F.col(vector)).alias(output, metadata=size)  # not withMetadata, which takes dots in a name apart
        return done.select("*", found).drop(words, vector)

    def _cosines(self, target: np.ndarray) -> np.ndarray:
        """Driver: with every word; 0 where a vector has no length."""
        if self._norms is None:
            self._norms = np.linalg.norm(self.wv.vectors, axis=1)
        return (self.wv.vectors @ target) / np.maximum(self._norms * np.linalg.norm(target), 1e-30)

    def __repr__(self) -> str:
        return f"Word2VecModel: uid={self.uid}, numWords={len(self.wv)}, vectorSize={self.wv.vector_size}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_java": None}  # the JVM's object stays where it is


Word2VecModel.__module__ = "deepdist.ml"  # the name by which it is saved
