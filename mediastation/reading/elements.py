"""Step over Data Elements of unknown origin (PS3.5, 7.1), bounded in depth, length and memory.

Only what directories and file headers need: where elements lie and what their
value fields hold. Nothing is interpreted, nothing is nested in memory.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, NamedTuple

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
MAX_NESTING = 100

_WINDOW_BYTES = 1 << 18
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)  # fmt: skip

_SHORT_NAMES = {vr: vr.decode("ascii") for vr in _SHORT_VRS}
_LONG_NAMES = {vr: vr.decode("ascii") for vr in _LONG_VRS}


class Encoding(NamedTuple):
    """How a data set is encoded, as far as stepping over it goes."""

    explicit: bool
    big_endian: bool


EXPLICIT_LE = Encoding(explicit=True, big_endian=False)
IMPLICIT_LE = Encoding(explicit=False, big_endian=False)
EXPLICIT_BE = Encoding(explicit=True, big_endian=True)

_TAG = {False: struct.Struct("<HH"), True: struct.Struct(">HH")}
_LONG = {False: struct.Struct("<I"), True: struct.Struct(">I")}
_PLAIN = struct.Struct("<HH2sH")
_SHORT = {False: struct.Struct("<H"), True: struct.Struct(">H")}


class Element(NamedTuple):
    """One element's header: `vr` is empty where the encoding has none.

    `length` is that of the value field in bytes; where the file leaves it
    undefined, it runs to the end of the delimiter.
    """

    tag: int
    vr: str
    value_at: int
    length: int


class Window:
    """A file through a window of fixed size, so that its length costs no memory."""

    def __init__(self, source: BinaryIO | bytes) -> None:
        if isinstance(source, bytes):
            source = io.BytesIO(source)
        self._stream = source
        self.size_bytes = source.seek(0, io.SEEK_END)
        self._start = 0
        self._buffer = b""

    def at(self, offset: int, need: int) -> tuple[bytes, int]:
        """Return a buffer and the place in it where `offset` lies.

        At least `need` bytes follow, unless the file ends before; `need` is
        small.
        """
        inside = offset - self._start
        if inside >= 0 and inside + need <= len(self._buffer):
            return self._buffer, inside
        if offset >= self.size_bytes:
            return b"", 0
        self._stream.seek(offset)
        self._buffer = self._stream.read(max(need, _WINDOW_BYTES))
        self._start = offset
        return self._buffer, 0

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end of the file."""
        if length <= _WINDOW_BYTES:
            buffer, inside = self.at(offset, length)
            return buffer[inside : inside + length]
        self._stream.seek(offset)
        return self._stream.read(length)


