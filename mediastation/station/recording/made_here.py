"""Whether a file is a medium that this station made, and may so be written over by another."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mediastation.catalog.ledger import Ledger
from mediastation.errors import MediaError
from mediastation.model.ledger import LedgerEvent
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.station.recording.ledger import facts_of
from mediastation.station.station import Station

_DICOMDIR = "DICOMDIR"


def is_made_here(station: Station, medium: Path) -> bool:
    """Tell whether `medium` is a file that the ledger has as made here.

    Its File-set UID and size have to be those of an entry. An update keeps the
    UID that somebody else gave, so the DICOMDIR has to be the very one that the
    job wrote, too. What is damaged, or whose job's folder is gone, counts as
    made elsewhere: it is not to be lost by a slip of the hand. What is sealed
    tells no UID; there the envelope of the DICOMDIR has to be one that a job made.
    """
    with suppress(MediaError, OSError):
        size_bytes = medium.stat().st_size
        with open_volume(medium) as volume:
            found = volume.find([_DICOMDIR])
            if found is None:
                return False
            with volume.open(found.file.path) as stream:
                directory = read_dicomdir(stream)
                stream.seek(0)
                digest = _digest(stream)
        if directory.enveloped:
            return _was_sealed(station, digest.hex(), size_bytes)
        for folder in _folders(station, directory.file_set_uid, size_bytes):
            with suppress(OSError), (folder / _DICOMDIR).open("rb") as kept:
                if _digest(kept) == digest:
                    return True
    return False


def _was_sealed(station: Station, directory_sha256: str, size_bytes: int) -> bool:
    """Tell whether an export made a volume of this size, its DICOMDIR in this envelope."""
    wanted = (directory_sha256, size_bytes)
    return any(
        (volume.get("sealed_directory_sha256"), volume.get("size_bytes")) == wanted
        for record in station.jobs.with_result("export", directory_sha256)
        for volume in record.result.get("volumes", ())
    )


def _folders(station: Station, file_set_uid: str, size_bytes: int) -> list[Path]:
    """Return where jobs that made a medium of this UID and size may keep its DICOMDIR."""
    folders: list[Path] = []
    if not file_set_uid:
        return folders
    for entry in Ledger(station.catalog).entries(newest_first=True, containing=file_set_uid):
        if entry.event is not LedgerEvent.MADE or entry.job is None:
            continue
        facts = facts_of(entry)
        if facts and (facts.file_set_uid, facts.size_bytes) == (file_set_uid, size_bytes):
            folder = station.jobs_folder / str(entry.job)
            folders += [folder, folder / str(facts.volume)]
    return folders


def _digest(stream: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.digest()
