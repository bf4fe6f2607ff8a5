"""Ask psserver from a task, for a driver that can't: a client of Spark Connect. Task side.

The driver's wire goes through the executor's sidecar, which tunnels it to psserver (proto/README.md, `control`). What a task was asked to
call is in its closure, what it was answered are rows: for each call one of its JSON (`at` −1, or −2 for an error's), then those of its bundle,
by their place in it. Bundles too large for a closure are staged: they come as rows, and leave for psserver from whatever task has them.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from .. import bundle
from ..errors import DeepDistError, Lost
from ..session import Session
from ..wire import Connection
from . import arrays, sidecar

ANSWER, ERROR = -1, -2
"""What stands in `at` of a row that is JSON."""

ROW_BYTES = 1 << 20
ROWS = 4
"""How many rows of a bundle go into one record batch."""

ANSWER_DDL = "call int, at long, data binary"
STAGED_DDL = "staged long"

Mapper = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Asked:
    """Asked is one call: its op and fields, and the bytes of its bundle if it has one."""

    op: str
    fields: dict[str, Any] = field(default_factory=dict)
    data: bytes = b""


@contextlib.contextmanager
def tunnel(session: Session) -> Iterator[Connection]:
    """Task: a connection to psserver, on which bundles are inline."""
    with sidecar.stream(session, "control") as connection:
        connection.hello(bundles="inline")
        connection.inline = True
        yield connection


def asker(session: Session, calls: Sequence[Asked]) -> Mapper:
    """Driver: the function for `mapInArrow` over one row that makes these calls, one after another, until one fails."""

    def ask(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in incoming:
            pass
        with tunnel(session) as connection:
            for number, asked in enumerate(calls):
                try:
                    answer, fd = _call(connection, asked)
                except Lost:
                    raise  # for Spark to try elsewhere
                except DeepDistError as e:
                    yield _batch([(number, ERROR, json.dumps({"code": e.code, "message": str(e)}).encode())])
                    return
                yield _batch([(number, ANSWER, json.dumps(answer).encode())])
                if fd >= 0:
                    yield from _rows_of(number, fd)

    return ask


def stager(session: Session, stage: str, total: int) -> Mapper:
    """Driver: the function for `mapInArrow` over rows of (at, data) that stages them as parts of one bundle."""

    def put(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with tunnel(session) as connection:
            for batch in incoming:
                for i in range(batch.num_rows):
                    at, data = batch.column(0)[i].as_py(), batch.column(1)[i].as_buffer()
                    _call(connection, Asked("stage", {"stage": stage, "total": total, "at": at, "bytes": len(data)}, data))  # type: ignore[arg-type]
        yield pa.RecordBatch.from_arrays([arrays.int64(1)], ["staged"])

    return put


def _call(connection: Connection, asked: Asked) -> tuple[dict[str, Any], int]:
    if not len(asked.data):
        return connection.call(asked.op, **asked.fields)
    fd = bundle.create("asked", len(asked.data))
    try:
        os.pwrite(fd, asked.data, 0)
        return connection.call(asked.op, fd=fd, **asked.fields)
    finally:
        os.close(fd)


def _rows_of(number: int, fd: int) -> Iterator[pa.RecordBatch]:
    """Task: a bundle in rows. Takes over `fd`."""
    try:
        at, end = 0, os.fstat(fd).st_size
        while at < end:
            rows = []
            while at < end and len(rows) < ROWS:
                rows.append((number, at, os.pread(fd, min(ROW_BYTES, end - at), at)))
                at += len(rows[-1][2])
            yield _batch(rows)
    finally:
        os.close(fd)


def _batch(rows: list[tuple[int, int, bytes]]) -> pa.RecordBatch:
    numbers, places, data = zip(*rows)
    return pa.RecordBatch.from_arrays([arrays.int32(*numbers), arrays.int64(*places), arrays.binary(data)], ["call", "at", "data"])
