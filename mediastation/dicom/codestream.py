"""What a compressed frame says of itself: size, components, precision, losslessness.

Read before any decoder sees the frame, so that no decoder allocates what the
data set did not announce. Markers of ISO/IEC 10918-1 (JPEG), 14495-1
(JPEG-LS), 15444-1 and -15 (JPEG 2000, HTJ2K), 18181-1 (JPEG XL) and the RLE
header of PS3.5 Annex G.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediastation.model import transfer_syntax as ts


class CodestreamError(ValueError):
    """The frame is not a codestream of its family, or one that nobody should decode."""


class Family(StrEnum):
    """Codestream formats, by who decodes them."""

    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    JPEG_XL = "JPEG XL"
    RLE = "RLE"
    DEFLATE = "Deflate"


FAMILY_OF_SYNTAX = {
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


@dataclass(frozen=True, slots=True)
class Codestream:
    """The header of one compressed frame.

    Parameters
    ----------
    family : Family
        Its format.
    rows, columns, samples : int
        Size in samples; 0 where the format does not tell.
    precision : int
        Bits of a sample; 0 where the format does not tell.
    signed : bool or None
        Whether samples are signed; `None` where the format cannot tell.
    lossless : bool
        Whether decoding gives back every sample that went in, as far as the
        header can show.
    colour : str
        ``"rgb"`` or ``"ybr"`` if a marker says so, otherwise empty.
    multi_component : bool
        Whether a colour transform is part of the codestream and undone by
        its decoder (JPEG 2000).
    subsampled : bool
        Whether components differ in resolution.
    """

    family: Family
    rows: int = 0
    columns: int = 0
    samples: int = 0
    precision: int = 0
    signed: bool | None = None
    lossless: bool = True
    colour: str = ""
    multi_component: bool = False
    subsampled: bool = False


_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xF7}
_OTHER_FRAME_HEADERS = {0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def read_jpeg(data: bytes) -> Codestream:
    """Read the headers of a JPEG or JPEG-LS codestream up to its first scan."""
    if data[:2] != b"\xff\xd8":
        raise CodestreamError("no JPEG codestream: it does not begin with SOI")
    position, frame, adobe, jfif = 2, None, -1, False
    while True:
        if position + 4 > len(data) or data[position] != 0xFF:
            raise CodestreamError(f"no JPEG marker at byte {position}")
        marker = data[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if length < 2 or len(body) != length - 2:
            raise CodestreamError(f"a JPEG segment at byte {position} is cut short")
        if marker in _OTHER_FRAME_HEADERS:
            raise CodestreamError("hierarchical and arithmetic JPEG are not in DICOM")
        if marker in _FRAME_HEADERS:
            if frame is not None:
                raise CodestreamError("a JPEG codestream with two frame headers")
            frame = (marker, body)
        elif marker == 0xE0 and body[:5] == b"JFIF\0":
            jfif = True
        elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif marker == 0xDA:
            if frame is None:
                raise CodestreamError("a JPEG scan without frame header")
            _require_end(data, position)
            return _jpeg_frame(*frame, scan=body, adobe=adobe, jfif=jfif)
        elif marker == 0xD9:
            raise CodestreamError("a JPEG codestream without a scan")
        position += 2 + length


def _require_end(data: bytes, start: int) -> None:
    """Refuse a codestream without EOI or EOC: decoders fill what is cut off and say nothing.

    Coded samples cannot imitate the marker, all three formats stuff them so
    that they do not; bytes after it are padding and do no harm.
    """
    if data.rfind(b"\xff\xd9", start) < 0:
        raise CodestreamError("the frame's codestream has no end")


def _jpeg_frame(marker: int, body: bytes, scan: bytes, adobe: int, jfif: bool) -> Codestream:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise CodestreamError("a JPEG frame header that is cut short")
    components = [body[6 + 3 * n : 9 + 3 * n] for n in range(body[5])]
    identifiers = bytes(item[0] for item in components)
    colour = ""
    if len(components) == 3:
        if adobe in (0, 1):
            colour = "ybr" if adobe else "rgb"
        elif jfif:
            colour = "ybr"
        elif identifiers == b"RGB":
            colour = "rgb"
    lossless = marker == 0xC3
    if marker == 0xF7:
        if len(scan) < 4:
            raise CodestreamError("a JPEG-LS scan header that is cut short")
        lossless = scan[-3] == 0  # NEAR
    return Codestream(
        family=Family.JPEG_LS if marker == 0xF7 else Family.JPEG,
        rows=int.from_bytes(body[1:3], "big"),
        columns=int.from_bytes(body[3:5], "big"),
        samples=len(components),
        precision=body[0],
        lossless=lossless,
        colour=colour,
        subsampled=len({item[1] for item in components}) > 1,
    )


def jpeg_2000_codestream(data: bytes) -> bytes:
    """Return the bare codestream, unwrapped from a JP2 file where a writer left one in.

    PS3.5 A.4.4 has the codestream alone; the boxes around it could only
    mislead a decoder about colour.
    """
    if data[:4] == b"\xff\x4f\xff\x51":
        return data
    for kind, start, end in _boxes(data):
        if kind == b"jp2c":
            return data[start:end]
    raise CodestreamError("no JPEG 2000 codestream")


def _boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    """Return type and content span of the outermost boxes (ISO/IEC 15444-1 Annex I)."""
    boxes: list[tuple[bytes, int, int]] = []
    position = 0
    while position + 8 <= len(data) and len(boxes) < 1000:
        length = int.from_bytes(data[position : position + 4], "big")
        kind, header = data[position + 4 : position + 8], 8
        if length == 1:
            length = int.from_bytes(data[position + 8 : position + 16], "big")
            header = 16
        end = len(data) if length == 0 else position + length
        if end > len(data) and kind in (b"jp2c", b"jxlc", b"jxlp"):
            raise CodestreamError("a box is longer than its frame")
        if end < position + header or end > len(data):
            break
        boxes.append((kind, position + header, end))
        position = end
    return boxes


def read_jpeg_2000(data: bytes) -> Codestream:
    """Read the main header of a bare JPEG 2000 or HTJ2K codestream."""
    if data[:4] != b"\xff\x4f\xff\x51" or len(data) < 44:
        raise CodestreamError("no JPEG 2000 codestream: it does not begin with SOC and SIZ")
    if data[6] & 0x80:  # Rsiz (ISO/IEC 15444-2, A.2.1)
        raise CodestreamError("JPEG 2000 with extensions of Part 2, which are not decoded here")
    field = [int.from_bytes(data[8 + 4 * n : 12 + 4 * n], "big") for n in range(8)]
    samples = int.from_bytes(data[40:42], "big")
    parts = [data[42 + 3 * n : 45 + 3 * n] for n in range(samples)]
    if not parts or len(parts[-1]) < 3 or samples > 16384:
        raise CodestreamError("a JPEG 2000 image size marker that is cut short")
    if len({item[0] for item in parts}) > 1:
        raise CodestreamError("components of different precision")
    multi_component, reversible, coded = False, True, False
    position = 4 + int.from_bytes(data[4:6], "big")
    while position + 4 <= len(data) and data[position : position + 2] != b"\xff\x90":
        marker, length = (
            data[position : position + 2],
            int.from_bytes(data[position + 2 : position + 4], "big"),
        )
        body = data[position + 4 : position + 2 + length]
        if marker[0] != 0xFF or length < 2:
            raise CodestreamError(f"no JPEG 2000 marker at byte {position}")
        if marker[1] == 0x52 and len(body) >= 10:  # COD
            multi_component, coded = body[4] == 1, True
            reversible = reversible and body[9] == 1
        elif marker[1] == 0x53:  # COC
            at = 7 if samples < 257 else 8
            reversible = reversible and len(body) > at - 1 and body[at - 1] == 1
        position += 2 + length
    if not coded:
        raise CodestreamError("a JPEG 2000 codestream without coding style")
    _require_end(data, position)
    return Codestream(
        family=Family.JPEG_2000,
        rows=field[1] - field[3],
        columns=field[0] - field[2],
        samples=samples,
        precision=(parts[0][0] & 0x7F) + 1,
        signed=bool(parts[0][0] & 0x80),
        lossless=reversible,
        multi_component=multi_component,
        subsampled=any(item[1:] != b"\x01\x01" for item in parts),
    )


def read_rle(data: bytes, samples: int, bits_allocated: int) -> Codestream:
    """Check the RLE header: as many segments as samples have bytes, within the frame (G.5)."""
    sample_bytes = (bits_allocated + 7) // 8
    if len(data) < 64:
        raise CodestreamError("an RLE frame without its header of 64 bytes")
    header = [int.from_bytes(data[4 * n : 4 * n + 4], "little") for n in range(16)]
    count, offsets = header[0], header[1 : 1 + header[0]] if header[0] <= 15 else []
    if count != samples * sample_bytes:
        raise CodestreamError(f"{count} RLE segments where {samples * sample_bytes} are due")
    if offsets[0] != 64 or offsets != sorted(set(offsets)) or offsets[-1] > len(data):
        raise CodestreamError("RLE segment offsets that do not lie in their frame")
    return Codestream(family=Family.RLE, samples=samples, precision=bits_allocated)


class _Bits:
    """Bits of a JPEG XL header, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:32], "little")

    def take(self, count: int) -> int:
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value


