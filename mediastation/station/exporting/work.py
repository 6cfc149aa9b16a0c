"""One export while it runs: what was asked for, and what was decided so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mediastation.model.entry import Entry, StoredFile
from mediastation.model.file_id import FileId
from mediastation.model.ledger import LedgerHead
from mediastation.model.profile import ApplicationProfile
from mediastation.secure.sealing.sealer import Sealer
from mediastation.station.exporting.check import CheckedSet
from mediastation.station.exporting.icons import IconPlan
from mediastation.station.exporting.include import Included
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.exporting.resumed import Finished
from mediastation.station.exporting.target import Target
from mediastation.station.job import Job
from mediastation.station.sealing.plan import Sealing
from mediastation.station.station import Station


@dataclass(slots=True)
class Work:
    """What the steps of an export hand on to each other.

    Parameters
    ----------
    station, job, request, profile, target
        Fixed from the start.
    checked : CheckedSet
        Filled by the check, reduced by what later turns out to be unfit.
    copies : dict of int to StoredFile
        Prepared copies by entry; other entries go out as they came.
    icons : IconPlan or None
        Which icons the directory gets.
    included : Included
        What the site adds to the medium.
    heads : list of LedgerHead
        The ledger's entries on the volumes that were written.
    file_ids : dict of str to FileId
        By SOP Instance UID those that instances bring along.
    finished : dict
        Volumes that an earlier attempt of the job has made, by output.
    sealing : Sealing or None
        What seals the files or the e-mail; None for a plain medium.
    """

    station: Station
    job: Job
    request: ExportRequest
    profile: ApplicationProfile
    target: Target
    checked: CheckedSet = field(default_factory=CheckedSet)
    copies: dict[int, StoredFile] = field(default_factory=dict)
    icons: IconPlan | None = None
    included: Included = field(default_factory=Included)
    heads: list[LedgerHead] = field(default_factory=list)
    file_ids: Mapping[str, FileId] = field(default_factory=dict)
    finished: Finished = field(default_factory=dict)
    sealing: Sealing | None = None

    def copy_of(self, entry: Entry) -> StoredFile:
        """Return the file that goes out for `entry`."""
        return self.copies.get(entry.id, entry.file)

    def bytes_on_medium(self, size_bytes: int) -> int:
        """Return how many bytes a DICOM file of so many takes on the medium."""
        return self.sealing.bytes_on_medium(size_bytes) if self.sealing else size_bytes

    @property
    def growth_bytes(self) -> int:
        """How much larger, at most, a DICOM file is on the medium."""
        return self.sealing.growth_bytes if self.sealing else 0

    @property
    def mail_sealer(self) -> Sealer | None:
        """What the e-mail is sealed with; None for every other medium."""
        return self.sealing.sealer if self.sealing and not self.sealing.seals_files else None
