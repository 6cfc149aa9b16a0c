"""The walk over a data set: from head to head, past every value, without recursion.

Lengths are held against what is there, depth and steps against fixed limits.
What was forgiven is kept in `ElementWalk.tolerated`, what ended the walk early
in `ElementWalk.damage`; both are told to a person by `mediastation.dicom.header`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mediastation.dicom.elements import (
    ITEM_END,
    LONG_VRS,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    Encoding,
    parse_head,
    tag_text,
)
from mediastation.dicom.sequences import (
    PIXEL_GROUP,
    Damage,
    Steps,
    is_sequence,
    pass_fragments,
    pass_sequence,
)
from mediastation.dicom.source import Source, SourceLimitError


class ElementWalk:
    """The top-level elements of a data set, in the order in which they lie.

    Iterate once; then read the attributes.

    Parameters
    ----------
    source : Source
        What holds the data set.
    offset : int
        Where its first element begins.
    encoding : Encoding
        How it is written.

    Attributes
    ----------
    damage : Damage or None
        Why the walk ended before the data set did.
    tolerated : dict of str to str
        What was forgiven: rule and message, the first of each kind.
    offset : int
        Where the walk stands.
    """

    def __init__(self, source: Source, offset: int, encoding: Encoding) -> None:
        self.source = source
        self.offset = offset
        self.encoding = encoding
        self.damage: Damage | None = None
        self.tolerated: dict[str, str] = {}
        self.steps = Steps()
        self.seen_pixels = False

    def tolerate(self, rule: str, message: str) -> None:
        """Remember the first occurrence of something that was forgiven."""
        self.tolerated.setdefault(rule, message)

    def __iter__(self) -> Iterator[tuple[int, str, int, int]]:
        """Yield tag, VR, offset of the value, and length of each element.

        The VR is empty where the encoding names none, the length may be
        `UNDEFINED`. Plain tuples, because they cost half.
        """
        try:
            yield from self._walk()
        except Damage as damage:
            self.damage = damage
        except SourceLimitError as limit:
            self.damage = Damage("too-long", f"the data set could not be walked: {limit}")

    def _walk(self) -> Iterator[tuple[int, str, int, int]]:
        source, encoding = self.source, self.encoding
        explicit = encoding.explicit
        unpack = struct.Struct((">" if encoding.big else "<") + "HH2sH").unpack_from
        unpack_length = struct.Struct((">" if encoding.big else "<") + "L").unpack_from
        short, long = SHORT_VRS.get, LONG_VRS.get
        offset, end, last = self.offset, source.size, -1
        block, base, limit = b"", offset, -1
        steps = self.steps
        while True:
            at = offset - base
            if at > limit:
                block, base, at = source.window(offset), offset, 0
                limit, end = len(block) - 12, source.size
                if limit < 0 and len(block) < 8:
                    self.offset = offset
                    if block:
                        self._stray_end(block)
                    return
            steps.count()
            group, number, code, length = unpack(block, at)
            tag = group << 16 | number
            vr = short(code) if explicit else None
            if vr is not None:
                start = offset + 8
            elif explicit and at + 12 <= len(block) and (vr := long(code)) is not None:
                (length,) = unpack_length(block, at + 8)
                start = offset + 12
            else:
                head = parse_head(block, at, encoding, end - offset)
                if head is None:
                    raise Damage("truncated", f"the file ends in the head of {tag_text(tag)}", tag)
                _, vr, length, size = head
                start = offset + size
                if group == 0xFFFE or tag == 0:
                    self.offset = offset
                    if tag == 0 and self._only_zeros(offset):
                        return
                    if tag in (ITEM_END, SEQUENCE_END) and length == 0:
                        self.tolerate("stray-delimiter", "a delimiter stands outside any sequence")
                        offset = start
                        continue
                    if group == 0xFFFE:
                        raise Damage("bad-length", f"{tag_text(tag)} stands outside a sequence")
                if explicit:
                    what = f"has no known VR ({code!r})" if vr else "is written without a VR"
                    self.tolerate("bad-vr", f"{tag_text(tag)} {what}")
            if tag <= last:
                self.tolerate(
                    "tag-order", f"{tag_text(tag)} follows {tag_text(last)}: the tags do not ascend"
                )
            last = tag
            if group == PIXEL_GROUP:
                self.seen_pixels = True
            if length == UNDEFINED:
                yield tag, vr or "", start, length
                offset = self._pass_undefined(tag, vr or "", start)
                continue
            offset = start + length
            if offset > end:
                if not source.reaches(offset):
                    raise Damage(
                        "truncated",
                        f"{tag_text(tag)} announces {length} bytes, "
                        f"{max(source.size - start, 0)} are there",
                        tag,
                    )
                end = source.size
            yield tag, vr or "", start, length

    def _pass_undefined(self, tag: int, vr: str, start: int) -> int:
        encoding = self.encoding
        if is_sequence(self.source, tag, vr, start, encoding):
            from_un = vr == "UN"
            return pass_sequence(self.source, start, encoding, self.steps, from_un=from_un)
        return pass_fragments(self.source, start, encoding.big, self.steps, tag)

    def _stray_end(self, block: bytes) -> None:
        if block.strip(b"\0"):
            raise Damage("truncated", f"{len(block)} bytes at the end are no element")
        self.tolerate("trailing-bytes", f"{len(block)} zero bytes follow the data set")

    def _only_zeros(self, offset: int) -> bool:
        """Tell whether nothing but zeros follows, as sectors are filled up."""
        first = offset
        while block := self.source.window(offset):
            if block.strip(b"\0"):
                return False
            offset += len(block)
        self.tolerate("trailing-bytes", f"{offset - first} zero bytes follow the data set")
        if not self.seen_pixels:
            # A hole where a lost block was looks the same as filling.
            raise Damage("truncated", f"nothing but {offset - first} zero bytes follow the header")
        return True
