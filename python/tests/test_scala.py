"""The Scala API: deepdist.ml.Word2Vec in the JVM, without Python's part, over the plugin's psserver and sidecars.

Python only drives it here, through py4j, and compares it with its own. `make test-plugin` runs this with both PySparks, each with the jar for
its Scala, which DEEPDIST_PLUGIN_JAR names.
"""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import run_app, topic_lines, until

JAR = os.environ.get("DEEPDIST_PLUGIN_JAR", "")
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not JAR, reason="DEEPDIST_PLUGIN_JAR names no jar of the plugin: `make test-plugin` builds one"),
]


@pytest.fixture(scope="module")
def spark(binaries):
    """A session with the plugin, of this module alone."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    assert SparkContext._active_spark_context is None, "run this file apart from those that have a context without the plugin"
    settings = {"spark.jars": JAR, "spark.plugins": "deepdist.DeepDistPlugin", "spark.deepdist.page": "off", "spark.ui.enabled": "false"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def ml(spark):
    """The package deepdist.ml of the JVM."""
    return spark.sparkContext._jvm.deepdist.ml


@pytest.fixture(scope="module")
def frame(spark):
    rows = [(line.split(), line, line.split("w")[0]) for line in topic_lines(1500)]
    return spark.createDataFrame(rows, "words array<string>, text string, topic string").repartition(2).cache()


def set_all(stage, params):
    for name, value in {"vectorSize": 16, "minCount": 1, "maxIter": 2, "seed": 7, "inputCol": "words", "outputCol": "features", **params}.items():
        getattr(stage, "set" + name[0].upper() + name[1:])(value)
    return stage


@pytest.fixture(scope="module")
def fit(ml):
    return lambda frame, **params: set_all(ml.Word2Vec(), params).fit(frame._jdf)


@pytest.fixture(scope="module")
def model(fit, frame):
    return fit(frame)


def score(model):
    """Share of the nearest neighbours that are of the word's own topic."""
    near = [(f"t{t}w", found) for t in range(10) for found in model.findSynonymsArray(f"t{t}w0", 5)]
    return np.mean([(found[0] if isinstance(found, tuple) else found._1()).startswith(topic) for topic, found in near])


def frame_of(spark, java):
    from pyspark.sql import DataFrame

    return DataFrame(java, spark)


