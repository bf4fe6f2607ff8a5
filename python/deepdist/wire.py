"""Frames over a Unix socket: the first two wires of proto/README.md. Shared by driver and tasks.

A frame is a header of 16 bytes and a body. A file descriptor, if one comes along, rides on the header's bytes, so that the
receiver knows which frame it belongs to; on a connection that is `inline`, what is in its file follows as frames of its own. Nothing here
knows what the frames are for.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import PeerGone, PeerSilent, ProtocolError, from_code
from .version import PROTOCOL, __version__

HELLO, OK, ERROR, BATCH, END, CALL, EVENT, CHUNK = range(1, 9)

MAX_BODY = (64 << 20) + (64 << 10)
"""Longest body of a frame, in bytes."""

MAX_CHUNK = 1 << 20
"""Longest part of an inline bundle, in bytes."""

_NO_BUNDLE, _DESCRIPTOR, _INLINE = range(3)
_HEADER = struct.Struct("<IIBBHI")  # length, CRC-32 of the body, kind, how it brings its bundle, zero, rows


@dataclass
class Frame:
    """Frame is one received frame; whoever takes it owns `fd` (−1: none) and closes it."""

    kind: int
    body: bytes
    rows: int = 0
    fd: int = -1

    def json(self) -> dict[str, Any]:
        """Driver and task: the body as a JSON object; raises ProtocolError if it is something else."""
        try:
            value = json.loads(self.body) if self.body else {}
        except ValueError as e:
            raise ProtocolError(f"frame of kind {self.kind}: body is not JSON: {e}") from e
        if not isinstance(value, dict):
            raise ProtocolError(f"frame of kind {self.kind}: body is not a JSON object")
        return value


class Connection:
    """Connection sends and receives frames on one connected Unix socket.

    `peer` names the other end in errors. Not thread-safe: a stream belongs to one thread. Every method may raise `PeerGone` (the
    other end went away), `ProtocolError`, or, where an answer is awaited, the exception that an ERROR frame stands for.
    """

    def __init__(self, sock: socket.socket, peer: str):
        self._sock = sock
        self.peer = peer
        self.inline = False  # set it after a HELLO that said so: descriptors are not passed, what is in their files is
        self._ask: Callable[[], None] | None = None

    @classmethod
    def dial(cls, path: str, peer: str, timeout: float | None = None) -> Connection:
        """Driver and task: connect to the Unix socket at `path`; raises OSError if nobody listens there."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.settimeout(timeout)
            sock.connect(path)
        except BaseException:
            sock.close()
            raise
        return cls(sock, peer)

    def settimeout(self, seconds: float | None, ask: Callable[[], None] | None = None) -> None:
        """Driver and task: the longest silence that the next calls bear; None: any. ask: called after each such silence instead of
        giving up; it raises PeerGone if the other end will not answer any more."""
        self._sock.settimeout(seconds)
        self._ask = ask

    def fileno(self) -> int:
        """Driver and task: the socket's descriptor, for select and poll."""
        return self._sock.fileno()

    def peer_pid(self) -> int:
        """Driver and task: the process at the other end, as the kernel knows it (SO_PEERCRED)."""
        return struct.unpack("3i", self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def close(self) -> None:
        """Driver and task: close the socket; harmless when repeated."""
        self._sock.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, kind: int, body: Any = b"", *, rows: int = 0, fd: int = -1) -> None:
        """Driver and task: send one frame; `body` is a mapping (sent as JSON) or any buffer of bytes."""
        if isinstance(body, Mapping):
            body = json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
        if fd < 0 or not self.inline:
            self._send(kind, body, rows, _DESCRIPTOR if fd >= 0 else _NO_BUNDLE, fd)
            return
        self._send(kind, body, rows, _INLINE, -1)
        size, at = os.fstat(fd).st_size, 0
        while at < size:
            chunk = os.pread(fd, min(MAX_CHUNK, size - at), at)
            self._send(CHUNK, chunk, 0, _NO_BUNDLE, -1)
            at += len(chunk)

    def _send(self, kind: int, body: Any, rows: int, brings: int, fd: int) -> None:
        view = memoryview(body).cast("B")
        if len(view) > MAX_BODY:
            raise ProtocolError(f"a frame's body has {len(view)} bytes, at most {MAX_BODY} travel")
        header = _HEADER.pack(len(view), zlib.crc32(view), kind, brings, 0, rows)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd >= 0 else []
        try:
            sent = self._patiently("taken nothing", self._sock.sendmsg, [header, view], ancillary)
            for part in (memoryview(header)[sent:], view[max(0, sent - len(header)) :]):
                while len(part):
                    part = part[self._patiently("taken nothing", self._sock.send, part) :]
        except OSError as e:
            raise self._parting_error() or PeerGone(f"{self.peer} closed the connection ({e})") from e

    def receive(self) -> Frame:
        """Driver and task: wait for the next frame, of any kind."""
        header, fd = self._receive_header()
        length, crc, kind, brings, _, rows = _HEADER.unpack(header)
        try:
            if (brings == _DESCRIPTOR) != (fd >= 0):
                raise ProtocolError(f"{self.peer} announced {int(brings == _DESCRIPTOR)} file descriptors and sent {int(fd >= 0)}")
            if brings == _INLINE and not self.inline:
                raise ProtocolError(f"{self.peer} sent a bundle inline, which it was not asked for")
            frame = Frame(kind, self._receive_body(length, crc), rows, fd)
            if brings == _INLINE:
                frame.fd = self._receive_chunks(int(frame.json().get("bytes", 0)))
        except BaseException:
            if fd >= 0:
                os.close(fd)
            raise
        return frame

    def answer(self) -> tuple[dict[str, Any], int]:
        """Driver and task: wait for OK and return its JSON and descriptor (−1: none); an ERROR is raised, EVENTs are skipped."""
        while (frame := self.receive()).kind == EVENT:
            pass
        if frame.kind == OK:
            return frame.json(), frame.fd
        if frame.fd >= 0:
            os.close(frame.fd)
        raise as_error(frame, self.peer)

    def call(self, op: str, *, fd: int = -1, **fields: Any) -> tuple[dict[str, Any], int]:
        """Driver and task: one CALL and its answer."""
        self.send(CALL, {"op": op, **fields}, fd=fd)
        return self.answer()

    def hello(self, **fields: Any) -> dict[str, Any]:
        """Driver and task: open the stream, naming our protocol and build; returns what the peer says of itself."""
        self.send(HELLO, {"protocol": PROTOCOL, "build": __version__, **fields})
        answer, fd = self.answer()
        if fd >= 0:
            os.close(fd)
        return answer

    def _receive_body(self, length: int, crc: int) -> bytes:
        if length > MAX_BODY:
            raise ProtocolError(f"{self.peer} announced a body of {length} bytes, at most {MAX_BODY} are allowed")
        body = bytearray(length)
        self._receive_into(memoryview(body))
        if zlib.crc32(body) != crc:
            raise ProtocolError(f"a frame from {self.peer} arrived damaged: its checksum differs")
        return bytes(body)

    def _receive_chunks(self, size: int) -> int:
        """Driver and task: an inline bundle as the memfd that would have come; the caller closes it."""
        from . import bundle  # which needs NumPy; a task without it gets as far as saying so

        fd, at = bundle.create("inline", size), 0
        try:
            while at < size:
                header, stray = self._receive_header()
                length, crc, kind, brings, _, _ = _HEADER.unpack(header)
                if stray >= 0:
                    os.close(stray)
                if kind != CHUNK or brings != _NO_BUNDLE or not 0 < length <= min(MAX_CHUNK, size - at):
                    raise ProtocolError(f"{self.peer} sent a frame of kind {kind} and {length} bytes in the middle of a bundle")
                at += os.pwrite(fd, self._receive_body(length, crc), at)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _receive_header(self) -> tuple[bytes, int]:
        parts, fd = b"", -1
        try:
            while len(parts) < _HEADER.size:
                data, ancillary, _, _ = self._patiently(
                    "been silent", self._sock.recvmsg, _HEADER.size - len(parts), socket.CMSG_SPACE(4 * 4), socket.MSG_CMSG_CLOEXEC
                )
                for level, kind, payload in ancillary:
                    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                        received = array.array("i", payload[: len(payload) - len(payload) % 4])
                        for extra in received[1:] if fd < 0 else received:
                            os.close(extra)
                        fd = fd if fd >= 0 else received[0]
                if not data:
                    raise PeerGone(f"{self.peer} closed the connection")
                parts += data
        except OSError as e:
            raise PeerGone(f"{self.peer} broke the connection ({e})") from e
        except BaseException:
            if fd >= 0:
                os.close(fd)
            raise
        return parts, fd

    def _receive_into(self, view: memoryview) -> None:
        try:
            while len(view):
                n = self._patiently("been silent", self._sock.recv_into, view)
                if n == 0:
                    raise PeerGone(f"{self.peer} closed the connection in the middle of a frame")
                view = view[n:]
        except OSError as e:
            raise PeerGone(f"{self.peer} broke the connection ({e})") from e

    def _patiently(self, what: str, function: Callable[..., Any], *args: Any) -> Any:
        """Driver and task: one call of the socket's, again after a silence that is borne."""
        while True:
            try:
                return function(*args)
            except TimeoutError as e:
                if self._ask is None:
                    raise PeerSilent(f"{self.peer} has {what} for {self._sock.gettimeout():g} s") from e
                self._ask()

    def _parting_error(self) -> Exception | None:
        """Driver and task: a peer that refuses says why before it closes; that is worth more than 'broken pipe'."""
        try:
            self.settimeout(1.0)
            while True:
                frame = self.receive()
                if frame.fd >= 0:
                    os.close(frame.fd)
                if frame.kind == ERROR:
                    return as_error(frame, self.peer)
        except (PeerGone, ProtocolError):
            return None


def as_error(frame: Frame, peer: str) -> Exception:
    """Driver and task: the exception that an ERROR frame stands for; any other frame is out of place here."""
    if frame.kind != ERROR:
        return ProtocolError(f"{peer} sent a frame of kind {frame.kind} where an answer was due")
    answer = frame.json()
    return from_code(str(answer.get("code")), str(answer.get("message")))
