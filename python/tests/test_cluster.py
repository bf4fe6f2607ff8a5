"""Several executors: local-cluster[2,1,1024], where tasks run in processes of their own and Spark retries."""

import pytest
from helpers import run_app, sidecars, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

HEAD = """
import os, sys, time, psutil, numpy as np
from pyspark import SparkConf, SparkContext
from deepdist import *
from helpers import topic_lines, topic_score, sidecars, count
conf = SparkConf().setMaster("local-cluster[2,1,1024]").set("spark.ui.enabled", "false").set("spark.executor.memory", "1g")
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
sc.addPyFile(sys.argv[1])
jvms = lambda: {int(c) for p in sidecars() for c in p.cmdline() if c.isdigit()}
"""


@pytest.fixture
def app(binaries):
    import helpers

    def run(body, **kw):
        return run_app(HEAD + body + "\nsc.stop()\nprint('FINE')", helpers.__file__, timeout=280, **kw).stdout

    return run


def test_both_sidecars_train_and_push(app):
    out = app(
        """
lines = topic_lines(6000)
seen = {}
def show(figures):
    for w in figures.get("workers") or ():
        seen[w["pid"]] = max(seen.get(w["pid"], 0), w["pushes"])
with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=4), progress=show) as dd:
    summary = dd.train(sc.parallelize(lines, 6))
    words = sum(len(s.split()) for s in lines)
    assert [e.words for e in summary.epochs] == [words] * 4, summary
    assert topic_score(dd.model) > 0.9, topic_score(dd.model)
    print(summary)
    print("PIDS", *seen)
assert len(seen) == 2 and all(n > 0 for n in seen.values()), seen
"""
    )
    assert "FINE" in out
    pids = {int(p) for p in out.split("PIDS")[1].split("\n")[0].split()}
    until(lambda: not any(p.pid in pids for p in sidecars()))  # none outlives its executor


def test_every_record_of_any_model_counts_once(app):
    assert "FINE" in app(
        """
model = {"w": np.zeros(2)}
with DeepDist(model, progress=False) as dd:
    assert list(dd.train(sc.parallelize(range(1000), 7), count, lambda m, u: m["w"].__iadd__(u["w"]))) == ["OK"] * 7
    assert model["w"].tolist() == [1000, 0], model
    dd.train(sc.parallelize(range(1000), 7), count, SGD(1.0))
    assert model["w"].tolist() == [0, 0], model
"""
    )


def test_a_killed_sidecar_costs_nothing_but_time(app):
    assert "FINE" in app(
        """
killed = []
def gradient(model, rows):
    for _ in rows:
        yield {"w": np.array([1.0, 0.0])}
def descent(model, update):
    model["w"] += update["w"]
    if model["w"][0] in (30, 60):
        mine = [p for p in sidecars() if any(int(c) in ours for c in p.cmdline() if c.isdigit())]
        mine[0].kill()
        killed.append(mine[0].pid)
model = {"w": np.zeros(2)}
before = {p.pid for p in psutil.process_iter() if p.name() == "java"}
parents = psutil.Process().children(recursive=True)
ours = {p.pid for p in parents if p.name() == "java"}
with DeepDist(model, progress=False) as dd:
    dd.train(sc.parallelize(range(120), 4), gradient, descent)
assert killed and model["w"][0] == 120, (killed, model)
"""
    )


def test_a_lost_executor_costs_nothing_but_time(app):
    assert "FINE" in app(
        """
lines = topic_lines(6000)
killed = []
def show(figures):
    if not killed and figures.get("phase") == "training" and figures.get("words", 0) > 0:
        ours = {p.pid for p in psutil.Process().children(recursive=True) if p.name() == "java"}
        jvm = min(ours & jvms())
        killed.append(jvm)
        psutil.Process(jvm).kill()
with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=400), progress=show) as dd:
    summary = dd.train(sc.parallelize(lines, 6))
    words = sum(len(s.split()) for s in lines)
    assert killed, "too quick to be killed"
    assert [e.words for e in summary.epochs] == [words] * 400, summary
    assert topic_score(dd.model) > 0.9
"""
    )


def test_errors_of_tasks_arrive_as_they_are(app):
    assert "FINE" in app(
        """
def bad(model, rows):
    raise KeyError("my own mistake")
for gradient, kind, said in ((bad, UserCodeError, "my own mistake"), (lambda m, r: {"v": np.ones(2)}, BadInput, "no tensor of this name")):
    try:
        with DeepDist({"w": np.zeros(2)}, progress=False) as dd:
            dd.train(sc.parallelize(range(4), 2), gradient, SGD())
        raise SystemExit("no error")
    except kind as e:
        assert said in str(e), e
try:
    with DeepDist(Word2Vec(min_count=1, sg=1), progress=False) as dd:
        dd.train(sc.parallelize(["a", 3], 2))
    raise SystemExit("no error")
except BadInput as e:
    assert "partition 1" in str(e) and "3 is int" in str(e), e
"""
    )


def test_a_stage_of_spark_ml_is_saved_loaded_and_trained_by_executors(app):
    assert "FINE" in app(
        """
import tempfile
from pyspark.sql import SparkSession
from deepdist.ml import Word2Vec as Stage, Word2VecModel
spark = SparkSession(sc)
def where(_):
    import deepdist.task.model_rows as m
    return m.__file__
with tempfile.TemporaryDirectory() as folder:
    words = [f"w{i}" for i in range(5000)]
    start = Word2VecModel(WordVectors(words, np.random.default_rng(1).normal(size=(5000, 8)), np.arange(5000)[::-1]))
    start.save(folder + "/start")                                  # no session has been there to ship the package
    assert all(".zip" in f for f in sc.parallelize(range(4), 4).map(where).collect())
    assert (Word2VecModel.load(folder + "/start").wv.vectors == start.wv.vectors).all()
    frame = spark.createDataFrame([(s.split(),) for s in topic_lines(4000)], "words array<string>").repartition(6)
    model = Stage(vectorSize=16, minCount=1, maxIter=3, inputCol="words", outputCol="features").fit(frame)
    assert topic_score(model.wv) > 0.9, topic_score(model.wv)
    model.save(folder + "/model")
    asked = spark.createDataFrame([(s.split(),) for s in topic_lines(50)], "words array<string>").coalesce(1)
    a, b = (m.transform(asked).collect() for m in (model, Word2VecModel.load(folder + "/model")))
    assert a == b
"""
    )
