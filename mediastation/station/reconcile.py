"""Reconciling: outside instances get the identity of a patient of this site (IHE IRWF.b).

The original stays as it came, under the identity that it came with. What can
be sent on is a copy that bears the identity of this site and keeps the values
that it replaced (Original Attributes Sequence; PS3.3 C.12.1.1.9). Who the
patient is comes from the worklist, from a peer or from the catalog; a person
decides, unless a rule of the site lets complete agreement decide.
"""

from __future__ import annotations

import hashlib
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from mediastation.catalog.outside import find_outside, identities_of, imports_of
from mediastation.catalog.remembered import remember_identity
from mediastation.catalog.selection import (
    entries_from,
    find_prepared,
    is_selector,
    iter_selection,
    remember_selection,
)
from mediastation.catalog.staging import Staged
from mediastation.conformance.identity import comparable_text
from mediastation.dicom.coerce import CannotCoerce, coerce_file
from mediastation.dicom.coerce_check import check_coerced
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.errors import ConfigError, NetworkError, RefusedError
from mediastation.importing.reconcile_plan import check_candidate, plan_coercion
from mediastation.model.coercion import CoercingSite
from mediastation.model.entry import Entry
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, note
from mediastation.model.identity import PersonCluster, cluster_people, describe
from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.ledger import LedgerStudy
from mediastation.model.ledger_facts import DecidedHow, ReconcileFacts
from mediastation.model.matching import MatchList
from mediastation.station.automatic import rule_allows_automatic
from mediastation.station.candidates import find_matches
from mediastation.station.import_report_file import amend_import_report
from mediastation.station.import_request import (
    IdentityDecision,
    ReconcileRequest,
    ReconcileResult,
    WantedPatient,
)
from mediastation.station.job import Job, Step
from mediastation.station.job_kinds import as_row
from mediastation.station.ledger_traffic import record_reconciled
from mediastation.station.reconcile_choice import (
    Choice,
    choose,
    chosen_by_rule,
    require_one_person,
)
from mediastation.station.reconciled import OUTSIDE_MEDIUM
from mediastation.station.send_on import send_on
from mediastation.station.station import Station

NOBODY_NAMED = WantedPatient()
_BATCH = 128
_MOST_TOLD = 1000
_STUDY, _DESCRIPTION = 0x0020000D, 0x00081030


def reconcile(
    station: Station, request: ReconcileRequest, listener: Listener = nobody
) -> ReconcileResult:
    """Give the outside instances that `request` names an identity of this site.

    What was reconciled before is reconciled anew: the newest decision counts.

    Raises
    ------
    ConfigError
        If a source names nothing that came from outside.
    MediaError
        If a disk fails.
    """
    station.require_current_index()
    entries = outside_entries(station, request.sources)
    job = station.job("reconcile", as_row(request), listener)
    result = ReconcileResult(job.id, findings=job.findings)
    try:
        with job:
            try:
                remember_selection(station.catalog, job.id, entries)
                reconcile_selection(station, job, request.wanted, result)
                decided = [one for one in result.decisions if one.candidate is not None]
                if decided:
                    job.found(amend_import_report(station, request.sources, identities=decided))
            finally:
                job.result = result.counts()
    except (NetworkError, RefusedError) as fault:
        result.stop(fault)
    if request.to and result.reconciled and not result.stopped:
        send_on(station, job, request.sources, request.to, result, listener)
    return result


def outside_entries(station: Station, sources: Sequence[str]) -> list[int]:
    """Return the originals from outside media that `sources` name; `ConfigError` if none."""
    entries: set[int] = set()
    for source in sources:
        if not is_selector(source):
            raise ConfigError(f"{source} is not in the catalog.", "Import it first.")
        found = find_outside(station.catalog, source, OUTSIDE_MEDIUM)
        if not found:
            raise ConfigError(
                f"{source} names nothing that came from an outside medium.",
                "`mediastation list` shows what is there; what came from this site's own network "
                "bears its identity already.",
            )
        entries.update(found)
    return sorted(entries)


def find_candidates(
    station: Station, sources: Sequence[str], wanted: WantedPatient = NOBODY_NAMED
) -> tuple[PersonCluster, MatchList]:
    """Return who the instances that `sources` name are of, and who of this site that may be.

    Raises
    ------
    ConfigError
        If a source names nothing that came from outside.
    RefusedError
        If they are of several people.
    NetworkError
        If nobody who was asked answered.
    """
    entries = outside_entries(station, sources)
    person = require_one_person(people_of(station, entries))
    medium = medium_of(station, entries)
    found = find_matches(
        station,
        person.identity,
        patient_id=wanted.patient_id,
        accession_number=wanted.accession_number,
        origin=medium.origin,
    )
    return person, found


