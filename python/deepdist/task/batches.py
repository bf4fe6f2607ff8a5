"""Cut rows into record batches. Task side.

The wire takes one column of text: `utf8` lines, or `list<utf8>` token lists. A batch has at most 8 MiB, so that the sidecar's
memory stays small however long the rows are; a row above 1 MiB is cut at whitespace (a list: between tokens) into several.
What a row may be is decided by the first row of the partition; anything else is BadInput that names partition, row and value.

These functions know neither Spark nor sockets: rows in, batches out.
"""

from __future__ import annotations

import itertools
import re
import reprlib
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from ..errors import BadInput
from . import arrays

MAX_BATCH_BYTES = 8 << 20
MAX_ROW_BYTES = 1 << 20
MAX_TOKEN_BYTES = 8 << 20  # as in the sidecar (sidecar/spool/writer.go)
_ROWS = 512  # taken from Spark at a time: small, since each row may be a book

LINES = "utf8"
TOKENS = "list<utf8>"

_TYPES = {LINES: pa.utf8(), TOKENS: pa.list_(pa.utf8())}
_SPACE = re.compile(r"\s")


class Counted:
    """Counted iterates the record batches of one partition. So far, `rows` rows of the RDD have gone in; `long_rows` of them were
    cut, into `extra` pieces more than they were rows."""

    def __init__(self, batches: Iterator[tuple[pa.RecordBatch, int, bool]], layout: str):
        self._batches = batches
        self.layout = layout
        self.rows = self.long_rows = self.extra = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch, rows, goes_on in self._batches:
            self.rows += rows
            if goes_on:  # the first piece of a row, or one in between
                self.extra += 1
                self.long_rows += rows
            yield batch


def from_rows(rows: Iterable[Any], partition: int) -> Counted | None:
    """Task: batches of an RDD's partition: str lines, or lists of str; None if there are no rows.

    Raises BadInput for a first row of another type; iterating raises it for later ones.
    """
    iterator = iter(rows)
    first = next(iterator, _NOTHING)
    if first is _NOTHING:
        return None
    layout = _layout(first, partition)
    return Counted(_batches_of_rows(itertools.chain([first], iterator), layout, partition), layout)


def from_arrow(batches: Iterable[pa.RecordBatch], partition: int) -> Counted | None:
    """Task: batches of a DataFrame's partition, from the one column that its batches have; None if there are no rows."""
    iterator = (b for b in batches if b.num_rows)
    first = next(iterator, None)
    if first is None:
        return None
    layout = _arrow_layout(first.column(0).type)
    return Counted(_batches_of_arrow(itertools.chain([first], iterator), layout, partition), layout)


def split_line(line: str, limit: int = MAX_ROW_BYTES) -> list[str]:
    """Task: pieces of `line`, cut at whitespace, each of at most `limit` UTF-8 bytes unless a single token is longer.

    The tokens of the pieces, one piece after another, are the tokens of the line.
    """
    pieces, start = [], 0
    while start < len(line):
        end = _end_within(line, start, limit)
        if end < len(line) and not line[end].isspace():
            cut = end
            while cut > start and not line[cut - 1].isspace():
                cut -= 1
            if cut == start:  # one token longer than the limit: it goes whole
                found = _next_space(line, end)
                cut = len(line) if found is None else found
            end = cut
        pieces.append(line[start:end])
        start = end
    return pieces or [line]


def split_tokens(tokens: Any, limit: int = MAX_ROW_BYTES) -> list[Any]:
    """Task: pieces of a list of tokens, each of at most `limit` UTF-8 bytes (4 more per token) unless a single token is longer."""
    pieces, start, size = [], 0, 0
    for i, token in enumerate(tokens):
        n = len(token.encode(errors="surrogatepass")) + 4
        if size and size + n > limit:
            pieces.append(tokens[start:i])
            start, size = i, 0
        size += n
    pieces.append(tokens[start:])
    return pieces


