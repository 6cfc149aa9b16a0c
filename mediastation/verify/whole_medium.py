"""Read a medium as a whole: every byte of its image, or of the file that it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, note
from mediastation.model.manifest import Manifest
from mediastation.reading.contract import ContainerVolume, ImageVolume
from mediastation.reading.findings import FindingLog
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.udf import UdfVolume
from mediastation.verify.contents import ContentCheck
from mediastation.verify.passing import Progress, pass_image, region_of
from mediastation.verify.read_ahead import CHUNK, SECTOR


@dataclass(frozen=True, slots=True)
class Placement:
    """Where on a medium the image lies.

    Parameters
    ----------
    first_sector : int
        Where it begins; not 0 for a session that was appended.
    padded : bool
        Whether more may follow. Burners append up to 300 KiB of zeros, for
        drives fail to read the last sectors of a track; and a drive reports
        the whole of what it could hold.
    """

    first_sector: int = 0
    padded: bool = False


AS_A_FILE = Placement()
"""An image file: it begins where the file does, and nothing follows."""


def read_image(
    volume: ImageVolume,
    placement: Placement,
    manifest: Manifest | None,
    check: ContentCheck,
    log: FindingLog,
    progress: Progress | None,
) -> tuple[str, int]:
    """Read the image once; return its SHA-256 and how many bytes that covers."""
    begin = placement.first_sector * SECTOR
    stated = manifest.image_size_bytes if manifest else 0
    claimed = volume.volume_bytes if volume.is_device else volume.size_bytes
    there = max(0, volume.size_bytes - begin)
    padded = placement.padded or volume.is_device
    log.extend(_check_size(volume.name, there, stated, padded=padded))
    size_bytes = min(stated or max(0, claimed - begin), there)
    structure = manifest.structure if manifest else ()
    digest = pass_image(volume, size_bytes, structure, check, progress, placement.first_sector)
    for sector, region in _regions(volume, check.differing_sectors):
        log.add(error("structure-differs", region, *_differs(sector)))
    beyond = [item.sector for item in structure if (item.sector + 1) * SECTOR > size_bytes]
    if beyond:
        gone = placement.first_sector + min(beyond)
        log.add(error("truncated-image", volume.name, f"sector {gone} and what follows is gone"))
    log.extend(_check_digest(volume.name, manifest, digest))
    return digest, size_bytes


def read_container(volume: ContainerVolume, manifest: Manifest | None, log: FindingLog) -> str:
    """Read the file that a medium is once more as a whole; return its SHA-256.

    The files in it were read by their names. What no name leads to, such as
    their headers, is proved by this alone.
    """
    digest = hashlib.sha256()
    try:
        for start in range(0, volume.size_bytes, CHUNK):
            digest.update(volume.read_at(start, CHUNK))
    except OSError as fault:
        log.add(error("unreadable", volume.name, f"it cannot be read: {fault.strerror}"))
        return ""
    log.extend(check_file(volume.name, volume.size_bytes, digest.hexdigest(), manifest))
    return digest.hexdigest()


def check_file(
    name: str, size_bytes: int, sha256: str, manifest: Manifest | None
) -> Iterator[Finding]:
    """Hold size and digest of the file that a medium is against what was written."""
    if manifest:
        yield from _check_size(name, size_bytes, manifest.image_size_bytes, padded=False)
        yield from _check_digest(name, manifest, sha256)


def check_bare_sectors(
    path: Path, opener: AccessOpener, placement: Placement, manifest: Manifest
) -> Iterator[Finding]:
    """Compare the known sectors of a medium whose file system cannot be read at all.

    Raises
    ------
    MediaError
        If the medium cannot be opened.
    """
    access = opener(path)
    try:
        for expected in manifest.structure:
            sector = placement.first_sector + expected.sector
            try:
                data = access.read_at(sector * SECTOR, SECTOR)
            except OSError:
                data = b""
            if len(data) < SECTOR:
                yield error("unreadable", "structure", f"sector {sector} cannot be read")
            elif hashlib.sha256(data).hexdigest() != expected.sha256:
                yield error("structure-differs", "structure", *_differs(sector))
    finally:
        access.close()


def _differs(sector: int) -> tuple[str, str]:
    return (
        f"sector {sector} is not what was written",
        "make the medium again: its file system cannot be trusted",
    )


def _check_size(name: str, there: int, stated: int, *, padded: bool) -> Iterator[Finding]:
    """Hold the length against what was written."""
    if stated and there < stated:
        yield error(
            "truncated-image",
            name,
            f"has {there} bytes, {stated} were written",
            "copy or burn it again",
        )
    elif stated and there > stated and not padded:
        yield error(
            "image-size",
            name,
            f"has {there} bytes, {stated} were written",
            "something was added to it after it was made; make it again",
        )
    elif stated and there > stated:
        yield note(
            "padding",
            name,
            f"{-(-(there - stated) // SECTOR)} sectors can be read behind what was written",
        )


def _check_digest(name: str, manifest: Manifest | None, digest: str) -> Iterator[Finding]:
    if manifest and manifest.image_sha256 and digest and digest != manifest.image_sha256:
        yield error(
            "image-differs",
            name,
            f"its SHA-256 is {digest}, {manifest.image_sha256} was written",
            "the other findings say where; make the medium again",
        )


def _regions(volume: ImageVolume, sectors: Sequence[int]) -> list[tuple[int, str]]:
    """Return each sector with what lies there; of a bridge disc, by either file system."""
    named = dict(region_of(volume, sectors))
    unknown = [sector for sector, region in named.items() if region in {"unused", "system area"}]
    if unknown and isinstance(volume, IsoVolume) and volume.has_udf:
        with suppress(MediaError), UdfVolume(Path(volume.name), volume.opener) as beside:
            named |= {
                sector: region
                for sector, region in region_of(beside, unknown)
                if region != "after the volume"
            }
    return list(named.items())
