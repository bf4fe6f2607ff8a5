"""deepdist.ml beside pyspark.ml: the same params and methods, the same answers, in pipelines, saved and loaded."""

import inspect
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyspark
import pytest
from helpers import run_app, topic_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.ml import Pipeline, PipelineModel, feature
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StringIndexer
from pyspark.ml.linalg import DenseVector, Vectors, VectorUDT
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder
from pyspark.sql import functions as F

from deepdist import BadInput, WordVectors
from deepdist.ml import Word2Vec, Word2VecModel
from deepdist.ml import columns as ml_columns
from deepdist.ml import saved as ml_saved


@pytest.fixture(autouse=True)
def quiet(spark, monkeypatch):
    """No page, so that no port is taken; sessions say nothing."""
    from deepdist import progress

    monkeypatch.setattr(progress, "make", lambda given: progress.Progress())


@pytest.fixture(scope="module")
def frame(spark):
    rows = [(line.split(), line, line.split("w")[0]) for line in topic_lines(1500)]
    return spark.createDataFrame(rows, "words array<string>, text string, topic string").repartition(2).cache()


def small(**params):
    return Word2Vec(**{"vectorSize": 16, "minCount": 1, "maxIter": 2, "seed": 7, "inputCol": "words", "outputCol": "features", **params})


@pytest.fixture(scope="module")
def model(frame):
    return small().fit(frame)


@pytest.fixture
def tiny():
    """Five words of three dimensions, one of them without length."""
    vectors = np.array([[1, 2, 3], [-1, 0.5, 0.25], [0.1, -0.7, 1e-3], [1, 2, 2.5], [0, 0, 0]], np.float32)
    return Word2VecModel(WordVectors(["a", "b", "ç", "d", "zero"], vectors, np.array([9, 7, 5, 3, 1])))._set(
        inputCol="words", outputCol="features", vectorSize=3
    )


# Params.


def test_it_has_the_params_defaults_and_methods_of_sparks_own():
    ours, theirs = Word2Vec(), feature.Word2Vec()
    for param in theirs.params:
        mine = ours.getParam(param.name)
        assert mine.doc == param.doc and mine.typeConverter == param.typeConverter
        if param.name not in ("seed", "outputCol"):
            assert ours.isDefined(mine) == theirs.isDefined(param)
            assert not ours.isDefined(mine) or ours.getOrDefault(mine) == theirs.getOrDefault(param), param.name
    assert ours.getOutputCol() == f"{ours.uid}__output"
    for kind, other in ((Word2Vec, feature.Word2Vec), (Word2VecModel, feature.Word2VecModel)):
        public = {name for name in dir(other) if not name.startswith("_")}
        assert public - set(dir(kind)) <= {"clear_cache", "to_java"}, public - set(dir(kind))
    for method in ("__init__", "setParams"):
        mine, other = (inspect.signature(getattr(kind, method)).parameters for kind in (Word2Vec, feature.Word2Vec))
        assert {n: p.default for n, p in other.items()}.items() <= {n: p.default for n, p in mine.items()}.items()


def test_the_default_seed_is_the_one_of_sparks_scala_api(sc):
    assert Word2Vec().getSeed() == sc._jvm.org.apache.spark.ml.feature.Word2Vec().getSeed()


def test_every_param_has_a_setter_a_getter_and_a_line_in_explain_params():
    estimator = Word2Vec()
    explained = estimator.explainParams()
    values = {"inputCol": "x", "outputCol": "y", "shrinkWindows": False, "computeLoss": True, "sg": 0, "hs": 0, "cbowMean": 0}
    for param in estimator.params:
        name, suffix = param.name, param.name[0].upper() + param.name[1:]
        assert f"{name}: " in explained
        value = values.get(name, 3)
        assert getattr(estimator, f"set{suffix}")(value) is estimator
        assert getattr(estimator, f"get{suffix}")() == value
        assert estimator.isSet(name)
    assert Word2Vec().setParams(negative=4, hs=0).getNegative() == 4
    assert Word2Vec(stepSize=0.5).getMinAlpha() == pytest.approx(5e-5) and Word2Vec().getMaxFinalVocab() is None


