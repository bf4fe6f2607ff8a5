"""What goes wrong around a session: programs that cannot run, ports that are taken, drivers that end in every way."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import count, run_app, sidecars, until

from deepdist import BinaryError, DeepDist, DeepDistError, Word2Vec
from deepdist.binaries import make_runnable
from deepdist.errors import BadInput, ServerLost, TaskLost, from_spark
from deepdist.launch import Server, find, parse
from deepdist.task.sidecar import _launchers_lock, _start, executor_jvm, how_it_ended
from deepdist.wire import Connection


def use(sc, **kw):
    with DeepDist({"w": np.zeros(2)}, progress=False, **kw) as dd:
        dd.train(sc.parallelize(range(4), 2), count, lambda m, u: None)


def test_a_missing_psserver_names_the_fixes(sc, monkeypatch, tmp_path):
    with pytest.raises(BinaryError, match="/psserver: no such file \\(named by psserver=\\)"):
        use(sc, psserver=str(tmp_path / "psserver"))
    monkeypatch.setenv("DEEPDIST_BIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("deepdist.launch.__file__", str(tmp_path / "a" / "b" / "launch.py"))
    with pytest.raises(BinaryError) as e:
        find("psserver", None, "spark.deepdist.psserver.path")
    assert all(s in str(e.value) for s in ("make build", "DEEPDIST_BIN", "spark.deepdist.psserver.path", "wheel", "PATH"))


def test_a_missing_sidecar_names_the_fixes(sc, tmp_path):
    with pytest.raises(BinaryError, match="/sidecar: no such file \\(named by sidecar=\\)"):
        use(sc, sidecar=str(tmp_path / "sidecar"))


@pytest.mark.parametrize("which", ["psserver", "sidecar"])
def test_a_program_of_another_architecture_is_told(sc, binaries, tmp_path, which):
    path = tmp_path / "program"
    data = bytearray((binaries / "psserver").read_bytes()[:4096])
    data[18:20] = (22).to_bytes(2, "little")
    path.write_bytes(data)
    path.chmod(0o755)
    with pytest.raises(BinaryError, match="is built for s390x"):
        make_runnable(str(path))
    if which == "psserver":
        with pytest.raises(BinaryError, match="is built for s390x"):
            use(sc, psserver=str(path))


def test_a_file_that_is_no_program_is_told(sc, tmp_path):
    (tmp_path / "psserver").write_text("#!/bin/sh\n")
    with pytest.raises(BinaryError, match="not a Linux program"):
        use(sc, psserver=str(tmp_path))


def test_a_missing_executable_bit_is_given(sc, binaries, tmp_path):
    path = shutil.copy(binaries / "psserver", tmp_path / "psserver")
    os.chmod(path, 0o644)
    use(sc, psserver=path)
    assert os.access(path, os.X_OK)


def test_another_program_of_that_name_is_told(sc, tmp_path):
    echo = shutil.copy("/bin/echo", tmp_path / "psserver")
    with pytest.raises(BinaryError, match="another program"):
        use(sc, psserver=echo)
    true = shutil.copy("/bin/true", tmp_path / "psserver2")
    with pytest.raises(DeepDistError, match="exited with 0"):
        use(sc, psserver=true)


def test_a_program_that_never_serves_is_told_at_once(binaries, tmp_path, monkeypatch):
    monkeypatch.setattr("deepdist.task.sidecar.executor_jvm", lambda: (os.getpid(), 0))
    for name in ("psserver", "deepdist-sidecar"):
        for size in (3000, 2_000_000):
            path = tmp_path / f"{size}" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes((binaries / name).read_bytes()[:size])
            with pytest.raises(BinaryError, match="truncated"):
                start(path, tmp_path)
        for program in ("/bin/true", "/bin/false", "/bin/ls"):
            with pytest.raises(BinaryError, match=r"(?s)ended before it served: exited with \d.*another program of this name: build it with `make build`"):
                start(shutil.copy(program, tmp_path / name), tmp_path)


def start(path, directory):
    if os.path.basename(path) == "psserver":
        Server.start(str(path), "127.0.0.1").stop()
    else:
        _start(str(path), str(directory), str(directory / "s")).close()


def test_a_sidecar_without_room_for_its_runtime_is_not_started():
    program = """
