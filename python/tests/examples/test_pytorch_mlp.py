import re
from pathlib import Path

import pytest
from run_example import figures, run_example

torch = pytest.importorskip("torch", reason="PyTorch is not in this environment: `make test-torch` has one and runs this test")


def test_a_pytorch_model_learns_the_digits(tmp_path):
    (accuracy,) = figures(r"accuracy on 450 held-out digits: ([\d.]+)", run_example("pytorch_mlp.py", tmp_path))
    assert accuracy > 0.95


def test_the_oldest_pytorch_that_the_package_takes_is_not_newer_than_the_one_that_these_tests_have():
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    claimed = re.search(r'"torch>=(\d+)\.(\d+)"', text)
    assert claimed and tuple(map(int, claimed.groups())) <= tuple(map(int, torch.__version__.split(".")[:2]))
