"""The jobs of a training as functions for `DataFrame.mapInArrow`, for a driver that has no RDDs: a client of Spark Connect. Task side.

Each yields the same pairs as its counterpart for RDDs, as rows. A client can't run some of a job's partitions only; so a partition that is not
`wanted` ends at once, without a look at its data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa

from ..models.arrays import Adapter
from ..session import Session
from . import arrays, batches, gradient, ingest, sidecar, slots
from .gradient import Gradient

PARTITION_DDL = "partition long"
STATUS_DDL = ingest.STATUS_DDL
WORDS_DDL = "slot long, words long"

Mapper = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
RowsOf = Callable[[pa.RecordBatch], Iterable[Any]]


def counter() -> Mapper:
    """Driver: the function that yields one row for each partition."""

    def count(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays([arrays.int64(sidecar.partition_id())], ["partition"])

    return count


def ingester(session: Session, training_id: int, wanted: Collection[int]) -> Mapper:
    """Driver: the function of job 1, over the one column of text."""

    def ingest_wanted(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if (partition := sidecar.partition_id()) in wanted:
            yield ingest.status_row(*ingest.ingest_batches(session, training_id, partition, batches.from_arrow(incoming, partition)))

    return ingest_wanted


def lender(session: Session, training_id: int) -> Mapper:
    """Driver: the function of job 2."""

    def lend(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for lent in slots.lend_slot(session, training_id, sidecar.partition_id(), ()):
            yield pa.RecordBatch.from_arrays([arrays.int64(lent["slot"]), arrays.int64(lent["words"])], ["slot", "words"])

    return lend


def differentiator(
    session: Session, training_id: int, adapter: Adapter, function: Gradient, offset: int, rows_of: RowsOf, wanted: Collection[int]
) -> Mapper:
    """Driver: the function of one epoch of any model. rows_of: makes of a record batch the rows that `function` is given."""

    def differentiate(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if (partition := sidecar.partition_id()) in wanted:
            rows = itertools.chain.from_iterable(map(rows_of, incoming))
            for index, status in gradient.run_partition(session, training_id, adapter, function, offset, partition, rows):
                yield ingest.status_row(index, status)

    return differentiate
