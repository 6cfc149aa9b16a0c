"""The files of a medium that is made again: each found unchanged, or why it is not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.media.level1 import MediumFile
from mediastation.model.entry import Kind
from mediastation.model.finding import Finding, error
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.station.exporting.reprint_original import Original
from mediastation.station.station import Station

_DICOMDIR = "DICOMDIR"


def gather_files(station: Station, original: Original) -> tuple[list[MediumFile], list[Finding]]:
    """Find every file of the manifest, unchanged; say of each that is not why it is not."""
    files: list[MediumFile] = []
    missing: list[Finding] = []
    for wanted in original.manifest.files:
        if is_instance(wanted):
            found = _stored(station, wanted)
            wrong = None if found else _gone(station, original, wanted)
        else:
            found, wrong = _own(original, wanted)
        if wrong is not None:
            missing.append(wrong)
        elif found is not None:
            files.append(MediumFile(wanted.path, found, wanted.size_bytes))
    return files, missing


def is_instance(wanted: ManifestFile) -> bool:
    """Tell whether it is an instance; the DICOMDIR has a UID too."""
    return bool(wanted.sop_instance_uid) and wanted.path != _DICOMDIR


def _stored(station: Station, wanted: ManifestFile) -> Path | None:
    store = station.catalog.store
    for kind in Kind:
        if store.holds(wanted.sha256, kind, wanted.size_bytes):
            return store.path(wanted.sha256, kind)
    return None


def _gone(station: Station, original: Original, wanted: ManifestFile) -> Finding:
    stored = _path_of(station, wanted)
    if stored is not None:
        return _damaged(wanted, stored)
    why, hint = "it was forgotten since, or its prepared copy was", (
        "Send the instance again if its sender still has it, or copy a medium that is there."
    )  # fmt: skip
    if original.manifest.made_from:
        why = "it was forgotten since, or taken over from the medium that was updated"
        hint = "Add the medium that was updated to the catalog, then repeat the reprint."
    return error(
        "reprint-forgotten",
        wanted.sop_instance_uid,
        f"{wanted.path} is not in the store any more: {why}. It was "
        f"{station.catalog.store.path(wanted.sha256)}.",
        hint,
    )


def check_stored_files(
    station: Station, manifest: Manifest, findings: Sequence[Finding]
) -> list[Finding]:
    """Return which stored files are not what they were, where a reread found that out.

    A reread blames the medium; this one is gone, and was written as the store has it.
    """
    wrong = {finding.subject for finding in findings if finding.rule == "differs"}
    return [
        _damaged(wanted, stored)
        for wanted in manifest.files
        if wanted.path in wrong
        and wanted.sop_instance_uid
        and (stored := _path_of(station, wanted)) is not None
        and not _is_whole(stored, wanted)
    ]


def _is_whole(stored: Path, wanted: ManifestFile) -> bool:
    with disk_trouble_told(stored.parent), stored.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256


def _path_of(station: Station, wanted: ManifestFile) -> Path | None:
    paths = (station.catalog.store.path(wanted.sha256, kind) for kind in Kind)
    return next((path for path in paths if path.exists()), None)


def _damaged(wanted: ManifestFile, stored: Path) -> Finding:
    return error(
        "reprint-changed",
        wanted.sop_instance_uid,
        f"The stored file of {wanted.path} is damaged, and is not what went onto the medium: "
        f"{stored}.",
        "Check the disk of the store. Move that file aside, have the instance sent again, or put "
        "the file back from a backup; then repeat the reprint.",
    )


def _own(original: Original, wanted: ManifestFile) -> tuple[Path | None, Finding | None]:
    """Find a file that is no instance: the job's own, or one that the site had put there."""
    places = [original.folder / wanted.path] if "/" not in wanted.path else []
    top, _, inner = wanted.path.partition("/")
    for folder in map(Path, original.job.request.get("include") or ()):
        with suppress(OSError, RuntimeError):
            if inner and folder.resolve().name == top:
                places.append(folder / inner)
    for place in places:
        try:
            with place.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
        if digest == wanted.sha256:
            return place, None
        return None, error(
            "reprint-changed",
            wanted.path,
            f"{place} has been changed since: it is not what was on the medium.",
            "Put back what it was, or copy a medium that is there.",
        )
    return None, error(
        "reprint-missing",
        wanted.path,
        "It was on the medium and cannot be found here any more"
        + (f": looked at {', '.join(map(str, places))}." if places else "."),
        "Put back what it was, or copy a medium that is there.",
    )
