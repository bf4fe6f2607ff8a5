"""Find, start and reach the executor's sidecar. Task side.

One sidecar serves an executor, however many tasks and sessions there are. Its place is a private directory that every task
of this executor's JVM can name by itself (proto/README.md), so tasks need no registry: they try the socket `s` there, and whoever
finds nobody starts the program under the file lock `lock`. The program then watches the JVM, not us: Python workers come and go.

No secret is ever in its arguments or environment: the session's token goes through the socket.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from ..binaries import make_runnable, never_served, tail
from ..errors import BadInput, BinaryError, DeepDistError, PeerGone, PeerSilent, SidecarLost
from ..session import Session
from ..wire import Connection

NAME = "deepdist-sidecar"
MAX_SOCKET_PATH = 107
START_SECONDS = 20.0
SILENCE_SECONDS = 15.0
"""How long a sidecar may be silent before it is pinged, in seconds."""
PING_SECONDS = 20.0
"""How long it may leave a ping unanswered, in seconds, before it counts as hanging."""

LEAST_ADDRESS_SPACE = 1 << 30
"""What a sidecar needs of address space, in bytes: its runtime reserves three quarters of it before it does anything."""
TRY_AGAIN = 75
"""The exit status by which a sidecar says that another one still holds its place."""

_children: list[subprocess.Popen[bytes]] = []  # kept, so that whoever started a sidecar can tell how it ended


def executor_jvm(pid: int | None = None) -> tuple[int, int]:
    """Task: pid and start time (clock ticks since boot) of the JVM that this Python worker serves: its nearest `java` ancestor."""
    at = os.getpid() if pid is None else pid
    while at > 1:
        name, fields = _stat(at)
        if name == "java":
            return at, int(fields[19])
        at = int(fields[1])
    raise DeepDistError("this process has no Java ancestor: it is no Spark task")


def runtime_dir(jvm: tuple[int, int]) -> str:
    """Task: the private directory of this JVM's sidecar; made if need be, refused if it is not ours alone."""
    path = _runtime_path(jvm)
    for d in (os.path.dirname(path), path):
        _private(d)
    return path


def _runtime_path(jvm: tuple[int, int]) -> str:
    name = hashlib.sha256(f"{jvm[0]} {jvm[1]}".encode()).hexdigest()[:16]
    base = f"deepdist-{os.getuid()}"
    temp = os.environ.get("TMPDIR") or "/tmp"
    if len(os.fsencode(os.path.join(temp, base, name, "s"))) > MAX_SOCKET_PATH:
        temp = "/tmp"
    return os.path.join(temp, base, name)


def find(session: Session) -> str:
    """Task: the path of the sidecar program; raises BinaryError that names the fixes if there is none."""
    if session.sidecar is not None and os.path.isfile(session.sidecar):
        return session.sidecar
    tried = [session.sidecar] if session.sidecar is not None else []
    for path in (_spark_file(), os.path.join(os.getcwd(), NAME), *_installed()):
        if path is not None and os.path.isfile(path):
            return path
        if path is not None:
            tried.append(path)
    raise BinaryError(
        f"the executor on {os.uname().nodename} has no {NAME} (looked at {', '.join(tried)}). Do one of these: "
        f"submit with `--files bin/{NAME}`; set spark.deepdist.sidecar.path to its path on the executors; "
        f"or install the deepdist-spark wheel there"
    )


@contextlib.contextmanager
def stream(session: Session, op: str, **fields: Any) -> Iterator[Connection]:
    """Task: a stream to this executor's sidecar, which is started if it does not run; closed at the end.

    Errors of the connection come out as SidecarLost, with how the sidecar ended (if that can be known) and its last lines. A call
    may take as long as it likes while the sidecar lives: a pull waits for its version, a push for `descent`.
    """
    directory = runtime_dir(executor_jvm())
    connection = _connect_or_start(session, directory)
    pid = connection.peer_pid()
    try:
        connection.settimeout(SILENCE_SECONDS, partial(ping, directory, pid))
        spool = {"spool_dir": spool_dir(session), "spool_max_bytes": session.spool_max_bytes}
        connection.hello(op=op, session=session.as_json(), **spool, **fields)
        yield connection
    except PeerGone as e:
        raise lost(directory, pid, how_it_ended(pid) or str(e)) from e
    finally:
        connection.close()