def thrown(error):
    """What Java threw: its class and its message."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)  # PySpark has an exception of its own for some
    return str(error if java is None else java.toString())


def refusal(call, *args):
    with pytest.raises(Exception) as raised:
        call(*args)
    return thrown(raised.value)


def psservers():
    return [p for p in psutil.Process().children(recursive=True) if p.name() == "psserver" and p.status() != psutil.STATUS_ZOMBIE]


# Params.


def test_it_has_the_params_and_defaults_of_pythons(ml):
    from deepdist.ml import Word2Vec

    ours, python = ml.Word2Vec(), Word2Vec()
    assert sorted(p.name() for p in ours.params()) == sorted(p.name for p in python.params)
    for param in python.params:
        mine = ours.getParam(param.name)
        if param.name != "outputCol":
            assert ours.isDefined(mine) == python.isDefined(param)
            assert not ours.isDefined(mine) or ours.getOrDefault(mine) == python.getOrDefault(param), param.name
    assert ours.getOutputCol() == f"{ours.uid()}__output" and ours.getMinAlpha() == python.getMinAlpha() and ours.getMaxFinalVocab().isEmpty()
    values = {"inputCol": "x", "outputCol": "y", "shrinkWindows": False, "computeLoss": True, "sg": 0, "hs": 0, "cbowMean": 0,
              "stepSize": 0.5, "sample": 0.5, "minAlpha": 0.5, "nsExponent": 0.5}  # fmt: skip
    for param in python.params:
        name = param.name[0].upper() + param.name[1:]
        assert getattr(ours, f"set{name}")(values.get(param.name, 3)).uid() == ours.uid()
        found = getattr(ours, f"get{name}")()
        assert (found.get() if name == "MaxFinalVocab" else found) == values.get(param.name, 3)
    assert ours.copy(ml.Word2Vec().extractParamMap()).uid() == ours.uid()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"hs": 0}, "hs=0 and negative=0: nothing would be trained"),
        ({"stepSize": 0.1, "minAlpha": 0.2}, "minAlpha=0.2 is above stepSize=0.1"),
        ({"vectorSize": 0}, "vectorSize given invalid value 0"),
        ({"inputCol": "nothing"}, "inputCol='nothing' is no column of the DataFrame, which has words, text, topic"),
        ({"inputCol": "*"}, "inputCol='*' must be one column; the DataFrame has words, text, topic"),
        ({"inputCol": None}, "inputCol is not set"),
        ({"inputCol": "n"}, "inputCol='n' is bigint; it must be array<string>"),
        ({"outputCol": "topic"}, "outputCol='topic' is a column of the DataFrame already"),
        ({"minCount": 10**6}, "which is below minCount=1000000; lower minCount"),
        ({"maxIter": 0}, "maxIter=0 must be"),
        # every partition has such a row, and any of them may be the first to say so
        ({"inputCol": "gap"}, ", row 0: gap is null: drop such rows before"),
        ({"inputCol": "hole"}, ", row 0: hole has a null in it: take the nulls out before"),
        ({"inputCol": "bare"}, "there is not a single word in the"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(frame, fit, params, said):
    from pyspark.sql import functions as F

    hole = F.array(F.lit(None).cast("string")).alias("hole")
    data = frame.select("*", F.lit(1).cast("long").alias("n"), F.lit(None).cast("string").alias("gap"), hole, F.lit(" ").alias("bare"))
    assert said in refusal(lambda: fit(frame if params.get("inputCol") == "nothing" else data, **params))
    until(lambda: len(psservers()) == 1)  # the one that waits for the next session


# Training.


def test_words_of_a_topic_become_neighbours_as_with_pythons(frame, fit, model):
    from deepdist.ml import Word2Vec

    python = Word2Vec(vectorSize=16, minCount=1, maxIter=2, seed=7, inputCol="words", outputCol="features").fit(frame)
    ours, theirs = score(model), score(python)
    assert ours > 0.9 or ours >= theirs - 0.04, (ours, theirs)
    s = model.summary()
    assert model.hasSummary() and (s.rows(), s.records(), s.vocabulary(), s.words(), s.epochs().length()) == (1500, 1500, 120, 18000, 2)
    assert "words/s" in s.toString()
    counts = model.wordCounts()
    assert {counts.apply(i)._1(): counts.apply(i)._2() for i in range(counts.length())} == dict(zip(python.wv.index_to_key, python.wv.counts.tolist()))
    assert (model.getInputCol(), model.getOutputCol(), model.getVectorSize(), model.parent().uid()) == ("words", "features", 16, model.uid())


def test_lines_train_the_same_words_as_lists_and_every_mode_trains(frame, fit, model):
    def counted(m):
        return {c._1(): c._2() for c in (m.wordCounts().apply(i) for i in range(m.wordCounts().length()))}

    assert counted(fit(frame, inputCol="text", sg=0, hs=0, negative=5, numPartitions=3)) == counted(model)
    small = fit(frame, inputCol="text", maxIter=1, maxFinalVocab=50, maxSentenceLength=5, sample=0.01, negative=2, computeLoss=True)
    assert small.summary().vocabulary() == 50 and small.summary().rows() == 1500 * 3
    assert fit(frame.limit(2).repartition(5)).summary().rows() == 2, "some partitions are empty"


def test_rows_of_megabytes_are_cut_at_whitespace_and_no_word_is_lost(spark, fit):
    spaces = [" ", "\t", "\u00a0", "\u2003", "\u3000", "\u205f", "\x1c"]
    words = [f"wört{i % 1000}" for i in range(300_000)]
    line = "".join(w + spaces[i % len(spaces)] for i, w in enumerate(words))
    data = spark.createDataFrame([(line, words), ("short", ["short"]), ("", [])], "text string, words array<string>").coalesce(1)
    for column in ("text", "words"):
        trained = fit(data, inputCol=column, maxSentenceLength=10**6, vectorSize=4, maxIter=1, hs=0, negative=1)
        counts = trained.wordCounts()
        assert {counts.apply(i)._1(): counts.apply(i)._2() for i in range(counts.length())} == {"short": 1, **{f"wört{i}": 300 for i in range(1000)}}
        assert trained.summary().rows() == 3, "pieces were counted as rows"
    said = refusal(lambda: fit(spark.createDataFrame([("x" * (9 << 20),)], ["text"]), inputCol="text", maxSentenceLength=10**6))
    assert "a word of 9437184 bytes; a word has at most 8 MiB" in said


class Fitting(threading.Thread):
    """A fit in a thread of its own, here and in the JVM; `act` is done when the training is under way. Then `result` or `error` is there."""

    def __init__(self, spark, fit, frame, act, **params):
        super().__init__(daemon=True)
        self.sc, self.work = spark.sparkContext, lambda: fit(frame, **params)
        self.result = self.error = self.java = None
        servers = getattr(getattr(self.sc._jvm.deepdist, "DeepDistPlugin$"), "MODULE$").servers().get()
        time.sleep(2.5)  # the figures are those of the last second; the fit before must be in them
        before = servers.figures().words()
        self.start()
        deadline = time.monotonic() + 60
        while servers.figures().words() <= before:
            assert self.is_alive() and time.monotonic() < deadline, self.error
            time.sleep(0.05)
        act(self)
        self.join(120)
        assert not self.is_alive(), "the fit did not end"

    def run(self):
        self.java = self.sc._jvm.java.lang.Thread.currentThread()
        self.sc.setJobGroup("fitting", "a fit of the test's")
        try:
            self.result = self.work()
        except Exception as e:
            self.error = thrown(e)


def kill(name):
    def act(_):
        [process] = [p for p in psutil.Process().children(recursive=True) if p.name() == name and p.status() != psutil.STATUS_ZOMBIE]
        process.kill()

    return act


def test_a_sidecar_that_is_killed_costs_only_time(spark, fit, frame):
    done = Fitting(spark, fit, frame, kill("deepdist-sidecar"), maxIter=1000)
    assert done.error is None, done.error
    summary = done.result.summary()
    assert {summary.epochs().apply(i).words() for i in range(1000)} == {18000} and summary.rounds() > 1 and score(done.result) > 0.9


@pytest.mark.patient
def test_a_psserver_that_is_killed_ends_the_fit_and_says_so(spark, fit, frame):
    failed = Fitting(spark, fit, frame, kill("psserver"), maxIter=65536)
    assert "deepdist.Lost" in failed.error and "killed by signal 9" in failed.error, failed.error
    assert fit(frame).summary().vocabulary() == 120


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_who_interrupts_or_cancels_ends_the_training_at_once(spark, fit, frame, how):
    act = (lambda f: f.java.interrupt()) if how == "interrupt" else (lambda f: f.sc.cancelJobGroup("fitting"))
    began = time.monotonic()
    ended = Fitting(spark, fit, frame, act, maxIter=65536)
    assert ("InterruptedException" if how == "interrupt" else "cancelled") in ended.error, ended.error
    assert time.monotonic() - began < 60
    tracker = spark.sparkContext.statusTracker()
    until(lambda: not tracker.getActiveJobsIds() and len(psservers()) == 1)
    assert fit(frame).summary().vocabulary() == 120, "the next fit"


# The model.


def test_a_model_goes_from_either_language_to_the_other_and_transforms_alike(spark, ml, frame, model, tmp_path):
    from deepdist.ml import Word2VecModel

    model.save(str(tmp_path / "scala"))
    assert "something else than a deepdist.ml.Word2Vec: load it by its own class" in refusal(ml.Word2Vec.load, str(tmp_path / "scala"))
    python = Word2VecModel.load(str(tmp_path / "scala"))
    assert python.uid == model.uid() and python.getVectorSize() == 16 and python.getSeed() == 7 and python.isSet(python.maxIter)
    python.save(str(tmp_path / "python"))
    back = ml.Word2VecModel.load(str(tmp_path / "python"))
    assert back.toString() == model.toString() and not back.hasSummary() and "it has no summary" in refusal(back.summary)
    assert back.isSet(back.getParam("minCount")) and not back.isSet(back.getParam("hs")) and back.getMaxIter() == 2
    rows = [(["t1w0", "t1w1", "nobody"], "t1w0\u00a0t1w1 "), ([], ""), (None, None), (["t2w0"] * 1001, "nobody")]
    text = spark.createDataFrame(rows, "words array<string>, text string")
    for column in ("words", "text"):
        found = []
        for m in (model, back):
            found.append(frame_of(spark, m.setInputCol(column).transform(text._jdf)))
        found.append(python.copy({python.inputCol: column}).transform(text))
        assert found[0].schema == found[1].schema == found[2].schema
        assert found[0].schema["features"].metadata == found[2].schema["features"].metadata != {}
        assert found[0].collect() == found[1].collect() == found[2].collect() and found[0].collect()[2].features is None
    model.setInputCol("words")
    for word, cosine in python.findSynonymsArray("t3w0", 4):
        [same] = [s for s in back.findSynonymsArray("t3w0", 4) if s._1() == word]
        assert same._2() == pytest.approx(cosine, abs=1e-5)
    assert frame_of(spark, back.getVectors()).count() == 120 and frame_of(spark, back.findSynonyms("t3w0", 3)).columns == ["word", "similarity"]
    assert "is there already" in refusal(model.save, str(tmp_path / "scala")) or "already exists" in refusal(model.save, str(tmp_path / "scala"))
    model.write().overwrite().save(str(tmp_path / "scala"))
    assert "not in vocabulary" in refusal(back.findSynonymsArray, "nobody", 3)


def test_an_estimator_goes_to_python_and_back(ml, tmp_path):
    from deepdist.ml import Word2Vec

    set_all(ml.Word2Vec(), {"negative": 3, "minAlpha": 1e-5}).save(str(tmp_path / "scala"))
    python = Word2Vec.load(str(tmp_path / "scala"))
    assert python.getNegative() == 3 and python.getMinAlpha() == 1e-5 and not python.isSet(python.hs)
    python.save(str(tmp_path / "python"))
    back = ml.Word2Vec.load(str(tmp_path / "python"))
    assert back.getNegative() == 3 and back.getMinAlpha() == 1e-5 and back.uid() == python.uid and not back.isSet(back.getParam("hs"))


def test_a_pipeline_that_was_saved_in_scala_loads_in_python(spark, ml, frame, tmp_path):
    from pyspark.ml import Pipeline, PipelineModel

    sc = spark.sparkContext
    java = sc._jvm.org.apache.spark.ml
    stages = sc._gateway.new_array(java.PipelineStage, 2)
    stages[0], stages[1] = set_all(ml.Word2Vec(), {"negative": 3}), java.feature.Normalizer().setInputCol("features").setOutputCol("unit")
    pipeline = java.Pipeline().setStages(stages)
    fitted = pipeline.fit(frame._jdf)
    pipeline.save(str(tmp_path / "pipeline"))
    fitted.save(str(tmp_path / "fitted"))
    [estimator, _] = Pipeline.load(str(tmp_path / "pipeline")).getStages()
    assert (estimator.uid, estimator.getNegative(), estimator.isSet("negative"), estimator.isSet("hs")) == (stages[0].uid(), 3, True, False)
    loaded = PipelineModel.load(str(tmp_path / "fitted"))
    [model, _] = loaded.stages
    assert (model.uid, model.getSeed(), model.isSet("hs"), model.getOutputCol()) == (stages[0].uid(), 7, False, "features")
    counts = fitted.stages()[0].wordCounts()
    assert dict(zip(model.wv.index_to_key, model.wv.counts.tolist())) == {c._1(): c._2() for c in (counts.apply(i) for i in range(counts.length()))}
    ours, theirs = loaded.transform(frame.limit(20)), frame_of(spark, fitted.transform(frame.limit(20)._jdf))
    assert ours.select("unit").collect() == theirs.select("unit").collect()


def test_a_name_with_dots_can_be_the_column_of_vectors(model, spark, frame):
    out = frame_of(spark, model.copy(model.extractParamMap()).setOutputCol("word.vectors").transform(frame.limit(2)._jdf))
    assert out.columns == ["words", "text", "topic", "word.vectors"] and len(out.select("`word.vectors`").first()[0]) == 16


@pytest.mark.parametrize("damage", ["format", "data", "class", "nothing"])
def test_a_damaged_or_unknown_model_is_told(ml, model, tmp_path, damage):
    path = tmp_path / "model"
    model.save(str(path))
    for checksum in path.rglob(".*.crc"):
        checksum.unlink()
    [metadata] = path.glob("metadata/part-*")
    said = json.loads(metadata.read_text())
    assert said["class"] == "deepdist.ml.Word2VecModel" and said["deepdist"] == {"format": 1, "version": "0.1.0", "words": 120, "vectorSize": 16}
    if damage == "format":
        metadata.write_text(json.dumps({**said, "deepdist": {**said["deepdist"], "format": 2, "version": "9.9"}}))
        expected = "has format 2, written by DeepDist 9.9"
    elif damage == "class":
        metadata.write_text(json.dumps({**said, "class": "org.apache.spark.ml.feature.Word2VecModel"}))
        expected = "holds a org.apache.spark.ml.feature.Word2VecModel, not a deepdist.ml.Word2VecModel"
    elif damage == "data":
        for part in sorted(path.glob("data/part-*"))[:1]:
            part.unlink()
        expected = "data is damaged or missing"
    else:
        path, expected = tmp_path / "elsewhere", "elsewhere holds no model"
    refused = refusal(ml.Word2VecModel.load, str(path))
    assert "deepdist.BadInput" in refused and expected in refused, refused


def test_a_cross_validator_of_the_jvm_trains_two_at_a_time(spark, ml, frame):
    sc = spark.sparkContext
    jvm, java = sc._jvm, sc._jvm.org.apache.spark.ml
    label = java.feature.StringIndexer().setInputCol("topic").setOutputCol("label")
    estimator = set_all(ml.Word2Vec(), {})
    stages = sc._gateway.new_array(java.PipelineStage, 3)
    stages[0], stages[1], stages[2] = label, estimator, java.classification.LogisticRegression().setMaxIter(3)
    pipeline = java.Pipeline().setStages(stages)
    sizes = sc._gateway.new_array(jvm.int, 2)
    sizes[0], sizes[1] = 2, 16
    grid = java.tuning.ParamGridBuilder().addGrid(estimator.getParam("vectorSize"), sizes).build()
    judge = java.evaluation.MulticlassClassificationEvaluator().setMetricName("accuracy")
    validator = java.tuning.CrossValidator().setEstimator(pipeline).setEstimatorParamMaps(grid).setEvaluator(judge).setNumFolds(2).setParallelism(2)
    fitted = validator.fit(frame._jdf)
    assert max(fitted.avgMetrics()) > 0.8
    assert fitted.bestModel().stages()[1].getVectorSize() in (2, 16)


# What needs a JVM of its own.

READ = """
import sys
from pyspark.ml.feature import Word2VecModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
model = Word2VecModel.load(sys.argv[1])
print([[r.word, r.vector.toArray().tolist()] for r in model.getVectors().collect()])
"""


@pytest.mark.patient
def test_the_exported_model_loads_in_a_spark_without_deepdist(spark, model, tmp_path):
    model.toSpark().save(str(tmp_path / "spark"))
    done = run_app(READ, str(tmp_path / "spark"))
    vectors = dict(json.loads(done.stdout.strip().splitlines()[-1].replace("'", '"')))
    ours = {row.word: row.vector.toArray().tolist() for row in frame_of(spark, model.getVectors()).collect()}
    assert vectors == ours and len(ours) == 120


WITHOUT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.jars", sys.argv[1]).getOrCreate()
try:
    spark._jvm.deepdist.ml.Word2Vec().setInputCol("text").fit(spark.createDataFrame([("a b",)], ["text"])._jdf)
except Exception as e:
    print("FINE" if "set spark.plugins=deepdist.DeepDistPlugin before the SparkContext is made" in str(e) else e)
"""