_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def read_jpeg_xl(data: bytes) -> Codestream:
    """Read the size header of a JPEG XL codestream, bare or in its container."""
    stream = data
    if data[:2] != b"\xff\x0a":
        parts = [
            data[start + (4 if kind == b"jxlp" else 0) : end]
            for kind, start, end in _boxes(data)
            if kind in (b"jxlc", b"jxlp")
        ]
        stream = parts[0] if parts else b""
    if stream[:2] != b"\xff\x0a":
        raise CodestreamError("no JPEG XL codestream")
    bits = _Bits(stream[2:])
    small = bits.take(1)

    def size() -> int:
        return 8 * (bits.take(5) + 1) if small else bits.take((9, 13, 18, 30)[bits.take(2)]) + 1

    rows = size()
    ratio = bits.take(3)
    columns = rows * _JXL_RATIOS[ratio - 1][0] // _JXL_RATIOS[ratio - 1][1] if ratio else size()
    return Codestream(family=Family.JPEG_XL, rows=rows, columns=columns)


def is_recompressed_jpeg(data: bytes) -> bool:
    """Tell whether a JPEG XL file carries what it takes to rebuild a JPEG (``jbrd``)."""
    return data[:2] != b"\xff\x0a" and any(kind == b"jbrd" for kind, _, _ in _boxes(data))
