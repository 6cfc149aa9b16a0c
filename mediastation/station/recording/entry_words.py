"""Entries of the ledger in a line each, where they tell of imports, identities and the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from mediastation.model.ledger import LedgerEntry, LedgerEvent, LedgerPatient


def people_words(facts: Mapping[str, Any]) -> str:
    """Return the patients of an entry with their IDs."""
    return ", ".join(map(_person, _list(facts, "patients")))


@dataclass(frozen=True, slots=True)
class TrafficCells:
    """An entry about an import, an identity or a transfer, as a row of a table has it.

    Parameters
    ----------
    patients : tuple of LedgerPatient
        Whose instances.
    other : str
        The other side: the institution that a medium came from, or the peer.
    medium, label : str
        What an outside medium is, and what it is called.
    instances : int
        How many.
    state : str
        What is to be known besides, in a word or two.
    """

    patients: tuple[LedgerPatient, ...]
    other: str
    medium: str
    label: str
    instances: int
    state: str


def traffic_cells(entry: LedgerEntry) -> TrafficCells:
    """Return what an entry tells, cell by cell; what cannot be read is empty."""
    facts = entry.facts
    medium, counts = _dict(facts, "outside_medium"), _dict(facts, "counts")
    instances, state = _number(facts, "instances"), ""
    match entry.event:
        case LedgerEvent.IMPORTED:
            instances = _number(counts, "imported")
            here = _number(counts, "duplicates")
            state = f"{here:,} were here" if here else ""
        case LedgerEvent.REFUSED:
            instances = _number(counts, "held") + _number(counts, "refused")
            state = f"{_number(counts, 'held'):,} held" if counts.get("held") else "refused"
        case LedgerEvent.RECONCILED:
            state = _text(facts, "how")
        case LedgerEvent.FETCHED:
            state = f"{_number(facts, 'new'):,} new"
        case LedgerEvent.OPENED:
            instances = _instances(facts)
            damaged = _number(_dict(facts, "opened"), "damaged")
            state = f"{damaged:,} damaged" if damaged else ""
    return TrafficCells(
        tuple(
            LedgerPatient(*(_text(one, key) for key in ("patient_id", "name", "birth_date")))
            for one in _list(facts, "patients")
            if isinstance(one, Mapping)
        ),
        _text(_dict(facts, "transfer"), "peer")
        or _text(medium, "institution")
        or _text(facts, "peer"),
        _text(facts, "media_type") or _text(medium, "kind"),
        _text(medium, "volume_id")
        or _text(medium, "file_set_id")
        or PurePath(_text(_dict(facts, "opened"), "medium")).name,
        instances,
        state,
    )


def traffic_words(entry: LedgerEntry) -> str:
    """Return what an entry tells of an import, an identity or a transfer; empty for any other."""
    tell = _WORDS.get(entry.event)
    return tell(entry.facts) if tell else ""


def _imported(facts: Mapping[str, Any]) -> str:
    counts = _dict(facts, "counts")
    told = f"{_number(counts, 'imported'):,} of {_number(counts, 'found'):,} instances"
    more = _counted(counts, duplicates="here already", repaired="repaired")
    return f"{told} from {_outside(facts)}: {people_words(facts) or 'nobody new'}{more}"


def _refused(facts: Mapping[str, Any]) -> str:
    counts = _dict(facts, "counts")
    number = _number(counts, "held") + _number(counts, "refused")
    who = people_words(facts)
    told = f"{number:,} of {_number(counts, 'found'):,} instances stayed outside, from"
    more = _counted(counts, held="held", refused="refused")
    return f"{told} {_outside(facts)}{f': {who}' if who else ''}{more}"


def _reconciled(facts: Mapping[str, Any]) -> str:
    outside, local = _person(_dict(facts, "outside")), _person(_dict(facts, "local"))
    vouched = " ".join(filter(None, (_text(facts, "origin"), _text(facts, "peer"))))
    parts = [f"{outside} is {local}: {_number(facts, 'instances'):,} instances; from {vouched}"]
    if _text(facts, "accession_number"):
        parts.append(f"accession {_text(facts, 'accession_number')}")
    by = _text(facts, "decided_by")
    how = {"remembered": "as decided before", "site-rule": "by a rule of the site"}.get(
        _text(facts, "how"), "decided"
    )
    parts.append(f"{how} by {by}" if by else how)
    return "; ".join(parts)


def _moved(word: str) -> Callable[[Mapping[str, Any]], str]:
    def tell(facts: Mapping[str, Any]) -> str:
        peer = _dict(facts, "transfer")
        address = f"{_text(peer, 'aet')}@{_text(peer, 'host')}:{_number(peer, 'port')}"
        number = f"{_number(facts, 'instances'):,} instances of {people_words(facts)}"
        return f"{number} {word} {_text(peer, 'peer')} ({address})"

    return tell


def _opened(facts: Mapping[str, Any]) -> str:
    told = _dict(facts, "opened")
    count = _number(told, "envelopes")
    number = f"{count:,} envelope{'' if count == 1 else 's'} of {_text(told, 'medium')}"
    who = people_words(facts)
    more = _counted(told, damaged="damaged")
    return f"{number} into {_text(told, 'path')}, plain{f': {who}' if who else ''}{more}"


_WORDS: Mapping[LedgerEvent, Callable[[Mapping[str, Any]], str]] = {
    LedgerEvent.IMPORTED: _imported,
    LedgerEvent.REFUSED: _refused,
    LedgerEvent.RECONCILED: _reconciled,
    LedgerEvent.SENDING: _moved("about to go to"),
    LedgerEvent.SENT: _moved("to"),
    LedgerEvent.FETCHED: _moved("from"),
    LedgerEvent.OPENED: _opened,
}


def _outside(facts: Mapping[str, Any]) -> str:
    """Return what tells a medium from others: its kind, label or name, and whose it is."""
    medium = _dict(facts, "outside_medium")
    kind = _text(facts, "media_type") or _text(medium, "kind")
    label = _text(medium, "volume_id") or _text(medium, "file_set_id") or _text(medium, "name")
    whose = _text(medium, "institution") or _text(medium, "made_by")
    return " ".join(filter(None, (kind, label, f"of {whose}" if whose else "")))


def _counted(counts: Mapping[str, Any], **words: str) -> str:
    told = [f"{_number(counts, key):,} {word}" for key, word in words.items() if counts.get(key)]
    return f"; {', '.join(told)}" if told else ""


def _instances(facts: Mapping[str, Any]) -> int:
    """Return how many instances the studies of an entry have."""
    return sum(
        _number(classes, uid)
        for study in _list(facts, "studies")
        if isinstance(study, Mapping)
        for classes in (_dict(study, "sop_classes"),)
        for uid in classes
    )


def _person(patient: object) -> str:
    if not isinstance(patient, Mapping):
        return ""
    return f"{_text(patient, 'name')} ({_text(patient, 'patient_id')})"


def _dict(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = facts.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(facts: Mapping[str, Any], key: str) -> list[Any]:
    found = facts.get(key)
    return found if isinstance(found, list) else []


def _text(facts: Mapping[str, Any], key: str) -> str:
    found = facts.get(key)
    return found if isinstance(found, str) else ""


def _number(facts: Mapping[str, Any], key: str) -> int:
    found = facts.get(key)
    return found if type(found) is int else 0
