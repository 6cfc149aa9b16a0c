"""What the beginning of a compressed frame shows, for those who read no further."""

from __future__ import annotations

from typing import Final

from mediastation.dicom.codestream import Family

HEAD_BYTES: Final = 4096
"""As much of a frame as is looked at; a writer that puts more before its headers is not told."""

_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_LOSSY_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_LOSSLESS_FRAME, _SCAN = 0xC3, 0xDA
_JPEG_2000_START: Final = b"\xff\x4f\xff\x51"
_CODING_STYLE, _TILE_PART = 0x52, 0x90


def shows_loss(head: bytes, family: Family | None) -> bool:
    """Tell whether a frame begins as one that lost something does.

    Transfer Syntaxes are lossless by their UID, codestreams by their headers
    (PS3.5, A.4.1, A.4.3 and A.4.4); the two can disagree.

    Parameters
    ----------
    head : bytes
        The first bytes of the frame, up to `HEAD_BYTES` of them.
    family : Family or None
        The format that its Transfer Syntax names.

    Returns
    -------
    bool
        False also where the head does not tell: another format, a damaged one,
        or headers that come later.
    """
    if family in (Family.JPEG, Family.JPEG_LS):
        return _jpeg_shows_loss(head)
    return family is Family.JPEG_2000 and _jpeg_2000_shows_loss(head)


def _jpeg_shows_loss(head: bytes) -> bool:
    """Look for the frame header, and for NEAR in the scan header of JPEG-LS."""
    if head[:2] != b"\xff\xd8":
        return False
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker in _LOSSY_FRAMES:
            return True
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        end = position + 2 + int.from_bytes(head[position + 2 : position + 4], "big")
        if marker == _SCAN:
            # Reached for JPEG-LS alone.
            return position + 7 <= end <= len(head) and head[end - 3] != 0
        if end < position + 4 or marker == _LOSSLESS_FRAME:
            return False
        position = end
    return False


def _jpeg_2000_shows_loss(head: bytes) -> bool:
    """Look for the wavelet transform in the default coding style (ISO/IEC 15444-1, A.6.1)."""
    start = head.find(_JPEG_2000_START)
    position = start + 2
    while start >= 0 and position + 4 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        length = int.from_bytes(head[position + 2 : position + 4], "big")
        if marker == _CODING_STYLE:
            return position + 13 < len(head) and head[position + 13] == 0
        if marker == _TILE_PART or length < 2:
            return False
        position += 2 + length
    return False
