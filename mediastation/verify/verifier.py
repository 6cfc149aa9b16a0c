"""Reread a medium and say what is wrong with it and what is proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Finding, Severity, error, note, warning
from mediastation.model.manifest import DIGEST_LIST_NAME, Manifest, read_digest_list
from mediastation.model.medium import Format
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.reading.contract import ContainerVolume, Found, ImageVolume, Volume
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.findings import FindingLog, until_given_up
from mediastation.reading.folder import FolderVolume
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.record_rules import check_records
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.opened_volume import ScratchError
from mediastation.verify.compatibility import CompatibilityRow, Goal, check_compatibility
from mediastation.verify.contents import ContentCheck
from mediastation.verify.envelopes import (
    ContentProof,
    EnvelopeCheck,
    Opening,
    prove_content,
)
from mediastation.verify.file_system_rules import Expected, check_file_system
from mediastation.verify.links import Links
from mediastation.verify.mail_rules import proof_of_mail
from mediastation.verify.passing import Progress, pass_files
from mediastation.verify.profile_records import check_profile_records
from mediastation.verify.recipients import Recipients, check_sessions, iter_rows
from mediastation.verify.report import JOB, MEDIUM, STRUCTURE_ONLY, VerifyReport, describe_proof
from mediastation.verify.whole_medium import AS_A_FILE, Placement, read_container, read_image

MAX_DIGEST_LIST_BYTES = 128 << 20
DICOMDIR = "DICOMDIR"
_IMAGE_SUFFIXES = tuple({form.suffix for form in Format if form.is_file} - {""})


def verify_medium(
    path: Path,
    manifest: Manifest | None = None,
    *,
    profile: ApplicationProfile | None = None,
    progress: Progress | None = None,
    manifest_name: str = JOB,
    recipients: Recipients | None = None,
    placement: Placement = AS_A_FILE,
    opener: AccessOpener = RandomAccess,
) -> VerifyReport:
    """Open the medium at `path`, its bytes reached by `opener`; see `verify_volume`.

    Raises
    ------
    MediaError
        If there is no medium there that can be read at all.
    """
    with open_volume(path, opener=opener) as volume:
        return verify_volume(
            volume,
            manifest,
            profile=profile,
            progress=progress,
            manifest_name=manifest_name,
            recipients=recipients,
            placement=placement,
        )


def verify_volume(
    volume: Volume,
    manifest: Manifest | None = None,
    *,
    profile: ApplicationProfile | None = None,
    progress: Progress | None = None,
    manifest_name: str = JOB,
    recipients: Recipients | None = None,
    placement: Placement = AS_A_FILE,
    opening: Opening | None = None,
) -> VerifyReport:
    """Reread `volume` and hold it against itself, the standard and the manifest.

    The file system's structures and the DICOMDIR are read first; then every
    byte passes by once, in physical order where the medium is an image.

    Parameters
    ----------
    volume : Volume
        The medium, open.
    manifest : Manifest, optional
        What was meant to be written. Without one, the digest list on the
        medium is taken; it vouches for files only, and for nobody.
    profile : ApplicationProfile, optional
        What the directory is held against besides: as a creator's where the
        manifest says that we made it, else as a reader meets it.
    progress : callable, optional
        Called with the bytes done and the bytes in all; may raise to stop.
    manifest_name : str
        What the report calls a manifest that was given.
    recipients : Recipients, optional
        Whose eyes the medium is looked at with besides; nobody's without it.
    placement : Placement
        Where on the medium the image lies, and whether more may follow it.
    opening : Opening, optional
        What opens its envelopes: then what is in them is looked at besides.

    Returns
    -------
    VerifyReport
        `ok` is false if any finding is an error.
    """
    log = FindingLog()
    expected = Expected(manifest, profile)
    complete = manifest is not None and bool(manifest.profile)
    ours = manifest is not None and complete and not manifest.inherited
    log.extend(volume.findings)
    trusted = manifest is not None
    list_path = ""
    if manifest is None:
        manifest, list_path = _digest_list(volume, log)
        manifest_name = MEDIUM if list_path else STRUCTURE_ONLY
    elif not complete and (listed := volume.find([DIGEST_LIST_NAME])):
        list_path = listed.file.path

    found = volume.find([DICOMDIR])
    directory = Dicomdir()
    links: Links | None = None
    if found is None:
        # PS3.11 G.3.3: a MIME entity may go without.
        told = error if profile is None or profile.directory_required else note
        log.add(
            told(
                "no-dicomdir",
                DICOMDIR,
                "there is no DICOMDIR in the root",
                _images_told(volume) or "it is no DICOM medium; import can still scan the files",
                "PS3.10 8.6",
            )
        )
    else:
        directory, links = _read_directory(volume, found, profile, manifest, ours, log, opening)
    if manifest is not None:
        log.extend(_check_identity(directory, manifest))
    if found is not None and not directory.enveloped:
        expected = replace(expected, file_set_id=directory.file_set_id)
    try:
        log.extend(until_given_up(check_file_system(volume, expected), volume.name))
    except OSError as fault:
        log.add(error("unreadable", volume.name, f"directories cannot be read: {fault}"))

    envelopes = EnvelopeCheck(profile, manifest, is_opened=opening is not None, log=log)
    counted = _Counted(progress, volume, opening is not None)
    check = ContentCheck(
        manifest,
        links,
        directory_path=found.file.path if found else "",
        list_path=list_path,
        trusted=trusted,
        strict=expected.demands_annex_f,
        known_sectors=manifest is not None and bool(manifest.structure),
        blank_rest=expected.is_fat_of_ours,
        pure=isinstance(volume, ImageVolume) and volume.is_pure,
        keeps_facts=recipients is not None,
        is_envelope=envelopes.take,
        log=log,
    )
    image_sha256 = ""
    if isinstance(volume, ImageVolume):
        image_sha256, size_bytes = read_image(
            volume, placement, manifest, check, log, counted.outside
        )
    else:
        size_bytes = pass_files(volume, check, counted.outside)
        if isinstance(volume, ContainerVolume):
            image_sha256 = read_container(volume, manifest, log)
    log.extend(check.check_readable())
    log.extend(check.check_missing())
    log.extend(envelopes.findings())
    content = proof_of_mail(volume) if isinstance(volume, SecureMailVolume) else ContentProof()
    if opening is not None:
        content = prove_content(
            volume,
            envelopes.files,
            opening.opener,
            manifest=manifest,
            links=links,
            directory_path=found.file.path if found else "",
            log=log,
            progress=counted.inside,
        )
    rows: tuple[CompatibilityRow, ...] = ()
    if recipients is not None:
        measure = manifest if trusted else None
        goal = Goal.of(measure, check.facts.values(), found.file.path if found else "")
        known = directory if found is not None else None
        if found is not None and found.file in envelopes.files:
            # Other readers have no key.
            known = Dicomdir(enveloped=True)
        rows = tuple(iter_rows(recipients, volume, check.facts, known, measure, goal))
        log.extend(check_compatibility(rows, goal))
        log.extend(check_sessions(volume))

    findings = list(log)
    ok = not any(finding.severity is Severity.ERROR for finding in findings)
    return VerifyReport(
        path=volume.name,
        ok=ok,
        manifest=manifest_name,
        files=check.files,
        bytes=size_bytes,
        instances=check.instances + content.instances,
        image_sha256=image_sha256,
        file_set_uid=directory.file_set_uid,
        file_set_id=directory.file_set_id,
        proved=describe_proof(
            ok=ok,
            manifest=manifest_name,
            files=check.files,
            equal=check.equal,
            unlisted=check.unlisted,
            whole_image=bool(image_sha256 and manifest and manifest.image_sha256),
            enveloped=directory.enveloped,
            opened=content.opened,
            as_sealed=content.equal,
        ),
        findings=findings,
        bad_sector_count=check.bad_sectors.count,
        bad_sectors=tuple(check.bad_sectors),
        compatibility=rows,
        envelopes=max(len(envelopes.files), content.opened),
        opened=content.opened,
        signatures=content.signatures,
    )


class _Counted:
    """Makes one count of what is read outside and what is then opened."""

    def __init__(self, progress: Progress | None, volume: Volume, opens: bool) -> None:
        self._progress = progress
        self._inside = sum(file.size_bytes for file in volume.iter_files()) if opens else 0
        self._outside = 0

    def outside(self, done: int, total: int) -> None:
        self._outside = total
        if self._progress:
            self._progress(done, total + self._inside)

    def inside(self, done: int) -> None:
        if self._progress:
            self._progress(self._outside + min(done, self._inside), self._outside + self._inside)


def _read_directory(
    volume: Volume,
    found: Found,
    profile: ApplicationProfile | None,
    manifest: Manifest | None,
    ours: bool,
    log: FindingLog,
    opening: Opening | None,
) -> tuple[Dicomdir, Links | None]:
    """Read the DICOMDIR and check it, as one of ours or as one from elsewhere."""
    directory = Dicomdir()
    links: Links | None = None
    path = found.file.path
    if found.tolerated:
        log.add(
            warning(
                "name-differs",
                path,
                f"should be {DICOMDIR} ({', '.join(found.tolerated)})",
                reference="PS3.10 8.6",
            )
        )
    try:
        with (opening.inside(volume) if opening else volume).open(path) as stream:
            directory = read_dicomdir(stream)
            log.extend(_tightened(directory.findings, ours))
            faults = until_given_up(check_records(directory), DICOMDIR)
            log.extend(_tightened(faults, ours))
            if profile is not None:
                role = Role.CREATOR if ours else Role.READER
                faults = check_profile_records(directory, profile, role)
                log.extend(until_given_up(faults, DICOMDIR))
            if not directory.enveloped:
                spelling = FindingLog()
                confirmed = manifest.confirmed_ids if manifest else ()
                links = Links(directory, volume, spelling, confirmed)
                log.extend(_tightened(spelling, ours))
                log.extend(links.check_missing())
    except SecrecyError:
        directory.enveloped = True  # what keeps it shut is told when all are opened
    except ScratchError:
        raise
    except (OSError, MediaError) as fault:
        log.add(error("unreadable", path, f"it cannot be read: {fault}"))
    return directory, links


def _images_told(volume: Volume) -> str:
    """Return what to do with a folder that holds media instead of being one; empty if it is not."""
    if not isinstance(volume, FolderVolume):
        return ""
    images = [
        file.path
        for file in volume.iter_files()
        if "/" not in file.path and file.path.upper().endswith(_IMAGE_SUFFIXES)
    ]
    if not images:
        return ""
    several = f"{len(images):,} images" if len(images) > 1 else "an image"
    each = "each by itself" if len(images) > 1 else "that"
    return (
        f"the folder holds {several}: verify {each}, such as `mediastation verify "
        f"{volume.name}/{images[0]}`"
    )


def _digest_list(volume: Volume, log: FindingLog) -> tuple[Manifest | None, str]:
    """Look for the digest list in the root; return it and its path."""
    found = volume.find([DIGEST_LIST_NAME])
    if found is None:
        return None, ""
    path = found.file.path
    if found.file.size_bytes > MAX_DIGEST_LIST_BYTES:
        log.add(warning("digest-list", path, "is too long for a digest list; not used"))
        return None, ""
    try:
        with volume.open(path) as stream:
            manifest = read_digest_list(stream.read().decode("ascii"))
    except (OSError, MediaError, ValueError) as fault:
        log.add(
            error(
                "digest-list",
                path,
                f"the digest list cannot be used: {fault}",
                "it is damaged, or it is none: compare with the job's manifest",
            )
        )
        return None, ""
    log.add(
        note("digest-list", path, f"held against the digests of {len(manifest.files)} files on it")
    )
    return manifest, path


_THE_OBJECTS_OWN = {"uid"}
"""Rules about values that a directory has to copy from the objects, bent or not."""


def _tightened(findings: Iterable[Finding], ours: bool) -> Iterator[Finding]:
    """Yield `findings`, warnings as errors where the medium is our own: no slip is forgiven us."""
    for finding in findings:
        own = ours and finding.rule not in _THE_OBJECTS_OWN
        if own and finding.severity is Severity.WARNING:
            yield replace(finding, severity=Severity.ERROR)
        else:
            yield finding


def _check_identity(directory: Dicomdir, manifest: Manifest) -> Iterator[Finding]:
    if directory.enveloped:
        return
    for rule, name, stated, actual in (
        ("file-set-uid", "File-set UID", manifest.file_set_uid, directory.file_set_uid),
        ("file-set-id", "File-set ID", manifest.file_set_id, directory.file_set_id),
    ):
        if stated and stated != actual:
            yield error(
                rule,
                DICOMDIR,
                f"{name} is {actual or 'empty'}, the manifest says {stated}",
                "this is another medium than the one the manifest belongs to",
                "PS3.10 8.6",
            )
