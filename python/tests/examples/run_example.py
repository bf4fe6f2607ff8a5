"""Runs an example as a person does: its own process, in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run_example(name, folder, *arguments, seconds=170):
    """The example's output; fails with what it wrote if it fails."""
    env = {**os.environ, "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false pyspark-shell"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)], cwd=folder, env=env, timeout=seconds, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert done.returncode == 0, f"{name} exited with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def figures(pattern, text):
    """The numbers that the pattern's groups find, as floats."""
    found = re.search(pattern, text)
    assert found, f"no {pattern!r} in:\n{text[-3000:]}"
    return [float(group) for group in found.groups()]
