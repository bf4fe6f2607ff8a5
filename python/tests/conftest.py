"""Fixtures: real binaries, real Spark."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None, max_examples=60)
settings.load_profile("here")
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
