"""What the ingest of one partition found, as its task reports it. Task side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

COUNTED = ("records", "words", "split_sentences", "spool_bytes")
TOTALS = ("partition", "status", "rows", *COUNTED)


def totals(partition: int, rows: int, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Task: the totals of a partition: its rows (of the RDD, or lines of files), and what the sidecar answered."""
    return {"partition": partition, "status": "OK" if rows else "EMPTY", "rows": rows, **{k: int(answer.get(k, 0)) for k in COUNTED}}


def as_dicts(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Task: totals as dicts, whether they come from an RDD (dicts) or a DataFrame (Rows)."""
    return [r if isinstance(r, dict) else r.asDict() for r in rows]
