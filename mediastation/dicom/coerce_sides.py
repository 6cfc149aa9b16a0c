"""The two files of a coercion as its proof reads them: extents of elements, never whole values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.dicom.element_walk import ElementWalk
from mediastation.dicom.elements import Encoding, iter_elements, iter_items
from mediastation.dicom.header import read_header_from
from mediastation.dicom.inflate import iter_inflated
from mediastation.dicom.limits import VALUE_LIMIT_BYTES, Steps, TooLongError
from mediastation.dicom.new_file import Scratch
from mediastation.dicom.recognition import DEFLATED, ENCODING_OF, guess_encoding, seems
from mediastation.dicom.sequences import convert_sequence
from mediastation.dicom.vr import dictionary_vr
from mediastation.dicom.walk import Window
from mediastation.model.coercion import SPECIFIC_CHARACTER_SET, Attribute
from mediastation.model.element_encoding import LONG_VRS, UNDEFINED
from mediastation.model.instance import Element, InstanceHeader

_COUNTING = 0x00080001
_CHUNK = 1 << 18
_SMALL = 1 << 12
_PLAIN_VRS = frozenset({"CS", "DA", "DT", "TM", "UI"})


class Extent(NamedTuple):
    """A top-level element: where its value lies. `end` is behind a delimiter."""

    tag: int
    vr: str
    start: int
    end: int
    undefined: bool


@dataclass(slots=True)
class Side:
    """One of the files.

    Parameters
    ----------
    window : Window
        Its data set, inflated if it was deflated.
    offset : int
        Where that begins.
    encoding : Encoding
        How it is written.
    header : InstanceHeader
        As the header scan reads it, without indexed attributes.
    charset : Element
        The character set in which its text is read.
    planned : dict of int to Extent
        Attributes that a coercion may change; filled by `kept`.
    """

    window: Window
    offset: int
    encoding: Encoding
    header: InstanceHeader
    charset: Element = field(default_factory=lambda: Element("CS", b""))
    planned: dict[int, Extent] = field(default_factory=dict)

    def kept(self, planned: frozenset[int]) -> Iterator[Extent]:
        """Yield the elements that are not `planned`; what only counts bytes is passed over.

        Raises
        ------
        ValueError
            If the data set cannot be walked to its end, or has a planned
            attribute twice.
        """
        for extent in self._extents():
            tag = extent.tag
            if tag in planned:
                if tag in self.planned:
                    raise ValueError("an attribute stands there twice")
                self.planned[tag] = extent
                if tag == SPECIFIC_CHARACTER_SET:
                    self.charset = Element("CS", self.value(extent))
            elif tag & 0xFFFF and tag >> 16 not in (0x0000, 0x0002) and tag != _COUNTING:
                yield extent

    @property
    def declared(self) -> bytes:
        """The value of its Specific Character Set (0008,0005); empty if it has none."""
        extent = self.planned.get(SPECIFIC_CHARACTER_SET)
        return self.value(extent) if extent is not None else b""

    def _extents(self) -> Iterator[Extent]:
        walk = ElementWalk(self.window, self.offset, self.encoding)
        open_: Extent | None = None
        for tag, vr, start, length, _ in walk:
            if open_ is not None:
                long = self.encoding.explicit and vr.encode() in LONG_VRS
                yield open_._replace(end=start - (12 if long else 8))
                open_ = None
            if length == UNDEFINED:
                open_ = Extent(tag, vr, start, -1, undefined=True)
            else:
                yield Extent(tag, vr, start, start + length, undefined=False)
        if walk.damage is not None:
            raise ValueError(walk.damage.message)
        if open_ is not None:
            yield open_._replace(end=walk.offset)

    def value(self, extent: Extent) -> bytes:
        """Return the value field of an element that is not long."""
        if extent.end - extent.start > VALUE_LIMIT_BYTES:
            raise TooLongError
        return self.window.read(extent.start, extent.end - extent.start)

    def text(self, extent: Extent, vr: str) -> str:
        """Return an element's text, read under `vr` where it names no other."""
        named = extent.vr if extent.vr not in ("", "UN") else ""
        return decode_text(
            Element(named or vr or dictionary_vr(extent.tag), self.value(extent)), self.charset
        )

    def is_sequence(self, extent: Extent) -> bool:
        """Tell whether an element holds items."""
        return (
            extent.vr == "SQ" or extent.undefined or dictionary_vr(extent.tag) == "SQ"
        ) and extent.vr in ("", "SQ", "UN")

    def items(self, extent: Extent, skipped: int = 0) -> list[bytes]:
        """Return the items of a sequence, those in its first bytes excepted.

        Each is in Explicit VR Little Endian, whatever it is in the file.
        """
        return list(iter_items(self.run(extent, skipped)))

    def run(self, extent: Extent, skipped: int = 0) -> bytes:
        """Return the same as one value field."""
        start = extent.start + skipped
        return convert_sequence(
            self.window,
            extent.tag,
            start,
            UNDEFINED if extent.undefined else extent.end - start,
            self.encoding,
            Steps(),
            from_un=extent.vr == "UN",
        )


