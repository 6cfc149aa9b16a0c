"""Keys that recognise equal pixel data: three short reads, and no decoding.

A key says that pixels may be the same, never that they are: that takes
`mediastation.dicom.pixel_comparison`, which reads them all. Pixels without a
picture (`is_blank_key`) are alike everywhere, and prove nothing.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final, NamedTuple

from mediastation.dicom.elements import little_endian
from mediastation.dicom.recognition import DEFLATED
from mediastation.dicom.source import FileSource, InflatedSource, Source, SourceLimitError
from mediastation.dicom.values import first_value
from mediastation.model.instance import InstanceHeader, PixelEncoding
from mediastation.model.transfer_syntax import EXPLICIT_BE

BLANK_MARK: Final = "="
"""What the keys begin with of pixels that look all alike."""

_PIECE_BYTES: Final = 4 * 1024
# Pieces begin with a whole sample, of whatever width, in words of any length.
_ALIGNMENT: Final = 24
_DIGITS: Final = 32
_FRAMES: Final = 0x00280008
_NUMBERS: Final = (0x00280010, 0x00280011, 0x00280002, 0x00280100)
# Rows, Columns, Samples per Pixel, Bits Allocated.


def pixel_key(source: Source, header: InstanceHeader) -> str:
    """Return what equal pixel data are recognised by.

    The key is made of the shape of the image, of whether its pixels are
    encapsulated, of the length of their value, and of 4 KiB at its beginning,
    middle and end: of encapsulated pixels without the Basic Offset Table, which
    others write otherwise. It hangs neither on the VR nor, for native pixels,
    on the byte order; header and file meta have no part in it.

    Parameters
    ----------
    source : Source
        The whole file's bytes.
    header : InstanceHeader
        As read from it, with every indexed tag.

    Returns
    -------
    str
        32 hexadecimal digits, behind `BLANK_MARK` where native pixels are all
        alike as far as was looked. Empty without pixels of the data set's own
        (icons do not count), and where they are cut short.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    span = PixelSpan.of(source, header)
    if span is None:
        return ""
    pieces = []
    middle = (span.length - _PIECE_BYTES) // 2
    last = span.length - _PIECE_BYTES
    try:
        if span.length <= 3 * _PIECE_BYTES:
            pieces.append(span.read(0, span.length))
        else:
            for at in (0, middle - middle % _ALIGNMENT, last - last % _ALIGNMENT):
                pieces.append(span.read(at, min(_PIECE_BYTES + _ALIGNMENT, span.length - at)))
    except SourceLimitError:
        return ""
    native = header.pixels is PixelEncoding.NATIVE
    shape = span.shape
    facts = f"{header.pixels.value} {span.length} {tuple(shape)} "
    key = hashlib.sha256(b"".join((facts.encode("ascii"), *pieces))).hexdigest()[:_DIGITS]
    if native and _all_alike(pieces, shape.samples, shape.bits_allocated):
        return BLANK_MARK + key
    return key


def pixel_key_of(path: Path, header: InstanceHeader) -> str:
    """Return the `pixel_key` of a file whose header was read; `OSError` as it comes."""
    if not header.pixel_length:
        return ""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return pixel_key(FileSource(descriptor, os.fstat(descriptor).st_size), header)
    finally:
        os.close(descriptor)


def is_blank_key(key: str) -> bool:
    """Tell whether a key is of pixels that look all alike: their being equal proves nothing."""
    return key.startswith(BLANK_MARK)


class PixelShape(NamedTuple):
    """What a header says of the shape of its pixels; 0 where it says nothing (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    frames: int

    @classmethod
    def of(cls, header: InstanceHeader) -> PixelShape:
        """Read the shape out of a header with every indexed tag."""
        elements = [header.elements.get(tag) for tag in _NUMBERS]
        rows, columns, samples, bits = (
            int.from_bytes(element.value[:2], "little") if element else 0 for element in elements
        )
        frames = first_value(header, _FRAMES) if _FRAMES in header.elements else ""
        # The longest Integer String has 12 characters (PS3.5 6.2).
        plain = frames.isascii() and frames.isdigit() and len(frames) <= 12
        return cls(rows, columns, samples, bits, int(frames) if plain else 0)

    @property
    def native_bytes(self) -> int:
        """How long the native pixels should be, without padding."""
        bits = self.rows * self.columns * max(self.samples, 1) * self.bits_allocated
        return (bits * max(self.frames, 1) + 7) // 8


class PixelSpan:
    """Where the pixels of a file lie: native ones, or the fragments of encapsulated ones.

    `length` is in bytes, that of fragments with their heads and with neither
    the Basic Offset Table nor the delimiter. A byte that only makes a native
    value even does not count.
    """

    def __init__(
        self, source: Source, offset: int, length: int, shape: PixelShape, swapped: str = ""
    ) -> None:
        self.source = source
        self.offset = offset
        self.length = length
        self.shape = shape
        self._swapped = swapped

    @classmethod
    def of(cls, source: Source, header: InstanceHeader) -> PixelSpan | None:
        """Return the span of the pixels in `source`; None without any, or without all of them."""
        start, length = header.pixel_offset, header.pixel_length
        if not length:
            return None
        if header.transfer_syntax_uid in DEFLATED:
            source = InflatedSource(source, header.dataset_offset)
        shape = PixelShape.of(header)
        if header.pixels is PixelEncoding.ENCAPSULATED:
            table = 8 + int.from_bytes(source.window(start + 4, 4), "little")
            beyond = length - table - 8
            return cls(source, start + table, beyond, shape) if beyond > 0 else None
        needed = shape.native_bytes
        if needed % 2 and length == needed + 1:
            length = needed
        swapped = ""
        if header.transfer_syntax_uid == EXPLICIT_BE:
            # The head of an element with a long length ends with two empty bytes and four of it.
            swapped = source.window(start - 8, 2).decode("latin_1")
        return cls(source, start, length, shape, swapped)

    def read(self, at: int, length: int) -> bytes:
        """Return bytes in little endian order; `at` is a multiple of the words' length."""
        data = self.source.window(self.offset + at, length)
        return little_endian(self._swapped, data) if self._swapped else data


def _all_alike(pieces: list[bytes], samples: int, bits: int) -> bool:
    """Tell whether one pixel is repeated throughout; planes of colours count each for itself."""
    width = max(bits // 8, 1) * max(samples, 1)
    if width > _ALIGNMENT or _ALIGNMENT % width:
        width = 1
    first = pieces[0][:width]
    for piece in pieces:
        if piece[: 64 * width] != (first * 64)[: len(piece)]:
            return False
    return all(piece == (first * (len(piece) // width + 1))[: len(piece)] for piece in pieces)
