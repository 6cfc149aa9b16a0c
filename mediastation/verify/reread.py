"""Reread what was just burned, or what a drive holds now, against what it should be."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error
from mediastation.model.manifest import Manifest
from mediastation.model.profile import ApplicationProfile
from mediastation.reading.contract import Volume
from mediastation.reading.findings import FindingLog
from mediastation.reading.folder import FolderVolume
from mediastation.reading.fresh import Cache, drop_cache, open_fresh
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.volume import open_volume
from mediastation.verify.passing import Progress
from mediastation.verify.recipients import Recipients
from mediastation.verify.report import JOB, VerifyReport
from mediastation.verify.right_disc import (
    Lookup,
    Show,
    blank_or_none,
    check_right_disc,
    has_sectors_of,
    plain_patient,
    read_identity,
)
from mediastation.verify.verifier import verify_volume
from mediastation.verify.whole_medium import Placement, check_bare_sectors

BURNED = Placement(padded=True)
"""A disc that holds one image from its first sector on."""


def reread(
    medium: Path,
    expected: Manifest,
    lookup: Lookup,
    *,
    show: Show = plain_patient,
    profile: ApplicationProfile | None = None,
    progress: Progress | None = None,
    recipients: Recipients | None = None,
    placement: Placement = BURNED,
    manifest_name: str = JOB,
    opener: AccessOpener | None = None,
) -> VerifyReport:
    """Read a medium back, from the medium itself, and hold it against what was to be on it.

    Who the disc is comes first: a blank one, another disc of the same export,
    an older state of the File-set or a disc of somebody else is named as such
    with the one finding ``wrong-disc``, and nothing else is said of it. Then
    the whole image is read once, and every file with it; then, if asked for,
    it is looked at as its recipients will.

    Parameters
    ----------
    medium : Path
        A block device, an image file that stands for one, or a folder where
        a device is mounted.
    expected : Manifest
        What was to be on it.
    lookup : callable
        Finds what else was made here, by File-set UID.
    show : callable
        How a patient is called.
    profile : ApplicationProfile, optional
        What the medium claims.
    progress : callable, optional
        Called with the bytes done and the bytes in all; may raise to stop.
    recipients : Recipients, optional
        Whose eyes it is looked at with.
    placement : Placement
        Where on the medium the image lies.
    manifest_name : str
        What the report calls `expected`.
    opener : callable, optional
        Reaches the bytes of the medium in its own way; whether they come from
        a cache is not known then.

    Returns
    -------
    VerifyReport
        Also of a medium that cannot be read at all: then a finding says so.
    """
    cache = Cache.UNKNOWN
    try:
        if opener is None and not medium.is_dir():
            opener, cache = open_fresh(medium)
        with open_volume(medium, opener=opener) if opener else open_volume(medium) as volume:
            if isinstance(volume, FolderVolume):
                cache = forget_files(medium, volume)
            wrong = check_right_disc(
                read_identity(volume),
                expected,
                volume.name,
                lookup,
                show,
                partial(has_sectors_of, volume, expected, placement.first_sector),
            )
            if wrong is not None:
                return not_read(medium, wrong, manifest_name, str(cache))
            report = verify_volume(
                volume,
                expected,
                profile=profile,
                progress=progress,
                manifest_name=manifest_name,
                recipients=recipients,
                placement=placement,
            )
    except MediaError as fault:
        told = error("unreadable-medium", str(medium), fault.message, fault.hint)
        if opener is None:
            return not_read(medium, told, manifest_name, str(cache))
        if (blank := blank_or_none(medium, opener, str(medium))) is not None:
            return not_read(medium, blank, manifest_name, str(cache))
        log = FindingLog()
        with suppress(MediaError):
            log.extend(check_bare_sectors(medium, opener, placement, expected))
        return not_read(medium, told, manifest_name, str(cache), log)
    return replace(report, from_cache=str(cache))


def forget_files(root: Path, volume: Volume) -> Cache:
    """Empty the cache of every file below a folder; say whether that worked for all of them."""
    achieved = Cache.DEFEATED
    for file in volume.iter_files():
        try:
            dropped = drop_cache(root / file.path)
        except MediaError:
            dropped = Cache.UNKNOWN
        if dropped is not Cache.DEFEATED:
            achieved = Cache.UNKNOWN
    return achieved


def not_read(
    medium: Path, finding: Finding, manifest_name: str, cache: str, more: Iterable[Finding] = ()
) -> VerifyReport:
    """Return the report on a medium that was not read further than to see that it is not it."""
    return VerifyReport(
        path=str(medium),
        ok=False,
        manifest=manifest_name,
        files=0,
        bytes=0,
        instances=0,
        proved=f"Not proved: {finding.message}.",
        findings=[finding, *more],
        from_cache=cache,
    )
