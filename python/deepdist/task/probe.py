"""What a task sees of its executor, for `deepdist doctor`. Task side.

These are facts, which the driver judges; nothing is raised, so that one executor's trouble does not hide another's.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ..binaries import make_runnable
from ..session import Session
from . import sidecar

GIB = 1 << 30
LEAST_FILES = 1024
"""Files that a program of ours may have open: a socket per task and session, and the spools."""
LEAST_MEMORY = GIB
LEAST_SPACE = GIB
HOLD_SECONDS = 0.7
"""How long a task holds its core, so that the others go to other executors."""
REACH_SECONDS = 15.0


def look(session: Session, index: int, _: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Task: `mapPartitionsWithIndex` of doctor's job; yields one dict of facts. What could not be found out is {'error': …} there."""
    time.sleep(HOLD_SECONDS)
    facts: dict[str, Any] = {"host": os.uname().nodename, "machine": os.uname().machine, "python": sys.executable}
    for name, find in {
        "jvm": lambda: "{} {}".format(*sidecar.executor_jvm()),
        "python_version": lambda: ".".join(map(str, sys.version_info[:3])),
        "numpy": lambda: _version("numpy"),
        "pyarrow": lambda: _version("pyarrow"),
        "sidecar": lambda: _runnable(session),
        "reach": lambda: _reach(session.address),
        "open_files": lambda: list(resource.getrlimit(resource.RLIMIT_NOFILE)),
        "address_space": lambda: resource.getrlimit(resource.RLIMIT_AS)[0],
        "memory": available_memory,
        "spool_dir": lambda: sidecar.spool_dir(session),
        "space": lambda: free_space(sidecar.spool_dir(session)),
    }.items():
        try:
            facts[name] = find()
        except Exception as e:
            facts[name] = {"error": f"{type(e).__name__}: {e}"}
    yield facts


def lend(model: Any, rows: Iterable[Any]) -> dict[str, Any]:
    """Task: the gradient of doctor's tiny training: how many rows there were."""
    import numpy as np

    time.sleep(HOLD_SECONDS)
    return {"seen": np.full(1, -float(sum(1 for _ in rows)))}


def available_memory() -> int:
    """Driver and task: bytes that a new process could take: the machine's, or what a container's limit leaves."""
    with open("/proc/meminfo") as f:
        left = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))
    for limit, usage in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        try:
            with open(f"/sys/fs/cgroup/{limit}") as most, open(f"/sys/fs/cgroup/{usage}") as used:
                left = min(left, max(0, int(most.read()) - int(used.read())))
        except (OSError, ValueError):  # no such cgroup, or 'max': no limit
            pass
    return left


def free_space(folder: str) -> int:
    """Driver and task: bytes free for us on the disk of a folder, which must be there and writable. Raises OSError."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(2, "no such folder", folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "it cannot be written", folder)
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _version(module: str) -> str:
    return str(__import__(module).__version__)


def _runnable(session: Session) -> str:
    path = sidecar.find(session)
    make_runnable(path)
    return path


def _reach(address: str) -> float:
    """Task: seconds that it takes to connect to psserver. Raises OSError."""
    host, _, port = address.rpartition(":")
    began = time.monotonic()
    socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    return round(time.monotonic() - began, 4)
