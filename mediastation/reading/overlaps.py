"""Tell which files claim bytes that are another's."""

from __future__ import annotations

from collections.abc import Iterable

from mediastation.model.finding import error, warning
from mediastation.reading.contract import HOLE, Extent, VolumeFile
from mediastation.reading.findings import FindingLog


def check_overlaps(
    files: Iterable[VolumeFile], structures: Iterable[tuple[int, int, str]], log: FindingLog
) -> None:
    """Report bytes that two files claim; files that are wholly one are links, and allowed.

    Parameters
    ----------
    files : iterable of VolumeFile
        The files with their extents.
    structures : iterable of (int, int, str)
        Offset, length and name of what no file may claim.
    log : FindingLog
        Takes what is found.
    """
    claims = sorted(
        ((extent, file.path) for file in files for extent in file.extents if extent.offset != HOLE),
        key=lambda claim: (claim[0].offset, claim[0].length),
    )
    end, owner, last = 0, "", Extent(HOLE, 0)
    for extent, path in claims:
        if extent.offset < end and extent != last:
            log.add(warning("overlap", path, f"shares bytes with {owner}", "the disc is damaged"))
        if extent.offset + extent.length > end:
            end, owner = extent.offset + extent.length, path
        last = extent
    places = sorted(structures, key=lambda place: place[0])
    at = 0
    for extent, path in claims:
        while at < len(places) and places[at][0] + places[at][1] <= extent.offset:
            at += 1
        if at < len(places) and places[at][0] < extent.offset + extent.length:
            log.add(error("overlap", path, f"shares bytes with {places[at][2]}"))
