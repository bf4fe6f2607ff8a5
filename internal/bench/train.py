#!/usr/bin/env python3
"""How long the whole job takes: from `sc.textFile` to vectors in Python, against gensim on the same file (`make bench-train`).

Prints JSON lines: `seconds` is from `dd.train` to the vectors, `parts` what it is made of; the starts of Spark and of the session
are apart. `peak_mb` is the largest resident memory (VmHWM) of each process, read while it runs. DeepDist runs before and
after gensim, so that both meet the same machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import inputs
import psutil

ROLES = {"psserver": "psserver", "deepdist-sideca": "sidecar", "java": "jvm", "python": "python worker", "python3": "python worker"}


class Peaks(threading.Thread):
    """Peaks reads VmHWM of every process that a training starts, four times a second, until it is stopped."""

    def __init__(self, root: int):
        super().__init__(daemon=True)
        self._root = psutil.Process(root)
        self._known: dict[int, psutil.Process] = {}
        self._over = threading.Event()
        self.by_process: dict[tuple[str, int], int] = {}

    def run(self) -> None:
        while not self._over.wait(0.25):
            for process in self._processes():
                try:
                    role, peak = self._role(process), high_water(process.pid)
                except (psutil.Error, OSError):
                    continue
                if role is None:
                    continue
                key = (role, process.pid)
                self.by_process[key] = max(peak, self.by_process.get(key, 0))

    def stop(self) -> dict[str, list[int]]:
        """MB per process, by role, largest first."""
        self._over.set()
        self.join()
        roles: dict[str, list[int]] = {}
        for (role, _), peak in sorted(self.by_process.items(), key=lambda item: -item[1]):
            roles.setdefault(role, []).append(peak >> 20)
        return roles

    def _processes(self) -> list[psutil.Process]:
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            family = []
        self._known.update((process.pid, process) for process in family)  # also when its parent is gone: a sidecar's task ends before it
        return list(self._known.values())

    def _role(self, process: psutil.Process) -> str | None:
        if process.pid == self._root.pid:
            return "driver"
        return ROLES.get(Path(f"/proc/{process.pid}/comm").read_text().strip())  # None: Spark's shell scripts


def high_water(pid: int) -> int:
    """VmHWM in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def measure(tool: str, master: str, text: str) -> float:
    """One training; prints its line, returns its seconds."""
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("one_run.py")), tool, master, "1", text], stdout=subprocess.PIPE, text=True)
    peaks = Peaks(process.pid)
    peaks.start()
    out, _ = process.communicate()
    peak_mb = peaks.stop()
    if process.returncode:
        sys.exit(f"{tool} failed (exit {process.returncode})")
    line = json.loads(out.splitlines()[-1])
    print(json.dumps({**line, "peak_mb": peak_mb}), flush=True)
    return line["seconds"]


def main() -> None:
    text = inputs.corpus("bench-train")
    ours = [measure("deepdist", "local[2]", text)]
    theirs = measure("gensim", "2 threads", text)
    ours.append(measure("deepdist", "local[2]", text))
    print(json.dumps({"tool": "gensim ÷ deepdist", "seconds": round(theirs / min(ours), 2)}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
