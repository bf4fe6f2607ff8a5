"""Run a Spark job beside the driver's main thread. Driver side.

The job runs in a thread of its own, with its own job group, so that the main thread can show progress, apply `descent` (which belongs
to the main thread: notebooks, plots), notice that psserver is gone, and cancel on Ctrl-C.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import from_spark

if TYPE_CHECKING:
    from pyspark import SparkContext

CANCEL_SECONDS = 20.0


class Job:
    """Job is one Spark action under way: `run` it with a `tick` that the calling thread does meanwhile."""

    def __init__(self, sc: SparkContext, description: str, action: Callable[[], Any]):
        self._sc = sc
        self._group = f"deepdist-{uuid.uuid4().hex}"
        self._description = description
        self._action = action
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self, tick: Callable[[], Any], interval: float = 0.1) -> Any:
        """Driver: start the action, call `tick` every `interval` seconds until it has ended, return its result.

        A task's own error (`errors.from_spark`) is raised as such; anything else, like an error of the user's own map
        functions, as Spark raised it. Whatever `tick` raises, Ctrl-C included, cancels the job first.
        """
        from pyspark import InheritableThread

        thread = InheritableThread(target=self._work, daemon=True)
        thread.start()
        try:
            while not self._done.wait(interval):
                tick()
        except BaseException:
            self._cancel()
            self._done.wait(CANCEL_SECONDS)
            raise
        if self._error is not None:
            ours = from_spark(_text(self._error))
            if ours is None:
                raise self._error
            raise ours from self._error
        return self._result

    def _work(self) -> None:
        try:
            self._sc.setJobGroup(self._group, self._description, interruptOnCancel=False)
            self._result = self._action()
        except BaseException as e:
            self._error = e
        finally:
            self._done.set()

    def _cancel(self) -> None:
        try:
            self._sc.cancelJobGroup(self._group)
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