def reconcile_selection(
    station: Station, job: Job, wanted: WantedPatient, result: ReconcileResult
) -> None:
    """Reconcile what `job` is about; where nobody is wanted, only if a rule of the site decides.

    Raises
    ------
    RefusedError
        If it cannot be done, with what somebody may decide.
    """
    entries = sorted(entries_from(station.catalog, job.id, OUTSIDE_MEDIUM))
    if not entries:
        return
    with job.step("match") as step:
        people = people_of(station, entries)
        medium = medium_of(station, entries)
        named = bool(wanted.patient_id or wanted.accession_number or wanted.is_typed)
        result.patients = [_told_person(person) for person in people]
        result.decisions = [IdentityDecision(one.identity, one.instances) for one in people]
        if not named and (len(people) != 1 or not station.settings.reconcile.automatic):
            step.summary = "nobody was named"
            return
        choice = _choose(station, job, require_one_person(people), medium, wanted, named)
        if choice is None:
            step.summary = "not decided without a person"
            return
        step.summary = describe(choice.candidate.identity)
    _coerce(station, job, entries, choice, medium, result)


def _choose(
    station: Station,
    job: Job,
    person: PersonCluster,
    medium: OutsideMedium,
    wanted: WantedPatient,
    named: bool,
) -> Choice | None:
    rules = station.settings.reconcile
    found = MatchList()
    if not wanted.is_typed:
        found = find_matches(
            station,
            person.identity,
            patient_id=wanted.patient_id,
            accession_number=wanted.accession_number,
            origin=medium.origin,
        )
        job.found(found.findings)
    if named:
        return choose(person, found, wanted, rules)
    match = rule_allows_automatic(rules, person.identity, found)
    return None if match is None else chosen_by_rule(person, match, rules)


def _coerce(
    station: Station,
    job: Job,
    entries: Sequence[int],
    choice: Choice,
    medium: OutsideMedium,
    result: ReconcileResult,
) -> None:
    """Make the copies that are not there yet, and write down whose they are."""
    job.found(check_candidate(choice.candidate))
    making = _Making(station, job, choice)
    wanted = set(entries)
    with job.step("reconcile", len(entries), "instances") as step:
        for entry in iter_selection(station.catalog, job.id):
            if entry.id in wanted:
                making.make(entry, step)
                step.report(making.done + len(making.waiting) + making.refused, step.total)
        making.commit()
        job.found(making.findings())
        step.summary = f"{making.done:,} reconciled, {making.refused:,} could not be"
    result.reconciled, result.refused = making.done, result.refused + making.refused
    if making.done:
        _record(station, job, medium, choice, making, result)
    if making.refused:
        raise RefusedError(
            f"{making.refused:,} of {len(entries):,} instances could not be put under the "
            "identity of this site; the others were.",
            hint="The findings say why, instance by instance.",
        )


class _Making:
    """Makes coerced copies, proves each, and keeps them in batches."""

    def __init__(self, station: Station, job: Job, choice: Choice) -> None:
        self._station = station
        self._job = job
        self._choice = choice
        self._site = coercing_site(station)
        self._studies: dict[str, tuple[str, Counter[str]]] = {}
        self._digests: list[str] = []
        self._told: dict[tuple[str, str], tuple[Finding, int]] = {}
        self.done = 0
        self.waiting: list[tuple[Entry, Staged]] = []
        self.refused = 0

    def make(self, original: Entry, step: Step) -> None:
        """Make the copy of one original, unless the same is there."""
        station = self._station
        moment = station.clock.moment()
        coercion = plan_coercion(original.header, self._choice.candidate, self._site, moment)
        if (known := find_prepared(station.catalog, original.id, coercion.recipe)) is not None:
            self._count(original, known.sha256)
            return
        source = station.catalog.store.path(original.sha256, original.kind)
        if not source.exists():
            raise stored_file_gone(original.header.sop_instance_uid, source)
        target = station.intake.new_path()
        try:
            made = coerce_file(
                source, target, original.header, coercion, progress=lambda *_: step.alive()
            )
        except CannotCoerce as fault:
            self._refuse([fault.finding])
            return
        if wrong := check_coerced(source, target, coercion):
            target.unlink(missing_ok=True)
            self._refuse(wrong)
            return
        staged = station.intake.stage_coerced(
            target, original.id, coercion.recipe, f"job {self._job.id}", made.findings
        )
        self._tell(made.findings)
        self.waiting.append((original, staged))
        if len(self.waiting) >= _BATCH:
            self.commit()

    def commit(self) -> None:
        """Make durable what was made."""
        if self.waiting:
            self._station.intake.commit([staged for _, staged in self.waiting])
            for original, staged in self.waiting:
                self._count(original, staged.sha256)
            self.waiting.clear()

    def studies(self) -> tuple[LedgerStudy, ...]:
        """Return the studies that the copies are of, with their classes."""
        return tuple(
            LedgerStudy(uid, description, "", dict(sorted(classes.items())))
            for uid, (description, classes) in self._studies.items()
        )

    def files_sha256(self) -> str:
        """Return the SHA-256 of the digests of the copies, sorted, a line each."""
        listed = "".join(f"{digest}\n" for digest in sorted(self._digests))
        return hashlib.sha256(listed.encode()).hexdigest()

    def _count(self, original: Entry, sha256: str) -> None:
        header = original.header
        uid = comparable_text(header, _STUDY)
        _, classes = self._studies.setdefault(
            uid, (comparable_text(header, _DESCRIPTION), Counter())
        )
        classes[header.sop_class_uid] += 1
        self._digests.append(sha256)
        self.done += 1

    def findings(self) -> list[Finding]:
        """Return what was told of the copies, each thing once with the number of instances."""
        return [
            replace(one, message=f"{one.message} So it is in {number:,} instances.")
            if number > 1
            else one
            for one, number in self._told.values()
        ]

    def _tell(self, findings: Sequence[Finding]) -> None:
        for one in findings:
            known, number = self._told.get((one.rule, one.message), (one, 0))
            if number or len(self._told) < _MOST_TOLD:
                self._told[one.rule, one.message] = known, number + 1

    def _refuse(self, findings: Sequence[Finding]) -> None:
        self.refused += 1
        self._job.found(findings)


