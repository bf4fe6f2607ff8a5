"""The checks of smoke.sh. It runs on the host with Python alone: what it looks at comes through pipes and published ports."""

import bz2
import collections
import json
import math
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "sample"
PHYSICS = {"mathematics", "theoretical", "quantum", "mechanics", "chemistry", "relativity", "physicists", "physicist"}
HALFWAY_SECONDS = 400


def get(address, path, **headers):
    """What is served at a published port, as text; it must be published on loopback."""
    assert address.startswith("127.0.0.1:"), f"published on {address}"
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", headers=headers), timeout=30) as answer:
        return answer.read().decode()


def containers():
    """Every container runs as another user than root, may gain no rights, has a limit of memory, and publishes on loopback only."""
    described = json.load(sys.stdin)
    assert len(described) == 7, [c["Name"] for c in described]
    for c in described:
        host, config = c["HostConfig"], c["Config"]
        assert config["User"] not in ("", "root", "0"), c["Name"]
        assert host["Memory"] and not host["Privileged"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"], c["Name"]
        assert host["NetworkMode"] != "host" and "no-new-privileges:true" in host["SecurityOpt"], c["Name"]
        published = [binding["HostIp"] for bindings in (host["PortBindings"] or {}).values() for binding in bindings or []]
        assert set(published) <= {"127.0.0.1"}, (c["Name"], published)
        assert not any("TOKEN" in name and not name.startswith("JUPYTER_TOKEN") for name in config["Env"]), c["Name"]


def halfway(driver, address, victim):
    """Waits until both workers have pushed, the victim among them, and part of the words is trained; fails if it was over before."""
    figures, deadline = {}, time.monotonic() + HALFWAY_SECONDS
    while time.monotonic() < deadline:
        try:
            figures = json.loads(get(address, "/figures", Host="127.0.0.1:5000"))
        except (OSError, urllib.error.URLError):  # the page isn't there yet, or no more
            figures = {}
            if subprocess.run(["docker", "inspect", driver], capture_output=True).returncode:
                raise SystemExit("smoke.py: the driver ended before a worker could be killed")
        goal = figures.get("total_words") or 0
        if figures.get("phase") == "training" and goal:
            pushing = [worker["host"] for worker in figures.get("workers") or () if worker.get("pushes")]
            assert figures["words"] < 0.9 * goal, f"too late to kill a worker: {figures['words']} of {goal} words are trained, by {pushing}"
            if len(pushing) >= 2 and figures["words"] > 0.04 * goal:
                print(f"  {figures['words']} of {goal} words are trained, by {pushing}; {victim} goes")
                return
        time.sleep(0.2)
    raise SystemExit(f"smoke.py: no training by two workers within {HALFWAY_SECONDS} s; last seen: {figures}")


def output():
    """The driver has printed every partition's OK by its table, the neighbours, and where the vectors are."""
    text = sys.stdin.read()
    near = {word for line in text.splitlines() if line.strip().startswith("physics:") for word in line.replace(",", " ").split()}
    assert near & PHYSICS, text[-3000:]
    assert "vectors are in hdfs://namenode:8020/models/word2vec.txt" in text, text[-3000:]


def vectors():
    """The file has exactly the words that the sample has at least five times, each with a finite vector, and its neighbours make sense."""
    counts = collections.Counter()
    for part in sorted(SAMPLE.glob("part-*.txt.bz2")):
        counts.update(bz2.decompress(part.read_bytes()).split())
    expected = {word.decode() for word, count in counts.items() if count >= 5}
    words, dimensions = map(int, sys.stdin.readline().split())
    rows = {}
    for line in sys.stdin:
        word, *values = line.split()
        row = [float(value) for value in values]
        norm = math.hypot(*row)
        assert len(row) == dimensions and math.isfinite(norm) and norm > 0, line[:100]
        rows[word] = [value / norm for value in row]
    assert dimensions == 100 and words == len(rows) and rows.keys() == expected, (words, dimensions, len(rows), len(expected))
    asked = rows.pop("physics")
    near = sorted(rows, key=lambda word: -math.sumprod(asked, rows[word]) if hasattr(math, "sumprod") else -sum(a * b for a, b in zip(asked, rows[word])))[:10]
    assert len(PHYSICS & set(near)) >= 2, near
    print(f"  {words} vectors read back from HDFS; near physics: {', '.join(near)}")


def pages(spark, history, namenode, jupyter):
    """The pages that people open are there; Jupyter lets nobody in without the token."""
    state = json.loads(get(spark, "/json/"))
    assert len(state["workers"]) == 2 and [app["state"] for app in state["completedapps"]] == ["FINISHED"], state
    for _ in range(60):
        applications = json.loads(get(history, "/api/v1/applications?status=completed"))
        if applications:
            break
        time.sleep(1)
    assert [app["name"] for app in applications] == ["word2vec"], applications
    assert "word2vec.txt" in get(namenode, "/webhdfs/v1/models?op=LISTSTATUS")
    assert "HDFS" in get(namenode, "/index.html")
    refused(jupyter, "/api/contents", "localhost:8888", "Jupyter answers without a token")
    files = get(jupyter, "/api/contents", Host="localhost:8888", Authorization=f"token {os.environ['JUPYTER_TOKEN']}")
    assert {"word2vec.ipynb", "quickstart.py", "demo.py"} <= {entry["name"] for entry in json.loads(files)["content"]}, files
    refused(jupyter, "/api", "elsewhere.example", "Jupyter answers to a foreign name")


def refused(address, path, host, otherwise):
    """Asked by that name, the server says that it is forbidden."""
    try:
        get(address, path, Host=host)
    except urllib.error.HTTPError as refusal:
        assert refusal.code == 403, refusal
    else:
        raise AssertionError(otherwise)


def notebook():
    """The notebook, run in the Jupyter container on the worker that is left, has found the neighbours of physics."""
    cells = {cell["id"]: cell for cell in json.load(sys.stdin)["cells"]}
    said = json.dumps(cells["ask"]["outputs"])
    assert any(f"'{word}'" in said for word in PHYSICS), said
    assert "spark://master:7077" in json.dumps(cells["spark"]["outputs"])


if __name__ == "__main__":
    {f.__name__: f for f in (containers, halfway, output, vectors, pages, notebook)}[sys.argv[1]](*sys.argv[2:])
