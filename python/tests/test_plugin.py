"""The Spark plugin: it starts and watches both programs, Python starts nothing, and Spark's metrics system has their figures.

`make test-plugin` runs this with both PySparks, each with the jar for its Scala, which DEEPDIST_PLUGIN_JAR names.
"""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from helpers import run_app

JAR = os.environ.get("DEEPDIST_PLUGIN_JAR", "")

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not JAR, reason="DEEPDIST_PLUGIN_JAR names no jar of the plugin: `make test-plugin` builds one"),
]

HEAD = """
import glob, json, os, sys, time, urllib.request, psutil, numpy as np
from pyspark import SparkConf, SparkContext
from deepdist import *
from helpers import topic_lines, topic_score, sidecars, count, until
master, jar, *more = sys.argv[1:]
conf = SparkConf().setMaster(master).set("spark.jars", jar).set("spark.plugins", "deepdist.DeepDistPlugin")
conf.set("spark.executor.memory", "1g").set("spark.deepdist.page", "off").set("spark.ui.port", "0")
for pair in more:
    conf.set(*pair.split("=", 1))

def family():
    return psutil.Process().children(recursive=True)
def of(process, what):  # None of one that has just ended
    try:
        return getattr(process, what)()
    except psutil.Error:
        return None
def running(name, among=None):
    return [p for p in (family() if among is None else among) if of(p, "name") == name and of(p, "status") not in (None, psutil.STATUS_ZOMBIE)]
def jvm_of(sidecar):
    command = of(sidecar, "cmdline") or ["--jvm-pid", "0"]
    return int(command[command.index("--jvm-pid") + 1])
def web(path):
    port = sc.uiWebUrl.rsplit(":", 1)[1]
    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read().decode()
def gauges():
    found = ((k.partition("plugin.deepdist.DeepDistPlugin."), g["value"]) for k, g in json.loads(web("/metrics/json"))["gauges"].items())
    return {name: value for (_, ours, name), value in found if ours}
"""


def start_args(master, *settings):
    return [master, JAR, *settings]


@pytest.fixture
def app(binaries):
    def run(body, master="local[2]", *settings, **kw):
        done = run_app(HEAD + body + "\nprint('FINE')", *start_args(master, *settings), timeout=280, **kw)
        assert "FINE" in done.stdout, done.stdout
        return done.stdout

    return run


def test_python_starts_nothing_and_sparks_metrics_show_the_run(app):
    app(
        """
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
[jvm] = running("java")
[waiting], [beside] = running("psserver"), running("deepdist-sidecar")
assert waiting.ppid() == beside.ppid() == jvm.pid
assert all(os.getsid(p.pid) == p.pid for p in (waiting, beside)), "a Ctrl-C in the terminal would end them"
lines = topic_lines(3000)
words = sum(len(s.split()) for s in lines)
for k in (1, 2):
    with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=4), progress=False) as dd:
        assert dd._server.ready.pid == waiting.pid, "the psserver that waited was not taken"
        assert running("psserver", psutil.Process().children()) == []
        dd.train(sc.parallelize(lines, 4))
        assert topic_score(dd.model) > 0.9
        g = until(lambda: (g := gauges())["words"] == k * 4 * words and g)
        assert g["workers"] == 1 and g["pushes"] > 0 and g["pulledBytes"] > 0 and g["pushedBytes"] > 0 and g["rssBytes"] > 0, g
    assert not waiting.is_running()
    [waiting] = until(lambda: running("psserver"))
assert running("deepdist-sidecar") == [beside], "the sidecar that the plugin started was not used"
place = beside.cmdline()[beside.cmdline().index("--dir") + 1]
assert os.path.exists(f"{place}/log")
g = until(lambda: (g := gauges())["sidecar.sessions"] == 0 and g)
for name in ("words", "pushes", "pulledBytes", "pushedBytes", "staleness"):
    assert g[name] == g["sidecar." + name], (name, g)
assert {"replicaBytes", "spoolBytes", "threads", "wordsPerSecond", "alpha", "loss", "sidecar.replicaBytes", "sidecar.restarts"} <= set(g), g
assert "plugin_deepdist_DeepDistPlugin_words" in web("/metrics/prometheus")
model = {"w": np.zeros(2)}
with DeepDist(model, progress=False) as dd:
    dd.train(sc.parallelize(range(1000), 7), count, lambda m, u: m["w"].__iadd__(u["w"]))
assert model["w"].tolist() == [1000, 0]
sc.stop()
assert not running("psserver") and not running("deepdist-sidecar"), "left running after sc.stop()"
assert not os.path.exists(place), f"left behind: {os.listdir(place)}"
sc = SparkContext(conf=conf)  # in the same JVM
with DeepDist(model, progress=False) as dd:
    dd.train(sc.parallelize(range(10), 2), count, SGD(1.0))
assert model["w"].tolist() == [990, 0]
sc.stop()
""",
        "local[2]",
        "spark.metrics.conf.driver.sink.prometheusServlet.class=org.apache.spark.metrics.sink.PrometheusServlet",
        "spark.metrics.conf.driver.sink.prometheusServlet.path=/metrics/prometheus",
    )


