"""What the directory doctor says of a medium, as values for a screen and a report."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.model.finding import Finding
from mediastation.model.repair import Repair


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One patient, study or series: `level` 0 to 2, and how many instances lie below it."""

    level: int
    text: str
    instances: int


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """Patients, studies and series, counted all and named as far as a screen has use for it.

    `lines` are sorted, each study below its patient; `unnamed` says how many
    patients, studies and series have no line of their own.
    """

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    lines: tuple[TreeLine, ...] = ()
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class DirectoryDiagnosis:
    """What is to be said of one directory.

    Parameters
    ----------
    path : str
        Where it lies on the medium.
    folder : str
        The root of its File-set, empty for that of the medium.
    file_set_id, file_set_uid : str
        As it gives them.
    records : int
        How many Directory Records were found.
    listed : int
        Records that reference a file, repeated ones left out.
    found : int
        Instances that they lead to.
    missing : int
        Those that lead to no file.
    unusable : int
        Those that lead to a file which the scan knows as no instance.
    unlisted : int
        Instances in its File-set that no record leads to.
    mismatched : int
        Records that say something else than their file.
    made_by : str
        Implementation Version Name of whoever wrote it.
    """

    path: str
    folder: str
    file_set_id: str = ""
    file_set_uid: str = ""
    records: int = 0
    listed: int = 0
    found: int = 0
    missing: int = 0
    unusable: int = 0
    unlisted: int = 0
    mismatched: int = 0
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What came of comparing the directories of a medium with its files.

    `findings` and `repairs` have the first fifty of each kind, then their
    number. `before` is what readers see who go by the directories, `after`
    what the files say; the other numbers are those of all directories.
    """

    directories: tuple[DirectoryDiagnosis, ...] = ()
    findings: tuple[Finding, ...] = ()
    repairs: tuple[Repair, ...] = ()
    listed: int = 0
    found: int = 0
    missing: int = 0
    unusable: int = 0
    unlisted: int = 0
    mismatched: int = 0
    repaired: int = 0
    before: TreeSummary = TreeSummary()
    after: TreeSummary = TreeSummary()