def ping(directory: str, pid: int) -> None:
    """Task: raise unless the sidecar answers a ping, which it does whatever it is busy with. One that hangs is killed: as long
    as it lives it has the executor's place, and every task that comes would wait for it too."""
    try:
        with Connection.dial(os.path.join(directory, "s"), "the sidecar", PING_SECONDS) as connection:
            connection.hello(op="ping")
    except (PeerSilent, TimeoutError) as e:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        silence = SILENCE_SECONDS + PING_SECONDS
        raise lost(directory, pid, f"it did not answer for {silence:g} s, not even a ping, and was killed") from e
    except OSError as e:
        raise PeerGone(f"nobody listens on its socket any more ({e})") from e


def task_context() -> Any:
    """Task: Spark's TaskContext; raises DeepDistError elsewhere."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is None:
        raise DeepDistError("this runs in a Spark task only")
    return context


def attempt_id() -> int:
    """Task: Spark's taskAttemptId, unique and growing within a SparkContext (attemptNumber is neither)."""
    return int(task_context().taskAttemptId())


def partition_id() -> int:
    """Task: the number of this task's partition."""
    return int(task_context().partitionId())


def end_session(session: Session, jvm: tuple[int, int]) -> None:
    """Task (and the driver, in local mode): tell the sidecar of this JVM, if one runs, that the session is over."""
    try:
        with Connection.dial(os.path.join(_runtime_path(jvm), "s"), "the sidecar", timeout=10.0) as connection:
            connection.hello(op="end", session=session.as_json())
    except (OSError, DeepDistError):
        pass  # it is gone, or will learn it from psserver


def spool_dir(session: Session) -> str:
    """Task: where the sidecar may spool: the session's own choice, or Spark's local directory, which Spark itself removes."""
    if session.spool_dir is not None:
        return session.spool_dir
    return (os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("TMPDIR") or "/tmp").split(",")[0]


def lost(directory: str, pid: int, how: str) -> SidecarLost:
    """Task: the exception for a sidecar that is gone: how, and its last lines."""
    lines = tail(os.path.join(directory, "log"))
    return SidecarLost(
        f"the sidecar (pid {pid}) on {os.uname().nodename} is lost: {how}"
        + _address_space_hint()
        + (f"; its last lines:\n{lines}" if lines else "; it wrote no log")
    )


def how_it_ended(pid: int) -> str:
    """Task: 'killed by SIGKILL', 'exited with 2', or '' if that cannot be known (somebody else has taken note of its end)."""
    deadline = time.monotonic() + 1.0
    while True:
        for child in _children:
            code = child.poll() if child.pid == pid else None
            if code is not None:
                return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        try:
            name, fields = _stat(pid)
        except OSError:
            return ""
        if fields[0] == "Z":  # ended, and its parent has not asked yet: the kernel still shows how (proc(5), field 52)
            status = int(fields[49])
            return f"killed by {signal.Signals(status & 127).name}" if status & 127 else f"exited with {status >> 8}"
        if time.monotonic() > deadline:
            return ""
        time.sleep(0.02)


def _connect_or_start(session: Session, directory: str) -> Connection:
    socket_path = os.path.join(directory, "s")
    with contextlib.suppress(OSError):
        return Connection.dial(socket_path, "the sidecar")
    lock = _launchers_lock(directory)
    try:
        with contextlib.suppress(OSError):
            return Connection.dial(socket_path, "the sidecar")  # somebody was faster
        try:
            program = find(session)
        except BinaryError:
            if not session.kept:
                raise
        else:
            return _start(program, directory, socket_path)
    finally:
        os.close(lock)
    return _await_kept(session, socket_path)


