"""Puts the programs and the jars into the wheel, and names the platforms that it is for. Runs when a wheel is built.

The programs are static, so they care for the processor only: one wheel serves every Linux on it, be its C library glibc or musl, and every
Python 3. They come from the folder that DEEPDIST_PROGRAMS names, else from the repository's bin/; the jars of the Spark plugin, if
there are any, from DEEPDIST_JARS, else build/jars/; licences of what the programs are made of from DEEPDIST_LICENCES, else build/licences/.
`make wheel` makes them all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from deepdist.binaries import machine_of  # noqa: E402
from deepdist.errors import BinaryError  # noqa: E402

PROGRAMS = ("psserver", "deepdist-sidecar")

PLATFORMS = {
    "x86_64": "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64",
    "aarch64": "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
}
"""Wheel tags by machine. Nothing in the programs needs a C library; these are the oldest of each kind that pip still asks for."""


class ProgramsHook(BuildHookInterface):
    """ProgramsHook runs before hatchling packs a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Driver: an editable install has no use for any of it: the package finds the repository's bin/ by itself."""
        if version == "editable":
            return
        repository = Path(self.root).parent
        programs = _folder("DEEPDIST_PROGRAMS", repository / "bin")
        machines = {}
        for name in PROGRAMS:
            if not (programs / name).is_file():
                raise FileNotFoundError(f"{programs / name} is missing: `make wheel` in the repository builds the programs and the wheels")
            machines[name] = machine_of(str(programs / name))
            build_data["force_include"][str(programs / name)] = f"deepdist/bin/{name}"
        machine = machines[PROGRAMS[0]]
        if set(machines.values()) != {machine} or machine not in PLATFORMS:
            raise BinaryError(f"{programs} has programs for {machines}: a wheel holds one machine's, of {', '.join(PLATFORMS)}")
        for jar in sorted(_folder("DEEPDIST_JARS", repository / "build" / "jars").glob("*.jar")):
            build_data["force_include"][str(jar)] = f"deepdist/jars/{jar.name}"
        licences = [repository / "LICENSE", repository / "NOTICE", *_folder("DEEPDIST_LICENCES", repository / "build" / "licences").glob("*.txt")]
        for licence in sorted(filter(Path.is_file, licences)):
            build_data["force_include"][str(licence)] = f"deepdist/licences/{licence.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{PLATFORMS[machine]}"


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default)
