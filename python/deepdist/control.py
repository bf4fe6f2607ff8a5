"""Ask psserver: the second wire of proto/README.md. Driver side.

`Control` is one connection to the control socket with one method per op; the fields of each are in the protocol's table. The
training's thread and the one that pumps progress have a connection each.

A call may take as long as it likes while psserver lives. When it has been silent for a while, psserver is greeted on a new connection,
which it answers whatever it is busy with; if it does not, it hangs, and is given up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import bundle
from .errors import DeepDistError, PeerGone, PeerSilent
from .plugin import AnyServer
from .rows import Rows
from .wire import Connection


SILENCE_SECONDS = 15.0
"""How long a call may stay unanswered before psserver is greeted, in seconds."""

GREETING_SECONDS = 30.0
"""How long psserver may leave a greeting unanswered, in seconds, before it counts as lost."""


class Control:
    """Control is one connection to psserver. Errors: ServerLost if it is gone or hangs, else what its ERROR stands for."""

    def __init__(self, server: AnyServer):
        self._server = server
        self._dial()

    def _dial(self) -> None:
        try:
            self._connection = Connection.dial(self._server.ready.control, "psserver", GREETING_SECONDS)
        except OSError as e:
            raise self._server.lost(f"nobody listens on its control socket ({e})") from e
        self._torn = False
        self._guard(self._connection.hello)
        self._connection.settimeout(SILENCE_SECONDS, self._greet)

    def _greet(self) -> None:
        """Driver: raise PeerGone unless psserver answers a greeting."""
        try:
            with Connection.dial(self._server.ready.control, "psserver", GREETING_SECONDS) as connection:
                connection.hello()
        except (PeerSilent, TimeoutError) as e:
            silence = SILENCE_SECONDS + GREETING_SECONDS
            raise PeerSilent(f"it has not answered for {silence:g} s: neither a call nor a greeting on a new connection") from e
        except OSError as e:
            raise PeerGone(f"nobody listens on its control socket any more ({e})") from e

    def close(self) -> None:
        """Driver: close the connection; psserver goes on."""
        self._connection.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, fresh: bool) -> dict[str, Any]:
        """Driver: the figures of the run; fresh: as they are now, not a moment ago."""
        return self.call("watch", wait_ms=0)

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """Driver: one op that brings no tensors along."""
        answer, fd = self._call(op, -1, fields)
        if fd >= 0:
            os.close(fd)
        return answer

    def define_tensor(self, name: str, array: np.ndarray, fd: int) -> None:
        """Driver: share the memfd `fd` (of the array's bytes) as tensor `name`; the caller keeps `fd`."""
        self._call("define_tensor", fd, {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)})

    def open_training(self, arrays: Mapping[str, np.ndarray | Rows] | None = None, **fields: Any) -> int:
        """Driver: open a training, with start tensors if `arrays` are given; returns its id."""
        if not arrays:
            return int(self.call("open_training", **fields)["training_id"])
        description, fd = bundle.pack(arrays, fields.pop("numbers", None))
        try:
            answer, got = self._call("open_training", fd, {**fields, **description})
        finally:
            os.close(fd)
        if got >= 0:
            os.close(got)
        return int(answer["training_id"])

    def next_update(self, training_id: int, wait_ms: int) -> tuple[int, int, bundle.Bundle]:
        """Driver: (update_id, partition, update); the id is 0 if none came within `wait_ms`."""
        answer, fd = self._call("next_update", -1, {"training_id": training_id, "wait_ms": wait_ms})
        update = bundle.unpack(answer, fd)
        return int(answer.get("update_id", 0)), int(answer.get("partition", -1)), update

    def fetch(self, training_id: int) -> bundle.Bundle:
        """Driver: all tensors as they are now, as private views."""
        return bundle.unpack(*self._call("fetch", -1, {"training_id": training_id}))

    def fetch_vocabulary(self, training_id: int) -> tuple[list[str], np.ndarray]:
        """Driver: the words in id order, and their counts (uint64)."""
        arrays = bundle.unpack(*self._call("fetch_vocabulary", -1, {"training_id": training_id})).arrays
        counts = np.array(arrays["counts"], np.uint64)
        return words_of(np.asarray(arrays["words"]), np.asarray(arrays["lengths"])), counts

    def _call(self, op: str, fd: int, fields: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        if self._torn:
            self._dial()
        return self._guard(self._connection.call, op, fd=fd, **fields)

    def _guard(self, function: Any, *args: Any, **fields: Any) -> Any:
        try:
            return function(*args, **fields)
        except PeerGone as e:
            if isinstance(e, PeerSilent):
                self._server.give_up(str(e))
            raise self._server.lost(str(e)) from e
        except DeepDistError:
            raise
        except BaseException:  # Ctrl-C between a call and its answer, which the next call would take for its own
            self._torn = True
            self._connection.close()
            raise


def words_of(text: np.ndarray, lengths: np.ndarray) -> list[str]:
    """Driver: words that lie one after another in uint8 `text`, `lengths` in bytes."""
    data = text.tobytes()
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    return [data[start:end].decode() for start, end in zip([0, *ends], ends)]


def bundle_of_words(words: Sequence[str], counts: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
    """Driver: a vocabulary as the three arrays of `open_training`."""
    encoded = [w.encode() for w in words]
    return {
        "words": np.frombuffer(b"".join(encoded), np.uint8),
        "lengths": np.fromiter(map(len, encoded), np.uint32, len(encoded)),
        "counts": np.asarray(counts, np.uint64),
    }
