#!/usr/bin/env python3
"""How good the vectors are: DeepDist and gensim with the same settings on the same text, three seeds each (`make quality`).

Prints JSON lines: one per training, one with the mean of each tool's seeds, and one training through `local-cluster[2,1,2048]`
with the words and pushes of both sidecars. DEEPDIST_SEEDS=1,2,3 names the seeds, DEEPDIST_DIM=300 another dimension than 100; DEEPDIST_TOOLS=deepdist leaves gensim out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import inputs

CLUSTER = "local-cluster[2,1,2048]"


def run(tool: str, master: str, seed: int, text: str, sets: dict[str, str], **settings: Any) -> dict[str, Any]:
    """One training in a process of its own; prints its line, with the settings that differ from the shared ones."""
    named = [f"{name}={path}" for name, path in sets.items()]
    command = [sys.executable, str(Path(__file__).with_name("one_run.py")), tool, master, str(seed), text, *named, json.dumps(settings)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{tool} on {master} with seed {seed} failed (exit {done.returncode})")
    line = {**settings, **json.loads(done.stdout.splitlines()[-1])}
    del line["moments"]  # of this machine's clock
    print(json.dumps(line), flush=True)
    return line


def mean(lines: list[dict[str, Any]], sets: dict[str, str]) -> None:
    means = {name: round(sum(line[name] for line in lines) / len(lines), 4) for name in sets}
    print(json.dumps({"tool": lines[0]["tool"], "master": lines[0]["master"], "seed": "mean", "seeds": len(lines), **means}), flush=True)


def main() -> None:
    text, sets = inputs.corpus("quality"), inputs.evaluation()
    seeds = [int(seed) for seed in os.environ.get("DEEPDIST_SEEDS", "1,2,3").split(",")]
    settings = {"vector_size": int(os.environ["DEEPDIST_DIM"])} if "DEEPDIST_DIM" in os.environ else {}
    for tool, master in [("deepdist", "local[2]"), ("gensim", "2 threads")]:
        if tool in os.environ.get("DEEPDIST_TOOLS", "deepdist,gensim").split(","):
            mean([run(tool, master, seed, text, sets, **settings) for seed in seeds], sets)
    line = run("deepdist", CLUSTER, seeds[0], text, sets, **settings)
    idle = [worker for worker in line["workers"] if not worker["pushes"]]
    if len(line["workers"]) < 2 or idle:
        sys.exit(f"not both sidecars pushed: {line['workers']}")


if __name__ == "__main__":
    main()
