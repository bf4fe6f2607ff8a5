"""This package as a zip, to be sent to executors, so that they need no install of it. Driver side."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from .version import __version__


def packed() -> tuple[str, bytes] | None:
    """Driver: the zip and its name, which tells its contents; None if we came in a zip ourselves (spark-submit --py-files), which the executors
    have too."""
    if not Path(__file__).is_file():
        return None
    root = Path(__file__).resolve().parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for path in sorted(root.rglob("*.py")):
            z.writestr(zipfile.ZipInfo(f"deepdist/{path.relative_to(root).as_posix()}", (1980, 1, 1, 0, 0, 0)), path.read_bytes())
    data = out.getvalue()
    return f"deepdist-{__version__}-{hashlib.sha256(data).hexdigest()[:12]}.zip", data
