"""What a training needs of the executors, found out by one: a session, a job that looks around, a tiny training. Driver side."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..binaries import tail
from ..deepdist import DeepDist, is_local
from ..errors import DeepDistError
from ..cluster import SparkCluster
from ..optimizers import SGD
from ..task import probe
from . import FAIL, OK, WARN, Check
from .here import files_limit

if TYPE_CHECKING:
    from pyspark import SparkContext

GIB = probe.GIB
SETTLE_SECONDS = 2.0
"""How long the number of executors must stay the same until we take it for all of them."""
ROUNDS = 3
"""Jobs that may pass until every executor has had a task."""

NO_SPARK = "Spark itself does not start, or not stay: is --master right, and does the cluster answer?"
NO_ROOM = (
    "the cluster has no room for an application, or its executors cannot come back to this machine: look at its own page for free cores and "
    "memory, at spark.executor.memory and spark.cores.max, and let executors reach spark.driver.host; --timeout waits longer"
)
NO_LIBRARY = "install it for the executors' Python; or name another Python by PYSPARK_PYTHON; or send an environment by --archives (docs/install.md)"


def checks(executors: list[dict[str, Any]], master: str | None, conf: Mapping[str, str], timeout: float) -> Iterator[Check]:
    """Driver: look at the cluster as `conf` reaches it; puts what each executor said of itself into `executors`."""
    began = time.monotonic()
    with tempfile.NamedTemporaryFile(prefix="deepdist-doctor-") as log:
        try:
            with _stderr_in(log):  # the JVM's, for as long as it lives
                sc = _context(master, conf, timeout)
            if _stopped(sc):  # after a minute without an answer of the master's
                raise RuntimeError("the SparkContext has stopped by itself")
        except Exception as e:  # py4j's, Spark's, the JVM's: whatever keeps Spark from starting
            yield Check("spark", FAIL, f"{_short(e)}\n{_words(log.name)}", NO_SPARK)
            return
        try:
            yield Check("spark", OK, f"{sc.version} on {sc.master}, up in {time.monotonic() - began:.1f} s")
            yield from _through_a_session(sc, executors, timeout, log.name)
        finally:
            sc.stop()


@contextlib.contextmanager
def _stderr_in(file: IO[bytes]) -> Iterator[None]:
    """Driver: what this process, and those that it starts meanwhile, say on stderr goes into a file."""
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def _context(master: str | None, conf: Mapping[str, str], timeout: float) -> SparkContext:
    from pyspark import SparkConf, SparkContext

    wanted = SparkConf().setAppName("deepdist doctor")
    for name, value in conf.items():
        wanted.set(name, value)
    if master is not None:
        wanted.setMaster(master)
    for name, value in (("master", "local[2]"), ("ui.enabled", "false"), ("ui.showConsoleProgress", "false"), ("log.level", "WARN")):
        wanted.setIfMissing(f"spark.{name}", value)
    _reach(wanted.get("spark.master", ""), timeout)
    return SparkContext(conf=wanted)


def _reach(master: str, timeout: float) -> None:
    """Driver: raises ConnectionError if a standalone cluster's master, or each of several, answers nothing: Spark would ask it for a minute."""
    if not master.startswith("spark://"):
        return
    silent = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            return  # Spark says so
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout).close()
            return
        except (OSError, OverflowError) as e:
            silent.append(f"no master answers at {address}: {e}")
    raise ConnectionError("; ".join(silent))


