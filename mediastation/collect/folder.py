"""Files, folders and images into the catalog: recognised by content, copied, then indexed.

What is copied is looked at; what lies outside is only read. An outside file may
change or vanish at any time, and its own name says nothing.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.intake import Intake
from mediastation.catalog.staging import Staged
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import ConfigError, MediaError
from mediastation.model.entry import Kept, Outcome, Source
from mediastation.model.finding import Finding, Severity, error, note, warning
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.model.text import storable
from mediastation.reading.fat_boot import looks_fat
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import is_zip_start, looks_mime, open_volume

_BATCH_FILES = 256
_BATCH_BYTES = 256 << 20
_COPY_CHUNK = 1 << 20
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}


@dataclass(slots=True)
class AddReport:
    """What became of a source.

    `entries` are the catalog's entries that the source's instances are now,
    duplicates included; `refused` counts what should have been instances, and
    damage of the source that may hide some; `ignored` counts files that never
    claimed to be DICOM.
    """

    added: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    ignored: int = 0
    entries: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One outside file.

    `claims_dicom` tells whether somebody said that it is DICOM; `path` is None
    where it lies inside an image.
    """

    name: str
    size_bytes: int
    open: Callable[[], BinaryIO]
    source: Source
    claims_dicom: bool
    path: Path | None = None


def iter_candidates(path: Path) -> Iterator[Candidate | Finding]:
    """Yield the files of a folder, image or ZIP file, or the one file that `path` is.

    Links and special files are not followed; a finding says so. A file in an
    image can be opened until the next one is asked for.
    """
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        raise ConfigError(f"{path}: {fault.strerror}.", "Check the path.") from fault
    if stat.S_ISDIR(mode):
        yield from _iter_folder(path)
    elif stat.S_ISREG(mode) and not _looks_like_image(path):
        yield _candidate(path, "file", claims_dicom=True)
    elif stat.S_ISREG(mode) or stat.S_ISBLK(mode):
        with open_volume(path) as volume:
            yield from volume.findings
            for file in volume.iter_files():
                name = storable(f"{path}:{file.path}")
                yield Candidate(
                    name,
                    file.size_bytes,
                    lambda inner=file.path: volume.open(inner),  # type: ignore[misc]
                    Source("image", name),
                    claims_dicom=False,
                )
    else:
        raise ConfigError(
            f"{path} is neither a file, a folder nor an image.", "Name what holds the instances."
        )


def count_source(path: Path) -> tuple[int, int]:
    """Return how many files `path` holds, and their bytes, for progress."""
    files = total = 0
    for item in iter_candidates(path):
        if isinstance(item, Candidate):
            files += 1
            total += item.size_bytes
    return files, total


