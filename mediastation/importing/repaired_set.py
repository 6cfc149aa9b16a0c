"""What a medium with a bad directory is written anew as: the profile, and the names that stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mediastation.conformance.fits import ProfileFit
from mediastation.model.file_id import FileId, check_file_id
from mediastation.model.finding import Finding, error
from mediastation.model.repair import Repair, RepairLog
from mediastation.reading.names import folded

ON_A_STICK = (
    "STD-GEN-USB-JPEG",
    "STD-GEN-USB-J2K",
)
ON_A_DISC = (
    "STD-GEN-CD",
    "STD-GEN-DVD-JPEG",
    "STD-GEN-DVD-J2K",
    "STD-GEN-BD",
    "STD-GEN-BD-JPEG",
    "STD-GEN-BD-J2K",
    "STD-GEN-BD-MPEG2-MPML",
    "STD-GEN-BD-MPEG2-MPHL",
    "STD-GEN-BD-MPEG4-HPLV41",
    "STD-GEN-BD-MPEG4-HPLV41BD",
    "STD-GEN-BD-MPEG4-HPLV42-2D",
    "STD-GEN-BD-MPEG4-HPLV42-3D",
    "STD-GEN-BD-MPEG4-SHPLV42",
)
IN_AN_ARCHIVE = ("STD-GEN-ZIP-MAIL",)
"""General purpose profiles (PS3.11, D, H, J, L, M and N), those that demand least in front."""

_UNTOUCHED = frozenset({"file-meta", "icon"})
_DIRECTORY = "DICOMDIR"


@dataclass(frozen=True, slots=True)
class RepairedSet:
    """How a medium is written anew.

    Parameters
    ----------
    profile : str
        The first of the profiles in question that takes every instance as it
        is; empty if none does.
    file_ids : mapping of str to FileId
        By SOP Instance UID the File ID of each file whose name can stay.
    findings : tuple of Finding
        Why no profile takes it, if so.
    renamed : tuple of Repair
        Names that cannot stay; many are counted.
    """

    profile: str
    file_ids: Mapping[str, FileId] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    renamed: tuple[Repair, ...] = ()


def plan_repaired_set(
    fits: Iterable[ProfileFit],
    files: Iterable[tuple[str, str]],
    profiles: Sequence[str],
    medium: str = "",
) -> RepairedSet:
    """Decide under which profile, and under which names, instances are written anew.

    Parameters
    ----------
    fits : iterable of ProfileFit
        What `mediastation.conformance.fits.check_profiles` says of the set.
    files : iterable of (str, str)
        SOP Instance UID and path of each instance, ``/`` between components.
    profiles : sequence of str
        The profiles in question, the best first, such as `ON_A_DISC`.
    medium : str
        What findings call it.
    """
    by_name = {fit.name: fit for fit in fits}
    log = RepairLog()
    file_ids = plan_file_ids(files, log)
    asked = [by_name[name] for name in profiles if name in by_name]
    for fit in asked:
        if fit.fits and _UNTOUCHED.issuperset(fit.after):
            return RepairedSet(fit.name, file_ids, (), tuple(log))
    return RepairedSet("", file_ids, (_no_profile(asked, medium),), tuple(log))


def plan_file_ids(files: Iterable[tuple[str, str]], log: RepairLog) -> dict[str, FileId]:
    """Return the File IDs that files can keep, by SOP Instance UID.

    A path that is a legal File ID stays. One that only a file system has
    changed, in letter case, by a version or by an extension, goes back to what
    it was. Where two would answer to one name, the first has it; what is left
    out gets a new one from whoever writes the set.

    Parameters
    ----------
    files : iterable of (str, str)
        SOP Instance UID and path of each instance. Of several with one UID, the
        first counts.
    log : RepairLog
        Takes the names that do not stay.
    """
    kept: dict[str, FileId] = {}
    taken: set[FileId] = set()
    folders: set[FileId] = set()
    for uid, path in files:
        if not uid or uid in kept:
            continue
        file_id = next((one for one in _spellings(path) if _is_free(one, taken, folders)), None)
        if file_id is None:
            log.add("file-id", path, path, "a new File ID")
            continue
        taken.add(file_id)
        folders.update(file_id[:depth] for depth in range(1, len(file_id)))
        kept[uid] = file_id
        if "/".join(file_id) != path:
            log.add("file-id", path, path, "/".join(file_id))
    return kept


def _spellings(path: str) -> Iterable[FileId]:
    """Yield what the File ID of a file at `path` may have been, the likeliest first."""
    parts = tuple(path.split("/"))
    plain = tuple(map(folded, parts))
    yield parts
    yield plain
    yield (*plain[:-1], plain[-1].partition(".")[0])


def _is_free(file_id: FileId, taken: set[FileId], folders: set[FileId]) -> bool:
    if check_file_id(file_id) or file_id[0] == _DIRECTORY:
        return False
    if file_id in taken or file_id in folders:
        return False
    return all(file_id[:depth] not in taken for depth in range(1, len(file_id)))


_WHOSE = frozenset(
    {
        "identity-not-confirmed", "one-person-two-spellings", "patient-id-of-issuers",
        "several-patients", "shared-patient-id",
    }
)  # fmt: skip
"""Rules of `mediastation.conformance.people`: what they find, no profile takes otherwise."""


def _no_profile(asked: Sequence[ProfileFit], medium: str) -> Finding:
    """Say what keeps the set from the profiles; the one that comes nearest speaks for all."""
    nearest = min(asked, key=lambda fit: (not fit.fits, len(fit.findings)), default=None)
    hint = "Name a profile: what has to be changed for it is made anew, the originals stay."
    if nearest is None:
        why = "none was named"
    elif nearest.fits:
        why = f"under {nearest.name} instances have to be changed ({', '.join(nearest.after)})"
    else:
        why = nearest.findings[0].message if nearest.findings else nearest.name
        if nearest.findings and nearest.findings[0].rule in _WHOSE:
            # No profile changes whose the images are.
            hint = nearest.findings[0].hint
    return error(
        "no-profile",
        medium,
        f"no general purpose profile takes all instances as they are: {why}",
        hint,
        "PS3.11 D",
    )