def _through_a_session(sc: SparkContext, executors: list[dict[str, Any]], timeout: float, log: str) -> Iterator[Check]:
    try:
        count = _await_executors(sc, timeout)
        workers: dict[str, str] = {}
        deadline = _Deadline(timeout)

        def watch(figures: Mapping[str, Any]) -> None:
            """Driver: who trains; not for longer than the deadline."""
            deadline.check()
            workers.update({w["worker_id"]: w["host"] for w in figures.get("workers") or ()})

        model = {"seen": np.zeros(1)}
        with DeepDist(model, sc=sc, progress=watch) as dd:
            assert dd._session is not None
            executors += _look(sc, dd, count, timeout)
            judged = list(_judge(executors, count, dd._session.address))
            yield from judged
            if any(check.status == FAIL for check in judged):
                yield Check("training", WARN, "not tried", "mend the failures above first")
                return
            began, rows = time.monotonic(), 10 * sc.defaultParallelism
            deadline.restart()
            dd.train(sc.parallelize(range(rows), sc.defaultParallelism), probe.lend, SGD(1.0))
            yield _trained(int(model["seen"][0]), rows, workers, len(executors), time.monotonic() - began)
    except Exception as e:
        if not _stopped(sc):
            yield _failed(e, log)
        else:
            yield Check("spark", FAIL, f"it has stopped; its last lines:\n{_words(log)}", NO_SPARK)


def _failed(error: Exception, log: str) -> Check:
    if isinstance(error, TimeoutError):
        return Check("training", FAIL, f"{error}; Spark's last lines:\n{_words(log)}", NO_ROOM)
    return Check("training", FAIL, _short(error))  # an error of ours names its fix


def _stopped(sc: SparkContext) -> bool:
    try:
        return bool(sc._jsc.sc().isStopped())  # type: ignore[attr-defined]
    except Exception:  # the JVM is gone
        return True


