"""Bodies of MIME parts by position, whatever they are encoded in (RFC 2045, 6)."""

from __future__ import annotations

import binascii
import re
from abc import abstractmethod
from array import array
from bisect import bisect_right
from typing import Final

from mediastation.reading.random_access import ReadAt

_CHUNK_BYTES: Final = 1 << 17
_PLAIN: Final = frozenset({"", "7bit", "8bit", "binary"})
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_WHITE: Final = b" \t\r\n"
_NO_LETTERS: Final = bytes(set(range(256)) - set(_ALPHABET) - {ord("=")})
_BROKEN_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")


class Body:
    """The content of a part that is there as it is.

    Attributes
    ----------
    size_bytes : int
        Of the content.
    fault : str
        Why it cannot be trusted; empty if nothing is wrong.
    tolerated : str
        What was forgiven.
    """

    def __init__(self, read_at: ReadAt, start: int, end: int) -> None:
        self._read_raw = read_at
        self._start = start
        self._end = end
        self.size_bytes = end - start
        self.fault = ""
        self.tolerated = ""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end; `OSError` where they cannot be read."""
        length = min(length, self.size_bytes - offset)
        return self._read_raw(self._start + offset, length) if length > 0 else b""


class _EncodedBody(Body):
    """A body that was decoded once, chunk by chunk, to know where each chunk begins.

    What is read is decoded from the beginning of its chunk; the last chunk is
    kept, so reading in order decodes nothing twice.
    """

    def __init__(self, read_at: ReadAt, start: int, end: int) -> None:
        super().__init__(read_at, start, end)
        self._raw_starts = array("Q", [start])
        self._starts = array("Q", [0])
        self._kept = (-1, b"")
        self.size_bytes = 0
        self._measure()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end; `OSError` where they cannot be read."""
        pieces = []
        length = min(length, self.size_bytes - offset)
        while length > 0:
            index = bisect_right(self._starts, offset) - 1
            inside = offset - self._starts[index]
            piece = self._chunk(index)[inside : inside + length]
            if not piece:
                raise OSError(0, "its encoding is not what it was")
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _chunk(self, index: int) -> bytes:
        kept, data = self._kept
        if kept != index:
            start, end = self._raw_starts[index], self._raw_starts[index + 1]
            try:
                data = self._decoded(self._read_raw(start, end - start))
            except ValueError as fault:
                raise OSError(0, "its encoding is not what it was") from fault
            self._kept = (index, data)
        return data

    def _measure(self) -> None:
        position = self._start
        while position < self._end and not self.fault:
            raw = self._read_raw(position, min(_CHUNK_BYTES, self._end - position))
            if not raw:
                self.fault = "ends before its end"
                return
            is_last = position + len(raw) == self._end
            length, decoded = self._cut(raw, is_last=is_last)
            if self.fault:
                return
            if not length:
                self.fault = "holds next to nothing in much space"
                return
            position += length
            self.size_bytes += decoded
            self._raw_starts.append(position)
            self._starts.append(self.size_bytes)

    @abstractmethod
    def _cut(self, raw: bytes, *, is_last: bool) -> tuple[int, int]:
        """Return how many of the bytes can be decoded by themselves, and how many that makes."""

    @abstractmethod
    def _decoded(self, raw: bytes) -> bytes:
        """Return a chunk decoded; `ValueError` if it cannot be."""


class _Base64Body(_EncodedBody):
    """Letters in groups of four, in lines of any length; at the end some ``=`` may be missing."""

    _ended = False

    def _cut(self, raw: bytes, *, is_last: bool) -> tuple[int, int]:
        if raw.translate(None, _ALPHABET + _WHITE + b"="):
            self.fault = "has characters that are none of base64"
            return 0, 0
        letters, padding, behind = raw.translate(None, _NO_LETTERS).partition(b"=")
        if behind.strip(b"=") or (self._ended and letters):
            self.fault = "goes on behind its end"
            return 0, 0
        if self._ended or not (padding or is_last):
            rest = 0 if self._ended else len(letters) % 4
            for _ in range(rest):
                raw = raw.rstrip(_WHITE)[:-1]
            return len(raw), len(letters) // 4 * 3
        self._ended = True
        rest = len(letters) % 4
        if rest == 1:
            self.fault = "breaks off in the middle"
        elif len(letters) + len(padding + behind) < -(-len(letters) // 4) * 4:
            self.tolerated = "lacks what should fill up its last letters"
        return len(raw), len(letters) * 3 // 4

    def _decoded(self, raw: bytes) -> bytes:
        letters = raw.translate(None, _NO_LETTERS).partition(b"=")[0]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


class _QuotedPrintableBody(_EncodedBody):
    """Lines with escapes, cut where no escape is cut."""

    def _cut(self, raw: bytes, *, is_last: bool) -> tuple[int, int]:
        if not is_last:
            end = raw.rfind(b"\n") + 1
            if not end:
                # One long line: an escape at its end may go on behind it.
                end = len(raw.rstrip(_WHITE))
                escape = raw.rfind(b"=", max(end - 2, 0), end)
                end = escape if escape >= 0 else end
            raw = raw[:end]
        if _BROKEN_ESCAPE.search(raw):
            self.fault = "has escapes that stand for nothing"
        return len(raw), len(self._decoded(raw))

    def _decoded(self, raw: bytes) -> bytes:
        return binascii.a2b_qp(raw)


def open_body(read_at: ReadAt, start: int, end: int, encoding: str) -> Body | None:
    """Return the body that lies between `start` and `end`; None if the encoding is unknown.

    An encoded one is read through once. `OSError` passes through.
    """
    if encoding in _PLAIN:
        return Body(read_at, start, end)
    if encoding == "base64":
        return _Base64Body(read_at, start, end)
    if encoding == "quoted-printable":
        return _QuotedPrintableBody(read_at, start, end)
    return None
