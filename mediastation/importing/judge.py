"""Two files held against each other in full: their pixels, decoded where that is needed.

A PACS that writes a disc often compresses what it holds, or decompresses it.
Such a copy is the same instance, and only a decoder can tell. Decoders run in a
process of their own, which starts when the first one is needed.
"""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from mediastation.dicom.attribute_differences import Differences, compare_attributes
from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.pixel_comparison import same_pixels
from mediastation.dicom.worker_messages import PrepareTask
from mediastation.dicom.workers import CodecWorkers, Done
from mediastation.model.instance import InstanceHeader, PixelEncoding
from mediastation.model.transfer_syntax import EXPLICIT_LE, TRANSFER_SYNTAXES

_TIMEOUT_S = 60.0
_NAMES = ("what was here first", "what came now")
_FOLLOW_THE_CODEC = frozenset({0x00280004, 0x00280006})
"""Photometric Interpretation and Planar Configuration (PS3.5 8.2)."""


class PixelVerdict(StrEnum):
    """What two files' pixels are to each other.

    ``untold`` are pixels that are compressed differently and cannot be compared:
    nothing here decodes them, or they have lost something when they were
    compressed, and decoders may round as they like.
    """

    SAME = "same"
    OTHER = "other"
    UNTOLD = "untold"


class Judge:
    """Compares files; decoded copies lie in `folder` for as long as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers = CodecWorkers(1, timeout_s=_TIMEOUT_S)

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._workers.__exit__(kind, fault, trace)

    def judge(self, one: Path, other: Path) -> tuple[PixelVerdict, Differences]:
        """Compare two files of one SOP Instance UID, `one` the earlier.

        Returns
        -------
        PixelVerdict, Differences
            Of two files without pixels these are the same.

        Raises
        ------
        OSError
            If a file cannot be read.
        MediaError
            If the decoders cannot be started, or their copies not be written.
        """
        mine, theirs = _header(one), _header(other)
        if mine is None or theirs is None:
            return PixelVerdict.OTHER, Differences(unread="one of them is no DICOM file")
        if same_pixels(one, other):
            verdict = PixelVerdict.SAME
        elif _is_comparable(mine, theirs):
            verdict = self._decoded(one, mine, other, theirs)
        else:
            verdict = PixelVerdict.OTHER
        recoded = mine.transfer_syntax_uid != theirs.transfer_syntax_uid
        ignored = _FOLLOW_THE_CODEC if recoded and verdict is PixelVerdict.SAME else frozenset()
        return verdict, compare_attributes(one, other, ignored, _NAMES)

    def _decoded(
        self, one: Path, mine: InstanceHeader, other: Path, theirs: InstanceHeader
    ) -> PixelVerdict:
        with ExitStack() as made:
            pair = [
                self._native(path, header, number, made)
                for number, (path, header) in enumerate(((one, mine), (other, theirs)))
            ]
            ours, others = pair
            if ours is None or others is None:
                return PixelVerdict.UNTOLD
            if same_pixels(ours, others):
                return PixelVerdict.SAME
        exact = all(_loses_nothing(header.transfer_syntax_uid) for header in (mine, theirs))
        return PixelVerdict.OTHER if exact else PixelVerdict.UNTOLD

    def _native(
        self, path: Path, header: InstanceHeader, number: int, made: ExitStack
    ) -> Path | None:
        """Return a file with native pixels; None if they cannot be decoded."""
        if header.pixels is PixelEncoding.NATIVE:
            return path
        output = self._folder / f"decoded-{number}"
        output.unlink(missing_ok=True)
        made.callback(output.unlink, missing_ok=True)
        task = PrepareTask(number, path, output, header, EXPLICIT_LE)
        (answer,) = self._workers.run([task])
        return output if isinstance(answer, Done) else None


def _header(path: Path) -> InstanceHeader | None:
    try:
        return read_header(path)
    except NotDicom:
        return None


def _is_comparable(mine: InstanceHeader, theirs: InstanceHeader) -> bool:
    """Tell whether decoding could show that pixels with other bytes are the same."""
    pair = (mine.pixels, theirs.pixels)
    whole = mine.complete and theirs.complete
    return whole and PixelEncoding.ENCAPSULATED in pair and PixelEncoding.ABSENT not in pair


def _loses_nothing(syntax: str) -> bool:
    known = TRANSFER_SYNTAXES.get(syntax)
    return known is not None and known.lossless
