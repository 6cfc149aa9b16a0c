"""Whether pixels can be compressed without loss, and what their colours are called then.

Told from a header alone, without any codec: a plan asks this of thousands of
instances. PS3.5 8.2 and Annex A.4; PS3.3 C.7.6.3.1.2.
"""

from __future__ import annotations

import re
from typing import Final

from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.dicom.colour import native_photometric
from mediastation.dicom.image import MAX_FRAME_BYTES, MAX_PIXEL_BYTES, Image
from mediastation.dicom.values import first_value
from mediastation.model import transfer_syntax as ts
from mediastation.model.instance import InstanceHeader, PixelEncoding

ENCODABLE: Final[frozenset[str]] = frozenset(
    {ts.JPEG_LOSSLESS_SV1, ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS}
)
"""Transfer Syntaxes in which `mediastation.dicom.prepare` writes pixels compressed."""

_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
_ROWS, _COLUMNS, _ALLOCATED, _STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
_REPRESENTATION = 0x00280103

_NAMES = {
    ts.JPEG_LOSSLESS_SV1: "JPEG Lossless",
    ts.JPEG_2000_LOSSLESS: "JPEG 2000 Lossless",
    ts.RLE_LOSSLESS: "RLE Lossless",
}
_CELLS = {
    ts.JPEG_LOSSLESS_SV1: (8, 16),
    ts.JPEG_2000_LOSSLESS: (8, 16),
    ts.RLE_LOSSLESS: (8, 16, 32),
}
"""Bits Allocated that codec and its common readers take.

JPEG ends at 16 bits (ISO/IEC 10918-1 B.2.2). JPEG 2000 could go on to 38,
decoders do not; cells of one bit are left packed, which is smaller than most
readers' idea of them compressed.
"""
_COLOURS = {
    1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    3: ("RGB", "YBR_FULL"),
}
"""What PS3.5 Tables 8.2.1-1, 8.2.2-1 and 8.2.4-1 let native samples be that are compressed."""
_DIGITS = re.compile("[0-9]{1,10}").fullmatch
_PLAIN = (ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.EXPLICIT_BE, ts.DEFLATED_LE)


def obstacle(header: InstanceHeader, target: str) -> str:
    """Return why the instance's pixels cannot be compressed in `target`.

    Parameters
    ----------
    header : InstanceHeader
        The instance, in whatever Transfer Syntax it came.
    target : str
        UID of one of `ENCODABLE`.

    Returns
    -------
    str
        A clause for a finding, without full stop; empty if nothing that the
        header tells stands in the way, and if the pixels are in `target`
        already.
    """
    syntax = header.transfer_syntax_uid
    if target not in ENCODABLE:
        return f"nothing here encodes {ts.transfer_syntax_name(target)}"
    if target == syntax:
        return ""
    if syntax not in _PLAIN and syntax not in FAMILY_OF_SYNTAX:
        return f"nothing here decodes {ts.transfer_syntax_name(syntax)}"
    if header.pixels is PixelEncoding.ABSENT:
        return "the instance has no pixels"
    if syntax in _PLAIN and header.pixels is PixelEncoding.ENCAPSULATED:
        return "its pixels are compressed and its Transfer Syntax has none such"
    for tag, name in ((_STORED, "Bits Stored"), (_REPRESENTATION, "Pixel Representation")):
        element = header.elements.get(tag)
        if element is None or not element.value:
            return f"the image has no {name}, as pixels of floating point have none"
    return image_obstacle(_native_image(header), target, _number(header, _PLANAR, 0))


def image_obstacle(image: Image, target: str, planar: int) -> str:
    """Return why native pixels of this shape cannot be compressed in `target`, as `obstacle` does.

    Parameters
    ----------
    image : Image
        The pixels, native.
    target : str
        UID of one of `ENCODABLE`.
    planar : int
        Planar Configuration.
    """
    name, cells = _NAMES[target], _CELLS[target]
    if image.samples not in _COLOURS:
        return f"{name} is written of 1 or 3 samples a pixel, the image has {image.samples}"
    if image.photometric not in _COLOURS[image.samples]:
        what = image.photometric or "unnamed"
        return f"{name} does not hold {what} pixels of {image.samples} samples"
    if image.bits_allocated not in cells:
        taken = f"{', '.join(map(str, cells[:-1]))} or {cells[-1]}"
        return f"{name} is written of cells of {taken} bits, the image has {image.bits_allocated}"
    if not 0 < image.bits_stored <= image.bits_allocated:
        return f"{image.bits_stored} of {image.bits_allocated} bits a sample make no pixels"
    if image.samples > 1 and planar not in (0, 1):
        return f"Planar Configuration {planar} is none"
    if not 0 < image.rows <= 0xFFFF or not 0 < image.columns <= 0xFFFF or image.frames < 1:
        return f"{image.rows} x {image.columns} pixels in {image.frames} frames are no image"
    if image.frame_bits > 8 * MAX_FRAME_BYTES or image.size_bytes > MAX_PIXEL_BYTES:
        return f"{image.size_bytes} bytes of pixels are more than are decoded for the proof"
    return ""


def photometric_after(header: InstanceHeader, target: str) -> str:
    """Return the Photometric Interpretation of the copy that is prepared in `target`.

    Foreseen by the header alone: a codestream that is not what its Transfer
    Syntax says (a lossy one under a lossless UID) is known only to who opens it.

    Parameters
    ----------
    header : InstanceHeader
        The instance as it came.
    target : str
        UID of one of `ENCODABLE`, of Explicit VR Little Endian, or of the
        Transfer Syntax that the instance has.

    Returns
    -------
    str
        A Defined Term; empty if the instance has none.
    """
    if target == header.transfer_syntax_uid:
        return first_value(header, _PHOTOMETRIC)
    native = _native_photometric(header)
    if target in ENCODABLE:
        return encoded_photometric(native, target)
    return native


def encoded_photometric(native: str, target: str) -> str:
    """Return what native pixels are called once they are compressed.

    JPEG 2000 decorrelates RGB by its reversible transform (PS3.5 A.4.4,
    PS3.3 C.7.6.3.1.2): a fifth or more is saved, and every decoder undoes it.
    JPEG Lossless and RLE leave colours as they are.
    """
    return "YBR_RCT" if native == "RGB" and target == ts.JPEG_2000_LOSSLESS else native


def _native_photometric(header: InstanceHeader) -> str:
    stated = first_value(header, _PHOTOMETRIC)
    syntax = header.transfer_syntax_uid
    if _number(header, _SAMPLES, 1) != 3 or header.pixels is not PixelEncoding.ENCAPSULATED:
        return stated
    known = ts.TRANSFER_SYNTAXES.get(syntax)
    lossless = known is not None and known.lossless
    return native_photometric(FAMILY_OF_SYNTAX.get(syntax), lossless, stated)


def _native_image(header: InstanceHeader) -> Image:
    frames = first_value(header, _FRAMES).strip("\0")
    allocated = _number(header, _ALLOCATED, 0)
    return Image(
        rows=_number(header, _ROWS, 0),
        columns=_number(header, _COLUMNS, 0),
        samples=_number(header, _SAMPLES, 1),
        bits_allocated=allocated,
        bits_stored=_number(header, _STORED, allocated),
        signed=_number(header, _REPRESENTATION, 0) == 1,
        photometric=_native_photometric(header),
        frames=int(frames or 1) if not frames or _DIGITS(frames) else 0,
    )


def _number(header: InstanceHeader, tag: int, default: int) -> int:
    element = header.elements.get(tag)
    return int.from_bytes(element.value[:2], "little") if element and element.value else default