class ElementCursor:
    """Steps from element to element between `at` and `end`.

    After `next` has returned None, `at` is behind the last thing that was
    understood and `fault` says why it stopped: empty at the end, or at an item
    delimiter.
    """

    __slots__ = ("_long", "_short", "_tag", "_window", "at", "encoding", "end", "fault")

    def __init__(self, window: Window, at: int, end: int, encoding: Encoding) -> None:
        self._window = window
        self.at = at
        self.end = min(end, window.size_bytes)
        self.encoding = encoding
        self.fault = ""
        self._tag = _TAG[encoding.big_endian]
        self._long = _LONG[encoding.big_endian]
        self._short = _SHORT[encoding.big_endian]

    def header(self) -> Element | None:
        """Read the header at `at` and leave the length as it is, undefined or too long."""
        at = self.at
        if at + 8 > self.end:
            if at < self.end:
                self.fault = f"{self.end - at} bytes that are no element"
            return None
        buffer, inside = self._window.at(at, 12)
        if inside + 8 > len(buffer):
            self.fault = "the file ends inside an element"
            return None
        group, number = self._tag.unpack_from(buffer, inside)
        tag = group << 16 | number
        if not self.encoding.explicit or group == 0xFFFE:
            (length,) = self._long.unpack_from(buffer, inside + 4)
            return Element(tag, "", at + 8, length)
        vr = buffer[inside + 4 : inside + 6]
        if vr in _SHORT_VRS:
            (length,) = self._short.unpack_from(buffer, inside + 6)
            return Element(tag, vr.decode("ascii"), at + 8, length)
        if vr not in _LONG_VRS:
            self.fault = f"no value representation in {show_tag(tag)}"
            return None
        if inside + 12 > len(buffer):
            self.fault = "the file ends inside an element"
            return None
        (length,) = self._long.unpack_from(buffer, inside + 8)
        return Element(tag, vr.decode("ascii"), at + 12, length)

    def next(self) -> Element | None:
        """Return the next element, its length defined, and move behind it."""
        element = self.header()
        if element is None:
            return None
        tag, vr, value_at, length = element
        if tag == ITEM_END:
            self.at = value_at
            return None
        if length == UNDEFINED:
            # UN of undefined length holds Implicit VR, whatever surrounds it (PS3.5, 6.2.2).
            end = self._skip(value_at, IMPLICIT_LE if vr == "UN" else self.encoding)
            if end < 0:
                return None
            element = Element(tag, vr, value_at, end - value_at)
            self.at = end
            return element
        if value_at + length > self.end:
            self.fault = f"{show_tag(tag)} claims {length} bytes, {self.end - value_at} are left"
            return None
        self.at = value_at + length
        return element

    def _skip(self, at: int, inner: Encoding) -> int:
        """Return the place behind the sequence of undefined length at `at`; -1 with a fault."""
        # True: between items of a sequence; False: between elements of an item.
        stack = [True]
        probe = ElementCursor(self._window, at, self.end, inner)
        while stack:
            if len(stack) > MAX_NESTING:
                self.fault = f"more than {MAX_NESTING} levels of sequences"
                return -1
            element = probe.header()
            if element is None:
                self.fault = probe.fault or "a sequence does not end"
                return -1
            tag, _, value_at, length = element
            if tag in {SEQUENCE_END, ITEM_END}:
                if (tag == SEQUENCE_END) != stack[-1]:
                    self.fault = "delimiters do not match"
                    return -1
                stack.pop()
                probe.at = value_at
            elif stack[-1] != (tag == ITEM):
                self.fault = f"{show_tag(tag)} where it cannot be"
                return -1
            elif length == UNDEFINED:
                stack.append(not stack[-1])
                probe.at = value_at
            elif value_at + length > self.end:
                self.fault = f"{show_tag(tag)} is longer than what holds it"
                return -1
            else:
                probe.at = value_at + length
        return probe.at


def plain_elements(
    buffer: bytes, at: int, end: int, last_group: int = 0xFFFF
) -> tuple[list[tuple[int, str, int, int]], int]:
    """Step over Explicit VR Little Endian elements that lie whole in `buffer`, quickly.

    Returns tag, VR, place and length of each, and where it stopped: at `end`,
    behind `last_group`, or at the first thing that is not plain (undefined
    length, delimiter, unknown VR, too long), which is `ElementCursor`'s to
    judge.
    """
    found: list[tuple[int, str, int, int]] = []
    unpack = _PLAIN.unpack_from
    while at + 8 <= end:
        group, number, raw_vr, length = unpack(buffer, at)
        vr = _SHORT_NAMES.get(raw_vr)
        value_at = at + 8
        if vr is None:
            vr = _LONG_NAMES.get(raw_vr)
            value_at = at + 12
            if vr is None or value_at > end:
                break
            length = int.from_bytes(buffer[at + 8 : value_at], "little")
        if value_at + length > end or group == 0xFFFE or group > last_group:
            break
        found.append((group << 16 | number, vr, value_at, length))
        at = value_at + length
    return found, at


def show_tag(tag: int) -> str:
    """Return a tag as the standard prints it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def text_value(raw: bytes) -> str:
    """Return a value of the default repertoire without padding; other bytes are escaped."""
    text = raw.strip(b" \0").decode("ascii", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
