"""The user's model in memory that psserver shares. Driver side.

During a training of any model each tensor lies in one memfd, mapped by this process (where a callable `descent` writes it) and by
psserver (which publishes versions of it). The model's arrays are bound to these mappings meanwhile; afterwards they are ordinary
arrays again: the very ones that the user had, with the trained values in them.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from . import bundle
from .control import Control
from .errors import UserCodeError
from .models import Adapter


class SharedModel:
    """SharedModel binds an adapter's tensors to shared mappings, from `share` to `release`."""

    def __init__(self, adapter: Adapter, control: Control):
        self._adapter = adapter
        self._control = control
        self._originals: dict[str, np.ndarray] = {}
        self._mapped: dict[str, np.ndarray] = {}

    def share(self) -> None:
        """Driver: copy every tensor into a mapping of its own, define it in psserver, bind the model to it."""
        self._originals = dict(self._adapter.arrays())
        for name, array in self._originals.items():
            self._define(name, array)
        self._adapter.bind(self._mapped)

    def settle(self) -> None:
        """Driver: after `descent`: arrays that it replaced are written into the mappings, arrays that it added become tensors.

        `model.W = model.W - …` makes a new array, `model.W -= …` does not; both mean the same to the user. Raises
        UserCodeError if a tensor has changed its shape or holds another kind of number.
        """
        current = self._adapter.arrays()
        for name, mapped in self._mapped.items():
            array = current.get(name)
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
        for name, array in new.items():
            self._define(name, array)
        self._adapter.bind(self._mapped)

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
            shared = bundle.view(bundle.map_shared(fd, array.nbytes), array.dtype, array.shape)
            shared[...] = array
            self._control.define_tensor(name, shared, fd)
        finally:
            os.close(fd)
        self._mapped[name] = shared


def _same_memory(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or (
        a.__array_interface__["data"] == b.__array_interface__["data"] and a.shape == b.shape and a.strides == b.strides and a.dtype == b.dtype
    )
