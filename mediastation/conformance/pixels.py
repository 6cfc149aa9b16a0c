"""Whether an image can hold the pixels that its attributes speak of."""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.conformance.attributes import number_of, text_of
from mediastation.model.finding import Finding, error, warning
from mediastation.model.instance import InstanceHeader, PixelEncoding
from mediastation.model.sop_class import SopClass
from mediastation.model.transfer_syntax import DEFLATED_LE

_SAMPLES = 0x00280002
_PHOTOMETRIC = 0x00280004
_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_BITS_ALLOCATED = 0x00280100

# Samples that are stored of each three (PS3.3, C.7.6.3.1.2).
_SUBSAMPLED = {"YBR_FULL_422": 2, "YBR_PARTIAL_422": 2, "YBR_PARTIAL_420": 1.5}


def check_pixels(
    header: InstanceHeader, sop_class: SopClass, subject: str, size_bytes: int
) -> Iterator[Finding]:
    """Check that there are pixels, and that the file is not too small for them.

    The file is not opened, so native pixels are held against the size of all of
    it: only what cannot be there is said to be missing. A `size_bytes` of 0
    means that the size is not known.
    """
    rows, columns = number_of(header, _ROWS), number_of(header, _COLUMNS)
    if not rows or not columns:
        return
    if header.pixels is PixelEncoding.ABSENT and sop_class.record_type == "IMAGE":
        yield warning(
            "pixel-data",
            subject,
            "The image has rows and columns, and no pixels.",
            "Nothing can be shown of it; fetch it again from where it was made.",
            "PS3.3 C.7.6.3",
        )
    due = _native_bytes(header, rows, columns)
    if (
        header.pixels is PixelEncoding.NATIVE
        and header.transfer_syntax_uid != DEFLATED_LE
        and 0 < size_bytes < due
    ):
        yield error(
            "incomplete",
            subject,
            f"Its attributes ask for {due:,} bytes of pixels, and the whole file has "
            f"{size_bytes:,}.",
            "Fetch the object again from where it was made; some viewers would read past its end.",
            "PS3.5 8.1.1",
        )


def _native_bytes(header: InstanceHeader, rows: int, columns: int) -> int:
    """Return the least that the pixels take up in native form."""
    frames = text_of(header, _FRAMES)
    count = int(frames) if frames.isascii() and frames.isdigit() and len(frames) < 11 else 1
    bits = number_of(header, _BITS_ALLOCATED) * max(1, number_of(header, _SAMPLES))
    share = _SUBSAMPLED.get(text_of(header, _PHOTOMETRIC), 3) / 3
    return int(rows * columns * count * bits * share) // 8