def test_each_session_has_a_psserver_of_its_own(app):
    app(
        """
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
[waiting] = running("psserver")
waiting.kill()
until(lambda: [p for p in running("psserver") if p != waiting])  # which takes the place of the dead one
with DeepDist({"w": np.zeros(2)}, progress=False) as one, DeepDist({"w": np.zeros(2)}, progress=False) as two:
    assert one._server.ready.pid != two._server.ready.pid and one._server.ready.token != two._server.ready.token
    for dd in (one, two):
        dd.train(sc.parallelize(range(10), 2), count, SGD(1.0))
    psutil.Process(one._server.ready.pid).kill()
    try:
        one.train(sc.parallelize(range(10), 2), count, SGD(1.0))
        raise SystemExit("no error")
    except ServerLost as e:
        assert "killed by signal 9" in str(e) and "serving" in str(e), e
    dd.train(sc.parallelize(range(10), 2), count, SGD(1.0))
with DeepDist({"w": np.zeros(2)}, progress=False, page=0) as dd:
    assert urllib.request.urlopen(dd.page).status == 200
    assert dd.page.startswith("http://127.0.0.1:")
try:
    DeepDist({"w": np.zeros(2)}, psserver="/nowhere/psserver").__enter__()
    raise SystemExit("no error")
except BinaryError as e:
    assert "/nowhere/psserver: no such file (named by psserver=)" in str(e), e
try:
    DeepDist({"w": np.zeros(2)}, psserver="/bin/true").__enter__()
    raise SystemExit("no error")
except ServerLost as e:
    assert "psserver ended before it served: exited with 0" in str(e), e
try:
    DeepDist({"w": np.zeros(2)}, master="192.0.2.1").__enter__()
    raise SystemExit("no error")
except BadInput as e:
    assert "master='192.0.2.1' is no address that psserver can listen on" in str(e), e
until(lambda: len(running("psserver")) == 1)
sc.stop()
"""
    )


def test_a_cluster_has_a_sidecar_beside_each_executor(app, tmp_path):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "events").mkdir()
    out = app(
        """
sc = SparkContext(conf=conf)
sc.setLogLevel("OFF")
beside = until(lambda: len(s := running("deepdist-sidecar")) == 2 and s)
executors = {p.ppid() for p in beside}
lines = topic_lines(6000)
words = sum(len(s.split()) for s in lines)
folder = sys.argv[3].split("=", 1)[1]
def written(name, test):
    return [f for f in glob.glob(f"{folder}/*.plugin.deepdist.DeepDistPlugin.sidecar.{name}.csv") if test(max((float(l.split(",")[1]) for l in open(f).readlines()[1:]), default=0))]
seen, killed = {}, []
def show(figures):
    for w in figures.get("workers") or ():
        seen[w["pid"]] = max(seen.get(w["pid"], 0), w["pushes"])
    if not killed and figures.get("phase") == "training" and len(written("pushes", lambda n: n > 0)) == 2:
        killed.append(beside[0])
        beside[0].kill()
with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=600), progress=show) as dd:
    token = dd._server.ready.token
    summary = dd.train(sc.parallelize(lines, 6))
    assert killed, "too quick to be killed"
    assert [e.words for e in summary.epochs] == [words] * 600, summary
    assert topic_score(dd.model) > 0.9
    assert {p.pid for p in beside} <= set(seen), (beside, seen)
    told = [sc.getConf().toDebugString(), json.dumps(sc.getConf().getAll()), web(f"/api/v1/applications/{sc.applicationId}/environment")]
    assert "spark.plugins.internal.conf.deepdist.DeepDistPlugin.address" in told[1]
    for p in family():
        told += [str(of(p, "cmdline")), str(of(p, "environ"))]
    g = until(lambda: (g := gauges())["words"] == 600 * words and g)
    assert g["pulledBytes"] > 0 and g["pushedBytes"] > 0 and g["workers"] >= 1, g
until(lambda: len(running("deepdist-sidecar")) == 2)
[other] = [p for p in running("deepdist-sidecar") if p == beside[1]]
other.kill()  # while no task runs: the plugin itself sees it
until(lambda: other not in (s := running("deepdist-sidecar")) and {jvm_of(p) for p in s} == executors)
until(lambda: len(written("restarts", lambda n: n > 0)) >= 1)
sc.stop()
until(lambda: not running("deepdist-sidecar"))
assert not running("psserver")
for path in glob.glob(sys.argv[4].split("=", 1)[1] + "/**", recursive=True):
    if os.path.isfile(path):
        told.append(open(path, errors="replace").read())
assert any("deepdist.DeepDistPlugin" in t for t in told[3:]), "no event log was read"
assert not any(token in t for t in told), "the token was told"
""",
        "local-cluster[2,1,1024]",
        f"spark.metrics.conf.executor.sink.csv.directory={tmp_path}/metrics",
        f"spark.eventLog.dir={tmp_path}/events",
        "spark.eventLog.enabled=true",
        "spark.metrics.conf.executor.sink.csv.class=org.apache.spark.metrics.sink.CsvSink",
        "spark.metrics.conf.executor.sink.csv.period=1",
        "spark.metrics.conf.executor.sink.csv.unit=seconds",
    )
    assert "FINE" in out