import resource
from deepdist.task.sidecar import _check_address_space
_check_address_space()
resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))
_check_address_space()
"""
    ended = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert "BadInput: spark.executor.pyspark.memory limits the sidecar's address space to 700 MiB" in ended.stderr


def test_programs_and_package_must_be_of_one_release(binaries, tmp_path, monkeypatch):
    monkeypatch.setattr("deepdist.task.sidecar.executor_jvm", lambda: (os.getpid(), 0))
    tmp_path.chmod(0o700)
    with _start(str(binaries / "deepdist-sidecar"), str(tmp_path), str(tmp_path / "s")) as connection:
        sidecar = connection.peer_pid()
        try:
            assert connection.hello(op="ping")["pid"] == sidecar
            monkeypatch.setattr("deepdist.wire.__version__", "9.9")
            with Connection.dial(str(tmp_path / "s"), "the sidecar") as other:
                with pytest.raises(BinaryError, match=r"build 9.9 \(protocol 1\), deepdist-sidecar is build 0.1.0 .*`make build`"):
                    other.hello(op="ping")
        finally:
            os.kill(sidecar, signal.SIGTERM)


def test_another_version_is_told_with_both_builds():
    for protocol in (1, 9):
        with pytest.raises(BinaryError, match=rf"build 9.9 \(protocol {protocol}\), this package is 0.1.0 \(protocol 1\)"):
            parse(b'{"protocol": %d, "build": "9.9"}' % protocol)


def test_settings_come_from_spark_too(binaries, tmp_path):
    app = f"""
from pyspark import SparkConf, SparkContext
from deepdist import BadInput, DeepDist, Word2Vec
import os
conf = SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false")
conf.set("spark.deepdist.psserver.path", {str(binaries / 'psserver')!r}).set("spark.deepdist.page", "off")
conf.set("spark.deepdist.sidecar.path", {str(binaries / 'deepdist-sidecar')!r})
conf.set("spark.deepdist.spoolDir", {str(tmp_path)!r}).set("spark.deepdist.spoolMaxBytes", "1k")
conf.set("spark.executorEnv.DEEPDIST_KERNEL", "generic")
sc = SparkContext(conf=conf)
os.environ["DEEPDIST_BIN"] = "/nowhere"
seen, kernels = [], set()
def show(figures):
    seen.extend(os.listdir({str(tmp_path)!r}))
    kernels.update(worker["kernel"] for worker in figures.get("workers", []))
with DeepDist(Word2Vec(vector_size=8, sg=1, min_count=1), progress=show) as dd:
    assert dd.page == "", dd.page
    dd.train(sc.parallelize(["a b c"] * 10, 2))
assert seen, "nothing was spooled there"
assert kernels == {{"generic"}}, kernels
try:
    with DeepDist(Word2Vec(vector_size=8, min_count=1, sg=1), progress=False) as dd:
        dd.train(sc.parallelize(["a b c"] * 100_000, 2))
    raise SystemExit("the cap was not kept")
except BadInput as e:
    assert "1024 bytes that spool_max_bytes (spark.deepdist.spoolMaxBytes) allows" in str(e), e
sc.stop()
print("fine")
"""
    assert "fine" in run_app(app).stdout
    assert not any(tmp_path.rglob("*.spool"))


def test_without_a_spark_context_the_error_says_so():
    app = """
from deepdist import DeepDist, Word2Vec
try:
    DeepDist(Word2Vec()).__enter__()
except RuntimeError as e:
    print(e)
