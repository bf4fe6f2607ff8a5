"""What a task must know to reach its session. Shared by driver and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Session:
    """Session is what a task needs in order to take part; it travels in Spark's closures only, since `token` is a secret.

    `address` is psserver's gRPC `host:port`; `certificate_sha256` pins its certificate. `sidecar` is an explicit path of the
    program on the executors, `spool_dir` an explicit folder there (None: Spark's local directory), `spool_max_bytes` what the
    session's spools may take of each executor's disk (0: what there is). `kept`: the Spark plugin keeps a sidecar beside each executor, so
    a task that finds none waits for it.
    """

    id: str
    address: str
    token: str
    certificate_sha256: str
    sidecar: str | None = None
    spool_dir: str | None = None
    spool_max_bytes: int = 0
    kept: bool = False

    def as_json(self) -> dict[str, Any]:
        """Driver and task: the `session` of a HELLO to the sidecar."""
        return {
            "id": self.id,
            "address": self.address,
            "token": self.token,
            "certificate_sha256": self.certificate_sha256,
        }

    def __repr__(self) -> str:
        return f"Session({self.id}, {self.address}, token=…)"
