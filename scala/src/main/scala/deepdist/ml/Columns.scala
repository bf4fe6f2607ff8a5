package deepdist.ml

import deepdist.{BadInput, Layout, Whitespace}
import org.apache.spark.ml.param.shared.HasInputCol
import org.apache.spark.sql.{AnalysisException, Column, DataFrame, Dataset}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.{ArrayType, StringType}

/** The columns that word2vec reads and adds: found, checked, and cut into sentences. The input is array<string>, as Spark has it, or a string of
  * words between whitespace. Everything here is Spark's own expressions; python/deepdist/ml/columns.py has the same.
  */
private[ml] object Columns {

  /** No sentence of the native training is longer: the sidecar divides it itself. */
  private val Sentence = 10000

  /** The column that inputCol names, also a field within one, and what it holds. */
  def text(dataset: Dataset[_], stage: HasInputCol): (Column, Layout) = {
    if (!stage.isDefined(stage.inputCol) || stage.getInputCol == null) throw new BadInput("inputCol is not set: it names the column of words, setInputCol(\"words\")")
    val name = stage.getInputCol
    if ((name == "*" || name.endsWith(".*")) && !has(dataset, name))
      throw new BadInput(s"inputCol='$name' must be one column; the DataFrame has ${dataset.columns.mkString(", ")}")
    val column = col(if (has(dataset, name)) quoted(name) else name)
    val kind = try dataset.select(column).schema.head.dataType catch {
      case e: AnalysisException => throw new BadInput(s"inputCol='$name' is no column of the DataFrame, which has ${dataset.columns.mkString(", ")} " +
        s"(${e.getMessage.linesIterator.next()})")
    }
    kind match {
      case StringType => (column, Layout.Lines)
      case ArrayType(StringType, _) => (column, Layout.Lists)
      case _ => throw new BadInput(s"inputCol='$name' is ${kind.simpleString}; it must be array<string>, or string for lines of words")
    }
  }

  /** Refuse an output column that is there already. */
  def checkOutput(dataset: Dataset[_], name: String): Unit = {
    if (name.isEmpty) throw new BadInput("outputCol is empty: it names the column of vectors, setOutputCol(\"features\")")
    if (has(dataset, name)) throw new BadInput(s"outputCol='$name' is a column of the DataFrame already: drop it, or name another one by setOutputCol")
  }

  /** The words of each row as array<string>. */
  def words(column: Column, layout: Layout): Column = layout match {
    case Layout.Lines => array_remove(split(column, Whitespace.Pattern), "")
    case Layout.Lists => column
  }

  /** The rows as sentences of `longest` words at most, as the one column of a DataFrame; long rows are divided. */
  def sentences(dataset: Dataset[_], column: Column, layout: Layout, longest: Int): DataFrame =
    if (longest >= Sentence) dataset.select(column.as("words"))
    else {
      val all = words(column, layout)
      // The shortest line of n words has 2n - 1 characters: most lines need not be split to know that they are short.
      val maybe = if (layout == Layout.Lines) length(column) >= 2 * longest + 1 else lit(true)
      def pieces(words: Column): Column = transform(sequence(lit(0), floor((size(words) - 1) / longest).cast("int")), i => {
        val part = slice(words, (i * longest + 1).cast("int"), lit(longest))
        if (layout == Layout.Lines) array_join(part, " ") else part
      })
      // What stands in a lambda is computed for every element: so the words of a row are an argument of one, as an array of objects, which slice
      // does not copy whole.
      val once = transform(array(if (layout == Layout.Lines) all else transform(all, word => word)), words => pieces(words)).getItem(0)
      dataset.select(explode(when(maybe && size(all) > longest, once).otherwise(array(column))).as("words"))
    }

  /** The column `words` as bytes in UTF-8, which is how Spark holds it. */
  def bytes(frame: DataFrame, layout: Layout): DataFrame =
    frame.select(col("words").cast(if (layout == Layout.Lines) "binary" else "array<binary>"))

  private def has(dataset: Dataset[_], name: String): Boolean =
    if (dataset.sparkSession.conf.get("spark.sql.caseSensitive") == "true") dataset.columns.contains(name)
    else dataset.columns.exists(_.equalsIgnoreCase(name))

  private def quoted(name: String): String = "`" + name.replace("`", "``") + "`"
}
