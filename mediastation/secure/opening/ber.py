"""A pull reader of BER (X.690) over bytes that come one chunk after the other, and never again.

Nothing is held but the chunk in hand and what is asked for; nesting costs a
list entry, not a stack frame. DER is BER, so there is one reader for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MAX_DEPTH = 32
"""Levels of containers; certificates and attributes need some twelve."""

MAX_ELEMENTS = 20_000
"""Elements of one reader, pieces of streamed octet strings not among them."""

MAX_KEPT_BYTES = 1 << 20
"""What one reader hands out in all, streamed octet strings not among it."""

FREE_PIECES = 10_000
"""Pieces of an octet string, however small; beyond them they must be worth their headers."""

LEAST_PIECE_BYTES = 64
"""What pieces beyond the free ones must have on the average."""

SEQUENCE, SET, INTEGER, OCTETS, OID = 0x30, 0x31, 0x02, 0x04, 0x06

_CONSTRUCTED = 0x20
_ENDLESS = 1 << 62
_MAX_INTEGER_BYTES = 64
_MAX_OID_BYTES = 64


class BerError(Exception):
    """What was read is not what it should be; says it in words that follow the file's name."""


class BerReader:
    """Reads elements in their order.

    Parameters
    ----------
    chunks : iterable of bytes
        What is read, in pieces of any length.
    size_bytes : int, optional
        How many bytes there are at the most: no length may say more.
    """

    def __init__(self, chunks: Iterable[bytes], size_bytes: int = _ENDLESS) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self._before = 0
        # Where each open container ends at the latest, and whether a mark says so before.
        self._open: list[tuple[int, bool]] = [(size_bytes, False)]
        self._elements = 0
        self._kept = 0

    @classmethod
    def of(cls, data: bytes) -> BerReader:
        """Return a reader of bytes in memory."""
        return cls((data,), len(data))

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._before + self._at

    def peek(self) -> int | None:
        """Return the identifier octet of the next element; None where its container ends."""
        end, marked = self._open[-1]
        if self.position >= end and not marked:
            return None
        if marked and self.position + 2 > end:
            raise self._past(end)
        if not self._fill(2 if marked else 1):
            if len(self._open) == 1 and self._at == len(self._chunk):
                return None
            raise BerError("it ends too early")
        if marked and self._chunk[self._at : self._at + 2] == b"\0\0":
            return None
        return self._chunk[self._at]

    def enter(self, identifier: int, what: str) -> None:
        """Step into a container; `BerError` if another element comes here."""
        self._require(identifier, what)
        _, length = self._header()
        self._push(length)

    def leave(self) -> None:
        """Step out of the container; `BerError` if there is more in it."""
        if self.peek() is not None:
            raise BerError("it holds something that does not belong there")
        self._pop()

    def value(self, identifier: int, what: str, most: int) -> bytes:
        """Return what an element that is no container holds."""
        self._require(identifier, what)
        _, length = self._header()
        if length is None or length > most:
            raise BerError(f"{what} is too long")
        return self._take(length)

    def integer(self, what: str) -> int:
        """Return an INTEGER."""
        octets = self.value(INTEGER, what, _MAX_INTEGER_BYTES)
        if not octets:
            raise BerError(f"{what} is empty")
        return int.from_bytes(octets, "big", signed=True)

    def oid(self, what: str) -> str:
        """Return an OBJECT IDENTIFIER with dots."""
        octets = self.value(OID, what, _MAX_OID_BYTES)
        if not octets or octets[-1] & 0x80:
            raise BerError(f"{what} is damaged")
        arcs, arc = [], 0
        for octet in octets:
            arc = arc << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(arc)
                arc = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))

    def octets(self, identifier: int, what: str, most: int) -> bytes:
        """Return an octet string, whole or in pieces, joined."""
        pieces, length = [], 0
        for piece in self.iter_octets(identifier, what):
            length += len(piece)
            if length > most:
                raise BerError(f"{what} is too long")
            pieces.append(piece)
        self._keep(length)
        return b"".join(pieces)

    def octets_length(self, identifier: int, what: str) -> int | None:
        """Step up to the value of an octet string; return its length, None if it is in pieces."""
        self._require_octets(identifier, what)
        tag, length = self._header()
        return None if tag & _CONSTRUCTED else length

    def iter_octets(self, identifier: int, what: str) -> Iterator[bytes]:
        """Yield an octet string piece by piece, as the chunks come; pieces may be empty."""
        self._require_octets(identifier, what)
        tag, length = self._header()
        if not tag & _CONSTRUCTED:
            yield from self._run(length or 0)
            return
        level, pieces, start = len(self._open), 0, self.position
        self._push(length)
        while len(self._open) > level:
            tag_here = self.peek()
            if tag_here is None:
                self._pop()
                continue
            pieces += 1
            if pieces > FREE_PIECES:
                worth = (self.position - start) // LEAST_PIECE_BYTES
                if pieces - FREE_PIECES > worth:
                    raise BerError(f"{what} is in too many small pieces")
            self._elements -= 1
            tag, length = self._header()
            if tag == OCTETS | _CONSTRUCTED:
                self._push(length)
            elif tag == OCTETS:
                yield from self._run(length or 0)
            else:
                raise BerError(f"{what} has a piece that is none")

    def element(self, what: str, most: int) -> bytes:
        """Return the next element as a whole, of definite length throughout.

        What came with definite lengths in their shortest form is returned as
        it came; octet strings in pieces are joined.
        """
        level = len(self._open)
        start = self.position
        waiting: list[tuple[int, list[tuple[int, bytes]]]] = []
        while True:
            done: tuple[int, bytes]
            if waiting and self.peek() is None:
                self._pop()
                done = _joined(*waiting.pop(), what)
            else:
                if not waiting and self.peek() is None:
                    raise BerError(f"{what} is missing")
                tag, length = self._header()
                if self.position + (length or 0) - start > most:
                    raise BerError(f"{what} is too long")
                if tag & _CONSTRUCTED:
                    self._push(length)
                    waiting.append((tag, []))
                    continue
                done = (tag, self._take(length or 0))
            if len(self._open) == level:
                return encoded(*done)
            waiting[-1][1].append(done)

    def skip(self, what: str) -> None:
        """Pass over the next element, however long it is."""
        if self.peek() is None:
            raise BerError(f"{what} is missing")
        level = len(self._open)
        while True:
            if len(self._open) > level and self.peek() is None:
                self._pop()
            else:
                _, length = self._header()
                if length is None:
                    self._push(None)
                else:
                    for _ in self._run(length):
                        pass
            if len(self._open) == level:
                return

    def iter_rest(self) -> Iterator[bytes]:
        """Yield everything up to the end of the bytes."""
        while self._fill(1):
            start = self._at
            self._at = len(self._chunk)
            yield self._chunk[start:] if start else self._chunk

    def rest(self) -> int:
        """Read to the end of the bytes; return how many were left."""
        return sum(map(len, self.iter_rest()))

    def _require(self, identifier: int, what: str) -> None:
        found = self.peek()
        if found != identifier:
            raise BerError(f"{what} is missing")

    def _require_octets(self, identifier: int, what: str) -> None:
        found = self.peek()
        if found is None or found & ~_CONSTRUCTED != identifier:
            raise BerError(f"{what} is missing")

    def _header(self) -> tuple[int, int | None]:
        """Return the identifier octet and the length, None for an indefinite one."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise BerError("it has too many elements")
        tag, first = self._raw(2)
        if tag & 0x1F == 0x1F or tag == 0:
            raise BerError("it has an element of a kind that no envelope has")
        if first == 0x80:
            if not tag & _CONSTRUCTED:
                raise BerError("it has a value of no length")
            return tag, None
        length = first
        if first > 0x80:
            if first > 0x88:
                raise BerError("it has an absurd length")
            length = int.from_bytes(self._raw(first & 0x7F), "big")
        end = self._open[-1][0]
        if self.position + length > end:
            raise self._past(end)
        return tag, length

    def _past(self, end: int) -> BerError:
        """Return the error of an element that goes beyond where its containers end."""
        if end == self._open[0][0]:
            return BerError("it ends too early, or one of its lengths is wrong")
        return BerError("it has an element that is longer than what holds it")

    def _push(self, length: int | None) -> None:
        if len(self._open) > MAX_DEPTH:
            raise BerError("it is nested too deeply")
        if length is None:
            self._open.append((self._open[-1][0], True))
        else:
            self._open.append((self.position + length, False))

    def _pop(self) -> None:
        _, marked = self._open.pop()
        if marked:
            self._raw(2)

    def _take(self, length: int) -> bytes:
        self._keep(length)
        return self._raw(length)

    def _keep(self, length: int) -> None:
        self._kept += length
        if self._kept > MAX_KEPT_BYTES:
            raise BerError("too much of it is no content")

    def _raw(self, length: int) -> bytes:
        if not self._fill(length):
            raise BerError("it ends too early")
        start = self._at
        self._at = start + length
        return self._chunk[start : self._at]

    def _fill(self, length: int) -> bool:
        """Have so many bytes at hand; tell whether there are."""
        have = len(self._chunk) - self._at
        if have >= length:
            return True
        pieces = [self._chunk[self._at :]]
        self._before += self._at
        self._at = 0
        while have < length:
            piece = next(self._chunks, None)
            if piece is None:
                break
            pieces.append(piece)
            have += len(piece)
        self._chunk = pieces[-1] if have == len(pieces[-1]) else b"".join(pieces)
        return have >= length

    def _run(self, length: int) -> Iterator[bytes]:
        """Yield the next so many bytes as they come."""
        while length:
            have = len(self._chunk) - self._at
            if have > length:
                start = self._at
                self._at = start + length
                yield self._chunk[start : self._at]
                return
            if have:
                piece = self._chunk[self._at :] if self._at else self._chunk
                self._at = len(self._chunk)
                length -= have
                yield piece
            elif not self._fill(1):
                raise BerError("it ends too early")


def encoded(tag: int, value: bytes) -> bytes:
    """Return an element with the shortest form of its length."""
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + value


def gathered(pieces: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `size_bytes` or more, but for the last one; none is empty.

    What follows costs by the piece: senders cut content into a thousand bytes
    each, and may cut it into single ones.
    """
    waiting: list[bytes] = []
    length = 0
    for piece in pieces:
        if len(piece) >= size_bytes and not waiting:
            yield piece
            continue
        waiting.append(piece)
        length += len(piece)
        if length >= size_bytes:
            yield b"".join(waiting)
            waiting, length = [], 0
    if length:
        yield b"".join(waiting)


def _joined(tag: int, children: list[tuple[int, bytes]], what: str) -> tuple[int, bytes]:
    """Return a container as one element; an octet string in pieces becomes one in one piece."""
    if tag == OCTETS | _CONSTRUCTED:
        if any(child != OCTETS for child, _ in children):
            raise BerError(f"{what} has a piece that is none")
        return OCTETS, b"".join(value for _, value in children)
    return tag, b"".join(encoded(*child) for child in children)
