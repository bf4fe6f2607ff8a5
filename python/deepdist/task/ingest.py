"""Stream one partition to the executor's sidecar: job 1 of native word2vec. Task side.

The sidecar tokenises, counts and spools; this side only moves bytes. A partition counts as committed when its stream has ended with
the right totals, so a task that dies half-way leaves nothing behind and may simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from ..session import Session
from ..wire import BATCH, END
from . import arrays, batches, sidecar


def ingest_rows(session: Session, training_id: int, partition: int, rows: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """Task: `rdd.mapPartitionsWithIndex` of job 1; yields (partition, 'OK' or 'EMPTY'). What was counted, psserver has heard.

    Raises BadInput (naming partition, row and value) or SidecarLost.
    """
    yield ingest_batches(session, training_id, partition, batches.from_rows(rows, partition))


def arrow_ingester(session: Session) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Driver: the function for `DataFrame.mapInArrow` of job 1, which yields the same as one row.

    mapInArrow asks for a plain function of one argument. The training's id comes by a local property of the job, since the number of
    partitions, which opens a training, is known only when this function is part of the plan already.
    """

    def ingest_arrow(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = sidecar.task_context()
        partition, training_id = context.partitionId(), int(context.getLocalProperty(TRAINING_PROPERTY) or 0)
        yield status_row(*ingest_batches(session, training_id, partition, batches.from_arrow(incoming, partition)))

    return ingest_arrow


TRAINING_PROPERTY = "deepdist.training"
STATUS_DDL = "partition long, status string"


def status_row(partition: int, status: str) -> pa.RecordBatch:
    """Task: (partition, 'OK' or 'EMPTY') as a record batch."""
    return pa.RecordBatch.from_arrays([arrays.int64(partition), arrays.utf8([status])], ["partition", "status"])


def ingest_batches(session: Session, training_id: int, partition: int, incoming: batches.Counted | None) -> tuple[int, str]:
    """Task: stream one partition, None if it has no rows; (partition, 'OK' or 'EMPTY')."""
    layout = batches.LINES if incoming is None else incoming.layout
    sent = rows_sent = 0
    with sidecar.stream(
        session, "ingest", training_id=training_id, partition=partition, attempt=sidecar.attempt_id(), layout=layout
    ) as connection:
        for batch in incoming or ():
            body = memoryview(batch.serialize())
            connection.send(BATCH, body, rows=batch.num_rows)
            sent += 1
            rows_sent += batch.num_rows
        cut = (0, 0) if incoming is None else (incoming.long_rows, incoming.extra)
        connection.send(END, {"rows": rows_sent, "batches": sent, "cut_rows": cut[0], "extra_rows": cut[1]})
        connection.answer()
    return partition, "EMPTY" if incoming is None else "OK"