def _record(
    station: Station,
    job: Job,
    medium: OutsideMedium,
    choice: Choice,
    made: _Making,
    result: ReconcileResult,
) -> None:
    """Write down whose the images are now, and remember it for media from the same place."""
    candidate, person = choice.candidate, choice.outside
    who, now = station.settings.operator, station.clock.now()
    decided_at = station.clock.moment().isoformat(timespec="seconds")
    result.decisions = [
        IdentityDecision(
            person.identity, made.done, candidate, choice.likeness, choice.how, who, decided_at
        )
    ]
    record_reconciled(
        station,
        job.id,
        ReconcileFacts(
            outside=person.identity,
            local=candidate.identity,
            origin=candidate.origin,
            how=choice.how,
            instances=made.done,
            peer=candidate.peer,
            decided_by=who,
            decided_at=decided_at,
            accession_number=candidate.order.accession_number if candidate.order else "",
            studies=made.studies(),
            files_sha256=made.files_sha256(),
        ),
    )
    if choice.how is DecidedHow.PERSON:
        # The person's identity has its gaps filled, and may be no spelling of any instance.
        spellings = (person.identity, *(spelt for spelt, _ in person.variants))
        for spelt in dict.fromkeys(spellings):
            remember_identity(station.catalog, medium.origin, spelt, candidate, who, now, job.id)
    told = {
        **asdict(candidate.identity),
        "origin": str(candidate.origin),
        "peer": candidate.peer,
        "how": str(choice.how),
        "accession_number": candidate.order.accession_number if candidate.order else "",
    }
    result.patients = [_told_person(person) | {"reconciled_with": told}]
    job.found(
        [
            note(
                "reconciled",
                f"patient:{candidate.identity.patient_id}",
                f"{made.done:,} instances of {describe(person.identity)} | go as "
                f"{describe(candidate.identity)}.",
                "The originals stay as they came.",
                "IHE IRWF.b",
            )
        ]
    )


def coercing_site(station: Station) -> CoercingSite:
    """Return who coerces here, and by which rules of the house."""
    settings = station.settings
    return CoercingSite(
        institution=settings.institution,
        station=socket.gethostname(),
        issuer_of_patient_id=settings.reconcile.issuer,
        undeclared_text=settings.reconcile.undeclared_text,
    )


def people_of(station: Station, entries: Sequence[int]) -> list[PersonCluster]:
    """Return who the originals are of, the person with most instances first."""
    return cluster_people(identities_of(station.catalog, entries))


def medium_of(station: Station, entries: Sequence[int]) -> OutsideMedium:
    """Return the medium that the first of `entries` came on, as its import told it."""
    for number in imports_of(station.catalog, entries[0]):
        record = station.jobs.get(number, station.clock.now())
        told = record.result.get("medium") if record else None
        if isinstance(told, dict):
            return OutsideMedium(**{**told, "kind": MediumKind(told["kind"])})
    return OutsideMedium(MediumKind.FOLDER, "")


def _told_person(person: PersonCluster) -> dict[str, Any]:
    identity = person.identity
    return {
        "patient_id": identity.patient_id,
        "issuer_of_patient_id": identity.issuer,
        "patient_name": identity.name,
        "patient_birth_date": identity.birth_date,
        "patient_sex": identity.sex,
        "instances": person.instances,
        "reconciled_with": None,
    }
