"""The command `deepdist`: is everything here that a training needs, and where is it? Driver side."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from . import jars, launch, settings
from .errors import DeepDistError
from .version import PROTOCOL, __version__

INTERRUPTED = 130
PIPE_CLOSED = 141
"""As a shell says that a program ended by SIGINT or SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Driver: run one command; returns its exit status: 0, 1 for a failure, 2 for a command that makes no sense."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `deepdist doctor | head`: nobody reads on, and what is left must not be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except DeepDistError as e:
        print(f"deepdist: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deepdist: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deepdist", description="DeepDist trains models on data that lives in Spark.")
    parser.add_argument("--version", action="version", version=f"deepdist {__version__}, protocol {PROTOCOL}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser(
        "doctor",
        help="check programs, versions, ports, limits, and that executors reach the driver",
        description="Checks what a training needs, here and on every executor, by a tiny one on the cluster. Each line is ok, warn or fail, "
        "the last two with what to do. Exit status: 0 if nothing failed, 1 if something did.",
    )
    doctor.add_argument("--master", help="the cluster, as spark-submit's --master (default: what Spark is configured for, else local[2])")
    doctor.add_argument(
        "--conf", action="append", default=[], metavar="NAME=VALUE", type=_pair, help="a Spark setting, as spark-submit's --conf; may be repeated"
    )
    doctor.add_argument("--no-spark", action="store_true", help="look at this machine only")
    doctor.add_argument("--timeout", type=_seconds, default=120.0, metavar="SECONDS", help="how long the cluster may take for each step (120)")
    doctor.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    doctor.set_defaults(run=_doctor)

    sidecar = commands.add_parser("sidecar-path", help="print where deepdist-sidecar is, for spark-submit --files")
    sidecar.set_defaults(run=_sidecar_path)

    server = commands.add_parser("psserver-path", help="print where psserver is, for its put and get, and for --files in YARN's cluster mode")
    server.set_defaults(run=_psserver_path)

    jar = commands.add_parser("jar-path", help="print where the Spark plugin's jar is, for spark-submit --jars")
    jar.add_argument("--scala", choices=("2.12", "2.13"), help="Scala's version (default: that of the Spark at hand)")
    jar.set_defaults(run=_jar_path)
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _doctor(options: argparse.Namespace) -> int:
    from . import doctor

    report = doctor.Report(sys.stdout, as_json=options.json)
    return doctor.run(report, options.master, dict(options.conf), spark=not options.no_spark, timeout=options.timeout)


def _sidecar_path(_: argparse.Namespace) -> int:
    print(launch.find(launch.SIDECAR, None, settings.of("sidecar").key))
    return 0


def _psserver_path(_: argparse.Namespace) -> int:
    print(launch.find(launch.NAME, None, settings.of("psserver").key))
    return 0


def _jar_path(options: argparse.Namespace) -> int:
    print(jars.find(options.scala or jars.scala_at_hand()))
    return 0
