"""deepdist.ml.Word2Vec, the estimator: a DataFrame in, a Word2VecModel out. Driver side."""

from __future__ import annotations

import importlib.util
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pyspark import keyword_only
from pyspark.ml.base import Estimator
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import SparkSession

from .. import word2vec as native
from ..deepdist import DeepDist
from ..errors import BadInput
from . import columns, jvm, saved
from .model import Word2VecModel
from .params import NATIVE, Word2VecParams

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Word2Vec(Estimator["Word2VecModel"], Word2VecParams, MLReadable["Word2Vec"], MLWritable):
    """Word2Vec learns a vector for every word of a column of text; Spark ML's Word2Vec, trained by DeepDist.

    inputCol: a column of array<string>, or of strings, whose words stand between whitespace. Each row is a sentence.
    Params, defaults and methods are those of pyspark.ml.feature.Word2Vec, and those of deepdist.Word2Vec in camelCase. Where a session
    finds its programs, its page and its spools is told by Spark's settings, spark.deepdist.….
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        vectorSize: int = 100,
        minCount: int = 5,
        numPartitions: int = 1,
        stepSize: float = 0.025,
        maxIter: int = 1,
        seed: int | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        windowSize: int = 5,
        maxSentenceLength: int = 1000,
        sg: int = 1,
        cbowMean: int = 1,
        hs: int = 1,
        negative: int = 0,
        nsExponent: float = 0.75,
        sample: float = 0.0,
        minAlpha: float | None = None,
        shrinkWindows: bool = True,
        maxFinalVocab: int | None = None,
        computeLoss: bool = False,
    ):
        super().__init__()
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        vectorSize: int = 100,
        minCount: int = 5,
        numPartitions: int = 1,
        stepSize: float = 0.025,
        maxIter: int = 1,
        seed: int | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        windowSize: int = 5,
        maxSentenceLength: int = 1000,
        sg: int = 1,
        cbowMean: int = 1,
        hs: int = 1,
        negative: int = 0,
        nsExponent: float = 0.75,
        sample: float = 0.0,
        minAlpha: float | None = None,
        shrinkWindows: bool = True,
        maxFinalVocab: int | None = None,
        computeLoss: bool = False,
    ) -> Word2Vec:
        """Driver: set the params that are given; the others stay as they are."""
        return self._set(**self._input_kwargs)  # type: ignore[return-value]

    def _fit(self, dataset: DataFrame) -> Word2VecModel:
        column, lines = columns.text(dataset, self)
        columns.check_output(dataset, self.getOutputCol())
        for name in ("numPartitions", "maxSentenceLength"):
            if self.getOrDefault(name) < 1:
                raise BadInput(f"{name}={self.getOrDefault(name)} must be at least 1")
        model = self._native()
        frame = columns.sentences(dataset, column, lines, self.getMaxSentenceLength())
        if self.isSet(self.numPartitions):
            frame = frame.repartition(self.getNumPartitions())
        # Spark moves DataFrames by Arrow with pandas only, by pickled rows without it.
        data = frame if importlib.util.find_spec("pandas") else frame.rdd.map(itemgetter(0))
        with DeepDist(model, sc=dataset.sparkSession.sparkContext) as dd:
            try:
                summary = dd.train(data)
            except BadInput as e:
                raise BadInput(_as_params(str(e))) from e
        fitted = Word2VecModel(model.wv, summary)
        fitted._resetUid(self.uid)
        return self._copyValues(fitted)

    def _native(self) -> native.Word2Vec:
        """Driver: the settings as deepdist.Word2Vec has them; what it refuses is named by its param here."""
        values = {name: getattr(self, "get" + param[0].upper() + param[1:])() for name, param in NATIVE.items()}
        values["seed"] %= 1 << 64  # Spark's seeds are signed
        try:
            return native.Word2Vec(**values)
        except ValueError as e:
            raise BadInput(_as_params(str(e))) from None

    def write(self) -> saved.EstimatorWriter:
        """Driver: a writer: estimator.write().overwrite().save(path)."""
        return saved.EstimatorWriter(self)

    @classmethod
    def read(cls) -> saved.EstimatorReader:
        """Driver: a reader: Word2Vec.read().load(path), or Word2Vec.load(path)."""
        return saved.EstimatorReader(cls)

    @classmethod
    def _from_java(cls, java: Any) -> Word2Vec:
        """Driver: the estimator that the JVM has as a deepdist.ml.Word2Vec. PySpark 3.5 asks for it when a pipeline of Scala's is loaded."""
        estimator = cls()
        jvm.params(SparkSession.builder.getOrCreate().sparkContext, estimator, java)
        return estimator

    def setVectorSize(self, value: int) -> Word2Vec:
        """Driver: set vectorSize."""
        return self._set(vectorSize=value)  # type: ignore[return-value]

    def setNumPartitions(self, value: int) -> Word2Vec:
        """Driver: set numPartitions."""
        return self._set(numPartitions=value)  # type: ignore[return-value]

    def setMinCount(self, value: int) -> Word2Vec:
        """Driver: set minCount."""
        return self._set(minCount=value)  # type: ignore[return-value]

    def setWindowSize(self, value: int) -> Word2Vec:
        """Driver: set windowSize."""
        return self._set(windowSize=value)  # type: ignore[return-value]

    def setMaxSentenceLength(self, value: int) -> Word2Vec:
        """Driver: set maxSentenceLength."""
        return self._set(maxSentenceLength=value)  # type: ignore[return-value]

    def setMaxIter(self, value: int) -> Word2Vec:
        """Driver: set maxIter."""
        return self._set(maxIter=value)  # type: ignore[return-value]

    def setInputCol(self, value: str) -> Word2Vec:
        """Driver: set inputCol."""
        return self._set(inputCol=value)  # type: ignore[return-value]

    def setOutputCol(self, value: str) -> Word2Vec:
        """Driver: set outputCol."""
        return self._set(outputCol=value)  # type: ignore[return-value]

    def setSeed(self, value: int) -> Word2Vec:
        """Driver: set seed."""
        return self._set(seed=value)  # type: ignore[return-value]

    def setStepSize(self, value: float) -> Word2Vec:
        """Driver: set stepSize."""
        return self._set(stepSize=value)  # type: ignore[return-value]

    def setSg(self, value: int) -> Word2Vec:
        """Driver: set sg."""
        return self._set(sg=value)  # type: ignore[return-value]

    def setCbowMean(self, value: int) -> Word2Vec:
        """Driver: set cbowMean."""
        return self._set(cbowMean=value)  # type: ignore[return-value]

    def setHs(self, value: int) -> Word2Vec:
        """Driver: set hs."""
        return self._set(hs=value)  # type: ignore[return-value]

    def setNegative(self, value: int) -> Word2Vec:
        """Driver: set negative."""
        return self._set(negative=value)  # type: ignore[return-value]

    def setNsExponent(self, value: float) -> Word2Vec:
        """Driver: set nsExponent."""
        return self._set(nsExponent=value)  # type: ignore[return-value]

    def setSample(self, value: float) -> Word2Vec:
        """Driver: set sample."""
        return self._set(sample=value)  # type: ignore[return-value]

    def setMinAlpha(self, value: float) -> Word2Vec:
        """Driver: set minAlpha."""
        return self._set(minAlpha=value)  # type: ignore[return-value]

    def setShrinkWindows(self, value: bool) -> Word2Vec:
        """Driver: set shrinkWindows."""
        return self._set(shrinkWindows=value)  # type: ignore[return-value]

    def setMaxFinalVocab(self, value: int) -> Word2Vec:
        """Driver: set maxFinalVocab."""
        return self._set(maxFinalVocab=value)  # type: ignore[return-value]

    def setComputeLoss(self, value: bool) -> Word2Vec:
        """Driver: set computeLoss."""
        return self._set(computeLoss=value)  # type: ignore[return-value]


def _as_params(message: str) -> str:
    """Driver: a message that names settings of deepdist.Word2Vec, min_count or alpha=1, with the names of the params."""
    return re.sub(r"\b(?:[a-z]+(?:_[a-z]+)+\b|[a-z]+(?==))", lambda name: NATIVE.get(name[0], name[0]), message)


Word2Vec.__module__ = "deepdist.ml"  # the name by which it is saved
