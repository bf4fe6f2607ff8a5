package deepdist.ml

import java.util.Collections

import deepdist.{BadInput, Fit, Settings, Text}
import org.apache.spark.ml.Estimator
import org.apache.spark.ml.linalg.SQLDataTypes
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.ml.util.{DefaultParamsReadable, DefaultParamsWritable, Identifiable}
import org.apache.spark.sql.{Dataset, Row, SparkSession}
import org.apache.spark.sql.types.StructType

/** Word2Vec learns a vector for every word of a column of text; Spark ML's Word2Vec, trained by DeepDist.
  *
  * inputCol: a column of array<string>, or of strings, whose words stand between whitespace. Each row is a sentence. Params, defaults and
  * methods are those of org.apache.spark.ml.feature.Word2Vec, and those of DeepDist besides; docs/ml.md has them in a table. It needs the
  * plugin: spark.plugins=deepdist.DeepDistPlugin.
  */
final class Word2Vec(override val uid: String) extends Estimator[Word2VecModel] with Word2VecParams with DefaultParamsWritable {
  def this() = this(Identifiable.randomUID("Word2Vec"))

  def setInputCol(value: String): this.type = set(inputCol, value)
  def setOutputCol(value: String): this.type = set(outputCol, value)
  def setVectorSize(value: Int): this.type = set(vectorSize, value)
  def setWindowSize(value: Int): this.type = set(windowSize, value)
  def setMinCount(value: Int): this.type = set(minCount, value)
  def setStepSize(value: Double): this.type = set(stepSize, value)
  def setMaxIter(value: Int): this.type = set(maxIter, value)
  def setSeed(value: Long): this.type = set(seed, value)
  def setNumPartitions(value: Int): this.type = set(numPartitions, value)
  def setMaxSentenceLength(value: Int): this.type = set(maxSentenceLength, value)
  def setSg(value: Int): this.type = set(sg, value)
  def setCbowMean(value: Int): this.type = set(cbowMean, value)
  def setHs(value: Int): this.type = set(hs, value)
  def setNegative(value: Int): this.type = set(negative, value)
  def setNsExponent(value: Double): this.type = set(nsExponent, value)
  def setSample(value: Double): this.type = set(sample, value)
  def setMinAlpha(value: Double): this.type = set(minAlpha, value)
  def setShrinkWindows(value: Boolean): this.type = set(shrinkWindows, value)
  def setMaxFinalVocab(value: Int): this.type = set(maxFinalVocab, value)
  def setComputeLoss(value: Boolean): this.type = set(computeLoss, value)

  /** Train, and return when that has ended. Null rows and null words are errors, which name partition and row. */
  override def fit(dataset: Dataset[_]): Word2VecModel = {
    val native = settings
    val (column, layout) = Columns.text(dataset, this)
    Columns.checkOutput(dataset, getOutputCol)
    val rows = Columns.bytes({
      val sentences = Columns.sentences(dataset, column, layout, getMaxSentenceLength)
      if (isSet(numPartitions)) sentences.repartition(getNumPartitions) else sentences
    }, layout)
    val trained = Fit.run(dataset.sparkSession.sparkContext, native, Text(rows.rdd, layout, getInputCol))
    copyValues(new Word2VecModel(uid, Vectors(trained.words, trained.counts, trained.vectors, getVectorSize), Some(trained.summary)).setParent(this))
  }

  override def transformSchema(schema: StructType): StructType = {
    settings
    Word2Vec.transformed(schema, this)
  }

  override def copy(extra: ParamMap): Word2Vec = defaultCopy(extra)

  private def settings: Settings = {
    if (getHs == 0 && getNegative == 0) throw new BadInput(
      "hs=0 and negative=0: nothing would be trained; set negative to 5 (negative sampling), hs to 1 (hierarchical softmax), or both")
    if (getMinAlpha > getStepSize) throw new BadInput(s"minAlpha=$getMinAlpha is above stepSize=$getStepSize")
    Settings(getVectorSize, getWindowSize, getMinCount, getMaxFinalVocab.getOrElse(0), getSg == 1, getHs == 1, getNegative, getSample, getNsExponent,
      getCbowMean == 1, getShrinkWindows, getStepSize, getMinAlpha, getMaxIter, getSeed, getComputeLoss)
  }
}

object Word2Vec extends DefaultParamsReadable[Word2Vec] {
  override def load(path: String): Word2Vec = try super.load(path) catch {
    case e @ (_: ReflectiveOperationException | _: ClassCastException) =>
      throw new BadInput(s"$path holds something else than a deepdist.ml.Word2Vec: load it by its own class ($e)", e)
  }

  /** The schema with the column of vectors; refuses one without the column of text. */
  private[ml] def transformed(schema: StructType, stage: Word2VecParams): StructType = {
    val empty = SparkSession.builder().getOrCreate().createDataFrame(Collections.emptyList[Row], schema) // Spark resolves the names itself
    Columns.text(empty, stage)
    Columns.checkOutput(empty, stage.getOutputCol)
    schema.add(stage.getOutputCol, SQLDataTypes.VectorType)
  }
}
