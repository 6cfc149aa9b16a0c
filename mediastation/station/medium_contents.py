"""Whose data a medium holds, told by its DICOMDIR: what the ledger and audit messages name."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mediastation.catalog.identities import birth_dates
from mediastation.dicom.charset import decode_text
from mediastation.errors import MediaError
from mediastation.model.instance import Element
from mediastation.model.ledger import LedgerPatient, LedgerStudy
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.volume import open_volume
from mediastation.station.station import Station

_CHARACTER_SET = 0x00080005
_ACCESSION_NUMBER = 0x00080050
_DESCRIPTION = 0x00081030
_NAME = 0x00100010
_PATIENT_ID = 0x00100020
_BIRTH_DATE = 0x00100030
_STUDY_UID = 0x0020000D

Contents = tuple[tuple[LedgerPatient, ...], tuple[LedgerStudy, ...]]


def read_contents(station: Station, directory: BinaryIO) -> Contents:
    """Return the patients and studies of a DICOMDIR, in its order.

    A birth date that the PATIENT record lacks is taken from the catalog, if all
    that is known there of this name and Patient ID has the same one.
    """
    read = read_dicomdir(directory)
    patients: dict[LedgerPatient, None] = {}
    studies: list[tuple[dict[int, str], Counter[str]]] = []
    for level, record in read.iter_tree():
        if record.type == "PATIENT":
            keys = _texts(read, record, _NAME, _PATIENT_ID, _BIRTH_DATE)
            born = keys[_BIRTH_DATE]
            if not born:
                known = birth_dates(station.catalog, keys[_PATIENT_ID], keys[_NAME])
                born = known.pop() if len(known) == 1 else ""
            patients[LedgerPatient(keys[_PATIENT_ID], keys[_NAME], born)] = None
        elif record.type == "STUDY":
            keys = _texts(read, record, _STUDY_UID, _DESCRIPTION, _ACCESSION_NUMBER)
            studies.append((keys, Counter()))
        elif level > 1 and studies and record.sop_class_uid:
            studies[-1][1][record.sop_class_uid] += 1
    return tuple(patients), tuple(
        LedgerStudy(
            keys[_STUDY_UID],
            keys[_DESCRIPTION],
            keys[_ACCESSION_NUMBER],
            dict(sorted(seen.items())),
        )
        for keys, seen in studies
    )


def contents_of_folder(station: Station, folder: Path) -> Contents:
    """Return what the DICOMDIR in `folder` tells; see `read_contents`."""
    with (folder / "DICOMDIR").open("rb") as directory:
        return read_contents(station, directory)


def contents_of_medium(station: Station, medium: Path) -> Contents:
    """Return what the DICOMDIR of an image or medium tells; nothing where it cannot be read."""
    with suppress(MediaError, OSError), open_volume(medium) as volume:
        found = volume.find(("DICOMDIR",))
        if found is not None:
            with volume.open(found.file.path) as directory:
                return read_contents(station, directory)
    return (), ()


def _texts(read: Dicomdir, record: DirectoryRecord, *tags: int) -> dict[int, str]:
    keys = read.keys(record)
    charset = keys.get(_CHARACTER_SET)
    terms = Element("CS", charset.value) if charset else None
    return {
        tag: decode_text(Element(keys[tag].vr, keys[tag].value), terms).strip(" \0")
        if tag in keys
        else ""
        for tag in tags
    }
