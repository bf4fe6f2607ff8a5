"""What DeepDist is told: arguments, and Spark settings of the same meaning, in one list, read and checked. Driver side.

`SETTINGS` is that list; docs/settings.md has it as a table, which a test compares. An argument beats a Spark setting, a setting beats the
default. Every reader takes the words by which the user knows the value, `min_updates` or `spark.deepdist.minUpdates`, and raises
ValueError that names it so.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from .errors import BadInput

PREFIX = "spark.deepdist."


@dataclass(frozen=True)
class Setting:
    """Setting is one thing that DeepDist can be told: by `argument` of `DeepDist(…)` ('': by Spark's configuration only), by `key`.

    `kind` says in words what `read` takes, `default_means` what a default that does not speak for itself does. `unset` is the argument's
    value when none is given.
    """

    argument: str
    key: str
    kind: str
    read: Callable[[str, Any], Any]
    default: Any
    doc: str
    default_means: str = ""
    unset: Any = None


def of(argument: str) -> Setting:
    """Driver: the setting of this argument."""
    return next(s for s in SETTINGS if s.argument == argument)


def choose(conf: Any, argument: str, given: Any) -> Any:
    """Driver: the argument if one is given, else the Spark setting, else the default."""
    setting = of(argument)
    if given != setting.unset:
        return setting.read(argument, given)
    value = conf.get(setting.key)
    return setting.default if value is None else setting.read(setting.key, value)


def called(argument: str, given: Any) -> str:
    """Driver: the words by which the user knows this setting: the argument if one is given, else Spark's key."""
    setting = of(argument)
    return f"{argument}=" if given != setting.unset else setting.key


def resolve(conf: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Driver: `choose` for all of these arguments."""
    return {argument: choose(conf, argument, value) for argument, value in given.items()}


def check(arguments: Mapping[str, Any]) -> None:
    """Driver: read what is given, so that a value out of its range is refused before anything starts."""
    for argument, given in arguments.items():
        if given != of(argument).unset:
            of(argument).read(argument, given)


def strangers(names: list[str]) -> Iterator[str]:
    """Driver: what to say of names in Spark's configuration that look like settings of ours, and are none."""
    known = {s.key.removeprefix(PREFIX).lower(): s.key for s in SETTINGS}
    for name in names:
        if name.startswith(PREFIX) and name not in known.values():
            near = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), known, 1)
            yield f"{name} is no setting of DeepDist's" + (f": did you mean {known[near[0]]}?" if near else "; docs/settings.md lists them")


def table() -> str:
    """Driver: the list as docs/settings.md has it."""
    rows = ["| argument | setting | takes | default | meaning |", "|---|---|---|---|---|"]
    for s in SETTINGS:
        argument = f"`{s.argument}=`" if s.argument else ""
        rows.append(f"| {argument} | `{s.key}` | {s.kind} | {s.default_means or s.default} | {s.doc} |")
    return "\n".join(rows) + "\n"


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


def path(name: str, value: Any) -> str:
    """Driver: the path of a program, or of the folder that holds it."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else ""
    if not text:
        raise BadInput(f"{name}={value!r} must be a path")
    return text


def flag(name: str, value: Any) -> bool:
    """Driver: true or false; a setting's is a word."""
    if isinstance(value, bool):
        return value
    if name.startswith("spark.") and str(value).strip().lower() in ("true", "false"):
        return str(value).strip().lower() == "true"
    raise ValueError(f"{name}={value!r} must be " + ("true or false" if name.startswith("spark.") else "True or False"))


def address(name: str, value: Any) -> tuple[str, int]:
    """Driver: 'host' or 'host:port' taken apart; port 0 means any."""
    text = value if isinstance(value, str) else ""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"] or 0) > 65535:
        raise BadInput(f"{name}={value!r}: write 'host' or 'host:port', an IPv6 address in brackets: '[::1]:7000'")
    return found["ipv6"] or found["host"], int(found["port"] or 0)


_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


def progress(name: str, value: Any) -> Any:
    """Driver: what `progress.make` takes; a setting can only turn it on or off."""
    if name.startswith("spark."):
        return flag(name, value)
    if value is None or isinstance(value, bool) or callable(value):
        return value
    raise ValueError(f"{name}={value!r} must be None, True, False, or a function of the figures")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "sidecar",
        "spark.deepdist.sidecar.path",
        "path",
        path,
        None,
        "the program `deepdist-sidecar`: a file of the driver's, which is sent to the executors, or else a path that is there on each of them",
        "found: [spark.md](spark.md)",
    ),
    Setting(
        "psserver",
        "spark.deepdist.psserver.path",
        "path",
        path,
        None,
        "the program `psserver` on the driver's machine",
        "found: [spark.md](spark.md)",
    ),
    Setting(
        "ship",
        "spark.deepdist.ship",
        "true or false",
        flag,
        True,
        "send the package and the sidecar to the executors; `false` where they have both: a wheel in their environment or image",
        "true",
    ),
    Setting(
        "master",
        "spark.deepdist.master",
        "`host` or `host:port`",
        address,
        None,
        "what psserver listens on, and executors reach it by",
        "any free port of `spark.driver.host`, bound to `spark.driver.bindAddress`",
    ),
    Setting(
        "page",
        "spark.deepdist.page",
        "port; `None` or `off`: no page",
        page_port,
        5000,
        "port of the run's page, on 127.0.0.1",
        "5000, or the next free one, with a warning",
        unset="default",
    ),
    Setting(
        "progress",
        "spark.deepdist.progress",
        "true or false; as argument also a function of the figures",
        progress,
        None,
        "whether progress is shown; `spark.ui.showConsoleProgress=false` stops Spark's own bar, which is drawn over it",
        "a bar in a terminal or notebook, lines elsewhere",
    ),
    Setting(
        "spool_dir",
        "spark.deepdist.spoolDir",
        "absolute path",
        folder,
        None,
        "folder for the sidecars' spools, which must be there on every executor",
        "Spark's local directory (`SPARK_LOCAL_DIRS`)",
    ),
    Setting(
        "spool_max_bytes",
        "spark.deepdist.spoolMaxBytes",
        "bytes, or a size such as `20g`",
        size,
        0,
        "what a session's spools may take of each executor's disk",
        "0: what the disk has",
    ),
    Setting(
        "min_updates",
        "spark.deepdist.minUpdates",
        "whole number",
        whole,
        0,
        "any model: every pull gets one version until so many updates of it are in ([any-model.md](any-model.md))",
        "0: asynchronous",
    ),
    Setting(
        "max_updates",
        "spark.deepdist.maxUpdates",
        "whole number",
        whole,
        4096,
        "any model: how often one version is pulled at most",
    ),
)
"""Everything that DeepDist can be told by Spark's configuration, and by an argument of `DeepDist(…)`."""