def test_every_setting_of_the_native_word2vec_has_its_param():
    from deepdist import Word2Vec as Native
    from deepdist.ml.params import NATIVE

    arguments = set(inspect.signature(Native.__init__).parameters) - {"self", "workers"}
    assert arguments == set(NATIVE)
    given = Word2Vec(
        vectorSize=7, stepSize=0.5, windowSize=3, minCount=2, maxFinalVocab=99, sample=0.01, seed=-1, minAlpha=0.25, sg=0, hs=0, negative=2,
        nsExponent=0.5, cbowMean=0, maxIter=4, computeLoss=True, shrinkWindows=False,
    )._native()  # fmt: skip
    told = [getattr(given, name) for name in NATIVE]
    assert told == [7, 0.5, 3, 2, 99, 0.01, 2**64 - 1, 0.25, 0, 0, 2, 0.5, 0, 4, True, False]
    plain = Word2Vec()._native()
    assert (plain.sg, plain.hs, plain.negative, plain.sample, plain.epochs) == (1, 1, 0, 0.0, 1) and plain.min_alpha == pytest.approx(2.5e-6)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"vectorSize": 0}, "vectorSize=0 must lie in"),
        ({"windowSize": -1}, "windowSize=-1"),
        ({"stepSize": 0.1, "minAlpha": 0.2}, "minAlpha=0.2 is above stepSize=0.1"),
        ({"hs": 0}, "hs=0 and negative=0: nothing would be trained"),
        ({"numPartitions": 0}, "numPartitions=0 must be at least 1"),
        ({"maxSentenceLength": 0}, "maxSentenceLength=0 must be at least 1"),
        ({"inputCol": "nothing"}, "inputCol='nothing' is no column of the DataFrame, which has words, text, topic"),
        ({"inputCol": "*"}, r"inputCol='\*' must be one column; the DataFrame has words, text, topic"),
        ({"inputCol": "words.*"}, r"inputCol='words.\*' must be one column"),
        ({"inputCol": "n"}, "inputCol='n' is bigint; it must be array<string>"),
        ({"outputCol": "topic"}, "outputCol='topic' is a column of the DataFrame already"),
        ({"minCount": 10**6}, "no word is left: .* below minCount=1000000; lower minCount"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_the_name_of_its_param(frame, params, said):
    with pytest.raises(ValueError, match=said):
        small(**params).fit(frame.withColumn("n", F.lit(1).cast("long")) if params.get("inputCol") == "n" else frame)


def test_none_takes_a_value_away_where_none_is_the_default_and_is_refused_elsewhere():
    plain = Word2Vec()
    for name in ("seed", "minAlpha", "maxFinalVocab", "inputCol", "outputCol"):
        given = Word2Vec(**{name: None})
        assert not given.isSet(name), name
        assert given.isDefined(name) == plain.isDefined(name)
    assert Word2Vec(seed=None).getSeed() == plain.getSeed() and Word2Vec(minAlpha=0.01).setMinAlpha(None).getMinAlpha() == plain.getMinAlpha()
    assert Word2Vec(outputCol="x").setOutputCol(None).getOutputCol().endswith("__output")
    for param in plain.params:
        if param.name not in ("seed", "minAlpha", "maxFinalVocab", "inputCol", "outputCol"):
            with pytest.raises(BadInput, match=f"^{param.name}=None: give a value, or leave it out, which is "):
                Word2Vec(**{param.name: None})


def test_a_missing_input_column_is_told(frame):
    with pytest.raises(BadInput, match="inputCol is not set"):
        Word2Vec().fit(frame)


# Training.


def test_words_of_a_topic_become_neighbours_as_with_sparks_own(frame, model):
    theirs = feature.Word2Vec(vectorSize=16, minCount=1, maxIter=2, seed=7, inputCol="words", outputCol="features").fit(frame)
    hits = {name: [near[0].startswith(f"t{t}w") for t in range(10) for near in m.findSynonymsArray(f"t{t}w0", 5)]
            for name, m in (("ours", model), ("theirs", theirs))}  # fmt: skip
    assert np.mean(hits["ours"]) > 0.9 or np.mean(hits["ours"]) >= np.mean(hits["theirs"])
    assert model.summary.rows == 1500 and "words/s" in str(model.summary)
    assert (model.getInputCol(), model.getOutputCol(), model.getVectorSize(), model.getSeed()) == ("words", "features", 16, 7)
    assert {row.word for row in theirs.getVectors().collect()} == set(model.wv.index_to_key)


def test_lines_train_the_same_words_as_lists(frame, model):
    lines = small(inputCol="text", maxIter=1).fit(frame)
    assert dict(zip(lines.wv.index_to_key, lines.wv.counts)) == dict(zip(model.wv.index_to_key, model.wv.counts))


def test_a_fit_needs_no_pandas(frame, model, monkeypatch):
    from deepdist.ml import word2vec

    monkeypatch.setattr(word2vec.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("pyspark.sql.DataFrame.mapInArrow", None)
    for column in ("words", "text"):
        without = small(inputCol=column, maxIter=1).fit(frame)
        assert dict(zip(without.wv.index_to_key, without.wv.counts)) == dict(zip(model.wv.index_to_key, model.wv.counts))


def test_num_partitions_is_what_it_trains_on_if_it_is_set(frame):
    assert len(small(maxIter=1).fit(frame).summary) == 2
    assert len(small(maxIter=1, numPartitions=5).fit(frame).summary) == 5


@settings(max_examples=12)  # each is a job of Spark
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 12), st.booleans())
def test_long_rows_are_divided_and_no_word_is_lost(spark, lengths, longest, lines):
    rows = [[f"w{n}x{i}" for i in range(n)] for n in lengths]
    frame = spark.createDataFrame([(r, "  ".join(r)) for r in rows], "words array<string>, text string").coalesce(1)
    out = ml_columns.sentences(frame, F.col("text" if lines else "words"), lines, longest).collect()
    pieces = [row.words.split() if lines else row.words for row in out]
    assert [w for piece in pieces for w in piece] == [w for row in rows for w in row]
    assert all(len(piece) <= longest for piece in pieces)
    assert len(pieces) == sum(max(1, -(-len(row) // longest)) for row in rows)


@pytest.mark.parametrize("lines", [False, True])
def test_a_row_as_long_as_a_book_is_split_once_and_not_for_every_sentence(spark, lines):
    text = F.expr("rtrim(repeat('a b c d e f g h i j ', 100000))")
    frame = spark.range(1).select((text if lines else F.split(text, " ")).alias("text")).cache()
    out = ml_columns.sentences(frame, F.col("text"), lines, 1000).select(F.sum(F.size(F.split("words", " ") if lines else "words")), F.count("*"))
    assert tuple(out.first()) == (1_000_000, 1000)


def test_lines_are_split_as_python_splits_them(spark):
    whitespace = [chr(c) for c in range(0x3100) if chr(c).isspace()]
    texts = ["", " ", "a", " a ", "a\u200bb c"] + [f"{c}x{c}{c}y{c}" for c in whitespace] + ["".join(f"{c}w" for c in map(chr, range(1, 0x250)))]
    frame = spark.createDataFrame([(t,) for t in texts], "text string")
    out = frame.select(ml_columns.words(F.col("text"), True).alias("words")).collect()
    assert [row.words for row in out] == [t.split() for t in texts]


# The model: the same answers as Spark's own.


def test_transform_is_the_mean_of_the_vectors_to_the_last_bit_of_sparks(tiny, spark):
    rows = [(["a", "b"],), ([],), (["nobody"],), (["a", "nobody", "a", None, "ç"],), (["zero"] * 3,), (["d"] * 1001,)]
    frame = spark.createDataFrame(rows, "words array<string>")
    ours = tiny.transform(frame)
    theirs = tiny.toSpark().transform(frame)
    assert ours.schema == theirs.schema
    assert ours.schema["features"].metadata == theirs.schema["features"].metadata != {}
    assert ours.collect() == theirs.collect()
    vectors = [row.features.toArray() for row in ours.collect()]
    wv = tiny.wv
    np.testing.assert_allclose(vectors[0], (wv["a"].astype(float) + wv["b"]) / 2)
    np.testing.assert_allclose(vectors[3], (2 * wv["a"].astype(float) + wv["ç"]) / 5)  # unknown words count in the length, as in Spark
    assert not vectors[1].any() and not vectors[2].any() and not vectors[4].any()


def test_a_null_row_has_a_null_vector(tiny, spark):
    frame = spark.createDataFrame([(None, 1), (["a"], 2)], "words array<string>, n int")
    assert [row.features for row in tiny.transform(frame).collect()] == [None, DenseVector([1, 2, 3])]
    lines = spark.createDataFrame([(None,), ("a\u00a0 b ",), ("",)], "words string")
    found = [row.features for row in tiny.transform(lines).collect()]
    assert found[0] is None and found[1] == DenseVector([0, 1.25, 1.625]) and found[2] == Vectors.sparse(3, [])


@pytest.mark.parametrize("name", ["a.b", "a`b", "a b", "Words", "inner.words"])
def test_the_input_may_have_any_name_or_be_a_field_of_another_column(tiny, spark, name):
    frame = spark.createDataFrame([(["a"], 1)], "x array<string>, n int")
    frame = frame.select("n", F.struct(F.col("x").alias("words")).alias("inner")) if "inner" in name else frame.withColumnRenamed("x", name)
    out = tiny.copy({tiny.inputCol: name}).transform(frame)
    assert out.columns == [*frame.columns, "features"] and isinstance(out.schema["features"].dataType, VectorUDT)
    assert out.first().features == DenseVector([1, 2, 3])


@pytest.mark.parametrize("name", ["a.b", "a`b", "a b", "words.x", "*", "`a`"])
def test_the_output_may_have_any_name(tiny, spark, name):
    frame = spark.createDataFrame([(["a"], 1)], "words array<string>, n int")
    out = tiny.copy({tiny.outputCol: name}).transform(frame)
    assert out.columns == ["words", "n", name] and out.schema[name].metadata["ml_attr"]["num_attrs"] == 3
    assert out.first()[name] == DenseVector([1, 2, 3])


def test_other_columns_pass_and_unused_vectors_are_never_computed(tiny, spark):
    frame = spark.createDataFrame([(["a"], 1, Vectors.sparse(2, [0], [1.0]))], ["words", "n", "v"]).withColumn("i", F.expr("interval 1 month"))
    out = tiny.transform(frame)
    assert out.drop("i").first()[1:3] == frame.drop("i").first()[1:3]
    plan = out.select("n")._jdf.queryExecution().optimizedPlan().toString()
    assert "UDF" not in plan


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("other array<string>", "inputCol='words' is no column of the DataFrame, which has other"),
        ("words array<int>", "inputCol='words' is array<int>; it must be array<string>"),
        ("words array<string>, features int", "outputCol='features' is a column of the DataFrame already"),
        ("words array<string>, WORDS int", "inputCol='words' is no column .*(?i:ambiguous)"),
    ],
)
def test_a_schema_that_does_not_fit_is_told_before_anything_runs(tiny, spark, schema, said):
    with pytest.raises(BadInput, match=said):
        tiny.transform(spark.createDataFrame([], schema))


def test_synonyms_are_those_of_sparks_own(model):
    theirs = model.toSpark()
    for word in ("t3w0", "t9w1", DenseVector(model.wv["t1w1"]), DenseVector(np.arange(16.0))):
        ours, other = model.findSynonymsArray(word, 6), [tuple(row) for row in theirs.findSynonyms(word, 6).collect()]
        assert [w for w, _ in ours] == [w for w, _ in other]
        np.testing.assert_allclose([c for _, c in ours], [c for _, c in other], atol=2e-6)
    table = model.findSynonyms("t3w0", 3)
    assert table.dtypes == theirs.findSynonyms("t3w0", 3).dtypes and table.count() == 3
    assert len(model.findSynonymsArray("t3w0", 10**6)) == len(model.wv) - 1


def test_synonyms_at_the_edges(tiny):
    assert tiny.findSynonymsArray("a", 1)[0][0] == "d" and tiny.findSynonymsArray("zero", 2)[0][1] == 0.0
    assert tiny.findSynonymsArray(DenseVector([1, 2, 3]), 1)[0] == ("a", pytest.approx(1))
    with pytest.raises(KeyError, match="'nobody' is not in the vocabulary"):
        tiny.findSynonymsArray("nobody", 1)
    for num in (0, -1, 2.5, "3", True):
        with pytest.raises(ValueError, match=f"num={num!r} must be a whole number of at least 1"):
            tiny.findSynonyms("a", num)
    with pytest.raises(ValueError, match="has 2 dimensions, those of the words have 3"):
        tiny.findSynonyms(DenseVector([1, 2]), 1)


def test_get_vectors_are_sparks(tiny):
    vectors = tiny.getVectors()
    assert vectors.columns == ["word", "vector"] and isinstance(vectors.schema["vector"].dataType, VectorUDT)
    assert {row.word: row.vector for row in vectors.collect()} == {w: DenseVector(tiny.wv[w]) for w in tiny.wv.index_to_key}


def test_a_copy_has_params_of_its_own_and_a_pickled_model_its_vectors(tiny, spark):
    tiny.toSpark()
    other = tiny.copy({tiny.outputCol: "elsewhere"})
    assert (tiny.getOutputCol(), other.getOutputCol(), other.uid) == ("features", "elsewhere", tiny.uid) and other.wv is tiny.wv
    back = pickle.loads(pickle.dumps(tiny))
    assert back.transform(spark.createDataFrame([(["a"],)], "words array<string>")).first().features == DenseVector([1, 2, 3])


# Pipelines.


def stages():
    return [StringIndexer(inputCol="topic", outputCol="label"), small(), LogisticRegression(maxIter=20)]


def test_a_pipeline_trains_saves_loads_and_becomes_sparks_own(frame, tmp_path):
    pipeline = Pipeline(stages=stages())
    pipeline.save(str(tmp_path / "pipeline"))
    fitted = Pipeline.load(str(tmp_path / "pipeline")).fit(frame)
    assert MulticlassClassificationEvaluator(metricName="accuracy").evaluate(fitted.transform(frame)) > 0.9

    fitted.write().overwrite().save(str(tmp_path / "fitted"))
    loaded = PipelineModel.load(str(tmp_path / "fitted"))
    assert isinstance(loaded.stages[1], Word2VecModel) and loaded.stages[1].uid == fitted.stages[1].uid
    first = [m.transform(frame).select("features", "prediction").head(20) for m in (fitted, loaded)]
    assert first[0] == first[1]

    plain = PipelineModel([s.toSpark() if isinstance(s, Word2VecModel) else s for s in loaded.stages])
    plain.save(str(tmp_path / "plain"))
    assert PipelineModel.load(str(tmp_path / "plain")).transform(frame).select("features", "prediction").head(20) == first[0]


def test_a_cross_validator_trains_two_at_a_time(frame, tmp_path):
    pipeline = Pipeline(stages=stages())
    grid = ParamGridBuilder().addGrid(pipeline.getStages()[1].vectorSize, [2, 16]).build()
    validator = CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=MulticlassClassificationEvaluator(metricName="accuracy"), numFolds=2, parallelism=2, seed=3
    )  # fmt: skip
    fitted = validator.fit(frame)
    assert len(fitted.avgMetrics) == 2 and max(fitted.avgMetrics) > 0.8
    fitted.save(str(tmp_path / "validated"))
    loaded = CrossValidatorModel.load(str(tmp_path / "validated"))
    assert loaded.avgMetrics == fitted.avgMetrics
    assert loaded.bestModel.stages[1].getVectorSize() == fitted.bestModel.stages[1].getVectorSize()


