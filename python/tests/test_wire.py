"""Frames and bundles between two ends of a real socket pair."""

import fcntl
import os
import socket
import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepdist import bundle, wire
from deepdist.errors import BadInput, InternalError, Lost, PeerGone, ProtocolError
from deepdist.rows import Rows


@pytest.fixture
def pair():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    left, right = wire.Connection(a, "the left end"), wire.Connection(b, "the right end")
    yield left, right
    left.close()
    right.close()


def test_a_frame_arrives_with_its_rows_and_descriptor(pair):
    left, right = pair
    fd = bundle.create("x", 3)
    left.send(wire.BATCH, b"abc", rows=7, fd=fd)
    os.close(fd)
    frame = right.receive()
    assert (frame.kind, frame.body, frame.rows) == (wire.BATCH, b"abc", 7)
    assert os.fstat(frame.fd).st_size == 3
    os.close(frame.fd)


def test_a_large_frame_arrives_whole(pair):
    left, right = pair
    body = os.urandom(9 << 20)
    sender = threading.Thread(target=left.send, args=(wire.BATCH, body))
    sender.start()
    assert right.receive().body == body
    sender.join()


def test_a_damaged_body_is_noticed(pair):
    left, right = pair
    left._sock.sendall(struct.pack("<IIBBHI", 3, zlib.crc32(b"abc"), wire.OK, 0, 0, 0) + b"abd")
    with pytest.raises(ProtocolError, match="damaged"):
        right.receive()


def test_an_oversized_length_is_refused_before_it_is_allocated(pair):
    left, right = pair
    left._sock.sendall(struct.pack("<IIBBHI", 1 << 31, 0, wire.OK, 0, 0, 0))
    with pytest.raises(ProtocolError, match="announced a body"):
        right.receive()


def test_a_missing_descriptor_is_noticed(pair):
    left, right = pair
    left._sock.sendall(struct.pack("<IIBBHI", 0, 0, wire.OK, 1, 0, 0))
    with pytest.raises(ProtocolError, match="file descriptors"):
        right.receive()


def test_an_error_is_raised_as_what_it_stands_for(pair):
    left, right = pair
    left.send(wire.ERROR, {"code": "bad_input", "message": "row 3 is null"})
    left.send(wire.ERROR, {"code": "lost", "message": "gone"})
    left.send(wire.ERROR, {"code": "never heard of", "message": "?"})
    for kind in (BadInput, Lost, InternalError):
        with pytest.raises(kind):
            right.answer()


def test_a_peer_that_goes_away_is_told_from_one_that_says_lost(pair):
    left, right = pair
    left.close()
    with pytest.raises(PeerGone, match="the right end closed"):
        right.receive()


def test_the_reason_of_a_refusal_wins_over_the_broken_pipe(pair):
    left, right = pair
    right.send(wire.ERROR, {"code": "bad_input", "message": "row 3 is null"})
    right.close()
    with pytest.raises(BadInput, match="row 3 is null"):
        for _ in range(100):
            left.send(wire.BATCH, bytes(1 << 20))


def test_silence_ends_at_the_time_limit(pair):
    left, _ = pair
    left.settimeout(0.05)
    with pytest.raises(PeerGone, match="silent for 0.05 s"):
        left.receive()


def test_a_silence_that_is_borne_loses_nothing(pair):
    left, right = pair
    body, asked = os.urandom(5 << 20), []
    got = []

    def ask():
        asked.append(1)
        if len(asked) == 3:  # meanwhile the socket is full
            reader.start()

    reader = threading.Thread(target=lambda: got.append(right.receive()) or right.send(wire.OK, {"n": 1}))
    left.settimeout(0.05, ask)
    left.send(wire.BATCH, body)
    assert left.answer()[0] == {"n": 1} and got[0].body == body and len(asked) >= 3
    reader.join()

    def give_up():
        raise PeerGone("it does not answer a ping either")

    left.settimeout(0.05, give_up)
    with pytest.raises(PeerGone, match="not answer a ping"):
        left.receive()


