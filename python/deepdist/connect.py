"""Train from a client of Spark Connect, which has Spark's DataFrames and nothing else: no JVM, no RDDs, no way to psserver. Driver side.

The Spark plugin, which runs where the server does, is what the client leans on (docs/connect.md):

* psserver is opened, watched and ended by questions to the plugin: an SQL function of the plugin's jar, which the driver computes (`Cluster.ask`).
* Calls to psserver are jobs of one task, which goes through its executor's sidecar (`Asking`).
* The training's jobs are `DataFrame.mapInArrow`, with the same functions inside as elsewhere (`task.arrow`).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from . import bundle, launch, plugin, settings
from .control import Control
from .errors import BadInput, BinaryError, DeepDistError, Lost, ServerLost, from_code, from_spark, module_lacked
from .jobs import Job
from .models import Adapter
from .package import packed
from .session import Session
from .source import text_of
from .task import arrow
from .task import control as task_control
from .task.control import Asked
from .task.gradient import Gradient

FUNCTION = "deepdist_ask_driver"
CLASS = "deepdist.AskDriver"

CLOSURE_BYTES = 1 << 20
"""How many bytes of tensors a job's closure takes along; what is more is staged."""

STAGE_BYTES, ROW_BYTES = 32 << 20, 4 << 20
"""How many bytes one job stages, and how many of them make a row: a task's data must stay below spark.rpc.message.maxSize."""

FETCH_BYTES = 32 << 20
"""How much of a bundle one job brings: the server's JVM holds it for a moment."""

WATCH_SECONDS = 2.0
"""How often progress is asked for: each time is a query, which the server's page lists."""

TRIES = 3

NO_FUNCTION = (
    "dd.train: with Spark Connect, descent can't be a function: it would run here, on every update, and change the model in memory that this process shares "
    "with psserver; but psserver runs beside Spark's driver. Give a rule that psserver applies by itself: deepdist.SGD(), Momentum(), AdaGrad(), RowAdaGrad(), Adam()"
)

def session_of(given: Any) -> Any | None:
    """Driver: `given` if it is a session of Spark Connect; without one, the active session if that is; else None.

    A session is active in the thread that made it; in another one it is the default that Spark's own `getOrCreate` gives there.
    """
    if given is not None:
        return given if type(given).__module__.startswith("pyspark.sql.connect.") else None
    module = sys.modules.get("pyspark.sql.connect.session")  # else nobody has made one
    return None if module is None else module.SparkSession.getActiveSession() or module.SparkSession._get_default_session()


