import deepdist.{Word2Vec, Word2VecModel}
import org.apache.spark.ml.{Pipeline, PipelineModel, PipelineStage, Transformer}
import org.apache.spark.ml.classification.LogisticRegression
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator
import org.apache.spark.ml.feature.StringIndexer
import org.apache.spark.sql.{DataFrame, SparkSession}
import org.apache.spark.sql.functions._

/** Word vectors in a Spark ML pipeline: what is a paragraph about? ml_pipeline.py beside this folder does the same in Python.
  *
  * The pipeline is Spark's own but for one stage: labels, DeepDist's Word2Vec, logistic regression. It is fitted, saved and loaded, and
  * exported: then it needs nothing but Spark. run.sh compiles and submits it; its arguments are the text and the folder for the models.
  */
object WordVectors {
  private val Topics = Map("music" -> "album|song|band|guitar", "sport" -> "football|league|season|championship", "war" -> "army|battle|troops|regiment")

  def main(args: Array[String]): Unit = {
    val Array(text, folder) = args
    val spark = SparkSession.builder().appName("DeepDist in Scala").getOrCreate()
    val Array(train, test) = labelled(spark.read.text(text).withColumnRenamed("value", "text")).repartition(4).cache().randomSplit(Array(0.8, 0.2), seed = 1)

    val label = new StringIndexer().setInputCol("topic").setOutputCol("label")
    val word2vec = new Word2Vec().setInputCol("text").setOutputCol("features").setVectorSize(50).setMaxIter(5).setSample(1e-3).setSeed(1)
    val fitted = new Pipeline().setStages(Array[PipelineStage](label, word2vec, new LogisticRegression().setMaxIter(30))).fit(train)
    val vectors = fitted.stages(1).asInstanceOf[Word2VecModel]
    println(vectors.summary)
    println("near music: " + vectors.findSynonymsArray("music", 5).map(_._1).mkString(", "))
    println(f"accuracy: ${accuracy(fitted, test)}%.3f")

    fitted.write.overwrite().save(s"$folder/pipeline")
    println(f"loaded again: ${accuracy(PipelineModel.load(s"$folder/pipeline"), test)}%.3f")

    vectors.toSpark.write.overwrite().save(s"$folder/spark") // org.apache.spark.ml.feature.Word2VecModel.load finds it where there is no DeepDist
    spark.stop()
  }

  /** Paragraphs of one topic only, without the words that gave it away. */
  private def labelled(text: DataFrame): DataFrame = {
    val hits = Topics.map { case (name, words) => name -> col("text").rlike(s"\\b($words)\\b").cast("int") }
    val topic = hits.foldLeft(lit(null).cast("string")) { case (so, (name, hit)) => when(hit === 1, name).otherwise(so) }
    text.where(hits.values.reduce(_ + _) === 1).withColumn("topic", topic)
      .withColumn("text", regexp_replace(col("text"), s"\\b(${Topics.values.mkString("|")})\\b", "")).where(length(col("text")) > 200)
  }

  private def accuracy(model: Transformer, rows: DataFrame): Double =
    new MulticlassClassificationEvaluator().setMetricName("accuracy").evaluate(model.transform(rows))
}
