"""`deepdist doctor`: what a training needs, looked at one by one, each with the fix. Driver side.

`here` looks at this machine, `cluster` at the executors, by a session and a tiny training as any other. What is found is one list of
`Check`s; this module knows how they are shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Check:
    """Check is one thing that was looked at: its name, 'ok', 'warn' or 'fail', what was found, and what to do about it."""

    name: str
    status: str
    found: str
    fix: str = ""


class Report:
    """Report shows checks as they come, or all of them as JSON in the end."""

    def __init__(self, out: IO[str], as_json: bool = False):
        self._out, self._as_json = out, as_json
        self.checks: list[Check] = []
        self.executors: list[dict[str, Any]] = []

    def add(self, checks: Iterable[Check]) -> None:
        """Driver: take checks, and show each at once."""
        for check in checks:
            self.checks.append(check)
            if not self._as_json:
                print(f"{check.status:<5} {check.name:<16} {_indented(check.found)}", file=self._out)
                if check.fix:
                    print(f"{'':<22} → {_indented(check.fix)}", file=self._out)
                self._out.flush()

    def count(self, status: str) -> int:
        """Driver: how many checks came out so."""
        return sum(check.status == status for check in self.checks)

    def close(self) -> int:
        """Driver: show what all of it means; returns the exit status."""
        failed, warned = self.count(FAIL), self.count(WARN)
        if self._as_json:
            found = {"ok": not failed, "checks": [asdict(c) for c in self.checks], "executors": self.executors}
            print(json.dumps(found, indent=2), file=self._out)
        else:
            print(f"\n{len(self.checks)} checks: {failed} failed, {warned} to mind" if failed or warned else "\nAll is well.", file=self._out)
        return 1 if failed else 0


def _indented(text: str) -> str:
    return text.rstrip().replace("\n", "\n" + " " * 23)


def run(report: Report, master: str | None, conf: Mapping[str, str], spark: bool, timeout: float) -> int:
    """Driver: look at this machine, and at the cluster if there is a pyspark to reach it by; returns the exit status."""
    from . import cluster, here

    report.add(here.checks(conf))
    if not spark:
        report.add([Check("cluster", WARN, "not looked at (--no-spark)", "leave --no-spark out to try the executors too")])
    elif here.version_of("pyspark") is None:
        report.add([Check("cluster", WARN, "not looked at: pyspark is not installed", here.INSTALL_PYSPARK)])
    elif report.count(FAIL):
        report.add([Check("cluster", WARN, "not looked at", "mend the failures above first")])
    else:
        report.add(cluster.checks(report.executors, master, conf, timeout))
    return report.close()
