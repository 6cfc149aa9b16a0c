"""One transport connection: PDUs framed on a socket, in bounded memory, never waiting for ever.

Whatever length a peer announces, no more is held than a fixed buffer (P-DATA-TF)
or than a bound allows (everything else).
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from mediastation.errors import NetworkError
from mediastation.network import pdu
from mediastation.network.command import MAX_COMMAND_BYTES, Command, read_command, write_command
from mediastation.network.pdu import AbortReason, PduType, ProtocolError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 128 * 1024
_READ_AHEAD_BYTES = 64 * 1024
_MAX_SMALL_PDU_BYTES = 1024
_FAREWELL_TIMEOUT_S = 5.0
_TICK_S = 0.5
# Many senders leave Nagle's algorithm on: each small PDU then waits for our
# acknowledgement of the one before, 40 ms where the kernel delays it.
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_PDU_HEADER = Struct(">BxI")
_PDV_HEADER = Struct(">IBB")

VALUE_HEAD_BYTES = _PDU_HEADER.size + _PDV_HEADER.size


class ConnectionLostError(NetworkError):
    """The peer closed the connection, or the network did."""


class PeerAbortedError(ConnectionLostError):
    """The peer sent an A-ABORT."""


class PeerSilentError(NetworkError):
    """Nothing came, or nothing was taken, within the time allowed."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a message: part of one Presentation Data Value.

    `data` is valid until the next fragment is read. `is_last` ends the Command
    Set or the data set that it belongs to (PS3.8, Annex E).
    """

    context_id: int
    is_command: bool
    is_last: bool
    data: memoryview


class _Incoming(io.RawIOBase):
    """The receiving half of a socket, with a time limit for each read and one for a whole phase."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._socket = sock
        self.timeout_s = timeout_s
        self.deadline: float | None = None
        self.on_wait: Callable[[], None] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        wait = self.timeout_s
        if self.deadline is not None:
            wait = min(wait, self.deadline - time.monotonic())
            if wait <= 0:
                raise TimeoutError
        if _QUICK_ACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        if self.on_wait is None:
            self._socket.settimeout(wait)
            return self._socket.recv_into(buffer)
        end = time.monotonic() + wait
        while True:
            self._socket.settimeout(max(min(_TICK_S, end - time.monotonic()), 0.001))
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() >= end:
                    raise
                self.on_wait()


