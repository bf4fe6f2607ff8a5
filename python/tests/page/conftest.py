"""What the tests of the page share: one browser, and no check after each test that every session has ended."""

import pytest
from chromium import Chromium


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Stands in for the check of all other tests: here one training goes on over several, and whoever starts one ends it."""


@pytest.fixture(scope="session")
def browser():
    with Chromium() as chromium:
        yield chromium
