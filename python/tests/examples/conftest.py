"""The sample text, unpacked, for examples that want a folder or a part of it."""

import bz2

import pytest
from run_example import EXAMPLES


@pytest.fixture(scope="session")
def sample():
    """Every paragraph of the sample text."""
    lines = []
    for part in sorted((EXAMPLES / "sample").glob("part-*.txt.bz2")):
        with bz2.open(part, "rt") as text:
            lines += text
    return lines
