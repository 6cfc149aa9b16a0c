"""Whose data a medium holds, told by its DICOMDIR: what the ledger and audit messages name."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mediastation.catalog.identities import birth_dates
from mediastation.errors import MediaError
from mediastation.model.ledger import LedgerPatient, LedgerStudy
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.station.contents import RecordText
from mediastation.station.station import Station

_ACCESSION_NUMBER = 0x00080050
_DESCRIPTION = 0x00081030
_NAME = 0x00100010
_PATIENT_ID = 0x00100020
_BIRTH_DATE = 0x00100030
_STUDY_UID = 0x0020000D

LedgerContents = tuple[tuple[LedgerPatient, ...], tuple[LedgerStudy, ...]]


def read_contents(station: Station, directory: BinaryIO) -> LedgerContents:
    """Return the patients and studies of a DICOMDIR, in its order.

    A birth date that the PATIENT record lacks is taken from the catalog, if all
    that is known there of this name and Patient ID has the same one.
    """
    read = read_dicomdir(directory)
    patients: dict[LedgerPatient, None] = {}
    studies: list[tuple[RecordText, Counter[str]]] = []
    for level, record in read.iter_tree():
        if record.type == "PATIENT":
            text = RecordText(read.keys(record))
            name, patient_id, born = text.of(_NAME), text.of(_PATIENT_ID), text.of(_BIRTH_DATE)
            if not born:
                known = birth_dates(station.catalog, patient_id, name)
                born = known.pop() if len(known) == 1 else ""
            patients[LedgerPatient(patient_id, name, born)] = None
        elif record.type == "STUDY":
            studies.append((RecordText(read.keys(record)), Counter()))
        elif level > 1 and studies and record.sop_class_uid:
            studies[-1][1][record.sop_class_uid] += 1
    return tuple(patients), tuple(
        LedgerStudy(
            text.of(_STUDY_UID),
            text.of(_DESCRIPTION),
            text.of(_ACCESSION_NUMBER),
            dict(sorted(seen.items())),
        )
        for text, seen in studies
    )


def contents_of_folder(station: Station, folder: Path) -> LedgerContents:
    """Return what the DICOMDIR in `folder` tells; see `read_contents`."""
    with (folder / "DICOMDIR").open("rb") as directory:
        return read_contents(station, directory)


def contents_of_medium(station: Station, medium: Path) -> LedgerContents:
    """Return what the DICOMDIR of an image or medium tells; nothing where it cannot be read."""
    with suppress(MediaError, OSError), open_volume(medium) as volume:
        found = volume.find(("DICOMDIR",))
        if found is not None:
            with volume.open(found.file.path) as directory:
                return read_contents(station, directory)
    return (), ()
