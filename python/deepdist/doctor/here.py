"""What a training needs of the driver's machine. Driver side."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from .. import jars, launch, settings
from ..binaries import machine_of, make_runnable
from ..errors import DeepDistError
from ..task.probe import GIB, LEAST_FILES, LEAST_MEMORY, LEAST_SPACE, available_memory, free_space
from ..version import PROTOCOL, __version__
from . import FAIL, OK, WARN, Check

INSTALL_PYSPARK = "pip install 'deepdist-spark[spark]', or set SPARK_HOME and PYTHONPATH to a Spark that is here"
LEAST_PYTHON = (3, 10)
LEAST = {"numpy": "1.26", "pyarrow": "14", "tqdm": "4.60"}
LEAST_PYSPARK = "3.5"
SPARKS_FILES = 512
"""With fewer open files Spark's JVM ends before it says why: at 256 it cannot read its own security settings any more."""


def checks(conf: Mapping[str, str]) -> Iterator[Check]:
    """Driver: look at everything that needs no Spark."""
    yield _python()
    paths = {}
    for argument, name in (("psserver", launch.NAME), ("sidecar", launch.SIDECAR)):
        paths[argument], check = _program(name, conf.get(settings.of(argument).key), settings.of(argument).key)
        yield check
    for name, least in LEAST.items():
        yield _library(name, least)
    yield _pyspark()
    yield _java()
    yield _jar()
    if paths["psserver"]:
        yield _serves(paths["psserver"])
    yield _page(conf)
    yield files_limit(resource.getrlimit(resource.RLIMIT_NOFILE))
    yield _address_space()
    yield _memory()
    yield _sockets()
    yield _space(conf)
    yield from _settings(conf)
    for warning in settings.strangers(list(conf)):
        yield Check("settings", WARN, warning, "docs/settings.md lists them")


def version_of(distribution: str) -> str | None:
    """Driver: the version that is installed, None if it is not. A Spark that PYTHONPATH names has no distribution, but says it too."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        try:
            return str(__import__(distribution).__version__)
        except (ImportError, AttributeError):
            return None


def numbers(version: str) -> tuple[int, ...]:
    """Driver: '26.0.1' as (26, 0, 1), to be compared."""
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def files_limit(limit: tuple[int, int], name: str = "open files", on: str = "") -> Check:
    """Driver: judge RLIMIT_NOFILE, (soft, hard): Go's programs raise the soft one to the hard one by themselves."""
    soft, hard = (resource.RLIM_INFINITY if n < 0 else n for n in limit)
    allowed = "without limit" if hard == resource.RLIM_INFINITY else f"{hard:,}"
    if hard == resource.RLIM_INFINITY or hard >= LEAST_FILES:
        return Check(name, OK, f"{allowed}{on}")
    fix = f"raise it to {LEAST_FILES} at least: ulimit -Hn {LEAST_FILES}, or LimitNOFILE= of the service"
    if hard < SPARKS_FILES:
        return Check(name, FAIL, f"{allowed} at most{on}", f"Spark's JVM does not start with so few, it opens some 280 jars: {fix}")
    return Check(name, WARN, f"{allowed} at most{on}", fix)


def _python() -> Check:
    version, machine = ".".join(map(str, sys.version_info[:3])), os.uname().machine
    found = f"{version}, {sys.executable}; deepdist {__version__} from {Path(__file__).resolve().parents[1]}"
    if sys.platform != "linux" or machine not in ("x86_64", "aarch64"):
        return Check("python", FAIL, f"{found}; {sys.platform} on {machine}", "DeepDist runs on Linux, on x86-64 and arm64")
    if sys.version_info < LEAST_PYTHON:
        return Check("python", FAIL, found, f"use Python {'.'.join(map(str, LEAST_PYTHON))} or newer")
    return Check("python", OK, found)


def _program(name: str, explicit: str | None, key: str) -> tuple[str, Check]:
    """Driver: find a program and run it; returns its path, '' if it is of no use."""
    try:
        path = launch.find(name, explicit, key)
        make_runnable(path)
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except DeepDistError as e:
        return "", Check(name, FAIL, str(e))
    except (OSError, subprocess.SubprocessError) as e:
        return "", Check(name, FAIL, f"it does not run: {e}", f"build it again with `make build`, or set {key} to another one")
    said, ours = (done.stdout + done.stderr).strip(), f"{name} {__version__}, protocol {PROTOCOL}"
    if said != ours:
        fix = "use programs and package of one release: reinstall the deepdist-spark wheel, or `make build` in the repository"
        return "", Check(name, FAIL, f"{path} says {said[:200]!r}, not {ours!r}", fix)
    found = f"{path}, {said.removeprefix(name).strip()}, {machine_of(path)}"
    folder = os.environ.get("DEEPDIST_BIN")
    if folder and explicit is None and path != os.path.join(folder, name):
        return path, Check(name, WARN, f"{found}; DEEPDIST_BIN={folder} has none", "put it there, or unset DEEPDIST_BIN")
    return path, Check(name, OK, found)


def _library(name: str, least: str) -> Check:
    version = version_of(name)
    if version is None or numbers(version) < numbers(least):
        return Check(name, FAIL, version or "not installed", f"pip install '{name}>={least}'")
    return Check(name, OK, version)


