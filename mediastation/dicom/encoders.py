"""The encoders: one native frame in, one codestream out, never lossy.

Each is chosen so that the samples' bits survive whatever they mean: JPEG and
RLE get whole cells of Bits Allocated, JPEG 2000 as many bits as the frames use.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import imagecodecs
import numpy as np

from mediastation.dicom.decoders import Samples
from mediastation.dicom.frame_pool import thread_count
from mediastation.dicom.image import Image
from mediastation.model import transfer_syntax as ts

Encoder = Callable[[Samples, Image, int], bytes]
"""Samples of shape ``(rows, columns, samples)``, the image, bits to be coded of each."""


def encode_frame(samples: Samples, image: Image, target: str, precision: int) -> bytes:
    """Return one frame's codestream.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape ``(rows, columns, samples)``, in the width of Bits Allocated,
        little endian, signed as Pixel Representation says.
    image : Image
        The native pixels that the frame is one of.
    target : str
        One of `mediastation.dicom.encodable.ENCODABLE`.
    precision : int
        Bits of each sample that JPEG 2000 codes; the others code whole cells.
    """
    return _ENCODERS[target](samples, image, precision)


def _jpeg(samples: Samples, image: Image, precision: int) -> bytes:
    """Encode by Process 14 with Selection Value 1 (ISO/IEC 10918-1 H.1.2.1).

    Whole cells, as DCMTK does too: differences are taken modulo 2^16, so bits
    that never change cost nothing, and negative values need no agreement about
    their sign. A marker says RGB where it is RGB, for readers that would take
    all colours for YCbCr. YCbCr goes without marker: asked for one, the encoder
    takes a second Huffman table and names the first one for it in its scan
    header (libjpeg-turbo 3.1), which DCMTK and GDCM cannot decode.
    """
    del precision
    bits = image.bits_allocated
    space = "GRAYSCALE"
    if image.samples == 3:
        space = "RGB" if image.photometric == "RGB" else "UNKNOWN"
    cells = np.ascontiguousarray(samples).view(f"<u{bits // 8}")
    return bytes(
        imagecodecs.jpeg8_encode(
            cells[..., 0] if image.samples == 1 else cells,
            lossless=True,
            predictor=1,
            bitspersample=bits,
            colorspace=space,
            outcolorspace=space,
        )
    )


def _jpeg_2000(samples: Samples, image: Image, precision: int) -> bytes:
    """Encode a bare codestream with the 5-3 transform (PS3.5 A.4.4)."""
    cells = np.ascontiguousarray(samples)
    return bytes(
        imagecodecs.jpeg2k_encode(
            cells[..., 0] if image.samples == 1 else cells,
            codecformat="j2k",
            level=0,
            reversible=True,
            mct=image.photometric == "RGB",
            bitspersample=precision,
            numthreads=thread_count() if image.frames == 1 else 1,
        )
    )


def _rle(samples: Samples, image: Image, precision: int) -> bytes:
    """Encode each byte of each sample's plane by itself, the highest first (PS3.5 G.2).

    Runs end with their row (G.3.1); PackBits is the same code.
    """
    del precision
    width = image.bits_allocated // 8
    octets = np.ascontiguousarray(samples).view("u1")
    octets = octets.reshape(image.rows, image.columns, image.samples, width)
    segments = []
    for sample in range(image.samples):
        for octet in reversed(range(width)):
            plane = octets[:, :, sample, octet].copy()  # with strides of its own even if one wide
            segment = bytes(imagecodecs.packbits_encode(plane, axis=-1))
            segments.append(segment + b"\0" * (len(segment) % 2))
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    head = struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments)))
    return b"".join((head, *segments))


_ENCODERS: dict[str, Encoder] = {
    ts.JPEG_LOSSLESS_SV1: _jpeg,
    ts.JPEG_2000_LOSSLESS: _jpeg_2000,
    ts.RLE_LOSSLESS: _rle,
}
