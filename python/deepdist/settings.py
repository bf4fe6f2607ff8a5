"""What DeepDist is told: arguments, and Spark settings of the same meaning, read and checked. Driver side.

Every function takes the words by which the user knows the value, `min_updates` or `spark.deepdist.minUpdates`, and raises ValueError
that names it so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Integral
from typing import Any, TypeVar

from .errors import BadInput

T = TypeVar("T")


def choose(conf: Any, name: str, given: Any, setting: str, default: T, read: Callable[[str, Any], T]) -> T:
    """Driver: the argument `name` if one is given, else the Spark setting, else the default."""
    if given is not None:
        return read(name, given)
    value = conf.get(setting)
    return default if value is None else read(setting, value)


def whole(name: str, value: Any, low: int = 0) -> int:
    """Driver: a whole number, of any integral type; a setting's is text."""
    number = int(value) if name.startswith("spark.") and value.strip().isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, Integral) or number < low:
        raise ValueError(f"{name}={value!r} must be a whole number of at least {low}")
    return int(number)


def size(name: str, value: Any) -> int:
    """Driver: bytes, of a number or of a size as Spark writes it: 512m, 20g, 1tb."""
    number, unit = value, 0
    if isinstance(value, str):
        text = value.strip().lower().removesuffix("b")
        unit = max(0, " kmgt".find(text[-1:]))
        digits = text[:-1] if unit else text
        number = int(digits) if digits.isdecimal() else -1
    try:
        return whole("size", number) << 10 * unit
    except ValueError:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 0 or a size such as '20g'") from None


def page_port(name: str, value: Any) -> int | None:
    """Driver: a port, or None for no page; a setting's None is 'none', 'off' or nothing."""
    setting = name.startswith("spark.")
    if value is None or (setting and value in ("", "none", "off")):
        return None
    try:
        port = whole(name, value)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise ValueError(f"{name}={value!r} must be a port, 0 to 65535, or {'off' if setting else 'None'}")
    return port


def folder(name: str, value: Any) -> str:
    """Driver: a folder on the executors. There a relative path would start from a directory that nobody knows."""
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else ""
    if not os.path.isabs(path):
        raise BadInput(f"{name}={value!r} must be an absolute path, of a folder that is there on every executor")
    return path


def progress(name: str, value: Any) -> Any:
    """Driver: what `progress.make` takes."""
    if value is None or isinstance(value, bool) or callable(value):
        return value
    raise ValueError(f"{name}={value!r} must be None, True, False, or a function of the figures")