def read_side(path: Path, folder: Path, stack: ExitStack) -> Side:
    """Open one file; what is deflated is inflated into a nameless file in `folder`.

    Raises
    ------
    NotDicom
        If it is no DICOM file.
    OSError
        If it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    window = Window(descriptor)
    header = read_header_from(window, path.name, frozenset())
    offset = header.dataset_offset
    encoding = ENCODING_OF.get(header.transfer_syntax_uid, Encoding())
    if header.transfer_syntax_uid in DEFLATED:
        scratch = stack.enter_context(Scratch(folder))
        for chunk in iter_inflated(window, offset, window.size):
            scratch.write(chunk)
        window, offset = scratch.reread(), 0
    elif not seems(window, offset, encoding):
        encoding = guess_encoding(window, offset) or encoding
    return Side(window, offset, encoding, header)


def same_bytes(
    one: Side, ours: Extent, other: Side, theirs: Extent, length: int | None = None
) -> bool:
    """Tell whether two values, or their first `length` bytes, are equal."""
    if length is None:
        length = ours.end - ours.start
        if theirs.end - theirs.start != length:
            return False
    elif theirs.end - theirs.start < length:
        return False
    if length <= _SMALL:  # nearly all are, and lie in the block that the walk has read
        mine = one.window.window(ours.start, length)
        return len(mine) == length and mine == other.window.window(theirs.start, length)
    pairs = zip(
        one.window.chunks(ours.start, length, _CHUNK),
        other.window.chunks(theirs.start, length, _CHUNK),
        strict=True,
    )
    return all(mine == yours for mine, yours in pairs)


Flat = list[tuple[int, int, str, str | bytes]]
"""Elements of a sequence in one list: depth, tag, VR, value."""


def flattened(items: Iterable[bytes], charset: Element) -> Flat:
    """Return the elements of items in one list, their text decoded.

    An item stands as tag 0, a sequence with an empty value, each one deeper
    than what holds it. Items with a character set of their own are decoded by that.

    Parameters
    ----------
    items : iterable of bytes
        The elements of each item in Explicit VR Little Endian, lengths defined.
    charset : Element
        Specific Character Set around them.

    Raises
    ------
    ValueError
        If they are none.
    """
    found: Flat = []
    open_: list[tuple[Iterator[bytes] | Iterator[tuple[int, Element]], Element]] = [
        (iter(items), charset)
    ]
    while open_:
        inside, own = open_[-1]
        one = next(inside, None)
        depth = len(open_) - 1
        if one is None:
            open_.pop()
        elif isinstance(one, bytes):
            found.append((depth, 0, "", ""))
            open_.append((iter_elements(one), own))
        else:
            tag, element = one
            if tag == SPECIFIC_CHARACTER_SET:
                own = element
                open_[-1] = (inside, own)
            value: str | bytes = element.value
            if element.vr == "SQ":
                value = ""
                open_.append((iter_items(element.value), own))
            elif element.vr in TEXT_VRS or element.vr in _PLAIN_VRS:
                value = decode_text(element, own)
            found.append((depth, tag, element.vr, value))
    return found


def planned_flat(items: Iterable[tuple[Attribute, ...]]) -> Flat:
    """Return what `flattened` finds in the items of a decision once they are written."""
    found: Flat = []
    for item in items:
        found.append((0, 0, "", ""))
        for one in sorted(item, key=lambda part: part.tag):
            found.append((1, one.tag, one.vr, one.text))
            inner = planned_flat(one.items)
            found += [(depth + 2, tag, vr, value) for depth, tag, vr, value in inner]
    return found
