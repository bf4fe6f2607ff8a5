"""Files by path or URL: this machine's by `open`, those in HDFS by psserver's commands `get` and `put`. Driver side.

The commands are processes of their own, so they work when no session is on, before, after and without a `with` block. What is written goes to a
file without a name first: put may have to send it again when a DataNode dies.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from . import hadoop, launch
from .binaries import make_runnable
from .errors import BadInput, Lost

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_ERRORS: dict[int, type[Exception]] = {3: BadInput, 4: FileNotFoundError, 5: PermissionError, 6: FileExistsError}
"""What exit statuses of `get` and `put` stand for; any other is Lost."""


@contextlib.contextmanager
def writing(path: str | os.PathLike[str], overwrite: bool = True) -> Iterator[IO[bytes]]:
    """Driver: a file to write to; in HDFS (`hdfs://…`) it is there when the block has ended, and only if it has not raised.

    Raises FileExistsError if a file is there and may not be replaced, PermissionError, BadInput (its message says what to change), or Lost.
    """
    local = _local(path)
    if local is not None:
        with open(local, "wb" if overwrite else "xb") as f:
            yield f
        return
    with tempfile.TemporaryFile() as staged:
        yield staged
        staged.flush()
        staged.seek(0)
        _copy("put", path, *(["--overwrite"] if overwrite else []), stdin=staged, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Driver: a file to read from. Raises FileNotFoundError, PermissionError, BadInput or Lost, as `writing` does."""
    local = _local(path)
    if local is not None:
        with open(local, "rb") as f:
            yield f
        return
    with tempfile.TemporaryFile() as arrived:
        _copy("get", path, stdin=subprocess.DEVNULL, stdout=arrived)
        arrived.seek(0)
        yield arrived


def unpacked(f: IO[bytes], path: str | os.PathLike[str]) -> contextlib.AbstractContextManager[IO[bytes]]:
    """Driver: a file of `writing` or `reading` as it is, or through gzip or bzip2 where the path ends in `.gz` or `.bz2`."""
    mode, name = "wb" if f.writable() else "rb", os.fspath(path).lower()
    if name.endswith(".gz"):
        return gzip.GzipFile(fileobj=f, mode=mode)  # type: ignore[return-value]
    if name.endswith(".bz2"):
        return bz2.BZ2File(f, mode)  # type: ignore[call-overload,return-value,no-any-return]
    return contextlib.nullcontext(f)


def _local(path: str | os.PathLike[str]) -> str | None:
    """Driver: the path on this machine; None for one in HDFS. Raises BadInput for any other system."""
    name = os.fspath(path)
    found = _SCHEME.match(name)
    if found is None:
        return name
    scheme, rest = found.group(1).lower(), name[found.end() - 1 :]
    if scheme == "hdfs":
        return None
    if scheme == "file" and (not rest.startswith("//") or rest.startswith("///")):
        return "/" + rest.lstrip("/")
    raise BadInput(f"{name}: files can be on this machine (/a/path, file:///a/path) and in HDFS (hdfs://host:port/a/path)")


def _copy(verb: str, url: str | os.PathLike[str], *flags: str, **streams: Any) -> None:
    """Driver: run `psserver get` or `psserver put` to its end; raises what its exit status stands for, with what it said."""
    sc = hadoop.active_context()
    setting = "spark.deepdist.psserver.path"
    program = launch.find(launch.NAME, None if sc is None else sc.getConf().get(setting), setting)
    make_runnable(program)
    if sc is not None:  # else psserver looks for Hadoop's configuration by itself
        flags = (*flags, "--hadoop", json.dumps(hadoop.configuration(sc)))
    command = [program, verb, "--parent-pid", str(os.getpid()), *flags, os.fspath(url)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True, **streams)
    try:
        said = process.communicate()[1].decode(errors="replace").strip().removeprefix(f"psserver {verb}: ")
    except BaseException:  # Ctrl-C: nothing half is left behind
        process.terminate()
        process.wait()
        raise
    if process.returncode:
        kind = _ERRORS.get(process.returncode, Lost)
        raise kind(said or f"psserver {verb} {os.fspath(url)}: exit status {process.returncode}, and it said nothing")