class Connection:
    """A connected socket that speaks PDUs. Not thread-safe, except for `wake` and `cut`.

    Parameters
    ----------
    sock : socket
        Connected; this object owns it from here on.
    peer : str
        What messages call the other side.
    timeout_s : float
        Longest silence on a read or write.
    """

    def __init__(self, sock: socket.socket, peer: str, timeout_s: float) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.peer = peer
        self._socket = sock
        self._incoming = _Incoming(sock, timeout_s)
        self._reader = io.BufferedReader(self._incoming, _READ_AHEAD_BYTES)
        self._buffer = memoryview(bytearray(_CHUNK_BYTES))
        self._pdu_left = 0
        self._pdv_left = 0
        self._pdv = (0, 0)
        self._in_pdv = False

    @property
    def timeout_s(self) -> float:
        """Longest silence on a read or write, in seconds."""
        return self._incoming.timeout_s

    @timeout_s.setter
    def timeout_s(self, value: float) -> None:
        self._incoming.timeout_s = value

    def set_deadline(self, seconds: float | None) -> None:
        """Limit all reads from now on together to `seconds`; None lifts the limit."""
        self._incoming.deadline = None if seconds is None else time.monotonic() + seconds

    def on_wait(self, call: Callable[[], None] | None) -> None:
        """Have `call` called twice a second while a read waits; it may raise to stop."""
        self._incoming.on_wait = call

    def _read_into(self, view: memoryview) -> None:
        try:
            done = 0
            while done < len(view):
                count = self._reader.readinto(view[done:])
                if not count:
                    raise ConnectionLostError(f"{self.peer} closed the connection")
                done += count
        except TimeoutError:
            raise PeerSilentError(f"{self.peer} sent nothing for too long") from None
        except OSError as error:
            raise ConnectionLostError(f"the connection to {self.peer} broke: {error}") from None

    def _read(self, count: int) -> bytes:
        view = self._buffer[:count] if count <= _CHUNK_BYTES else memoryview(bytearray(count))
        self._read_into(view)
        return bytes(view)

    def read_pdu(self, *expected: PduType) -> tuple[PduType, bytes]:
        """Read one PDU that is not P-DATA-TF and return its type and body.

        Raises
        ------
        PeerAbortedError, ConnectionLostError, PeerSilentError
            As their names say.
        ProtocolError
            If its type is none of `expected`, or it is larger than any such
            PDU may be.
        """
        kind, length = self._read_header()
        if kind not in expected:
            raise ProtocolError(
                f"{self.peer} sent {kind.name} out of turn", AbortReason.UNEXPECTED_PDU
            )
        return kind, self._read_body(kind, length)

    def _read_header(self) -> tuple[PduType, int]:
        code, length = _PDU_HEADER.unpack(self._read(_PDU_HEADER.size))
        try:
            kind = PduType(code)
        except ValueError:
            raise ProtocolError(
                f"{self.peer} does not speak DICOM (PDU type {code})", AbortReason.UNRECOGNIZED_PDU
            ) from None
        if kind is PduType.ABORT:
            body = self._read_body(kind, length)
            who = "the program" if body[2:3] == b"\0" else "the network layer"
            raise PeerAbortedError(f"{who} at {self.peer} aborted the association")
        return kind, length

    def _read_body(self, kind: PduType, length: int) -> bytes:
        associate = kind in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC)
        if length > (pdu.MAX_ASSOCIATE_BYTES if associate else _MAX_SMALL_PDU_BYTES):
            raise ProtocolError(f"{self.peer} announced a {kind.name} of {length:,} bytes")
        return self._read(length)

    def next_fragment(self) -> Fragment | None:
        """Return the next piece of a message, or None if the peer asks for release.

        A P-DATA-TF longer than announced is taken all the same: it costs no
        memory.

        Raises
        ------
        PeerAbortedError, ConnectionLostError, PeerSilentError, ProtocolError
            As for `read_pdu`.
        """
        if not self._in_pdv:
            while self._pdu_left == 0:
                kind, length = self._read_header()
                if kind is PduType.RELEASE_RQ:
                    self._read_body(kind, length)
                    return None
                if kind is not PduType.P_DATA:
                    raise ProtocolError(
                        f"{self.peer} sent {kind.name} out of turn", AbortReason.UNEXPECTED_PDU
                    )
                if length < _PDV_HEADER.size:
                    raise ProtocolError(f"{self.peer} sent an empty P-DATA-TF")
                self._pdu_left = length
            self._begin_pdv()
        count = min(self._pdv_left, _CHUNK_BYTES)
        data = self._buffer[:count]
        self._read_into(data)
        self._pdv_left -= count
        self._in_pdv = self._pdv_left > 0
        context_id, control = self._pdv
        is_last = bool(control & 2) and not self._in_pdv
        return Fragment(context_id, bool(control & 1), is_last, data)

    def _begin_pdv(self) -> None:
        if self._pdu_left < _PDV_HEADER.size:
            raise ProtocolError(f"{self.peer} sent a P-DATA-TF that ends within a value")
        size, context_id, control = _PDV_HEADER.unpack(self._read(_PDV_HEADER.size))
        if size < 2 or size + 4 > self._pdu_left:
            raise ProtocolError(f"{self.peer} sent a value longer than its P-DATA-TF")
        self._pdu_left -= size + 4
        self._pdv_left = size - 2
        self._pdv = (context_id, control)
        self._in_pdv = True

    def read_message_command(
        self, *, on_begin: Callable[[], None] | None = None
    ) -> tuple[int, dict[int, int | str]] | None:
        """Return the context identifier and Command Set of the next message; None for a release.

        `on_begin` is called when its first piece has come.

        Raises
        ------
        ProtocolError
            If a data set comes where a Command Set belongs, contexts mix, or
            the set passes 64 KiB; else as for `next_fragment`.
        """
        fragment = self.next_fragment()
        if on_begin is not None:
            on_begin()
        if fragment is None:
            return None
        context_id, collected = fragment.context_id, bytearray()
        while True:
            if not fragment.is_command or fragment.context_id != context_id:
                raise ProtocolError(f"{self.peer} mixed its messages")
            collected += fragment.data
            if len(collected) > MAX_COMMAND_BYTES:
                raise ProtocolError(f"{self.peer} sent a Command Set without an end")
            if fragment.is_last:
                return context_id, read_command(bytes(collected))
            following = self.next_fragment()
            if following is None:
                raise ProtocolError(f"{self.peer} released the association within a message")
            fragment = following

    def iter_data_set(self, context_id: int) -> Iterator[memoryview]:
        """Yield the pieces of the data set that follows; each is valid until the next."""
        while True:
            fragment = self.next_fragment()
            if fragment is None or fragment.is_command or fragment.context_id != context_id:
                raise ProtocolError(f"{self.peer} mixed its messages")
            yield fragment.data
            if fragment.is_last:
                return

    def send(self, *parts: bytes | memoryview) -> None:
        """Send `parts` one behind the other.

        Raises
        ------
        ConnectionLostError, PeerSilentError
            If the peer is gone, or takes nothing for too long.
        """
        try:
            self._socket.settimeout(self.timeout_s)
            for part in parts:
                self._socket.sendall(part)
        except TimeoutError:
            raise PeerSilentError(f"{self.peer} took nothing for too long") from None
        except OSError as error:
            raise ConnectionLostError(f"the connection to {self.peer} broke: {error}") from None

    def send_command(self, context_id: int, command: Command, max_length: int) -> None:
        """Send a Command Set in P-DATA-TF of at most `max_length` bytes (0 for any)."""
        encoded = memoryview(write_command(command))
        room = max(max_length - 6, 1) if max_length else len(encoded)
        for start in range(0, len(encoded), room):
            piece = encoded[start : start + room]
            control = 3 if start + room >= len(encoded) else 1
            self.send(write_value_head(context_id, control, len(piece)) + bytes(piece))

    def wake(self) -> None:
        """End the reading of another thread; what it has to say can still be sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def cut(self) -> None:
        """End reading and writing of another thread at once."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self, farewell: bytes = b"", *, linger_s: float = 0.0) -> None:
        """Send `farewell` if the peer still listens, wait for its close, and close.

        Unread data at the time of closing would make the transport throw away
        what was sent last, so up to `linger_s` seconds and 16 MiB are read and
        forgotten.
        """
        with suppress(OSError, NetworkError):
            if farewell:
                self.timeout_s = min(self.timeout_s, _FAREWELL_TIMEOUT_S)
                self.send(farewell)
            if linger_s > 0:
                self._socket.shutdown(socket.SHUT_WR)
                deadline = time.monotonic() + linger_s
                for _ in range(128):
                    self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                    if not self._socket.recv_into(self._buffer):
                        break
        self._socket.close()


def write_value_head(context_id: int, control: int, length: int) -> bytes:
    """Return what stands in front of `length` bytes that travel alone in one P-DATA-TF."""
    return _PDU_HEADER.pack(PduType.P_DATA, length + 6) + _PDV_HEADER.pack(
        length + 2, context_id, control
    )
