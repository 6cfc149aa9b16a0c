"""Reconciling: outside instances get the identity of a patient of this site (IHE IRWF.b).

The original stays as it came, under the identity that it came with. What can
be sent on is a copy that bears the identity of this site and keeps the values
that it replaced (Original Attributes Sequence; PS3.3 C.12.1.1.9). Who the
patient is comes from the worklist, from a peer or from the catalog; a person
decides, unless a rule of the site lets complete agreement decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mediastation.catalog.job_selection import entries_from, iter_selection, remember_selection
from mediastation.catalog.outside import (
    find_outside,
    identities_of,
    imports_behind,
    imports_of,
    others_in_studies,
)
from mediastation.catalog.remembered import remember_identity
from mediastation.catalog.selection import is_selector
from mediastation.errors import ConfigError, NetworkError, RefusedError
from mediastation.importing.reconcile_plan import check_candidate
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import note
from mediastation.model.identity import PersonCluster, cluster_people, describe
from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.ledger_facts import DecidedHow, ReconcileFacts
from mediastation.model.matching import MatchList
from mediastation.station.intake.report_file import amend_import_report
from mediastation.station.intake.request import (
    IdentityDecision,
    ReconcileRequest,
    ReconcileResult,
    WantedPatient,
)
from mediastation.station.job import Job
from mediastation.station.reconciling.automatic import rule_allows_automatic
from mediastation.station.reconciling.candidates import find_matches
from mediastation.station.reconciling.choice import (
    Choice,
    choose,
    chosen_by_rule,
    require_one_person,
    require_whole_studies,
)
from mediastation.station.reconciling.copies import CopyMaking
from mediastation.station.reconciling.reconciled import OUTSIDE_MEDIUM
from mediastation.station.recording.ledger_traffic import record_reconciled
from mediastation.station.serving.job_kinds import as_row
from mediastation.station.station import Station
from mediastation.station.traffic.send_on import send_on

NOBODY_NAMED = WantedPatient()


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
                    imports = imports_behind(station.catalog, job.id)
                    job.found(amend_import_report(station, imports, identities=decided))
            finally:
                job.result = result.counts()
    except (NetworkError, RefusedError) as fault:
        result.stop(fault)
    if request.to and result.reconciled and not result.stopped:
        # An import names its copies now, and a send of the same words goes on where one was
        # stopped. The words of an outside identity name the originals still.
        whole = all(source.startswith("import:") for source in request.sources)
        sources = request.sources if whole else (f"reconcile:{job.id}",)
        send_on(station, job, sources, request.to, result, listener)
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
        require_whole_studies(choice, others_in_studies(station.catalog, job.id, OUTSIDE_MEDIUM))
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
    making = CopyMaking(station, job, choice.candidate)
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
    if replaced := making.count_replaced():
        result.reconciled = 0  # nothing of it is sent
        raise RefusedError(
            f"Another reconciliation ran at the same time, and has given {replaced:,} of "
            f"{making.done:,} instances another identity.",
            hint="See whose they are, `mediastation list studies`, and reconcile them again.",
        )
    if making.refused:
        raise RefusedError(
            f"{making.refused:,} of {len(entries):,} instances could not be put under the "
            f"identity of this site{'; the others were' if making.done else ''}.",
            hint="The findings say why, instance by instance.",
        )


def _record(
    station: Station,
    job: Job,
    medium: OutsideMedium,
    choice: Choice,
    made: CopyMaking,
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
