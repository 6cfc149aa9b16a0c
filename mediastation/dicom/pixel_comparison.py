"""Whether two files hold the same pixels, read from end to end and never decoded.

Native pixels are compared in little endian order, encapsulated ones fragment
after fragment, however they are cut and whatever their offset tables say.
Where encodings differ nothing can be told here: that takes a decoder
(`mediastation.importing.judge`).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.pixel_key import PixelSpan
from mediastation.dicom.source import FileSource, SourceLimitError
from mediastation.model.instance import InstanceHeader, PixelEncoding

_CHUNK: Final = 1 << 20
# A multiple of whatever a pixel may have, so that chunks of one repeated pixel are alike.
_RUN: Final = 24 * (1 << 15)
_HEADS_BYTES: Final = 640
"""What the tables of an empty JPEG take that are not its picture."""
_PIXELS_A_BYTE: Final = 256
"""Pixels that one byte tells where nothing is to be seen; no image is told in so little."""


def same_pixels(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same pixels, each in full.

    Parameters
    ----------
    one, other : Path
        DICOM files; one that is none, or whose pixels are cut short, equals nothing.

    Returns
    -------
    bool
        True also if neither has pixels. False where one is encapsulated in
        another way than the other.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    try:
        with opened(one) as (mine, ours), opened(other) as (theirs, others):
            if ours.pixels is not others.pixels or not (ours.complete and others.complete):
                return False
            if mine is None or theirs is None:
                return mine is theirs and ours.pixels is PixelEncoding.ABSENT
            if _shape(mine) != _shape(theirs):
                return False
            encapsulated = ours.pixels is PixelEncoding.ENCAPSULATED
            if encapsulated and ours.transfer_syntax_uid != others.transfer_syntax_uid:
                return False
            if not encapsulated and mine.length != theirs.length:
                return False
            return _same(_chunks(mine, encapsulated), _chunks(theirs, encapsulated))
    except (NotDicom, SourceLimitError):
        return False


def shows_nothing(path: Path) -> bool:
    """Tell whether a file's pixels look all alike: a blank frame, padding, an empty page.

    Native pixels are looked at from end to end; of encapsulated ones, which
    have to be decoded to be seen, it is told by how far what is there can be
    packed still. `OSError` as it comes; what cannot be read shows nothing.
    """
    try:
        with opened(path) as (span, header):
            if span is None:
                return True
            if header.pixels is PixelEncoding.NATIVE:
                return _is_one_pixel(span)
            sample = b"".join(
                span.read(at, _CHUNK // 4)
                for at in (
                    (span.length - _CHUNK // 4) * quarter // 3 if span.length > _CHUNK
                    else _CHUNK // 4 * quarter
                    for quarter in range(4)
                )
            )  # fmt: skip
            shape = span.shape
            pixels = shape.rows * shape.columns * max(shape.frames, 1)
            squeezed = max(len(zlib.compress(sample)) - _HEADS_BYTES, 0)
            # As much of the pixels as was sampled of their bytes.
            return squeezed * _PIXELS_A_BYTE * span.length < pixels * len(sample)
    except (NotDicom, SourceLimitError):
        return True


@contextmanager
def opened(path: Path) -> Iterator[tuple[PixelSpan | None, InstanceHeader]]:
    """Give a file's pixels, None where there are none or not all, and its header."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        source = FileSource(descriptor, os.fstat(descriptor).st_size)
        header = read_header_from(source, path.name)
        yield PixelSpan.of(source, header), header
    finally:
        os.close(descriptor)


def _shape(span: PixelSpan) -> tuple[int, ...]:
    shape = span.shape
    return (*shape[:2], max(shape.samples, 1), shape.bits_allocated, max(shape.frames, 1))


def _chunks(span: PixelSpan, encapsulated: bool) -> Iterator[bytes]:
    if not encapsulated:
        yield from _run(span, 0, span.length)
        return
    at = 0
    while at < span.length:
        # The header scan has passed over these very items: they fit.
        length = int.from_bytes(span.read(at + 4, 4), "little")
        yield from _run(span, at + 8, min(length, span.length - at - 8))
        at += 8 + length


def _run(span: PixelSpan, at: int, length: int) -> Iterator[bytes]:
    end = at + length
    while at < end:
        chunk = span.read(at, min(_RUN, end - at))
        if not chunk:
            return  # the file became shorter meanwhile
        yield chunk
        at += len(chunk)


def _same(ours: Iterator[bytes], theirs: Iterator[bytes]) -> bool:
    """Tell whether two streams hold the same bytes, wherever their chunks end."""
    mine = yours = memoryview(b"")
    while True:
        mine = mine or memoryview(next(ours, b""))
        yours = yours or memoryview(next(theirs, b""))
        if not mine or not yours:
            return not mine and not yours and not any(ours) and not any(theirs)
        length = min(len(mine), len(yours))
        if mine[:length] != yours[:length]:
            return False
        mine, yours = mine[length:], yours[length:]


def _is_one_pixel(span: PixelSpan) -> bool:
    width = max(span.shape.bits_allocated // 8, 1) * max(span.shape.samples, 1)
    first = b""
    for chunk in _chunks(span, encapsulated=False):
        first = first or chunk[:width]
        if chunk != (first * (len(chunk) // width + 1))[: len(chunk)]:
            return False
    return True