# Saved and loaded.


def test_an_estimator_is_saved_and_loaded(tmp_path):
    estimator = Word2Vec(vectorSize=7, negative=3, sample=1e-4, inputCol="x", minAlpha=1e-5)
    estimator.save(str(tmp_path / "estimator"))
    back = Word2Vec.load(str(tmp_path / "estimator"))
    assert {p.name: v for p, v in back.extractParamMap().items()} == {p.name: v for p, v in estimator.extractParamMap().items()}
    assert back.uid == estimator.uid and not back.isSet(back.hs)


def test_a_model_is_saved_and_loaded_whole(model, tmp_path, monkeypatch):
    monkeypatch.setattr(ml_saved, "PART_BYTES", 1000)  # several parts
    model.save(str(tmp_path / "model"))
    back = Word2VecModel.load(str(tmp_path / "model"))
    assert back.uid == model.uid and back.summary is None and back.extractParamMap().keys() == model.extractParamMap().keys()
    assert back.wv.index_to_key == model.wv.index_to_key and (back.wv.counts == model.wv.counts).all()
    assert (back.wv.vectors == model.wv.vectors).all()
    assert len(list((tmp_path / "model" / "data").glob("*.parquet"))) > 1
    with pytest.raises(BadInput, match="is there already: .*overwrite"):
        model.save(str(tmp_path / "model"))
    model.write().overwrite().save(str(tmp_path / "model"))
    assert len(Word2VecModel.read().load(str(tmp_path / "model")).wv) == len(model.wv)


