"""Spark Connect: a client without a JVM trains over a server that runs the Spark plugin. Needs PySpark 4 and the plugin's jar (`make test-plugin`)."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pyspark
import pytest
from helpers import TOPICS, once_in_training, topic_lines, topic_score, until

from deepdist import SGD, Adam, BadInput, DeepDist, DeepDistError, Rows, ServerLost, UserCodeError, Word2Vec

JAR = os.environ.get("DEEPDIST_PLUGIN_JAR", "")
HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 120

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not JAR, reason="DEEPDIST_PLUGIN_JAR names no jar of the plugin: `make test-plugin` builds one"),
    pytest.mark.skipif(int(pyspark.__version__.split(".")[0]) < 4, reason="Spark Connect is supported from Spark 4 on"),
]


class ConnectServer:
    """A Spark Connect server of its own, as `sbin/start-connect-server.sh` starts one."""

    def __init__(self, log, master, *settings):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        home = os.path.dirname(pyspark.__file__)
        more = [x for pair in ("spark.ui.port=0", "spark.deepdist.page=off", "spark.driver.memory=1g", "spark.executor.memory=1g", *settings) for x in ("--conf", pair)]
        command = [f"{home}/bin/spark-submit", "--master", master, "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        command += ["--conf", f"spark.connect.grpc.binding.port={port}", *more, "spark-internal"]
        self.log = Path(log)
        with open(log, "w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "SPARK_HOME": home}, start_new_session=True)
        self.remote = f"sc://127.0.0.1:{port}"
        self.wait_for("Spark Connect server started")

    def wait_for(self, said):
        deadline = time.monotonic() + START_SECONDS
        while said not in self.log.read_text(errors="replace"):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.1)

    def client(self):
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(self.remote).create()

    def running(self, name):
        out = []
        for p in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if p.name() == name and p.status() != psutil.STATUS_ZOMBIE:
                    out.append(p)
            except psutil.NoSuchProcess:
                pass
        return out

    def page(self, path):
        port = re.search(r"Successfully started service 'SparkUI' on port (\d+)", self.log.read_text(errors="replace")).group(1)
        return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read().decode()

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def server(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("connect")
    (folder / "events").mkdir()
    events = ("spark.eventLog.enabled=true", f"spark.eventLog.dir={folder}/events", "spark.eventLog.rolling.enabled=false")
    server = ConnectServer(folder / "log", "local[2]", f"spark.jars={JAR}", "spark.plugins=deepdist.DeepDistPlugin", *events)
    server.events = folder / "events"
    yield server
    server.stop()


@pytest.fixture(scope="module")
def spark(server):
    client = server.client()
    yield client
    client.stop()


@pytest.fixture(scope="module")
def lines(spark):
    return spark.createDataFrame([(s, i) for i, s in enumerate(topic_lines(3000))], "text string, number long").repartition(3)


def words(**more):
    return Word2Vec(**{"vector_size": 24, "sg": 1, "min_count": 1, "sample": 0, "epochs": 4, **more})


def test_words_are_trained_and_the_token_is_told_to_nobody(server, spark, lines):
    from pyspark.sql import functions as F

    figures = []
    with DeepDist(words(), progress=figures.append) as dd:  # the active session
        token = dd._server.ready.token
        server_pid = dd._server.ready.pid
        summary = dd.train(lines, column="text")
        assert topic_score(dd.model) > 0.9
        assert list(summary) == ["OK"] * 3 and summary.rows == 3000 and [e.words for e in summary.epochs] == [36000] * 4
        before = dd.model["t1w1"].copy()
        tokens = lines.select(F.split("text", " ").alias("tokens"))
        more = spark.range(0, 1, 1, 4).select(F.array(F.lit("t0w0"), F.lit("t0w1")).alias("tokens"))  # one row in four partitions
        summary = dd.train(tokens.union(more), epochs=1)  # goes on with the vectors that it has
        assert summary.count("EMPTY") == 3 and summary.rows == 3001 and not np.array_equal(before, dd.model["t1w1"])
    assert not psutil.pid_exists(server_pid)
    assert figures and figures[-1]["phase"] == "done"
    told = [server.log.read_text(errors="replace"), *(f.read_text(errors="replace") for f in server.events.iterdir())]
    app = json.loads(server.page("/api/v1/applications"))[0]["id"]
    told += [server.page(f"/api/v1/applications/{app}/{what}") for what in ("environment", "sql?details=true&length=1000", "jobs", "stages")]
    told += [server.page(f"/{what}/") for what in ("SQL", "connect", "jobs", "stages", "environment")]
    assert any("deepdist_ask_driver" in t for t in told) and any("MapInArrow" in t for t in told), "the wrong pages were read"
    assert not any(token in t for t in told)


def test_any_model_is_trained_by_a_rule_in_psserver(spark, lines):
    model = {"w": np.zeros(4), "table": np.zeros((5, 3), np.float32), "seen": 0, "name": "as it was"}

    def gradient(model, rows):
        assert model["name"] == "as it was"
        for row in rows:  # pyspark's Rows, as collect gives them
            assert row.text.split() and set(row.asDict()) == {"text", "number"}
            if row.number % 1000 == 0:
                yield {"w": [-1.0, 0, 0, 0], "table": Rows([row.number // 1000], np.ones((1, 3), np.float32)), "seen": 1}

    with DeepDist(model, spark=spark, progress=False) as dd:
        summary = dd.train(lines, gradient, SGD(1.0), epochs=2)
        assert list(summary) == ["OK"] * 3 or "EMPTY" in summary
        assert summary.rows == 3000 and summary.updates == 6 and dd.model is model
    assert model["w"].tolist() == [6, 0, 0, 0] and model["seen"] == 6
    assert model["table"].tolist() == [[-2] * 3] * 3 + [[0] * 3] * 2
    with DeepDist(model, spark=spark, progress=False) as dd:
        dd.train(lines.select("number"), lambda m, rows: {"w": 2 * (m["w"] - 3)}, Adam(learning_rate=0.1), epochs=3)
    assert abs(model["w"] - 3).max() < 3


def test_large_tensors_come_and_go_in_parts(spark):
    start = np.random.default_rng(1).random((10_000, 1000), dtype=np.float32)  # 40 MB: more than one job takes
    model = {"big": start.copy(), "small": np.zeros(2), "none": np.zeros((0, 3))}
    with DeepDist(model, spark=spark, progress=False) as dd:
        dd.train(spark.range(0, 10, 1, 2), lambda m, rows: {"big": Rows([9_999], -np.ones((1, 1000), np.float32)), "small": np.ones(2)}, SGD(1.0))
    start[-1] += 2
    assert np.allclose(model["big"], start) and model["small"].tolist() == [-2, -2]


def test_what_a_client_cannot_have_is_refused_with_the_reason(server, spark, lines):
    class Rdd:
        def mapPartitionsWithIndex(self):
            pass

    model = {"w": np.zeros(2)}
    with DeepDist(model, spark=spark, progress=False) as dd:
        with pytest.raises(BadInput, match=r"descent can't be a function.*AdaGrad\(\)"):
            dd.train(lines, lambda m, rows: None, lambda m, u: None)
        for given, why in ((Rdd(), "an RDD can't"), ([1], r"spark.createDataFrame\(…\)"), (lines.text, "not Column"), ("file:///x", r"dd.train\(spark.read.text\('file:///x'\)\)")):
            with pytest.raises(BadInput, match=why):
                dd.train(given, lambda m, rows: None, SGD())
        other = server.client()
        with pytest.raises(BadInput, match="another Spark session"):
            dd.train(other.range(3), lambda m, rows: None, SGD())
        other.stop()
    with DeepDist(words(), spark=spark, progress=False) as dd:
        for given in ("file:///x", Path("/x")):
            with pytest.raises(BadInput, match=r"spark.read.text\("):
                dd.train(given)
        with pytest.raises(BadInput, match="repartition"):
            dd.train(lines.select("text"), min_partitions=3)
        with pytest.raises(BadInput, match="column="):
            dd.train(lines.select("number"))
        with pytest.raises(BadInput, match=r"column= is the name .* not Column"):
            dd.train(lines, column=lines.text)
    for argument in ({"psserver": "/x"}, {"master": "host:1"}):
        with pytest.raises(BadInput, match="--conf spark.deepdist"):
            DeepDist(model, spark=spark, **argument).__enter__()


def test_errors_of_tasks_come_as_what_they_are(spark, lines):
    from helpers import count  # a module that the server's Python has not

    with DeepDist(words(), spark=spark, progress=False) as dd:
        with pytest.raises(BadInput, match="partition 3, row 0: text is null"):
            dd.train(lines.select("text").union(spark.createDataFrame([(None,)], "text string")))
        dd.train(lines.select("text"), epochs=1)  # the block goes on

    def broken(model, rows):
        raise KeyError("no such thing")

    lock = threading.Lock()
    model = {"w": np.zeros(2)}
    with DeepDist(model, spark=spark, progress=False) as dd:
        with pytest.raises(BadInput, match="sent to the tasks can't be.*cannot pickle '_thread.lock' object"):
            dd.train(lines, lambda m, rows: {"w": lock}, SGD())
        with pytest.raises(UserCodeError, match="(?s)gradient raised on partition.*KeyError: 'no such thing'"):
            dd.train(lines, broken, SGD())
        with pytest.raises(BadInput, match="gradient returned 'v'.*no tensor of this name"):
            dd.train(lines, lambda m, rows: {"v": np.zeros(2)}, SGD())
        with pytest.raises(BadInput, match=r"no module 'helpers'.*spark.addArtifacts\('helpers.py', pyfile=True\)"):
            dd.train(lines, count, SGD(1.0))
        spark.addArtifacts(os.path.join(HERE, "helpers.py"), pyfile=True)
        dd.train(lines, count, SGD(1.0))
    assert model["w"].tolist() == [-3000, 0]


def test_the_package_is_sent_along(spark):
    model = {"w": np.zeros(1)}

    def where(model, rows):
        import deepdist

        raise ValueError(deepdist.__file__)

    with DeepDist(model, spark=spark, progress=False) as dd, pytest.raises(UserCodeError, match=r"deepdist-[\w.-]+\.zip/deepdist/__init__.py"):
        dd.train(spark.range(3), where, SGD())


def test_a_session_may_choose_its_page_and_be_used_in_another_thread(server, spark):
    pages = []

    def enter(**more):
        with DeepDist({"w": np.zeros(1)}, progress=False, **more) as dd:  # the default session, where none is active
            pages.append(dd.page)

    for setting, more in (("0", {}), ("off", {}), ("0", {"page": None}), ("off", {"page": 0})):
        spark.conf.set("spark.deepdist.page", setting)
        try:
            thread = threading.Thread(target=enter, kwargs=more)
            thread.start()
            thread.join()
        finally:
            spark.conf.unset("spark.deepdist.page")
    assert [bool(page) for page in pages] == [True, False, False, True]


def test_a_lost_psserver_is_said_and_a_lost_sidecar_is_made_good(server, spark, lines, monkeypatch):
    with DeepDist({"w": np.zeros(2)}, spark=spark, progress=False) as dd:
        psutil.Process(dd._server.ready.pid).kill()
        with pytest.raises(ServerLost, match="(?s)killed by signal 9.*serving"):
            dd.train(lines, lambda m, rows: {"w": np.ones(2)}, SGD())

    def kill():
        found = server.running("deepdist-sidecar")
        for p in found:
            p.kill()
        return found

    monkeypatch.setattr("deepdist.connect.WATCH_SECONDS", 0.2)
    watch, killed = once_in_training(kill)
    with DeepDist(words(epochs=1500), spark=spark, progress=watch) as dd:
        summary = dd.train(lines, column="text")
        assert killed and summary.rounds > 1
        assert [e.words for e in summary.epochs] == [36000] * 1500 and topic_score(dd.model) > 0.9


def test_a_session_that_is_released_ends_its_psserver(server):
    client = server.client()
    dd = DeepDist(words(), spark=client, progress=False).__enter__()
    pid = dd._server.ready.pid
    assert psutil.pid_exists(pid)
    client.stop()
    until(lambda: not psutil.pid_exists(pid))
    dd.close()


CLIENT = """
import signal, sys, psutil
from pyspark.sql import SparkSession
from deepdist import DeepDist, Word2Vec
from helpers import topic_lines
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from what it starts in the background
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
def show(figures):
    if figures.get("words", 0) > 0 and not psutil.Process().children():
        print("TRAINING", dd._server.ready.pid, flush=True)
