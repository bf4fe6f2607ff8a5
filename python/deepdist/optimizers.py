"""Named rules: what a `descent` that runs inside psserver does with a gradient g of a tensor w. Driver side.

All of them descend, as in textbooks: `gradient` returns g, the direction of steepest ascent of the loss, and the rule subtracts. (The
old project's `after − before` is a step to be added: negate it for these rules, or add it in a `descent` of your own.) Sparse
gradients (`Rows`) touch their rows only, state included, as PyTorch's SparseAdam does. Weights are float32 or float64.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

__all__ = ["Adam", "AdaGrad", "Momentum", "Optimizer", "RowAdaGrad", "SGD"]


@dataclass(frozen=True)
class Optimizer:
    """Optimizer is a named rule with its parameters; pass one to `dd.train` as `descent`."""

    rule: ClassVar[str]

    def as_json(self) -> dict[str, Any]:
        """Driver: the `descent` of `open_training`."""
        return {"rule": self.rule, **asdict(self)}

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name == "nesterov":
                if not isinstance(value, (bool, np.bool_)):
                    raise ValueError(f"{type(self).__name__}: nesterov={value!r} must be True or False")
                object.__setattr__(self, name, bool(value))
                continue
            if isinstance(value, np.number) and not np.iscomplexobj(value):
                value = value.item()
                object.__setattr__(self, name, value)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
                raise ValueError(f"{type(self).__name__}: {name}={value!r} must be a finite number")
            if name == "learning_rate" and value <= 0:
                raise ValueError(f"{type(self).__name__}: learning_rate={value!r} must be above 0")
            if name in ("momentum", "beta1", "beta2") and not 0 <= value < 1:
                raise ValueError(f"{type(self).__name__}: {name}={value!r} must lie in [0, 1)")
            if name == "epsilon" and value == 0 and self.rule == "adam":
                raise ValueError("Adam: epsilon=0 must be above 0: an element that has had no gradient yet would become 0/0")
            if value < 0:
                raise ValueError(f"{type(self).__name__}: {name}={value!r} must not be negative")


@dataclass(frozen=True)
class SGD(Optimizer):
    """SGD: w ← w − η·g."""

    rule: ClassVar[str] = "sgd"
    learning_rate: float = 0.01


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Momentum: v ← μ·v + g; w ← w − η·v (Polyak 1964), or w ← w − η·(g + μ·v) with `nesterov`."""

    rule: ClassVar[str] = "momentum"
    learning_rate: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """AdaGrad: s ← s + g²; w ← w − η·g / (√s + ε) (Duchi, Hazan, Singer 2011), per element."""

    rule: ClassVar[str] = "adagrad"
    learning_rate: float = 0.01
    epsilon: float = 1e-10
    initial_accumulator_value: float = 0.0


@dataclass(frozen=True)
class RowAdaGrad(Optimizer):
    """RowAdaGrad: AdaGrad with one accumulator per row: s ← s + mean(g²) over the row. 1/D of the memory."""

    rule: ClassVar[str] = "row_adagrad"
    learning_rate: float = 0.01
    epsilon: float = 1e-10
    initial_accumulator_value: float = 0.0


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − η·m̂ / (√v̂ + ε) (Kingma, Ba 2015)."""

    rule: ClassVar[str] = "adam"
    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