def _batches_of_rows(rows: Iterator[Any], layout: str, partition: int, done: int = 0) -> Iterator[tuple[pa.RecordBatch, int, bool]]:
    """Task: (batch, how many of the rows begin in it, whether the last of them goes on in the next). done: rows before these."""
    size = _chars if layout == LINES else _token_chars
    while chunk := list(itertools.islice(rows, _ROWS)):
        _check_types(chunk, layout, partition, done)
        sizes = size(chunk, partition, done)
        at = total = 0
        for i, n in enumerate(sizes):  # cut the chunk around long rows, and where it would pass a batch
            if n > MAX_ROW_BYTES // 4:  # in characters, each of up to 4 bytes
                yield from _reslice(_batch(chunk[at:i], layout, partition, done + at), i - at)
                pieces = split_line(chunk[i]) if layout == LINES else split_tokens(chunk[i])
                for k, piece in enumerate(pieces):
                    _check_token(piece, partition, done + i)
                    goes_on = k + 1 < len(pieces)
                    yield from _reslice(_batch([piece], layout, partition, done + i), 1 if k == 0 else 0, goes_on)
                at, total = i + 1, 0
            elif total + n > MAX_BATCH_BYTES:
                yield from _reslice(_batch(chunk[at:i], layout, partition, done + at), i - at)
                at, total = i, n
            else:
                total += n
        yield from _reslice(_batch(chunk[at:], layout, partition, done + at), len(chunk) - at)
        done += len(chunk)


def _batches_of_arrow(batches: Iterator[pa.RecordBatch], layout: str, partition: int) -> Iterator[tuple[pa.RecordBatch, int, bool]]:
    done = 0
    for batch in batches:
        column = batch.column(0)
        if _arrow_layout(column.type) != layout:
            raise BadInput(f"partition {partition}: a batch of {column.type} after batches of {layout}")
        for start in range(0, len(column), 1 << 16):
            piece = column.slice(start, 1 << 16)
            _check_nulls(piece, layout, partition, done, batch.schema.field(0).name)
            for part in _halves(piece):
                yield from _cast(part, layout, partition, done)
                done += len(part)


def _cast(column: pa.Array, layout: str, partition: int, row: int) -> Iterator[tuple[pa.RecordBatch, int, bool]]:
    if column.nbytes > MAX_ROW_BYTES:  # at least one long row may be among them
        values = column.to_pylist()
        sizes = [len(v) if layout == LINES else sum(map(len, v)) for v in values]
        if max(sizes, default=0) > MAX_ROW_BYTES // 4:
            yield from _batches_of_rows(iter(values), layout, partition, row)
            return
    try:
        array = column if column.type == _TYPES[layout] else column.cast(_TYPES[layout])
        if array.offset or layout == TOKENS:
            array = pa.concat_arrays([array])
    except pa.ArrowInvalid as e:
        raise BadInput(f"partition {partition}, near row {row}: {e}") from e
    yield from _reslice(pa.RecordBatch.from_arrays([array], ["text"]), len(array))


def _halves(column: pa.Array) -> Iterator[pa.Array]:
    """Task: the column in slices of at most MAX_BATCH_BYTES (or one row)."""
    if column.nbytes <= MAX_BATCH_BYTES or len(column) <= 1:
        yield column
        return
    middle = len(column) // 2
    yield from _halves(column.slice(0, middle))
    yield from _halves(column.slice(middle))


def _batch(rows: list[Any], layout: str, partition: int, row: int) -> pa.RecordBatch:
    texts = rows if layout == LINES else list(itertools.chain.from_iterable(rows))
    try:
        array = arrays.utf8(texts)
    except (UnicodeEncodeError, TypeError) as e:
        raise _bad_row(rows, layout, partition, row, e) from e
    if layout == TOKENS:
        array = arrays.lists(array, map(len, rows), len(rows))
    return pa.RecordBatch.from_arrays([array], ["text"])


def _reslice(batch: pa.RecordBatch, rows: int, goes_on: bool = False) -> Iterator[tuple[pa.RecordBatch, int, bool]]:
    """Task: the batch in slices of at most MAX_BATCH_BYTES (or one row); the first carries the count of the RDD's rows. goes_on: the
        row has another piece after this one."""
    if batch.num_rows == 0:
        return
    if batch.nbytes <= MAX_BATCH_BYTES or batch.num_rows == 1:
        yield batch, rows, goes_on
        return
    middle = batch.num_rows // 2
    yield from _reslice(batch.slice(0, middle), rows)
    yield from _reslice(batch.slice(middle), 0)


def _layout(first: Any, partition: int) -> str:
    if isinstance(first, str):
        return LINES
    if isinstance(first, list):
        return TOKENS
    raise _wrong_type(first, partition, 0, "str or list of str")


def _arrow_layout(kind: pa.DataType) -> str:
    text = (pa.utf8(), pa.large_utf8(), *((pa.string_view(),) if hasattr(pa, "string_view") else ()))
    if kind in text:
        return LINES
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)) and kind.value_type in text:
        return TOKENS
    raise BadInput(f"the column is of type {kind}; it must be string or array<string>: name another one with column=")


