"""What the pages of one medium tell: plain values, so that a literal can be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mediastation.model.document import Table
from mediastation.model.manifest import DIGEST_LIST_NAME


@dataclass(frozen=True, slots=True)
class Viewer:
    """A program on the medium that shows the images (IHE PDI asks README.TXT to tell of it).

    Parameters
    ----------
    name : str
        Name and version.
    start : str
        The file that starts it, as a path on the medium: ``VIEWER/START.HTM``.
    systems : str
        What it runs on; empty if not known.
    disclaimer : str
        Its maker's word on intended use; empty for a general one.
    """

    name: str
    start: str
    systems: str = ""
    disclaimer: str = ""


@dataclass(frozen=True, slots=True)
class SiblingDisc:
    """What one disc of a set of several holds; dates are DICOM dates and appear in no README.TXT.

    Parameters
    ----------
    number : int
        From 1.
    studies, series, instances : int
        How many lie on it; of a study on two discs, each counts it.
    first_date, last_date : str
        The earliest and latest Study Date; empty if there is none.
    """

    number: int
    studies: int
    series: int
    instances: int
    first_date: str = ""
    last_date: str = ""


@dataclass(frozen=True, slots=True)
class IndexSeries:
    """A series as the manifest lists it, with the instances on this medium."""

    modality: str
    number: str
    description: str
    instances: int


@dataclass(frozen=True, slots=True)
class IndexStudy:
    """A study; `also_on` are the numbers of other discs that hold more of it."""

    date: str
    description: str
    accession: str
    series: tuple[IndexSeries, ...]
    also_on: tuple[int, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities of its series, each once, in their order."""
        return tuple(dict.fromkeys(one.modality for one in self.series if one.modality))


@dataclass(frozen=True, slots=True)
class IndexPatient:
    """A patient as in the DICOMDIR: name with all component groups, DICOM date, sex M, F or O."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    studies: tuple[IndexStudy, ...]


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What INDEX.HTM tells of one volume.

    Parameters
    ----------
    created : datetime
        With the time zone that the page shows.
    file_set_uid, file_set_id : str
        As in the DICOMDIR; the identifier may be empty.
    profile : str
        The Application Profile; empty if none is claimed.
    patients : tuple of IndexPatient
        Everything on this volume, in the order of the DICOMDIR.
    institution : str
        Empty is told as "not stated".
    contact : tuple of str
        Lines under the institution.
    disclaimer : str
        The institution's word on privacy; empty for a general one.
    without_patient : int
        Instances that belong to no patient, such as hanging protocols.
    volume, volumes : int
        Which one of how many.
    siblings : tuple of SiblingDisc
        All discs of the set, this one among them; empty if there is one only.
    web_page : str
        Entry of the web content, ``IHE_PDI/INDEX.HTM``; empty if there is none.
    viewer : Viewer, optional
        A viewer on the medium.
    other_folders : tuple of str
        Folders in the root with content that is not importable.
    dicom_folder, digest_list : str
        As in `mediastation.pages.readme.ReadmeFacts`.
    """

    created: datetime
    file_set_uid: str
    file_set_id: str
    profile: str
    patients: tuple[IndexPatient, ...]
    institution: str = ""
    contact: tuple[str, ...] = ()
    disclaimer: str = ""
    without_patient: int = 0
    volume: int = 1
    volumes: int = 1
    siblings: tuple[SiblingDisc, ...] = ()
    web_page: str = ""
    viewer: Viewer | None = None
    other_folders: tuple[str, ...] = ()
    dicom_folder: str = "DICOM"
    digest_list: str = DIGEST_LIST_NAME


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What label and cover of one volume tell.

    Parameters
    ----------
    created : datetime
        With the time zone that is shown.
    file_set_uid, file_set_id, profile : str
        As in `IndexFacts`. The UID is in the QR code.
    patients : tuple of IndexPatient
        Everything on this volume.
    institution : str
        Who made the medium.
    contact : tuple of str
        Lines under the institution, on the cover.
    volume, volumes : int
        Which one of how many.
    siblings : tuple of SiblingDisc
        All discs of the set, for the cover.
    has_web_content : bool
        Whether it is ``DICOM PLUS WEB`` or ``DICOM ONLY`` (IHE PDI).
    is_encrypted : bool
        Whether the content is encrypted, which is then said.
    is_neutral : bool
        Nothing that says whose it is: no patient, no study, and no File-set ID,
        which may be made of a name.
    ledger_head : str
        The head hash of the ledger when this medium was entered, in hexadecimal;
        empty if there is none.
    """

    created: datetime
    file_set_uid: str
    file_set_id: str
    profile: str
    patients: tuple[IndexPatient, ...]
    institution: str = ""
    contact: tuple[str, ...] = ()
    volume: int = 1
    volumes: int = 1
    siblings: tuple[SiblingDisc, ...] = ()
    has_web_content: bool = False
    is_encrypted: bool = False
    is_neutral: bool = False
    ledger_head: str = ""

    @property
    def content_type(self) -> str:
        """What IHE PDI wants on the label."""
        return "DICOM PLUS WEB" if self.has_web_content else "DICOM ONLY"

    @property
    def studies(self) -> tuple[IndexStudy, ...]:
        """The studies of all patients, the newest first."""
        found = [study for patient in self.patients for study in patient.studies]
        return tuple(sorted(found, key=lambda study: study.date, reverse=True))


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """A report on a medium: what was done with it and what was found.

    Parameters
    ----------
    title : str
        What it is, as ``Verification of a medium``.
    created : datetime
        When it was made, with the time zone that is shown.
    verdict : str
        The result in one sentence.
    passed : bool, optional
        Whether the verdict is good; None where there is no good or bad.
    institution : str
        Who made it.
    rows : tuple of (str, str)
        Label and value: medium, drive, image hash, ledger head.
    tables : tuple of Table
        Findings, compatibility, contents; `Table.number` is not shown. A row of one
        cell is a heading across the table.
    """

    title: str
    created: datetime
    verdict: str
    passed: bool | None = None
    institution: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
