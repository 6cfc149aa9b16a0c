"""A walk over a data set of any size: one token an element, no value in memory.

The walk is iterative and bounded, so no input can exhaust stack or memory; it
stops with `MalformedError` or `TruncatedError` at the first byte that cannot
be an element where one must stand. PS3.5 7.1, 7.5 and Annex A.4.

Prepared copies are made and proved with it, so it descends into every item and
forgives nothing: a slip that was forgiven would be written onto a medium as if
it were meant. The header scan has a walk that forgives and stays at the top,
`mediastation.dicom.element_walk`, where it is told why these are two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from mediastation.dicom.elements import ITEM, ITEM_END, SEQUENCE_END, ByteOrder, Encoding
from mediastation.dicom.limits import DEPTH_LIMIT, Damage, Steps
from mediastation.dicom.sequences import pass_fragments
from mediastation.dicom.source import FileSource
from mediastation.dicom.vr import DECIDING_TAGS, PIXEL_DATA, Surroundings, implicit_vr
from mediastation.model.element_encoding import LONG_VRS, SHORT_VRS, UNDEFINED


class MalformedError(ValueError):
    """The data set is not what its encoding says."""


class TruncatedError(MalformedError):
    """The data set is longer than the file."""


class Kind(IntEnum):
    """What a token stands for."""

    ELEMENT = 0
    SEQUENCE = 1
    ITEM = 2
    ITEM_END = 3
    SEQUENCE_END = 4
    FRAGMENTS = 5


class Token(NamedTuple):
    """One element, or one bracket of a sequence.

    Parameters
    ----------
    kind : Kind
        What it is.
    tag : int
        Group in the upper 16 bits; 0 for brackets that close.
    vr : str
        The VR that the encoding says or, where it says none, that the
        dictionary gives; empty for brackets of items.
    start, value : int
        Offsets of the header's and of the value field's first byte.
    length : int
        Bytes of the value field, up to and with the delimiter if `undefined`
        and the token is an element or fragments. For brackets that open: the
        length as encoded. For those that close: the delimiter's size, 8 or 0.
    undefined : bool
        Whether the length was encoded as undefined.
    depth : int
        Number of items around it; 0 in the data set itself.
    """

    kind: Kind
    tag: int
    vr: str
    start: int
    value: int
    length: int
    undefined: bool
    depth: int


class Window(FileSource):
    """A file whose values are too long to be held: looks at heads, and chunks of the rest."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, os.fstat(descriptor).st_size)

    def peek(self, offset: int, count: int) -> bytes:
        """Return up to `count` (at most `HEAD_BYTES`) bytes at `offset`; fewer at the end."""
        block, base = self.block(offset)
        at = offset - base
        return block[at : at + count]

    def chunks(self, offset: int, count: int, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the `count` bytes at `offset` in chunks of `size`; `TruncatedError` if short."""
        while count:
            chunk = self.read(offset, min(count, size))
            if not chunk:
                raise TruncatedError(f"the file ends at byte {offset}")
            offset += len(chunk)
            count -= len(chunk)
            yield chunk


class _Level(NamedTuple):
    """One open bracket: sequence or item, the end it declared or -1, and the bound for both."""

    sequence: bool
    end: int
    limit: int


class Walk:
    """The tokens of a data set, with what was learned on the way.

    Parameters
    ----------
    window : Window
        The file.
    start, end : int
        First byte of the data set and the byte after its last.
    encoding : Encoding
        How its elements are encoded; sequences of unknown VR and undefined
        length are implicit little endian all the same (PS3.5 6.2.2 Note 2).
    pixel_representation : int, optional
        The data set's, for the ambiguous elements that stand before it.

    Attributes
    ----------
    around : list of Surroundings
        The open data sets, outermost first, as far as they were read.
    padded_from : int or None
        Where zeros after the last element begin, if there are any.
    """

    def __init__(
        self,
        window: Window,
        start: int,
        end: int,
        encoding: Encoding,
        pixel_representation: int | None = None,
    ) -> None:
        self._window = window
        self._start = start
        self._end = end
        self._encoding = encoding
        self._stack: list[_Level] = []
        self._depth = 0
        self._limit = end
        self._not_zero_at = 0
        self.around = [Surroundings(pixel_representation=pixel_representation)]
        self.padded_from: int | None = None

    def __iter__(self) -> Iterator[Token]:
        window, stack, order = self._window, self._stack, self._encoding.order
        position = self._start
        while True:
            while stack and stack[-1].end == position:
                yield self._close(position, 0)
            if position == self._end:
                if stack:
                    raise TruncatedError("the data set ends inside a sequence")
                return
            head = window.peek(position, 12)
            if position + 8 > self._limit or len(head) < 8:
                if not stack and self._rest_is_zero(position):
                    return
                raise self._overrun(position)
            tag = _tag(head, order)
            if tag in (ITEM, ITEM_END, SEQUENCE_END):
                token = self._bracket(tag, position, int.from_bytes(head[4:8], order))
                yield token
                position = token.start + 8
                continue
            if stack and stack[-1].sequence:
                raise MalformedError(f"no item where one must stand at byte {position}")
            if tag == 0 and not stack and self._rest_is_zero(position):
                return
            token = self._element(tag, position, head)
            yield token
            position = token.value
            if token.kind is not Kind.SEQUENCE:
                position += token.length

    def _close(self, position: int, delimiter_bytes: int) -> Token:
        level = self._stack.pop()
        self._limit = self._stack[-1].limit if self._stack else self._end
        kind = Kind.SEQUENCE_END
        if not level.sequence:
            kind = Kind.ITEM_END
            self._depth -= 1
            self.around.pop()
        found = delimiter_bytes > 0
        return Token(kind, 0, "", position, position, delimiter_bytes, found, self._depth)

    def _open(self, sequence: bool, value: int, length: int) -> bool:
        """Push a bracket; return whether its length is undefined."""
        if len(self._stack) >= 2 * DEPTH_LIMIT:
            raise MalformedError(f"sequences are nested deeper than {DEPTH_LIMIT}")
        undefined = length == UNDEFINED
        if not undefined:
            self._limit = value + length
        self._stack.append(_Level(sequence, -1 if undefined else self._limit, self._limit))
        return undefined

    def _bracket(self, tag: int, position: int, length: int) -> Token:
        if not self._stack:
            raise MalformedError(f"an item outside any sequence at byte {position}")
        level = self._stack[-1]
        if tag != ITEM:
            if level.sequence != (tag == SEQUENCE_END) or level.end >= 0:
                raise MalformedError(f"a delimiter that closes nothing at byte {position}")
            return self._close(position, 8)
        if not level.sequence:
            raise MalformedError(f"an item outside any sequence at byte {position}")
        value = position + 8
        if length != UNDEFINED and value + length > self._limit:
            raise self._overrun(position)
        undefined = self._open(False, value, length)
        self.around.append(Surroundings())
        self._depth += 1
        return Token(Kind.ITEM, tag, "", position, value, length, undefined, self._depth - 1)

    def _element(self, tag: int, position: int, head: bytes) -> Token:
        window, order, depth = self._window, self._encoding.order, self._depth
        if self._encoding.explicit:
            vr, header, length = _explicit_header(head, order, position)
        else:
            header, length = 8, int.from_bytes(head[4:8], order)
            vr = "SQ" if length == UNDEFINED else implicit_vr(tag, length, self.around)
            if length == UNDEFINED and tag == PIXEL_DATA:
                raise MalformedError("encapsulated pixels in an implicit encoding")
        value = position + header
        end = value if length == UNDEFINED else value + length
        if end > self._limit:
            raise self._overrun(position)
        if vr == "SQ":
            undefined = self._open(True, value, length)
            return Token(Kind.SEQUENCE, tag, vr, position, value, length, undefined, depth)
        if length != UNDEFINED:
            if tag in DECIDING_TAGS and length == 2:
                self.around[-1].learn(tag, int.from_bytes(window.peek(value, 2), order))
            return Token(Kind.ELEMENT, tag, vr, position, value, length, False, depth)
        if vr == "UN":
            end = _end_of_implicit_sequence(window, value, self._limit)
            return Token(Kind.ELEMENT, tag, vr, position, value, end - value, True, depth)
        if tag == PIXEL_DATA and vr in ("OB", "OW"):
            end = self._end_of_fragments(tag, value, position)
            return Token(Kind.FRAGMENTS, tag, vr, position, value, end - value, True, depth)
        raise MalformedError(f"VR {vr} with undefined length at byte {position}")

    def _end_of_fragments(self, tag: int, value: int, position: int) -> int:
        """Return the byte after the delimiter of encapsulated pixels."""
        try:
            end = pass_fragments(self._window, value, self._encoding.big, Steps(), tag)
        except Damage as damage:
            kind = TruncatedError if damage.rule == "truncated" else MalformedError
            raise kind(damage.message) from damage
        if end > self._limit:
            raise self._overrun(position)
        return end

    def _overrun(self, position: int) -> MalformedError:
        if self._limit == self._end:
            return TruncatedError(f"the element at byte {position} is longer than the file")
        return MalformedError(f"the element at byte {position} is longer than what it lies in")

    def _rest_is_zero(self, position: int) -> bool:
        if position < self._not_zero_at:
            return False  # known already: many empty elements must not cost a long look each
        at = position
        for chunk in self._window.chunks(position, self._end - position):
            at += len(chunk)
            if chunk.count(0) != len(chunk):
                self._not_zero_at = at - len(chunk.lstrip(b"\0")) + 1
                return False
        self.padded_from = position
        return True


def _tag(head: bytes, order: ByteOrder) -> int:
    return (int.from_bytes(head[0:2], order) << 16) | int.from_bytes(head[2:4], order)


def _explicit_header(head: bytes, order: ByteOrder, position: int) -> tuple[str, int, int]:
    """Return VR, size of the header and length of the value."""
    code = head[4:6]
    if short := SHORT_VRS.get(code):
        return short, 8, int.from_bytes(head[6:8], order)
    vr = LONG_VRS.get(code)
    if vr is None:
        # VRs yet to come have the long form (PS3.5 6.2), but one that nobody
        # knows is likelier a slip of the writer's.
        raise MalformedError(f"no Value Representation at byte {position + 4}")
    if len(head) < 12:
        raise TruncatedError(f"the element at byte {position} is longer than the file")
    return vr, 12, int.from_bytes(head[8:12], order)


def _end_of_implicit_sequence(window: Window, start: int, limit: int) -> int:
    """Return the byte after the delimiter of a sequence that is implicit little endian.

    Its bytes go into the copy as they are, so a slip inside it is not passed over
    as `mediastation.dicom.sequences.pass_sequence` would.
    """
    ends: list[int] = [-1]  # of open brackets: sequence, item, sequence ...
    limits = [limit]
    position = start
    while True:
        while ends[-1] == position:
            ends.pop()
            limits.pop()
        head = window.peek(position, 8)
        if len(head) < 8 or position + 8 > limits[-1]:
            raise TruncatedError(f"the element at byte {position} is longer than what it lies in")
        tag, length = _tag(head, "little"), int.from_bytes(head[4:8], "little")
        position += 8
        in_sequence = len(ends) % 2 == 1
        if tag in (ITEM_END, SEQUENCE_END):
            if in_sequence != (tag == SEQUENCE_END) or ends[-1] != -1:
                raise MalformedError(f"a delimiter that closes nothing at byte {position - 8}")
            ends.pop()
            limits.pop()
            if not ends:
                return position
            continue
        if in_sequence != (tag == ITEM):
            raise MalformedError(f"no item where one must stand at byte {position - 8}")
        end = limits[-1] if length == UNDEFINED else position + length
        if end > limits[-1]:
            raise TruncatedError(f"the element at byte {position - 8} is longer than the file")
        if length == UNDEFINED or in_sequence:
            if len(ends) >= 2 * DEPTH_LIMIT:
                raise MalformedError(f"sequences are nested deeper than {DEPTH_LIMIT}")
            ends.append(-1 if length == UNDEFINED else end)
            limits.append(end)
        else:
            position = end
