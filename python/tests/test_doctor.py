"""The command `deepdist`: what its doctor finds, what it says to do, and that it is right."""

import io
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deepdist import cli, doctor, jars
from deepdist.doctor import FAIL, OK, WARN, cluster, here
from deepdist.errors import BinaryError
from deepdist.version import PROTOCOL, __version__


def deepdist(*arguments, **env):
    """The command, as a person types it."""
    root = Path(cli.__file__).parents[1]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "deepdist", *arguments], capture_output=True, text=True, timeout=170, env={**os.environ, "PYTHONPATH": path, **env}
    )


def found(conf=(), name=None):
    return {check.name: check for check in here.checks(dict(conf))}[name]


def test_the_command_says_its_version_and_where_the_sidecar_is(binaries):
    assert deepdist("--version").stdout == f"deepdist {__version__}, protocol {PROTOCOL}\n"
    assert deepdist("sidecar-path").stdout == f"{binaries / 'deepdist-sidecar'}\n"
    assert deepdist("psserver-path").stdout == f"{binaries / 'psserver'}\n"
    assert "doctor" in deepdist("--help").stdout
    nothing = deepdist()
    assert nothing.returncode == 2 and "COMMAND" in nothing.stderr
    assert deepdist("doctor", "--conf", "nonsense").returncode == 2


def test_the_jar_is_that_of_the_spark_at_hand(tmp_path, monkeypatch):
    import pyspark

    assert jars.scala_at_hand() == ("2.12" if pyspark.__version__.startswith("3.") else "2.13")
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "scala-library-2.12.18.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert jars.scala_at_hand() == "2.12"
    monkeypatch.setattr(jars, "__file__", str(tmp_path / "deepdist" / "jars.py"))
    with pytest.raises(BinaryError, match="no jar of the Spark plugin for Scala 2.12"):
        jars.find("2.12")
    (tmp_path / "deepdist" / "jars").mkdir(parents=True)
    for scala in ("2.12", "2.13"):
        (tmp_path / "deepdist" / "jars" / f"deepdist-spark_{scala}.jar").touch()
    assert jars.find("2.12").endswith("deepdist-spark_2.12.jar") and jars.find("2.13").endswith("deepdist-spark_2.13.jar")
    (tmp_path / "jars" / "scala-library-2.12.18.jar").unlink()
    with pytest.raises(BinaryError, match="--scala"):
        jars.scala_at_hand()


def test_programs_that_are_missing_of_another_machine_or_of_another_build_are_told_apart(tmp_path, binaries, monkeypatch):
    monkeypatch.setenv("DEEPDIST_BIN", str(tmp_path))
    key = "spark.deepdist.psserver.path"
    assert found({key: "/nowhere/psserver"}, "psserver") == doctor.Check("psserver", FAIL, f"/nowhere/psserver: no such file (named by {key})")

    other = tmp_path / "other"
    head = bytearray((binaries / "psserver").read_bytes()[:64])
    head[18:20] = (243).to_bytes(2, "little")
    other.write_bytes(head)
    check = found({key: str(other)}, "psserver")
    assert check.status == FAIL and "built for riscv64" in check.found

    strange = tmp_path / "strange"
    shutil.copyfile(binaries / "deepdist-sidecar", strange)
    check = found({key: str(strange)}, "psserver")
    assert check.status == FAIL and f"says 'deepdist-sidecar {__version__}" in check.found and "one release" in check.fix
    assert strange.stat().st_mode & stat.S_IXUSR, "what only lacked the executable bit has it now"
    assert found({key: str(binaries / "psserver")}, "psserver").status == OK


def test_a_folder_of_programs_that_has_none_is_named(tmp_path, binaries, monkeypatch):
    monkeypatch.setenv("DEEPDIST_BIN", str(tmp_path))
    check = found(name="psserver")
    assert check.status == WARN and f"DEEPDIST_BIN={tmp_path} has none" in check.found, check
    shutil.copy(binaries / "psserver", tmp_path)
    assert found(name="psserver").status == OK


