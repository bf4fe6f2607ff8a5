"""PyTorch modules. Shared by driver and tasks; torch is imported only where a module is at hand."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..rows import Rows
from .arrays import Adapter, as_number, is_number, is_tensor, like


class TorchModel(Adapter):
    """TorchModel adapts an nn.Module on the CPU: the tensors of its state_dict, bound to NumPy memory without copies.

    Tied parameters are one tensor, under their first name. NumPy arrays and numbers set on the module itself travel too.
    """

    def __init__(self, model: Any):
        super().__init__(model)
        import torch

        found = _tensors(model)
        if not found:
            raise TypeError(f"DeepDist(model): {type(model).__name__} has no parameters")
        for name, tensor in found.items():
            if tensor.device.type != "cpu":
                raise TypeError(f"DeepDist(model): {name} lies on {tensor.device}: move the module with .cpu() first")
            if tensor.dtype in (torch.bfloat16, torch.complex64, torch.complex128):
                raise TypeError(f"DeepDist(model): {name} is {tensor.dtype}, which NumPy arrays of the wire cannot hold")

    def arrays(self) -> dict[str, np.ndarray]:
        """Driver and task: views of the module's tensors, and arrays set on it."""
        own = {k: v for k, v in vars(self.model).items() if is_tensor(k, v)}
        return {**{name: _as_array(t) for name, t in _tensors(self.model).items()}, **own}

    def bind(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Driver and task: make the module's tensors views of these arrays."""
        import torch

        tensors = _tensors(self.model)
        for name, array in arrays.items():
            if name in tensors:
                tensors[name].data = torch.from_numpy(array) if array.ndim else torch.from_numpy(array.reshape(1))[0]
            else:
                vars(self.model)[name] = array

    def numbers(self) -> dict[str, int | float]:
        """Driver and task: plain numbers among the module's own attributes."""
        return {k: as_number(v) for k, v in vars(self.model).items() if is_number(v)}

    def set_numbers(self, numbers: Mapping[str, float]) -> None:
        """Driver and task: refresh them; integers stay integers."""
        own = vars(self.model)
        for name, value in numbers.items():
            own[name] = like(own.get(name), value)

    def _slots(self) -> dict[str, Any]:
        return vars(self.model)

    def __getstate__(self) -> dict[str, Any]:
        import torch

        # deepcopy with a memo that stands an empty tensor in for each one of ours: the structure travels, no weights do.
        memo: dict[int, Any] = {}
        for tensor in _tensors(self.model).values():
            empty: Any = torch.empty(0, dtype=tensor.dtype)
            if isinstance(tensor, torch.nn.Parameter):
                empty = torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
            memo[id(tensor)] = empty
        for name, array in vars(self.model).items():
            if is_tensor(name, array):
                memo[id(array)] = None
        return {"model": copy.deepcopy(self.model, memo)}


def gradients(module: Any, zero: bool = True) -> dict[str, np.ndarray | Rows]:
    """Task: the module's `p.grad` as the dict that `gradient` returns: parameter name → array, or `Rows` of a sparse gradient.

    zero: also forget the gradients, for the next `backward`. Parameters without a gradient are left out.
    """
    out: dict[str, np.ndarray | Rows] = {}
    for name, p in module.named_parameters():
        if p.grad is None:
            continue
        if p.grad.is_sparse:
            g = p.grad.coalesce()
            out[name] = Rows(g.indices()[0].numpy(), g.values().numpy())
        else:
            out[name] = p.grad.detach().numpy()
        if zero:
            p.grad = None
    return out


def _tensors(module: Any) -> dict[str, Any]:
    """Driver and task: parameters and persistent buffers by state_dict's names, each once."""
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    persistent = module.state_dict(keep_vars=True)
    return {name: t for name, t in named.items() if name in persistent}


def _as_array(tensor: Any) -> np.ndarray:
    return tensor.detach().numpy()
