"""The File-set that is updated: identified, verified, and its files taken aside byte for byte."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.errors import MediaError, RefusedError
from mediastation.model.finding import Finding, note, warning
from mediastation.model.manifest import DIGEST_LIST_NAME, Manifest, read_digest_list
from mediastation.model.profile import ApplicationProfile
from mediastation.pages.index import INDEX_NAME
from mediastation.pages.readme import README_NAME
from mediastation.reading.contract import VolumeFile
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.record_rules import escapes
from mediastation.reading.record_tree import UNREACHED
from mediastation.reading.volume import Volume
from mediastation.station.exporting.references import find_uids, refers
from mediastation.station.job import Job, Step
from mediastation.station.station import Station
from mediastation.station.updating.plan import StayingRecords
from mediastation.verify.verifier import verify_volume
from mediastation.verify.whole_medium import AS_A_FILE, Placement

DIRECTORY_NAME = "DICOMDIR"
OWN_PAGES = frozenset({README_NAME, INDEX_NAME, DIGEST_LIST_NAME})
"""What this program writes beside a File-set, and makes anew with every update."""

_CHUNK_BYTES = 1 << 20
_MOST_TEXT_BYTES = 128 << 20
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file that stays: where it will lie, and where its bytes lie meanwhile.

    `record` is the index of the record that references it, -1 for a file that
    is none of the File-set's instances.
    """

    path: str
    source: Path
    size_bytes: int
    sha256: str
    record: int = -1


@dataclass(slots=True)
class UpdateSource:
    """What was read of the medium.

    Parameters
    ----------
    directory : Dicomdir
        The DICOMDIR, read from the copy in `folder`, which has to stay open.
    staying : StayingRecords
        Which of its records stay.
    directory_sha256 : str
        Of the DICOMDIR.
    files : list of KeptFile
        What stays on the medium, the DICOMDIR left out.
    pages : set of str
        Files of this program in the root that have to be made anew.
    page_text : str
        What those say that people read.
    inherited : bool
        Whether records were not written under all of this program's checks.
    undated_studies : frozenset of str
        Studies that this station dated with the day of writing, for want of
        another; of a medium of others nobody knows.
    """

    directory: Dicomdir
    staying: StayingRecords
    directory_sha256: str
    files: list[KeptFile] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)
    page_text: str = ""
    inherited: bool = True
    undated_studies: frozenset[str] = frozenset()

    @property
    def instances(self) -> list[KeptFile]:
        """The files that records reference."""
        return [file for file in self.files if file.record >= 0]


def read_directory(volume: Volume, copy: Path) -> None:
    """Take the DICOMDIR of `volume` aside to `copy`. Raises `RefusedError` if there is none."""
    found = volume.find([DIRECTORY_NAME])
    if found is None:
        raise RefusedError(
            f"{volume.name} has no DICOMDIR, so it holds no File-set that could be updated.",
            hint="Add the files themselves to the catalog, then export them.",
        )
    _copy(volume, found.file, copy)


def require_sound(
    job: Job,
    volume: Volume,
    manifest: Manifest | None,
    profile: ApplicationProfile,
    placement: Placement = AS_A_FILE,
) -> None:
    """Verify the medium as a whole; raise `RefusedError` for any error.

    What is taken over must not carry damage, or another maker's mistakes, into
    a medium of ours.
    """
    with job.step("read", 0, "bytes") as step:
        report = verify_volume(
            volume, manifest, profile=profile, progress=step.report, placement=placement
        )
        job.found(report.findings)
        step.summary = report.proved
    if not report.ok:
        raise RefusedError(
            f"Nothing was written: {volume.name} has faults, so it is not updated.",
            report.findings,
            "See the findings. Import what can be read, and export a new medium of it.",
        )
    odd = [finding for finding in volume.findings if finding.rule == "unsafe-name"]
    if odd:
        raise RefusedError(
            f"Nothing was written: names on {volume.name} cannot be kept as they are.",
            odd,
            "Rename these files; no File ID has such characters.",
        )


