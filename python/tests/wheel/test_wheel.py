"""The wheels as they are published: what they hold, where they may be installed, that one trains in an environment that has nothing else
of ours, outside the repository. `make test-wheel` builds them first."""

import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deepdist.binaries import machine_of

ROOT = Path(__file__).resolve().parents[3]
DIST = ROOT / "build" / "dist"
MACHINES = ("x86_64", "aarch64")
PROGRAMS = ("psserver", "deepdist-sidecar")


def wheel(machine):
    found = list(DIST.glob(f"deepdist_spark-*_{machine}.whl"))
    assert len(found) == 1, f"{DIST} has {found}: run `make wheel`"
    return found[0]


@pytest.fixture(scope="module", params=MACHINES)
def unpacked(request, tmp_path_factory):
    """One machine's wheel, unpacked as pip does: (machine, folder)."""
    folder = tmp_path_factory.mktemp(request.param)
    with zipfile.ZipFile(wheel(request.param)) as z:
        z.extractall(folder)
        for info in z.infolist():
            os.chmod(folder / info.filename, info.external_attr >> 16)
    return request.param, folder


def test_it_holds_both_programs_of_its_machine_executable_and_static(unpacked):
    machine, folder = unpacked
    for name in PROGRAMS:
        program = folder / "deepdist" / "bin" / name
        assert machine_of(str(program)) == machine
        assert stat.S_IMODE(program.stat().st_mode) == 0o755
        needed = subprocess.run(["readelf", "--dynamic", program], capture_output=True, text=True, check=True).stdout
        assert "no dynamic section" in needed, needed


def test_it_holds_the_package_the_jars_that_were_built_and_every_licence(unpacked):
    _, folder = unpacked
    ours = ROOT / "python" / "deepdist"
    package = {p.relative_to(ours) for p in ours.rglob("*") if p.suffix in (".py", ".typed")}
    packed = {p.relative_to(folder / "deepdist") for p in (folder / "deepdist").rglob("*") if p.suffix in (".py", ".typed")}
    assert packed == package
    assert {p.name for p in (folder / "deepdist" / "jars").glob("*")} == {p.name for p in (ROOT / "build" / "jars").glob("*.jar")}
    assert {p.name for p in (folder / "deepdist" / "licences").glob("*")} == {"LICENSE", "NOTICE", "THIRD-PARTY.txt"}
    others = (folder / "deepdist" / "licences" / "THIRD-PARTY.txt").read_text()
    linked = subprocess.run(["go", "version", "-m", folder / "deepdist" / "bin" / "psserver"], capture_output=True, text=True, check=True).stdout
    modules = re.findall(r"^\tdep\t(\S+)\t(\S+)", linked, re.MULTILINE)
    assert modules and all(f"======== {name} {version}: " in others for name, version in modules), modules


def test_its_metadata_name_the_platforms_and_the_command(unpacked):
    machine, folder = unpacked
    (info,) = folder.glob("*.dist-info")
    tags = re.findall(r"^Tag: (.*)", (info / "WHEEL").read_text(), re.MULTILINE)
    assert sorted(tags) == sorted(f"py3-none-{p}_{machine}" for p in ("manylinux2014", "manylinux_2_17", "musllinux_1_1"))
    assert "Root-Is-Purelib: false" in (info / "WHEEL").read_text()
    assert "deepdist = deepdist.cli:main" in (info / "entry_points.txt").read_text()
    metadata = (info / "METADATA").read_text()
    assert "Name: deepdist-spark" in metadata and "License-Expression: Apache-2.0" in metadata


@pytest.mark.parametrize("machine", MACHINES)
def test_auditwheel_finds_no_library_that_it_needs(machine):
    said = subprocess.run([sys.executable, "-m", "auditwheel", "show", wheel(machine)], capture_output=True, text=True)
    text = " ".join(said.stdout.split())
    assert said.returncode == 0, said.stderr
    assert re.search(rf'platform tag: "manylinux_2_(5|17)_{machine}"', text), text
    assert "requires no external shared libraries" in text and "no external versioned symbols" in text, text


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", ["3.10", "3.14"])
@pytest.mark.parametrize("libc", ["manylinux2014", "manylinux_2_17", "musllinux_1_1"])
def test_pip_takes_it_on_every_platform_that_it_names(machine, python, libc, tmp_path):
    where = ["--no-index", "--find-links", DIST, "--platform", f"{libc}_{machine}", "--python-version", python, "--only-binary=:all:"]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", *where, "-d", tmp_path, "deepdist-spark"], check=True)
    assert [p.name for p in tmp_path.iterdir()] == [wheel(machine).name]


