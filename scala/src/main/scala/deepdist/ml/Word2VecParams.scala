package deepdist.ml

import org.apache.spark.ml.param._
import org.apache.spark.ml.param.shared.{HasInputCol, HasMaxIter, HasOutputCol, HasSeed, HasStepSize}

/** Word2VecParams is what Word2Vec and Word2VecModel share: the params of Spark's own word2vec, and every other setting of DeepDist's, with
  * the names and defaults of the Python package's deepdist.ml. The defaults train what Spark trains: skip-gram with hierarchical softmax,
  * without subsampling, one pass.
  */
trait Word2VecParams extends Params with HasInputCol with HasOutputCol with HasMaxIter with HasStepSize with HasSeed {
  import Word2VecParams._

  final val vectorSize = new IntParam(this, "vectorSize", "the dimension of codes after transforming from words", ParamValidators.inRange(1, 1 << 16))
  final val windowSize = new IntParam(this, "windowSize", "the window size (context words from [-window, window]). Default value is 5",
    ParamValidators.inRange(1, 1000))
  final val minCount = new IntParam(this, "minCount",
    "the minimum number of times a token must appear to be included in the word2vec model's vocabulary", ParamValidators.gtEq(0))
  final val numPartitions = new IntParam(this, "numPartitions", "number of partitions for sentences of words", ParamValidators.gt(0))
  final val maxSentenceLength = new IntParam(this, "maxSentenceLength",
    "Maximum length (in words) of each sentence in the input data. Any sentence longer than this threshold will be divided into chunks up to the size.",
    ParamValidators.gt(0))
  final val sg = new IntParam(this, "sg", "1: skip-gram, a word predicts each word around it; 0: CBOW, the words around it predict a word", flag)
  final val cbowMean = new IntParam(this, "cbowMean", "CBOW predicts by the mean of the vectors around a word (1) or by their sum (0)", flag)
  final val hs = new IntParam(this, "hs", "1: hierarchical softmax; 0: none, so negative must be above 0", flag)
  final val negative = new IntParam(this, "negative", "so many negatives for negative sampling, beside hs or instead of it; 0: none",
    ParamValidators.inRange(0, 1000))
  final val nsExponent = new DoubleParam(this, "nsExponent", "negatives are drawn by count ** nsExponent", ParamValidators.inRange(-10.0, 10.0))
  final val sample = new DoubleParam(this, "sample", "threshold of subsampling of frequent words, e.g. 1e-4; 0: every word is trained",
    ParamValidators.inRange(0.0, 1.0))
  final val minAlpha = new DoubleParam(this, "minAlpha", "the learning rate falls from stepSize to this one; not set: stepSize / 10000",
    ParamValidators.inRange(0.0, 10.0))
  final val shrinkWindows = new BooleanParam(this, "shrinkWindows", "a window's size is drawn from 1 to windowSize; false: it is windowSize")
  final val maxFinalVocab = new IntParam(this, "maxFinalVocab", "keep so many of the most frequent words at most; not set: all of minCount",
    ParamValidators.gt(0))
  final val computeLoss = new BooleanParam(this, "computeLoss", "take the loss of every sentence; false: of one in 16")

  setDefault(vectorSize -> 100, windowSize -> 5, minCount -> 5, numPartitions -> 1, maxSentenceLength -> 1000, maxIter -> 1, stepSize -> 0.025,
    seed -> SparksSeed, sg -> 1, cbowMean -> 1, hs -> 1, negative -> 0, nsExponent -> 0.75, sample -> 0.0, shrinkWindows -> true, computeLoss -> false)

  def getVectorSize: Int = $(vectorSize)
  def getWindowSize: Int = $(windowSize)
  def getMinCount: Int = $(minCount)
  def getNumPartitions: Int = $(numPartitions)
  def getMaxSentenceLength: Int = $(maxSentenceLength)
  def getSg: Int = $(sg)
  def getCbowMean: Int = $(cbowMean)
  def getHs: Int = $(hs)
  def getNegative: Int = $(negative)
  def getNsExponent: Double = $(nsExponent)
  def getSample: Double = $(sample)
  def getShrinkWindows: Boolean = $(shrinkWindows)
  def getComputeLoss: Boolean = $(computeLoss)

  /** The value of minAlpha; if it is not set, what Spark has: a ten-thousandth of stepSize. */
  def getMinAlpha: Double = get(minAlpha).getOrElse(getStepSize / 10000)

  /** The value of maxFinalVocab, None if it is not set. */
  def getMaxFinalVocab: Option[Int] = get(maxFinalVocab)
}

private[ml] object Word2VecParams {

  /** Spark's default seed of its own word2vec in Scala. */
  val SparksSeed: Long = -1961189076L

  private val flag: Int => Boolean = ParamValidators.inArray(Array(0, 1))
}
