"""Run the user's `gradient` on one partition. Task side.

    pull a version → bind the model to copy-on-write views of it → gradient(model, rows) → check → push

A push says which records of the partition it stands for, [from, to); the server applies each range once, so a task that Spark
retries asks for the cursor and skips what is in the model already. If `gradient` yields several results, each is pushed when it
comes, and the model is bound to a fresh version before the generator goes on.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .. import bundle
from ..errors import BadInput, Lost, Stopped, UserCodeError
from ..models.arrays import Adapter, as_number
from ..rows import Rows
from ..session import Session
from ..wire import Connection
from . import sidecar

Gradient = Callable[[Any, Iterator[Any]], Any]


def run_partition(
    session: Session, training_id: int, adapter: Adapter, gradient: Gradient, offset: int, index: int, rows: Iterable[Any]
) -> Iterator[tuple[int, str]]:
    """Task: `mapPartitionsWithIndex` of a model's training; yields (index, 'OK' or 'EMPTY').

    offset: added to Spark's index to give the training's partition (epoch · number of partitions). 'EMPTY' means that the
    partition had no rows, or that `gradient` gave nothing. Raises UserCodeError with the user's traceback, or BadInput.
    """
    yield index, _Run(session, training_id, adapter, gradient, offset + index, index).run(rows)


class Rest:
    """Rest iterates what is left of a partition and counts what has been taken of it, in `taken`."""

    def __init__(self, rows: Iterable[Any]):
        self._rows = iter(rows)
        self._ahead: list[Any] = []
        self.taken = 0

    def __iter__(self) -> Rest:
        return self

    def __next__(self) -> Any:
        row = self._ahead.pop() if self._ahead else next(self._rows)
        self.taken += 1
        return row

    def skip(self, n: int) -> None:
        """Task: take n rows unseen."""
        for _ in range(n):
            if next(self, _END) is _END:
                return

    def is_empty(self) -> bool:
        """Task: whether nothing is left; what has been looked at is not taken."""
        if not self._ahead:
            row = next(self._rows, _END)
            if row is _END:
                return True
            self._ahead.append(row)
        return False


class _Run:
    def __init__(self, session: Session, training_id: int, adapter: Adapter, gradient: Gradient, partition: int, index: int):
        self._session, self._training_id = session, training_id
        self._adapter, self._gradient = adapter, gradient
        self._partition, self._index = partition, index
        self._tensors: dict[str, np.ndarray] = {}
        self._pushed = 0

    def run(self, rows: Iterable[Any]) -> str:
        """Task: the whole partition; 'OK' or 'EMPTY'."""
        fields = {"training_id": self._training_id, "partition": self._partition, "attempt": sidecar.attempt_id()}
        with sidecar.stream(self._session, "gradient", **fields) as connection:
            self._connection = connection
            cursor, last = self._cursor()
            if last:
                return "OK"
            rest = Rest(rows)
            rest.skip(cursor)
            if rest.is_empty():
                self._push(None, cursor, cursor, last=True)
                return "OK" if cursor else "EMPTY"
            self._pull()
            result = self._user(self._gradient, self._adapter.view, rest)
            if inspect.isgenerator(result):
                self._stream(result, rest, cursor)
            else:
                to = max(rest.taken, cursor)
                if not self._push(self._check(result), cursor, to, last=True) and not self._cursor()[1]:
                    raise Lost(f"partition {self._index}: another attempt has moved its cursor")
        return "OK" if self._pushed or cursor else "EMPTY"

    def _stream(self, results: Iterator[Any], rest: Rest, at: int) -> None:
        """Task: push what a generator yields, one after another; `at` is the cursor."""
        while True:
            result = self._user(next, results, _END)
            if result is _END:
                self._push(None, at, max(rest.taken, at), last=True)
                return
            checked = self._check(result)
            if checked is None:
                continue
            to = max(rest.taken, at)
            if not self._push(checked, at, to, last=False):
                at, last = self._cursor()  # another attempt of this partition was faster
                if last:
                    return
                if at < to:
                    raise Lost(f"partition {self._index}: another attempt has moved its cursor to {at}")
                rest.skip(at - rest.taken)
            else:
                at = to
            self._pull()

    def _user(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except (Exception, SystemExit) as e:
            raise UserCodeError(f"gradient raised on partition {self._index}:\n{user_traceback(e)}") from None

    def _cursor(self) -> tuple[int, bool]:
        answer, _ = self._connection.call("cursor")
        return int(answer.get("records", 0)), bool(answer.get("last"))

    def _pull(self) -> None:
        version = bundle.unpack(*self._connection.call("pull"))
        self._tensors = {name: np.asarray(a) for name, a in version.arrays.items()}
        self._adapter.bind(self._tensors)
        self._adapter.set_numbers(version.numbers)

    def _push(self, result: tuple[dict[str, np.ndarray | Rows], dict[str, Any]] | None, at: int, to: int, last: bool) -> bool:
        """Task: push one result (None: only the cursor moves); False if the cursor stood elsewhere."""
        description, fd = bundle.pack(*result) if result is not None else ({}, -1)
        try:
            answer = push(self._connection, fd, {**description, "from": at, "to": to, "last": last})
        except BadInput as e:  # sidecar and server number the partitions of all epochs, the user has those of one
            raise BadInput(f"partition {self._index}: {_STATIONS.sub('', str(e))}") from None
        if answer["outcome"] == "closed":
            raise Stopped("the training has ended")
        if answer["outcome"] != "applied":
            return False
        self._pushed += result is not None
        return True

    def _check(self, result: Any) -> tuple[dict[str, np.ndarray | Rows], dict[str, Any]] | None:
        if not _truthy(result):
            return None
        if not isinstance(result, Mapping):
            raise BadInput(
                f"partition {self._index}: gradient returned {type(result).__name__}; it must return a dict "
                f"{{name: array, number or Rows}}, or yield such"
            )
        arrays: dict[str, np.ndarray | Rows] = {}
        numbers: dict[str, Any] = {}
        for name, value in result.items():
            canonical = self._adapter.canonical(name) if isinstance(name, str) else name
            if canonical in arrays:
                raise BadInput(f"partition {self._index}: gradient returned {canonical!r} twice: {name!r} is the same tensor")
            try:
                checked = check_value(canonical, value, self._tensors)
            except BadInput as e:
                raise BadInput(f"partition {self._index}: gradient returned {name!r}: {e}; nothing was applied") from None
            if isinstance(checked, (int, float)):
                numbers[canonical] = checked
            else:
                arrays[canonical] = checked
        return arrays, numbers


def push(connection: Connection, fd: int, fields: dict[str, Any]) -> dict[str, Any]:
    """Task: one push; closes `fd`."""
    try:
        answer, _ = connection.call("push", fd=fd, **fields)
        return answer
    finally:
        if fd >= 0:
            os.close(fd)


def check_value(name: Any, value: Any, tensors: Mapping[str, np.ndarray]) -> np.ndarray | Rows | int | float:
    """Task: a value of an update as it will travel: an array of its tensor's shape and dtype, `Rows`, or a plain number.

    Floats are cast to the tensor's precision; an integer tensor takes integers only. Raises BadInput for an unknown name,
    another shape, a dtype that cannot be cast, NaN or infinity.
    """
    if not isinstance(name, str):
        raise BadInput("a name must be a str")
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu().numpy()
    tensor = tensors.get(name)
    if tensor is None:
        if isinstance(value, (bool, int, float, np.generic, np.ndarray)) and np.ndim(value) == 0:
            number = as_number(value)
            if not isinstance(number, (bool, int, float)):
                raise BadInput(f"a plain number must be real, not {type(number).__name__}")
            if isinstance(number, int) and abs(number) > 2**53:
                raise BadInput(f"it is {number}: numbers travel as float64, which holds whole ones up to 2**53")
            if not math.isfinite(number):
                raise BadInput(f"it is {number}")
            return int(number) if isinstance(number, bool) else number
        raise BadInput(f"the model has no tensor of this name (there are {', '.join(tensors)})")
    if isinstance(value, Rows):
        if tensor.ndim == 0:
            raise BadInput("it is Rows, but the tensor is a scalar, which has no rows: return a number")
        if value.values.shape[1:] != tensor.shape[1:]:
            raise BadInput(f"its rows have shape {value.values.shape[1:]}, the tensor's {tensor.shape[1:]}")
        if len(value.keys) and value.keys[-1] >= len(tensor):
            raise BadInput(f"key {value.keys[-1]} is beyond the tensor's {len(tensor)} rows")
        return Rows(value.keys, _cast(value.values, tensor.dtype))
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as e:
        raise BadInput(f"it is no array: {e}") from None
    if array.shape != tensor.shape:
        raise BadInput(f"it has shape {array.shape}, the tensor {tensor.shape}")
    return _cast(array, tensor.dtype)


def user_traceback(error: BaseException) -> str:
    """Task (and driver): the traceback from the user's own first frame on."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith("deepdist."):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(error), error, tb)).rstrip()


def _cast(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if array.dtype.kind not in "biuf" or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise BadInput(f"its dtype {array.dtype} cannot be cast to the tensor's {dtype}")
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(array, dtype).reshape(array.shape)
    if dtype.kind in "iu" and not np.can_cast(array.dtype, dtype) and (out != array).any():
        raise BadInput(f"it holds {array[out != array].flat[0]}, beyond the tensor's {dtype}")
    if dtype.kind == "f" and not np.isfinite(out).all():
        kind = "NaN" if np.isnan(out).any() else "infinity"
        raise BadInput(f"it holds {kind} (in {int((~np.isfinite(out)).sum())} of {out.size} elements)")
    return out


def _truthy(result: Any) -> bool:
    return result is not None and not (isinstance(result, (Mapping, bool, int, float, str, list, tuple)) and not result)


_END = object()
_STATIONS = re.compile(r"^(?:partition \d+: |push: )+")