def test_the_same_source_gives_the_same_wheel_wherever_it_is_built(tmp_path):
    """Elsewhere, that is, with another umask, and other times of the files."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
            os.chmod(tmp_path / name, 0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "build" / "jars").mkdir(parents=True)
    kept = [".venv/.made"]
    for jar in (ROOT / "build" / "jars").glob("*.jar"):  # Maven's work is taken over
        shutil.copyfile(jar, tmp_path / "build" / "jars" / jar.name)
        kept.append(f"build/jars/{jar.name}")
    build = f"umask 077; make {' '.join(f'-o {name}' for name in kept)} build/wheel-amd64/.made"
    done = subprocess.run(["bash", "-c", build], cwd=tmp_path, env={**os.environ, "MAKEFLAGS": ""}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (again,) = (tmp_path / "build" / "dist").glob("*.whl")
    assert again.name == wheel("x86_64").name
    assert again.read_bytes() == wheel("x86_64").read_bytes()


def test_the_programs_run(unpacked):
    machine, folder = unpacked
    qemu = [] if machine == platform.machine() else [shutil.which(f"qemu-{machine}-static") or ""]
    if qemu == [""]:
        pytest.skip(f"NOT RUN: there is no qemu-{machine}-static here (Debian: apt install qemu-user-static)")
    for name in PROGRAMS:
        done = subprocess.run([*qemu, folder / "deepdist" / "bin" / name, "--version"], capture_output=True, text=True, timeout=120)
        assert (done.stdout + done.stderr).startswith(f"{name} "), done


APP = """
from pyspark import SparkConf, SparkContext
from deepdist import DeepDist, Word2Vec
import deepdist, random
sc = SparkContext(conf=SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false").set("spark.log.level", "OFF"))
draw = random.Random(0)
lines = [" ".join(f"t{t}w{int(12 * draw.random() ** 2)}" for _ in range(12)) for t in (draw.randrange(10) for _ in range(6000))]
with DeepDist(Word2Vec(vector_size=24, sg=1, min_count=1, sample=0, epochs=4), page=None, progress=False) as dd:
    print(dd.train(sc.parallelize(lines, 4)))
    near = [word for word, _ in dd.model.most_similar("t3w0", topn=5)]
    assert all(word.startswith("t3w") for word in near), near
sc.stop()
print("FROM", deepdist.__file__)
"""


@pytest.mark.timeout(600)
def test_it_trains_in_a_bare_environment_outside_the_repository(tmp_path):
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYSPARK", "DEEPDIST", "VIRTUAL"))}
    environment, versions = tmp_path / "environment", tmp_path / "versions.txt"
    pinned = (ROOT / "python" / "requirements-spark4.txt").read_text().splitlines()
    versions.write_text("\n".join(line for line in pinned if "==" in line and not line.startswith("#")))
    base = subprocess.run([sys.executable, "-c", "import sys; print(sys._base_executable)"], capture_output=True, text=True, check=True).stdout.strip()
    outside["PATH"] = f"{environment}/bin:/usr/local/bin:/usr/bin:/bin"

    def run(*command):
        return subprocess.run(command, cwd=tmp_path, env=outside, capture_output=True, text=True, timeout=400)

    assert run(base, "-m", "venv", environment).returncode == 0
    python = environment / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "-q", "-c", versions, wheel(platform.machine()))
    assert installed.returncode == 0, installed.stderr
    alone = run("deepdist", "doctor")
    assert alone.returncode == 0 and re.search(r"^warn +pyspark +not installed.*\n +→ pip install 'deepdist-spark\[spark\]'", alone.stdout, re.MULTILINE), alone
    assert run("deepdist", "sidecar-path").stdout.strip().endswith("/site-packages/deepdist/bin/deepdist-sidecar")

    installed = run(python, "-m", "pip", "install", "-q", "-c", versions, f"deepdist-spark[spark] @ file://{wheel(platform.machine())}")
    assert installed.returncode == 0, installed.stderr
    outside |= {"PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1"}
    trained = run(python, "-c", APP)
    assert trained.returncode == 0, trained.stdout + trained.stderr[-3000:]
    assert f"FROM {environment}" in trained.stdout
    doctor = run("deepdist", "doctor")
    assert doctor.returncode == 0 and re.search(r"^ok +training +1 sidecar ", doctor.stdout, re.MULTILINE), doctor.stdout + doctor.stderr