"""
    assert "make one before DeepDist" in run_app(app).stdout


LONG = """
import os, sys, time
from pyspark import SparkConf, SparkContext
from deepdist import DeepDist, Word2Vec
from helpers import topic_lines
sc = SparkContext(conf=SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false"))
seen = []
def show(figures):
    if figures.get("words", 0) > 0 and not seen:
        seen.append(1)
        jvm = int(sc._jvm.java.lang.ProcessHandle.current().pid())
        print("TRAINING", jvm, dd._server.ready.pid, flush=True)
with DeepDist(Word2Vec(vector_size=50, sg=1, min_count=1, epochs=5000), progress=show) as dd:
    dd.train(sc.parallelize(topic_lines(3000), 4))
"""


@pytest.mark.patient
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_interrupted_leaves_nothing_running(binaries, how):
    here = os.path.dirname(os.path.abspath(__file__))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.path.dirname(here)])}
    app = subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        line = app.stdout.readline().split()
        assert line and line[0] == "TRAINING", app.stderr.read()[-3000:]
        jvm, server = int(line[1]), int(line[2])
        assert len(sidecars(jvm)) == 1 and psutil.pid_exists(server)
        app.send_signal(how)
        _, err = app.communicate(timeout=60)
        if how == signal.SIGINT:
            assert "KeyboardInterrupt" in err
        until(lambda: not sidecars(jvm) and not psutil.pid_exists(server) and not psutil.pid_exists(jvm))
    finally:
        if app.poll() is None:
            app.kill()


def test_after_an_interrupt_in_a_notebook_the_next_training_works(binaries):
    app = """
import _thread, os
from pyspark import SparkConf, SparkContext
from deepdist import DeepDist, Word2Vec
from helpers import topic_lines, topic_score, until
sc = SparkContext(conf=SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false"))
rdd = sc.parallelize(topic_lines(3000), 4)
times = []
def interrupt(figures):
    if not times and figures.get("words", 0) > 0:
        times.append(1)
        raise KeyboardInterrupt
with DeepDist(Word2Vec(vector_size=50, sg=1, min_count=1, epochs=5000), progress=interrupt) as dd:
    try:
        dd.train(rdd)
    except KeyboardInterrupt:
        print("interrupted")
    until(lambda: not sc.statusTracker().getActiveJobsIds())  # Spark hears of the end of its jobs a moment later
    assert len(dd.train(rdd, epochs=1).epochs) == 1  # in the same session
with DeepDist(Word2Vec(vector_size=20, sg=1, min_count=1, sample=0, epochs=5), progress=False) as dd:
    dd.train(rdd)
    print("score", topic_score(dd.model) > 0.9)
sc.stop()
"""
    out = run_app(app).stdout
    assert "interrupted" in out and "score True" in out


def test_threads_of_two_caches_learn_on_copies_and_say_so(binaries, tmp_path):
    app = """
import glob, os
from pyspark import SparkConf, SparkContext
from deepdist import DeepDist, Word2Vec
from helpers import topic_lines, topic_score
conf = SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false").set("spark.executorEnv.DEEPDIST_CACHES", "2")
sc = SparkContext(conf=conf)
with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=2), progress=False) as dd:
    dd.train(sc.parallelize(topic_lines(3000) * 20, 2))
    print("score", topic_score(dd.model) > 0.9)
    print(*[open(log).read() for log in glob.glob(os.environ["TMPDIR"] + "/deepdist-*/*/log")])
sc.stop()
"""
    out = run_app(app, env={"TMPDIR": str(tmp_path)}).stdout
    assert "score True" in out and "threads train a copy of the rows for each" in out and "caches=2" in out, out


def test_a_session_that_is_never_left_ends_with_its_driver(binaries):
    app = """
