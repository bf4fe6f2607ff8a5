"""The params of word2vec in Spark ML: Spark's own, and every other setting of deepdist.Word2Vec in camelCase. Driver side."""

from __future__ import annotations

from typing import Any

from pyspark.ml.feature import _Word2VecParams
from pyspark.ml.param import Param, Params, TypeConverters

from ..errors import BadInput

SEED = -1961189076
"""Spark's default seed of Word2Vec, by its Scala API; PySpark's own default is another one in every process."""

NONE_MEANS_UNSET = frozenset(("seed", "inputCol", "outputCol", "minAlpha", "maxFinalVocab"))
"""Params whose argument is None unless one is given."""

NATIVE = {
    "vector_size": "vectorSize",
    "alpha": "stepSize",
    "window": "windowSize",
    "min_count": "minCount",
    "max_final_vocab": "maxFinalVocab",
    "sample": "sample",
    "seed": "seed",
    "min_alpha": "minAlpha",
    "sg": "sg",
    "hs": "hs",
    "negative": "negative",
    "ns_exponent": "nsExponent",
    "cbow_mean": "cbowMean",
    "epochs": "maxIter",
    "compute_loss": "computeLoss",
    "shrink_windows": "shrinkWindows",
}
"""deepdist.Word2Vec's arguments, and the params that they come from."""


def _param(name: str, doc: str, converter: Any) -> Any:
    return Param(Params._dummy(), name, doc, typeConverter=converter)


class Word2VecParams(_Word2VecParams):
    """Word2VecParams is what Word2Vec and Word2VecModel share: the params, their defaults and their getters.

    The defaults train what Spark trains: skip-gram with hierarchical softmax, without subsampling, one pass.
    """

    sg: Param[int] = _param("sg", "1: skip-gram, a word predicts each word around it; 0: CBOW, the words around it predict a word", TypeConverters.toInt)
    cbowMean: Param[int] = _param("cbowMean", "CBOW predicts by the mean of the vectors around a word (1) or by their sum (0)", TypeConverters.toInt)
    hs: Param[int] = _param("hs", "1: hierarchical softmax; 0: none, so negative must be above 0", TypeConverters.toInt)
    negative: Param[int] = _param("negative", "so many negatives for negative sampling, beside hs or instead of it; 0: none", TypeConverters.toInt)
    nsExponent: Param[float] = _param("nsExponent", "negatives are drawn by count ** nsExponent", TypeConverters.toFloat)
    sample: Param[float] = _param("sample", "threshold of subsampling of frequent words, e.g. 1e-4; 0: every word is trained", TypeConverters.toFloat)
    minAlpha: Param[float] = _param("minAlpha", "the learning rate falls from stepSize to this one; not set: stepSize / 10000", TypeConverters.toFloat)
    shrinkWindows: Param[bool] = _param("shrinkWindows", "a window's size is drawn from 1 to windowSize; false: it is windowSize", TypeConverters.toBoolean)
    maxFinalVocab: Param[int] = _param("maxFinalVocab", "keep so many of the most frequent words at most; not set: all of minCount", TypeConverters.toInt)
    computeLoss: Param[bool] = _param("computeLoss", "take the loss of every sentence; false: of one in 16", TypeConverters.toBoolean)

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._setDefault(
            seed=SEED, sg=1, cbowMean=1, hs=1, negative=0, nsExponent=0.75, sample=0.0, shrinkWindows=True, computeLoss=False
        )  # fmt: skip

    def _set(self, **values: Any) -> Any:
        """Driver: as Params has it, but None takes a param's value away, so that it has its default again, if it has one or needs none."""
        for name in [name for name, value in values.items() if value is None]:
            if name not in NONE_MEANS_UNSET:
                raise BadInput(f"{name}=None: give a value, or leave it out, which is {self._defaultParamMap[self.getParam(name)]}")
            self.clear(self.getParam(name))
            del values[name]
        return super()._set(**values)

    def getSg(self) -> int:
        """Driver: the value of sg or its default."""
        return self.getOrDefault(self.sg)

    def getCbowMean(self) -> int:
        """Driver: the value of cbowMean or its default."""
        return self.getOrDefault(self.cbowMean)

    def getHs(self) -> int:
        """Driver: the value of hs or its default."""
        return self.getOrDefault(self.hs)

    def getNegative(self) -> int:
        """Driver: the value of negative or its default."""
        return self.getOrDefault(self.negative)

    def getNsExponent(self) -> float:
        """Driver: the value of nsExponent or its default."""
        return self.getOrDefault(self.nsExponent)

    def getSample(self) -> float:
        """Driver: the value of sample or its default."""
        return self.getOrDefault(self.sample)

    def getMinAlpha(self) -> float:
        """Driver: the value of minAlpha; if it is not set, what Spark has: a ten-thousandth of stepSize."""
        return self.getOrDefault(self.minAlpha) if self.isDefined(self.minAlpha) else self.getStepSize() / 10000

    def getShrinkWindows(self) -> bool:
        """Driver: the value of shrinkWindows or its default."""
        return self.getOrDefault(self.shrinkWindows)

    def getMaxFinalVocab(self) -> int | None:
        """Driver: the value of maxFinalVocab, None if it is not set."""
        return self.getOrDefault(self.maxFinalVocab) if self.isDefined(self.maxFinalVocab) else None

    def getComputeLoss(self) -> bool:
        """Driver: the value of computeLoss or its default."""
        return self.getOrDefault(self.computeLoss)
