"""Where the jobs of a training run: what `native` and `any_model` ask of Spark, and how a SparkContext does it. Driver side.

`connect` has the other one, for a client of Spark Connect.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from .control import Control
from .errors import BadInput, DeepDistError, from_spark
from .jobs import Job
from .models import Adapter
from .session import Session
from .source import Source
from .task import gradient as task_gradient
from .task import slots

if TYPE_CHECKING:
    from pyspark import SparkContext


class Text(Protocol):
    """Text is the user's text as a job that can be run again for any of its partitions."""

    partitions: int

    def ingest(self, training_id: int, partitions: Sequence[int]) -> dict[int, str]: ...


class Data(Protocol):
    """Data is the user's data as a job of gradients that can be run again for any of its partitions.

    `gradients` makes the job of one epoch: of partition numbers it gives (partition, 'OK' or 'EMPTY') for each.
    """

    partitions: int

    def gradients(
        self, session: Session, training_id: int, adapter: Adapter, gradient: task_gradient.Gradient, offset: int
    ) -> Callable[[Sequence[int]], list[tuple[int, str]]]: ...


class Cluster(Protocol):
    """Cluster runs jobs. `run` does one in a thread of its own, as `jobs.Job` says; the others are what it may be given to run."""

    @property
    def slots(self) -> int: ...
    def run(self, description: str, action: Callable[[], Any], tick: Callable[[], Any], interval: float = 0.1) -> Any: ...
    def lend_slots(self, session: Session, training_id: int, n: int) -> Any: ...
    def text(self, session: Session, control: Control, data: Any, column: str | None, min_partitions: int | None) -> Text: ...
    def rows(self, data: Any) -> Data: ...


class SparkCluster:
    """SparkCluster is the Cluster of a SparkContext."""

    def __init__(self, sc: SparkContext):
        self._sc = sc

    @property
    def slots(self) -> int:
        """Driver: how many tasks run at once."""
        return max(1, self._sc.defaultParallelism)

    def run(self, description: str, action: Callable[[], Any], tick: Callable[[], Any], interval: float = 0.1) -> Any:
        """Driver: do the action in a thread of its own."""
        return Job(_Context(self._sc), description, action).run(tick, interval)

    def lend_slots(self, session: Session, training_id: int, n: int) -> Any:
        """Driver: job 2 of native word2vec, in the calling thread."""
        return self._sc.parallelize(range(n), n).mapPartitionsWithIndex(partial(slots.lend_slot, session, training_id)).collect()

    def text(self, session: Session, control: Control, data: Any, column: str | None, min_partitions: int | None) -> Text:
        """Driver: an RDD of lines or token lists, a DataFrame, or a path; raises BadInput for anything else."""
        return Source(self._sc, session, control, data, column, min_partitions)

    def rows(self, data: Any) -> Data:
        """Driver: an RDD or a DataFrame; raises BadInput for anything else."""
        return _RDD(self._sc, data)


class _Context:
    """_Context is what a Job asks of a SparkContext."""

    def __init__(self, sc: SparkContext):
        self._sc = sc

    def thread(self, work: Callable[[], None]) -> threading.Thread:
        """Driver: a thread of Python with one of the JVM's."""
        from pyspark import InheritableThread

        return InheritableThread(target=work, daemon=True)

    def begin(self, group: str, description: str) -> None:
        """Driver: what this thread runs is this group, from here on."""
        self._sc.setJobGroup(group, description, interruptOnCancel=False)

    def cancel(self, group: str) -> None:
        """Driver: stop its tasks."""
        self._sc.cancelJobGroup(group)

    def error(self, text: str) -> DeepDistError | None:
        """Driver: a task's own error."""
        return from_spark(text)


class _RDD:
    def __init__(self, sc: SparkContext, data: Any):
        if hasattr(type(data), "rdd"):
            data = data.rdd
        if isinstance(data, (str, os.PathLike)):
            raise BadInput(f"a gradient is given rows, not a path: let Spark read it: dd.train(sc.textFile({os.fspath(data)!r}), gradient, descent)")
        if not hasattr(type(data), "mapPartitionsWithIndex"):  # a Column has any name: as a field
            raise BadInput(f"dd.train takes an RDD or a DataFrame, not {type(data).__name__}: wrap it with sc.parallelize(…)")
        self._sc, self._rdd = sc, data
        self.partitions: int = data.getNumPartitions()

    def gradients(
        self, session: Session, training_id: int, adapter: Adapter, gradient: task_gradient.Gradient, offset: int
    ) -> Callable[[Sequence[int]], list[tuple[int, str]]]:
        """Driver: one epoch's job."""
        task = partial(task_gradient.run_partition, session, training_id, adapter, gradient, offset)
        job = self._rdd.mapPartitionsWithIndex(task)
        return lambda partitions: self._sc.runJob(job, list, list(partitions))