def test_a_java_that_does_not_start_is_told_apart_from_one_that_is_too_old(tmp_path, monkeypatch):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    for script, says, fix in (
        ("echo 'Error occurred during initialization of VM'; exit 1", "exits with 1: Error occurred", "does not start"),
        ("""echo 'openjdk version "1.7.0_80"' >&2""", 'openjdk version "1.7.0_80"', "or newer"),
    ):
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(0o755)
        check = found(name="java")
        assert check.status == FAIL and says in check.found and fix in check.fix, check


def test_a_reader_that_goes_away_ends_it_without_a_traceback():
    ours = f"PYTHONPATH={Path(cli.__file__).parents[1]} {sys.executable} -m deepdist doctor --no-spark"
    done = subprocess.run(["bash", "-c", f"{ours} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, timeout=170)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_a_timeout_that_is_none_is_refused():
    for text in ("-5", "0", "soon"):
        assert f"{text!r} is no number of seconds above 0" in deepdist("doctor", "--timeout", text).stderr


def test_a_taken_port_a_bad_one_and_a_setting_that_is_none_are_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        check = found({"spark.deepdist.page": str(port)}, "page")
        assert check.status == WARN and str(port) in check.found and "spark.deepdist.page" in check.fix
    assert found({"spark.deepdist.page": "off"}, "page").status == OK
    assert found({"spark.deepdist.page": "99999"}, "page").status == FAIL
    assert "did you mean spark.deepdist.page" in found({"spark.deepdist.pgae": "1"}, "settings").found


def test_settings_out_of_their_range_are_named_without_spark():
    for key, bad in (("ship", "yes"), ("spoolDir", "relative"), ("spoolMaxBytes", "much"), ("master", "host:1:2"), ("minUpdates", "-1"), ("progress", "2")):
        check = found({f"spark.deepdist.{key}": bad}, "settings")
        assert check.status == FAIL and check.found.startswith(f"spark.deepdist.{key}='{bad}'") and f"spark.deepdist.{key}" in check.fix, check
    assert not [check for check in here.checks({"spark.deepdist.ship": "false", "spark.deepdist.spoolDir": "/tmp"}) if check.name == "settings"]
    done = deepdist("doctor", "--no-spark", "--conf", "spark.deepdist.ship=yes")
    assert done.returncode == 1 and "fail  settings" in done.stdout, done.stdout
    check = found({"spark.deepdist.spoolDir": "/nowhere/spools"}, "disk")
    assert check.status == WARN and "/nowhere/spools" in check.found and "spark.deepdist.spoolDir must be there on every executor" in check.fix


def test_a_disk_that_is_not_there_and_few_files_are_named(tmp_path):
    assert found({"spark.local.dir": str(tmp_path / "missing")}, "disk").status == FAIL
    assert found({"spark.local.dir": f"{tmp_path},/elsewhere"}, "disk").status != FAIL
    assert here.files_limit((1000, 1000)).status == WARN and "ulimit" in here.files_limit((1000, 1000)).fix
    assert here.files_limit((256, 256)).status == FAIL and "does not start" in here.files_limit((256, 256)).fix
    assert here.files_limit((256, 4096)).status == here.files_limit((256, -1)).status == OK


def test_without_pyspark_it_looks_at_the_rest_and_says_so(monkeypatch):
    real = here.version_of
    monkeypatch.setattr(here, "version_of", lambda name: None if name == "pyspark" else real(name))
    report = doctor.Report(io.StringIO())
    assert doctor.run(report, None, {}, spark=True, timeout=1) == 0
    by_name = {check.name: check for check in report.checks}
    assert by_name["pyspark"].status == by_name["cluster"].status == WARN
    assert "pip install 'deepdist-spark[spark]'" in by_name["cluster"].fix


FACTS = {
    "host": "a", "machine": "x86_64", "python": "/usr/bin/python3", "jvm": "1 2", "python_version": "3.11.7", "numpy": "2", "pyarrow": "26",
    "sidecar": "/s", "reach": 0.001, "open_files": [20000, 20000], "address_space": -1, "memory": 8 << 30, "spool_dir": "/tmp", "space": 9 << 30,
}  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "value", "status", "fix"),
    [
        ("numpy", {"error": "ModuleNotFoundError: No module named 'numpy'"}, FAIL, "PYSPARK_PYTHON"),
        ("reach", {"error": "TimeoutError: timed out"}, FAIL, "spark.deepdist.master"),
        ("space", {"error": "FileNotFoundError: no such folder"}, FAIL, "spark.deepdist.spoolDir"),
        ("space", 1 << 20, WARN, "spark.deepdist.spoolDir"),
        ("sidecar", {"error": "BinaryError: /s is built for aarch64"}, FAIL, ""),
        ("address_space", 512 << 20, FAIL, "spark.executor.pyspark.memory"),
        ("address_space", 1500 << 20, WARN, "spark.executor.pyspark.memory"),
        ("memory", 100 << 20, WARN, "spark.executor.memoryOverhead"),
        ("open_files", [1000, 1000], WARN, "ulimit"),
    ],
)
def test_what_one_executor_lacks_is_said_with_its_name_and_the_fix(fact, value, status, fix):
    sick = {**FACTS, "host": "b", fact: value}
    wrong = [check for check in cluster._judge([FACTS, sick], 2, "driver:7") if check.status != OK]
    assert len(wrong) == 1 and wrong[0].status == status and fix in wrong[0].fix and re.search(r"\bb\b", wrong[0].found), wrong
    assert not [check for check in cluster._judge([FACTS, {**FACTS, "host": "b"}], 2, "driver:7") if check.status != OK]


