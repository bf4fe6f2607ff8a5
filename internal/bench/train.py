#!/usr/bin/env python3
"""How long the whole job takes: from the text to vectors in Python, against gensim on the same file (`make bench-train`).

DeepDist is given the text as lines (RDD[str]), lists of tokens (RDD[list[str]]) and as a path. Prints JSON lines: `seconds` is from `dd.train` to the
vectors, `parts` what it is made of; the starts of Spark and of the session are apart. For each process, read while it runs: `peak_mb`, its
largest resident memory (VmHWM), and `cpu_seconds`, user and system time of the processes of a kind, apart for `ingest` (with the vocabulary),
`train` and `model`. DeepDist runs before and after gensim, so that both meet the same machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from pathlib import Path

import inputs
import psutil

ROLES = {"psserver": "psserver", "deepdist-sideca": "sidecar", "java": "jvm", "python": "python worker", "python3": "python worker"}
TICKS = os.sysconf("SC_CLK_TCK")


class Meter(threading.Thread):
    """Meter reads memory and CPU time of every process that a training starts, twenty times a second, until it is stopped."""

    def __init__(self, root: int):
        super().__init__(daemon=True)
        self._root = psutil.Process(root)
        self._known: set[int] = set()
        self._over = threading.Event()
        self._peaks: dict[tuple[str, int], int] = {}
        self._cpu: dict[tuple[str, int], list[tuple[float, float]]] = {}  # (when, CPU seconds so far)

    def run(self) -> None:
        look = 0
        while not self._over.wait(0.05):
            if look % 5 == 0:
                self._find()
            look += 1
            for pid in list(self._known):
                try:
                    self._read(pid)
                except OSError:  # it has ended
                    self._known.discard(pid)

    def stop(self) -> None:
        self._over.set()
        self.join()

    def peak_mb(self) -> dict[str, list[int]]:
        """MB per process, by role, largest first."""
        roles: dict[str, list[int]] = {}
        for (role, _), peak in sorted(self._peaks.items(), key=lambda item: -item[1]):
            roles.setdefault(role, []).append(peak >> 20)
        return roles

    def cpu_seconds(self, begin: float, end: float) -> dict[str, float]:
        """CPU seconds between two moments of time.monotonic(), by role."""
        roles: dict[str, float] = {}
        for (role, _), seen in self._cpu.items():
            roles[role] = roles.get(role, 0.0) + at(seen, end) - at(seen, begin)
        return {role: round(seconds, 2) for role, seconds in roles.items()}

    def _find(self) -> None:
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            family = []
        self._known |= {process.pid for process in family}  # also when its parent is gone: a sidecar's task ends before it

    def _read(self, pid: int) -> None:
        comm = Path(f"/proc/{pid}/comm").read_text().strip()
        role = "driver" if pid == self._root.pid else ROLES.get(comm)
        if role is None:  # Spark's shell scripts
            return
        key = (role, pid)
        self._peaks[key] = max(high_water(pid), self._peaks.get(key, 0))
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        self._cpu.setdefault(key, [(time.monotonic() - 0.25, 0.0)]).append((time.monotonic(), (int(fields[11]) + int(fields[12])) / TICKS))


def at(seen: list[tuple[float, float]], when: float) -> float:
    """The value at a moment, between the two that were seen around it."""
    i = bisect_left(seen, (when, 0.0))
    if i == 0 or i == len(seen):
        return seen[min(i, len(seen) - 1)][1]
    (before, a), (after, b) = seen[i - 1], seen[i]
    return a + (b - a) * (when - before) / (after - before)


def high_water(pid: int) -> int:
    """VmHWM in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def measure(tool: str, master: str, text: str) -> float:
    """One training; prints its line, returns its seconds."""
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("one_run.py")), tool, master, "1", text], stdout=subprocess.PIPE, text=True)
    meter = Meter(process.pid)
    meter.start()
    out, _ = process.communicate()
    meter.stop()
    if process.returncode:
        sys.exit(f"{tool} failed (exit {process.returncode})")
    line = json.loads(out.splitlines()[-1])
    cpu = {part: meter.cpu_seconds(*moments) for part, moments in line.pop("moments").items()}
    print(json.dumps({**line, "cpu_seconds": cpu, "peak_mb": meter.peak_mb()}), flush=True)
    return line["seconds"]


def main() -> None:
    text = inputs.corpus("bench-train")
    only = os.environ.get("DEEPDIST_TOOLS")
    tools = only.split(",") if only else ["deepdist", "deepdist:lists", "deepdist:path", "gensim", "deepdist"]
    seconds: dict[str, float] = {}
    for tool in tools:
        took = measure(tool, "2 threads" if tool == "gensim" else "local[2]", text)
        seconds[tool] = min(took, seconds.get(tool, took))
    for tool, took in seconds.items():
        if tool != "gensim" and "gensim" in seconds:
            print(json.dumps({"tool": f"gensim ÷ {tool}", "seconds": round(seconds["gensim"] / took, 2)}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