class Cluster:
    """Cluster is the `cluster.Cluster` of a Connect session. `open` has the plugin start a psserver for it."""

    def __init__(self, spark: Any):
        if int(spark.version.split(".")[0]) < 4:
            raise DeepDistError(f"Spark Connect is supported from Spark 4 on; this server is Spark {spark.version}")
        self._spark = spark
        self.conf: dict[str, str] = dict(spark.conf.getAll)
        if plugin.CLASS not in (name.strip() for name in self.conf.get("spark.plugins", "").split(",")):
            raise DeepDistError(
                f"a client of Spark Connect needs DeepDist's Spark plugin on the server, which runs without it: start the server with "
                f"--jars deepdist-spark_2.13.jar --conf spark.plugins={plugin.CLASS} (`deepdist jar-path` names the jar in the wheel; docs/connect.md)"
            )
        self.slots = 1
        self._local_row = spark.createDataFrame([(0,)], "row long")
        spark.udf.registerJavaFunction(FUNCTION, CLASS, "string")

    def open(self, page: str | None) -> Server:
        """Driver: a psserver of the plugin's for this session alone. page: a port or 'off'; None: as the server's settings say."""
        question = {"ask": "open", "request": uuid.uuid4().hex, "client": self._spark.session_id, "page": page}
        answer = self.ask(**question)
        try:
            ready = launch.parse(answer["line"].encode())
        except BinaryError:  # of another release: nobody will use it
            self.ask(ask="close", id=json.loads(answer["line"]).get("session_id", ""))
            raise
        self.slots = max(1, int(answer["slots"]))
        return Server(self, ready, answer["host"])

    def ask(self, **question: Any) -> dict[str, Any]:
        """Driver: ask the driver's part of the plugin; raises BinaryError, or ServerLost for a psserver that ended at once, with what it says is wrong."""
        from pyspark.sql import functions as F

        def action() -> Any:
            return json.loads(self._local_row.select(F.call_function(FUNCTION, F.col("row"), F.lit(json.dumps(question)))).collect()[0][0])

        answer = self.run(f"deepdist: {question['ask']}", action, _nothing)
        if "error" in answer:
            raise (ServerLost if "status" in answer else BinaryError)(answer["error"])
        return dict(answer)

    def ship(self) -> None:
        """Driver: send this package to the session's tasks, as an artifact."""
        found = packed()
        if found is None or found[0] in self._spark.__dict__.setdefault("_deepdist_shipped", set()):
            return
        name, data = found
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(data)
            self._spark.addArtifacts(path, pyfile=True)
        self._spark.__dict__["_deepdist_shipped"].add(name)

    def run(self, description: str, action: Callable[[], Any], tick: Callable[[], Any], interval: float = 0.1) -> Any:
        """Driver: do the action in a thread of its own, whose jobs bear a tag by which they are interrupted."""
        return Job(_Tagged(self._spark), description, action).run(tick, interval)

    def ask_psserver(self, session: Session, calls: Sequence[Asked]) -> Any:
        """Driver: make calls to psserver, in the calling thread; an Arrow table of `task.control`'s rows."""
        return self._one_row().mapInArrow(task_control.asker(session, calls), task_control.ANSWER_DDL).toArrow()

    def stage(self, session: Session, name: str, total: int, at: int, data: bytes) -> None:
        """Driver: bring a part of a bundle to psserver, in the calling thread."""
        import pyarrow as pa

        rows = range(0, len(data), ROW_BYTES)
        table = pa.table({"at": pa.array([at + r for r in rows], pa.int64()), "data": pa.array([data[r : r + ROW_BYTES] for r in rows], pa.binary())})
        self._spark.createDataFrame(table).mapInArrow(task_control.stager(session, name, total), task_control.STAGED_DDL).collect()

    def lend_slots(self, session: Session, training_id: int, n: int) -> Any:
        """Driver: job 2 of native word2vec, in the calling thread."""
        return self._spark.range(0, n, 1, n).mapInArrow(arrow.lender(session, training_id), arrow.WORDS_DDL).collect()

    def text(self, session: Session, control: Control, data: Any, column: str | None, min_partitions: int | None) -> _Frame:
        """Driver: a DataFrame's column of lines or token lists; raises BadInput for anything else."""
        if min_partitions is not None:
            raise BadInput("min_partitions= is for paths; a DataFrame has its own partitions: df.repartition(…)")
        self._check(data)
        return _Frame(self, session, text_of(data, column))

    def rows(self, data: Any) -> _Frame:
        """Driver: a DataFrame; raises BadInput for anything else."""
        self._check(data)
        return _Frame(self, None, data)

    def _check(self, data: Any) -> None:
        """Driver: what a client of Connect can't train on is refused with the reason."""
        if isinstance(data, (str, os.PathLike)):
            raise BadInput(
                f"a path can't be given with Spark Connect: its files are not this process's, nor are Hadoop's settings. Let Spark read it: "
                f"dd.train(spark.read.text({os.fspath(data)!r}))"
            )
        if hasattr(data, "mapPartitionsWithIndex") and not hasattr(data, "mapInArrow"):  # a DataFrame has any name: as a column
            raise BadInput("an RDD can't be given with Spark Connect, which has none: give a DataFrame, e.g. spark.read.text(path)")
        if not hasattr(type(data), "mapInArrow"):  # a Column has any name: as a field
            raise BadInput(f"dd.train takes a DataFrame with Spark Connect, not {type(data).__name__}: wrap it with spark.createDataFrame(…)")
        if data.sparkSession is not self._spark:
            raise BadInput("the DataFrame belongs to another Spark session than this DeepDist: DeepDist(model, spark=df.sparkSession)")

    def _one_row(self) -> Any:
        return self._spark.range(0, 1, 1, 1)


class _Tagged:
    """_Tagged is what a Job asks of a Connect session: its tags are of the thread that sets them."""

    def __init__(self, spark: Any):
        self._spark = spark

    def thread(self, work: Callable[[], None]) -> threading.Thread:
        """Driver: a plain one."""
        return threading.Thread(target=work, daemon=True)

    def begin(self, group: str, description: str) -> None:
        """Driver: what this thread runs bears this tag, from here on."""
        self._spark.addTag(group)

    def cancel(self, group: str) -> None:
        """Driver: interrupt it."""
        self._spark.interruptTag(group)

    def error(self, text: str) -> DeepDistError | None:
        """Driver: a task's own error."""
        if "methods on a stopped SparkContext" in text:
            return ServerLost("the Spark Connect server's SparkContext has stopped: its log says why; spark.driver.memory may be too small")
        name = module_lacked(text)
        if name == "deepdist":
            return BadInput(
                "the tasks' Python has no module 'deepdist': leave ship=True, with which this client sends it, or install the wheel of deepdist-spark in "
                "the Python that the server's executors run (PYSPARK_PYTHON of the server)"
            )
        if name is not None:
            return BadInput(
                f"the tasks' Python has no module {name!r}: send it to them, spark.addArtifacts('{name.split('.')[0]}.py', pyfile=True), or install it in the "
                f"Python that the server's executors run (PYSPARK_PYTHON of the server)"
            )
        return from_spark(text)


