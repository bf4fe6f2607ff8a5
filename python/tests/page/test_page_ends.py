"""The page of other trainings, and how they end: done, failed, killed."""

import os
import signal
import time

import numpy as np
import pytest
from looks import CURVES, FIGURES, LINK, PHASE, Training, text

from deepdist import SGD, DeepDist

pytestmark = pytest.mark.page


def test_a_training_of_any_model_shows_updates_then_its_end(sc, browser):
    def slow(model, rows):
        """In a task: one gradient per row, a few per second."""
        for row in rows:
            time.sleep(0.1)
            yield {"w": np.full(4, float(row), np.float32)}

    browser.console.clear()
    browser.view(1200, 1000)
    with DeepDist({"w": np.zeros(4, np.float32)}, progress=False) as dd:
        browser.open(dd.page)
        browser.until(f"{LINK} === 'live'")
        training = Training(dd, sc.parallelize(range(80), 4), slow, SGD(0.01))
        browser.until(f"document.body.dataset.kind === 'model' && Math.min(...{CURVES}) >= 3", 60)
        assert browser.run("document.getElementById('near').hidden")
        training.join(120)
        assert training.error is None
        browser.until(f"{text('tile-Updates')} === '80'")
        assert browser.run(FIGURES)["updates"] == 80
    browser.until(f"{LINK} === 'ended'", 20)
    assert browser.run(text("tile-Updates")) == "80", "the last figures stay"


def test_a_failure_is_shown_with_its_reason_as_text(sc, browser):
    def raising(model, rows):
        """In a task: fails with a message that would be an image, were it taken for HTML."""
        raise ValueError("<img src=x onerror=fail()> in row " + str(next(iter(rows))))

    with DeepDist({"w": np.zeros(4, np.float32)}, progress=False) as dd:
        browser.open(dd.page)
        with pytest.raises(Exception, match="onerror"):
            dd.train(sc.parallelize(range(4), 2), raising, SGD(0.01))
        said = browser.until("!document.getElementById('failure').hidden && document.getElementById('failure').innerText", 20)
        assert "<img src=x onerror=fail()> in row" in said and browser.run("document.images.length") == 1
        assert browser.run(PHASE) == "failed"


def test_a_killed_server_is_a_lost_connection(sc, browser):
    with DeepDist({"w": np.zeros(4, np.float32)}, progress=False) as dd:
        browser.open(dd.page)
        browser.until(f"{LINK} === 'live'")
        os.kill(dd._server.ready.pid, signal.SIGKILL)
        browser.until(f"{LINK} === 'lost'", 30)
        assert "Connection lost" in browser.run("document.body.innerText")
