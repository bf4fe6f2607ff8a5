package deepdist.ml

import deepdist.Summary
import org.apache.spark.ml.{feature, Model}
import org.apache.spark.ml.linalg.Vector
import org.apache.spark.ml.param.{Param, ParamMap}
import org.apache.spark.ml.util.{MLReadable, MLReader, MLWritable, MLWriter}
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.functions.{array, coalesce, col, when}
import org.apache.spark.sql.types.StructType

/** Word2VecModel turns words into vectors; the model that Word2Vec.fit returns, with the methods of org.apache.spark.ml.feature.Word2VecModel,
  * whose own code does the work, over the same vectors.
  */
final class Word2VecModel private[ml] (override val uid: String, @transient private[ml] val vectors: Vectors, trained: Option[Summary])
    extends Model[Word2VecModel] with Word2VecParams with MLWritable {

  def setInputCol(value: String): this.type = set(inputCol, value)
  def setOutputCol(value: String): this.type = set(outputCol, value)

  /** Whether the model comes from a training, and not from a file. */
  def hasSummary: Boolean = trained.isDefined

  /** The figures of the training. */
  def summary: Summary = trained.getOrElse(throw new IllegalStateException("this model was loaded: it has no summary of its training"))

  /** The words with their vectors, as a DataFrame of `word` and `vector`. */
  @transient lazy val getVectors: DataFrame = toSpark.getVectors

  /** The words, the most frequent first, and how often each of them was in the text. */
  def wordCounts: Seq[(String, Long)] = vectors.words.toSeq.zip(vectors.counts.toSeq)

  /** The `num` words most similar to a word, without itself, as a DataFrame of `word` and `similarity`, the cosine. */
  def findSynonyms(word: String, num: Int): DataFrame = toSpark.findSynonyms(word, num)

  /** The `num` words whose vectors are most similar to this one. */
  def findSynonyms(vec: Vector, num: Int): DataFrame = toSpark.findSynonyms(vec, num)

  /** The `num` words most similar to a word, without itself, and their cosines. */
  def findSynonymsArray(word: String, num: Int): Array[(String, Double)] = toSpark.findSynonymsArray(word, num)

  /** The `num` words whose vectors are most similar to this one, and their cosines. */
  def findSynonymsArray(vec: Vector, num: Int): Array[(String, Double)] = toSpark.findSynonymsArray(vec, num)

  /** Spark's own Word2VecModel with the same uid, params and vectors; saved, it loads where DeepDist is not installed. */
  def toSpark: feature.Word2VecModel = {
    val own = vectors.toSpark(uid)
    params.foreach { param =>
      if (own.hasParam(param.name) && isDefined(param)) own.set(own.getParam(param.name).asInstanceOf[Param[Any]], $(param))
    }
    own.set(own.vectorSize, vectors.size)
  }

  /** Add the column of vectors: the mean of the vectors of a row's words, as Spark has it; null for a null row, on which Spark's own fails. */
  override def transform(dataset: Dataset[_]): DataFrame = {
    val (column, layout) = Columns.text(dataset, this)
    Columns.checkOutput(dataset, getOutputCol)
    val (words, vector) = (s"${uid}__words", s"${uid}__vector")
    val split = dataset.withColumn(words, coalesce(Columns.words(column, layout), array().cast("array<string>")))
    val done = toSpark.setInputCol(words).setOutputCol(vector).transform(split)
    val found = when(column.isNotNull, col(vector)).as(getOutputCol, done.schema(vector).metadata) // not withMetadata, which takes dots in a name apart
    done.select(col("*"), found).drop(words, vector)
  }

  override def transformSchema(schema: StructType): StructType = Word2Vec.transformed(schema, this)

  override def copy(extra: ParamMap): Word2VecModel = copyValues(new Word2VecModel(uid, vectors, trained), extra).setParent(parent)

  override def write: MLWriter = new Saved.Writer(this)

  override def toString: String = s"Word2VecModel: uid=$uid, numWords=${vectors.words.length}, vectorSize=${vectors.size}"

  /** For Saved: params by their names, with values as JSON. */
  private[ml] def take(values: Iterator[(String, String)], defaults: Iterator[(String, String)]): Unit = {
    values.foreach { case (name, json) => set(param(name), param(name).jsonDecode(json)) }
    defaults.foreach { case (name, json) => setDefault(param(name), param(name).jsonDecode(json)) }
  }

  private def param(name: String): Param[Any] = getParam(name).asInstanceOf[Param[Any]]
}

object Word2VecModel extends MLReadable[Word2VecModel] {
  override def read: MLReader[Word2VecModel] = new Saved.Reader
  override def load(path: String): Word2VecModel = super.load(path)
}
