"""Which attributes of two data sets differ, whatever they are encoded in.

Everything outside group 7FE0 is held against each other: values in little
endian order, text as characters, sequences item by item. Left out is what says
how or where a copy is kept, not what it tells (`KEEPING`): a re-encoded or
archived copy with the same attributes has no differences.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.elements import TRAILING_PADDING, Encoding, little_endian
from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.recognition import DEFLATED, ENCODING_OF
from mediastation.dicom.sequences import PIXEL_GROUP
from mediastation.dicom.vr import PIXEL_REPRESENTATION
from mediastation.dicom.walk import Kind, MalformedError, Token, Walk, Window
from mediastation.model.element_encoding import INTEGER_VRS, WORD_BYTES
from mediastation.model.instance import Element
from mediastation.model.text import harmless

SHOWN_DIFFERENCES: Final = 20
"""How many are told; beyond that they are counted."""

KEEPING: Final = frozenset(
    {
        0x00080001,  # Length to End (retired)
        0x00080005,  # Specific Character Set: texts are compared as characters
        0x00080054,  # Retrieve AE Title
        0x00080056,  # Instance Availability
        0x00081190,  # Retrieve URL
        0x00880130,  # Storage Media File-set ID
        0x00880140,  # Storage Media File-set UID
        TRAILING_PADDING,
    }
)
"""Attributes of a copy and not of what it is a copy of (PS3.4 C.4.1; PS3.3 C.12.1)."""

_CHARSET: Final = 0x00080005
_MOST_ATTRIBUTES: Final = 20_000
_MOST_SHOWN: Final = 64
_KEPT_BYTES: Final = 1024
_CHUNK: Final = 1 << 20
_STRINGS: Final = TEXT_VRS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}


@dataclass(frozen=True, slots=True)
class AttributeDifference:
    """One top-level attribute that two data sets do not share.

    `one` and `other` are its values as text that is safe to print, 64
    characters at most; `None` where the attribute is absent. Where only
    something behind what is shown differs, they may look alike.
    """

    tag: int
    name: str
    one: str | None
    other: str | None


@dataclass(frozen=True, slots=True)
class Differences:
    """How the attributes of two data sets differ.

    `shown` has the first `SHOWN_DIFFERENCES` in the order of tags, `number`
    counts them all. `unread` says why they could not be compared; empty if
    they were.
    """

    shown: tuple[AttributeDifference, ...] = ()
    number: int = 0
    unread: str = ""

    def __bool__(self) -> bool:
        """Whether the two are not known to be the same."""
        return self.number > 0 or bool(self.unread)


def compare_attributes(
    one: Path,
    other: Path,
    ignored: frozenset[int] = frozenset(),
    names: tuple[str, str] = ("the first", "the second"),
) -> Differences:
    """Hold the attributes of two files against each other.

    Parameters
    ----------
    one, other : Path
        DICOM files.
    ignored : frozenset of int
        Further tags to leave out: those that follow a codec, for files that
        are compressed differently.
    names : tuple of str
        What the two are called where one cannot be read.

    Returns
    -------
    Differences
        With `unread` for a data set that is deflated, does not parse or has
        more than 20,000 attributes.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    both, faults = [], []
    for path, name in zip((one, other), names, strict=True):
        try:
            both.append(_read(path))
        except (MalformedError, NotDicom) as fault:
            # Whoever keeps one of them has to know which one is whole.
            faults.append(f"{name}: {fault}")
    if faults:
        return Differences(unread="; ".join(faults))
    mine, theirs = both
    apart = [
        tag
        for tag in sorted(mine.keys() | theirs.keys())
        if tag not in ignored and _print(mine, tag) != _print(theirs, tag)
    ]
    shown = tuple(
        AttributeDifference(tag, attribute_name(tag), _text(mine, tag), _text(theirs, tag))
        for tag in apart[:SHOWN_DIFFERENCES]
    )
    return Differences(shown, len(apart))


@dataclass(slots=True)
class _Attribute:
    """What is remembered of one top-level attribute: a digest, and what there is to show."""

    shown: str
    digest: bytes


@dataclass(slots=True)
class _Level:
    """An open data set, its own or that of an item, and its character set."""

    charset: Element | None
    items: int = 0


def _print(attributes: Mapping[int, _Attribute], tag: int) -> bytes | None:
    found = attributes.get(tag)
    return found.digest if found else None


def _text(attributes: Mapping[int, _Attribute], tag: int) -> str | None:
    found = attributes.get(tag)
    return found.shown if found else None