class _Frame:
    """_Frame is a DataFrame as `cluster.Text` and as `cluster.Data`.

    How many partitions it has, only a job can say. That job reads next to nothing of the data; but what comes before the last shuffle of the
    DataFrame's plan is computed once more.
    """

    def __init__(self, cluster: Cluster, session: Session | None, frame: Any):
        self._cluster, self._session, self._frame = cluster, session, frame
        count = frame.mapInArrow(arrow.counter(), arrow.PARTITION_DDL)
        numbers = cluster.run("deepdist: count partitions", lambda: [row[0] for row in count.collect()], _nothing)
        self.partitions = len(numbers)

    def ingest(self, training_id: int, partitions: Sequence[int]) -> dict[int, str]:
        """Driver: run the ingest of these partitions, in the calling thread; returns 'OK' or 'EMPTY' for each."""
        assert self._session is not None
        function = arrow.ingester(self._session, training_id, frozenset(partitions))
        return {row[0]: row[1] for row in self._frame.mapInArrow(function, arrow.STATUS_DDL).collect()}

    def gradients(
        self, session: Session, training_id: int, adapter: Adapter, gradient: Gradient, offset: int
    ) -> Callable[[Sequence[int]], list[tuple[int, str]]]:
        """Driver: one epoch's job."""
        rows_of = _row_maker(self._frame.schema)

        def job(partitions: Sequence[int]) -> list[tuple[int, str]]:
            function = arrow.differentiator(session, training_id, adapter, gradient, offset, rows_of, frozenset(partitions))
            return [(row[0], row[1]) for row in self._frame.mapInArrow(function, arrow.STATUS_DDL).collect()]

        return job


def _row_maker(schema: Any) -> arrow.RowsOf:
    """Driver: the function by which tasks make rows of record batches, as `collect` would give them."""

    def rows_of(batch: Any) -> Any:
        import pyarrow as pa

        try:
            from pyspark.sql.conversion import ArrowTableToRowsConversion
        except ImportError:  # of Spark 4.0
            from pyspark.sql.connect.conversion import ArrowTableToRowsConversion
        return ArrowTableToRowsConversion.convert(pa.Table.from_batches([batch]), schema)

    return rows_of


class Server:
    """Server is a psserver of the plugin's, lent to a client: to its user what `launch.Server` is."""

    def __init__(self, cluster: Cluster, ready: launch.Ready, host: str):
        self._cluster = cluster
        self.ready = ready
        self.host = host
        self._verdict = ""

    def lost(self, what: str) -> ServerLost:
        """Driver: the exception for a psserver that is gone: how it ended, and its last lines."""
        return ServerLost(f"psserver (pid {self.ready.pid}) is lost: " + ("; ".join(filter(None, (self._verdict, self.obituary()))) or what))

    def obituary(self) -> str:
        """Driver: how it ended; '' while it lives."""
        try:
            return str(self._cluster.ask(ask="lost", id=self.ready.session_id).get("lost", ""))
        except Exception as e:  # the server is gone, and gRPC's errors have no common base with Spark's
            return f"the Spark Connect server does not answer ({str(e)[:300]})"

    def give_up(self, why: str) -> None:
        """Driver: if psserver lives but hangs, kill it, so that nobody waits for it any longer; `lost` will say why."""
        self._verdict = why
        try:
            self._cluster.ask(ask="kill", id=self.ready.session_id)
        except Exception:
            pass  # it has gone with the server

    def stop(self) -> None:
        """Driver: end the session: its psserver has ended when this returns."""
        try:
            self._cluster.ask(ask="close", id=self.ready.session_id)
        except Exception:
            pass  # it has gone with the server, or will with the Connect session


