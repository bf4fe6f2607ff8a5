import pytest
from run_example import figures, run_example

pytest.importorskip("torch", reason="PyTorch is not in this environment: `make test-torch` has one and runs this test")


def test_a_pytorch_model_learns_the_digits(tmp_path):
    (accuracy,) = figures(r"accuracy on 450 held-out digits: ([\d.]+)", run_example("pytorch_mlp.py", tmp_path))
    assert accuracy > 0.95
