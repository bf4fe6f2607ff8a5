"""Sparse updates: some rows of a tensor. Shared by driver and tasks."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Rows"]


class Rows:
    """Rows is a sparse update: `values[i]` belongs to row `keys[i]` of a tensor, all other rows are zero.

    keys: integers (n,), in any order; duplicates are summed. values: (n, …), the tensor's shape without its first axis.
    Afterwards `keys` is uint32 and strictly ascending, as it travels.

    Raises TypeError or ValueError if keys are not integers in [0, 2³²) or the lengths differ.
    """

    __slots__ = ("keys", "values")

    def __init__(self, keys: Any, values: Any):
        k = np.asarray(keys)
        v = np.asarray(values)
        if k.ndim != 1:
            raise ValueError(f"Rows: keys have shape {k.shape}, they must be one-dimensional")
        if k.size == 0:
            k = k.astype(np.int64)
        if k.dtype.kind not in "iu":
            raise TypeError(f"Rows: keys are {k.dtype}, they must be integers")
        if v.ndim == 0 or len(v) != len(k):
            raise ValueError(f"Rows: {len(k)} keys, but values have shape {v.shape}")
        if k.size and (int(k.min()) < 0 or int(k.max()) > 0xFFFFFFFF):
            raise ValueError(f"Rows: keys lie in [{k.min()}, {k.max()}], they must lie in [0, 2**32)")
        if k.size > 1 and not (k[1:] > k[:-1]).all():
            unique, inverse = np.unique(k, return_inverse=True)
            if len(unique) == len(k):
                order = np.argsort(k, kind="stable")
                k, v = k[order], v[order]
            else:
                total = np.zeros((len(unique), *v.shape[1:]), v.dtype)
                np.add.at(total, inverse.reshape(-1), v)
                k, v = unique, total
        self.keys: np.ndarray = np.ascontiguousarray(k, np.uint32)
        self.values: np.ndarray = np.ascontiguousarray(v)

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"Rows({len(self.keys)} rows of {self.values.shape[1:]}, {self.values.dtype})"

    def add_to(self, tensor: np.ndarray, scale: float = 1.0) -> None:
        """Driver and task: `tensor[keys] += scale · values`, in place."""
        tensor[self.keys] += self.values if scale == 1.0 else scale * self.values

    def toarray(self, rows: int) -> np.ndarray:
        """Driver and task: the dense update of a tensor with so many rows."""
        dense = np.zeros((rows, *self.values.shape[1:]), self.values.dtype)
        dense[self.keys] = self.values
        return dense
