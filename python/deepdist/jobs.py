"""Run a Spark job beside the driver's main thread. Driver side.

The job runs in a thread of its own, with its own job group, so that the main thread can show progress, apply `descent` (which belongs
to the main thread: notebooks, plots), notice that psserver is gone, and cancel on Ctrl-C.
"""

from __future__ import annotations

import pickle
import threading
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from .errors import BadInput, DeepDistError

CANCEL_SECONDS = 20.0


class Spark(Protocol):
    """Spark is what a job asks of whatever runs it: a thread for it, whose actions are a `group` from `begin` on; to cancel that; and what
    the text of a failure means (None: nothing of ours)."""

    def thread(self, work: Callable[[], None]) -> threading.Thread: ...
    def begin(self, group: str, description: str) -> None: ...
    def cancel(self, group: str) -> None: ...
    def error(self, text: str) -> DeepDistError | None: ...


class Job:
    """Job is one Spark action under way: `run` it with a `tick` that the calling thread does meanwhile."""

    def __init__(self, spark: Spark, description: str, action: Callable[[], Any]):
        self._spark = spark
        self._group = f"deepdist-{uuid.uuid4().hex}"
        self._description = description
        self._action = action
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self, tick: Callable[[], Any], interval: float = 0.1) -> Any:
        """Driver: start the action, call `tick` every `interval` seconds until it has ended, return its result.

        A task's own error (`errors.from_spark`) is raised as such, what cannot be sent to tasks as BadInput; anything else, like an error of the user's own map
        functions, as Spark raised it. Whatever `tick` raises, Ctrl-C included, cancels the job first.
        """
        self._spark.thread(self._work).start()
        try:
            while not self._done.wait(interval):
                tick()
        except BaseException:
            self._cancel()
            self._done.wait(CANCEL_SECONDS)
            raise
        if isinstance(self._error, pickle.PicklingError):
            raise BadInput(
                f"something that is to be sent to the tasks can't be: {self._error}. They get gradient, the data's own functions, what these use, and what the "
                f"model has beside its arrays; locks, connections and Spark's session are of this process only: make in the function what it needs, and take the rest off the model"
            ) from self._error
        if self._error is not None:
            ours = self._spark.error(_text(self._error))
            if ours is None:
                raise self._error
            raise ours from self._error
        return self._result

    def _work(self) -> None:
        try:
            self._spark.begin(self._group, self._description)
            self._result = self._action()
        except BaseException as e:
            self._error = e
        finally:
            self._done.set()

    def _cancel(self) -> None:
        try:
            self._spark.cancel(self._group)
        except Exception:  # the context is gone: so is the job
            pass


def _text(error: BaseException) -> str:
    """Driver: the text of a Spark error, Java's part included."""
    java = getattr(error, "java_exception", None)
    if java is not None:
        try:
            return str(java.toString())
        except Exception:
            pass
    return str(error)
