"""Rows in, record batches out: nothing is lost, nothing is too large, and what is no text is refused by name."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import Row

from deepdist.errors import BadInput
from deepdist.task import batches


def tokens_of(counted):
    out = []
    for batch in counted:
        for value in batch.column(0).to_pylist():
            out.extend(value.split() if isinstance(value, str) else value)
    return out


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
words = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=12), max_size=20)


@given(st.lists(text, min_size=1, max_size=40))
def test_lines_arrive_as_they_are(lines):
    counted = batches.from_rows(lines, 0)
    got = [v for b in counted for v in b.column(0).to_pylist()]
    assert got == lines and counted.rows == len(lines) and counted.layout == "utf8"


@given(st.lists(words, min_size=1, max_size=40))
def test_token_lists_arrive_as_they_are(rows):
    counted = batches.from_rows(rows, 0)
    got = [v for b in counted for v in b.column(0).to_pylist()]
    assert got == rows and counted.rows == len(rows) and counted.layout == "list<utf8>"


@given(text, st.integers(1, 40))
def test_a_split_line_has_the_same_tokens_in_pieces_of_the_limit(line, limit):
    pieces = batches.split_line(line, limit)
    assert [t for p in pieces for t in p.split()] == line.split()
    assert "".join(pieces) == line
    for p in pieces:
        assert len(p.encode()) <= limit or len(p.split()) <= 1 or len(p) == 1


@given(words, st.integers(1, 40))
def test_a_split_list_has_the_same_tokens_in_pieces_of_the_limit(tokens, limit):
    pieces = batches.split_tokens(tokens, limit)
    assert [t for p in pieces for t in p] == tokens
    assert all(len(p) <= 1 or sum(len(t.encode()) + 4 for t in p) <= limit for p in pieces)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=60), st.booleans())
def test_batches_stay_within_their_limits(lengths, as_lists, ):
    rows = ["ab " * n for n in lengths]
    data = [r.split() for r in rows] if as_lists else rows
    small = pytest.MonkeyPatch()
    small.setattr(batches, "MAX_BATCH_BYTES", 100_000)
    small.setattr(batches, "MAX_ROW_BYTES", 40_000)
    small.setattr(batches.split_line, "__defaults__", (40_000,))
    small.setattr(batches.split_tokens, "__defaults__", (40_000,))
    try:
        counted = batches.from_rows(data, 0)
        got = list(counted)
    finally:
        small.undo()
    assert all(b.nbytes <= 100_000 or b.num_rows == 1 for b in got)
    assert counted.rows == len(rows)
    assert sum(len(v.split()) if isinstance(v, str) else len(v) for b in got for v in b.column(0).to_pylist()) == sum(lengths)


def test_a_line_of_ten_million_tokens_is_split_not_cut():
    line = "word " * 10_000_000
    counted = batches.from_rows(["short line", line, "another"], 0)
    seen = 0
    for batch in counted:
        assert batch.nbytes <= batches.MAX_BATCH_BYTES
        seen += sum(v.count("word") for v in batch.column(0).to_pylist())
    assert seen == 10_000_000 and counted.rows == 3


def test_a_partition_without_rows_has_no_batches():
    assert batches.from_rows([], 0) is None
    assert batches.from_arrow([pa.RecordBatch.from_pydict({"t": pa.array([], pa.utf8())})], 0) is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([5], "partition 7, row 0: 5 is int"),
        ([b"bytes"], "partition 7, row 0: b'bytes' is bytes"),
        ([None], "partition 7, row 0: None is NoneType"),
        ([{"a": 1}], "is dict"),
        (["a", None], "partition 7, row 1: None is NoneType, not str"),
        (["a", ["b"]], "partition 7, row 1: ['b'] is list, not str"),
        ([["a"], "b"], "partition 7, row 1: 'b' is str, not list of str"),
        ([["a"], None], "partition 7, row 1: None"),
        ([["a", None]], "partition 7, row 0: ['a', None] is not a list of str: None in it is NoneType"),
        ([["a"], ["b", 3]], "partition 7, row 1: ['b', 3] is not a list of str: 3 in it is int"),
        ([["a"], ["b", b"c"]], "partition 7, row 1: ['b', b'c'] is not a list of str: b'c' in it is bytes"),
        ([Row(text="a whole line")], "Row(text='a whole line') is Row, not str or list of str: give dd.train the DataFrame itself"),
        ([("file:/a.txt", "a whole text")], "is tuple, not str or list of str: take the texts of pairs with rdd.values()"),
        ([["a"], ("b", "c")], "partition 7, row 1: ('b', 'c') is tuple, not list of str: "),
        ([("b", "c")], "or make tuples of tokens lists with rdd.map(list)"),
        (["a"] * 600 + [3.5], "partition 7, row 600: 3.5 is float"),
        (["ok", "\ud800"], "partition 7, row 1"),
        ([["ok", "\ud800"]], "lone surrogate"),
    ],
)
def test_other_rows_are_refused_by_partition_and_value(rows, said):
    with pytest.raises(BadInput) as e:
        list(batches.from_rows(rows, 7) or ())
    assert said in str(e.value)


def test_a_refused_value_is_shown_shortened():
    with pytest.raises(BadInput) as e:
        batches.from_rows([b"x" * 1_000_000], 0)
    assert len(str(e.value)) < 300


arrow_types = st.sampled_from([pa.utf8(), pa.large_utf8(), pa.string_view()])


@given(st.lists(text, min_size=1, max_size=40), arrow_types, st.integers(0, 5))
def test_arrow_strings_of_every_width_arrive(lines, kind, skip):
    column = pa.array(["x"] * skip + lines, kind).slice(skip)
    counted = batches.from_arrow([pa.RecordBatch.from_arrays([column], ["c"])], 0)
    got = list(counted)
    assert [v for b in got for v in b.column(0).to_pylist()] == lines and counted.rows == len(lines)
    assert all(b.schema.field(0).type == pa.utf8() for b in got)


@given(st.lists(words, min_size=1, max_size=20), st.booleans(), st.integers(0, 3))
def test_arrow_lists_arrive(rows, large, skip):
    kind = pa.large_list(pa.large_utf8()) if large else pa.list_(pa.utf8())
    column = pa.array([["x"]] * skip + rows, kind).slice(skip)
    counted = batches.from_arrow([pa.RecordBatch.from_arrays([column], ["c"])], 0)
    got = list(counted)
    assert [v for b in got for v in b.column(0).to_pylist()] == rows
    assert all(b.schema.field(0).type == pa.list_(pa.utf8()) for b in got)


def test_a_long_row_of_a_data_frame_is_split():
    column = pa.array(["w " * 2_000_000, "b"], pa.large_utf8())
    counted = batches.from_arrow([pa.RecordBatch.from_arrays([column], ["c"])], 0)
    assert len(tokens_of(counted)) == 2_000_001 and counted.rows == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a", None], "row 1: c is null: drop such rows before, df.dropna(subset=['c'])"),
        ([["a"], None], "row 1: c is null: drop such rows before, df.dropna(subset=['c'])"),
        ([["a"], ["b"], ["a", None]], "row 2: c is ['a', None], with a null in it: take the nulls out before, pyspark.sql.functions.array_compact('c')"),
    ],
)
def test_nulls_of_a_data_frame_are_refused_with_a_data_frames_means(values, said):
    batch = pa.RecordBatch.from_arrays([pa.array(values)], ["c"])
    with pytest.raises(BadInput) as e:
        list(batches.from_arrow([batch], 3))
    assert str(e.value) == f"partition 3, {said}"


@pytest.mark.parametrize(
    "before",
    [["a"] * 5, ["w " * 200_000, "b"], ["w " * 5_000_000, *["b " * 60_000] * 80]],
    ids=["short rows", "a long row", "rows in several batches"],
)
def test_a_row_of_a_data_frame_has_its_number_in_the_partition(before):
    short, long = [pa.RecordBatch.from_arrays([pa.array(v, pa.large_utf8())], ["c"]) for v in (before, ["b", "x" * (9 << 20)])]
    with pytest.raises(BadInput, match=f"partition 3, row {2 * len(before) + 1}: a token of 9437184 bytes that begins 'xxx"):
        list(batches.from_arrow([short, short, long], 3))


@pytest.mark.parametrize("as_list", [False, True])
def test_a_token_may_have_eight_mebibytes_as_in_the_sidecar(as_list):
    longest = "é" * (batches.MAX_TOKEN_BYTES // 2)
    for token, fits in ((longest, True), (longest + "x", False)):
        counted = batches.from_rows([["a"], [token, "b"]] if as_list else ["a", f" {token} b"], 0)
        if fits:
            assert tokens_of(counted) == ["a", token, "b"]
        else:
            with pytest.raises(BadInput, match=r"partition 0, row 1: a token of 8388609 bytes .* at most 8 MiB"):
                list(counted)


def test_a_numeric_column_is_refused():
    with pytest.raises(BadInput, match="int64"):
        batches.from_arrow([pa.RecordBatch.from_pydict({"c": [1]})], 0)


@given(st.lists(text, min_size=1, max_size=20))
def test_a_message_carries_no_schema_and_reads_back(lines):
    (batch,) = batches.from_rows(lines, 0)
    again = pa.ipc.read_record_batch(batch.serialize(), pa.schema([("text", pa.utf8())]))
    assert again.column(0).to_pylist() == lines
