"""The columns that word2vec reads and adds: found, checked, and cut into sentences. Driver side.

The input is array<string>, as Spark has it, or a string of words between whitespace, as Python's `str.split()` takes it apart.
Everything here is Spark's own expressions: no row passes Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType

from ..deepdist import check_running
from ..errors import BadInput

if TYPE_CHECKING:
    from pyspark.ml.param.shared import HasInputCol
    from pyspark.sql import DataFrame

WHITESPACE = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+"
"""What Python's str.split() splits at, as a Java pattern."""

SENTENCE = 10_000
"""No sentence of the native training is longer: the sidecar divides it itself."""


def text(dataset: DataFrame, stage: HasInputCol) -> tuple[Column, bool]:
    """Driver: the column that inputCol names, also a field within one, and whether it holds lines instead of lists of words; raises
    BadInput if it is neither."""
    from pyspark.errors import AnalysisException

    if not hasattr(dataset, "mapInArrow"):
        raise BadInput(f"{type(stage).__name__} takes a DataFrame, not {type(dataset).__name__}")
    if type(dataset).__module__.startswith("pyspark.sql.connect"):
        raise BadInput("deepdist.ml needs a SparkSession in the driver's own process: it does not work over Spark Connect")
    check_running(dataset.sparkSession.sparkContext)
    if not stage.isDefined(stage.inputCol):
        raise BadInput("inputCol is not set: it names the column of words, setInputCol('words')")
    name = stage.getInputCol()
    if (name == "*" or name.endswith(".*")) and not _has(dataset, name):
        raise BadInput(f"inputCol={name!r} must be one column; the DataFrame has {', '.join(dataset.columns)}")
    column = F.col(_quoted(name) if _has(dataset, name) else name)
    try:
        kind = dataset.select(column).schema.fields[0].dataType
    except AnalysisException as e:
        said = str(e).split("\n", 1)[0]
        raise BadInput(f"inputCol={name!r} is no column of the DataFrame, which has {', '.join(dataset.columns)} ({said})") from None
    lines = isinstance(kind, StringType)
    if not lines and not (isinstance(kind, ArrayType) and isinstance(kind.elementType, StringType)):
        raise BadInput(f"inputCol={name!r} is {kind.simpleString()}; it must be array<string>, or string for lines of words")
    return column, lines


def check_output(dataset: DataFrame, name: str) -> None:
    """Driver: raises BadInput if there is a column already where the vectors are to go."""
    if not name:
        raise BadInput("outputCol is empty: it names the column of vectors, setOutputCol('features')")
    if _has(dataset, name):
        raise BadInput(f"outputCol={name!r} is a column of the DataFrame already: drop it, or name another one by setOutputCol")


def words(column: Column, lines: bool) -> Column:
    """Driver: the words of each row as array<string>."""
    return F.array_remove(F.split(column, WHITESPACE), "") if lines else column


def sentences(dataset: DataFrame, column: Column, lines: bool, longest: int) -> DataFrame:
    """Driver: the rows as sentences of `longest` words at most, as the one column of a DataFrame; long rows are divided."""
    if longest >= SENTENCE:
        return dataset.select(column.alias("words"))
    all_words = words(column, lines)
    # The shortest line of n words has 2n - 1 characters: most lines need not be split to know that they are short.
    maybe = F.length(column) >= 2 * longest + 1 if lines else F.lit(True)

    def pieces(row: Column) -> Column:
        """Driver: the sentences of a row of words."""

        def piece(i: Column) -> Column:
            """Driver: the i-th of them."""
            part = F.slice(row, (i * longest + 1).cast("int"), longest)
            return F.array_join(part, " ") if lines else part

        return F.transform(F.sequence(F.lit(0), F.floor((F.size(row) - 1) / longest).cast("int")), piece)

    # What stands in a lambda is computed for every element: so the words of a row are an argument of one, as an array of objects, which slice
    # does not copy whole.
    once = F.transform(F.array(all_words if lines else F.transform(all_words, lambda word: word)), pieces).getItem(0)
    return dataset.select(F.explode(F.when(maybe & (F.size(all_words) > longest), once).otherwise(F.array(column))).alias("words"))


def _has(dataset: DataFrame, name: str) -> bool:
    same: Any = str if dataset.sparkSession.conf.get("spark.sql.caseSensitive") == "true" else str.lower
    return same(name) in map(same, dataset.columns)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
