"""Whose data a medium holds, told by its DICOMDIR: what the ledger and audit messages name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mediastation.catalog.identities import birth_dates
from mediastation.errors import MediaError
from mediastation.model.ledger import LedgerPatient, LedgerStudy
from mediastation.reading.volume import open_volume
from mediastation.station.exporting.contents import Contents, contents_of, read_contents
from mediastation.station.station import Station

LedgerContents = tuple[tuple[LedgerPatient, ...], tuple[LedgerStudy, ...]]


def ledger_contents(station: Station, contents: Contents) -> LedgerContents:
    """Return the patients and studies of a DICOMDIR, in its order.

    A birth date that the PATIENT record lacks is taken from the catalog, if all
    that is known there of this name and Patient ID has the same one.
    """
    patients: dict[LedgerPatient, None] = {}
    for patient_id, name, written in contents.people():
        born = written
        if not born:
            known = birth_dates(station.catalog, patient_id, name)
            born = known.pop() if len(known) == 1 else ""
        patients[LedgerPatient(patient_id, name, born)] = None
    return tuple(patients), tuple(LedgerStudy(*study) for study in contents.counted_studies())


def contents_of_folder(station: Station, folder: Path) -> LedgerContents:
    """Return what the DICOMDIR in `folder` tells; see `ledger_contents`."""
    return ledger_contents(station, read_contents(folder / "DICOMDIR"))


def contents_of_medium(station: Station, medium: Path) -> LedgerContents:
    """Return what the DICOMDIR of an image or medium tells; nothing where it cannot be read."""
    with suppress(MediaError, OSError), open_volume(medium) as volume:
        found = volume.find(("DICOMDIR",))
        if found is not None:
            with volume.open(found.file.path) as directory:
                return ledger_contents(station, contents_of(directory))
    return (), ()
