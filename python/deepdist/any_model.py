"""Any model: one Spark job per epoch runs the user's `gradient`, updates come back through psserver. Driver side.

A named rule is applied inside psserver, at once. A callable `descent` runs here, on the thread that called `dd.train`, one update at a
time, on the mappings that psserver publishes versions from.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .cluster import Cluster, Data
from .control import Control
from .errors import DeepDistError, Lost, NoProgress, UserCodeError
from .models import Adapter
from .optimizers import Optimizer
from .rows import Rows
from .session import Session
from .shared import SharedModel
from .summary import Summary, Tick
from .task import gradient as task_gradient

ROUNDS = 3
UPDATE_WAIT_MS = 100

Descent = Callable[[Any, Mapping[str, Any]], Any]


class Update(dict[str, Any]):
    """Update is what `descent` is given: name → array, `Rows` or number, as `gradient` returned it.

    The arrays are private to this update: changing them harms nobody. A tensor answers to its old name too.
    """

    def __init__(self, values: Mapping[str, Any], aliases: Mapping[str, str]):
        super().__init__(values)
        self._aliases = aliases

    def __missing__(self, name: str) -> Any:
        if name in self._aliases and self._aliases[name] in self:
            return self[self._aliases[name]]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or super().__contains__(self._aliases.get(name, name))  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Driver: as a dict's, old names included."""
        return self[name] if name in self else default


class Training:
    """Training is one training of any model; `run` does it all."""

    def __init__(self, cluster: Cluster, session: Session, control: Control, tick: Tick):
        """tick: raises ServerLost if psserver is gone."""
        self._cluster, self._session, self._control, self._tick = cluster, session, control, tick
        self._id = 0

    def run(
        self,
        adapter: Adapter,
        data: Any,
        gradient: task_gradient.Gradient,
        descent: Descent | Optimizer,
        epochs: int,
        min_updates: int,
        max_updates: int,
    ) -> Summary:
        """Driver: share the model, run the jobs, apply the updates, give the model its arrays back."""
        started = time.monotonic()
        rows = self._cluster.rows(data)
        n = rows.partitions
        summary = Summary(["EMPTY"] * n)
        if n == 0:
            warnings.warn("the data has no partitions: nothing was trained", stacklevel=4)
            return summary
        shared = SharedModel(adapter, self._control)
        try:
            shared.share()
            self._id = self._control.open_training(
                kind="model",
                partitions=n * epochs,
                descent=descent.as_json() if isinstance(descent, Optimizer) else "callable",
                min_updates=min_updates,
                max_updates=max_updates,
                numbers=adapter.numbers(),
            )
            apply = None if isinstance(descent, Optimizer) else partial(self._apply_next, adapter, shared, descent)
            for epoch in range(epochs):
                for index, status in self._epoch(adapter, rows, gradient, epoch * n, n, apply):
                    if status == "OK":
                        summary[index] = "OK"
            figures = self._tick(fresh=True)
            summary.observe(figures)
            summary.rows = int(figures.get("words", 0)) // epochs  # a model's cursors count records
            if isinstance(descent, Optimizer):
                final = self._control.fetch(self._id)
                shared.load(final.arrays)
                adapter.set_numbers(final.numbers)
        finally:
            self._close()
            shared.release()
        if "OK" not in summary:
            warnings.warn("no partition gave an update (all are EMPTY): the model is as it was", stacklevel=4)
        summary.rounds = epochs
        summary.seconds["total"] = time.monotonic() - started
        return summary

    def _epoch(
        self,
        adapter: Adapter,
        rows: Data,
        gradient: task_gradient.Gradient,
        offset: int,
        n: int,
        apply: Callable[[], Any] | None,
    ) -> list[tuple[int, str]]:
        """Driver: one job over the data, again for partitions that a lost sidecar left behind."""
        job = rows.gradients(self._session, self._id, adapter, gradient, offset)
        missing: Sequence[int] = range(n)
        status: list[tuple[int, str]] = []
        error: Lost | None = None
        for _ in range(1 + ROUNDS):
            name = f"deepdist: gradients of {len(missing)} partitions"
            try:
                status += self._cluster.run(name, partial(job, missing), apply or self._tick, interval=0.0 if apply else 0.1)
                return status
            except Lost as e:
                error = e
            incomplete = self._control.call("training_status", training_id=self._id).get("incomplete") or ()
            left = [p - offset for p in incomplete if offset <= p < offset + n]
            status += [(p, "OK") for p in missing if p not in set(left)]
            if not left:
                return status
            missing = left
        raise NoProgress(f"{len(missing)} partitions failed in {1 + ROUNDS} rounds. The last error: {error}") from error

    def _apply_next(self, adapter: Adapter, shared: SharedModel, descent: Descent) -> None:
        """Driver: apply the next update, if one waits."""
        update_id, partition, update = self._control.next_update(self._id, UPDATE_WAIT_MS)
        self._tick()
        if not update_id:
            return
        before = adapter.numbers()
        try:
            descent(adapter.view, Update({**update.arrays, **update.numbers}, adapter.aliases))
            shared.settle()
        except BaseException as e:
            self._failed(update_id, repr(e))
            shared.rebind()
            adapter.unbind(adapter.numbers().keys() - before.keys())
            adapter.set_numbers(before)
            if isinstance(e, DeepDistError) or not isinstance(e, Exception):
                raise
            raise UserCodeError(
                f"descent raised on the update of partition {partition}:\n{task_gradient.user_traceback(e)}"
            ) from e
        self._control.call("update_applied", update_id=update_id, numbers=adapter.numbers())

    def _failed(self, update_id: int, reason: str) -> None:
        try:
            self._control.call("update_failed", update_id=update_id, reason=reason[:4000])
        except DeepDistError:
            pass  # psserver is gone, or has closed the training: descent's own error is the one to show

    def _close(self) -> None:
        failure = sys.exc_info()[1]
        reason = "the training has ended" if failure is None else f"{type(failure).__name__}: {failure}"[:2000]
        try:
            if self._id:
                self._control.call("close_training", training_id=self._id, reason=reason)
        except Exception:  # psserver is gone: whatever brought us here says so
            pass
