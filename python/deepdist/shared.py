"""The user's model in memory that psserver shares. Driver side.

During a training of any model each tensor lies in one memfd, mapped by this process (where a callable `descent` writes it) and by
psserver (which publishes versions of it). The model's arrays are bound to these mappings meanwhile; afterwards they are ordinary
arrays again: the very ones that the user had, with the trained values in them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import bundle
from .control import Control
from .errors import BadInput, UserCodeError
from .models import Adapter


class SharedModel:
    """SharedModel binds an adapter's tensors to shared mappings, from `share` to `release`."""

    def __init__(self, adapter: Adapter, control: Control):
        self._adapter = adapter
        self._control = control
        self._originals: dict[str, np.ndarray] = {}
        self._mapped: dict[str, np.ndarray] = {}
        self._finite: set[str] = set()

    def share(self) -> None:
        """Driver: copy every tensor into a mapping of its own, define it in psserver, bind the model to it."""
        originals = dict(self._adapter.arrays())
        check_apart(originals)
        self._originals = originals
        for name, array in originals.items():
            self._define(name, array)
        self._adapter.bind(self._mapped)

    def settle(self) -> None:
        """Driver: after `descent`: arrays that it replaced are written into the mappings, arrays that it added become tensors.

        `model.W = model.W - …` makes a new array, `model.W -= …` does not; both mean the same to the user. Raises
        UserCodeError if a tensor has changed its shape, holds another kind of number, or has become NaN or infinite.
        """
        current = self._adapter.arrays()
        for name, now in current.items():
            # `m.old = m.W; m.W = m.W - …` or a swap: what is now one tensor's value lies in another's mapping, about to be written.
            own = now.flags.owndata or _same_memory(now, self._mapped.get(name))
            if not own and any(np.may_share_memory(now, m) for m in self._mapped.values()):
                current[name] = now.copy()
        for name, mapped in self._mapped.items():
            array: np.ndarray | None = current.get(name)
            if array is None and mapped.ndim == 0:
                array = self._adapter.scalar(name)
            if array is None:
                raise UserCodeError(f"descent removed the tensor {name!r}, or made it something else than an array")
            if _same_memory(array, mapped):
                continue
            if array.shape != mapped.shape or not np.can_cast(array.dtype, mapped.dtype, "same_kind"):
                raise UserCodeError(
                    f"descent changed {name!r} from {mapped.dtype} {mapped.shape} to {array.dtype} {array.shape}"
                )
            mapped[...] = array
        new = {name: array for name, array in current.items() if name not in self._mapped}
        for name, added in new.items():
            self._define(name, added)
        self._adapter.bind(self._mapped)
        for name in sorted(self._finite):
            if not _is_finite(self._mapped[name]):
                raise UserCodeError(f"descent made {name!r} hold NaN or infinity; the model is as it was before this update")

    def load(self, arrays: dict[str, Any]) -> None:
        """Driver: take over tensors that a rule inside psserver has changed."""
        for name, array in arrays.items():
            if name in self._mapped:
                self._mapped[name][...] = array

    def rebind(self) -> None:
        """Driver: undo what a failed `descent` bound; psserver restores the mappings' contents."""
        self._adapter.unbind([n for n in self._adapter.arrays() if n not in self._mapped])
        self._adapter.bind(self._mapped)

    def release(self) -> None:
        """Driver: make the model's arrays ordinary again; harmless when repeated."""
        out = {}
        for name, mapped in self._mapped.items():
            original = self._originals.get(name)
            if original is not None and original.flags.writeable:
                original[...] = mapped
                out[name] = original
            else:
                out[name] = np.array(mapped)
        self._adapter.bind(out)
        self._mapped = {}

    def _define(self, name: str, array: np.ndarray) -> None:
        fd = bundle.create(name, array.nbytes)
        try:
            shared = bundle.view(bundle.map_shared(fd, array.nbytes), array.dtype.newbyteorder("="), array.shape)
            shared[...] = array
            if _is_finite(shared):  # a model may have infinities of its own: bounds, masks
                self._finite.add(name)
            self._control.define_tensor(name, shared, fd)
        finally:
            os.close(fd)
        self._mapped[name] = shared


def check_apart(arrays: Mapping[str, np.ndarray]) -> None:
    """Driver: raise BadInput for tensors that one memory holds twice (each would be trained alone, one would win), and for arrays
    that mean more than their numbers (np.matrix, masked arrays)."""
    end, last = 0, ""
    for start, stop, name in sorted((*byte_bounds(a), name) for name, a in arrays.items() if a.size):
        if start < end and np.may_share_memory(arrays[last], arrays[name]) and _overlap(arrays[last], arrays[name]):
            raise BadInput(
                f"DeepDist(model): {last!r} and {name!r} share memory, and would be trained as two tensors: make one of them a copy, "
                f"or a property of the model"
            )
        if stop > end:
            end, last = stop, name
    for name, array in arrays.items():
        if isinstance(array, (np.matrix, np.ma.MaskedArray)):
            raise BadInput(f"DeepDist(model): {name!r} is a {type(array).__name__}, of which only the numbers would travel: use np.asarray({name})")


def byte_bounds(array: np.ndarray) -> tuple[int, int]:
    """Driver: the addresses that the array's elements lie between."""
    start = stop = array.__array_interface__["data"][0]
    for n, stride in zip(array.shape, array.strides):
        start, stop = start + min(0, (n - 1) * stride), stop + max(0, (n - 1) * stride)
    return start, stop + array.itemsize


def _overlap(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return bool(np.shares_memory(a, b, max_work=100_000))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def _is_finite(array: np.ndarray) -> bool:
    # The sum is one pass without a temporary array; it overflows at worst, and is then looked at closely.
    with np.errstate(over="ignore", invalid="ignore"):
        return array.dtype.kind != "f" or bool(np.isfinite(np.sum(array, dtype=np.float64)) or np.isfinite(array).all())


def _same_memory(a: np.ndarray, b: np.ndarray | None) -> bool:
    return a is b or b is not None and (
        a.__array_interface__["data"] == b.__array_interface__["data"] and a.shape == b.shape and a.strides == b.strides and a.dtype == b.dtype
    )
