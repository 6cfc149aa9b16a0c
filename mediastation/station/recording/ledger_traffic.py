"""Recording what comes in on outside media, under whose identity, and what goes over the network.

As in `mediastation.station.recording.ledger`: every entry is durable before the function
returns. Transfers stand one patient to an entry (PS3.15 A.5.3.3, A.5.3.7), and
what is about to leave is recorded before a byte of it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mediastation.catalog.identities import (
    EntriesOfPatient,
    entries_by_patient,
    latest_originals,
)
from mediastation.model.ledger import LedgerEvent, LedgerHead
from mediastation.model.ledger_facts import ImportFacts, ReconcileFacts, TransferFacts
from mediastation.station.recording.ledger import record_entry
from mediastation.station.station import Station
from mediastation.station.traffic.peers import NamedPeer


@dataclass(frozen=True, slots=True)
class Announced:
    """What an entry says is about to be sent: the entry's number, and whose entries."""

    number: int
    gone: EntriesOfPatient


def record_imported(station: Station, job: int, facts: ImportFacts) -> LedgerHead:
    """Record what came on an outside medium, once for a job, when all of it is durable.

    What was held or refused is an entry of its own behind the first: an audit
    message has one outcome (PS3.15 A.5.2). A job that was killed may come here
    again with the same facts.

    Raises
    ------
    MediaError
        If the ledger cannot be written.
    """
    head: LedgerHead | None = None
    if facts.imported or facts.duplicates or not facts.kept_back:
        head = record_entry(station, LedgerEvent.IMPORTED, job, facts.as_facts(), once=True)
    if facts.kept_back or head is None:
        head = record_entry(station, LedgerEvent.REFUSED, job, facts.as_kept_facts(), once=True)
    return head


def record_reconciled(station: Station, job: int, facts: ReconcileFacts) -> LedgerHead:
    """Record under which identity of this site the copies of one outside patient stand.

    One entry for each outside identity; coming again with the same facts
    writes nothing.

    Raises
    ------
    MediaError
        If the ledger cannot be written.
    """
    return record_entry(station, LedgerEvent.RECONCILED, job, facts.as_facts(), once=True)


def record_sending(
    station: Station, job: int, peer: NamedPeer, entries: Sequence[int]
) -> list[Announced]:
    """Record that `entries` are about to go to a peer; only then may they.

    Returns
    -------
    list of Announced
        One for each patient, for `record_sent`.

    Raises
    ------
    MediaError
        If the ledger cannot be written. Nothing may be sent then.
    """
    announced = []
    for gone in entries_by_patient(station.catalog, entries):
        facts = _transfer(peer, gone).as_facts()
        head = record_entry(station, LedgerEvent.SENDING, job, facts)
        announced.append(Announced(head.count, gone))
    return announced


def record_sent(
    station: Station,
    job: int,
    peer: NamedPeer,
    announced: Sequence[Announced],
    confirmed: Collection[int],
) -> None:
    """Record what the peer confirmed of what was announced, and withdraw the rest.

    Call it however the sending ended. What was withdrawn may have left all the
    same: an association can break before the answer comes.

    Raises
    ------
    MediaError
        If the ledger cannot be written.
    """
    for one in announced:
        there = [entry for entry in one.gone.entries if entry in confirmed]
        rest = [entry for entry in one.gone.entries if entry not in confirmed]
        if there:
            facts = _transfer(peer, _part(station, one.gone, there)).as_facts()
            record_entry(station, LedgerEvent.SENT, job, facts | {"entry": one.number})
        if rest:
            facts = _transfer(peer, _part(station, one.gone, rest)).as_facts()
            reason = (
                f"{peer.name} did not confirm {len(rest):,} of {len(one.gone.entries):,} instances"
            )
            facts |= {"entry": one.number, "reason": reason}
            record_entry(station, LedgerEvent.WITHDRAWN, job, facts)


def record_confirmed(station: Station, job: int, peer: NamedPeer, entries: Sequence[int]) -> None:
    """Record what a peer confirmed to a run that was killed before it could say so.

    It was announced by that run, so nothing is announced here.

    Raises
    ------
    MediaError
        If the ledger cannot be written.
    """
    for gone in entries_by_patient(station.catalog, entries):
        facts = _transfer(peer, gone).as_facts()
        record_entry(station, LedgerEvent.SENT, job, facts, once=True)


def record_fetched(
    station: Station,
    job: int,
    peer: NamedPeer,
    received: Collection[str],
    known: Collection[str] = (),
) -> None:
    """Record what came from a peer, durable here by now.

    Parameters
    ----------
    received : collection of str
        SOP Instance UIDs.
    known : collection of str
        Those that were here before it was asked.

    Raises
    ------
    MediaError
        If the ledger cannot be written.
    """
    catalog = station.catalog
    old = set(latest_originals(catalog, (uid for uid in received if uid in known)))
    for came in entries_by_patient(catalog, latest_originals(catalog, received)):
        new = sum(entry not in old for entry in came.entries)
        facts = replace(_transfer(peer, came), new=new).as_facts()
        record_entry(station, LedgerEvent.FETCHED, job, facts)


def _part(station: Station, whole: EntriesOfPatient, chosen: list[int]) -> EntriesOfPatient:
    if len(chosen) == len(whole.entries):
        return whole
    found = entries_by_patient(station.catalog, chosen)
    # What was forgotten meanwhile is counted all the same.
    part = found[0] if found else EntriesOfPatient(whole.patient)
    return replace(part, patient=whole.patient, entries=chosen)


def _transfer(peer: NamedPeer, gone: EntriesOfPatient) -> TransferFacts:
    settings = peer.settings
    return TransferFacts(
        peer=peer.name,
        aet=settings.aet,
        host=settings.host,
        port=settings.port,
        patient=gone.patient,
        studies=tuple(replace(study, whole=False) for study in gone.studies),
        instances=len(gone.entries),
        files_sha256=gone.files_sha256,
    )
