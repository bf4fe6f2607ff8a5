"""Let the executor's sidecar read one partition of a path: job 1 of native word2vec, without rows. Task side.

This side only names the splits, so it needs no pyarrow, whose import would cost more than all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..session import Session
from . import sidecar


def read_splits(
    hadoop: dict[str, Any], session: Session, training_id: int, partition: int, rows: Iterable[str]
) -> Iterator[tuple[int, str]]:
    """Task: `mapPartitionsWithIndex` of job 1 over lists of splits as JSON: has the sidecar read them, with what Spark knows of
    `hadoop`; yields (partition, 'OK' or 'EMPTY'), as `ingest.ingest_rows` does. Raises BadInput (naming the file) or SidecarLost."""
    splits = [split for row in rows for split in json.loads(row)]
    with sidecar.stream(
        session, "read", training_id=training_id, partition=partition, attempt=sidecar.attempt_id(), hadoop=hadoop, splits=splits
    ) as connection:
        answer, _ = connection.answer()
    yield partition, "OK" if answer["rows"] else "EMPTY"
