"""One compressed frame to native samples, its headers checked before any decoder runs.

PS3.5 8.1 and 8.2, Annex A.4 (what each Transfer Syntax encapsulates), Annex G
(RLE); PS3.3 C.7.6.3.1.2 (Photometric Interpretation).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import jpeg_ls
import numpy as np
import numpy.typing as npt
import openjpeg
import rle

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
from mediastation.dicom.refusal import RefusalError
from mediastation.model import transfer_syntax as ts

MAX_FRAME_BYTES = 1 << 30
"""Decoded bytes of one frame; a frame is the most that is held in memory."""

MAX_PIXEL_BYTES = 0xFFFFFFFE
"""Decoded bytes of all frames: the longest value a 32-bit length can tell (PS3.5 7.1)."""

type_of_syntax = {
    ts.RLE_LOSSLESS: Family.RLE,
    ts.DEFLATED_FRAME: Family.DEFLATE,
    **dict.fromkeys(
        (
            ts.JPEG_BASELINE,
            ts.JPEG_EXTENDED,
            ts.JPEG_SPECTRAL,
            ts.JPEG_PROGRESSIVE,
            ts.JPEG_LOSSLESS,
            ts.JPEG_LOSSLESS_SV1,
        ),
        Family.JPEG,
    ),
    **dict.fromkeys((ts.JPEG_LS_LOSSLESS, ts.JPEG_LS_NEAR), Family.JPEG_LS),
    **dict.fromkeys(
        (
            ts.JPEG_2000_LOSSLESS,
            ts.JPEG_2000,
            "1.2.840.10008.1.2.4.92",
            "1.2.840.10008.1.2.4.93",
            ts.HTJ2K_LOSSLESS,
            ts.HTJ2K_LOSSLESS_RPCL,
            ts.HTJ2K,
        ),
        Family.JPEG_2000,
    ),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (110, 111, 112)), Family.JPEG_XL),
}
"""Format of the frames, by Transfer Syntax UID (PS3.5 A.4)."""

Samples = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Image:
    """What a data set says of its pixels (PS3.3 C.7.6.3 and C.7.6.6).

    `photometric` is the Photometric Interpretation's Defined Term; `frames`
    is 1 where the data set has no Number of Frames.
    """

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    frames: int

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame, without any padding."""
        return self.rows * self.columns * self.samples * self.bits_allocated

    @property
    def size_bytes(self) -> int:
        """Bytes of all native frames; 1-bit frames follow one another without gap (PS3.5 8.1.1)."""
        return (self.frame_bits * self.frames + 7) // 8

    def require_sane(self) -> None:
        """Refuse sizes that no decoder should be asked for, and cells that native pixels have not.

        Raises
        ------
        RefusalError
            ``"pixel-attributes"`` or ``"too-large"``.
        """
        if self.bits_allocated not in (1, 8, 16, 32, 64) or not (
            0 < self.bits_stored <= self.bits_allocated
        ):
            raise RefusalError(
                "pixel-attributes",
                f"{self.bits_stored} of {self.bits_allocated} bits a sample cannot be written",
            )
        if self.samples not in (1, 3) or not self.frame_bits or self.frames < 1:
            raise RefusalError(
                "pixel-attributes",
                f"{self.rows} x {self.columns} pixels of {self.samples} samples in "
                f"{self.frames} frames cannot be written",
            )
        if self.frame_bits > 8 * MAX_FRAME_BYTES or self.size_bytes > MAX_PIXEL_BYTES:
            raise RefusalError(
                "too-large",
                f"{self.frames} frames of {self.frame_bits // 8} bytes are more than one native "
                "element may hold",
                "Export the instance under a profile that carries its compressed encoding.",
            )


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
            raise _not_decodable(str(fault)) from fault
    code = read_codestream(data, family, image)
    if family is Family.JPEG_XL and is_recompressed_jpeg(data):
        try:
            data = bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
        except Exception as fault:
            raise _not_decodable(str(fault)) from fault
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
        raise _not_decodable(str(fault)) from fault
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
        raise _not_decodable("components of different resolution")
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

    Only a lossy JPEG is converted: its YCbCr is that of the codec, and RGB is
    what every reader shows. Samples of lossless encodings stay as they were
    encoded, so YBR_FULL stays; YBR_RCT and YBR_ICT are undone by the
    codestream's own transform and do not occur in native pixels (PS3.3
    C.7.6.3.1.2). What a JPEG's own markers say of its colour (Adobe, JFIF,
    component names) goes before what the data set says.

    Raises
    ------
    RefusalError
        ``"colour-unclear"``.
    """
    ours, doubts = image.photometric, []
    photometric, to_rgb = ours, False
    if image.samples == 3:
        if not ours.startswith(("YBR_", "RGB", "XYB")) or "PARTIAL" in ours:
            raise RefusalError("colour-unclear", f"no rule to write {ours or 'unnamed'} pixels")
        if code.family is Family.JPEG and not code.lossless:
            colour = code.colour or ("ybr" if ours.startswith("YBR") or code.subsampled else "rgb")
            if (colour == "ybr") != ours.startswith("YBR"):
                doubts.append(f"the data set says {ours}, the JPEG codestream {colour.upper()}")
            photometric, to_rgb = "RGB", colour == "ybr"
        elif code.family is Family.JPEG_2000:
            photometric = _after_jpeg_2000(code, ours, doubts)
        elif code.family is Family.JPEG_XL:
            if ours.startswith("YBR_FULL"):
                raise RefusalError("colour-unclear", f"JPEG XL pixels that are called {ours}")
            photometric = "RGB"
        elif ours == "YBR_FULL_422" and code.family is not Family.DEFLATE:
            photometric = "YBR_FULL"
    if image.signed and code.signed is False and 0 < code.precision < image.bits_stored:
        doubts.append(
            f"samples of {code.precision} bits without sign are kept as they are, "
            f"the data set announces {image.bits_stored} bits with one"
        )
    return Plan(photometric, to_rgb, code.lossless, code.family, code.precision, tuple(doubts))


def _after_jpeg_2000(code: Codestream, ours: str, doubts: list[str]) -> str:
    if ours in ("YBR_RCT", "YBR_ICT"):
        if not code.multi_component:
            doubts.append(f"the data set says {ours}, the codestream has no colour transform")
        return "RGB"
    if ours != "RGB" and code.multi_component:
        doubts.append(f"the data set says {ours}, the codestream has a colour transform of its own")
    return "YBR_FULL" if ours == "YBR_FULL_422" else ours


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
        samples = _decoder(code, plan, again)(data, image)
    except RefusalError:
        raise
    except Exception as fault:
        if again:  # what only one decoder can read is proved by that one, run twice
            return decode_frame(data, code, plan, image)
        # Decoders raise what they like; whatever it is, these pixels do not go out.
        raise _not_decodable(str(fault) or type(fault).__name__) from fault
    shape = (image.rows, image.columns, image.samples)
    if samples.size != image.rows * image.columns * image.samples:
        raise _not_decodable(f"the decoder gave {samples.shape} for {shape}")
    return _in_cells(samples.reshape(shape), code, image)


def _in_cells(samples: Samples, code: Codestream, image: Image) -> Samples:
    """Bring samples into cells of Bits Allocated, with the sign the data set announces.

    A codestream cannot always tell the sign, or tells another one; then the
    bits count, and Pixel Representation says what they mean (PS3.5 8.1.1).
    """
    width = max(image.bits_allocated, 8) // 8
    if samples.dtype.itemsize > width:
        raise _not_decodable(f"the decoder gave {samples.dtype.itemsize} bytes a sample")
    cells = samples.astype(f"<{samples.dtype.kind}{width}", copy=False)
    spare = 8 * width - code.precision
    if not code.precision or not spare or image.bits_allocated == 1:
        return cells
    if samples.dtype.kind == "i" and not image.signed:
        mask = np.array((1 << code.precision) - 1, dtype=f"<u{width}")
        return _array(np.bitwise_and(cells.view(f"<u{width}"), mask))
    if samples.dtype.kind == "u" and image.signed and code.precision >= image.bits_stored:
        signed = cells.view(f"<i{width}")
        return _array(np.right_shift(np.left_shift(signed, spare), spare))
    return cells


def _decoder(code: Codestream, plan: Plan, again: bool) -> Callable[[bytes, Image], Samples]:
    if code.family is Family.JPEG:
        if code.lossless:
            return _jpeg_dct_or_lossless if again else _jpeg_lossless
        return _jpeg_to_rgb if plan.to_rgb else _jpeg_dct_or_lossless
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
    del image
    return _array(openjpeg.decode(data, 0))


def _jpeg_2000_second(data: bytes, image: Image) -> Samples:
    high_throughput = bool(data[6] & 0x40)  # Rsiz (ISO/IEC 15444-15, A.2)
    if high_throughput:
        return _array(imagecodecs.htj2k_decode(data))
    return _jpeg_2000(data, image)


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
    if image.bits_allocated == 1:
        return _rle_second(data, image)
    raw = rle.decode_pixel_data(
        data,
        version=2,
        rows=image.rows,
        columns=image.columns,
        bits_allocated=image.bits_allocated,
    )
    return _planes(bytes(raw), image)


def _rle_second(data: bytes, image: Image) -> Samples:
    width = max(image.bits_allocated, 8) // 8
    raw = bytes(imagecodecs.dicomrle_decode(data, f"<u{width}"))
    if image.bits_allocated == 1:
        return _unpacked(raw, image)
    return _planes(raw, image)


def _planes(raw: bytes, image: Image) -> Samples:
    """RLE keeps each sample's plane apart (PS3.5 G.2)."""
    cells = np.frombuffer(raw, f"<u{image.bits_allocated // 8}")
    return cells.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0)


def _deflate(data: bytes, image: Image) -> Samples:
    size = (image.frame_bits + 7) // 8
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    raw = inflater.decompress(data, size + 2)
    if not inflater.eof or len(raw) - size not in (0, size % 2):
        raise _not_decodable("the frame inflates to another size than its pixels have")
    if image.bits_allocated == 1:
        return _unpacked(raw, image)
    return np.frombuffer(raw[:size], f"<u{image.bits_allocated // 8}")


def _unpacked(raw: bytes, image: Image) -> Samples:
    count = image.frame_bits
    size = (count + 7) // 8
    if len(raw) - size not in (0, size % 2):
        raise _not_decodable("the frame has another size than its pixels")
    return np.unpackbits(np.frombuffer(raw, "u1"), count=count, bitorder="little")


def _not_decodable(message: str) -> RefusalError:
    return RefusalError(
        "not-decodable",
        f"the pixels cannot be decoded: {message}",
        "Ask the sender for the instance in another encoding; the store keeps it as it came.",
    )


def _contradiction(message: str) -> RefusalError:
    return RefusalError(
        "pixels-contradict",
        message,
        "The object is wrong in itself; ask the sender for a corrected one.",
    )
