#!/usr/bin/env python3
"""Word vectors in a Spark ML pipeline: what is a paragraph about?

The pipeline is Spark's own but for one stage: labels, words, deepdist.ml.Word2Vec, logistic regression. It is fitted, saved and loaded, and
exported: then it needs nothing but PySpark.

    python examples/ml_pipeline.py [FOLDER]

FOLDER is where the models are saved (default: ml_pipeline_models).
"""
import sys
from pathlib import Path

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StringIndexer, Tokenizer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from deepdist.ml import Word2Vec, Word2VecModel

SAMPLE = Path(__file__).resolve().parent / "sample" / "part-0[01].txt.bz2"
TOPICS = {"music": "album|song|band|guitar", "sport": "football|league|season|championship", "war": "army|battle|troops|regiment"}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "ml_pipeline_models").resolve()
    builder = SparkSession.builder.master("local[2]").appName("DeepDist in a pipeline").config("spark.log.level", "ERROR")
    with builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate() as spark:
        text = spark.read.text(f"file://{SAMPLE}").withColumnRenamed("value", "text")
        train, test = labelled(text).repartition(4).cache().randomSplit([0.8, 0.2], seed=1)

        label, words = StringIndexer(inputCol="topic", outputCol="label"), Tokenizer(inputCol="text", outputCol="words")
        word2vec = Word2Vec(vectorSize=50, maxIter=5, sample=1e-3, seed=1, inputCol="words", outputCol="features")
        fitted = Pipeline(stages=[label, words, word2vec, LogisticRegression(maxIter=30)]).fit(train)
        vectors = fitted.stages[2]
        print(vectors.summary)
        print("near music:", ", ".join(word for word, _ in vectors.findSynonymsArray("music", 5)))
        print(f"accuracy: {accuracy(fitted, test):.3f}")

        fitted.write().overwrite().save(f"{folder}/pipeline")
        print(f"loaded again: {accuracy(PipelineModel.load(f'{folder}/pipeline'), test):.3f}")

        plain = PipelineModel([stage.toSpark() if isinstance(stage, Word2VecModel) else stage for stage in fitted.stages])
        plain.write().overwrite().save(f"{folder}/spark")  # PipelineModel.load finds it where there is no DeepDist
        print(f"Spark's own: {accuracy(PipelineModel.load(f'{folder}/spark'), test):.3f}")


def labelled(text):
    """Paragraphs of one topic only, without the words that gave it away."""
    topic = F.lit(None).cast("string")
    hits = [F.col("text").rlike(rf"\b({words})\b").cast("int") for words in TOPICS.values()]
    for name, hit in zip(TOPICS, hits):
        topic = F.when(hit == 1, name).otherwise(topic)
    only = sum(hits, F.lit(0)) == 1
    found = text.where(only).withColumn("topic", topic)
    return found.withColumn("text", F.regexp_replace("text", rf"\b({'|'.join(TOPICS.values())})\b", "")).where(F.length("text") > 200)


def accuracy(model, rows) -> float:
    return MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(rows))


if __name__ == "__main__":
    main()
