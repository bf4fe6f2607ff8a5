"""Start and stop psserver. Driver side.

psserver is a child of the driver's process. It says where it serves in one line of JSON on its stdout, and watches this process by
itself, so it goes even if Python is killed. Its log goes to a file without a name, whose last lines end up in errors: it goes with
the last process that has it open.
"""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .binaries import make_runnable, never_served, tail
from .errors import BinaryError, DeepDistError, ServerLost
from .version import PROTOCOL, __version__

NAME = "psserver"
SIDECAR = "deepdist-sidecar"
START_SECONDS = 30.0
STOP_SECONDS = 10.0

CANNOT_LISTEN = 78
"""The exit status by which psserver says that the address it was to serve on is not to be had."""

log = logging.getLogger("deepdist")


class CannotListen(ServerLost):
    """CannotListen means that psserver could not serve on the address that it was given; whoever gave it says more."""


def find(name: str, explicit: str | None, setting: str) -> str:
    """Driver: the path of a program of ours: `explicit` (an argument, or the Spark setting), `DEEPDIST_BIN`, the wheel, the
    repository around an editable install, PATH. Raises BinaryError that names the fixes if it is nowhere, or cannot run here.
    """
    if explicit is not None:
        path = os.path.join(explicit, name) if os.path.isdir(explicit) else explicit
        if not os.path.isfile(path):
            raise BinaryError(f"{path}: no such file (named by {setting})")
        return path
    package = Path(__file__).resolve().parent
    candidates = [package / "bin" / name, package.parents[1] / "bin" / name]
    if os.environ.get("DEEPDIST_BIN"):
        candidates.insert(0, Path(os.environ["DEEPDIST_BIN"]) / name)
    for candidate in candidates:
        if candidate.is_file():
            return str(candidate)
    found = shutil.which(name)
    if found is not None:
        return found
    raise BinaryError(
        f"{name} was not found (looked at {', '.join(map(str, candidates))} and PATH). Do one of these: run `make build` in the "
        f"repository; set DEEPDIST_BIN to the folder that holds it; set {setting}; or install the deepdist-spark wheel"
    )


@dataclass
class Ready:
    """Ready is the line that psserver prints when it serves. `token` is a secret."""

    session_id: str
    port: int
    token: str
    certificate_sha256: str
    control: str
    page: str
    pid: int

    def __repr__(self) -> str:
        return f"Ready({self.session_id}, port {self.port}, {self.page}, token=…)"


class Server:
    """Server is one running psserver. `start` it, talk to `ready.control`, `stop` it; stopping twice is harmless."""

    def __init__(self, process: subprocess.Popen[bytes], ready: Ready, log_file: IO[bytes]):
        self.process = process
        self.ready = ready
        self._log_file = log_file
        self._verdict = ""

    @classmethod
    def start(cls, path: str, host: str, port: int = 0, page: int | None = None) -> Server:
        """Driver: start the program at `path`, serving workers on `host` (port 0: any) and the page on port `page`, and wait for its line.

        Raises BinaryError (wrong machine, version or protocol) or ServerLost (it ended, with its last lines).
        """
        make_runnable(path)
        address = f"[{host}]" if ":" in host else host
        where = "off" if page is None else f"127.0.0.1:{page}"
        log_file = tempfile.TemporaryFile()
        try:
            process = subprocess.Popen(
                [path, "--parent-pid", str(os.getpid()), "--listen", f"{address}:{port}", "--page", where],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log_file,
                start_new_session=True,  # Ctrl-C is for the driver, which stops the session in order
            )
        except OSError as e:
            log_file.close()
            raise BinaryError(f"{path} cannot be started: {e}") from e
        server = cls(process, Ready("", 0, "", "", "", "", process.pid), log_file)
        try:
            server.ready = server._await_line()
        except BaseException:
            server.stop()
            raise
        log.info("psserver %d serves; page: %s", server.ready.pid, server.ready.page)
        return server

    def lost(self, what: str, kind: type[ServerLost] = ServerLost) -> ServerLost:
        """Driver: the exception for a psserver that is gone: how it ended, and its last lines."""
        try:
            how = _how(self.process.wait(timeout=2.0))
        except subprocess.TimeoutExpired:
            how = what
        how = self._verdict or how
        lines = "" if self._log_file.closed else tail(f"/proc/self/fd/{self._log_file.fileno()}")
        return kind(
            f"psserver (pid {self.process.pid}) is lost: {how}"
            + (f"; its last lines:\n{lines}" if lines else "; it wrote no log")
        )

    def _never_served(self) -> DeepDistError:
        """Driver: the exception for a psserver that ended before its line. One that is ours says why, and exits with a status of its own."""
        lost = self.lost("it closed its stdout before it served")
        lines = tail(f"/proc/self/fd/{self._log_file.fileno()}")
        code = self.process.poll()
        if code == CANNOT_LISTEN and lines:
            return self.lost("", CannotListen)
        if code is None or code == -signal.SIGKILL or (code == 1 and lines):
            return lost
        return never_served(str(self.process.args[0]), _how(code), lines)  # type: ignore[index]

    def give_up(self, why: str) -> None:
        """Driver: if psserver lives but hangs, kill it, so that nobody waits for it any longer; `lost` will say why."""
        try:
            self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._verdict = why
            self.process.kill()

    def stop(self) -> None:
        """Driver: end psserver: ask (SIGTERM), then insist (SIGKILL); take its log away."""
        process = self.process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._log_file.close()

    def _await_line(self) -> Ready:
        stdout = self.process.stdout
        assert stdout is not None
        line, deadline = b"", time.monotonic() + START_SECONDS
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.lost(f"it did not serve within {START_SECONDS:g} s")
            if not select.select([stdout], [], [], left)[0]:
                continue
            data = os.read(stdout.fileno(), 65536)
            if not data:
                raise self._never_served()
            line += data
        return parse(line)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


def parse(line: bytes) -> Ready:
    """Driver: the line of a psserver that serves; raises BinaryError if it is another release's, or no psserver's."""
    try:
        fields: dict[str, Any] = json.loads(line)
        protocol, build = fields["protocol"], fields.get("build", "?")
    except (ValueError, KeyError, TypeError) as e:
        raise BinaryError(f"psserver's first line is not what it should be ({e}): is it another program of this name?") from e
    if (protocol, build) != (PROTOCOL, __version__):
        raise BinaryError(
            f"psserver is build {build} (protocol {protocol}), this package is {__version__} (protocol {PROTOCOL}): "
            f"use both of one release; `make build` in the repository makes a matching one"
        )
    try:
        return Ready(**{k: fields[k] for k in Ready.__dataclass_fields__})
    except KeyError as e:
        raise BinaryError(f"psserver's first line lacks {e}") from e