def _await_kept(session: Session, socket_path: str) -> Connection:
    """Task: wait for the sidecar that the Spark plugin starts again; raises as `find` does if it does not come."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return Connection.dial(socket_path, "the sidecar")
        time.sleep(0.05)
    find(session)
    raise SidecarLost(f"the Spark plugin has started no sidecar on {os.uname().nodename} for {START_SECONDS:g} s: its log in the executor's says why")


def _launchers_lock(directory: str) -> int:
    """Task: take the directory's lock, under which a sidecar is started. Where none runs yet, the sidecar of another executor may
    sweep the directory away until we have the lock; then it is made again."""
    path = os.path.join(directory, "lock")
    while True:
        _private(directory)
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(lock), os.lstat(path)):
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


def _start(path: str, directory: str, socket_path: str) -> Connection:
    make_runnable(path)
    _check_address_space()
    jvm, _ = executor_jvm()
    with open(os.path.join(directory, "log"), "ab") as log:
        try:
            child = subprocess.Popen(
                [path, "--dir", directory, "--jvm-pid", str(jvm)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Spark's Python daemon signals its whole process group when it ends
                env=_environment(),
                cwd="/",
            )
        except OSError as e:
            raise BinaryError(f"{path} cannot be started: {e}; is it truncated? Build it with `make build`") from e
        written = log.tell()
    _children.append(child)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return Connection.dial(socket_path, "the sidecar")
        if child.poll() is not None:
            if child.returncode in (TRY_AGAIN, -signal.SIGKILL, -signal.SIGTERM):
                raise lost(directory, child.pid, how_it_ended(child.pid))
            new = os.path.getsize(os.path.join(directory, "log")) > written
            raise never_served(path, how_it_ended(child.pid), tail(os.path.join(directory, "log")) if new else "")
        time.sleep(0.005)
    child.kill()
    raise lost(directory, child.pid, f"it did not open its socket within {START_SECONDS:g} s")


def _environment() -> dict[str, str]:
    """Task: the sidecar's environment: ours, with the executor's cores as the limit of its threads."""
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG", "TZ", "DEEPDIST_KERNEL", "DEEPDIST_CACHES")}
    cores = os.environ.get("SPARK_EXECUTOR_CORES", "")
    if cores.isdigit() and int(cores) > 0:
        env.setdefault("GOMAXPROCS", cores)
    return env


def _address_space_hint() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return ""
    return (
        f" (spark.executor.pyspark.memory limits its address space to {limit >> 20} MiB: "
        f"unset it, or raise it by the model's and the runtime's share, 1 GiB at least)"
    )


def _check_address_space() -> None:
    """Task: refuse to start a sidecar, which has the limits of this process, where it could only end with Go's `out of memory`."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
        raise BadInput(
            f"spark.executor.pyspark.memory limits the sidecar's address space to {limit >> 20} MiB, of which it needs 1024 at least, and the "
            f"model's share: unset spark.executor.pyspark.memory, or raise it to 2g or more"
        )


def _spark_file() -> str | None:
    try:
        from pyspark import SparkFiles

        return SparkFiles.get(NAME)
    except Exception:  # no SparkFiles root in this process
        return None


def _installed() -> Iterator[str]:
    """Task: the copy of each place that Python imports from. Not only of ours: a package that was sent as a zip hides the wheel."""
    for place in sys.path:
        if os.path.isdir(os.path.join(place, "deepdist")):
            yield os.path.join(place, "deepdist", "bin", NAME)


def _stat(pid: int) -> tuple[str, list[str]]:
    """Task: the command's name and the fields after it, from the state on (proc(5): field 3 is fields[0])."""
    with open(f"/proc/{pid}/stat") as f:
        text = f.read()
    end = text.rindex(")")
    return text[text.index("(") + 1 : end], text[end + 2 :].split()


def _private(path: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode):
        raise DeepDistError(f"{path} is not a directory of its own (a link or a file lies there): remove it")
    if info.st_uid != os.getuid():
        raise DeepDistError(f"{path} belongs to another user: set TMPDIR to a directory of your own")
    if stat.S_IMODE(info.st_mode) != 0o700:
        os.chmod(path, 0o700)
