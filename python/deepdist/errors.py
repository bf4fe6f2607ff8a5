"""What can go wrong, as exceptions. Shared by driver and tasks.

Each class stands for one `code` of an ERROR frame (proto/README.md), so that whoever catches it knows whether a retry can help:
`BadInput` never, `Lost` elsewhere or later. A task's error reaches the driver inside Spark's own; :func:`from_spark` digs it out
of the text by the class's full name, which a Python traceback always ends with.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import sysconfig

__all__ = [
    "BadInput",
    "BinaryError",
    "DeepDistError",
    "Denied",
    "InternalError",
    "Lost",
    "NoProgress",
    "PeerGone",
    "PeerSilent",
    "ProtocolError",
    "ServerLost",
    "SidecarLost",
    "Stopped",
    "TaskLost",
    "UserCodeError",
    "from_code",
    "from_spark",
    "module_lacked",
]


class DeepDistError(RuntimeError):
    """DeepDistError is the parent of every error that this package raises on its own account."""

    code = "internal"


class InternalError(DeepDistError):
    """InternalError is a fault of psserver, the sidecar or this package."""


class BadInput(DeepDistError, ValueError):
    """BadInput means that the user's data or settings are at fault: a retry would meet the same."""

    code = "bad_input"


class UserCodeError(BadInput):
    """UserCodeError means that the user's `gradient` or `descent` raised; its message is mainly their traceback."""


class Lost(DeepDistError):
    """Lost means that a peer is gone: the same work may succeed elsewhere or later."""

    code = "lost"


class PeerGone(Lost):
    """PeerGone means that the other end of a socket closed it or fell silent; whoever knows the peer says more."""


class PeerSilent(PeerGone):
    """PeerSilent means that the other end is still there, and says or takes nothing."""


class SidecarLost(Lost):
    """SidecarLost means that the executor's sidecar ended or fell silent; its message has the last lines of its log."""


class TaskLost(Lost):
    """TaskLost means that Spark lost a task (its Python worker or executor ended); where Spark does not retry, we do."""


class ServerLost(Lost):
    """ServerLost means that psserver ended, or hung; its message has the last lines of its log."""


class Denied(DeepDistError):
    """Denied means a wrong token, or a peer of another user."""

    code = "denied"


class ProtocolError(DeepDistError):
    """ProtocolError means that the two ends do not speak the same protocol."""

    code = "protocol"


class Stopped(DeepDistError):
    """Stopped means that the session or the training has ended."""

    code = "stopped"


class BinaryError(DeepDistError):
    """BinaryError means that psserver or deepdist-sidecar is missing, cannot run here, or is of another release; its message names
    the fixes."""

    code = "build"


class NoProgress(DeepDistError):
    """NoProgress means that a round of the job has brought the training no further; its message says why."""


_BY_CODE: dict[str, type[DeepDistError]] = {
    "bad_input": BadInput,
    "build": BinaryError,
    "lost": Lost,
    "denied": Denied,
    "protocol": ProtocolError,
    "stopped": Stopped,
}


def from_code(code: str, message: str) -> DeepDistError:
    """Driver and task: the exception for an ERROR frame's `code`; an unknown code is an `InternalError`."""
    return _BY_CODE.get(code, InternalError)(message)


def _without_module(name: str) -> str:
    """Driver: what to do about a module that tasks lack: the user's own is sent to them, one that is installed must be installed there too."""
    path = _own_source(name.split(".")[0])
    if path is None:
        return (
            f"the tasks' Python has no module {name!r}. Tasks run the python3 of PATH unless PYSPARK_PYTHON names another: set it "
            f"before the SparkContext is made (the driver runs {sys.executable}), or activate the virtual environment"
        )
    if os.path.isdir(path):
        return (
            f"the tasks' Python has no module {name!r}, which the driver has in {path}: send it to them, zipped from the folder above it "
            f"(zip -r {os.path.basename(path)}.zip {os.path.basename(path)}), by sc.addPyFile('{os.path.basename(path)}.zip') before dd.train, or by "
            f"spark-submit --py-files {os.path.basename(path)}.zip"
        )
    return (
        f"the tasks' Python has no module {name!r}, which the driver has in {path}: send it to them, by sc.addPyFile({path!r}) before dd.train, or by "
        f"spark-submit --py-files {path}"
    )


