"""Orders of Modality Worklists: entries for peers, and other people's servers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
)
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind as PatientFind,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind as StudyFind,
)

from tests.support.pacs import archive, started
from tests.support.peers import peer as program_of

Answer = Callable[[Any], Iterator[tuple[int, Dataset | None]]]

_STEP = {
    "Modality": "CT",
    "ScheduledStationAETitle": "IMPORT",
    "ScheduledProcedureStepStartDate": "20261123",
    "ScheduledProcedureStepStartTime": "101500",
    "ScheduledPerformingPhysicianName": "",
    "ScheduledProcedureStepDescription": "Import of a CD",
    "ScheduledProcedureStepID": "S1",
}


def dataset(**values: object) -> Dataset:
    """A data set with these values; lists of dictionaries become sequences."""
    ds = Dataset()
    for keyword, value in values.items():
        nested = isinstance(value, list) and value and isinstance(value[0], dict)
        setattr(ds, keyword, [dataset(**one) for one in value] if nested else value)  # type: ignore[attr-defined]
    return ds


def worklist_entry(step: dict[str, object] | None = None, **changes: Any) -> Dataset:
    """One order as a worklist has it; `changes` replace its values, None takes one out."""
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "AccessionNumber": "A1",
        "IssuerOfAccessionNumberSequence": [{"LocalNamespaceEntityID": "RIS"}],
        "ReferringPhysicianName": "",
        "ReferencedStudySequence": [
            {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1", "ReferencedSOPInstanceUID": "1.5"}
        ],
        "PatientName": "Doe^Jane",
        "PatientID": "4711",
        "IssuerOfPatientID": "HOSPITAL",
        "PatientBirthDate": "19700102",
        "PatientSex": "F",
        "OtherPatientIDsSequence": [{"PatientID": "X9", "IssuerOfPatientID": "OLD"}],
        "StudyInstanceUID": "1.2.3",
        "RequestingPhysician": "",
        "RequestedProcedureDescription": "CT import",
        "RequestedProcedureCodeSequence": [
            {
                "CodeValue": "IMP",
                "CodingSchemeDesignator": "99SITE",
                "CodingSchemeVersion": "1",
                "CodeMeaning": "Import",
            }
        ],
        "ScheduledProcedureStepSequence": [_STEP | (step or {})],
        "RequestedProcedureID": "R1",
        **changes,
    }
    return dataset(**{key: value for key, value in values.items() if value is not None})


class Double:
    """A peer, AE title PACS, that answers every C-FIND as a test tells it to.

    `worklist` answers for orders and `patients` for patients, in either model;
    `asked` has what was asked.
    """

    def __init__(self) -> None:
        self.port = 0
        self.forget()

    def forget(self) -> None:
        """Answer nothing, and forget what was asked."""
        self.asked: list[Dataset] = []
        self.worklist: Answer = _nothing
        self.patients: Answer = _nothing

    def has(self, *those: Dataset) -> None:
        """Be a worklist that matches by nothing: it answers every query with `those`."""

        def answer(_: Any) -> Iterator[tuple[int, Dataset | None]]:
            for one in those:
                yield 0xFF00, one

        self.worklist = answer

    def on_find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        """Answer what was asked for."""
        self.asked.append(event.identifier)
        is_worklist = event.request.AffectedSOPClassUID == ModalityWorklistInformationFind
        yield from (self.worklist if is_worklist else self.patients)(event)


def _nothing(_: Any) -> Iterator[tuple[int, Dataset | None]]:
    yield from ()


@contextmanager
def double() -> Iterator[Double]:
    """Run pynetdicom's SCP for all of its queries; ending it takes half a second."""
    peer = Double()
    contexts = (ModalityWorklistInformationFind, StudyFind, PatientFind)
    with archive(handlers=((evt.EVT_C_FIND, peer.on_find),), contexts=contexts) as held:
        peer.port = held.port
        yield peer


@contextmanager
def wlmscpfs(folder: Path, those: Sequence[Dataset]) -> Iterator[int]:
    """Run DCMTK's worklist, AE title PACS, with these entries; it matches by itself."""
    program = program_of("wlmscpfs")
    files = folder / "PACS"
    files.mkdir(parents=True)
    (files / "lockfile").touch()
    for number, ds in enumerate(those):
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = UID("1.2.276.0.7230010.3.1.0.1")
        ds.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.9.{number}")
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(files / f"order{number}.wl", enforce_file_format=True)
    with started(lambda port: [program, "-dfp", str(folder), "-s", "-csk", str(port)]) as port:
        yield port
