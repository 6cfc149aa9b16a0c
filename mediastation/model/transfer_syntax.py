"""Transfer Syntaxes (PS3.5 Annex A, PS3.6 Table A-1) and what re-encoding each one means."""

from __future__ import annotations

from dataclasses import dataclass

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_SPECTRAL = "1.2.840.10008.1.2.4.53"
JPEG_PROGRESSIVE = "1.2.840.10008.1.2.4.55"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = "1.2.840.10008.1.2.4.203"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How a data set is encoded.

    `lossless` is true if the encoding itself cannot have lost anything; a
    syntax that allows both counts as lossy, because only the codestream could
    tell.
    """

    uid: str
    name: str
    encapsulated: bool = False
    lossless: bool = True


_ALL = (
    TransferSyntax(IMPLICIT_LE, "Implicit VR Little Endian"),
    TransferSyntax(EXPLICIT_LE, "Explicit VR Little Endian"),
    TransferSyntax(DEFLATED_LE, "Deflated Explicit VR Little Endian"),
    TransferSyntax(EXPLICIT_BE, "Explicit VR Big Endian"),
    TransferSyntax(RLE_LOSSLESS, "RLE Lossless", True),
    TransferSyntax(DEFLATED_FRAME, "Deflated Image Frame Compression", True),
    TransferSyntax(JPEG_BASELINE, "JPEG Baseline", True, False),
    TransferSyntax(JPEG_EXTENDED, "JPEG Extended", True, False),
    TransferSyntax(JPEG_SPECTRAL, "JPEG Spectral Selection", True, False),
    TransferSyntax(JPEG_PROGRESSIVE, "JPEG Full Progression", True, False),
    TransferSyntax(JPEG_LOSSLESS, "JPEG Lossless", True),
    TransferSyntax(JPEG_LOSSLESS_SV1, "JPEG Lossless SV1", True),
    TransferSyntax(JPEG_LS_LOSSLESS, "JPEG-LS Lossless", True),
    TransferSyntax(JPEG_LS_NEAR, "JPEG-LS Near-Lossless", True, False),
    TransferSyntax(JPEG_2000_LOSSLESS, "JPEG 2000 Lossless", True),
    TransferSyntax(JPEG_2000, "JPEG 2000", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.92", "JPEG 2000 Multi-component Lossless", True),
    TransferSyntax("1.2.840.10008.1.2.4.93", "JPEG 2000 Multi-component", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.100.1", "Fragmentable MPEG2 MP / ML", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.101.1", "Fragmentable MPEG2 MP / HL", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 HP / Level 4.1", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.102.1", "Fragmentable H.264 HP / Level 4.1", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.103.1", "Fragmentable H.264 BD-compatible", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 HP / 4.2 2D", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.104.1", "Fragmentable H.264 HP / 4.2 2D", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 HP / 4.2 3D", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.105.1", "Fragmentable H.264 HP / 4.2 3D", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo HP", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.106.1", "Fragmentable H.264 Stereo HP", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main / Level 5.1", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 / Level 5.1", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", True),
    TransferSyntax("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", True, False),
    TransferSyntax("1.2.840.10008.1.2.4.112", "JPEG XL", True, False),
    TransferSyntax(HTJ2K_LOSSLESS, "HTJ2K Lossless", True),
    TransferSyntax(HTJ2K_LOSSLESS_RPCL, "HTJ2K Lossless RPCL", True),
    TransferSyntax(HTJ2K, "HTJ2K", True, False),
)
TRANSFER_SYNTAXES = {syntax.uid: syntax for syntax in _ALL}

COMPRESSIONS = {
    "jpeg-lossless": JPEG_LOSSLESS_SV1,
    "j2k": JPEG_2000_LOSSLESS,
    "rle": RLE_LOSSLESS,
}
"""The compression an operator may ask for, by the word on the command line."""


def transfer_syntax_name(uid: str) -> str:
    """Return the name people use, or the UID itself where there is none."""
    syntax = TRANSFER_SYNTAXES.get(uid)
    return syntax.name if syntax else uid or "no transfer syntax"
