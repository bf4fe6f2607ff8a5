"""docs/troubleshooting.md quotes errors as they are printed: each quote must stand in the code, in whichever language, so that the page can't rot."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GAP = "…"
"""What stands for a part of a message that differs, on the page and in what is read from the code."""


def python_texts(path):
    """Every string of a file, literals that stand together or are added being one; f-strings and % have gaps."""

    def text(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return re.sub(r"%(?:\(\w+\))?[-.0-9]*[sdrg]", GAP, node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(text(part) if isinstance(part, ast.Constant) else GAP for part in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return f"{text(node.left)}{text(node.right)}" if text(node.left) + text(node.right) != GAP * 2 else GAP
        return GAP

    tree = ast.parse(path.read_text())
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    return [said for node in ast.walk(tree) if id(node) not in notes and (said := text(node)).strip(GAP)]


def other_texts(path, gap):
    """The same of Go and Scala, by their common way to write and to add strings."""
    source = re.sub(r"//.*", "", path.read_text().replace("://", ":\0\0"))
    source = re.sub(r'"""(.*?)"""', lambda m: '"' + m[1].replace('"', r"\"") + '"', source, flags=re.DOTALL)
    literal = r's?"(?:[^"\\\n]|\\.)*"'
    parts = rf"{literal}(?:\s*\+\s*{literal})*|`[^`]*`"
    for found in re.finditer(parts, source):
        text = "".join(m[0].removeprefix("s")[1:-1] for m in re.finditer(rf"{literal}|`[^`]*`", found[0]))
        yield re.sub(gap, GAP, text.replace(r"\"", '"').replace(r"\n", "\n").replace("\0\0", "//"))


def texts():
    for path in (ROOT / "python" / "deepdist").rglob("*.py"):
        yield from python_texts(path)
    for folder in ("psserver", "sidecar", "internal", "proto"):
        for path in (ROOT / folder).rglob("*.go"):
            if not path.name.endswith("_test.go"):
                yield from other_texts(path, r"%[-+.#0-9]*[a-zA-Z]")
    for path in (ROOT / "scala" / "src" / "main").rglob("*.scala"):
        yield from other_texts(path, r"\$\{[^}]*\}|\$\w+|%[-.0-9]*[a-z]")


def quotes(page):
    """What a page quotes: **`in bold`**, or in the first column of the table under Errors; what Spark and Hadoop say themselves apart."""
    text = (ROOT / "docs" / page).read_text().split("\n## What Spark says\n")[0]
    found = re.findall(r"\*\*`([^`]+)`\*\*", text)
    table = text.partition("\n## Errors\n")[2]
    return found + re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


def stands_in(quote, messages):
    pattern = re.compile(".*".join(map(re.escape, filter(None, (part.strip() for part in quote.split(GAP))))), re.DOTALL)
    return any(pattern.search(message) for message in messages)


@pytest.fixture(scope="module")
def messages():
    return list(texts())


@pytest.mark.parametrize("page", ["troubleshooting.md", "hdfs.md"])
def test_every_quoted_message_stands_in_the_code(messages, page):
    found = quotes(page)
    assert len(found) >= 8
    assert [quote for quote in found if not stands_in(quote, messages)] == []


def test_what_no_program_says_is_not_found(messages):
    assert stands_in("… must be a whole number of at least …", messages)
    assert not stands_in("… must be a whole number of at most …", messages)
    assert not stands_in("on an executor: raise it, or use fewer executors", messages)
