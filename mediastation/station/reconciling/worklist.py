"""Asking a Modality Worklist for orders (PS3.4, K): keys in, candidates out.

What an entry has is in PS3.4, Table K.6-1. Its matching keys are the patient's
name and ID, and modality, station and start of the Scheduled Procedure Step;
whether a peer matches by anything else is for it to say. Whoever looks for one
patient therefore compares what came back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from mediastation.dicom.answer import Answer, read_answer
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.identifier import Keys, key_word
from mediastation.errors import ConfigError
from mediastation.model.finding import Finding, note, warning
from mediastation.model.identity import PatientIdentity
from mediastation.model.reconciliation import Candidate, CandidateOrigin, CodedEntry, Order
from mediastation.network.query_retrieve_scu import (
    MODALITY_WORKLIST,
    NotServedError,
    query_contexts,
)
from mediastation.network.requestor import Requestor
from mediastation.station.station import Station
from mediastation.station.traffic.peers import NamedPeer, peer_named, require_peer
from mediastation.station.traffic.query import (
    ISSUER,
    LIMIT,
    PATIENT_ID,
    STUDY_UID,
    Answers,
    iter_answers,
)

PATIENT_NAME, BIRTH_DATE, SEX = 0x00100010, 0x00100030, 0x00100040
ACCESSION: Final = 0x00080050

MATCHED_KEYS: Final = frozenset({PATIENT_NAME, PATIENT_ID, BIRTH_DATE, ACCESSION})
"""By which orders for imports are looked for; people may ask by every other key as well."""

_STEPS: Final = 0x00400100
_START_DATE, _START_TIME = 0x00400002, 0x00400003
_STEP_TEXT, _STEP_ID = 0x00400007, 0x00400009
_PROCEDURE_TEXT, _PROCEDURE_ID, _PROCEDURE_CODES = 0x00321060, 0x00401001, 0x00321064
_ACCESSION_ISSUER, _NAMESPACE, _ENTITY, _ENTITY_TYPE = (
    0x00080051, 0x00400031, 0x00400032, 0x00400033,
)  # fmt: skip
_REFERENCED_STUDY, _CLASS, _INSTANCE = 0x00081110, 0x00081150, 0x00081155
_OTHER_IDS, _MORE_IDS = 0x00101000, 0x00101002
_CODE: Final[Keys] = dict.fromkeys((0x00080100, 0x00080102, 0x00080103, 0x00080104), "")

_STEP_KEYS: Final = (
    0x00080060,  # Modality
    0x00400001,  # Scheduled Station AE Title
    _START_DATE,
    _START_TIME,
    0x00400006,  # Scheduled Performing Physician's Name
    _STEP_TEXT,
    _STEP_ID,
    0x00400010,  # Scheduled Station Name
)
_KEYS: Final = (
    ACCESSION,
    0x00080090,  # Referring Physician's Name
    PATIENT_NAME,
    PATIENT_ID,
    ISSUER,
    BIRTH_DATE,
    SEX,
    _OTHER_IDS,
    STUDY_UID,
    0x00321032,  # Requesting Physician
    _PROCEDURE_TEXT,
    0x00380010,  # Admission ID
    _PROCEDURE_ID,
)
_SEQUENCES: Final[Mapping[int, Keys]] = {
    _ACCESSION_ISSUER: dict.fromkeys((_NAMESPACE, _ENTITY, _ENTITY_TYPE), ""),
    _REFERENCED_STUDY: dict.fromkeys((_CLASS, _INSTANCE), ""),
    _MORE_IDS: dict.fromkeys((PATIENT_ID, ISSUER), ""),
    _PROCEDURE_CODES: _CODE,
}


@dataclass(slots=True)
class WorklistResult(Answers):
    """What came of asking a worklist: one candidate for each order."""

    orders: list[Candidate] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the keys that the command promises."""
        return {
            "rows": [order_row(one) for one in self.orders],
            "complete": self.complete,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def find_orders(
    station: Station, name: str, keys: Mapping[int, str] | None = None, limit: int = LIMIT
) -> WorklistResult:
    """Ask the worklist of the peer called `name`.

    Parameters
    ----------
    keys : mapping of int to str, optional
        What to match by, text by tag (`mediastation.station.traffic.query.read_keys`).
        Those of the Scheduled Procedure Step are put into its item.
    limit : int
        Entries at most; the query is cancelled behind them.

    Raises
    ------
    ConfigError
        If there is no such peer, or no entry has such a key.
    NetworkError
        If the peer fails or refuses.
    """
    peer = require_peer(station, name, "worklist")
    asked = worklist_keys(keys or {})
    result = WorklistResult()
    with opened_worklist(peer) as association:
        result.orders.extend(iter_orders(peer, association, asked, limit, result))
    return result


@contextmanager
def opened_worklist(peer: NamedPeer) -> Iterator[Requestor]:
    """Open an association for the worklist of `peer`; what fails is told as its fault."""
    with peer_named(peer):
        try:
            with Requestor(peer.remote(), query_contexts(MODALITY_WORKLIST)) as association:
                yield association
        except NotServedError as fault:
            raise NotServedError(
                fault.message,
                "A worklist often has an AE title and a port of its own: a peer of its own in the "
                "settings names them.",
            ) from fault


def worklist_keys(keys: Mapping[int, str]) -> Keys:
    """Return the identifier that asks for all an order says, and matches by `keys`.

    Raises
    ------
    ConfigError
        If a worklist entry has no such key.
    """
    above, step = dict.fromkeys(_KEYS, ""), dict.fromkeys(_STEP_KEYS, "")
    for tag, text in keys.items():
        place = above if tag in above else step
        if tag not in place:
            known = ", ".join(map(key_word, (*_KEYS, *_STEP_KEYS)))
            raise ConfigError(
                f"No entry of a worklist is asked for by {attribute_name(tag)}.",
                f"The keys are: {known}.",
            )
        place[tag] = text
    return {**above, **_SEQUENCES, _STEPS: step}


def iter_orders(
    peer: NamedPeer, association: Requestor, keys: Keys, limit: int, told: Answers
) -> Iterator[Candidate]:
    """Ask for what `worklist_keys` gave, and yield a candidate for each step of each entry.

    An entry that names nobody, or whose patient could not be written into an
    object, is left out and told.
    """

    def read(data: bytes, syntax: str) -> Answer:
        return read_answer(data, syntax, keys)

    for entry in iter_answers(peer, association, MODALITY_WORKLIST, keys, read, limit, told):
        identity = _identity(entry)
        accession = entry.text(ACCESSION)
        if identity.names_nobody or not is_writable(identity):
            told.findings.append(_no_patient(peer, accession, identity))
            continue
        for step in entry.items(_STEPS) or (Answer(),):
            yield Candidate(
                identity, CandidateOrigin.WORKLIST, peer.name, _order(entry, step), _ids(entry)
            )


def _no_patient(peer: NamedPeer, accession: str, identity: PatientIdentity) -> Finding:
    tell, why = warning, "has a patient whose values cannot be written into an object"
    if identity.names_nobody:
        tell, why = note, "has neither Patient ID nor name"
    return tell(
        "order-without-patient",
        peer.name,
        f"The entry with Accession Number {accession!r} was left out: it {why}.",
        "Have it corrected in the system that made the order.",
        "PS3.4 Table K.6-1",
    )


def is_writable(identity: PatientIdentity) -> bool:
    """Tell whether each attribute is one value without control characters (PS3.5, 6.2)."""
    return not any(
        "\\" in text or any(ord(char) < 0x20 for char in text) for text in astuple(identity)
    )


def order_row(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate of a worklist as a row, keys as the keywords in snake case."""
    who, order = candidate.identity, candidate.order or Order()
    return {
        "patient_name": who.name,
        "patient_id": who.patient_id,
        "issuer_of_patient_id": who.issuer,
        "patient_birth_date": who.birth_date,
        "patient_sex": who.sex,
        "other_patient_ids": [
            {"patient_id": one, "issuer_of_patient_id": issuer}
            for one, issuer in candidate.other_patient_ids
        ],
        "accession_number": order.accession_number,
        "issuer_of_accession_number": order.accession_issuer,
        "requested_procedure_id": order.requested_procedure_id,
        "requested_procedure_description": order.requested_procedure_description,
        "requested_procedure_codes": [
            {
                "code_value": code.value,
                "coding_scheme_designator": code.scheme,
                "coding_scheme_version": code.scheme_version,
                "code_meaning": code.meaning,
            }
            for code in order.procedure_codes
        ],
        "scheduled_procedure_step_id": order.scheduled_step_id,
        "scheduled_procedure_step_description": order.scheduled_step_description,
        "scheduled_procedure_step_start": order.scheduled_at,
        "study_instance_uid": order.study_instance_uid,
        "referenced_studies": [
            {"referenced_sop_class_uid": sop_class, "referenced_sop_instance_uid": uid}
            for sop_class, uid in order.referenced_study
        ],
    }


def _identity(entry: Answer) -> PatientIdentity:
    return PatientIdentity(*map(entry.text, (PATIENT_ID, ISSUER, PATIENT_NAME, BIRTH_DATE, SEX)))


def _order(entry: Answer, step: Answer) -> Order:
    date, time = step.text(_START_DATE), step.text(_START_TIME)
    return Order(
        accession_number=entry.text(ACCESSION),
        accession_issuer=_issuer(entry),
        requested_procedure_id=entry.text(_PROCEDURE_ID),
        requested_procedure_description=entry.text(_PROCEDURE_TEXT),
        scheduled_step_id=step.text(_STEP_ID),
        scheduled_step_description=step.text(_STEP_TEXT),
        study_instance_uid=entry.text(STUDY_UID),
        scheduled_at=f"{date}{time}" if date else "",
        procedure_codes=tuple(
            CodedEntry(value, scheme, meaning, version)
            for value, scheme, version, meaning in (
                map(code.text, _CODE) for code in entry.items(_PROCEDURE_CODES)
            )
            if value
        ),
        referenced_study=tuple(
            (one.text(_CLASS), one.text(_INSTANCE))
            for one in entry.items(_REFERENCED_STUDY)
            if one.text(_INSTANCE)
        ),
    )


def _issuer(entry: Answer) -> str:
    """Return who gave the Accession Number: ``namespace``, or ``namespace&entity&type``.

    The second form, that of HL7's hierarchic designator, is there where the
    entry has a universal entity as well (PS3.3, 10.14).
    """
    for one in entry.items(_ACCESSION_ISSUER):
        namespace, entity, kind = map(one.text, (_NAMESPACE, _ENTITY, _ENTITY_TYPE))
        if entity:
            return f"{namespace}&{entity}&{kind}"
        if namespace:
            return namespace
    return ""


def _ids(entry: Answer) -> tuple[tuple[str, str], ...]:
    found = [(one.text(PATIENT_ID), one.text(ISSUER)) for one in entry.items(_MORE_IDS)]
    known = {one for one, _ in found}
    # Retired, and still what many peers have (PS3.6): it knows no issuers.
    plain = entry.text(_OTHER_IDS).split("\\")
    found += [(one.strip(), "") for one in plain if one.strip() not in known]
    return tuple(dict.fromkeys((one, issuer) for one, issuer in found if one))