def _check_types(rows: list[Any], layout: str, partition: int, done: int) -> None:
    kinds = set(map(type, rows))
    allowed = str if layout == LINES else list
    if all(issubclass(k, allowed) for k in kinds):
        return
    for i, value in enumerate(rows):
        if not isinstance(value, allowed):
            raise _wrong_type(value, partition, done + i, "str" if layout == LINES else "list of str")


def _chars(rows: list[str], partition: int, done: int) -> list[int]:
    return list(map(len, rows))


def _token_chars(rows: list[Any], partition: int, done: int) -> list[int]:
    try:
        return [4 * len(r) + len("".join(r)) for r in rows]  # join takes nothing but str; Arrow would take bytes too
    except TypeError:
        raise _bad_row(rows, TOKENS, partition, done, None) from None


def _check_token(piece: Any, partition: int, row: int) -> None:
    """Task: refuse a piece of a long row that is one token too long; pieces of several tokens are shorter."""
    token = piece if isinstance(piece, str) else max(piece, key=len, default="")
    size = len(token.encode(errors="surrogatepass")) if len(token) > MAX_TOKEN_BYTES // 4 else 0
    if size > MAX_TOKEN_BYTES:
        raise BadInput(
            f"partition {partition}, row {row}: a token of {size} bytes that begins {token[:40]!r}; a token has at most "
            f"{MAX_TOKEN_BYTES >> 20} MiB: split the text into words before"
        )


def _check_nulls(column: pa.Array, layout: str, partition: int, row: int, name: str) -> None:
    nulls = column.null_count
    inner = 0 if layout == LINES or nulls else column.flatten().null_count
    if not nulls and not inner:
        return
    for i, value in enumerate(column):
        v = value.as_py()
        if v is None:
            raise BadInput(f"partition {partition}, row {row + i}: {name} is null: drop such rows before, df.dropna(subset=[{name!r}])")
        if layout == TOKENS and None in v:
            raise BadInput(
                f"partition {partition}, row {row + i}: {name} is {_short(v)}, with a null in it: take the nulls out before, "
                f"pyspark.sql.functions.array_compact({name!r})"
            )


def _bad_row(rows: list[Any], layout: str, partition: int, row: int, cause: Exception | None) -> BadInput:
    for i, value in enumerate(rows):
        tokens = [value] if layout == LINES else value
        for token in tokens:
            if not isinstance(token, str):
                return BadInput(
                    f"partition {partition}, row {row + i}: {_short(value)} is not a list of str: {_short(token)} in it is "
                    f"{type(token).__name__}; filter such tokens out, or map them to str before"
                )
            try:
                token.encode()
            except UnicodeEncodeError:
                return BadInput(
                    f"partition {partition}, row {row + i}: {_short(token)} is not valid Unicode (a lone surrogate): "
                    f"decode the text with errors='replace'"
                )
    return BadInput(f"partition {partition}, near row {row}: {cause}")


def _wrong_type(value: Any, partition: int, row: int, wanted: str) -> BadInput:
    kind = type(value).__name__
    hint = f"map the rows to {wanted} before"
    if value is None:
        hint = "filter it out before, e.g. rdd.filter(bool)"
    elif hasattr(value, "__fields__"):
        hint = "give dd.train the DataFrame itself (column= names the column), or map the rows to their text before"
    elif isinstance(value, tuple):  # it may be tokens, or, as wholeTextFiles gives them, a name and its text
        hint = "take the texts of pairs with rdd.values(), or make tuples of tokens lists with rdd.map(list)"
    return BadInput(f"partition {partition}, row {row}: {_short(value)} is {kind}, not {wanted}: {hint}")


def _short(value: Any) -> str:
    r = reprlib.Repr()
    r.maxstring = r.maxother = 80
    r.maxlist = r.maxtuple = 6
    return r.repr(value)


def _end_within(line: str, start: int, limit: int) -> int:
    """Task: the largest end so that line[start:end] has at most `limit` UTF-8 bytes (and at least one character)."""
    end = min(len(line), start + limit)
    while end > start + 1:
        over = len(line[start:end].encode(errors="surrogatepass")) - limit
        if over <= 0:
            break
        end = max(start + 1, end - max(1, over // 4))
    return end


def _next_space(line: str, start: int) -> int | None:
    found = _SPACE.search(line, start)
    return None if found is None else found.start()


_NOTHING = object()