class _Deadline:
    def __init__(self, seconds: float):
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Driver: count from now."""
        self._at = time.monotonic() + self._seconds

    def check(self) -> None:
        """Driver: raise TimeoutError when the time is over."""
        if time.monotonic() > self._at:
            raise TimeoutError(f"the cluster has not finished within {self._seconds:g} s")


def _await_executors(sc: SparkContext, timeout: float) -> int:
    """Driver: how many executors there are, as soon as that number stands still."""
    if is_local(sc):
        return 1
    deadline, count, since = _Deadline(timeout), 0, time.monotonic()
    while not count or time.monotonic() - since < SETTLE_SECONDS:
        now = int(sc._jsc.sc().getExecutorMemoryStatus().size()) - 1  # type: ignore[attr-defined]  # the driver is among them
        if now != count:
            count, since = now, time.monotonic()
        try:
            deadline.check()
        except TimeoutError:
            raise TimeoutError(f"no executor has come within {timeout:g} s") from None
        time.sleep(0.2)
    return count


def _look(sc: SparkContext, dd: DeepDist, count: int, timeout: float) -> list[dict[str, Any]]:
    """Driver: what each executor sees; again while some executor has had no task."""
    seen: dict[str, dict[str, Any]] = {}
    slots = max(1, sc.defaultParallelism)
    for _ in range(ROUNDS):
        work = sc.parallelize(range(slots), slots).mapPartitionsWithIndex(partial(probe.look, dd._session))
        for facts in SparkCluster(sc).run("deepdist doctor: look around", work.collect, _Deadline(timeout).check):
            seen[f"{facts['host']} {facts['jvm']}"] = facts
        if len(seen) >= count:
            break
    return list(seen.values())


def _judge(executors: list[dict[str, Any]], count: int, address: str) -> Iterator[Check]:
    """Driver: one check per thing, over all executors; of numbers, the worst."""
    said = {name: sorted({str(e[name]) for e in executors if not _error(e[name])}) for name in ("python_version", "numpy", "pyarrow", "machine")}
    versions = "; ".join(f"{name.removesuffix('_version')} {', '.join(v)}" for name, v in said.items() if v)
    if len(executors) < count:
        yield Check("executors", WARN, f"{len(executors)} of {count} had a task in {ROUNDS} jobs; {versions}", "busy ones are not looked at: try again when they are free")
    else:
        yield Check("executors", OK, f"{len(executors)}; {versions}")
    for name, fix in (
        ("jvm", ""),
        ("numpy", NO_LIBRARY),
        ("pyarrow", NO_LIBRARY),
        ("sidecar", ""),
        (
            "reach",
            f"executors must reach {address}: open that in the firewall; for a fixed port set spark.deepdist.master=host:port, for another "
            f"name of this machine spark.driver.host",
        ),
        ("space", "name a folder that is there on every executor: spark.deepdist.spoolDir, or spark.local.dir"),
    ):
        wrong = [e for e in executors if _error(e[name])]
        if wrong:
            python = f" ({wrong[0]['python']})" if fix == NO_LIBRARY else ""
            yield Check(f"· {name}", FAIL, f"{_hosts(e['host'] for e in wrong)}: {_error(wrong[0][name])}{python}", fix)
    programs = sorted({e["sidecar"] for e in executors if not _error(e["sidecar"])})
    if programs:
        yield Check("· sidecar", OK, programs[0] + (f", and {len(programs) - 1} more" if len(programs) > 1 else ""))
    worst = _Worst(executors)
    if worst.of("reach", max) is not None:
        yield Check("· driver", OK, f"{address} is reached within {1000 * worst.of('reach', max):.0f} ms")
    yield from _limits(worst)


def _limits(worst: _Worst) -> Iterator[Check]:
    files = worst.of("open_files", lambda limits: min(limits, key=lambda l: l[1] if l[1] >= 0 else float("inf")))
    if files is not None:
        yield files_limit(tuple(files), "· open files", worst.where)
    space = worst.of("address_space", lambda limits: min((n for n in limits if n >= 0), default=-1))
    if space is not None and space >= 0:
        status = OK if space >= 2 * GIB else WARN if space >= GIB else FAIL
        fix = "" if status == OK else "unset spark.executor.pyspark.memory, or raise it to 2g and the model's size: the sidecar is under it too"
        yield Check("· addresses", status, f"{space / GIB:.1f} GiB{worst.where}", fix)
    memory = worst.of("memory", min)
    if memory is not None:
        enough = memory >= probe.LEAST_MEMORY
        fix = "" if enough else "the sidecar is beside the JVM: raise spark.executor.memoryOverhead, or take larger machines (docs/spark.md)"
        yield Check("· memory", OK if enough else WARN, f"{memory / GIB:.1f} GiB available{worst.where}", fix)
    free = worst.of("space", min)
    if free is not None:
        enough = free >= probe.LEAST_SPACE
        fix = "" if enough else "the text takes 1 to 3 bytes per word there: name a larger disk by spark.deepdist.spoolDir"
        yield Check("· disk", OK if enough else WARN, f"{free / GIB:.0f} GiB free for spools{worst.where}", fix)


class _Worst:
    """_Worst chooses the worst of what the executors said, and remembers on which of them it was."""

    def __init__(self, executors: list[dict[str, Any]]):
        self._executors = executors
        self.where = ""

    def of(self, name: str, choose: Callable[[list[Any]], Any]) -> Any:
        """Driver: None if no executor could say."""
        said = [(e[name], e["host"]) for e in self._executors if not _error(e[name])]
        if not said:
            return None
        worst = choose([value for value, _ in said])
        host = next((host for value, host in said if value == worst), "")
        self.where = f" on {host}, the least" if len(self._executors) > 1 else f" on {host}"
        return worst


def _trained(seen: int, rows: int, workers: Mapping[str, str], executors: int, seconds: float) -> Check:
    if seen != rows:
        return Check("training", FAIL, f"the model has counted {seen} of {rows} rows", "this is a defect of DeepDist's")
    found = f"{len(workers)} sidecar{'s' * (len(workers) > 1)} on {_hosts(workers.values())} have trained {rows} rows within {seconds:.1f} s"
    if len(workers) < executors:
        return Check("training", WARN, found, f"there are {executors} executors: those that were busy had no part in it")
    return Check("training", OK, found)


def _hosts(hosts: Any) -> str:
    names = sorted(set(hosts))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _error(fact: Any) -> str:
    return str(fact["error"]) if isinstance(fact, dict) else ""


def _words(log: str) -> str:
    """Driver: what Spark has said last, without Java's frames."""
    return "\n".join([line for line in tail(log, 60).splitlines() if not line.startswith("\t")][-4:])


def _short(error: BaseException) -> str:
    """Driver: what an error says, without Java's frames."""
    if isinstance(error, DeepDistError):
        return str(error)
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(("\tat ", "\t..."))]
    return f"{type(error).__name__}: " + "\n".join(lines[:6])
