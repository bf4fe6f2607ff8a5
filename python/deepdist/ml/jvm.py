"""Word vectors in the driver's JVM, as Spark's own Word2VecModel has them. Driver side.

They go there through the socket between Python and the JVM and touch no file system: a cluster may have none in common.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from pyspark.ml import feature
from pyspark.ml.common import _py2java

from ..errors import BadInput
from ..vectors import WordVectors

if TYPE_CHECKING:
    from pyspark import SparkContext

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


def model(sc: SparkContext, uid: str, java: Any) -> feature.Word2VecModel:
    """Driver: a Word2VecModel of Spark over such an object."""
    own: Any = sc._jvm
    return feature.Word2VecModel(own.org.apache.spark.ml.feature.Word2VecModel(uid, java))