def change(path, **values):
    """Write the metadata of a model anew; a value of None takes its key away."""
    for old in path.glob("metadata/*"):
        if old.name.startswith("part-") and old.stat().st_size:
            metadata = json.loads(old.read_text())
        old.unlink()
    for old in path.glob("metadata/.*"):
        old.unlink()
    metadata["deepdist"].update(values.pop("deepdist", {}))
    metadata.update(values)
    (path / "metadata" / "part-00000").write_text(json.dumps({k: v for k, v in metadata.items() if v is not None}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda p: change(p, deepdist={"format": 2, "version": "9.9"}), "has format 2, written by DeepDist 9.9; .* upgrade"),
        (lambda p: change(p, deepdist={"words": 6}), "damaged: it has 5 words of 3 dimensions, its metadata says 6 of 3"),
        (lambda p: change(p, uid=None), "metadata is damaged"),
        (lambda p: change(p, **{"class": "deepdist.ml.Word2Vec"}), "holds a deepdist.ml.Word2Vec, not a deepdist.ml.Word2VecModel"),
        (lambda p: [f.unlink() for f in p.glob("data/part-*")] and None, "data is damaged or missing"),
        (lambda p: [f.write_bytes(b"PAR1xx") for f in sorted(p.glob("data/part-*"))[:1]], "data is damaged or missing: .*is not a Parquet file"),
        (lambda p: (p / "data").rename(p / "other"), "data is damaged or missing"),
    ],
    ids=["format", "words", "uid", "class", "no rows", "parquet", "no data"],
)
def test_a_damaged_or_unknown_model_is_told(tiny, tmp_path, damage, said):
    tiny.save(str(tmp_path / "model"))
    for checksum in (tmp_path / "model").rglob(".*.crc"):
        checksum.unlink()
    damage(tmp_path / "model")
    with pytest.raises(BadInput, match=said):
        Word2VecModel.load(str(tmp_path / "model"))