def test_json_cannot_smuggle_nan(pair):
    with pytest.raises(ValueError):
        pair[0].send(wire.CALL, {"x": float("nan")})


dtypes = st.sampled_from(["bool", "int8", "int16", "int32", "int64", "uint8", "uint64", "float16", "float32", "float64"])
shapes = st.lists(st.integers(0, 5), max_size=3).map(tuple)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.tuples(dtypes, shapes), max_size=4))
def test_a_bundle_arrives_as_it_was(contents):
    arrays = {k: np.arange(int(np.prod(s)), dtype="int64").astype(d).reshape(s) for k, (d, s) in contents.items()}
    fields, fd = bundle.pack(arrays, {"n": 3})
    got = bundle.unpack(fields, fd)
    assert got.numbers == {"n": 3} and got.arrays.keys() == arrays.keys()
    for name, a in arrays.items():
        assert got.arrays[name].dtype == a.dtype and np.array_equal(got.arrays[name], a)
    assert all(t["offset"] % 64 == 0 for t in fields["tensors"])


def test_sparse_rows_arrive_sorted_and_summed():
    rows = Rows([5, 2, 5], np.array([[1.0], [2.0], [10.0]], np.float32))
    got = bundle.unpack(*bundle.pack({"w": rows})).arrays["w"]
    assert got.keys.tolist() == [2, 5] and got.values.tolist() == [[2.0], [11.0]]
    assert got.toarray(7)[:, 0].tolist() == [0, 0, 2, 0, 0, 11, 0]


def test_an_unpacked_bundle_is_private_even_if_it_is_sealed_against_writing():
    fields, fd = bundle.pack({"w": np.zeros(4)})
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    keep = os.dup(fd)
    first = bundle.unpack(fields, fd).arrays["w"]
    first += 1
    assert bundle.unpack(fields, keep).arrays["w"].tolist() == [0, 0, 0, 0]


def test_an_unsealed_memfd_is_refused():
    fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.truncate(fd, 8)
    with pytest.raises(ProtocolError, match="not sealed"):
        bundle.unpack({"tensors": [{"name": "w", "dtype": "float64", "shape": [1], "offset": 0}], "bytes": 8}, fd)


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "w", "dtype": "float64", "shape": [2], "offset": 0},
        {"name": "w", "dtype": "float64", "shape": [1], "offset": 8},
        {"name": "w", "dtype": "float64", "shape": [1], "offset": -8},
        {"name": "w", "dtype": "object", "shape": [1], "offset": 0},
        {"name": "w", "dtype": "complex64", "shape": [1], "offset": 0},
        {"name": "w", "dtype": "uint8", "shape": [1 << 40, 1 << 40], "offset": 0},
        {"name": "w", "dtype": "uint8", "shape": [-1], "offset": 0},
        {"name": "w", "dtype": "uint8", "shape": [2], "offset": 0, "keys": {"offset": 4, "count": 2}},
    ],
)
def test_extents_outside_the_memfd_are_refused(entry):
    with pytest.raises(ProtocolError):
        bundle.unpack({"tensors": [entry], "bytes": 8}, bundle.create("x", 8))


@pytest.mark.parametrize(
    ("keys", "values", "error"),
    [([1.5], [[1.0]], TypeError), ([-1], [[1.0]], ValueError), ([1 << 32], [[1.0]], ValueError), ([1, 2], [[1.0]], ValueError)],
)
def test_rows_refuse_what_cannot_be_keys(keys, values, error):
    with pytest.raises(error):
        Rows(keys, values)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 5)), max_size=30))
def test_rows_equal_the_dense_sum(pairs):
    dense = np.zeros(10)
    for k, v in pairs:
        dense[k] += v
    rows = Rows([k for k, _ in pairs], np.array([v for _, v in pairs], float))
    assert rows.toarray(10).tolist() == dense.tolist()
    target = np.ones(10)
    rows.add_to(target, 2.0)
    assert target.tolist() == (1 + 2 * dense).tolist()
