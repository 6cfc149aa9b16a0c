"""Native data sets written from encapsulated ones as planned, and proved (PS3.5 8.1, 8.2)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mediastation.dicom.decoders import Samples
from mediastation.dicom.decompress import Picture, Rewrite
from mediastation.dicom.reencode import EXPLICIT, DifferentError
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import PIXEL_DATA
from mediastation.dicom.walk import Kind, MalformedError, Walk, Window


def iter_rewritten(window: Window, rewrite: Rewrite) -> Iterator[bytes]:
    """Yield the native data set, in chunks of at most one frame."""
    position = rewrite.start
    for splice in rewrite.splices:
        yield from window.chunks(position, splice.start - position)
        yield splice.header
        if splice.picture is not None:
            yield from iter_native(splice.picture)
        position = splice.end
    yield from window.chunks(position, rewrite.end - position)


def iter_native(picture: Picture, *, again: bool = False) -> Iterator[bytes]:
    """Yield the native value field of an image, padding included (PS3.5 8.1.1, 8.2).

    Samples of one bit follow each other without regard to frames, the first
    in a byte's lowest bit.
    """
    rest: Samples = np.zeros(0, "u1")
    for number in range(picture.image.frames):
        samples = picture.decode(number, again=again)
        if picture.image.bits_allocated > 1:
            yield np.ascontiguousarray(samples).tobytes()
            continue
        if samples.max(initial=0) > 1:
            raise RefusalError("not-decodable", "samples of one bit that are neither 0 nor 1")
        bits = np.concatenate((rest, samples.ravel()))
        whole = len(bits) - len(bits) % 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        rest = bits[whole:]
    if len(rest):
        yield np.packbits(rest, bitorder="little").tobytes()
    if picture.image.size_bytes % 2:
        yield b"\0"


def require_same_content(window: Window, rewrite: Rewrite, written: Window, start: int) -> None:
    """Reread what `iter_rewritten` wrote and hold it against the source.

    Everything between the splices is compared byte by byte; the pixels are
    decoded afresh, by another decoder where there is one, and compared frame
    by frame.

    Raises
    ------
    DifferentError
        At the first difference.
    """
    at, position = start, rewrite.start
    for splice in rewrite.splices:
        at = _require_same(window, position, splice.start - position, written, at)
        if written.read(at, len(splice.header)) != splice.header:
            raise DifferentError("a changed element differs")
        at += len(splice.header)
        if splice.picture is not None:
            for frame in iter_native(splice.picture, again=True):
                if written.read(at, len(frame)) != frame:
                    raise DifferentError("the pixels differ", PIXEL_DATA)
                at += len(frame)
        position = splice.end
    at = _require_same(window, position, rewrite.end - position, written, at)
    if at != written.size:
        raise DifferentError("the written file has another length")
    try:
        for token in Walk(written, start, written.size, EXPLICIT):
            if token.kind is Kind.FRAGMENTS:
                raise DifferentError("encapsulated pixels are left", PIXEL_DATA)
    except MalformedError as fault:
        raise DifferentError(f"the written data set does not parse: {fault}") from fault


def _require_same(window: Window, position: int, count: int, written: Window, at: int) -> int:
    for ours in window.chunks(position, count):
        if written.read(at, len(ours)) != ours:
            raise DifferentError("a value differs")
        at += len(ours)
    return at
