"""Lend one core to the native training: job 2 of native word2vec. Task side.

A slot task moves no data. It holds a core of Spark's honestly while the sidecar uses it, and carries errors back. It never
waits for work: when the sidecar can claim nothing more, it ends, since a new ingest may need the slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..session import Session
from . import sidecar


def lend_slot(session: Session, training_id: int, slot: int, _: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Task: `mapPartitionsWithIndex` of job 2; yields one dict {'slot', 'words'} when nothing more can be claimed."""
    yield {"slot": slot, "words": _lend(session, training_id, slot)}


def _lend(session: Session, training_id: int, slot: int) -> int:
    with sidecar.stream(session, "train", training_id=training_id, slot=slot) as connection:
        return int(connection.answer()[0].get("words", 0))
