"""What is done with the instances of an outside medium: decided about all, then done with each."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from mediastation.catalog.import_decisions import Decision, recall_decision
from mediastation.catalog.selection import uids_of
from mediastation.importing.compare import check_knowledge, iter_standings
from mediastation.importing.decide import Action, Planned, plan_standings
from mediastation.importing.keep import Arrival, Keeper
from mediastation.importing.lend import lend_from
from mediastation.importing.quarantine import Quarantine
from mediastation.importing.survey import Survey
from mediastation.importing.survey_rows import LEAVE, Course, Fate, SurveyedInstance
from mediastation.model.entry import Source
from mediastation.model.importing import OutsideMedium, Standing
from mediastation.model.text import storable
from mediastation.reading.contract import Volume
from mediastation.reading.findings import FindingLog
from mediastation.station.job import Job
from mediastation.station.reconciling.reconciled import OUTSIDE_MEDIUM, claim_outside
from mediastation.station.station import Station

_BATCH = 500


def take_up(station: Station, survey: Survey) -> None:
    """Look over what an earlier attempt left: only what is in the catalog still counts as kept.

    Between the attempts instances may have been forgotten, or have come in by
    another way: what was not done yet is judged anew.
    """
    kept = survey.kept_entries()
    gone: list[Fate] = []
    while batch := list(islice(kept, _BATCH)):
        here = uids_of(station.catalog, {entry for _, entry, _ in batch})
        gone += (Fate(place, "") for place, entry, uid in batch if here.get(entry) != uid)
    survey.set_fates(gone)
    survey.judge_anew()


def compare_instances(
    station: Station, job: Job, volume: Volume, survey: Survey, origin: str, scratch: Path
) -> None:
    """Decide what is done with each instance, before anything is done with any.

    Parameters
    ----------
    volume, survey : Volume, Survey
        The medium, and what was found on it.
    origin : str
        What decisions about it are remembered under.
    scratch : Path
        A folder of the job's own, for copies that are compared.
    """
    catalog = station.catalog

    def recall(standing: Standing, subject: str) -> Decision | None:
        return recall_decision(catalog, origin, standing, subject)

    told = FindingLog()
    told.extend(check_knowledge(catalog))
    if survey.is_judged:
        told.extend(survey.told())
        job.found(told)
        return
    with job.step("compare", len(survey), "instances") as step:
        standings = iter_standings(catalog, survey, lend_from(volume, scratch), scratch)
        planned = plan_standings(standings, recall)
        while batch := list(islice(planned, _BATCH)):
            survey.set_courses(map(_course, batch))
            step.report(step.done + len(batch), step.total)
        step.summary = survey.standings_in_words()
    told.extend(survey.told())
    job.found(told)


def keep_instances(
    station: Station,
    job: Job,
    volume: Volume,
    survey: Survey,
    medium: OutsideMedium,
    quarantine: Quarantine,
) -> None:
    """Take in what comes in, and hold what has to wait; what was done before is not done again."""

    def source_of(instance: SurveyedInstance) -> Source:
        how = ", out of a secure envelope" if instance.was_sealed else ""
        return Source(OUTSIDE_MEDIUM, storable(f"{medium.name}:{instance.path}{how}"))

    survey.settle_duplicates()
    arrival = Arrival(job.id, medium.name, medium.origin, station.clock.moment(), source_of)
    total = survey.due_bytes(Action.TAKE, Action.HOLD, LEAVE)
    with job.step("keep", total, "bytes") as step:

        def progress(size_bytes: int) -> None:
            step.report(min(step.done + size_bytes, total), total)

        keeper = Keeper(
            volume,
            survey,
            station.intake,
            quarantine,
            arrival,
            station.settings.disk_reserve_bytes,
        )
        try:
            keeper.keep(survey.due(Action.TAKE), progress)
            keeper.hold(survey.due(Action.HOLD), progress)
            keeper.hold(survey.due(LEAVE), progress, for_good=True)
        finally:
            job.found(keeper.findings)
        step.summary = f"{survey.count(fate='kept'):,} kept, {survey.count(fate='held'):,} held"
    job.found(claim_outside(station, survey.entries(), medium.name))


def _course(planned: Planned) -> Course:
    action = str(planned.action)
    if planned.action is Action.HOLD and planned.decision is not None:
        action = LEAVE
    comparison = planned.comparison
    return Course(
        planned.arrived.path,
        comparison.standing,
        action,
        comparison.other or 0,
        comparison.other_path,
        planned.subject,
        planned.finding,
    )
