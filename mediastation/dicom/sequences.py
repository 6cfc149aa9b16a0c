"""Sequences and fragments: where they end, and how they read in Explicit VR Little Endian.

One machine with an explicit stack does both: passing over a sequence of
undefined length (PS3.5, 7.5) and writing a kept one anew with defined lengths.
Input controls neither the depth of calls nor the memory used.

What is kept here is an extract for the index, in memory and of limited size; a
whole data set is re-encoded by `mediastation.dicom.reencode`, which streams.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mediastation.dicom.elements import (
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    TRAILING_PADDING,
    Encoding,
    Head,
    little_endian,
    parse_head,
    tag_text,
)
from mediastation.dicom.limits import (
    DEPTH_LIMIT,
    VALUE_LIMIT_BYTES,
    Damage,
    Steps,
    TooLongError,
)
from mediastation.dicom.source import Source
from mediastation.dicom.vr import PIXEL_REPRESENTATION, dictionary_vr, resolved_vr
from mediastation.model.element_encoding import (
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    encode_element,
    encode_item,
)

PIXEL_GROUP: Final = 0x7FE0

CONTENT_SEQUENCE: Final = 0x0040A730
RELATIONSHIP_TYPE: Final = 0x0040A010

ITEM_ELEMENTS: Final[Mapping[int, frozenset[int]]] = {
    # Verifying Observer Sequence: Verification DateTime.
    0x0040A073: frozenset({0x0040A030}),
    # Shared Functional Groups Sequence: what PS3.11 Table H.3-2 looks up there.
    0x52009229: frozenset({0x00081140, 0x00209113, 0x00209116, 0x00289110}),
}
"""Sequences of which only some elements are kept in each item."""

_BULK_GROUPS: Final = frozenset({0x7FE0, 0x5400})
_BULK_TAGS: Final = frozenset({0x00420011, 0x00880200})
_LOOK_BYTES: Final = 4096
_FRAGMENT_LOOK_BYTES: Final = 512


def is_bulk(tag: int) -> bool:
    """Tell whether an element is never kept: pixels, waveforms, documents, icons."""
    return tag >> 16 in _BULK_GROUPS or tag in _BULK_TAGS


def is_sequence(source: Source, tag: int, vr: str, start: int, encoding: Encoding) -> bool:
    """Tell whether a value of undefined length holds data sets, not fragments (PS3.5, 7.5, A.4)."""
    if tag >> 16 == PIXEL_GROUP:
        return False
    if vr == "SQ" or (vr in ("", "UN") and dictionary_vr(tag) == "SQ"):
        return True
    if vr not in ("", "UN"):
        return False
    big = encoding.big and vr != "UN"
    return source.window(start, 4) == (b"\xff\xfe\xe0\x00" if big else b"\xfe\xff\x00\xe0")


def pass_fragments(source: Source, start: int, big: bool, steps: Steps, tag: int) -> int:
    """Return where encapsulated fragments end, jumping from item to item (PS3.5, A.4).

    Raises
    ------
    Damage
        If an item does not fit, or the Sequence Delimitation Item is missing.
    """
    offset, end = start, source.size
    unpack = struct.Struct(">HHL" if big else "<HHL").unpack_from
    while True:
        steps.count()
        look = source.window(offset, _FRAGMENT_LOOK_BYTES)
        if len(look) < 8:
            raise Damage("truncated", f"the fragments of {tag_text(tag)} are not closed", tag)
        group, number, length = unpack(look)
        found = group << 16 | number
        offset += 8
        if found == SEQUENCE_END:
            return offset
        if found != ITEM or length == UNDEFINED:
            raise Damage(
                "bad-length",
                f"{tag_text(found)} stands among the fragments of {tag_text(tag)}",
                tag,
            )
        offset += length
        if offset > end:
            if not source.reaches(offset):
                raise Damage("truncated", f"the last fragment of {tag_text(tag)} is cut short", tag)
            end = source.size


def pass_sequence(
    source: Source, start: int, encoding: Encoding, steps: Steps, *, from_un: bool = False
) -> int:
    """Return where a sequence of undefined length ends, its delimiter included.

    Raises
    ------
    Damage
        If it is not closed, nested too deep, or does not consist of items.
    """
    machine = _Machine(source, steps, keep=False)
    return machine.run(0, start, UNDEFINED, encoding, from_un=from_un)[0]


def find_item(
    source: Source,
    start: int,
    length: int,
    number: int,
    encoding: Encoding,
    steps: Steps,
    *,
    from_un: bool = False,
) -> tuple[int, int] | None:
    """Return where item `number` (from 0) of a sequence lies, head and delimiter included.

    Parameters
    ----------
    source, start, length, encoding, steps, from_un
        As `convert_sequence`, to which the span may be given as a sequence of
        that one item.
    number : int
        Which item.

    Returns
    -------
    tuple of int, or None
        Offset and length; `None` if there are fewer items.

    Raises
    ------
    Damage
        As `pass_sequence`.
    """
    end = None if length == UNDEFINED else start + length
    offset = start
    while end is None or offset < end:
        steps.count()
        head = parse_head(source.window(offset, 8), 0, encoding, 8)
        if head is None or head.tag != ITEM:
            return None
        after = offset + 8 + head.length
        if head.length == UNDEFINED:
            machine = _Machine(source, steps, keep=False)
            after, _ = machine.run(
                0, offset + 8, UNDEFINED, encoding, from_un=from_un, is_item=True
            )
        if number == 0:
            return offset, after - offset
        number -= 1
        offset = after
    return None


def convert_sequence(
    source: Source,
    tag: int,
    start: int,
    length: int,
    encoding: Encoding,
    steps: Steps,
    signed: bool | None = None,
    *,
    from_un: bool = False,
) -> bytes:
    """Return a sequence's items in Explicit VR Little Endian with defined lengths.

    Group lengths, trailing padding and bulk (`is_bulk`) are left out at every
    depth. Of the Content Sequence only items that modify the concept name stay
    (PS3.3, F.5.25), of the sequences in `ITEM_ELEMENTS` only those elements.

    Parameters
    ----------
    source : Source
        What holds the data set.
    tag : int
        The sequence's own tag.
    start : int
        Where its value lies.
    length : int
        Its length, or `UNDEFINED`.
    encoding : Encoding
        How its heads are written.
    steps : Steps
        Counted on.
    signed : bool or None
        Pixel Representation of the data set around it.
    from_un : bool
        Whether the sequence goes by VR UN. Its items are implicit then
        (PS3.5, 6.2.2), unless they name VRs all the same.

    Raises
    ------
    Damage
        As `pass_sequence`; also if an item is longer than what holds it.
    TooLongError
        If more than `VALUE_LIMIT_BYTES` would be kept.
    """
    machine = _Machine(source, steps, keep=True, signed=signed)
    return machine.run(tag, start, length, encoding, from_un=from_un)[1]


@dataclass(slots=True)
class _Frame:
    """A sequence or an item that is open; `end` is None while its delimiter is awaited."""

    is_item: bool
    tag: int
    end: int | None
    encoding: Encoding
    keep: bool
    from_un: bool = False
    signed: bool | None = None
    parts: list[bytes] = field(default_factory=list)


class _Machine:
    def __init__(
        self, source: Source, steps: Steps, *, keep: bool, signed: bool | None = None
    ) -> None:
        self.source = source
        self.steps = steps
        self.keep = keep
        self.signed = signed
        self.kept = 0
        self.frames: list[_Frame] = []
        self.block = b""
        self.base = 0

    def run(
        self,
        tag: int,
        start: int,
        length: int,
        encoding: Encoding,
        *,
        from_un: bool,
        is_item: bool = False,
    ) -> tuple[int, bytes]:
        """Return where the sequence (or the item) ends, and its value if it is kept."""
        if from_un:
            encoding = Encoding(explicit=False)
        self.frames = [
            _Frame(
                is_item=is_item,
                tag=tag,
                end=None if length == UNDEFINED else start + length,
                encoding=encoding,
                keep=self.keep,
                from_un=from_un,
                signed=self.signed,
            )
        ]
        offset = start
        while True:
            frame = self.frames[-1]
            if frame.end is not None and offset >= frame.end:
                if offset > frame.end:
                    raise Damage("bad-length", f"an element in {tag_text(frame.tag)} is too long")
                closed = True
            elif frame.is_item:
                offset, closed = self._in_item(frame, offset)
            else:
                offset, closed = self._in_sequence(frame, offset)
            if closed:
                self.frames.pop()
                value = b"".join(frame.parts)
                if not self.frames:
                    return offset, value
                self._close(frame, value)

    def _look(self, offset: int, need: int = 12) -> int:
        """Have the bytes at `offset` in the block; return where in it."""
        at = offset - self.base
        if at < 0 or at + need > len(self.block):
            self.block, self.base, at = self.source.window(offset, _LOOK_BYTES), offset, 0
        return at

    def _head(self, frame: _Frame, offset: int) -> Head:
        self.steps.count()
        at = self._look(offset)
        room = (self.source.size if frame.end is None else frame.end) - offset
        head = parse_head(self.block, at, frame.encoding, room)
        if head is None:
            raise Damage("truncated", f"the data set ends inside {tag_text(self.frames[0].tag)}")
        return head

    def _end_of(self, frame: _Frame, offset: int, length: int) -> int:
        end = offset + length
        if (frame.end is not None and end > frame.end) or not self.source.reaches(end):
            what = "truncated" if end > self.source.size else "bad-length"
            raise Damage(what, f"{length} bytes do not fit inside {tag_text(frame.tag)}")
        return end

    def _push(self, frame: _Frame) -> None:
        if len(self.frames) >= 2 * DEPTH_LIMIT:
            raise Damage("too-deep", f"sequences are nested deeper than {DEPTH_LIMIT}")
        self.frames.append(frame)

    def _in_sequence(self, frame: _Frame, offset: int) -> tuple[int, bool]:
        head = self._head(frame, offset)
        offset += 8
        if head.tag == SEQUENCE_END:
            # Some writers close a sequence whose length is defined as well.
            return offset, frame.end is None
        if head.tag != ITEM:
            raise Damage(
                "bad-length", f"{tag_text(head.tag)} stands where an item of {self._name()} should"
            )
        end = None if head.length == UNDEFINED else self._end_of(frame, offset, head.length)
        encoding = frame.encoding
        if frame.from_un and head.length and self._looks_explicit(offset):
            encoding = Encoding(explicit=True, big=encoding.big)
        keep = frame.keep
        if keep and frame.tag == CONTENT_SEQUENCE and len(self.frames) == 1:
            keep = self._modifies_concept(offset, end, encoding)
        if end is not None and not keep:
            return end, False
        item = _Frame(
            is_item=True,
            tag=frame.tag,
            end=end,
            encoding=encoding,
            keep=keep,
            from_un=frame.from_un,
            signed=frame.signed,
        )
        self._push(item)
        return offset, False

    def _name(self) -> str:
        return tag_text(self.frames[0].tag) if self.frames[0].tag else "a sequence"

    def _looks_explicit(self, offset: int) -> bool:
        """Tell whether an item that should be implicit names VRs all the same."""
        at = self._look(offset)
        code = self.block[at + 4 : at + 6]
        return code in SHORT_VRS or code in LONG_VRS

    def _in_item(self, frame: _Frame, offset: int) -> tuple[int, bool]:
        head = self._head(frame, offset)
        tag, vr, length = head.tag, head.vr, head.length
        start = offset + head.size
        if tag == ITEM_END:
            return start, frame.end is None
        if tag >> 16 == 0xFFFE:
            raise Damage("bad-length", f"{tag_text(tag)} stands inside an item of {self._name()}")
        keep = frame.keep and self._wanted(tag)
        encoding = frame.encoding
        if length == UNDEFINED:
            if not is_sequence(self.source, tag, vr, start, encoding):
                return pass_fragments(self.source, start, encoding.big, self.steps, tag), False
            vr = "UN" if vr == "UN" else "SQ"
            end = None
        else:
            end = self._end_of(frame, start, length)
            if not keep:
                return end, False
            vr = vr if vr == "UN" else resolved_vr(tag, vr, frame.signed)
        if vr == "SQ" or (vr == "UN" and (end is None or dictionary_vr(tag) == "SQ")):
            from_un = vr == "UN"
            encoding = Encoding(explicit=False) if from_un else encoding
            nested = _Frame(
                is_item=False,
                tag=tag,
                end=end,
                encoding=encoding,
                keep=keep,
                from_un=from_un,
                signed=frame.signed,
            )
            self._push(nested)
            return start, False
        assert end is not None  # noqa: S101 - undefined lengths were dealt with above
        self._keep(frame, tag, resolved_vr(tag, vr, frame.signed), start, length)
        return end, False

    def _wanted(self, tag: int) -> bool:
        if len(self.frames) == 2:
            only = ITEM_ELEMENTS.get(self.frames[0].tag)
            if only is not None and tag not in only:
                return False
        return not is_bulk(tag) and tag & 0xFFFF != 0 and tag != TRAILING_PADDING

    def _keep(self, frame: _Frame, tag: int, vr: str, start: int, length: int) -> None:
        self.kept += length + 12
        if self.kept > VALUE_LIMIT_BYTES:
            raise TooLongError
        value = self.source.window(start, length) if length else b""
        if len(value) != length:
            raise Damage("truncated", f"{tag_text(tag)} is cut short")
        if frame.encoding.big:
            value = little_endian(vr, value)
        if tag == PIXEL_REPRESENTATION and value:
            frame.signed = bool(value[0] & 1)
        if length > 0xFFFE and vr.encode() in SHORT_VRS:  # implicit, and no room in the short form
            vr = "UN"
        frame.parts.append(encode_element(tag, vr, value))

    def _close(self, frame: _Frame, value: bytes) -> None:
        """Hand what a closed item or sequence holds to what holds it."""
        if not frame.keep:
            return
        parent = self.frames[-1]
        if frame.is_item:
            parent.parts.append(encode_item(value))
        else:
            parent.parts.append(encode_element(frame.tag, "SQ", value))
        self.kept += 12
        if self.kept > VALUE_LIMIT_BYTES:
            raise TooLongError

    def _modifies_concept(self, offset: int, end: int | None, encoding: Encoding) -> bool:
        """Tell whether a content item's Relationship Type is HAS CONCEPT MOD (PS3.3, C.17.3)."""
        limit = end if end is not None else self.source.size
        while offset < limit:
            self.steps.count()
            at = self._look(offset)
            head = parse_head(self.block, at, encoding, limit - offset)
            if head is None or head.tag > RELATIONSHIP_TYPE:
                return False
            start = offset + head.size
            if head.tag == RELATIONSHIP_TYPE:
                value = self.source.window(start, min(head.length, 64))
                return value.strip(b" \0") == b"HAS CONCEPT MOD"
            if head.length == UNDEFINED:
                from_un = head.vr == "UN"
                offset = pass_sequence(self.source, start, encoding, self.steps, from_un=from_un)
            else:
                offset = start + head.length
        return False