def _read(path: Path) -> dict[int, _Attribute]:
    with path.open("rb") as file:
        window = Window(file.fileno())
        header = read_header_from(window, path.name, frozenset({PIXEL_REPRESENTATION}))
        if header.transfer_syntax_uid in DEFLATED:
            raise MalformedError("it is deflated, and is compared only as a whole")
        if not header.complete:
            raise MalformedError("it is cut short or damaged")
        encoding = ENCODING_OF.get(header.transfer_syntax_uid, Encoding())
        element = header.elements.get(PIXEL_REPRESENTATION)
        signed = element.value[0] & 1 if element and element.value else None
        walk = Walk(window, header.dataset_offset, window.size, encoding, signed)
        return _Reader(window, encoding).read(walk)


@dataclass(slots=True)
class _Reader:
    window: Window
    encoding: Encoding
    attributes: dict[int, _Attribute] = field(default_factory=dict)
    levels: list[_Level] = field(default_factory=lambda: [_Level(None)])

    def read(self, walk: Walk) -> dict[int, _Attribute]:
        """Go through a data set once; memory grows with its top-level attributes alone."""
        tag, open_sequence = 0, hashlib.sha256()
        for token in walk:
            kind = token.kind
            if kind is Kind.SEQUENCE_END and token.depth == 0:
                self._keep(tag, self._items_text(), open_sequence.digest())
                continue
            if kind is Kind.SEQUENCE and token.depth == 0:
                tag, open_sequence = token.tag, hashlib.sha256(b"SQ")
                self.levels[0].items = 0
                continue
            if kind is Kind.ITEM:
                self.levels[-1].items += 1
                self.levels.append(_Level(self.levels[-1].charset))
            elif kind is Kind.ITEM_END:
                self.levels.pop()
            if kind in (Kind.ELEMENT, Kind.FRAGMENTS):
                if token.tag & 0xFFFF == 0 or token.tag == TRAILING_PADDING:
                    continue  # group lengths, and what fills a file up
                if token.depth == 0:
                    if token.tag >> 16 != PIXEL_GROUP:
                        self._keep(token.tag, *self._value(token))
                    continue
                open_sequence.update(b"%d %08X " % (token.depth, token.tag))
                open_sequence.update(self._value(token)[1])
            elif token.depth or kind is Kind.ITEM:
                open_sequence.update(b"%d %08X;" % (kind, token.tag))
        return self.attributes

    def _items_text(self) -> str:
        number = self.levels[0].items
        return f"{number} item" if number == 1 else f"{number} items"

    def _keep(self, tag: int, shown: str, digest: bytes) -> None:
        if tag in KEEPING:
            return
        if len(self.attributes) >= _MOST_ATTRIBUTES:
            raise MalformedError(f"it has more than {_MOST_ATTRIBUTES} attributes")
        self.attributes[tag] = _Attribute(shown, digest)

    def _value(self, token: Token) -> tuple[str, bytes]:
        """Return what to show of a value, and its digest in a form that no encoding changes."""
        vr, length = token.vr, token.length
        if length <= _KEPT_BYTES or (vr in _STRINGS and length <= _CHUNK):
            value = self.window.read(token.value, length)
            if self.encoding.big and not token.undefined:
                value = little_endian(vr, value)
            if token.tag == _CHARSET:
                self.levels[-1].charset = Element("CS", value)
            shown = _shown(Element(vr, value), self.levels[-1].charset)
            # An implicit data set does not tell what a private element is: its bytes count.
            if vr in _STRINGS and not token.tag >> 16 & 1:
                text = decode_text(Element(vr, value), self.levels[-1].charset)
                return shown, hashlib.sha256(text.encode("utf-8", "replace")).digest()
            return shown, hashlib.sha256(value).digest()
        digest = hashlib.sha256()
        word = WORD_BYTES.get(vr, 1) if self.encoding.big and not token.undefined else 1
        for chunk in self.window.chunks(token.value, length, _CHUNK):
            digest.update(little_endian(vr, chunk) if word > 1 else chunk)
        return f"{length:,} bytes", digest.digest()


def _shown(element: Element, charset: Element | None) -> str:
    vr, value = element.vr, element.value
    layout = INTEGER_VRS.get(vr)
    if vr in _STRINGS:
        text = decode_text(element, charset)
    elif vr in ("FL", "FD") or layout is not None:
        text = _numbers(vr, value)
    elif vr == "UN" and value.isascii() and value.rstrip(b"\0 ").decode("ascii").isprintable():
        text = value.rstrip(b"\0 ").decode("ascii")
    else:
        text = f"{len(value):,} bytes"
    text = harmless(text)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def _numbers(vr: str, value: bytes) -> str:
    code = {"FL": "<f", "FD": "<d"}.get(vr) or INTEGER_VRS[vr]
    size = struct.calcsize(code)
    whole = value[: min(len(value) // size, _MOST_SHOWN) * size]
    return "\\".join(f"{number:g}" if code in ("<f", "<d") else str(number)
                     for (number,) in struct.iter_unpack(code, whole))  # fmt: skip
