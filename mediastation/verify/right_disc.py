"""Tell whether the disc in the drive is the one that is to be reread, and if not, which it is.

A wrong disc differs in everything. Thousands of differing files would hide
the one thing that matters, so who a disc is comes first, and ends the matter
where it is another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Finding, error
from mediastation.model.manifest import Manifest
from mediastation.reading.contract import ImageVolume, Volume
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.file_meta import PATIENT_ID
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.names import folded
from mediastation.verify.contents import fold_path
from mediastation.verify.links import fold_identifier
from mediastation.verify.read_ahead import SECTOR

DICOMDIR = "DICOMDIR"
PATIENT_NAME = 0x00100010
CHARACTER_SET = 0x00080005
RULE = "wrong-disc"
_CHUNK_BYTES = 1 << 20
_BLANK_BYTES = 1 << 20
_MOST_PATIENTS = 1000
_TOLD_PATIENTS = 3
_SAMPLE = 64
_BLANK_SHA256 = hashlib.sha256(bytes(SECTOR)).hexdigest()


@dataclass(frozen=True, slots=True)
class RawPatient:
    """A patient of a DICOMDIR as its record has it, not decoded."""

    patient_id: bytes
    name: bytes
    character_set: bytes

    @property
    def key(self) -> bytes:
        """What two spellings of one Patient ID have in common."""
        text = self.patient_id.decode("latin-1").strip(" \0")
        return fold_identifier(text).encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class DiscIdentity:
    """Who a disc says it is.

    `instances` are the SOP Instance UIDs that its directory speaks of,
    `paths` those of its files, folded.
    """

    file_set_uid: str = ""
    file_set_id: str = ""
    directory_sha256: str = ""
    instances: frozenset[str] = frozenset()
    patients: tuple[RawPatient, ...] = ()
    paths: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownMedium:
    """A medium that was made here: its job, which volume of how many, and whose it is."""

    manifest: Manifest
    job: int
    volume: int = 1
    volumes: int = 1
    patients: tuple[RawPatient, ...] = ()

    @property
    def directory_sha256(self) -> str:
        """SHA-256 of its DICOMDIR; empty if it has none."""
        return _directory_of(self.manifest)


Lookup = Callable[[str], Sequence[KnownMedium]]
"""Returns what was made here under a File-set UID, the newest first."""

Show = Callable[[RawPatient], str]
"""Returns a patient's name and ID for the operator."""


def _directory_of(manifest: Manifest) -> str:
    return next((one.sha256 for one in manifest.files if one.path == DICOMDIR), "")


def plain_patient(patient: RawPatient) -> str:
    """Return name and ID where both are of the default repertoire, other bytes shown as such."""
    parts = (patient.name, patient.patient_id)
    told = [part.strip(b" \0").decode("ascii", "backslashreplace") for part in parts]
    return ", ID ".join("".join(c if c.isprintable() else " " for c in one) for one in told)


def read_identity(volume: Volume, inside: Volume | None = None) -> DiscIdentity:
    """Read who a disc says it is; what cannot be read stays empty, and is told by others.

    `inside` is the same disc with its envelopes opened, where a key is at hand.
    """
    paths = frozenset(fold_path(file.path) for file in volume.iter_files())
    found = volume.find([DICOMDIR])
    if found is None:
        return DiscIdentity(paths=paths)
    digest = hashlib.sha256()
    with suppress(OSError, MediaError, SecrecyError):
        with volume.open(found.file.path) as stream:
            while piece := stream.read(_CHUNK_BYTES):
                digest.update(piece)
        with (inside or volume).open(found.file.path) as stream:
            directory = read_dicomdir(stream)
            patients = tuple(patients_of(directory))
        return DiscIdentity(
            directory.file_set_uid,
            directory.file_set_id,
            digest.hexdigest(),
            frozenset(record.sop_instance_uid for record in directory.records) - {""},
            patients,
            paths,
        )
    return DiscIdentity(paths=paths)


def patients_of(directory: Dicomdir) -> list[RawPatient]:
    """Return the patients of a directory, whose source must still be open; not too many."""
    found: list[RawPatient] = []
    for record in directory.records:
        if record.type == "PATIENT" and len(found) < _MOST_PATIENTS:
            keys = directory.keys(record)
            values = (
                keys[tag].value if tag in keys else b""
                for tag in (PATIENT_ID, PATIENT_NAME, CHARACTER_SET)
            )
            found.append(RawPatient(*values))
    return found


