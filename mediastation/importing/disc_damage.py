"""What unreadable parts of a disc mean: which files lost bytes, and which parts are nobody's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.reading.contract import HOLE, Extent, ImageVolume, Volume, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.volume import FileSystem, open_volume

SECTOR = 2048

_NOBODYS = ("unused", "after the volume", "padding after", "system area")
_CLEAN = "Clean the disc and import it again, or in another drive; else ask for a new one."


def check_disc(path: Path, bad: Sequence[Extent], retried: int) -> tuple[Finding, ...]:
    """Say how well a disc could be read that was copied to `path`.

    Drives report more sectors than were written: the run-out of a disc that
    was written track at once cannot be read, and nothing lies there. What is
    unreadable behind all that a file system claims is a note for that reason.

    Parameters
    ----------
    path : Path
        The copy.
    bad : sequence of Extent
        What could not be read, in order.
    retried : int
        Sectors that were read only when they were asked for again.
    """
    findings = []
    if retried:
        findings.append(
            note(
                "sectors-retried", path.name,
                f"{_sectors(retried)} of the disc were read only when they were asked for again",
            )
        )  # fmt: skip
    if not bad:
        return tuple(findings)
    end = claimed_bytes(path)
    lost = sum(_within(extent, 0, end) for extent in bad)
    behind = sum(extent.length for extent in bad) - lost
    if lost:
        findings.append(
            warning(
                "bad-sectors", path.name,
                f"{_sectors(-(-lost // SECTOR))} of the disc cannot be read; they are zeros in the "
                "copy",
                _CLEAN,
            )
        )  # fmt: skip
    if behind:
        findings.append(
            note(
                "run-out", path.name,
                f"{_sectors(-(-behind // SECTOR))} behind the end of the file system cannot be "
                "read; nothing was written there",
            )
        )  # fmt: skip
    return tuple(findings)


def lost_bytes(volume: Volume, bad: Sequence[Extent]) -> dict[str, int]:
    """Return how many bytes each file lost; a file that is not named is whole.

    Parameters
    ----------
    volume : Volume
        The copy, opened. Media that are no images have no extents, and lose
        nothing this way.
    bad : sequence of Extent
        What could not be read, in order and without overlaps.
    """
    if not bad:
        return {}
    starts = [extent.offset for extent in bad]
    lost = {}
    for file in volume.iter_files():
        count = sum(
            _overlap(starts, bad, offset, offset + length) for offset, length in _placed(file)
        )
        if count:
            lost[file.path] = count
    return lost


def damaged_files(volume: Volume, bad: Sequence[Extent]) -> list[Finding]:
    """Name the files that lost bytes, and the structures of the file system that did.

    A file that none of the findings names is whole, as far as the disc's
    directories tell its place; when a directory was lost, files may be unknown.
    """
    log = FindingLog()
    for path, count in lost_bytes(volume, bad).items():
        log.add(
            error(
                "unreadable", path,
                f"{count:,} of its bytes lie in sectors that cannot be read",
                _CLEAN,
            )
        )  # fmt: skip
    if bad and isinstance(volume, ImageVolume):
        starts = [extent.offset for extent in bad]
        for span in volume.iter_spans():
            if span.file is not None or span.region.startswith(_NOBODYS):
                continue
            if _overlap(starts, bad, span.offset, span.offset + span.length):
                log.add(
                    error(
                        "unreadable", span.region,
                        "a structure of the file system cannot be read: files may be unknown",
                        _CLEAN,
                    )
                )  # fmt: skip
    return list(log)


def _placed(file: VolumeFile) -> Iterator[tuple[int, int]]:
    """Yield offset and length of what of the image is the file's content."""
    left = file.size_bytes
    for extent in file.extents:
        length = min(left, extent.length)
        left -= length
        if extent.offset != HOLE and length > 0:
            yield extent.offset, length


def _overlap(starts: Sequence[int], bad: Sequence[Extent], start: int, end: int) -> int:
    """Return how many bytes of `bad` lie between `start` and `end`."""
    count = 0
    index = max(0, bisect_right(starts, start) - 1)
    while index < len(bad) and bad[index].offset < end:
        count += _within(bad[index], start, end)
        index += 1
    return count


def _within(extent: Extent, start: int, end: int) -> int:
    return max(0, min(extent.offset + extent.length, end) - max(extent.offset, start))


def claimed_bytes(path: Path) -> int:
    """Return where the file systems of an image and their files end; all of it if there is none.

    By their own word, which may be wrong: good for saying what is damage, and
    what is worth another try, and for nothing else.
    """
    size_bytes = path.stat().st_size
    ends = []
    with suppress(MediaError), open_volume(path) as volume:
        ends.append(_end_of(volume))
        if isinstance(volume, IsoVolume) and volume.has_udf:
            with open_volume(path, only=FileSystem.UDF) as beside:
                ends.append(_end_of(beside))
    return min(max(ends, default=0) or size_bytes, size_bytes)


def _end_of(volume: Volume) -> int:
    if not isinstance(volume, ImageVolume):
        return 0
    files = (offset + length for file in volume.iter_files() for offset, length in _placed(file))
    return max(volume.volume_bytes, *files, 0)


def _sectors(count: int) -> str:
    return f"{count:,} sector" if count == 1 else f"{count:,} sectors"
