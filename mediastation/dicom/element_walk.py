"""The walk over a data set: from head to head, past every value, without recursion.

Lengths are held against what is there, depth and steps against fixed limits.
What was forgiven is kept in `ElementWalk.tolerated`, what ended the walk early
in `ElementWalk.damage`; both are told to a person by `mediastation.dicom.header`.

This is the walk of the header scan, `mediastation.dicom.walk` that of prepared
copies, and neither can do the other's work. Here a fault costs no more than what
lies behind it, since a damaged instance has to be kept and shown too; sequences
are stepped over unless they are wanted, and the loop is bare, because every file
that arrives goes through it. There every element of every item is visited, and
nothing is forgiven, since what is read is written again. They share encodings,
tables, sources, limits and the way through fragments.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mediastation.dicom.elements import (
    ITEM_END,
    SEQUENCE_END,
    Encoding,
    parse_head,
    tag_text,
)
from mediastation.dicom.limits import Damage, Steps
from mediastation.dicom.sequences import (
    PIXEL_GROUP,
    is_sequence,
    pass_fragments,
    pass_sequence,
)
from mediastation.dicom.source import HEAD_BYTES, Source, SourceLimitError
from mediastation.model.element_encoding import LONG_VRS, SHORT_VRS, UNDEFINED


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
    wanted : frozenset of int, optional
        Yield only these tags, and all from group 7FE0 on; without it, all.

    Attributes
    ----------
    damage : Damage or None
        Why the walk ended before the data set did.
    tolerated : dict of str to str
        What was forgiven: rule and message, the first of each kind.
    offset : int
        Where the walk stands.
    fragments_end : int
        Where encapsulated pixels end, their delimiter included; 0 without any.
    """

    def __init__(
        self,
        source: Source,
        offset: int,
        encoding: Encoding,
        wanted: frozenset[int] | None = None,
    ) -> None:
        self.source = source
        self.offset = offset
        self.encoding = encoding
        self.wanted = wanted
        self.damage: Damage | None = None
        self.tolerated: dict[str, str] = {}
        self.steps = Steps()
        self.seen_pixels = False
        self.fragments_end = 0
        self._first = offset

    @property
    def is_empty(self) -> bool:
        """Whether the walk ended where it began."""
        return self.offset == self._first

    def tolerate(self, rule: str, message: str) -> None:
        """Remember the first occurrence of something that was forgiven."""
        self.tolerated.setdefault(rule, message)

    def __iter__(self) -> Iterator[tuple[int, str, int, int, bytes | None]]:
        """Yield tag, VR, offset of the value, its length, and the value if it is at hand.

        The VR is empty where the encoding names none, the length may be
        `UNDEFINED`. Plain tuples, because they cost half.
        """
        try:
            yield from self._walk()
        except Damage as damage:
            self.damage = damage
        except SourceLimitError as limit:
            self.damage = Damage("too-long", f"the data set could not be walked: {limit}")

    def _walk(self) -> Iterator[tuple[int, str, int, int, bytes | None]]:
        # The one loop that every byte of every header goes through: names are
        # local, and the usual head is read here and not by `parse_head`.
        source, encoding, wanted = self.source, self.encoding, self.wanted
        explicit = encoding.explicit
        unpack = struct.Struct((">" if encoding.big else "<") + "HH2sH").unpack_from
        unpack_length = struct.Struct((">" if encoding.big else "<") + "L").unpack_from
        unpack_implicit = struct.Struct("<HHL").unpack_from
        short, long = SHORT_VRS.get, LONG_VRS.get
        offset, end, last = self.offset, source.size, -1
        block, base, limit = b"", offset, -1
        steps, count = self.steps, 0
        vr: str | None
        while True:
            at = offset - base
            if at > limit:
                block, base = source.block(offset)
                at, limit, end = offset - base, len(block) - HEAD_BYTES, source.size
                if at > limit and len(block) - at < 8:
                    self.offset = offset
                    if at < len(block):
                        self._stray_end(block[at:])
                    return
                steps.count(count)
                count = 0
            count += 1
            if explicit:
                group, number, code, length = unpack(block, at)
                tag = group << 16 | number
                vr = short(code)
                if vr is not None:
                    start = offset + 8
                elif (vr := long(code)) is not None and at <= limit:
                    (length,) = unpack_length(block, at + 8)
                    start = offset + 12
                else:
                    head = parse_head(block, at, encoding, end - offset)
                    if head is None:
                        text = f"the file ends in the head of {tag_text(tag)}"
                        raise Damage("truncated", text, tag)
                    _, vr, length, size = head
                    start = offset + size
                    if group == 0xFFFE or tag == 0:
                        if self._at_end(tag, length, offset):
                            return
                        offset = start
                        continue
                    what = f"has no known VR ({code!r})" if vr else "is written without a VR"
                    self.tolerate("bad-vr", f"{tag_text(tag)} {what}")
            else:
                group, number, length = unpack_implicit(block, at)
                tag = group << 16 | number
                vr = ""
                start = offset + 8
                if group == 0xFFFE or tag == 0:
                    if self._at_end(tag, length, offset):
                        return
                    offset = start
                    continue
            if tag <= last:
                self.tolerate(
                    "tag-order", f"{tag_text(tag)} follows {tag_text(last)}: the tags do not ascend"
                )
            last = tag
            if length == UNDEFINED:
                self.seen_pixels |= group == PIXEL_GROUP
                yield tag, vr, start, length, None
                offset = self._pass_undefined(tag, vr, start)
                if group == PIXEL_GROUP:
                    self.fragments_end = offset
                continue
            offset = start + length
            if offset > end:
                if not source.reaches(offset):
                    there = max(source.size - start, 0)
                    text = f"{tag_text(tag)} announces {length} bytes, {there} are there"
                    raise Damage("truncated", text, tag)
                end = source.size
            if wanted is None or tag in wanted:
                value = None
                if offset - base <= len(block):
                    value = block[start - base : offset - base]
                self.seen_pixels |= group == PIXEL_GROUP
                yield tag, vr, start, length, value
            elif group >= PIXEL_GROUP:
                self.seen_pixels |= group == PIXEL_GROUP
                yield tag, vr, start, length, None

    def _at_end(self, tag: int, length: int, offset: int) -> bool:
        """Tell whether nothing more comes at a delimiter or a zero tag; forgive a delimiter."""
        self.offset = offset
        if tag == 0:
            self._require_only_zeros(offset)
            return True
        if tag not in (ITEM_END, SEQUENCE_END) or length:
            raise Damage("bad-length", f"{tag_text(tag)} stands outside any sequence")
        self.tolerate("stray-delimiter", f"{tag_text(tag)} stands outside any sequence")
        return False

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

    def _require_only_zeros(self, offset: int) -> None:
        """Stop at a zero tag, unless zeros fill the file up behind its pixels, as sectors are."""
        first = offset
        while block := self.source.window(offset):
            if block.strip(b"\0"):
                raise Damage("bad-length", "zero bytes stand where an element should begin")
            offset += len(block)
        if not self.seen_pixels:
            # A hole where a lost block was looks the same as filling.
            raise Damage("truncated", f"nothing but {offset - first} zero bytes follow the header")
        self.tolerate("trailing-bytes", f"{offset - first} zero bytes follow the data set")