def test_a_path_may_be_a_path_object_and_nothing_else_and_each_class_loads_its_own(tiny, tmp_path):
    tiny.save(tmp_path / "model")
    small().save(tmp_path / "estimator")
    assert len(Word2VecModel.load(tmp_path / "model").wv) == 5 and Word2Vec.load(tmp_path / "estimator").getVectorSize() == 16
    small().write().overwrite().save(tmp_path / "estimator")
    for cls, other, kind in ((Word2Vec, "model", "Word2VecModel"), (Word2VecModel, "estimator", "Word2Vec")):
        with pytest.raises(BadInput, match=f"/{other} holds a deepdist.ml.{kind}, not a deepdist.ml.{cls.__name__}: load it by that class"):
            cls.load(tmp_path / other)
        with pytest.raises(BadInput, match=f"there is no deepdist.ml.{cls.__name__} at /nowhere"):
            cls.load("/nowhere")
        for bad in (None, "", 5):
            with pytest.raises(BadInput, match=f"^path={bad!r} must be a path"):
                cls.load(bad)
    for stage in (tiny, small()):
        with pytest.raises(BadInput, match="^path=None must be a path"):
            stage.save(None)


def test_without_pyspark_the_import_names_the_fix(tmp_path):
    (tmp_path / "pyspark.py").write_text("raise ModuleNotFoundError(\"No module named 'pyspark'\", name='pyspark')")
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", "import deepdist; import deepdist.ml"], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"}
    )
    assert "ImportError: deepdist.ml needs pyspark, which is not installed: pip install 'deepdist-spark[spark]'" in done.stderr, done.stderr