with DeepDist(Word2Vec(vector_size=50, sg=1, min_count=1, epochs=50000), progress=show) as dd:
    dd.train(spark.createDataFrame([(s,) for s in topic_lines(3000)], "text string"))
"""


def test_ctrl_c_ends_the_jobs_and_the_session(server, tmp_path):
    tools = tmp_path / "bin"  # no java on PATH
    tools.mkdir()
    env = {**os.environ, "PYTHONPATH": HERE, "PATH": str(tools), "JAVA_HOME": "/nowhere", "SPARK_HOME": "/nowhere"}
    client = subprocess.Popen([sys.executable, "-c", CLIENT, server.remote], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    said = client.stdout.readline().split()
    assert said and said[0] == "TRAINING", client.stderr.read()[-3000:]
    reader = threading.Thread(target=client.stdout.read)
    reader.start()
    client.send_signal(signal.SIGINT)
    assert client.wait(60) != 0
    reader.join()
    assert "KeyboardInterrupt" in client.stderr.read()
    assert not psutil.pid_exists(int(said[1]))
    app = json.loads(server.page("/api/v1/applications"))[0]["id"]
    until(lambda: not json.loads(server.page(f"/api/v1/applications/{app}/jobs?status=running")))


def test_the_example_runs(server):
    example = Path(HERE).parents[1] / "examples" / "connect.py"
    done = subprocess.run([sys.executable, str(example), server.remote, "1"], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "24,021 words" in done.stdout and re.search(r"letters: e 12\.8 %, t 8\.6 %", done.stdout), done.stdout


def test_several_executors_train_one_model(binaries, tmp_path):
    server = ConnectServer(tmp_path / "log", "local-cluster[2,1,1024]", f"spark.jars={JAR}", "spark.plugins=deepdist.DeepDistPlugin")
    try:
        client = server.client()
        until(lambda: len(server.running("deepdist-sidecar")) == 2)
        lines = client.createDataFrame([(s,) for s in topic_lines(6000)], "text string").repartition(6)
        workers = {}
        with DeepDist(words(epochs=10), spark=client, progress=lambda f: workers.update({w["pid"]: w["pushes"] for w in f.get("workers") or ()})) as dd:
            summary = dd.train(lines)
            assert [e.words for e in summary.epochs] == [72000] * 10 and topic_score(dd.model) > 0.9
            assert len([n for n in workers.values() if n]) == 2, workers
        model = {"w": np.zeros(TOPICS)}

        def gradient(model, rows):
            for row in rows:
                yield {"w": -np.eye(len(model["w"]))[int(row.text[1])]}

        with DeepDist(model, spark=client, progress=False) as dd:
            dd.train(lines.limit(200), gradient, SGD(1.0))
        assert model["w"].sum() == 200
        client.stop()
    finally:
        server.stop()


def test_a_server_without_the_plugin_is_told_what_it_lacks(binaries, tmp_path):
    server = ConnectServer(tmp_path / "log", "local[1]")
    try:
        client = server.client()
        with pytest.raises(DeepDistError, match=r"spark\.plugins=deepdist\.DeepDistPlugin"):
            DeepDist(words(), spark=client).__enter__()
        client.stop()
    finally:
        server.stop()