@pytest.mark.patient
def test_without_the_plugin_fit_names_the_setting(binaries):
    assert "FINE" in run_app(WITHOUT, JAR).stdout


SHELL = """
new deepdist.Word2Vec().setInputCol("t").setMinCount(1).setVectorSize(4).fit(spark.range(9).selectExpr("'a b' AS t"))
:quit
"""


@pytest.mark.patient
def test_spark_shell_shows_the_progress(binaries):
    import pyspark

    quiet = {"spark.plugins": "deepdist.DeepDistPlugin", "spark.deepdist.page": "off", "spark.ui.enabled": "false"}
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-shell"), "--master", "local[2]", "--jars", JAR]
    shell = command + [word for name, value in quiet.items() for word in ("--conf", f"{name}={value}")]
    done = subprocess.run(shell, input=SHELL, capture_output=True, text=True, timeout=280)
    assert "numWords=2" in done.stdout and "INFO Word2Vec: done 100.0 %" in done.stderr, done.stdout + done.stderr
    assert "INFO DAGScheduler" not in done.stderr, "the shell's own silence"


CLUSTER = """
import os, sys, time, psutil
from pyspark.sql import SparkSession
from helpers import topic_lines
master, jar = sys.argv[1:]
builder = SparkSession.builder.master(master).config("spark.jars", jar).config("spark.plugins", "deepdist.DeepDistPlugin")
spark = builder.config("spark.executor.memory", "1g").config("spark.deepdist.page", "off").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
frame = spark.createDataFrame([(s,) for s in topic_lines(3000)], "text string").repartition(4).cache()
import threading
done, jvm = [], spark.sparkContext._jvm
def fit(column="text"):
    try:
        done.append(jvm.deepdist.ml.Word2Vec().setInputCol(column).setVectorSize(16).setMinCount(1).setMaxIter(400).fit(frame._jdf))
    except Exception as e:
        done.append(e)
thread = threading.Thread(target=fit)
thread.start()
servers = getattr(getattr(jvm.deepdist, "DeepDistPlugin$"), "MODULE$").servers().get()
while servers.figures().words() == 0 and thread.is_alive():
    time.sleep(0.05)
beside = [p for p in psutil.Process().children(recursive=True) if p.name() == "deepdist-sidecar" and p.status() != psutil.STATUS_ZOMBIE]
assert len(beside) == 2, beside
beside[0].kill()
thread.join()
summary = done[0].summary()
assert {summary.epochs().apply(i).words() for i in range(400)} == {36000}, summary.toString()
frame = spark.createDataFrame([("a",), (None,)], "text string").coalesce(1)
fit()
assert "partition 0, row 1: text is null: drop such rows before" in str(done[1]), done[1]
spark.stop()
print("FINE")
"""


@pytest.mark.patient
def test_on_a_cluster_a_lost_sidecar_and_a_tasks_error_come_out_as_in_local_mode(binaries):
    done = run_app(CLUSTER, "local-cluster[2,1,1024]", JAR)
    assert "FINE" in done.stdout, done.stdout


@pytest.mark.patient
def test_the_example_is_compiled_and_submitted(binaries, tmp_path):
    done = subprocess.run([str(ROOT / "examples/scala/run.sh"), str(tmp_path)], capture_output=True, text=True, timeout=280, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert float(lines["accuracy"]) > 0.7 and lines["loaded again"] == lines["accuracy"], done.stdout
    assert (tmp_path / "spark" / "metadata").is_dir() and "near music" in lines
