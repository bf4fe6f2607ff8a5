"""Word vectors in the driver's JVM, as Spark's own Word2VecModel has them. Driver side.

They go there through the socket between Python and the JVM and touch no file system: a cluster may have none in common.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml import feature
from pyspark.ml.common import _java2py, _py2java

from ..errors import BadInput
from ..vectors import WordVectors

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.ml.param import Params

PART = 1 << 22
"""So many numbers go over at a time."""


def vectors(sc: SparkContext, wv: WordVectors) -> Any:
    """Driver: a JVM object with the words and their vectors; raises BadInput if they are more than a Java array holds."""
    total = wv.vectors.size
    if total >= 1 << 31:
        raise BadInput(
            f"{len(wv)} words of {wv.vector_size} dimensions are more than Spark's own Word2VecModel can hold, 2^31 numbers: train with a "
            f"higher minCount, maxFinalVocab or fewer dimensions; model.wv has the vectors in any case"
        )
    java: Any = sc._jvm
    numbers = sc._gateway.new_array(java.float, total)  # type: ignore[union-attr]
    flat = wv.vectors.reshape(-1)
    for at in range(0, total, PART):
        part = flat[at : at + PART]
        java.java.lang.System.arraycopy(_py2java(sc, array("f", part.tobytes())), 0, numbers, at, len(part))
    index = java.org.apache.spark.api.python.PythonUtils.toScalaMap(_py2java(sc, wv.key_to_index))
    return java.org.apache.spark.mllib.feature.Word2VecModel(index, numbers)


def fetched(sc: SparkContext, java: Any) -> WordVectors:
    """Driver: the vectors of a deepdist.ml.Word2VecModel of the JVM's."""
    held: Any = java.vectors()
    words, counts = _java2py(sc, held.words()), _java2py(sc, held.counts())
    found = np.empty(len(words) * held.size(), np.float32)
    for at in range(0, found.size, PART):
        end = min(at + PART, found.size)
        found[at:end] = _java2py(sc, sc._jvm.java.util.Arrays.copyOfRange(held.flat(), at, end))  # type: ignore[union-attr]
    return WordVectors(list(words), found.reshape(len(words), -1), np.array(counts, np.uint64))


def params(sc: SparkContext, stage: Params, java: Any) -> None:
    """Driver: give a stage the uid, params and defaults that the JVM's has."""
    stage._resetUid(java.uid())
    for param in stage.params:
        theirs = java.getParam(param.name)
        if java.isSet(theirs):
            stage._set(**{param.name: _java2py(sc, java.getOrDefault(theirs))})
        if java.hasDefault(theirs):
            stage._setDefault(**{param.name: _java2py(sc, java.getDefault(theirs).get())})


def model(sc: SparkContext, uid: str, java: Any) -> feature.Word2VecModel:
    """Driver: a Word2VecModel of Spark over such an object."""
    own: Any = sc._jvm
    return feature.Word2VecModel(own.org.apache.spark.ml.feature.Word2VecModel(uid, java))
