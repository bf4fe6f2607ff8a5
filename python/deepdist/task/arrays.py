"""Arrow arrays of Python values. Task side.

They are what `pa.array` gives; but that imports pandas (to ask whether it was given a Series), which takes each Python worker longer than
millions of words do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa


def utf8(texts: Sequence[str]) -> pa.Array:
    """Task: texts; raises UnicodeEncodeError for a lone surrogate, TypeError for what is no str."""
    data = "".join(texts)
    raw = data.encode()
    sizes = map(len, texts) if len(raw) == len(data) else map(len, map(str.encode, texts))
    return pa.Array.from_buffers(pa.utf8(), len(texts), [None, _offsets(sizes, len(texts)), pa.py_buffer(raw)])


def binary(values: Sequence[bytes]) -> pa.Array:
    """Task: pieces of binary data."""
    return pa.Array.from_buffers(pa.binary(), len(values), [None, _offsets(map(len, values), len(values)), pa.py_buffer(b"".join(values))])


def lists(values: pa.Array, sizes: Iterable[int], n: int) -> pa.Array:
    """Task: n lists, of so many of the values each."""
    return pa.Array.from_buffers(pa.list_(values.type), n, [None, _offsets(sizes, n)], children=[values])


def int32(*values: int) -> pa.Array:
    """Task: whole numbers."""
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(np.array(values, np.int32))])


def int64(*values: int) -> pa.Array:
    """Task: whole numbers."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.array(values, np.int64))])


def _offsets(sizes: Iterable[int], n: int) -> pa.Buffer:
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(np.fromiter(sizes, np.int32, n), out=offsets[1:])
    return pa.py_buffer(offsets)
