"""Volumes that were sealed before a job was interrupted: the rest is sealed as they are, or not."""

from __future__ import annotations

from pathlib import Path

from mediastation.errors import SecrecyError
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.envelope import read_envelope
from mediastation.secure.opening.errors import WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opener
from mediastation.station.exporting.file_set import DICOMDIR
from mediastation.station.exporting.resumed import Finished
from mediastation.station.password_question import password_needed
from mediastation.station.sealing.plan import Sealing
from mediastation.station.sealing.volume import is_sealed_for
from mediastation.station.station import Station


def require_same_sealing(station: Station, sealing: Sealing, finished: Finished) -> None:
    """Raise where the volumes of a set would not all open with the same password and keys.

    Whoever gets the set has one password. After a restart it is given again, and
    another one may be given by mistake; the directory of each volume that is
    finished tells. What certificates open names them.

    Raises
    ------
    DecisionError
        If the password that was given does not open what is finished.
    SecrecyError
        If that is sealed for others, or is damaged.
    MediaError
        If it cannot be read.
    """
    if not sealing.seals_files:
        return  # each e-mail is for itself, and takes no password
    for path in finished:
        _require_same(station, sealing, path)


def _require_same(station: Station, sealing: Sealing, path: Path) -> None:
    with open_volume(path) as medium:
        sizes = {file.path: file.size_bytes for file in medium.iter_files()}
        size_bytes = sizes.get(DICOMDIR, 0)
        with medium.open(DICOMDIR) as stream:
            recipients = read_envelope(stream, size_bytes, DICOMDIR).recipients
        if not is_sealed_for(sealing, recipients):
            raise SecrecyError(
                f"{path} was finished before the job was interrupted, and is sealed for others "
                "than the rest would be: a certificate was changed since.",
                "Destroy that volume, and give the export again.",
            )
        if sealing.password is None:
            return
        opener = Opener(KeyRing(passwords=(sealing.password,)), moment=station.clock.moment())
        try:
            with medium.open(DICOMDIR) as stream:
                opener.open(stream, size_bytes, _nowhere, DICOMDIR)
        except WrongKeyError as fault:
            raise password_needed(
                f"{path} is finished already, and opens with another password than was given now. "
                "What password was it sealed with?",
                "All volumes of a set open with one password. If it is lost, cancel the job, "
                "destroy what it has finished, and give the export again.",
            ) from fault


def _nowhere(_data: bytes) -> None:
    """Take content that only has to open."""
