"""Task code imports nothing of the driver's: it travels to executors, which may have neither tqdm nor an installed package."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "deepdist"
SHARED = {"version", "errors", "wire", "bundle", "rows", "session", "binaries"}
TASK_SIDE = sorted(
    {p.relative_to(PACKAGE).as_posix() for folder in ("task", "models") for p in (PACKAGE / folder).glob("*.py")}
    | {f"{name}.py" for name in SHARED}
)
ALLOWED = SHARED | {"task", "models"}
OUTSIDE = {"numpy", "pyarrow", "pyspark", "torch", "gensim"} | set(sys.stdlib_module_names)


def imports(path):
    tree = ast.parse((PACKAGE / path).read_text())
    depth = path.count("/")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (("outside", a.name.split(".")[0]) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield "outside", (node.module or "").split(".")[0]
            elif node.level == depth + 1:  # from the package's top
                for module in [node.module.split(".")[0]] if node.module else [a.name for a in node.names]:
                    yield "inside", module
            else:
                yield "sibling", node.module or ""


@pytest.mark.parametrize("path", TASK_SIDE)
def test_task_side_modules_import_only_each_other(path):
    for where, name in imports(path):
        if where == "inside":
            assert name in ALLOWED, f"{path} imports the driver's module {name}"
        elif where == "outside":
            assert name in OUTSIDE, f"{path} imports {name}, which executors may not have"


@pytest.mark.parametrize("module", ["batches", "ingest", "read", "slots", "gradient", "sidecar"])
def test_a_task_module_loads_without_driver_modules(module):
    unwanted = ["tqdm", "gensim", "torch", "pyspark"] + (["pyarrow"] if module in ("gradient", "read", "slots", "sidecar") else [])
    driver = sorted({p.stem for p in PACKAGE.glob("*.py")} - SHARED - {"__init__"})
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import deepdist.task.{module};"
        f"bad = [m for m in {driver!r} if 'deepdist.' + m in sys.modules]; assert not bad, bad;"
        f"extra = [m for m in {unwanted!r} if m in sys.modules]; assert not extra, extra"
    )
    subprocess.run([sys.executable, "-E", "-c", code], check=True)


def test_batches_are_made_without_pandas():
    """It takes longer to load than a million words to send, and pa.array loads it."""
    pytest.importorskip("pandas")
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); from deepdist.task import batches;"
        "assert [b.num_rows for rows in (['a b', 'c'], [['a', 'b'], []]) for b in batches.from_rows(rows, 0)] == [2, 2];"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-E", "-c", code], check=True)


def functions():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield pytest.param(path, node, id=f"{path.relative_to(PACKAGE)}:{node.name}")


@pytest.mark.parametrize(("path", "node"), list(functions()))
def test_every_public_function_says_where_it_runs(path, node):
    doc = ast.get_docstring(node)
    setter = any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list)
    protocol = len(node.body) == 1 and isinstance(node.body[0], ast.Expr) and doc is None  # `def f(self): ...`
    if setter or protocol or node.name in INNER:
        return
    assert doc is not None, f"{node.name} has no docstring"
    assert re.match(r"(Driver|Task)\b", doc), f"{node.name} does not say where it runs: {doc.splitlines()[0]}"


INNER = {"ingest_arrow", "ingest_wanted", "lend", "differentiate", "ask", "put", "action", "job", "rows_of", "place", "aliases"}  # functions within a function, and an attribute in a property's clothes