def check_right_disc(
    disc: DiscIdentity,
    expected: Manifest,
    subject: str,
    lookup: Lookup,
    show: Show = plain_patient,
    resembles: Callable[[], bool] = lambda: False,
) -> Finding | None:
    """Return what disc it is if it is not the expected one; None if it is, or is just damaged.

    Parameters
    ----------
    disc : DiscIdentity
        Who it says it is.
    expected : Manifest
        What was to be reread.
    subject : str
        What the finding is about: the drive or image.
    lookup : callable
        Finds what was made here under a File-set UID.
    show : callable
        How a patient is called.
    resembles : callable
        Tells, where the directory does not, whether the sectors of the disc
        are those that were written; asked only then.

    Notes
    -----
    A disc under another File-set UID that holds most of the expected
    instances, or some or none at all and the sectors of the expected one, and
    that was not made here under that UID, may be the right one with damage: it
    is read whole, and judged by its files.
    """
    if not expected.file_set_uid:
        return None
    if disc.directory_sha256 and disc.directory_sha256 == _directory_of(expected):
        return None  # the very DICOMDIR, also where it lies in an envelope
    made = lookup(expected.file_set_uid)
    ours = next((one for one in made if one.manifest == expected), next(iter(made), None))
    if disc.file_set_uid == expected.file_set_uid:
        return _check_state(disc, expected, subject, lookup)
    if not disc.file_set_uid and not disc.instances:
        return None if resembles() else _check_foreign(disc, expected, subject)
    known = [one for one in lookup(disc.file_set_uid) if disc.file_set_uid]
    if known:
        same_state = [one for one in known if one.directory_sha256 == disc.directory_sha256]
        return _known_disc(disc, (same_state or known)[0], ours, subject, show)
    wanted = {file.sop_instance_uid for file in expected.files} - {"", expected.file_set_uid}
    common = len(disc.instances & wanted)
    if 2 * common > len(disc.instances):
        return None
    # Where nothing is listed, damage may have led to another file in place of the DICOMDIR.
    if (common or not disc.instances) and resembles():
        return None
    return _wrong(
        subject,
        f"this is another disc{_whose(disc.patients, ours, show)}; it was not made here"
        f"{_file_set(disc)}",
    )


def has_sectors_of(
    volume: Volume, expected: Manifest, first_sector: int = 0, sample: int = _SAMPLE
) -> bool:
    """Tell whether most of a sample of the sectors outside files is what was written.

    Blank sectors are alike on all discs and say nothing. False for what is no
    image, and where no digests of sectors are known.
    """
    if not isinstance(volume, ImageVolume):
        return False
    telling = [one for one in expected.structure if one.sha256 != _BLANK_SHA256]
    chosen = telling[:: max(1, len(telling) // sample)]
    same = 0
    for one in chosen:
        with suppress(OSError):
            data = volume.read_at((first_sector + one.sector) * SECTOR, SECTOR)
            same += hashlib.sha256(data).hexdigest() == one.sha256
    return 2 * same > len(chosen)


def blank_or_none(path: Path, opener: AccessOpener, subject: str) -> Finding | None:
    """Return the finding of a blank disc; None if something can be read on it."""
    try:
        access = opener(path)
    except MediaError:
        return None
    try:
        front = access.read_at(0, _BLANK_BYTES)
    except OSError:
        return None
    finally:
        access.close()
    if front.strip(b"\0"):
        return None
    return _wrong(subject, "this disc is blank: nothing is on it", "put the written disc in")


def _check_state(
    disc: DiscIdentity, expected: Manifest, subject: str, lookup: Lookup
) -> Finding | None:
    """Tell an older or newer state of the same File-set, which keeps its UID when updated."""
    written = _directory_of(expected)
    if not disc.directory_sha256 or disc.directory_sha256 == written:
        return None
    states = lookup(disc.file_set_uid)
    this = next((one for one in states if one.directory_sha256 == disc.directory_sha256), None)
    by = f", as job {this.job} made it" if this is not None else ""
    holds = f"{len(disc.instances)} instances"
    if expected.made_from == disc.directory_sha256:
        return _wrong(subject, f"this is the File-set before the update{by}, with {holds}")
    if this is None:
        return None
    state = "an updated state" if this.manifest.made_from == written else "another state"
    return _wrong(subject, f"this is {state} of the same File-set{by}, with {holds}")


def _check_foreign(disc: DiscIdentity, expected: Manifest, subject: str) -> Finding | None:
    """Tell a disc without any directory from the right one whose directory is damaged."""
    wanted = {fold_path(file.path) for file in expected.files}
    if 2 * len(disc.paths & wanted) > len(wanted):
        return None
    there = folded(DICOMDIR) in disc.paths
    what = "a DICOMDIR that cannot be read" if there else "no DICOMDIR"
    return _wrong(subject, f"this is another disc, with {len(disc.paths)} files and {what}")


def _known_disc(
    disc: DiscIdentity, known: KnownMedium, ours: KnownMedium | None, subject: str, show: Show
) -> Finding:
    if ours is not None and known.job == ours.job:
        return _wrong(
            subject,
            f"this is disc {known.volume} of {known.volumes} of the same export (job {known.job}), "
            f"and disc {ours.volume} is to be reread",
            f"put disc {ours.volume} in",
        )
    patients = disc.patients or known.patients
    return _wrong(
        subject,
        f"this is another disc{_whose(patients, ours, show)}, made by job {known.job}"
        f"{_file_set(disc)}",
    )


def _whose(patients: Iterable[RawPatient], ours: KnownMedium | None, show: Show) -> str:
    """Say whose a disc is, and whether that is another patient."""
    people = list(patients)
    if not people:
        return ""
    told = "; ".join(show(one) for one in people[:_TOLD_PATIENTS])
    if len(people) > _TOLD_PATIENTS:
        told += f" and {len(people) - _TOLD_PATIENTS} more"
    if ours is None or not ours.patients:
        return f" of {told}"
    same = {one.key for one in people} & {one.key for one in ours.patients}
    return f" of the same patient ({told})" if same else f", of another patient: {told}"


def _file_set(disc: DiscIdentity) -> str:
    named = f"{disc.file_set_id}, " if disc.file_set_id else ""
    return f" (File-set {named}UID {disc.file_set_uid or 'unknown'})"


def _wrong(
    subject: str, message: str, hint: str = "keep it apart, and put the right disc in"
) -> Finding:
    return error(RULE, subject, message, hint, "PS3.10 8.6")
