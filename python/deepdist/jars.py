"""Where the Spark plugin's jar is. Driver side."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from .errors import BinaryError


def scala_at_hand() -> str:
    """Driver: Scala's version, '2.13', of the Spark that would be run: SPARK_HOME's, else that of the installed pyspark. pyspark itself
    is not imported. Raises BinaryError if there is neither."""
    homes = [Path(os.environ["SPARK_HOME"])] if os.environ.get("SPARK_HOME") else []
    spec = importlib.util.find_spec("pyspark")
    if not homes and spec is not None and spec.origin is not None:
        homes.append(Path(spec.origin).parent)
    for home in homes:
        for library in (home / "jars").glob("scala-library-*.jar"):
            found = re.match(r"scala-library-(\d+\.\d+)\.", library.name)
            if found:
                return found.group(1)
    raise BinaryError(
        f"which Scala the jar must be for is not known: {f'{homes[0]} has no jars of Spark' if homes else 'neither SPARK_HOME nor pyspark is here'}. "
        f"Say it with --scala: 2.12 or 2.13 for Spark 3.5, as it was built, 2.13 for Spark 4"
    )


def find(scala: str) -> str:
    """Driver: the path of the plugin's jar for this Scala: the wheel's, or the one built in the repository around us."""
    package = Path(__file__).resolve().parent
    places = [package / "jars", package.parents[1] / "build" / "jars"]
    for place in places:
        for jar in sorted(place.glob(f"*_{scala}*.jar")):
            return str(jar)
    raise BinaryError(
        f"there is no jar of the Spark plugin for Scala {scala} in {' or '.join(map(str, places))}. The plugin is optional; to have it, "
        f"install a wheel that holds it, or build it in the repository"
    )