def add_source(
    intake: Intake,
    path: Path,
    report: AddReport,
    *,
    disk_reserve_bytes: int = 0,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Take every DICOM file of `path` into the catalog, telling `report` what became of each.

    Files are made durable in batches. When the disk runs short, the batch that
    is complete is still kept before `MediaError` is raised.

    Parameters
    ----------
    disk_reserve_bytes : int
        Free space of the home that has to be left.
    progress : callable, optional
        Called with the bytes of each file that is done with.
    """
    batch: list[Staged] = []
    waiting = 0
    try:
        for item in iter_candidates(path):
            if isinstance(item, Finding):
                report.findings.append(item)
                # Damage of the source itself hides instances, nobody knows how many.
                report.refused += item.severity is Severity.ERROR
                continue
            staged = _take(intake, item, report, disk_reserve_bytes)
            if staged is not None:
                batch.append(staged)
                waiting += staged.size_bytes
            if len(batch) >= _BATCH_FILES or waiting >= _BATCH_BYTES:
                _commit(intake, batch, report)
                waiting = 0
            if progress is not None:
                progress(item.size_bytes)
    finally:
        _commit_what_fits(intake, batch, report)


def _take(intake: Intake, item: Candidate, report: AddReport, reserve: int) -> Staged | None:
    copy = intake.new_path()
    try:
        # A look before the copy: what is no DICOM may be as large as it likes.
        if item.path is not None and item.size_bytes > _COPY_CHUNK:
            read_header(item.path, frozenset())
        _copy(item, copy, intake, reserve)
    except NotDicom as fault:
        _tell_not_dicom(item, str(fault), report)
        return None
    except MediaError:
        # The room that it took is needed for what is whole.
        copy.unlink(missing_ok=True)
        raise
    except (_UnreadableError, OSError) as fault:
        report.refused += 1
        report.findings.append(
            error(
                "unreadable",
                item.name,
                f"The file cannot be read: {_reason(fault)}.",
                "Clean the disc, or see to the permissions; the other files were taken.",
            )
        )
        copy.unlink(missing_ok=True)
        return None
    try:
        staged = intake.stage(copy, item.source)
    except NotDicom as fault:
        copy.unlink()
        reason = str(fault).replace(copy.name, PurePath(item.name).name)
        _tell_not_dicom(item, reason, report)
        return None
    if staged.header.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        copy.unlink()
        report.ignored += 1
        report.findings.append(
            note(
                "dicomdir",
                item.name,
                "A DICOMDIR is no instance; the files beside it are read.",
                "A medium that somebody brought is imported (`mediastation import`): what is added "
                "counts as this site's own, and may be sent on.",
            )
        )
        return None
    return staged


def _tell_not_dicom(item: Candidate, reason: str, report: AddReport) -> None:
    if item.claims_dicom:
        report.refused += 1
        report.findings.append(
            error(
                "not-dicom",
                item.name,
                f"This is not DICOM: {reason}.",
                "Ask the sender for the DICOM file.",
                "PS3.10 7.1",
            )
        )
    else:
        report.ignored += 1
        report.findings.append(note("not-dicom", item.name, f"Left alone: {reason}."))


def _commit_what_fits(intake: Intake, batch: list[Staged], report: AddReport) -> None:
    """Commit the last batch; where the disk has no room for all of it, for as much as it has."""
    while batch:
        try:
            _commit(intake, list(batch), report)
        except MediaError:
            if len(batch) == 1:
                raise
            half = len(batch) // 2
            for staged in batch[half:]:
                staged.path.unlink(missing_ok=True)
            del batch[half:]
        else:
            batch.clear()


def _commit(intake: Intake, batch: list[Staged], report: AddReport) -> None:
    taken, batch[:] = list(batch), []
    if not taken:
        return
    for kept in intake.commit(taken):
        _count(kept, report)


def _count(kept: Kept, report: AddReport) -> None:
    report.entries.append(kept.entry_id)
    report.findings.extend(kept.findings)
    if kept.outcome is Outcome.DUPLICATE:
        report.duplicates += 1
        return
    report.added += 1
    if kept.outcome is Outcome.CONFLICT:
        report.conflicts += 1


class _UnreadableError(Exception):
    """The outside file failed, not our disk."""


def _copy(item: Candidate, copy: Path, intake: Intake, reserve: int) -> None:
    free = shutil.disk_usage(intake.folder).free
    if free - item.size_bytes < reserve:
        raise MediaError(
            f"{intake.catalog.home} has {free:,} bytes left; {item.name} would go below the "
            f"reserve of {reserve:,}.",
            "Forget studies that are done or lower disk_reserve_bytes, then repeat the command: "
            "what was already taken is not taken twice.",
        )
    with disk_trouble_told(intake.folder), copy.open("xb") as output:
        copy.chmod(0o600)
        try:
            source = item.open()
        except (OSError, MediaError) as fault:
            raise _UnreadableError(_reason(fault)) from fault
        with source:
            while True:
                try:
                    chunk = source.read(_COPY_CHUNK)
                except (OSError, MediaError) as fault:
                    raise _UnreadableError(_reason(fault)) from fault
                if not chunk:
                    return
                output.write(chunk)


def _reason(fault: Exception) -> str:
    """The finding names the file already; so does the text of an `OSError`."""
    return str(getattr(fault, "strerror", None) or fault)


def _iter_folder(folder: Path) -> Iterator[Candidate | Finding]:
    closed: list[OSError] = []
    for top, folders, files in os.walk(folder, onerror=closed.append):
        folders.sort()
        for name in folders:
            if (path := Path(top, name)).is_symlink():
                yield _linked(path)
        for name in sorted(files):
            path = Path(top, name)
            try:
                mode = path.lstat().st_mode
            except OSError as fault:
                yield _unreadable(path, "file", fault)
                continue
            if stat.S_ISREG(mode):
                claims = path.suffix.lower() in _DICOM_SUFFIXES
                yield _candidate(path, "folder", claims_dicom=claims)
            elif stat.S_ISLNK(mode):
                yield _linked(path)
            else:
                yield note("not-a-file", storable(str(path)), "Left alone: a special file.")
    for trouble in closed:
        if Path(trouble.filename) == folder:
            raise MediaError(
                f"{folder}: {trouble.strerror}.", "Check the medium and the permissions."
            ) from trouble
        yield _unreadable(Path(trouble.filename), "folder", trouble)


def _linked(path: Path) -> Finding:
    return warning(
        "not-a-file",
        storable(str(path)),
        "Left alone: a link; it may lead anywhere.",
        "If what it leads to is wanted, name that.",
    )


def _unreadable(path: Path, kind: str, fault: OSError) -> Finding:
    said = f"The {kind} cannot be read: {fault.strerror}."
    return error("unreadable", storable(str(path)), said, "See why, and repeat the command.")


def _candidate(path: Path, kind: str, *, claims_dicom: bool) -> Candidate:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    name = storable(str(path))
    return Candidate(name, size, lambda: path.open("rb"), Source(kind, name), claims_dicom, path)


def _looks_like_image(path: Path) -> bool:
    try:
        try:
            read_header(path, frozenset())
        except NotDicom:
            with path.open("rb") as file:
                if is_zip_start(file.read(4)):
                    return True
                file.seek(32_769)
                if file.read(5) in {b"CD001", b"BEA01"}:  # ISO 9660, UDF
                    return True
            access = RandomAccess(path)
            try:
                return looks_mime(access) or looks_fat(access)
            finally:
                access.close()
    except (OSError, MediaError):
        pass  # told when it is taken in
    return False
