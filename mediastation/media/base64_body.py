"""Bytes as the lines of base64 that a MIME part consists of (RFC 2045, 6.8)."""

from __future__ import annotations

import base64
import binascii

from mediastation.media.part_file import PartFile

RAW_LINE = 57
LINE = 78
"""A line of 76 characters, and its CRLF; it holds 57 bytes."""

_LETTERS = 76
_LINE_END = b"\r\n"


def encoded_bytes(size_bytes: int) -> int:
    """Return how long `size_bytes` are in base64, line ends included."""
    lines, rest = divmod(size_bytes, RAW_LINE)
    return lines * LINE + (-(-rest // 3) * 4 + 2 if rest else 0)


def decoded_bytes(size_bytes: int) -> int:
    """Return the most bytes whose `encoded_bytes` are no more than `size_bytes`."""
    lines, rest = divmod(size_bytes, LINE)
    return lines * RAW_LINE + max(rest - 2, 0) // 4 * 3


class Base64Body:
    """What is appended here lies in base64 behind what `part` holds already.

    `written_bytes` and the positions of `overwrite` count bytes before they
    are encoded. Less than a line is kept back until `finish`.
    """

    def __init__(self, part: PartFile) -> None:
        self.written_bytes = 0
        self._part = part
        self._start = part.written_bytes
        self._rest = bytearray()

    def append(self, data: bytes) -> None:
        """Encode all of `data` behind what was appended before. Raises `MediaError`."""
        self._rest += data
        self.written_bytes += len(data)
        whole = len(self._rest) // RAW_LINE * RAW_LINE
        if whole:
            self._part.append(_lines(self._rest[:whole]))
            del self._rest[:whole]

    def overwrite(self, data: bytes, start: int) -> None:
        """Put `data` in the place of what was appended from `start` on. Raises `MediaError`."""
        kept_at = self.written_bytes - len(self._rest)
        in_lines = data[: max(0, kept_at - start)]
        in_rest = data[len(in_lines) :]
        if in_lines:
            first, last = start // RAW_LINE, (start + len(in_lines) - 1) // RAW_LINE
            at = self._start + first * LINE
            raw = bytearray(base64.b64decode(self._part.read((last + 1 - first) * LINE, at)))
            inside = start - first * RAW_LINE
            raw[inside : inside + len(in_lines)] = in_lines
            self._part.overwrite(_lines(raw), at)
        if in_rest:
            inside = max(0, start - kept_at)
            self._rest[inside : inside + len(in_rest)] = in_rest

    def finish(self) -> None:
        """Write what was kept back. Raises `MediaError`."""
        if self._rest:
            self._part.append(_lines(self._rest))
            self._rest.clear()


class Base64Lines:
    """What is given piece by piece, in base64; less than a line is kept back until `finish`."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def encode(self, data: bytes | memoryview) -> bytes:
        """Return the lines that are full now."""
        self._rest += data
        whole = len(self._rest) // RAW_LINE * RAW_LINE
        lines = _lines(self._rest[:whole])
        del self._rest[:whole]
        return lines

    def finish(self) -> bytes:
        """Return what was kept back."""
        lines = _lines(self._rest)
        self._rest.clear()
        return lines


def _lines(data: bytes | bytearray) -> bytes:
    """Return `data` in lines, the last one as long as it is."""
    letters = binascii.b2a_base64(data, newline=False)
    whole = len(letters) // _LETTERS * _LETTERS
    lines = bytearray(_LINE_END * (whole // _LETTERS * LINE // len(_LINE_END)))
    # All first letters of lines at once, then all second ones: a line by itself costs more.
    for place in range(_LETTERS if whole else 0):
        lines[place::LINE] = letters[place:whole:_LETTERS]
    if whole < len(letters):
        lines += letters[whole:] + _LINE_END
    return bytes(lines)