def _wrong_python(text: str) -> str:
    """Driver: what to do about tasks that run another Python than the driver, or find none; "" if the error is not about that."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if none := _NO_PYTHON.search(text):
        return (
            f"an executor cannot start its tasks' Python, {none.group(1)!r}: PYSPARK_PYTHON (or spark.pyspark.python) must name a Python {version} that "
            f"is there on every executor; if it comes in an archive, the folder is what stands behind the #: --archives environment.tar.gz#environment"
        )
    if _ANOTHER_PYTHON.search(text):
        return (
            f"the tasks run another Python than the driver: set PYSPARK_PYTHON, before the SparkContext is made, to a Python {version} of theirs, as "
            f"the driver's is ({sys.executable})"
        )
    return ""


def _own_source(module: str) -> str | None:
    """Driver: the file or folder of a module that this process can import and that is not installed; None if there is none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # ValueError: of a module without a spec, like __main__
        return None
    path = spec.origin if spec is not None else None
    if path is not None and os.path.basename(path) == "__init__.py":
        path = os.path.dirname(path)
    elif spec is not None and spec.submodule_search_locations:
        path = next(iter(spec.submodule_search_locations))  # a folder without an __init__.py
    installed = [os.path.realpath(p) for p in sysconfig.get_paths().values()]
    if path is None or not os.path.exists(path) or any(os.path.realpath(path).startswith(p + os.sep) for p in installed):
        return None
    return os.path.abspath(path)


_RAISED = re.compile(r"^(?:\S*: )?deepdist\.errors\.(\w+): ", re.MULTILINE)
_ENDED = re.compile(
    r"Python worker exited unexpectedly|ExecutorLostFailure"
    # Spark 3.5 may close a reused worker's socket 2 s after a job before has failed, and takes that for the new task's failure.
    r"|failure: [^\n]*: java\.net\.SocketException: (Socket closed|Connection reset|Broken pipe)"
)
_MISSING = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)
_ANOTHER_PYTHON = re.compile(r"\[PYTHON_VERSION_MISMATCH\]|Python in worker has different version")
_NO_PYTHON = re.compile(r'Cannot run program "([^"\n]*)".*?org\.apache\.spark\.api\.python\.PythonWorkerFactory', re.DOTALL)
_CHAINED = re.compile(r"\n\n(?:During handling of the above exception|The above exception was the direct cause)")
_SQLSTATE = re.compile(r"\n\s*SQLSTATE: \w+\s*\Z")
_JAVA_FRAMES = re.compile(r"\n\s*\n?\tat [\w.$]+[(/].*", re.DOTALL)


def from_spark(text: str) -> DeepDistError | None:
    """Driver: the task's own exception, found in the text of the one that Spark raised; TaskLost if there is none because the
    task's process ended; None if the error is somebody else's, like one of the data's own map functions.

    Spark wraps a Python traceback into a Java stack trace, several times over. The first exception of ours in it is the
    one that was raised first; what follows its message is Java's frames.
    """
    found = _RAISED.search(text)
    missing = _MISSING.search(text)
    if found is None and missing:
        return BadInput(_without_module(missing.group(1)))
    if found is None and (wrong := _wrong_python(text)):
        return BadInput(wrong)
    if found is None:
        return TaskLost(text.split("\n", 1)[0][:1000]) if _ENDED.search(text) else None
    kind = globals().get(found.group(1))
    if not (isinstance(kind, type) and issubclass(kind, DeepDistError)):
        kind = InternalError
    message = _SQLSTATE.sub("", _JAVA_FRAMES.sub("", text[found.end() :]))
    if kind is not UserCodeError:  # whose message is a traceback of the user's, which may have such lines itself
        message = _CHAINED.split(message, maxsplit=1)[0]
    return kind(message.rstrip())


def module_lacked(text: str) -> str | None:
    """Driver: the module that the tasks' Python has not, if that is what Spark's exception is about."""
    missing = _MISSING.search(text)
    return missing.group(1) if missing and not _RAISED.search(text) else None