def test_sparks_own_model_is_not_taken_for_ours(tiny, tmp_path):
    tiny.toSpark().save(str(tmp_path / "spark"))
    with pytest.raises(BadInput, match="holds a org.apache.spark.ml.feature.Word2VecModel, not a deepdist.ml.Word2VecModel"):
        Word2VecModel.load(str(tmp_path / "spark"))


ANOTHER_PYTHON = """
import numpy as np
from pyspark.sql import SparkSession
from deepdist import BadInput, WordVectors
from deepdist.ml import Word2VecModel
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
model = Word2VecModel(WordVectors(["a"], np.ones((1, 2), np.float32), np.array([1])))
try:
    model.save("wrong")
except BadInput as e:
    print(e)
"""


def test_saving_with_a_python_that_is_not_there_names_the_setting(binaries, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_app(ANOTHER_PYTHON, env={"PYSPARK_PYTHON": "/no/python", "PYSPARK_DRIVER_PYTHON": sys.executable})
    assert "an executor cannot start its tasks' Python, '/no/python': PYSPARK_PYTHON" in done.stdout, done.stdout


# Spark's own model.

READ = """
import importlib.util, json, sys
assert importlib.util.find_spec("deepdist") is None
from pyspark.ml.feature import Word2VecModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
model = Word2VecModel.load(sys.argv[1])
vectors = {r.word: r.vector.toArray().tolist() for r in model.getVectors().collect()}
row = model.transform(spark.createDataFrame([(["a", "d"],)], "words array<string>")).first()
print(json.dumps([model.uid, model.getInputCol(), model.getVectorSize(), vectors, row.features.toArray().tolist(), spark.version]))
"""


def plain_pyspark(python, path):
    """What a PySpark without DeepDist makes of the model: with -S no .pth of an editable install is read."""
    (site,) = Path(python).parent.parent.glob("lib/python3*/site-packages")
    env = {k: v for k, v in os.environ.items() if k not in ("DEEPDIST_BIN", "SPARK_HOME")}
    env |= {"PYTHONPATH": str(site), "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, "PATH": f"{Path(python).parent}:{env['PATH']}"}
    done = subprocess.run([python, "-S", "-c", READ, path], env=env, cwd="/", timeout=170, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def other_python():
    """The Python of the environment with the other PySpark, if it is there."""
    root = Path(__file__).resolve().parents[2]
    other = root / (".venv" if pyspark.__version__.startswith("3.") else ".venv-spark35") / "bin" / "python"
    return other if other.exists() else None


@pytest.mark.parametrize("which", ["the same PySpark", "the other PySpark"])
def test_the_exported_model_loads_where_deepdist_is_not_installed(tiny, tmp_path, which):
    python = sys.executable if which == "the same PySpark" else other_python()
    if python is None:
        pytest.skip("the environment of the other PySpark is not there: make .venv/.made .venv-spark35/.made")
    tiny.toSpark().save(str(tmp_path / "model"))
    uid, column, size, vectors, mean, version = plain_pyspark(str(python), str(tmp_path / "model"))
    assert (uid, column, size) == (tiny.uid, "words", 3) and (version == pyspark.__version__) == (which == "the same PySpark")
    assert {w: np.array(v, np.float32).tolist() for w, v in vectors.items()} == {w: tiny.wv[w].tolist() for w in tiny.wv.index_to_key}
    assert mean == [1.0, 2.0, 2.75]


def test_spark_connect_is_refused_with_the_reason(tiny):
    class DataFrame:
        mapInArrow = None

    DataFrame.__module__ = "pyspark.sql.connect.dataframe"
    with pytest.raises(BadInput, match="does not work over Spark Connect"):
        tiny.transform(DataFrame())
    with pytest.raises(BadInput, match="takes a DataFrame, not list"):
        tiny.transform([["a"]])
