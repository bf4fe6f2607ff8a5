"""Dicts of arrays, and objects whose attributes are arrays. Shared by driver and tasks."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from ..bundle import is_tensor_dtype


class Adapter:
    """Adapter is one model, seen as tensors, numbers and the rest.

    `model` is what the user's functions are given. The base keeps tensors and numbers in a mapping that `_slots` returns;
    kinds that do otherwise override `arrays`, `bind`, `numbers` and `set_numbers`.
    """

    aliases: Mapping[str, str] = {}
    """Other names that `gradient` may use for a tensor, and an update answers to."""

    def __init__(self, model: Any):
        self.model = model

    def arrays(self) -> dict[str, np.ndarray]:
        """Driver and task: the model's tensors as they are now: its own arrays, not copies."""
        return {k: v for k, v in self._slots().items() if is_tensor(k, v)}

    def bind(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Driver and task: make these arrays the model's."""
        self._slots().update(arrays)

    def scalar(self, name: str) -> np.ndarray | None:
        """Driver: what a 0-dimensional tensor has become by `m.t = m.t + 1`: NumPy then gives a number, not an array."""
        value = self._slots().get(name)
        return np.asarray(value) if np.isscalar(value) and np.asarray(value).dtype.kind in "biuf" else None

    def unbind(self, names: Any) -> None:
        """Driver: take tensors away that the model did not have."""
        for name in names:
            self._slots().pop(name, None)

    def numbers(self) -> dict[str, int | float]:
        """Driver and task: the model's plain numbers (not booleans) as they are now."""
        return {k: as_number(v) for k, v in self._slots().items() if isinstance(k, str) and is_number(v)}

    def set_numbers(self, numbers: Mapping[str, float]) -> None:
        """Driver and task: refresh plain numbers; an integer stays one, as long as its value is whole."""
        slots = self._slots()
        for name, value in numbers.items():
            slots[name] = like(slots.get(name), value)

    @property
    def view(self) -> Any:
        """Driver and task: what the user's functions are given."""
        return self.model

    def canonical(self, name: str) -> str:
        """Driver and task: the tensor's own name, for an alias."""
        return self.aliases.get(name, name)

    def _slots(self) -> MutableMapping[str, Any]:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """Driver: what travels in the closure: everything but the tensors."""
        raise NotImplementedError


class DictModel(Adapter):
    """DictModel adapts a dict: its arrays are tensors, its plain numbers numbers, other values travel along."""

    def __init__(self, model: dict[str, Any]):
        super().__init__(model)
        if not self.arrays():
            raise TypeError(f"DeepDist(model): the dict has no NumPy array to train {_some(model)}")

    def _slots(self) -> MutableMapping[str, Any]:
        return self.model

    def __getstate__(self) -> dict[str, Any]:
        rest = copy.copy(self.model)
        for name in self.arrays():
            del rest[name]
        return {"model": rest}


class ObjectModel(Adapter):
    """ObjectModel adapts any object: the arrays among its attributes are tensors, other attributes travel along."""

    def __init__(self, model: Any):
        super().__init__(model)
        if not hasattr(model, "__dict__") or not self.arrays():
            raise TypeError(
                f"DeepDist(model): {type(model).__name__} has no NumPy arrays among its attributes {_some(getattr(model, '__dict__', {}))}. "
                f"A model is a dict of arrays, an object with arrays as attributes of its own (not in lists, the class or __slots__), "
                f"a gensim Word2Vec, a torch.nn.Module, or a deepdist.Word2Vec"
            )

    def _slots(self) -> MutableMapping[str, Any]:
        return vars(self.model)

    def __getstate__(self) -> dict[str, Any]:
        rest = copy.copy(self.model)
        for name in self.arrays():
            vars(rest).pop(name, None)
        return {"model": rest}


def is_tensor(name: Any, value: Any) -> bool:
    """Driver and task: whether an attribute is an array that can travel as a tensor: in native byte order, whatever it has."""
    return isinstance(name, str) and isinstance(value, np.ndarray) and is_tensor_dtype(value.dtype.newbyteorder("="))


def is_number(value: Any) -> bool:
    """Driver and task: whether an attribute is a plain finite number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return math.isfinite(value) and abs(float(value)) < 2**53


def as_number(value: Any) -> int | float:
    """Driver and task: the plain Python number of one that may be NumPy's."""
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


def like(was: Any, value: float) -> Any:
    """Driver and task: a number that came over the wire, where 1.0 and 1 are the same, in the kind of the one it replaces."""
    if isinstance(was, np.floating):
        return type(was)(value)
    if isinstance(was, (int, np.integer)) and float(value).is_integer():
        return int(value) if isinstance(was, int) else type(was)(int(value))
    return float(value) if was is not None else value


def _some(slots: Mapping[Any, Any]) -> str:
    """Driver: what there is instead, with its types."""
    found = [f"{k!r} is {v.dtype if isinstance(v, np.ndarray) else type(v).__name__}" for k, v in list(slots.items())[:8]]
    return f"({', '.join(found)})" if found else "(it is empty)"
