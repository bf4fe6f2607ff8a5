"""What a training was like. Driver side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Epoch", "Summary", "Tick"]


class Tick(Protocol):
    """Tick shows progress and returns the run's figures (proto/README.md, `watch`); those of the last moments unless `fresh`."""

    def __call__(self, fresh: bool = False) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Epoch:
    """Epoch is one pass over the data: raw in-vocabulary words, wall seconds, learning rate at its end, mean loss, of how many
    predictions (0, of none: the loss is 0 and says nothing), pushes."""

    epoch: int
    words: int
    seconds: float
    words_per_second: float
    alpha: float
    loss: float
    loss_pairs: int
    pushes: int


@dataclass(frozen=True)
class Dropped:
    """Dropped is what did not take part in the training: words rarer than min_count (or beyond max_final_vocab), or, where the model
    brought its vocabulary (given), those that it lacks, in tokens of one epoch and in distinct words; pushes that were refused."""

    words: int = 0
    distinct: int = 0
    pushes: int = 0
    given: bool = False


class Summary(list[str]):
    """Summary is what `dd.train` returns: the list of 'OK' or 'EMPTY', one per partition, as of old, with the run's figures.

    kind: 'word2vec' or 'model'. epochs: `Epoch` each. rows: of the data (of any model: those that `gradient` took). records: sentences after splitting; split_sentences:
    how many rows had to be split. words: of one epoch, kept. vocabulary: distinct words kept. dropped: `Dropped`.
    passes: over a partition, one per epoch; own_passes: those trained by the sidecar that had ingested the partition first, from that spool.
    updates: gradients applied, or slices that changed a vector. warning: what is odd about the run, or ''. rounds: Spark jobs of training it took. seconds: wall time by part, with 'total'.
    peak_bytes: largest resident memory seen, by process.
    """

    def __init__(self, status: Iterable[str] = (), kind: str = "model"):
        super().__init__(status)
        self.kind = kind
        self.epochs: list[Epoch] = []
        self.rows = self.records = self.words = self.vocabulary = self.split_sentences = self.updates = self.rounds = 0
        self.passes = self.own_passes = 0
        self.dropped = Dropped()
        self.warning = ""
        self.seconds: dict[str, float] = {}
        self.peak_bytes: dict[str, int] = {}

    @property
    def loss(self) -> float:
        """Driver: the loss summed over the predictions of all epochs that were counted."""
        return sum(e.loss * e.loss_pairs for e in self.epochs)

    def observe(self, figures: dict[str, Any]) -> None:
        """Driver: take over the figures of one `watch`."""
        self.epochs = [Epoch(**{k: e.get(k, 0) for k in Epoch.__dataclass_fields__}) for e in figures.get("epochs_done") or ()]
        self.updates = int(figures.get("updates", 0))
        self.passes, self.own_passes = int(figures.get("passes", 0)), int(figures.get("own_passes", 0))
        for name, value in [("psserver", figures.get("rss_bytes", 0))] + [
            (f"sidecar {w.get('host', '')}:{w.get('pid', 0)}", w.get("rss_bytes", 0)) for w in figures.get("workers") or ()
        ]:
            if value:
                self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), int(value))

    def __repr__(self) -> str:
        return "\n".join(_lines(self))

    __str__ = __repr__


def _lines(s: Summary) -> Iterable[str]:
    ok = sum(1 for x in s if x == "OK")
    yield f"{len(s)} partitions: {ok} OK, {len(s) - ok} EMPTY; {s.rows:,} rows in {s.seconds.get('total', 0.0):.1f} s"
    if s.kind != "word2vec":
        yield f"updates: {s.updates:,}"
        return
    yield f"vocabulary: {s.vocabulary:,} words; {s.words:,} words an epoch in {s.records:,} sentences ({s.split_sentences:,} rows split)"
    why = "not in the model's vocabulary" if s.dropped.given else "too rare"
    yield f"dropped: {s.dropped.words:,} words ({s.dropped.distinct:,} distinct, {why}); {s.dropped.pushes:,} pushes refused"
    yield f"passes over a partition: {s.passes:,}, {s.own_passes:,} of them from the spool of their own sidecar"
    if s.epochs:
        yield "epoch       words  seconds    words/s     alpha     loss  pushes"
        for e in s.epochs:
            loss = f"{e.loss:8.4f}" if e.loss_pairs else f"{'-':>8}"  # none was counted: one sentence in 16 is
            yield (
                f"{e.epoch + 1:5d} {e.words:11,d} {e.seconds:8.1f} {e.words_per_second:10,.0f} {e.alpha:9.5f} {loss} {e.pushes:7,d}"
            )
    if s.warning:
        yield f"warning: {s.warning}"
    if s.seconds:
        yield "seconds: " + ", ".join(f"{k} {v:.1f}" for k, v in s.seconds.items() if k != "total")