from pyspark import SparkConf, SparkContext
from deepdist import DeepDist, Word2Vec
sc = SparkContext(conf=SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false"))
dd = DeepDist(Word2Vec(vector_size=8, sg=1, min_count=1), progress=False).__enter__()
dd.train(sc.parallelize(["a b"] * 10, 1))
print(dd._server.ready.pid)
"""
    server = int(run_app(app).stdout.split()[-1])
    until(lambda: not psutil.pid_exists(server))


def test_a_context_that_has_been_stopped_is_told(binaries):
    app = """
from pyspark import SparkConf, SparkContext
from deepdist import DeepDist, DeepDistError, Word2Vec
sc = SparkContext(conf=SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false"))
rdd = sc.parallelize(["a b"] * 10, 1)
try:
    with DeepDist(Word2Vec(vector_size=8, sg=1, min_count=1), progress=False) as dd:
        sc.stop()
        dd.train(rdd)
except DeepDistError as e:
    print("said:", e)
"""
    assert "said: the SparkContext has been stopped" in run_app(app).stdout


def test_the_end_of_a_child_is_told_by_its_signal():
    child = subprocess.Popen(["sleep", "60"])
    child.kill()
    time.sleep(0.1)
    assert how_it_ended(child.pid) == "killed by SIGKILL"  # not asked for yet: the kernel still knows
    child.wait()
    failed = subprocess.Popen(["sh", "-c", "exit 3"])
    time.sleep(0.2)
    assert how_it_ended(failed.pid) == "exited with 3"
    failed.wait()


def test_a_directory_that_is_swept_while_its_lock_is_waited_for_is_made_again(tmp_path):
    directory = tmp_path / "d"
    held = _launchers_lock(str(directory))
    waiting = ThreadPoolExecutor(1).submit(_launchers_lock, str(directory))
    time.sleep(0.2)
    shutil.rmtree(directory)
    os.close(held)
    lock = waiting.result(timeout=20)
    assert os.path.samestat(os.fstat(lock), os.stat(directory / "lock"))
    os.close(lock)


def test_the_last_lines_of_psserver_are_said_and_no_file_of_them_is_left(sc, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dd = DeepDist({"w": np.zeros(2)}, progress=False).__enter__()
    dd._server.process.kill()
    with pytest.raises(ServerLost, match=r"(?s)killed by SIGKILL; its last lines:\n.*msg=serving"):
        dd.train(sc.parallelize(range(4), 2), count, lambda m, u: None)
    assert not os.listdir(tmp_path), "a kill -9 of the driver would leave this"
    dd.close()


def test_a_process_without_java_above_it_is_no_task():
    with pytest.raises(DeepDistError, match="no Java ancestor"):
        executor_jvm(1)


def test_an_error_is_found_in_sparks_stack_trace():
    text = (
        "org.apache.spark.SparkException: Job aborted: Task 0 failed: PythonException: Traceback (most recent call last):\n"
        '  File "x.py", line 3, in f\ndeepdist.errors.UserCodeError: gradient raised on partition 1:\nTraceback:\n  line\n'
        "KeyError: 'a'\n\n\tat org.apache.spark.api.python.BasePythonRunner.handle(PythonRunner.scala:5)\n"
        "Caused by: deepdist.errors.BadInput: other\n"
    )
    error = from_spark(text)
    assert type(error).__name__ == "UserCodeError"
    assert str(error) == "gradient raised on partition 1:\nTraceback:\n  line\nKeyError: 'a'"
    assert from_spark("java.lang.Error: no python") is None
    no_python = 'Lost task 0.3: java.io.IOException: Cannot run program "./environment/bin/python": error=2, No such file\n\tat org.apache.spark.api.python.PythonWorkerFactory.x'
    error = from_spark(no_python)
    assert isinstance(error, BadInput) and "'./environment/bin/python'" in str(error) and "PYSPARK_PYTHON" in str(error) and "#environment" in str(error)
    assert from_spark(no_python.replace("python.PythonWorkerFactory", "rdd.PipedRDD")) is None, "a program of rdd.pipe"
    missing = from_spark("PythonException: Traceback\n  import numpy as np\nModuleNotFoundError: No module named 'numpy'\n SQLSTATE: 38000\n\tat x")
    assert isinstance(missing, BadInput) and "'numpy'" in str(missing) and "PYSPARK_PYTHON" in str(missing)
    other = from_spark("RuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12 than that in driver: 3.11.\n\tat x")
    assert isinstance(other, BadInput) and "the tasks run another Python than the driver: set PYSPARK_PYTHON" in str(other)
    assert from_spark('java.io.IOException: Cannot run program "sort"\n\tat java.base/java.lang.ProcessBuilder.start') is None
    assert isinstance(from_spark("Job aborted: SparkException: Python worker exited unexpectedly (crashed)\n\tat x.Y(z)"), TaskLost)


@pytest.mark.parametrize(("module", "sent"), [("mygradient.py", "mygradient.py"), ("mygradient/__init__.py", "mygradient.zip"), ("mygradient/sub.py", "mygradient.zip")])
def test_a_module_of_the_users_own_is_to_be_sent_to_the_tasks(monkeypatch, tmp_path, module, sent):
    path = tmp_path / module
    path.parent.mkdir(exist_ok=True)
    path.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    said = str(from_spark("PythonException: Traceback\nModuleNotFoundError: No module named 'mygradient'\n"))
    assert f"which the driver has in {tmp_path}/mygradient" in said and "sc.addPyFile('" in said and re.search(rf"--py-files \S*{sent}$", said), said
    assert "PYSPARK_PYTHON" not in said


def test_a_gradient_of_a_module_beside_the_app_that_tasks_lack_says_how_to_send_it(binaries, tmp_path):
    (tmp_path / "mygradient.py").write_text("def gradient(model, rows):\n    return {'w': model['w'] + sum(1 for _ in rows)}\n")
    (tmp_path / "app.py").write_text(
        """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from mygradient import gradient
from pyspark import SparkConf, SparkContext
from deepdist import SGD, BadInput, DeepDist
sc = SparkContext(conf=SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false"))
sc.setLogLevel("OFF")
with DeepDist({"w": np.zeros(2)}, progress=False, page=None) as dd:
    try:
        dd.train(sc.parallelize(range(4), 2), gradient, SGD())
    except BadInput as e:
        print("SAID", e)
    sc.addPyFile(sys.modules["mygradient"].__file__)
    dd.train(sc.parallelize(range(4), 2), gradient, SGD())
sc.stop()
print("FINE")
"""
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "app.py"), str(Path(__file__).resolve().parents[1])], capture_output=True, text=True, timeout=170
    )
    (said,) = re.findall("^SAID (.*)", done.stdout, re.MULTILINE)
    assert f"sc.addPyFile('{tmp_path}/mygradient.py')" in said and "FINE" in done.stdout, done.stdout + done.stderr[-3000:]


def test_a_stopped_context_is_said(binaries):
    app = """
import numpy as np
from pyspark import SparkContext
from pyspark.sql import SparkSession
from deepdist import DeepDist, WordVectors
from deepdist.ml import Word2Vec, Word2VecModel
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
frame = spark.createDataFrame([], "words array<string>")
session = DeepDist({"w": np.zeros(2)}, sc=spark.sparkContext, progress=False)
spark.stop()
model = Word2VecModel(WordVectors(["a"], np.ones((1, 2))))._set(inputCol="words")
for late in (session.__enter__, lambda: model.transform(frame), lambda: Word2Vec(inputCol="words").fit(frame)):
    try:
        late()
    except RuntimeError as e:
        print("SAID", e)
"""
    assert run_app(app).stdout.count("SAID the SparkContext has been stopped: make a new one") == 3


def test_a_model_that_is_used_twice_at_once_is_an_error(sc):
    with DeepDist(Word2Vec(), progress=False) as dd, pytest.raises(DeepDistError, match="in use already"):
        dd.__enter__()
