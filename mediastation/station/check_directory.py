"""The directory of a medium, checked against the Application Profile it claims."""

from __future__ import annotations

from pathlib import Path

from mediastation.catalog.selection import is_selector
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, warning
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.findings import until_given_up
from mediastation.reading.volume import open_volume
from mediastation.verify.profile_records import check_profile_records

_DICOMDIR = "DICOMDIR"
_ASKED_OF_OBJECTS = frozenset({"profile-sop-class", "profile-transfer-syntax"})
"""What the objects themselves were asked, with a remedy."""


def check_directory(source: str, profile: ApplicationProfile, role: Role) -> list[Finding]:
    """Return what the DICOMDIR of a medium lacks of what `profile` demands.

    Parameters
    ----------
    source : str
        A folder or image. Single files and selectors of the catalog are no
        media: nothing is said of them.
    profile : ApplicationProfile
        What the medium claims.
    role : Role
        Whose column of the profile's table counts.
    """
    path = Path(source)
    if is_selector(source) and not path.exists():
        return []
    try:
        with open_volume(path) as volume:
            found = volume.find([_DICOMDIR])
            if found is None:
                return [_missing(source)] if profile.directory_required else []
            with volume.open(found.file.path) as stream:
                directory = read_dicomdir(stream)
                faults = check_profile_records(
                    directory, profile, role, pass_over_others=role is Role.READER
                )
                told = (fault for fault in faults if fault.rule not in _ASKED_OF_OBJECTS)
                return [*directory.findings, *until_given_up(told, found.file.path)]
    except (OSError, MediaError):
        # A single file, or what the look at the files has told of already.
        return []


def _missing(source: str) -> Finding:
    return warning(
        "no-dicomdir",
        source,
        "There is no DICOMDIR in its root, so readers find nothing on it.",
        "Name the root of the medium, if this is a part of one.",
        "PS3.10 8.6",
    )
