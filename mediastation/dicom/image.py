"""The shape of an image's native pixels, and the sizes that nobody decodes."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.dicom.refusal import RefusalError

MAX_FRAME_BYTES = 1 << 30
"""Decoded bytes of one frame; a frame is the most that is held in memory."""

MAX_PIXEL_BYTES = 0xFFFFFFFE
"""Decoded bytes of all frames: the longest value a 32-bit length can tell (PS3.5 7.1)."""


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