def _pyspark() -> Check:
    version = version_of("pyspark")
    if version is None:
        return Check("pyspark", WARN, "not installed: nothing can be trained without it", INSTALL_PYSPARK)
    if numbers(version) < numbers(LEAST_PYSPARK):
        return Check("pyspark", FAIL, version, f"DeepDist runs on PySpark {LEAST_PYSPARK} and 4")
    return Check("pyspark", OK, version)


def _java() -> Check:
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    pyspark = version_of("pyspark")
    least = 17 if pyspark and numbers(pyspark) >= (4,) else 8
    try:
        if java is None:
            raise FileNotFoundError("no java on PATH, and JAVA_HOME is not set")
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as e:
        return Check("java", FAIL if pyspark else WARN, str(e), "Spark needs it: install a Java 17 runtime, or set JAVA_HOME")
    said = (done.stderr + done.stdout).strip()
    if done.returncode != 0:
        found = f"{java} exits with {done.returncode}: {' '.join(said.splitlines()[:2]) or 'it says nothing'}"
        return Check("java", FAIL, found, "Java itself does not start: mend that, a limit of memory (ulimit -v) for instance, or set JAVA_HOME to another one")
    version = re.search(r'version "(?:1\.)?(\d+)[^"]*"', said)
    if version is None or int(version.group(1)) < least:
        return Check("java", FAIL, f"{java}: {said.splitlines()[0] if said else 'it says nothing'}", f"PySpark {pyspark} needs Java {least} or newer: set JAVA_HOME")
    return Check("java", OK, f"{version.group(0).removeprefix('version ')}, {java}")


def _jar() -> Check:
    try:
        return Check("plugin's jar", OK, jars.find(jars.scala_at_hand()))
    except DeepDistError as e:
        return Check("plugin's jar", OK, f"not here, and optional: {str(e).split('. ', 1)[0]}")


def _serves(path: str) -> Check:
    """Driver: start a psserver on loopback, reach the port that workers dial, stop it."""
    began = time.monotonic()
    try:
        server = launch.Server.start(path, "127.0.0.1")
    except DeepDistError as e:
        return Check("server", FAIL, str(e))
    try:
        socket.create_connection(("127.0.0.1", server.ready.port), timeout=10).close()
        return Check("server", OK, f"psserver served within {time.monotonic() - began:.2f} s")
    except OSError as e:
        return Check("server", FAIL, f"psserver's port {server.ready.port} on loopback is not reached: {e}", "look for a firewall on this machine")
    finally:
        server.stop()


def _page(conf: Mapping[str, str]) -> Check:
    setting = settings.of("page")
    try:
        port = settings.choose(conf, "page", setting.unset)
    except ValueError as e:
        return Check("page", FAIL, str(e), f"mend {setting.key}")
    if port is None:
        return Check("page", OK, "turned off")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as e:
            return Check("page", WARN, f"port {port} on 127.0.0.1: {e.strerror}; the page takes the next free one", f"{setting.key} names another port, or is off")
    return Check("page", OK, f"port {port} on 127.0.0.1 is free" if port else "any free port on 127.0.0.1")


def _settings(conf: Mapping[str, str]) -> Iterator[Check]:
    """Driver: the settings that no other check reads."""
    others = {settings.of(argument).key for argument in ("page", "psserver", "sidecar")}
    for setting in settings.SETTINGS:
        value = conf.get(setting.key)
        if value is None or setting.key in others:
            continue
        try:
            setting.read(setting.key, value)
        except ValueError as e:
            yield Check("settings", FAIL, str(e), f"mend {setting.key}")


def _address_space() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return Check("address space", OK, "without limit")
    enough = soft >= 2 * GIB
    return Check("address space", OK if enough else FAIL, f"{soft / GIB:.1f} GiB", "" if enough else "psserver needs 1 GiB and the model's size: ulimit -v unlimited")


def _memory() -> Check:
    left = available_memory()
    enough = left >= LEAST_MEMORY
    return Check(
        "memory",
        OK if enough else WARN,
        f"{left / GIB:.1f} GiB available, for the driver's JVM, Python and psserver",
        "" if enough else "free some, or raise the container's limit: the model and Spark's driver must fit (docs/spark.md)",
    )


def _sockets() -> Check:
    place = os.environ.get("TMPDIR") or "/tmp"
    try:
        with tempfile.TemporaryDirectory(dir=place):
            return Check("sockets", OK, f"in {place}")
    except OSError as e:
        return Check("sockets", FAIL, f"{place}: {e.strerror}", "set TMPDIR to a folder that can be written")


def _space(conf: Mapping[str, str]) -> Check:
    """Driver: the disk that Spark's driver uses, which is also the executors' in local mode."""
    chosen = conf.get(settings.of("spool_dir").key)
    place = chosen or conf.get("spark.local.dir") or os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("TMPDIR") or "/tmp"
    place = place if chosen else place.split(",")[0]
    try:
        free = free_space(place)
    except OSError as e:
        if chosen:
            fix = f"DeepDist makes no folder: {settings.of('spool_dir').key} must be there on every executor, and in local mode here"
            return Check("disk", WARN, f"{place}: {e.strerror}", fix)
        return Check("disk", FAIL, f"{place}: {e.strerror}", "set spark.local.dir, or SPARK_LOCAL_DIRS, to a folder that is there")
    if free < LEAST_SPACE:
        return Check("disk", WARN, f"{free / GIB:.1f} GiB free in {place}", "free some, or set spark.local.dir to a larger disk: the text takes 1 to 3 bytes per word there")
    return Check("disk", OK, f"{free / GIB:.0f} GiB free in {place}")
