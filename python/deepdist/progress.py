"""Show how far the training is. Driver side.

At a terminal or in a notebook: a bar (tqdm). Elsewhere, as in a log: a plain line every few seconds. Both are fed with the figures
of psserver's `watch`, which are also those of the page.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

__all__ = ["Progress", "make"]

LINE_SECONDS = 5.0

Figures = dict[str, Any]


class Progress:
    """Progress shows nothing: the base of those that do."""

    def show(self, figures: Figures) -> None:
        """Driver: take new figures (proto/README.md, `watch`)."""

    def close(self) -> None:
        """Driver: nothing more comes."""


class Callback(Progress):
    """Callback hands the figures to the user's own function."""

    def __init__(self, function: Callable[[Figures], Any]):
        self._function = function

    def show(self, figures: Figures) -> None:
        """Driver: pass them on."""
        self._function(figures)


class Bar(Progress):
    """Bar is a tqdm bar; tqdm.auto chooses the notebook's widget by itself."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""

    def show(self, figures: Figures) -> None:
        """Driver: redraw."""
        done, total, unit = _position(figures)
        phase = str(figures.get("phase", ""))
        if self._bar is None or phase != self._phase:
            self.close()
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total or None, desc=phase, unit=unit, unit_scale=unit != "part", file=sys.stderr, dynamic_ncols=True)
            self._phase = phase
        if total and self._bar.total != total:
            self._bar.total = total
        self._bar.n = done
        self._bar.set_postfix_str(_details(figures), refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        """Driver: leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Lines(Progress):
    """Lines writes a plain line when the phase changes and every `LINE_SECONDS`."""

    def __init__(self, out: TextIO | None = None):
        self._out = out
        self._next = 0.0
        self._phase = ""

    def show(self, figures: Figures) -> None:
        """Driver: write a line if it is time."""
        phase, now = str(figures.get("phase", "")), time.monotonic()
        if phase == self._phase and now < self._next:
            return
        self._phase, self._next = phase, now + LINE_SECONDS
        print(line(figures), file=self._out or sys.stderr, flush=True)


def make(choice: bool | Callable[[Figures], Any] | None) -> Progress:
    """Driver: what `progress=` asks for: None: a bar at a terminal or in a notebook, else lines; True: a bar; False: nothing; or
    the user's function of the figures."""
    if choice is False:
        return Progress()
    if choice is True or (choice is None and (_in_notebook() or sys.stderr.isatty())):
        return Bar()
    return Lines() if choice is None else Callback(choice)  # type: ignore[arg-type]


def line(figures: Figures) -> str:
    """Driver: the figures in one line."""
    done, total, unit = _position(figures)
    share = f" {100 * done / total:.1f} %" if total else ""
    details = _details(figures)
    return f"deepdist: {figures.get('phase', '')}{share} ({done:,} of {total:,} {unit}s)" + (f", {details}" if details else "")


def _position(figures: Figures) -> tuple[int, int, str]:
    if figures.get("phase") in ("training", "done") and figures.get("total_words"):
        return int(figures.get("words", 0)), int(figures["total_words"]), "word"
    return int(figures.get("partitions_done", 0)), int(figures.get("partitions", 0)), "part"


def _details(figures: Figures) -> str:
    out = []
    if figures.get("total_words"):
        out.append(f"epoch {min(int(figures.get('epoch', 0)) + 1, int(figures.get('epochs', 1)))}/{figures.get('epochs', 1)}")
        if figures.get("words_per_second"):
            out.append(f"{figures['words_per_second']:,.0f} words/s")
        if figures.get("alpha"):  # none before the first push
            out.append(f"alpha {figures['alpha']:.4f}")
        if figures.get("loss"):
            out.append(f"loss {figures['loss']:.4f}")
    elif figures.get("updates"):
        out.append(f"{figures['updates']:,} updates")
        if figures.get("updates_per_second"):
            out.append(f"{figures['updates_per_second']:,.1f} updates/s")
    if figures.get("eta_seconds"):
        out.append(f"{figures['eta_seconds']:.0f} s to go")
    return ", ".join(out)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    try:
        return shell is not None and "IPKernelApp" in shell.get_ipython().config  # type: ignore[attr-defined]
    except AttributeError:
        return False
