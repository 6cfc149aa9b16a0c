"""Who of this site an outside patient may be: every source is asked, and the answers compared.

The sources are the worklists (an order for the import is the best there is), a
peer that the site trusts to have its own patients, and the catalog. None of
them has to answer; one that did not is told, since somebody may then be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mediastation.catalog.patients_like import PatientsLike, patients_born_on, patients_with_id
from mediastation.catalog.remembered import recall_identity
from mediastation.config import NOBODY
from mediastation.dicom.identifier import IdentifierError, encode_identifier
from mediastation.errors import ConfigError, NetworkError
from mediastation.model.finding import Finding, warning
from mediastation.model.identity import PatientIdentity, normalise, normalise_text
from mediastation.model.matching import AskedFor, MatchList, rank_candidates, with_issuer
from mediastation.model.name_search import family_patterns, initial_patterns
from mediastation.model.reconciliation import Candidate, CandidateOrigin
from mediastation.model.transfer_syntax import EXPLICIT_LE
from mediastation.network.query_retrieve_scu import query_contexts
from mediastation.network.requestor import Requestor
from mediastation.station.reconciling.reconciled import OUTSIDE_MEDIUM
from mediastation.station.reconciling.worklist import (
    ACCESSION,
    BIRTH_DATE,
    PATIENT_NAME,
    is_writable,
    iter_orders,
    opened_worklist,
    worklist_keys,
)
from mediastation.station.station import Station
from mediastation.station.traffic.peers import NamedPeer, peer_named, require_peer
from mediastation.station.traffic.query import LIMIT, PATIENT_ID, Answers, iter_patients

_WILD = frozenset("*?\\")
_DATE_DIGITS = 8
# What does not matter to whoever compares the answers anyway.
_PASSED_OVER = frozenset({"keys-not-matched"})

Question = Mapping[int, str]
"""Keys of one query, text by tag."""


def find_matches(
    station: Station,
    outside: PatientIdentity,
    *,
    patient_id: str = "",
    accession_number: str = "",
    worklist: str | None = None,
    peer: str | None = None,
    origin: str = "",
    limit: int = LIMIT,
) -> MatchList:
    """Find who of this site `outside` may be.

    Parameters
    ----------
    outside : PatientIdentity
        As the objects on the medium give it.
    patient_id, accession_number : str, optional
        Numbers of this site that an operator gave: only who bears them is
        returned, also where nothing else agrees. An Accession Number is that
        of an order, and looked for in worklists alone.
    worklist : str, optional
        The peer whose worklist is asked, ``-`` for none; by default as
        ``[reconcile]`` in the settings says.
    peer : str, optional
        The same for the peer that is asked for patients.
    origin : str, optional
        `OutsideMedium.origin` of the medium: who the same patient was the last
        time is looked for too, and marked.
    limit : int
        Answers to one query at most.

    Raises
    ------
    ConfigError
        If a peer is not there, or a number cannot be one.
    NetworkError
        If no source answered at all.
    """
    asked = AskedFor(patient_id.strip(), accession_number.strip())
    for number in (asked.patient_id, asked.accession_number):
        if set(number) & _WILD:
            raise ConfigError(f"{number!r} is no number.", "Give it whole, without wild cards.")
    search = _Search(station, outside, asked, limit)
    if origin:
        search.recalled = recall_identity(station.catalog, origin, outside)
    for one in _worklists(station, worklist):
        search.ask(f"worklist of {one.name}", one, search.orders)
    if not asked.accession_number:
        for one in _patients(station, peer):
            search.ask(f"patients of {one.name}", one, search.patients)
        if station.settings.reconcile.catalog:
            search.look_into_catalog()
    return search.result()


@dataclass(slots=True)
class _Search:
    station: Station
    outside: PatientIdentity
    asked: AskedFor
    limit: int
    recalled: Candidate | None = None
    found: list[Candidate] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    failures: list[NetworkError] = field(default_factory=list)

    def ask(
        self, words: str, peer: NamedPeer, source: Callable[[NamedPeer, Answers], list[Candidate]]
    ) -> None:
        """Ask one peer; what it does not answer is a finding."""
        told = Answers()
        try:
            # Only what a peer told whole counts: half an answer is none.
            self.found += source(peer, told)
        except NetworkError as fault:
            self.failures.append(fault)
            self.findings.append(
                warning("source-failed", peer.name, f"Not asked: {fault.message}", fault.hint)
            )
            return
        self.answered.append(words)
        known = {(finding.rule, finding.message) for finding in self.findings}
        for finding in told.findings:
            if finding.rule not in _PASSED_OVER and (finding.rule, finding.message) not in known:
                known.add((finding.rule, finding.message))
                self.findings.append(finding)
        if not told.complete:
            self._tell_rest(words)

    def orders(self, peer: NamedPeer, told: Answers) -> list[Candidate]:
        """Ask a worklist."""
        with opened_worklist(peer) as association:

            def put(question: Question) -> list[Candidate]:
                keys = worklist_keys(question)
                return list(iter_orders(peer, association, keys, self.limit, told))

            # A worklist is short: everybody who was born that day may be looked at.
            return self._put(peer, put, [{}], told)

    def patients(self, peer: NamedPeer, told: Answers) -> list[Candidate]:
        """Ask an archive for patients."""
        contexts = query_contexts(peer.model.find)
        with peer_named(peer), Requestor(peer.remote(), contexts) as association:

            def put(question: Question) -> list[Candidate]:
                rows = iter_patients(peer, question, self.limit, told, association)
                return list(_candidates(peer, rows))

            initials = [{PATIENT_NAME: one} for one in initial_patterns(self.outside.name)]
            return self._put(peer, put, initials, told)

    def look_into_catalog(self) -> None:
        """Look for patients of this site among those whose instances are here."""
        catalog, most = self.station.catalog, self.limit
        parts = [patients_with_id(catalog, one, OUTSIDE_MEDIUM, most) for one in self._numbers()]
        if not self.asked:
            parts.append(
                patients_born_on(catalog, self._born(), self.outside.name, OUTSIDE_MEDIUM, most)
            )
        self.answered.append("catalog")
        self._take(parts)

    def result(self) -> MatchList:
        """Return the list; `NetworkError` if nobody answered."""
        if self.failures and not self.answered:
            raise self.failures[0]
        if not self.answered:
            self.findings.append(
                warning(
                    "nobody-asked",
                    "reconcile",
                    "There is nobody to be asked for patients of this site.",
                    "[reconcile] in the settings names a worklist, a peer, or the catalog.",
                )
            )
        elif not self._questions() and not self._born():
            self.findings.append(
                warning(
                    "too-little-known",
                    "reconcile",
                    "Without a birth date nobody can be looked for by name.",
                    "Give the Patient ID that the patient has here, or the Accession Number.",
                )
            )
        rules, issuer = self.station.settings.reconcile, self.station.settings.reconcile.issuer
        if (
            self.recalled is not None
            and self.recalled.origin is CandidateOrigin.TYPED
            and rules.typed
        ):
            self.found.append(self.recalled)  # nobody else may know it
        before = None if self.recalled is None else self.recalled.identity
        matches = rank_candidates(
            self.outside, (with_issuer(one, issuer) for one in self.found), self.asked, before
        )
        if before is not None and not any(match.remembered for match in matches):
            self.findings.append(
                warning(
                    "remembered-missing",
                    "reconcile",
                    "The same outside patient was matched before with "
                    f"{before.name or 'somebody'} (Patient ID {before.patient_id or 'none'}), "
                    "who is not among those found today.",
                    "Compare both before choosing another.",
                )
            )
        return MatchList(matches, tuple(self.findings), tuple(self.answered))

    def _put(
        self,
        peer: NamedPeer,
        put: Callable[[Question], list[Candidate]],
        wide: Sequence[Question],
        told: Answers,
    ) -> list[Candidate]:
        """Ask by number, by family name, and then more widely if the peer heeds birth dates.

        One that overlooks them would answer the wide questions with everybody.
        It may also refuse them; what it answered before counts all the same.
        """
        found = [one for question in self._questions() for one in put(question)]
        born = self._born()
        if self.asked or not born:
            return found
        heeds = True
        for pattern in family_patterns(self.outside.name):
            question = {PATIENT_NAME: pattern, BIRTH_DATE: born}
            if _can_be_said(peer, question):
                answers = put(question)
                heeds = heeds and all(
                    normalise(one.identity).birth_date in (born, "") for one in answers
                )
                found += answers
        for keys in wide if heeds else ():
            question = {**keys, BIRTH_DATE: born}
            if _can_be_said(peer, question):
                try:
                    found += put(question)
                except NetworkError:
                    told.complete = False
                    break
        return found

    def _questions(self) -> list[Question]:
        """Return what is asked by number."""
        if self.asked.accession_number:
            keys = {ACCESSION: self.asked.accession_number}
            return [keys | ({PATIENT_ID: self.asked.patient_id} if self.asked.patient_id else {})]
        return [{PATIENT_ID: number} for number in self._numbers()]

    def _numbers(self) -> list[str]:
        """Return the Patient IDs of this site that are known: asked for, remembered, or given.

        An outside number is looked for only where the medium says that this
        site gave it; another hospital's would find a stranger.
        """
        if self.asked:
            return [self.asked.patient_id] if self.asked.patient_id else []
        numbers = [self.recalled.identity.patient_id] if self.recalled else []
        issuer = normalise_text(self.station.settings.reconcile.issuer)
        if issuer and normalise_text(self.outside.issuer) == issuer:
            numbers.append(self.outside.patient_id.strip())
        return [one for one in dict.fromkeys(numbers) if one and not set(one) & _WILD]

    def _born(self) -> str:
        """Return the birth date as a DA value; empty if there is none that could be asked for."""
        date = normalise(self.outside).birth_date
        return date if len(date) == _DATE_DIGITS and date.isascii() and date.isdigit() else ""

    def _take(self, parts: Iterable[PatientsLike]) -> None:
        complete = True
        for part in parts:
            complete = complete and part.complete
            self.found += [Candidate(one, CandidateOrigin.CATALOG) for one in part.identities]
        if not complete:
            self._tell_rest("catalog")

    def _tell_rest(self, words: str) -> None:
        self.findings.append(
            warning(
                "more-candidates",
                words,
                f"There is more in it than {self.limit:,} answers; somebody may be missing.",
                "Give the Patient ID that the patient has here, or the Accession Number.",
            )
        )


def _worklists(station: Station, named: str | None) -> list[NamedPeer]:
    name = station.settings.reconcile.worklist if named is None else named
    if name:
        return [] if name == NOBODY else [require_peer(station, name, "worklist")]
    return [
        require_peer(station, one, "worklist")
        for one, settings in sorted(station.settings.peers.items())
        if "worklist" in settings.services
    ]


def _patients(station: Station, named: str | None) -> list[NamedPeer]:
    name = station.settings.reconcile.patients if named is None else named
    return [] if name in ("", NOBODY) else [require_peer(station, name, "find")]


def _candidates(peer: NamedPeer, rows: Iterator[dict[str, str]]) -> Iterator[Candidate]:
    for row in rows:
        identity = PatientIdentity(
            row["patient_id"],
            row["issuer_of_patient_id"],
            row["patient_name"],
            row["patient_birth_date"],
            row["patient_sex"],
        )
        if not identity.names_nobody and is_writable(identity):
            yield Candidate(identity, CandidateOrigin.PEER, peer.name)


def _can_be_said(peer: NamedPeer, question: Question) -> bool:
    """Tell whether the character set of `peer` has the letters; other patterns may do then."""
    try:
        encode_identifier(question, EXPLICIT_LE, peer.settings.character_set)
    except IdentifierError:
        return False
    return True
