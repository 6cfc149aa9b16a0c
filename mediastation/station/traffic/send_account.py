"""What is told of one send: to its journal, to the ledger, and to the report of an import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mediastation.catalog.outside import imports_behind
from mediastation.model.entry import Entry
from mediastation.network.storage_scu import SentInstance
from mediastation.station.job import Job
from mediastation.station.recording.ledger_traffic import (
    record_confirmed,
    record_sending,
    record_sent,
)
from mediastation.station.station import Station
from mediastation.station.traffic.peers import NamedPeer
from mediastation.station.traffic.requests import SendRequest
from mediastation.station.traffic.results import SendResult
from mediastation.station.traffic.send_journal import SendJournal

_LONGEST_PART = 200


class SendAccount:
    """Accounts for each instance of one run.

    Parameters
    ----------
    station : Station
        Where the job runs.
    job : Job
        The run.
    peer : NamedPeer
        Who confirms.
    journal : SendJournal
        What was confirmed so far.
    """

    def __init__(self, station: Station, job: Job, peer: NamedPeer, journal: SendJournal) -> None:
        self._station = station
        self._job = job
        self._peer = peer
        self._journal = journal
        self._confirmed: set[int] = set()
        self._imports: list[int] = []

    def take_known(self, entries: Iterable[Entry]) -> list[int]:
        """Return those that an earlier run got confirmed; of a killed one, tell the ledger."""
        known, untold = [], []
        for entry in entries:
            if self._journal.has(entry):
                known.append(entry.id)
                if not self._journal.is_recorded(entry):
                    untold.append(entry.id)
        record_confirmed(self._station, self._job.id, self._peer, untold)
        self._journal.mark_recorded()
        return known

    @contextmanager
    def announced(self, entries: Sequence[int]) -> Iterator[None]:
        """Have the ledger say that `entries` are about to go, and in the end what came of it.

        Raises
        ------
        MediaError
            If the ledger cannot be written. In the beginning nothing may go then.
        """
        begun = record_sending(self._station, self._job.id, self._peer, entries)
        try:
            yield
        finally:
            record_sent(self._station, self._job.id, self._peer, begun, self._confirmed)
            self._journal.mark_recorded()

    def confirm(self, entry: Entry, outcome: SentInstance) -> None:
        """Note what the peer said of `entry`."""
        self._journal.confirm(entry, outcome)
        if outcome.stored:
            self._confirmed.add(entry.id)

    def find_imports(self) -> None:
        """Note which imports brought what the job is about, before any of it is taken out."""
        self._imports = imports_behind(self._station.catalog, self._job.id)

    def amend_report(self, request: SendRequest, result: SendResult) -> None:
        """Have the reports of the imports that brought these instances say where they went."""
        if not self._imports:
            return
        from mediastation.pages.import_facts import SentOn  # noqa: PLC0415 - it brings templates
        from mediastation.station.intake.report_file import (  # noqa: PLC0415
            amend_import_report,
        )

        peer, named = self._peer, " ".join(request.sources)[:_LONGEST_PART]
        counts = result.sent, result.refused, result.unsent
        for job in self._imports:
            part = "" if named == f"import:{job}" else named
            sent = SentOn(peer.name, peer.address, *counts, part)
            self._job.found(amend_import_report(self._station, [job], sent=sent))
