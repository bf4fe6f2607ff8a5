"""Native word2vec: two Spark jobs, between which Python touches no data. Driver side.

1. ingest: each partition is streamed once to its executor's sidecar, which counts and spools it; psserver merges the counts and
   settles the vocabulary.
2. train: slot tasks lend Spark's cores to the sidecars, which claim (epoch, partition) pairs from psserver and train them from
   their spools. Partitions whose spool is gone are ingested again; the training goes on at the cursor.

Where Spark retries nothing (`local[N]`) this file does: whatever is missing after a job is run again, at most 3 rounds of a job in
a row without progress.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from .cluster import Cluster, Text
from .control import Control
from .errors import BadInput, Lost, NoProgress
from .session import Session
from .summary import Dropped, Summary, Tick

log = logging.getLogger("deepdist")

ROUNDS = 3
"""Rounds of one job that may end without any progress."""

LEASE_SECONDS = 45.0
"""How long a training may stand still, in seconds: longer than psserver waits for a worker that has fallen silent."""


class NativeModel(Protocol):
    """NativeModel is what this training asks of a model: deepdist.Word2Vec, or GensimNative."""

    epochs: int
    min_count: int
    max_final_vocab: int | None

    def native_settings(self) -> dict[str, Any]: ...
    def native_start(self) -> dict[str, np.ndarray]: ...
    def native_finish(self, words: list[str], counts: np.ndarray, arrays: Mapping[str, np.ndarray], summary: Summary) -> None: ...


class Training:
    """Training is one native training; `run` does it all."""

    def __init__(self, cluster: Cluster, session: Session, control: Control, tick: Tick):
        """tick: raises ServerLost if psserver is gone."""
        self._cluster, self._session, self._control, self._tick = cluster, session, control, tick
        self._id = 0

    def run(self, model: NativeModel, source: Text, epochs: int | None) -> Summary:
        """Driver: ingest, settle, train, bring the vectors home."""
        started = time.monotonic()
        clock = _Clock()
        summary = Summary(kind="word2vec")
        if source.partitions == 0:
            raise BadInput("the data has no partitions, so there is nothing to train on")
        settings = model.native_settings()
        if epochs is not None:
            settings["epochs"] = epochs
        start = model.native_start()
        self._id = self._control.open_training(
            start,
            kind="word2vec",
            partitions=source.partitions,
            settings=settings,
            min_count=model.min_count,
            max_final_vocab=model.max_final_vocab or 0,
        )
        try:
            status = self._ingest_all(source)
            summary[:] = [status.get(p, "OK") for p in range(source.partitions)]  # a task that died after its commit has reported none
            committed = self._control.call("ingest_status", training_id=self._id)
            summary.rows, summary.records = int(committed["rows"]), int(committed["records"])
            summary.split_sentences = int(committed["split_sentences"])
            summary.seconds["ingest"] = clock.lap()
            if summary.records == 0:
                raise BadInput(
                    f"there is not a single word in the {summary.rows} rows of the data's {source.partitions} partitions: "
                    f"nothing to train on"
                )
            settled = self._control.call("settle_vocabulary", training_id=self._id)
            summary.vocabulary, summary.words = int(settled["size"]), int(settled["words"])
            summary.seconds["vocabulary"] = clock.lap()
            summary.rounds = self._train(source)
            figures = self._tick(fresh=True)
            summary.observe(figures)
            if summary.words and not summary.updates:
                summary.warning = _nothing_trained(settings)
                log.warning("%s", summary.warning)
            summary.dropped = Dropped(
                words=int(settled.get("dropped_words", 0)),
                distinct=int(settled["dropped_distinct"]),
                pushes=int(figures.get("refused", 0)),
                given=bool(start),
            )
            summary.seconds["train"] = clock.lap()
            words, counts = self._control.fetch_vocabulary(self._id)
            arrays = {name: np.asarray(a) for name, a in self._control.fetch(self._id).arrays.items()}
            model.native_finish(words, counts, arrays, summary)
            summary.seconds["model"] = clock.lap()
        finally:
            self._close()
        summary.seconds["total"] = time.monotonic() - started
        return summary

    def _ingest_all(self, source: Text) -> dict[int, str]:
        """Driver: job 1, again for what is missing; returns 'OK' or 'EMPTY' for each partition that reported it."""
        status: dict[int, str] = {}
        missing: list[int] = list(range(source.partitions))
        error: Lost | None = None
        for _ in range(1 + ROUNDS):
            try:
                status |= self._ingest(source, missing)
            except Lost as e:
                error = e
            missing = list(self._control.call("ingest_status", training_id=self._id).get("missing") or ())
            if not missing:
                return status
        raise NoProgress(
            f"{len(missing)} of {source.partitions} partitions could not be ingested in {1 + ROUNDS} rounds (the first: {missing[0]})"
            + (f". The last error: {error}" if error else "")
        ) from error

    def _ingest(self, source: Text, partitions: Sequence[int]) -> dict[int, str]:
        name = f"deepdist: ingest {len(partitions)} partitions"
        return self._cluster.run(name, lambda: source.ingest(self._id, partitions), self._tick)

    def _train(self, source: Text) -> int:
        """Driver: job 2, with new ingests in between, until every (epoch, partition) is done; returns the number of jobs."""
        rounds, idle, best, moved_at = 0, 0, (-1, -1), time.monotonic()
        error: Lost | None = None
        while True:
            rounds += 1
            try:
                self._lend_slots()
            except Lost as e:
                error = e
            status = self._control.call("training_status", training_id=self._id)
            if status.get("done"):
                return rounds
            figures = self._tick(fresh=True)
            incomplete, missing = list(status.get("incomplete") or ()), list(status.get("missing") or ())
            state = (int(figures.get("words", 0)), -len(incomplete))
            if state > best:
                idle, best, moved_at = 0, state, time.monotonic()
            else:
                idle += 1
            if idle >= ROUNDS and time.monotonic() - moved_at > LEASE_SECONDS:
                raise NoProgress(
                    f"the training stands still after {rounds} rounds: {len(incomplete)} of {source.partitions} partitions are "
                    f"incomplete, {figures.get('words', 0):,} of {figures.get('total_words', 0):,} words are in the model"
                    + (f". The last error: {error}" if error else "")
                ) from error
            if missing:
                self._control.call("reopen", training_id=self._id, partitions=missing)
                self._ingest_again(source, missing)
            else:
                self._pause(1.0)  # a worker that died holds its partitions until its lease ends

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tick()
            time.sleep(0.1)

    def _ingest_again(self, source: Text, missing: Sequence[int]) -> None:
        try:
            self._ingest(source, missing)
        except Lost:
            pass  # the next round sees what is still missing, and counts

    def _lend_slots(self) -> None:
        n = self._cluster.slots
        self._cluster.run(f"deepdist: train in {n} slots", partial(self._cluster.lend_slots, self._session, self._id, n), self._tick)

    def _close(self) -> None:
        failure = sys.exc_info()[1]
        reason = "the training has ended" if failure is None else f"{type(failure).__name__}: {failure}"[:2000]
        try:
            self._control.call("close_training", training_id=self._id, reason=reason)
        except Exception:  # psserver is gone: whatever brought us here says so
            pass


def _nothing_trained(settings: Mapping[str, Any]) -> str:
    """Driver: why a text with words had not one pair of them."""
    if settings["sample"] > 0:
        return f"no pair was trained: sample={settings['sample']:g} drops nearly every word of so small a text; set sample=0"
    return "no pair was trained: no sentence has two words of the vocabulary; lower min_count, or look at how the text is split"


class _Clock:
    def __init__(self) -> None:
        self._at = time.monotonic()

    def lap(self) -> float:
        """Driver: seconds since the last lap."""
        now = time.monotonic()
        seconds, self._at = now - self._at, now
        return seconds