def take_aside(
    station: Station,
    job: Job,
    volume: Volume,
    manifest: Manifest | None,
    source: UpdateSource,
    folder: Path,
) -> None:
    """Copy every file that stays to `folder`, with its digest, and fill `source.files`.

    The medium is read once more and then no longer needed: it may be slow, and
    it may be taken out. A File ID is written as the record has it, whatever
    letter case the file system showed.

    Raises
    ------
    MediaError
        If the home's disk is full, or the medium cannot be read.
    """
    written = {file.path: file.sha256 for file in manifest.files} if manifest else {}
    records = _referenced(volume, source.directory)
    found = volume.find([DIRECTORY_NAME])
    own = found.file.path if found else DIRECTORY_NAME
    staying: list[tuple[VolumeFile, int, str]] = []
    for file in volume.iter_files():
        index = records.get(file.path, -1)
        if index >= 0:
            if source.staying.stays[index]:
                staying.append((file, index, source.directory.records[index].path))
        elif file.path != own and not _is_ours(volume, file, source):
            staying.append((file, -1, file.path))
    total = sum(file.size_bytes for file, _, _ in staying)
    free = shutil.disk_usage(station.catalog.home).free
    if free < total:
        raise MediaError(
            f"The disk of {station.catalog.home} is full: {free:,} bytes are free, and what stays "
            f"on the medium takes {total:,} while it is updated.",
            "Free some space, or use another home.",
        )
    with job.step("keep", total, "bytes") as step:
        for number, (file, index, path) in enumerate(staying):
            copy = folder / f"{number:06d}"
            size_bytes, digest = _copy(volume, file, copy, step)
            if written.get(file.path, digest) != digest:
                raise MediaError(
                    f"{volume.name}: {file.path} was read differently a second time.",
                    "Clean the medium or try another drive, then update it again.",
                )
            source.files.append(KeptFile(path, copy, size_bytes, digest, index))
            if path != file.path:
                job.found([_renamed(file.path, path)])
        step.summary = f"{len(staying):,} files stay"


def check_references(source: UpdateSource) -> Iterator[Finding]:
    """Yield a warning for each object that stays and speaks of instances that go.

    Only objects that are made of references are searched. Instances
    may speak of others that are not on the medium (PS3.3, F.2.1), so that is
    no error.
    """
    removed = source.staying.removed_uids
    if not removed:
        return
    for kept in source.instances:
        record = source.directory.records[kept.record]
        if not refers(record.sop_class_uid):
            continue
        if missing := sorted(find_uids(kept.source) & removed):
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            yield warning(
                "reference-removed",
                record.sop_instance_uid,
                f"The {record.type} {kept.path} stays and speaks of what was removed: "
                f"{', '.join(missing[:_MOST_NAMED])}{more}.",
                "Remove it too if it means nothing without them.",
                "PS3.3 F.2.1",
            )


def _referenced(volume: Volume, directory: Dicomdir) -> dict[str, int]:
    """Return the record that references each file, by the file's path on the medium."""
    records: dict[str, int] = {}
    for index, record in enumerate(directory.records):
        if not record.file_id or directory.tree.parents[index] == UNREACHED or escapes(record):
            continue
        found = volume.find(record.file_id)
        if found is not None:
            records.setdefault(found.file.path, index)
    return records


def _is_ours(volume: Volume, file: VolumeFile, source: UpdateSource) -> bool:
    """Tell whether a file tells of the File-set as a whole and was made by this program."""
    if file.path not in OWN_PAGES or file.size_bytes > _MOST_TEXT_BYTES:
        return False
    with volume.open(file.path) as stream:
        content = stream.read()
    if file.path == DIGEST_LIST_NAME:
        try:
            listed = read_digest_list(content.decode("ascii"))
        except ValueError:
            return False
        is_ours = any(one.path == DIRECTORY_NAME for one in listed.files)
    else:
        uid = source.directory.file_set_uid.encode("ascii", "replace")
        is_ours = b"Mediastation" in content and uid in content
        if is_ours:
            source.page_text += content.decode("utf-8", "replace")
    if is_ours:
        source.pages.add(file.path)
    return is_ours


def _copy(
    volume: Volume, file: VolumeFile, copy: Path, step: Step | None = None
) -> tuple[int, str]:
    digest, size_bytes = hashlib.sha256(), 0
    with volume.open(file.path) as stream, disk_trouble_told(copy.parent), copy.open("xb") as out:
        while data := _read(stream.read, file):
            digest.update(data)
            out.write(data)
            size_bytes += len(data)
            if step:
                step.report(min(step.done + len(data), step.total), step.total)
    if size_bytes != file.size_bytes:
        raise MediaError(f"{volume.name}: {file.path} changed while it was read.", "Try again.")
    return size_bytes, digest.hexdigest()


def _read(read: Callable[[int], bytes], file: VolumeFile) -> bytes:
    try:
        return read(_CHUNK_BYTES)
    except OSError as fault:
        raise MediaError(
            f"{file.path} cannot be read: {fault.strerror or fault}.",
            "Clean the medium, or try another drive.",
        ) from fault


def _renamed(path: str, file_id: str) -> Finding:
    return note(
        "name-restored",
        file_id,
        f"The medium shows this file as {path}; it is written under its File ID.",
        "",
        "PS3.10 8.2",
    )
