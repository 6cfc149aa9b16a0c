"""Querying a peer (C-FIND; PS3.4 C.4.1): words in, rows out, in bounded memory and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.identifier import (
    CHARACTER_SET,
    IdentifierError,
    Keys,
    encode_identifier,
    key_tag,
    key_word,
    read_identifier,
)
from mediastation.errors import ConfigError, NetworkError
from mediastation.model.finding import Finding, note, warning
from mediastation.network.query_retrieve_scu import Model, Response, iter_find, query_contexts
from mediastation.network.requestor import Requestor
from mediastation.station.station import Station
from mediastation.station.traffic.peers import NamedPeer, peer_named, require_peer, status_words

LEVELS: Mapping[str, str] = {
    "patients": "PATIENT",
    "studies": "STUDY",
    "series": "SERIES",
    "instances": "IMAGE",
}
"""What a query may be for, and its Query/Retrieve Level."""
LIMIT = 500
"""Rows by default; the query is cancelled behind them."""
MOST_ROWS = 1_000_000

LEVEL = 0x00080052
PATIENT_ID, ISSUER = 0x00100020, 0x00100021
STUDY_UID, SERIES_UID, INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080018
CLASS_UID, SYNTAXES = 0x00080016, 0x00083002
_NOT_ROWS = frozenset({"query_retrieve_level", "specific_character_set"})
_PATIENT = (0x00100010, PATIENT_ID, ISSUER, 0x00100030, 0x00100040)
_STUDY = (STUDY_UID, 0x00080020, 0x00080030, 0x00080050, 0x00080061, 0x00081030, 0x00200010,
          0x00201206, 0x00201208)  # fmt: skip
_SERIES = (SERIES_UID, 0x00080060, 0x00200011, 0x0008103E, 0x00201209)
_INSTANCE = (INSTANCE_UID, CLASS_UID, 0x00200013)
_ABOVE = {"PATIENT": (), "STUDY": (), "SERIES": (STUDY_UID,), "IMAGE": (STUDY_UID, SERIES_UID)}
_MOST_FINDINGS = 100

Read = TypeVar("Read")


@dataclass(slots=True)
class Answers:
    """What there is to say of the answers to a query.

    Parameters
    ----------
    findings : list of Finding
        What was wrong with them.
    complete : bool
        Whether these are all matches; false where the limit cut them off.
    """

    findings: list[Finding] = field(default_factory=list)
    complete: bool = True


@dataclass(slots=True)
class QueryResult(Answers):
    """What came of a query; `rows` are the matches, text by keyword in snake case."""

    rows: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the keys that the command promises."""
        return {
            "rows": self.rows,
            "complete": self.complete,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def find(
    station: Station, name: str, level: str, words: Sequence[str] = (), limit: int = LIMIT
) -> QueryResult:
    """Query the peer called `name`.

    Parameters
    ----------
    level : str
        One of `LEVELS`.
    words : sequence of str
        ``KEY=VALUE``, with matching as in PS3.4 C.2.2.2; ``KEY`` alone asks
        for its value. Keys are keywords, in snake case or not, or tags.
    limit : int
        Rows at most.

    Raises
    ------
    ConfigError
        If there is no such peer, a word is no key, or a key is missing that
        the level needs.
    NetworkError
        If the peer fails or refuses.
    """
    peer = require_peer(station, name, "find")
    keys = read_keys(words)
    result = QueryResult()
    qr_level = LEVELS[level]
    if qr_level == "PATIENT":
        result.rows.extend(iter_patients(peer, keys, limit, result))
        return result
    _require_keys_above(peer, qr_level, keys, level)
    asked = _return_keys(peer, qr_level) | keys
    result.rows.extend(iter_rows(peer, qr_level, asked, limit, result))
    return result


def iter_patients(
    peer: NamedPeer,
    keys: Mapping[int, str],
    limit: int,
    told: Answers,
    association: Requestor | None = None,
) -> Iterator[dict[str, str]]:
    """Query for patients, and yield each once; as `iter_rows` otherwise.

    Study Root has no such level: patients then come with their studies, of
    which there are `limit` at most.
    """
    asked = {**dict.fromkeys(_PATIENT, ""), **keys}
    if peer.model is Model.PATIENT:
        yield from iter_rows(peer, "PATIENT", asked, limit, told, association)
    else:
        yield from _patients(iter_rows(peer, "STUDY", asked, limit, told, association))


def iter_rows(
    peer: NamedPeer,
    level: str,
    keys: Mapping[int, str],
    limit: int,
    told: Answers,
    association: Requestor | None = None,
) -> Iterator[dict[str, str]]:
    """Query `level`, and yield the rows; what else there is to say goes into `told`.

    An `association` that is there already is used, one of its own otherwise.
    """
    with peer_named(peer):
        if association is not None:
            yield from _rows(peer, association, level, keys, limit, told)
            return
        contexts = query_contexts(peer.model.find)
        with Requestor(peer.remote(), contexts) as opened:
            yield from _rows(peer, opened, level, keys, limit, told)


def read_keys(words: Sequence[str]) -> dict[int, str]:
    """Return the keys that words like ``PatientID=4711`` stand for; `ConfigError` if none."""
    keys: dict[int, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            tag = key_tag(name.strip())
        except IdentifierError as fault:
            raise ConfigError(
                f"{fault}.", "Keys are keywords such as PatientID or patient_id, or (0010,0020)."
            ) from None
        if tag in (LEVEL, CHARACTER_SET):
            raise ConfigError(f"{name} is no key: the command gives it.")
        keys[tag] = value.strip()
    return keys


def identifier_of(peer: NamedPeer, keys: Keys, syntax: str) -> bytes:
    """Return the identifier of a query or retrieval; `ConfigError` if it cannot be said."""
    try:
        return encode_identifier(keys, syntax, peer.settings.character_set)
    except IdentifierError as fault:
        raise ConfigError(
            f"{fault}.", f"The character_set of the peer {peer.name} may be the wrong one."
        ) from None


def iter_answers(
    peer: NamedPeer,
    association: Requestor,
    sop_class: str,
    keys: Keys,
    read: Callable[[bytes, str], Read],
    limit: int,
    told: Answers,
) -> Iterator[Read]:
    """Ask by C-FIND, and yield what `read` makes of each match; the rest goes into `told`.

    Behind `limit` matches the query is cancelled. A match that cannot be read
    is left out and told.

    Raises
    ------
    ConfigError
        If the keys cannot be said.
    NetworkError
        If the peer fails or refuses.
    """

    def identifier(syntax: str) -> bytes:
        return identifier_of(peer, keys, syntax)

    found = 0
    is_told = False
    # One more than is wanted tells whether there are more.
    for response in iter_find(association, sop_class, identifier, limit + 1):
        if not response.is_pending:
            _end(response, told)
            return
        found += 1
        if found > limit:
            told.complete = False
            continue
        if response.status == 0xFF01 and not is_told:
            is_told = True
            told.findings.append(
                note(
                    "keys-not-matched",
                    peer.name,
                    "The peer does not match by some of the keys; more may have come than asked.",
                    reference="PS3.4 C.4.1.1.4",
                )
            )
        try:
            yield read(response.identifier, response.transfer_syntax)
        except IdentifierError as fault:
            if len(told.findings) < _MOST_FINDINGS:
                told.findings.append(
                    warning(
                        "response-unreadable",
                        peer.name,
                        f"Match {found:,} was left out: {fault}.",
                        "Tell whoever looks after the peer.",
                    )
                )


def _rows(
    peer: NamedPeer,
    association: Requestor,
    level: str,
    keys: Mapping[int, str],
    limit: int,
    told: Answers,
) -> Iterator[dict[str, str]]:
    empty = {key_word(tag): "" for tag in keys}
    sop_class, asked = peer.model.find, {LEVEL: level, **keys}
    for row in iter_answers(peer, association, sop_class, asked, read_identifier, limit, told):
        yield empty | {key: value for key, value in row.items() if key not in _NOT_ROWS}


def _end(response: Response, told: Answers) -> None:
    if response.status == 0:
        return
    if response.status == 0xFE00 and not told.complete:
        return  # as we asked
    comment = f": {response.comment}" if response.comment else ""
    raise NetworkError(
        f"the query was refused: {status_words(response.status)}{comment}",
        "Ask for fewer matches, or with other keys."
        if response.status >> 8 == 0xA7
        else "Other keys, or another information_model in the settings of the peer, may do.",
    )


def _return_keys(peer: NamedPeer, level: str) -> dict[int, str]:
    """Return what is asked for by default at a level below that of patients."""
    wanted: tuple[int, ...] = _ABOVE[level]
    if peer.model is Model.STUDY and level == "STUDY":
        wanted += _PATIENT
    wanted += {"STUDY": _STUDY, "SERIES": _SERIES, "IMAGE": _INSTANCE}[level]
    return dict.fromkeys(wanted, "")


def _require_keys_above(peer: NamedPeer, level: str, keys: Mapping[int, str], words: str) -> None:
    """Raise `ConfigError` unless the unique keys above `level` are there (PS3.4 C.4.1.2.1)."""
    needed = _ABOVE[level]
    if peer.model is Model.PATIENT and level != "PATIENT":
        needed = (PATIENT_ID, *needed)
    for tag in needed:
        value = keys.get(tag, "")
        if not value or set(value) & set("*?\\"):
            name = key_word(tag)
            raise ConfigError(
                f"A query for {words} needs one {attribute_name(tag)}.", f"Add {name}=…."
            )


def _patients(rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield each patient once, of rows of studies."""
    keywords = tuple(map(key_word, _PATIENT))
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        identity = tuple(row.get(key, "") for key in keywords)
        if identity not in seen:
            seen.add(identity)
            yield row
