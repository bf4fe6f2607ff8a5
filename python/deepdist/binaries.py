"""Whether a program can run on this machine. Shared by driver (psserver) and tasks (the sidecar)."""

from __future__ import annotations

import os
import stat

from .errors import BinaryError

_MACHINES = {62: "x86_64", 183: "aarch64", 243: "riscv64", 22: "s390x", 21: "ppc64le", 3: "i686", 40: "arm"}
"""ELF's e_machine, in the names of `uname -m`."""


def machine_of(path: str) -> str:
    """Driver and task: the machine that a Linux program is built for, as `uname -m` says it. Raises BinaryError if it is none."""
    try:
        with open(path, "rb") as f:
            head = f.read(20)
    except OSError as e:
        raise BinaryError(f"{path} cannot be read: {e.strerror or e}") from e
    if head[:4] != b"\x7fELF" or len(head) < 20:
        raise BinaryError(f"{path} is not a Linux program (no ELF header): build it with `make build`")
    return _MACHINES.get(int.from_bytes(head[18:20], "little" if head[5] == 1 else "big"), "another machine")


def make_runnable(path: str, machine: str | None = None) -> None:
    """Driver and task: check that `path` is a Linux program for this machine, and give it the executable bit if that is missing.

    machine: as `uname -m` says it; None: this one. Raises BinaryError that names the fix.
    """
    machine = machine or os.uname().machine
    found, mode = machine_of(path), os.stat(path).st_mode
    if found != machine:
        raise BinaryError(
            f"{path} is built for {found}, this machine is {machine}: "
            f"build it with `make build GOARCH={ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }`"
        )
    if not mode & stat.S_IXUSR:
        try:
            os.chmod(path, mode | stat.S_IXUSR)
        except OSError as e:
            raise BinaryError(f"{path} is not executable, and cannot be made so ({e.strerror}): chmod +x {path}") from e
    if not os.access(path, os.X_OK):
        raise BinaryError(f"{path} is not executable for this user: chmod +x {path}, and mind a mount with noexec")


def never_served(path: str, how: str, lines: str) -> BinaryError:
    """Driver and task: the exception for a program that ended before it served. how: 'exited with 0', say. lines: its last ones."""
    return BinaryError(
        f"{path} ended before it served: {how or 'it did not start'}"
        + (f"; its last lines:\n{lines}\n" if lines else ", without a word. ")
        + "If this does not say why, the file is truncated or another program of this name: build it with `make build`"
    )


def tail(path: str, lines: int = 20, limit: int = 16 << 10) -> str:
    """Driver and task: the last lines of a log file; empty if there is none."""
    try:
        with open(path, "rb") as f:
            f.seek(0, os.SEEK_END)
            f.seek(max(0, f.tell() - limit))
            text = f.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
