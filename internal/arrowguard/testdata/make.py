"""Writes the messages beside it with pyarrow: what a task's Python really sends."""
import pathlib

import pyarrow as pa

here = pathlib.Path(__file__).parent
lines = ["the quick brown fox", "", "jumps über the lazy dog\u2003now", "日本語 text", "a " * 300]
lists = [["the", "quick"], [], ["", "fox"], ["日本語"], ["x"] * 200]
batches = {
    "lines": pa.array(lines, pa.utf8()),
    "lines_empty": pa.array([], pa.utf8()),
    "lines_sliced": pa.array(lines * 3, pa.utf8()).slice(4, 6),
    "lines_null": pa.array(["a", None, "b"], pa.utf8()),
    "lists": pa.array(lists, pa.list_(pa.utf8())),
    "lists_empty": pa.array([], pa.list_(pa.utf8())),
    "lists_sliced": pa.array(lists * 3, pa.list_(pa.utf8())).slice(4, 6),
    "lists_null": pa.array([["a"], None], pa.list_(pa.utf8())),
    "lists_null_token": pa.array([["a"], ["b", None]], pa.list_(pa.utf8())),
    "int64": pa.array([1, 2, 3], pa.int64()),
    "large": pa.array(lines, pa.large_utf8()),
}
for name, column in batches.items():
    batch = pa.record_batch([column], names=["text"])
    (here / f"{name}.arrow").write_bytes(batch.serialize().to_pybytes())
sink = pa.BufferOutputStream()
batch = pa.record_batch([batches["lines"]], names=["text"])
options = pa.ipc.IpcWriteOptions(compression="zstd")
with pa.ipc.new_stream(sink, batch.schema, options=options) as stream:
    stream.write_batch(batch)
    start = sink.tell()
whole = sink.getvalue().to_pybytes()
schema = batch.schema.serialize().size
(here / "zstd.arrow").write_bytes(whole[schema:-8])
(here / "schema.arrow").write_bytes(whole[:schema])