def test_it_trains_on_the_executor_and_tells_it_as_json_too(binaries):
    done = deepdist("doctor", "--json", "--conf", "spark.deepdist.page=off")
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["ok"], done.stdout + done.stderr
    training = answer["checks"][-1]
    assert training["name"] == "training" and training["found"].startswith("1 sidecar on "), training
    (executor,) = answer["executors"]
    assert executor["sidecar"] == str(binaries / "deepdist-sidecar") and executor["reach"] < 15 and executor["pyarrow"]


def test_an_executor_without_numpy_fails_it_with_the_fix(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    done = deepdist("doctor", PYSPARK_PYTHON=str(tmp_path / "bare" / "bin" / "python"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^fail  · numpy .*No module named 'numpy' \(.*/bare/bin/python.*\n +→ .*PYSPARK_PYTHON", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^warn  training +not tried", done.stdout, re.MULTILINE)


@pytest.mark.patient
def test_a_cluster_without_room_is_given_up_with_sparks_own_words():
    done = deepdist("doctor", "--master", "local-cluster[1,1,1024]", "--conf", "spark.executor.cores=2", "--timeout", "20")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^fail  training +no executor has come within 20 s; Spark's last lines:", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^ +→ the cluster has no room", done.stdout, re.MULTILINE)


def test_a_master_that_is_not_there_is_named_without_a_minute_of_sparks_tries():
    done = deepdist("doctor", "--master", "spark://127.0.0.1:1,127.0.0.1:2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^fail  spark +ConnectionError: no master answers at 127.0.0.1:1: .*; no master answers at 127.0.0.1:2: ", done.stdout, re.MULTILINE), done.stdout
    assert "→ Spark itself does not start, or not stay: is --master right" in done.stdout and "unresponsive" not in done.stdout


def test_spark_that_does_not_start_says_why():
    done = deepdist("doctor", "--master", "nonsense://x")
    assert done.returncode == 1 and "Master must either be yarn or start with spark" in done.stdout, done.stdout + done.stderr
    assert re.search(r"^fail  spark ", done.stdout, re.MULTILINE)