class Asking(Control):
    """Asking is a Control whose calls are Spark jobs. Definitions of tensors go along with the next call."""

    def __init__(self, cluster: Cluster, server: Server, session: Session):
        self._cluster, self._lent, self._session = cluster, server, session
        self._queued: list[Asked] = []
        self._figures: dict[str, Any] = {}
        self._looked = -WATCH_SECONDS

    def close(self) -> None:
        """Driver: there is no connection to be closed."""

    def define_tensor(self, name: str, array: Any, fd: int) -> None:
        """Driver: bring the array, which lies in memfd `fd`, to psserver's memory with the next call."""
        data = os.pread(fd, os.fstat(fd).st_size, 0)
        self._queued.append(Asked("define_tensor", {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "bytes": len(data)}, data))

    def watch(self, fresh: bool) -> dict[str, Any]:
        """Driver: the figures of the run, which the plugin asks for: a job would have to wait for a slot. Not fresh: two seconds old at most."""
        if fresh or time.monotonic() > self._looked + WATCH_SECONDS:
            try:
                self._figures = self._cluster.ask(ask="watch", id=self._lent.ready.session_id)["figures"]
            except BinaryError as e:  # the plugin waits for no more than a few seconds
                if self._lent.obituary():
                    raise self._lent.lost(str(e)) from e
                if fresh:
                    self._figures = self.call("watch", wait_ms=0)
            self._looked = time.monotonic()
        return self._figures

    def _call(self, op: str, fd: int, fields: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        data = os.pread(fd, os.fstat(fd).st_size, 0) if fd >= 0 else b""
        calls, self._queued = [*self._queued, Asked(op, dict(fields), data)], []
        room = CLOSURE_BYTES
        for i, asked in enumerate(calls):
            if len(asked.data) > room:
                calls[i] = self._staged(asked)
            room -= len(calls[i].data)
        if op not in ("fetch", "fetch_vocabulary"):
            return self._asked(calls)[-1][0], -1
        return self._in_parts(calls)

    def _staged(self, asked: Asked) -> Asked:
        """Driver: bring the call's bundle to psserver beforehand."""
        name, total = uuid.uuid4().hex, len(asked.data)
        for at in range(0, total, STAGE_BYTES):
            part = asked.data[at : at + STAGE_BYTES]
            self._retry(f"deepdist: bring {total} bytes", partial(self._cluster.stage, self._session, name, total, at, part))
        return Asked(asked.op, {**asked.fields, "stage": name})

    def _in_parts(self, calls: list[Asked]) -> tuple[dict[str, Any], int]:
        """Driver: the calls, of which the last is answered with a bundle; psserver holds it while its parts come, the first with the answer."""
        name, fetching = uuid.uuid4().hex, calls[-1]
        calls[-1] = Asked(fetching.op, {**fetching.fields, "hold": name})
        (answer, _), (_, first) = self._asked([*calls, _part(name, 0)])[-2:]
        self._queued.append(Asked("drop", {"hold": name}))
        total, at = int(answer["bytes"]), 0
        fd = bundle.create("answer", total)
        try:
            while True:
                for data in first:
                    at += os.pwrite(fd, data, at)
                if at >= total:
                    return answer, fd
                [(_, first)] = self._asked([_part(name, at)])
        except BaseException:
            os.close(fd)
            raise

    def _asked(self, calls: Sequence[Asked]) -> list[tuple[dict[str, Any], list[Any]]]:
        """Driver: make the calls in one job; of each, its answer and its bundle's bytes."""
        table = self._retry(f"deepdist: {calls[-1].op}", partial(self._cluster.ask_psserver, self._session, calls))
        answers: list[tuple[dict[str, Any], list[Any]]] = [({}, []) for _ in calls]
        for batch in table.to_batches():
            for number, at, data in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), batch.column(2)):
                if at == task_control.ERROR:
                    error = json.loads(data.as_py())
                    raise from_code(error["code"], error["message"])
                if at == task_control.ANSWER:
                    answers[number] = json.loads(data.as_py()), []
                else:
                    answers[number][1].append(data.as_buffer())
        return answers

    def _retry(self, description: str, action: Callable[[], Any]) -> Any:
        """Driver: do it as a job; again if a task or its sidecar was lost, which the server's Spark may not do by itself."""
        for left in reversed(range(TRIES)):
            try:
                return self._cluster.run(description, action, _nothing)
            except Lost as e:
                if self._lent.obituary():
                    raise self._lent.lost(str(e)) from e
                if not left:
                    raise
                time.sleep(1.0)


def _part(name: str, at: int) -> Asked:
    return Asked("part", {"hold": name, "at": at, "bytes": FETCH_BYTES})


def page_of(conf: Mapping[str, str], told: Any) -> str | None:
    """Driver: the page as the plugin takes it, of the argument or of this session's settings; None if neither says anything."""
    if told == settings.of("page").unset and settings.of("page").key not in conf:
        return None
    port = settings.choose(conf, "page", told)
    return "off" if port is None else str(port)


def check_told(told: Mapping[str, Any]) -> None:
    """Driver: refuse arguments about the server's side, which only its own settings can say."""
    for argument in ("master", "psserver"):
        if told[argument] is not None:
            raise BadInput(f"{argument}= says what psserver is to be on the driver's machine; with Spark Connect that is the server's: start it with --conf {settings.of(argument).key}=…")


def _nothing() -> None:
    pass
