"""Native data sets written from encapsulated ones as planned, and proved (PS3.5 8.1, 8.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from mediastation.dicom.decoders import Samples
from mediastation.dicom.decompress import Picture, PixelSplice, Rewrite
from mediastation.dicom.frame_pool import FramePool
from mediastation.dicom.reencode import EXPLICIT, DifferentError
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import PIXEL_DATA
from mediastation.dicom.walk import Kind, MalformedError, Walk, Window


def iter_rewritten(
    window: Window, rewrite: Rewrite, pool: FramePool, digests: list[bytes]
) -> Iterator[bytes]:
    """Yield the native data set, in chunks of at most one frame.

    `digests` gets one for the pixels of each image, for the proof.
    """
    position = rewrite.start
    for splice in rewrite.splices:
        yield from window.chunks(position, splice.start - position)
        yield splice.header
        if isinstance(splice, PixelSplice):
            digest = hashlib.sha256()
            for chunk in iter_native(splice.picture, pool):
                if not splice.picture.twice:
                    digest.update(chunk)
                yield chunk
            digests.append(digest.digest())
        position = splice.end
    yield from window.chunks(position, rewrite.end - position)


def iter_native(picture: Picture, pool: FramePool, *, again: bool = False) -> Iterator[bytes]:
    """Yield the native value field of an image, padding included (PS3.5 8.1.1, 8.2).

    Samples of one bit follow each other without regard to frames, the first
    in a byte's lowest bit. `again` as in `mediastation.dicom.frames.decode_frame`.
    """
    image = picture.image

    def decode(number: int) -> Samples:
        return picture.decode(number, again=again)

    rest: Samples = np.zeros(0, "u1")
    for samples in pool.in_order(decode, image.frames, image.frame_bits // 8):
        if image.bits_allocated > 1:
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
    if image.size_bytes % 2:
        yield b"\0"


def require_same_content(
    window: Window,
    rewrite: Rewrite,
    written: Window,
    start: int,
    pool: FramePool,
    digests: list[bytes],
) -> None:
    """Reread what `iter_rewritten` wrote and hold it against the source.

    Everything between the splices is compared byte by byte. Pixels are decoded
    afresh by another decoder and compared frame by frame. Where no other
    decoder exists, to run the same one twice would prove no more than the
    digest does that was taken of the samples as they came out of it.

    Raises
    ------
    DifferentError
        At the first difference.
    """
    at, position, taken = start, rewrite.start, iter(digests)
    for splice in rewrite.splices:
        at = _require_same(window, position, splice.start - position, written, at)
        if written.read(at, len(splice.header)) != splice.header:
            raise DifferentError("a changed element differs")
        at += len(splice.header)
        if isinstance(splice, PixelSplice):
            _require_same_pixels(splice.picture, written, at, pool, next(taken))
            at += splice.picture.value_bytes
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


def _require_same_pixels(
    picture: Picture, written: Window, at: int, pool: FramePool, digest: bytes
) -> None:
    if picture.twice:
        for frame in iter_native(picture, pool, again=True):
            if written.read(at, len(frame)) != frame:
                raise DifferentError("the pixels differ", PIXEL_DATA)
            at += len(frame)
        return
    found = hashlib.sha256()
    for chunk in written.chunks(at, picture.value_bytes):
        found.update(chunk)
    if found.digest() != digest:
        raise DifferentError("the pixels differ", PIXEL_DATA)


def _require_same(window: Window, position: int, count: int, written: Window, at: int) -> int:
    for ours in window.chunks(position, count):
        if written.read(at, len(ours)) != ours:
            raise DifferentError("a value differs")
        at += len(ours)
    return at
