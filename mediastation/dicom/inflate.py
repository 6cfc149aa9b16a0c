"""Whole data sets that are deflated, as streams in both directions (PS3.5 A.5)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.walk import MalformedError, TruncatedError, Window

MAX_INFLATED_BYTES: Final = 1 << 32
"""Size of a data set after inflating; no medium has room for more in one file."""

_CHUNK = 1 << 20
_DEFLATED_CHUNK = 1 << 14  # small: what is left of one is copied for every chunk it inflates to
_GZIP_TRAILER_BYTES = 8


def iter_inflated(window: Window, start: int, end: int) -> Iterator[bytes]:
    """Yield the data set inflated, bounded and to its very end.

    Raises
    ------
    MalformedError
        The stream is damaged, or something else follows it.
    TruncatedError
        It has no end.
    RefusalError
        ``"too-large"``.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size, checksum, position = 0, 0, start
    try:
        for chunk in window.chunks(start, end - start, _DEFLATED_CHUNK):
            pending = chunk
            position += len(chunk)
            while not inflater.eof and (data := inflater.decompress(pending, _CHUNK)):
                size += len(data)
                checksum = zlib.crc32(data, checksum)
                if size > MAX_INFLATED_BYTES:
                    raise RefusalError(
                        "too-large",
                        f"the data set inflates to more than {MAX_INFLATED_BYTES} bytes",
                    )
                yield data
                pending = inflater.unconsumed_tail
            if inflater.eof:
                break
    except zlib.error as fault:
        raise MalformedError(f"the deflated data set is damaged: {fault}") from fault
    if not inflater.eof:
        raise TruncatedError("the deflated data set has no end")
    # Some writers leave gzip's own trailer, which then has to be right.
    gzip = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    trailer = inflater.unused_data + window.read(position, _GZIP_TRAILER_BYTES + 1)
    if trailer not in (b"", b"\0", gzip):
        raise MalformedError("bytes after the end of the deflated data set")


def iter_deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a data set deflated, without a header of zlib or gzip, padded to even length."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size = 0
    for chunk in chunks:
        data = deflater.compress(chunk)
        size += len(data)
        yield data
    data = deflater.flush()
    yield data + b"\0" * ((size + len(data)) % 2)
