"""The codecs: one codestream in, samples out; each chosen by what the codestream's header says."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import imagecodecs
import jpeg_ls
import numpy as np
import numpy.typing as npt
import rle

from mediastation.dicom.codestream import Codestream, Family
from mediastation.dicom.frame_pool import thread_count
from mediastation.dicom.image import Image
from mediastation.dicom.refusal import not_decodable

Samples = npt.NDArray[np.integer]


def rebuilt_jpeg(data: bytes) -> bytes:
    """Return the JPEG that was recompressed as JPEG XL, bit for bit."""
    return bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))


def decoder_of(code: Codestream, to_rgb: bool, again: bool) -> Callable[[bytes, Image], Samples]:
    if code.family is Family.JPEG:
        if code.lossless:
            return _jpeg_dct_or_lossless if again else _jpeg_lossless
        return _jpeg_to_rgb if to_rgb else _jpeg_dct_or_lossless
    if code.family is Family.RLE:
        return _rle_second if again else _rle
    if code.family is Family.JPEG_2000 and again:
        return _jpeg_2000_second
    return {
        Family.JPEG_LS: _jpeg_ls,
        Family.JPEG_2000: _jpeg_2000,
        Family.JPEG_XL: _jpeg_xl,
        Family.DEFLATE: _deflate,
    }[code.family]


def has_second_decoder(code: Codestream, data: bytes) -> bool:
    """Tell whether decoding `again` is another program's work, and not the same one's once more."""
    if code.family is Family.JPEG:
        return code.lossless
    return code.family is Family.RLE or (
        code.family is Family.JPEG_2000 and _is_high_throughput(data)
    )


def _array(decoded: object) -> Samples:
    return np.asarray(decoded)


def _jpeg_lossless(data: bytes, image: Image) -> Samples:
    del image
    return _array(imagecodecs.jpegsof3_decode(data))


def _jpeg_dct_or_lossless(data: bytes, image: Image) -> Samples:
    space = "RGB" if image.samples == 3 else "GRAYSCALE"
    return _array(imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space))


def _jpeg_to_rgb(data: bytes, image: Image) -> Samples:
    del image
    return _array(imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="RGB"))


def _jpeg_2000(data: bytes, image: Image) -> Samples:
    threads = thread_count() if image.frames == 1 else 1
    return _array(imagecodecs.jpeg2k_decode(data, numthreads=threads))


def _jpeg_2000_second(data: bytes, image: Image) -> Samples:
    """Decode with OpenJPH, which knows HTJ2K only."""
    if _is_high_throughput(data):
        return _array(imagecodecs.htj2k_decode(data))
    return _jpeg_2000(data, image)


def _is_high_throughput(data: bytes) -> bool:
    return bool(data[6] & 0x40)  # Rsiz (ISO/IEC 15444-15, A.2.1)


def _jpeg_ls(data: bytes, image: Image) -> Samples:
    buffer, about = jpeg_ls.decode_buffer(data)
    samples = np.frombuffer(buffer, "u1" if about["bits_per_sample"] <= 8 else "<u2")
    if image.samples == 3 and about["interleave_mode"] == 0:
        return samples.reshape(3, image.rows, image.columns).transpose(1, 2, 0)
    return samples


def _jpeg_xl(data: bytes, image: Image) -> Samples:
    del image
    return _array(imagecodecs.jpegxl_decode(data, numthreads=1))


def _rle(data: bytes, image: Image) -> Samples:
    width = max(image.bits_allocated, 8) // 8
    raw = bytes(imagecodecs.dicomrle_decode(data, f"<u{width}"))
    if image.bits_allocated == 1:
        return _unpacked(raw, image)
    return _planes(raw, image)


def _rle_second(data: bytes, image: Image) -> Samples:
    """Decode with the stricter of the two, which panics over runs that the first one refuses."""
    if image.bits_allocated == 1:
        return _rle(data, image)
    raw = rle.decode_pixel_data(
        data,
        version=2,
        rows=image.rows,
        columns=image.columns,
        bits_allocated=image.bits_allocated,
    )
    return _planes(bytes(raw), image)


def _planes(raw: bytes, image: Image) -> Samples:
    """RLE keeps each sample's plane apart (PS3.5 G.2)."""
    cells = np.frombuffer(raw, f"<u{image.bits_allocated // 8}")
    return cells.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0)


def _deflate(data: bytes, image: Image) -> Samples:
    size = (image.frame_bits + 7) // 8
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    raw = inflater.decompress(data, size + 2)
    if not inflater.eof or len(raw) - size not in (0, size % 2):
        raise not_decodable("the frame inflates to another size than its pixels have")
    if image.bits_allocated == 1:
        return _unpacked(raw, image)
    return np.frombuffer(raw[:size], f"<u{image.bits_allocated // 8}")


def _unpacked(raw: bytes, image: Image) -> Samples:
    count = image.frame_bits
    size = (count + 7) // 8
    if len(raw) - size not in (0, size % 2):
        raise not_decodable("the frame has another size than its pixels")
    return np.unpackbits(np.frombuffer(raw, "u1"), count=count, bitorder="little")
