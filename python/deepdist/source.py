"""The user's data as a Spark job of ingest that can be run again for any of its partitions. Driver side.

An RDD's partitions are streamed by its tasks. A path has no rows here: psserver plans its splits, and each task names one
partition's splits to its sidecar, which reads them by itself.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from . import hadoop
from .control import Control
from .errors import BadInput
from .session import Session
from .task import ingest, read

if TYPE_CHECKING:
    from pyspark import SparkContext


class Source:
    """Source is the user's data as a job that can be run again for any of its partitions; its elements are (partition, 'OK' or 'EMPTY')."""

    def __init__(
        self, sc: SparkContext, session: Session, control: Control, data: Any, column: str | None, min_partitions: int | None
    ):
        """Driver: take an RDD of lines or token lists, a DataFrame, or a path; raises BadInput for anything else."""
        self._sc, self._session = sc, session
        self._rdd: Any = None
        self._frame_job: Any = None
        self._task: Any = ingest.ingest_rows
        if isinstance(data, (str, os.PathLike)):
            if column is not None:
                raise BadInput("column= is for DataFrames; the data is a path")
            known = hadoop.configuration(sc)
            wanted = min_partitions or sc.defaultParallelism
            planned = control.call("plan_splits", path=resolve(sc, data), hadoop=known, partitions=wanted)["partitions"]
            self._rdd = placed(sc, [p["splits"] for p in planned], [p["hosts"] or [] for p in planned])
            self._task = partial(read.read_splits, known)
        elif min_partitions is not None:
            raise BadInput("min_partitions= is for paths; an RDD has its own partitions: rdd.repartition(…)")
        elif hasattr(type(data), "mapPartitionsWithIndex"):  # a Column has any name: as a field
            if column is not None:
                raise BadInput("column= is for DataFrames; the data is an RDD")
            self._rdd = data
        elif hasattr(type(data), "mapInArrow"):
            # What is run again is this one RDD: its plan is settled when it is made, so its partitions stay the same ones,
            # adaptive execution or not.
            self._frame_job = text_of(data, column).mapInArrow(ingest.arrow_ingester(session), ingest.STATUS_DDL).rdd
        else:
            raise BadInput(f"dd.train takes an RDD, a DataFrame or a path, not {type(data).__name__}: wrap it with sc.parallelize(…)")
        try:
            self.partitions: int = (self._rdd if self._frame_job is None else self._frame_job).getNumPartitions()
        except Exception as e:
            said = re.search(r"InvalidInputException: (.*)", str(e))  # of a textFile, which looks for its files only now
            if said is None:
                raise
            raise BadInput(f"the data cannot be read: {said.group(1)}") from None

    def ingest(self, training_id: int, partitions: Sequence[int]) -> dict[int, str]:
        """Driver: run the ingest of these partitions, in the calling thread; returns 'OK' or 'EMPTY' for each."""
        job = self._frame_job
        if job is None:
            job = self._rdd.mapPartitionsWithIndex(partial(self._task, self._session, training_id))
        self._sc.setLocalProperty(ingest.TRAINING_PROPERTY, str(training_id))
        return dict(self._sc.runJob(job, list, list(partitions)))  # a DataFrame's Rows are pairs too


def placed(sc: SparkContext, partitions: Sequence[Any], hosts: Sequence[Sequence[str]]) -> Any:
    """Driver: an RDD of one JSON text for each partition, which Spark gives to executors on these hosts if it can.

    PySpark has no function for that, Spark has: the RDD is made in the JVM, and its strings are read as those of a text file are.
    """
    if not any(hosts):
        return sc.parallelize([json.dumps(p) for p in partitions], len(partitions))
    from pyspark import RDD
    from pyspark.serializers import UTF8Deserializer

    jvm = sc._jvm  # type: ignore[attr-defined]
    make_list, make_pair, to_seq = jvm.java.util.ArrayList, jvm.scala.Tuple2, jvm.PythonUtils.toSeq  # looked up once: each look asks the JVM
    locations = {}
    pairs = make_list()
    for partition, names in zip(partitions, map(tuple, hosts)):
        if names not in locations:
            there = make_list()
            for name in names:
                there.add(name)
            locations[names] = to_seq(there)
        pairs.add(make_pair(json.dumps(partition), locations[names]))
    text = jvm.scala.reflect.ClassTag.apply(jvm.java.lang.Class.forName("java.lang.String"))
    java = sc._jsc.sc().makeRDD(to_seq(pairs), text)  # type: ignore[attr-defined]
    return RDD(java.toJavaRDD(), sc, UTF8Deserializer())


def text_of(frame: Any, column: str | None) -> Any:
    """Driver: a DataFrame of the text's column alone, as `text_column` finds it. It gets a plain name, since mapInArrow takes dots and stars apart, too."""
    return frame.select(text_column(frame, column)).toDF("text")


def text_column(frame: Any, column: str | None) -> str:
    """Driver: the string or array<string> column, quoted for `select`, which else takes dots and stars apart; raises BadInput if
    there is none, or several and none is named. Case matters as it does in Spark."""
    if column is not None and not isinstance(column, str):
        raise BadInput(f"column= is the name of a column, a str, not {type(column).__name__}: for an expression give df.select(…)")
    fields = frame.schema.fields
    fits = [f for f in fields if f.dataType.simpleString() in ("string", "array<string>")]
    if column is None and len(fits) != 1:
        names = ", ".join(f.name for f in fits) or "none"
        raise BadInput(f"the DataFrame has {len(fits)} columns of string or array<string> ({names}): name one with column=")
    same: Callable[[str], str] = str if frame.sparkSession.conf.get("spark.sql.caseSensitive") == "true" else str.lower
    wanted = fits[0].name if column is None else column
    named = [f for f in fields if same(f.name) == same(wanted)]
    if not named:
        raise BadInput(f"column={column!r}: the DataFrame has {', '.join(frame.columns)}")
    if len(named) > 1:
        raise BadInput(f"the DataFrame has {len(named)} columns of the name {wanted!r}: give them different ones, df.toDF(…)")
    if named[0] not in fits:
        raise BadInput(f"column={column!r} is {named[0].dataType.simpleString()}; it must be string or array<string>")
    return "`" + named[0].name.replace("`", "``") + "`"


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def resolve(sc: SparkContext, path: str | os.PathLike[str]) -> str:
    """Driver: the path with its file system, as Spark understands it: without one it lies in fs.defaultFS, which is this machine's
    disk unless Hadoop's configuration says otherwise."""
    name = os.fspath(path)
    default = (sc._jsc.hadoopConfiguration().get("fs.defaultFS") or "file:///").rstrip("/")  # type: ignore[attr-defined]
    if not name:
        raise BadInput("the path is empty")
    if _SCHEME.match(name):
        return name
    if default.startswith("file:"):
        return "file://" + os.path.abspath(name)
    return default + (name if name.startswith("/") else f"/user/{sc.sparkUser()}/{name}")