KILLED = """
sc = SparkContext(conf=conf)
jvm = int(sc._jvm.java.lang.ProcessHandle.current().pid())
until(lambda: len(running("deepdist-sidecar")) == 2)
def show(figures):
    if figures.get("words", 0) > 0 and "dd" in globals():
        print("TRAINING", jvm, *[p.pid for p in family()], flush=True)
        del globals()["dd"]
with DeepDist(Word2Vec(vector_size=50, sg=1, min_count=1, epochs=5000), progress=show) as dd:
    dd.train(sc.parallelize(topic_lines(3000), 4))
"""


@pytest.mark.parametrize("whom", ["jvm", pytest.param("python", marks=pytest.mark.patient)])
def test_nothing_outlives_a_driver_that_is_killed(binaries, whom):
    here = os.path.dirname(os.path.abspath(__file__))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.path.dirname(here)])}
    app = subprocess.Popen(
        [sys.executable, "-c", HEAD + KILLED, *start_args("local-cluster[2,1,1024]")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    try:
        line = app.stdout.readline().split()
        assert line and line[0] == "TRAINING", app.stderr.read()[-3000:]
        jvm, *all_of_it = map(int, line[1:])
        names = [psutil.Process(p).name() for p in all_of_it if psutil.pid_exists(p)]
        assert names.count("psserver") == 1 and names.count("deepdist-sidecar") == 2
        os.kill(jvm if whom == "jvm" else app.pid, signal.SIGKILL)
        app.communicate(timeout=60)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and any(map(_lives, all_of_it)):
            time.sleep(0.1)
        assert not [psutil.Process(p).cmdline() for p in all_of_it if _lives(p)]
    finally:
        if app.poll() is None:
            app.kill()


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_setting_that_is_at_fault_is_named(app, tmp_path):
    script = tmp_path / "psserver"
    script.write_text("#!/bin/sh\necho run >&2\n")
    app(
        """
script = os.environ["SCRIPT"]
right = [("spark.deepdist.psserver.path", os.environ["DEEPDIST_BIN"]), ("spark.deepdist.master", "127.0.0.1"), ("spark.deepdist.page", "off")]
for key, bad, words in (
    ("psserver.path", "/nowhere/psserver", "='/nowhere/psserver': /nowhere/psserver: no such file"),
    ("psserver.path", "/bin/true", "='/bin/true': psserver ended before it served: exited with 0"),
    ("psserver.path", script, f"='{script}': {script} is not a Linux program (no ELF header)"),
    ("master", "192.0.2.1", "='192.0.2.1' is no address that psserver can listen on: psserver ended before it served: exited with 78; its last lines:"),
    ("master", "host:1:2", "='host:1:2': write 'host' or 'host:port'"),
    ("master", "[host]:5", "='[host]:5': write 'host' or 'host:port'"),
    ("page", "99999", "='99999' must be a port"),
):
    wrong = SparkConf().setAll(conf.getAll()).setAll(right).set("spark.deepdist." + key, bad)
    try:
        SparkContext(conf=wrong)
        raise SystemExit("no error")
    except Exception as e:
        assert "spark.deepdist." + key + words in str(e), (key, bad, str(e)[:3000])
sc = SparkContext(conf=conf.setAll(right).set("spark.deepdist.master", "[::1]" if os.path.exists("/proc/net/if_inet6") and "00000000000000000000000000000001" in open("/proc/net/if_inet6").read() else "127.0.0.1"))
sc.stop()
""",
        env={"SCRIPT": str(script)},
    )
    assert not os.access(script, os.X_OK), "it was made executable"


def test_a_driver_without_psserver_says_what_to_do(app, tmp_path):
    jar = tmp_path / "plugin.jar"
    jar.write_bytes(open(JAR, "rb").read())
    app(
        """
conf.set("spark.jars", os.environ["ALONE"])
try:
    sc = SparkContext(conf=conf)
    raise SystemExit("no error")
except Exception as e:
    said = str(e)
assert all(s in said for s in ("psserver was not found", "spark.deepdist.psserver.path", "--files", "DEEPDIST_BIN", "wheel")), said[:3000]
""",
        env={"ALONE": str(jar), "DEEPDIST_BIN": str(tmp_path)},
    )
