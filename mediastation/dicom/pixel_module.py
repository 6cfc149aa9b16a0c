"""The elements that say what shape an image's pixels have, and what follows its codec.

PS3.3 C.7.6.3 (Image Pixel), C.7.6.1.1.5 (lossy compression), C.7.6.6 (frames).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mediastation.dicom.elements import tag_text
from mediastation.dicom.image import Image
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import BITS_ALLOCATED, PIXEL_REPRESENTATION
from mediastation.dicom.walk import Kind, MalformedError, Token, Window
from mediastation.model.element_encoding import encode_element

MAX_GROUP_LENGTHS: Final = 100_000

SAMPLES: Final = 0x00280002
PHOTOMETRIC: Final = 0x00280004
PLANAR: Final = 0x00280006
FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_STORED: Final = 0x00280101
LOSSY: Final = 0x00282110
LOSSY_RATIO: Final = 0x00282112
LOSSY_METHOD: Final = 0x00282114
EXTENDED_OFFSETS: Final = 0x7FE00001
EXTENDED_LENGTHS: Final = 0x7FE00002
ENCAPSULATED_TOTAL: Final = 0x7FE00003

OFFSET_TABLES: Final = (EXTENDED_OFFSETS, EXTENDED_LENGTHS, ENCAPSULATED_TOTAL)
_INSERTED = (PHOTOMETRIC, PLANAR, LOSSY, LOSSY_RATIO, LOSSY_METHOD)
_READ = frozenset(
    {
        SAMPLES,
        FRAMES,
        ROWS,
        COLUMNS,
        BITS_ALLOCATED,
        BITS_STORED,
        PIXEL_REPRESENTATION,
        *_INSERTED,
        *OFFSET_TABLES,
    }
)


@dataclass(slots=True)
class PixelModule:
    """One data set of the instance while it is walked: the outermost, or an item's.

    Attributes
    ----------
    elements : dict of int to Token
        Those named in this module that are there.
    places : dict of int to int
        Where an element that follows the codec would have to be put in.
    group_lengths : list of Token
        All of them, of any group.
    pixels : Token or None
        Pixel Data.
    """

    elements: dict[int, Token] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    group_lengths: list[Token] = field(default_factory=list)
    pixels: Token | None = None

    def learn(self, token: Token) -> None:
        """Take notice of an element of this data set, or of a sequence's beginning."""
        for tag in _INSERTED:
            if token.tag > tag and tag not in self.places:
                self.places[tag] = token.start
        if token.kind is not Kind.ELEMENT:
            return
        if token.tag & 0xFFFF == 0:
            self.group_lengths.append(token)
            if len(self.group_lengths) > MAX_GROUP_LENGTHS:
                raise MalformedError("more group lengths than a data set has groups")
        elif token.tag in _READ:
            self.elements[token.tag] = token

    def text(self, window: Window, tag: int) -> bytes:
        """Return an element's value, its spaces cut off; empty where there is none."""
        return self._value(window, tag).rstrip(b" ")

    def image(self, window: Window) -> Image:
        """Return the pixels' shape.

        Raises
        ------
        RefusalError
            ``"pixel-attributes"``.
        """
        frames = self._value(window, FRAMES).strip(b" \0")
        if frames and not (frames.isdigit() and 0 < int(frames) <= 0x7FFFFFFF):
            raise RefusalError("pixel-attributes", "(0028,0008) Number of Frames is no number")
        allocated = self._number(window, BITS_ALLOCATED)
        photometric = self._value(window, PHOTOMETRIC).strip(b" \0")
        return Image(
            rows=self._number(window, ROWS),
            columns=self._number(window, COLUMNS),
            samples=self._number(window, SAMPLES, 1),
            bits_allocated=allocated,
            bits_stored=self._number(window, BITS_STORED, allocated),
            signed=self._number(window, PIXEL_REPRESENTATION, 0) == 1,
            photometric=photometric.decode("ascii", "replace"),
            frames=int(frames or b"1"),
        )

    def _value(self, window: Window, tag: int) -> bytes:
        token = self.elements.get(tag)
        return window.read(token.value, min(token.length, 64)) if token else b""

    def _number(self, window: Window, tag: int, default: int | None = None) -> int:
        value = self._value(window, tag)
        if len(value) == 2:
            return int.from_bytes(value, "little")
        if default is None:
            raise RefusalError(
                "pixel-attributes",
                f"{tag_text(tag)} has no value, so the pixels have no shape",
                "The object is incomplete; ask the sender for a corrected one.",
            )
        return default


@dataclass(frozen=True, slots=True)
class Splice:
    """Bytes ``[start, end)`` of the source and what stands there in the written file."""

    start: int
    end: int
    header: bytes = b""


def removed(token: Token) -> Splice:
    """Return the splice that leaves out an element."""
    return Splice(token.start, token.value + token.length)


def put(module: PixelModule, tag: int, vr: str, value: bytes, end: int) -> Splice:
    """Return the splice that gives an element that follows the codec its value.

    `end` is where the data set ends, for an element that nothing follows.
    """
    encoded = encode_element(tag, vr, value)
    if (token := module.elements.get(tag)) is not None:
        return Splice(token.start, token.value + token.length, encoded)
    at = module.places.get(tag, end)
    return Splice(at, at, encoded)
