"""Open: the files of a medium out of their secure envelopes, into a folder of plain ones."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediastation.errors import ConfigError, RefusedError
from mediastation.media.folder import open_part_folder
from mediastation.model.event import Listener, nobody
from mediastation.model.medium import Format
from mediastation.model.system_files import is_system_file
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.opener import Opener
from mediastation.station.exporting.output import require_output
from mediastation.station.recording.ledger import record_opened
from mediastation.station.recording.medium_contents import contents_of_medium
from mediastation.station.recording.medium_record import announce, named
from mediastation.station.sealing.media import open_sealed
from mediastation.station.sealing.opening_work import OpeningWork, OpenResult, smallest_envelope
from mediastation.station.sealing.trust import read_site_trust
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished

KIND = "open"
_RECORDED = ("envelopes", "files", "damaged")


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """One medium whose envelopes are to be opened, and the new folder for what is in them."""

    medium: Path
    output: Path

    def as_dict(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {name: str(value) for name, value in asdict(self).items()}


def take_out(
    station: Station, request: OpenRequest, keys: KeyRing, listener: Listener = nobody
) -> OpenResult:
    """Take the files of a medium out of their envelopes, under their own File IDs.

    Nothing of `request.output` is seen under that name before all envelopes
    were tried, and no file in it that was not proved to be whole. Its owner
    alone may look into it. What lies there plain and is DICOM comes along, so
    that the folder is the whole File-set; other files do not: a digest list or
    a page about envelopes means nothing beside what was in them. What came out is
    held against the DICOMDIR among it: an envelope of another medium with the same
    password opens as well, and one that is missing tells nothing. Of an e-mail
    that is encrypted as a whole everything comes along: all of it was inside.
    The ledger has whose data it is before the folder has its name; its DICOMDIR
    tells, and where none came out that can be read, nobody is named.

    Returns
    -------
    OpenResult
        With a finding for every envelope that could not be opened; the others
        are there all the same.

    Raises
    ------
    ConfigError
        If there is no such medium, or `output` cannot be a new folder, or would
        be one of the medium.
    RefusedError
        If no envelope lies on the medium.
    SecrecyError
        If none of them opens. There is no folder then.
    MediaError
        If the medium cannot be read at all, the disk fails or is full, or the
        ledger cannot be written.
    """
    if not os.path.lexists(request.medium):
        raise ConfigError(
            f"{request.medium} does not exist.", "Check the path, or mount the medium."
        )
    if os.path.ismount(request.output):
        raise ConfigError(f"Something is mounted at {request.output}.", "Name a new folder on it.")
    require_output(station, request.output, Format.FOLDER)
    if _lies_on(request.output, request.medium):
        raise ConfigError(
            f"{request.output} would lie on {request.medium} itself: what is sealed there would "
            "lie there in plain, too.",
            "Name a folder that is not on it.",
        )
    trust = read_site_trust(station)
    settled = settle_unfinished(station)
    with station.job(KIND, request.as_dict(), listener) as job:
        job.found(settled)
        result = OpenResult(job.id, str(request.output))
        moment = datetime.fromtimestamp(station.clock.now(), UTC)
        opener = Opener(keys, trust=trust, moment=moment)
        with open_sealed(request.medium, opener, station.job_folder(job.id)) as volume:
            files = [file for file in volume.iter_files() if not is_system_file(file.path)]
            mail = volume if isinstance(volume, SecureMailVolume) and volume.opened else None
            first = None if mail else smallest_envelope(volume, files)
            if first is None and mail is None:
                raise RefusedError(
                    f"No secure envelope lies on {request.medium}.",
                    volume.findings,
                    "Its files are open already: `mediastation import` takes them in, "
                    "`mediastation verify` checks them.",
                )
            total = sum(file.size_bytes for file in files)
            announce(job, request.output)
            with (
                job.step("open", total, "bytes") as step,
                open_part_folder(request.output, total, private=True) as part,
            ):
                work = OpeningWork(volume, opener, part, step, result)
                try:
                    if first is not None:
                        work.run(first, files, in_drive=request.medium.is_block_device())
                    elif mail is not None:
                        work.run_mail(mail, files)
                    work.check(station, request.medium)
                    result.findings = [*volume.findings, *work.findings()]
                finally:
                    job.found([*volume.findings, *work.findings()])
                step.summary = f"{result.envelopes:,} of {work.seen:,} envelopes opened"
                job.result |= result.as_dict(with_findings=False)
                job.save_result()
                head = record_opened(
                    station,
                    job.id,
                    contents_of_medium(station, part.path),
                    medium=request.medium,
                    path=request.output,
                    counts={name: getattr(result, name) for name in _RECORDED},
                )
                with named(station, job, head):
                    part.commit()
    return result


def _lies_on(output: Path, medium: Path) -> bool:
    """Tell whether `output` would be in the folder `medium`, by whatever links it is named."""
    return medium.is_dir() and output.absolute().parent.resolve().is_relative_to(medium.resolve())
