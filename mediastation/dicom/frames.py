"""One compressed frame to native samples, its headers checked before any decoder runs.

PS3.5 8.1 and 8.2, Annex A.4 (what each Transfer Syntax encapsulates), Annex G
(RLE); PS3.3 C.7.6.3.1.2 (Photometric Interpretation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mediastation.dicom.codestream import (
    Codestream,
    CodestreamError,
    Family,
    is_recompressed_jpeg,
    jpeg_2000_codestream,
    read_jpeg,
    read_jpeg_2000,
    read_jpeg_xl,
    read_rle,
)
from mediastation.dicom.colour import native_photometric
from mediastation.dicom.decoders import Samples, decoder_of, rebuilt_jpeg
from mediastation.dicom.image import Image
from mediastation.dicom.refusal import RefusalError, not_decodable


@dataclass(frozen=True, slots=True)
class Plan:
    """What decoding makes of an image, the same for each of its frames.

    Parameters
    ----------
    photometric : str
        Photometric Interpretation of the native pixels.
    to_rgb : bool
        Whether the decoder converts YCbCr to RGB.
    lossless : bool
        Whether decoding gives back what was encoded.
    family : Family
        The codestreams' format.
    precision : int
        Bits of a sample in the codestreams; 0 where they do not tell.
    doubts : tuple of str
        What data set and codestream disagree about and how it was settled.
    """

    photometric: str
    to_rgb: bool
    lossless: bool
    family: Family
    precision: int = 0
    doubts: tuple[str, ...] = ()


def compressed_limit(image: Image) -> int:
    """Return how many bytes a frame may have compressed: four times its size and a megabyte."""
    return image.frame_bits // 2 + (1 << 20)


def open_frame(data: bytes, family: Family, image: Image) -> tuple[bytes, Codestream]:
    """Return the codestream that a decoder is to be given, and its header.

    A JP2 container is taken off, a JPEG that was recompressed as JPEG XL is
    put together again (bit for bit, so its own decoder does the rest).

    Raises
    ------
    RefusalError
        As `read_codestream`.
    """
    if family is Family.JPEG_2000:
        try:
            data = jpeg_2000_codestream(data)
        except CodestreamError as fault:
            raise not_decodable(str(fault)) from fault
    code = read_codestream(data, family, image)
    if family is Family.JPEG_XL and is_recompressed_jpeg(data):
        try:
            data = rebuilt_jpeg(data)
        except Exception as fault:
            raise not_decodable(str(fault)) from fault
        code = read_codestream(data, Family.JPEG, image)
    return data, code


def read_codestream(data: bytes, family: Family, image: Image) -> Codestream:
    """Read a frame's own header and hold it against the data set.

    Raises
    ------
    RefusalError
        ``"not-decodable"`` if there is no such codestream or it lacks its
        end, ``"pixels-contradict"`` if its size is not the data set's.
    """
    try:
        code = _read_header(data, family, image)
    except CodestreamError as fault:
        raise not_decodable(str(fault)) from fault
    theirs = (code.rows, code.columns)
    if theirs not in ((0, 0), (image.rows, image.columns)):
        raise _contradiction(
            f"the frame has {theirs[0]} rows and {theirs[1]} columns, "
            f"the data set {image.rows} and {image.columns}"
        )
    if code.samples and code.samples != image.samples:
        raise _contradiction(
            f"the frame has {code.samples} samples a pixel, the data set {image.samples}"
        )
    if code.precision > image.bits_allocated:
        raise _contradiction(
            f"the frame's samples have {code.precision} bits, {image.bits_allocated} are allocated"
        )
    if code.subsampled and (code.lossless or code.family is not Family.JPEG):
        raise not_decodable("components of different resolution")
    return code


def _read_header(data: bytes, family: Family, image: Image) -> Codestream:
    if family in (Family.JPEG, Family.JPEG_LS):
        code = read_jpeg(data)
        if code.family is not family:
            raise CodestreamError(f"a {code.family} codestream in a {family} transfer syntax")
        return code
    if family is Family.JPEG_2000:
        return read_jpeg_2000(data)
    if family is Family.JPEG_XL:
        return read_jpeg_xl(data)
    if family is Family.RLE:
        return read_rle(data, image.samples, image.bits_allocated)
    return Codestream(Family.DEFLATE)


def plan_decoding(code: Codestream, image: Image) -> Plan:
    """Decide about colour and sign from the codestream's header and the data set.

    What colours come out is `native_photometric`'s to tell. What a JPEG's own
    markers say of its colour (Adobe, JFIF, component names) goes before what
    the data set says.

    Raises
    ------
    RefusalError
        ``"colour-unclear"``.
    """
    ours = image.photometric
    doubts: list[str] = []
    photometric, to_rgb = ours, False
    if image.samples == 3:
        if not ours.startswith(("YBR_", "RGB", "XYB")) or "PARTIAL" in ours:
            raise RefusalError("colour-unclear", f"no rule to write {ours or 'unnamed'} pixels")
        if code.family is Family.JPEG and not code.lossless:
            colour = code.colour or ("ybr" if ours.startswith("YBR") or code.subsampled else "rgb")
            if (colour == "ybr") != ours.startswith("YBR"):
                doubts.append(f"the data set says {ours}, the JPEG codestream {colour.upper()}")
            to_rgb = colour == "ybr"
        elif code.family is Family.JPEG_2000:
            doubts += _doubts_of_jpeg_2000(code, ours)
        elif code.family is Family.JPEG_XL and ours.startswith("YBR_FULL"):
            raise RefusalError("colour-unclear", f"JPEG XL pixels that are called {ours}")
        photometric = native_photometric(code.family, code.lossless, ours)
    if image.signed and code.signed is False and 0 < code.precision < image.bits_stored:
        doubts.append(
            f"samples of {code.precision} bits without sign are kept as they are, "
            f"the data set announces {image.bits_stored} bits with one"
        )
    return Plan(photometric, to_rgb, code.lossless, code.family, code.precision, tuple(doubts))


def _doubts_of_jpeg_2000(code: Codestream, ours: str) -> list[str]:
    if ours in ("YBR_RCT", "YBR_ICT"):
        if code.multi_component:
            return []
        return [f"the data set says {ours}, the codestream has no colour transform"]
    if ours != "RGB" and code.multi_component:
        return [f"the data set says {ours}, the codestream has a colour transform of its own"]
    return []


def decode_frame(
    data: bytes, code: Codestream, plan: Plan, image: Image, *, again: bool = False
) -> Samples:
    """Decode one frame whose header was read.

    Parameters
    ----------
    data : bytes
        The codestream.
    code : Codestream
        Its header.
    plan : Plan
        What to make of it.
    image : Image
        What the data set says.
    again : bool
        Decode with another implementation than the first time, where there
        is one: two decoders that agree prove more than one. Only for lossless
        Transfer Syntaxes, others leave decoders room to round.

    Returns
    -------
    numpy.ndarray
        Unsigned or signed samples in the width of Bits Allocated, little
        endian, shape ``(rows, columns, samples)``; one sample an element even
        where a single bit is allocated.

    Raises
    ------
    RefusalError
        ``"not-decodable"``.
    """
    try:
        samples = decoder_of(code, plan.to_rgb, again)(data, image)
    except RefusalError:
        raise
    except BaseException as fault:
        # Decoders raise what they like, one of them even its own panics.
        if not isinstance(fault, Exception) and type(fault).__name__ != "PanicException":
            raise
        if again and code.family is not Family.RLE:
            # What only one decoder can read is proved by that one, run twice.
            return decode_frame(data, code, plan, image)
        raise not_decodable(str(fault) or type(fault).__name__) from fault
    shape = (image.rows, image.columns, image.samples)
    if samples.size != image.rows * image.columns * image.samples:
        raise not_decodable(f"the decoder gave {samples.shape} for {shape}")
    return _in_cells(samples.reshape(shape), code, image)


def _in_cells(samples: Samples, code: Codestream, image: Image) -> Samples:
    """Bring samples into cells of Bits Allocated, with the sign the data set announces.

    A codestream cannot always tell the sign, or tells another one; then the
    bits count, and Pixel Representation says what they mean (PS3.5 8.1.1).
    """
    width = max(image.bits_allocated, 8) // 8
    if samples.dtype.itemsize > width:
        raise not_decodable(f"the decoder gave {samples.dtype.itemsize} bytes a sample")
    cells = samples.astype(f"<{samples.dtype.kind}{width}", copy=False)
    spare = 8 * width - code.precision
    if not code.precision or not spare or image.bits_allocated == 1:
        return cells
    if samples.dtype.kind == "i" and not image.signed:
        mask = np.array((1 << code.precision) - 1, dtype=f"<u{width}")
        return np.asarray(np.bitwise_and(cells.view(f"<u{width}"), mask))
    if samples.dtype.kind == "u" and image.signed and code.precision >= image.bits_stored:
        signed = cells.view(f"<i{width}")
        return np.asarray(np.right_shift(np.left_shift(signed, spare), spare))
    return cells


def _contradiction(message: str) -> RefusalError:
    return RefusalError(
        "pixels-contradict",
        message,
        "The object is wrong in itself; ask the sender for a corrected one.",
    )
