"""Which fragments make up which frame of encapsulated pixels (PS3.5 Annex A.4)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass

from mediastation.dicom.codestream import Family
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.walk import Window

MAX_FRAGMENTS = 4_000_000
"""Fragments of one object; two integers each are held in memory."""

_BEGINNINGS: dict[Family, tuple[bytes, ...]] = {
    Family.JPEG: (b"\xff\xd8\xff",),
    Family.JPEG_LS: (b"\xff\xd8\xff",),
    Family.JPEG_2000: (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "),
    Family.JPEG_XL: (b"\xff\x0a", b"\0\0\0\x0cJXL "),
}
_ENDED_BY_MARKER = frozenset({Family.JPEG, Family.JPEG_LS, Family.JPEG_2000})
_UNCLEAR = "The frames cannot be told apart; ask the sender for the instance in another encoding."


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Where each frame's fragments lie.

    Parameters
    ----------
    window : Window
        The file.
    offsets, lengths : array of int
        First byte and size of each fragment's value.
    firsts : array of int
        For each frame the index of its first fragment, and at the end the
        number of fragments.
    """

    window: Window
    offsets: array[int]
    lengths: array[int]
    firsts: array[int]

    def __len__(self) -> int:
        return len(self.firsts) - 1

    def read(self, frame: int, limit: int) -> bytes:
        """Return the frame's bytes, its fragments joined; refused above `limit` bytes."""
        span = range(self.firsts[frame], self.firsts[frame + 1])
        size = sum(self.lengths[n] for n in span)
        if size > limit:
            raise RefusalError(
                "not-decodable",
                f"frame {frame + 1} has {size} compressed bytes, more than its pixels could need",
            )
        return b"".join(self.window.read(self.offsets[n], self.lengths[n]) for n in span)


def read_frame_index(
    window: Window,
    start: int,
    end: int,
    frames: int,
    family: Family,
    extended: tuple[int, int] | None,
) -> FrameIndex:
    """Find the frames between `start` and `end`.

    An offset table counts if every entry points at a fragment and there is
    one for each frame. Without such a table each fragment is a frame, or all
    of them are the only one, or a frame begins where a codestream does.

    Parameters
    ----------
    window : Window
        The file.
    start, end : int
        The value field, from its Basic Offset Table on, delimiter included;
        already walked, so every fragment lies within.
    frames : int
        How many the data set announces.
    family : Family
        The codestreams' format.
    extended : tuple of int, optional
        Offset and size of the Extended Offset Table's value (7FE0,0001).

    Raises
    ------
    RefusalError
        ``"frames-missing"`` with fewer fragments than frames,
        ``"frames-unclear"`` if the rules above give no answer or two.
    """
    offsets, lengths = array("Q"), array("Q")
    table_span = (start + 8, int.from_bytes(window.peek(start + 4, 4), "little"))
    position = sum(table_span)
    while position < end - 8:
        length = int.from_bytes(window.peek(position + 4, 4), "little")
        offsets.append(position + 8)
        lengths.append(length)
        position += 8 + length
        if len(offsets) > MAX_FRAGMENTS:
            raise RefusalError("not-decodable", f"more than {MAX_FRAGMENTS} fragments")
    if len(offsets) < frames:
        raise RefusalError(
            "frames-missing",
            f"{len(offsets)} fragments hold the pixels of {frames} frames",
            "The object is incomplete; ask the sender to send it again.",
        )
    firsts = _from_table(window, extended, "Q", frames, offsets)
    firsts = firsts or _from_table(window, table_span, "I", frames, offsets)
    if firsts is None and len(offsets) == frames:
        firsts = array("Q", range(frames))
    if firsts is None:
        firsts = _from_beginnings(window, offsets, lengths, family)
        if frames == 1 and family not in _BEGINNINGS:
            firsts = array("Q", [0])
    if len(firsts) != frames:
        raise RefusalError(
            "frames-unclear",
            f"the fragments look like {len(firsts)} frames where {frames} are announced",
            _UNCLEAR,
        )
    if family is Family.RLE and len(offsets) != frames:
        raise RefusalError("frames-unclear", "an RLE frame in several fragments", _UNCLEAR)
    firsts.append(len(offsets))
    return FrameIndex(window, offsets, lengths, firsts)


def _from_table(
    window: Window, span: tuple[int, int] | None, code: str, frames: int, offsets: array[int]
) -> array[int] | None:
    """Return the frames' first fragments by an offset table, `None` if it proves nothing."""
    table = array(code)
    if span is None or span[1] != frames * table.itemsize:
        return None
    table.frombytes(window.read(*span))
    firsts = array("Q")
    for entry in table:
        value = offsets[0] + entry
        at = bisect_left(offsets, value)
        if at == len(offsets) or offsets[at] != value or (firsts and at <= firsts[-1]):
            return None
        firsts.append(at)
    return firsts if firsts and firsts[0] == 0 else None


def _from_beginnings(
    window: Window, offsets: array[int], lengths: array[int], family: Family
) -> array[int]:
    beginnings = _BEGINNINGS.get(family, (b"",))
    firsts = array("Q", [0])
    for at in range(1, len(offsets)):
        if not window.peek(offsets[at], 12).startswith(beginnings):
            continue
        if family in _ENDED_BY_MARKER:
            size = min(lengths[at - 1], 64)
            tail = window.read(offsets[at - 1] + lengths[at - 1] - size, size)
            if b"\xff\xd9" not in tail:
                continue
        firsts.append(at)
    return firsts
