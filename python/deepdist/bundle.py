"""Bundles: tensors in one sealed memfd, described by a frame's JSON. Shared by driver and tasks.

Tensors never travel in a frame's body: the sender writes them once, the receiver maps them. The memfd is sealed against
shrinking and growing, since a shorter file under a mapping is SIGBUS, and the receiver checks the seals and every extent
against the memfd's real size before it maps anything.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import ProtocolError
from .rows import Rows

__all__ = ["Bundle", "create", "describe", "is_tensor_dtype", "map_private", "map_shared", "unpack"]

_ALIGN = 64
_FIXED_SIZE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
_DTYPES = frozenset(
    np.dtype(t) for t in "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
)


def is_tensor_dtype(dtype: np.dtype) -> bool:
    """Driver and task: whether arrays of `dtype` can travel (bool, integers, floats in native byte order)."""
    return dtype in _DTYPES and dtype.isnative


class Bundle:
    """Bundle is what arrived with a frame: `arrays` by name (arrays or `Rows`), and plain `numbers`."""

    __slots__ = ("arrays", "numbers")

    def __init__(self, arrays: dict[str, np.ndarray | Rows], numbers: dict[str, float]):
        self.arrays = arrays
        self.numbers = numbers


def describe(arrays: Mapping[str, np.ndarray | Rows], numbers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Driver and task: the JSON fields of a bundle, with every extent laid out at multiples of 64 bytes."""
    tensors, end = [], 0

    def place(n: int) -> int:
        nonlocal end
        at = -(-end // _ALIGN) * _ALIGN
        end = at + n
        return at

    for name, value in arrays.items():
        array = value.values if isinstance(value, Rows) else value
        entry: dict[str, Any] = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
        entry["offset"] = place(array.nbytes)
        if isinstance(value, Rows):
            entry["keys"] = {"offset": place(value.keys.nbytes), "count": len(value.keys)}
        tensors.append(entry)
    # A memfd of no bytes cannot be mapped: tensors without elements come in one of one byte.
    return {"tensors": tensors, "numbers": dict(numbers or {}), "bytes": max(end, 1) if tensors else 0}


def create(name: str, size: int) -> int:
    """Driver and task: a memfd of `size` bytes (at least 1) that can neither shrink nor grow; the caller closes it."""
    fd = os.memfd_create(f"deepdist-{name!a}"[:200], os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        # posix_fallocate, not truncate alone: a full /dev/shm is then an error here and not a SIGBUS at the first write.
        os.posix_fallocate(fd, 0, max(size, 1))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _FIXED_SIZE)
    except BaseException:
        os.close(fd)
        raise
    return fd


def pack(arrays: Mapping[str, np.ndarray | Rows], numbers: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], int]:
    """Driver and task: write the arrays into a new memfd; returns the JSON fields and the descriptor, which the caller closes."""
    fields = describe(arrays, numbers)
    if not fields["tensors"]:
        return fields, -1
    fd = create("bundle", fields["bytes"])
    try:
        memory = map_shared(fd, fields["bytes"])  # unmapped with the last view
        for entry in fields["tensors"]:
            value = arrays[entry["name"]]
            array = value.values if isinstance(value, Rows) else value
            _view(memory, entry["offset"], array.dtype, array.shape)[...] = array
            if isinstance(value, Rows):
                _view(memory, entry["keys"]["offset"], value.keys.dtype, value.keys.shape)[...] = value.keys
    except BaseException:
        os.close(fd)
        raise
    return fields, fd


def map_shared(fd: int, size: int) -> mmap.mmap:
    """Driver: a writable mapping that others of this memfd see."""
    return mmap.mmap(fd, max(size, 1))


def map_private(fd: int, size: int) -> mmap.mmap:
    """Driver and task: a copy-on-write mapping: writes stay in this process. The memfd may be sealed against writing."""
    if size == 0:
        return mmap.mmap(-1, 1)
    return mmap.mmap(fd, max(size, 1), access=mmap.ACCESS_COPY)


def view(memory: mmap.mmap, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Driver: a mapping, from its start, as an array of `dtype` and `shape`; the array keeps the mapping alive."""
    return _view(memory, 0, dtype, shape)


def unpack(fields: Mapping[str, Any], fd: int) -> Bundle:
    """Driver and task: the tensors of a received bundle as copy-on-write views of the memfd. Takes over `fd`.

    The views keep the mapping alive; it goes with the last of them. Raises ProtocolError for an unsealed memfd, extents
    outside of it, unknown dtypes, or keys that do not ascend.
    """
    try:
        numbers = dict(fields.get("numbers") or {})
        tensors = fields.get("tensors") or []
        if not tensors:
            return Bundle({}, numbers)
        if fd < 0:
            raise ProtocolError("a bundle with tensors came without a memfd")
        if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & _FIXED_SIZE != _FIXED_SIZE:
            raise ProtocolError("a bundle's memfd is not sealed against shrinking and growing")
        size = os.fstat(fd).st_size
        memory = map_private(fd, size)
        arrays: dict[str, np.ndarray | Rows] = {}
        for entry in tensors:
            dtype = _dtype(entry["dtype"])
            values = _checked(memory, size, int(entry["offset"]), dtype, tuple(int(n) for n in entry["shape"]))
            keys = entry.get("keys")
            if keys is None:
                arrays[entry["name"]] = values
                continue
            k = _checked(memory, size, int(keys["offset"]), np.dtype(np.uint32), (int(keys["count"]),))
            if k.size > 1 and not (k[1:] > k[:-1]).all():
                raise ProtocolError(f"the keys of {entry['name']} do not ascend")
            arrays[entry["name"]] = Rows(k, values)
        return Bundle(arrays, numbers)
    finally:
        if fd >= 0:
            os.close(fd)


def _dtype(name: str) -> np.dtype:
    try:
        dtype = np.dtype(name)
    except TypeError as e:
        raise ProtocolError(f"a tensor has dtype {name!r}") from e
    if not is_tensor_dtype(dtype):
        raise ProtocolError(f"a tensor has dtype {name!r}")
    return dtype


def _checked(memory: mmap.mmap, size: int, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    length = dtype.itemsize
    for n in shape:  # Python's integers do not overflow
        if n < 0:
            raise ProtocolError(f"a tensor has shape {shape}")
        length *= n
    if offset < 0 or offset + length > size:
        raise ProtocolError(f"a tensor lies at [{offset}, {offset + length}) of a memfd of {size} bytes")
    return _view(memory, offset, dtype, shape)


def _view(memory: mmap.mmap, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    count = 1
    for n in shape:
        count *= n
    if count == 0:
        return np.empty(shape, dtype)
    return np.frombuffer(memory, dtype, count, offset).reshape(shape)
