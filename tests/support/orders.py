"""Orders of Modality Worklists: entries for peers, and other people's servers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import ModalityWorklistInformationFind

from tests.support.pacs import Archive, archive, started
from tests.support.peers import peer

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


@contextmanager
def worklist(answer: Answer) -> Iterator[Archive]:
    """Run pynetdicom as a worklist that answers as `answer` says, AE title PACS."""
    handlers = ((evt.EVT_C_FIND, answer),)
    with archive(handlers=handlers, contexts=(ModalityWorklistInformationFind,)) as held:
        yield held


@contextmanager
def entries(*those: Dataset, asked: list[Dataset] | None = None) -> Iterator[Archive]:
    """Run a worklist that matches by nothing: it answers every query with `those`."""

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        if asked is not None:
            asked.append(event.identifier)
        for one in those:
            yield 0xFF00, one

    with worklist(answer) as held:
        yield held


@contextmanager
def wlmscpfs(folder: Path, those: Sequence[Dataset]) -> Iterator[int]:
    """Run DCMTK's worklist, AE title PACS, with these entries; it matches by itself."""
    program = peer("wlmscpfs")
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
