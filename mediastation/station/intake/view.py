"""One import as a screen shows it: what lay on the medium, what was wrong, whose it is now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING, Any

from mediastation.errors import MediastationError
from mediastation.model.identity import PatientIdentity, cluster_people
from mediastation.model.job import JobRecord, JobState

if TYPE_CHECKING:
    from mediastation.catalog.outside import OutsideSeries
    from mediastation.importing.diagnosis import Diagnosis, TreeSummary
    from mediastation.importing.quarantine import QuarantinedFile
    from mediastation.pages.import_facts import OpenedFiles
    from mediastation.station.station import Station

MOST_SERIES = 2_000
"""Series that a screen has use for."""
MOST_SOURCES = 500
_MOST_IMPORTS = 100
_MOST_OPENINGS = 20
_NOT_KNOWN = (
    "What lay on the medium is not known: the import did not get so far, or a later one of the "
    "same medium went on with it."
)
_AT_WORK = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class OutsidePatient:
    """One person on a medium, and who that is here.

    Parameters
    ----------
    identity : PatientIdentity
        As the instances came.
    instances : int
        How many are in the catalog.
    local : tuple of (PatientIdentity, int)
        Identities of this site that copies bear, with their number.
    sources : tuple of str
        What names these instances and nobody else's; empty if that takes too
        many words.
    """

    identity: PatientIdentity
    instances: int
    local: tuple[tuple[PatientIdentity, int], ...]
    sources: tuple[str, ...]

    @property
    def reconciled(self) -> int:
        """How many instances have a copy under an identity of this site."""
        return sum(number for _, number in self.local)


@dataclass(frozen=True, slots=True)
class ImportContents:
    """What lay on the medium: its series, as many as are shown, and what the doctor said.

    `opened` tells of files that came out of secure envelopes, as many ways as are shown.
    """

    series: tuple[dict[str, Any], ...] = ()
    more_series: bool = False
    diagnosis: Diagnosis | None = None
    told: str = ""
    """Why there is nothing to be seen; empty if there is."""
    opened: tuple[OpenedFiles, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportView:
    """One import: its job, and what became of what it brought.

    `held` are the files in quarantine, decided ones included; `later` the jobs
    that reconciled and sent what it brought, the newest first.
    """

    record: JobRecord
    held: tuple[QuarantinedFile, ...] = ()
    patients: tuple[OutsidePatient, ...] = ()
    later: tuple[JobRecord, ...] = ()

    @property
    def waiting(self) -> int:
        """How many held files nobody has decided about."""
        return sum(file.verdict is None for file in self.held)

    @property
    def reconciled(self) -> int:
        """How many instances have a copy under an identity of this site."""
        return sum(patient.reconciled for patient in self.patients)

    @property
    def instances(self) -> int:
        """How many instances of the medium are in the catalog."""
        return sum(patient.instances for patient in self.patients)


def list_imports(station: Station) -> list[ImportView]:
    """Return the last imports, the newest first, each without its contents."""
    records = station.jobs.latest(station.clock.now(), _MOST_IMPORTS, kind="import")
    held: dict[int, list[QuarantinedFile]] = {}
    for file in _held(station):
        for job in file.imports:
            held.setdefault(job, []).append(file)
    return [ImportView(one, tuple(held.get(one.id, ()))) for one in records]


def read_import(
    station: Station, job: int, held: tuple[QuarantinedFile, ...] | None = None
) -> ImportView | None:
    """Return how an import stands; None if there is no such job.

    Of one that is at work only the job is told. `held` spares reading what is
    held of it.
    """
    record = station.jobs.get(job, station.clock.now())
    if record is None or record.kind != "import":
        return None
    if record.state in _AT_WORK:
        return ImportView(record)
    from mediastation.catalog.outside import outside_series  # noqa: PLC0415 - not for the paint
    from mediastation.station.reconciling.reconciled import OUTSIDE_MEDIUM  # noqa: PLC0415

    if held is None:
        held = tuple(_held(station, job))
    rows = outside_series(station.catalog, job, OUTSIDE_MEDIUM)
    patients = tuple(_patients(station, job, rows))
    return ImportView(record, held, patients, _later(station, job, patients))


def read_contents(station: Station, record: JobRecord) -> ImportContents:
    """Return what lay on the medium of an import that is not at work any more."""
    from mediastation.importing.survey import Survey  # noqa: PLC0415 - not for the first paint
    from mediastation.station.intake.account import opened_files  # noqa: PLC0415
    from mediastation.station.intake.folder import survey_path  # noqa: PLC0415

    if record.state in _AT_WORK:
        return ImportContents(told="The medium is being read; what it holds is shown afterwards.")
    path = survey_path(station, record.id)
    if not path.is_file():
        return ImportContents(told=_NOT_KNOWN)
    try:
        with Survey(path) as survey:
            rows = tuple(islice(survey.series(), MOST_SERIES + 1))
            diagnosis = _read_diagnosis(survey.fact("diagnosis"))
            opened = tuple(opened_files(survey)[:_MOST_OPENINGS])
    except MediastationError as fault:
        return ImportContents(told=f"{fault.message} {fault.hint}".strip())
    return ImportContents(rows[:MOST_SERIES], len(rows) > MOST_SERIES, diagnosis, opened=opened)


def _held(station: Station, job: int | None = None) -> Iterable[QuarantinedFile]:
    from mediastation.station.intake.quarantine_desk import held_files  # noqa: PLC0415

    return held_files(station, job)


def _patients(
    station: Station, job: int, rows: Sequence[OutsideSeries]
) -> Iterator[OutsidePatient]:
    counts = Counter[PatientIdentity]()
    for row in rows:
        counts[row.identity] += row.imported
    brought = {identity: number for identity, number in counts.items() if number}
    for person in cluster_people(brought.items()):
        mine = {identity for identity, _ in person.variants}
        own = [row for row in rows if row.identity in mine and row.imported]
        local = Counter[PatientIdentity]()
        for row in own:
            if row.local is not None:
                local[row.local] += row.imported
        alone = set(brought) <= mine
        sources = (f"import:{job}",) if alone else _sources(station, job, own, mine, rows)
        yield OutsidePatient(person.identity, person.instances, tuple(local.most_common()), sources)


def _sources(
    station: Station,
    job: int,
    own: Sequence[OutsideSeries],
    mine: set[PatientIdentity],
    rows: Sequence[OutsideSeries],
) -> tuple[str, ...]:
    """Return the largest selectors that name what is one person's alone."""
    from mediastation.catalog.outside import outside_digests  # noqa: PLC0415

    strange = [row for row in rows if row.identity not in mine]
    mixed_studies = {row.study_instance_uid for row in strange}
    mixed_series = {row.series_instance_uid for row in strange}
    named: dict[str, None] = {}
    for row in own:
        if row.study_instance_uid not in mixed_studies:
            named[f"study:{row.study_instance_uid}"] = None
        elif row.series_instance_uid not in mixed_series:
            named[f"series:{row.series_instance_uid}"] = None
        else:
            found = outside_digests(station.catalog, job, row.series_instance_uid, row.identity)
            named |= {f"sha256:{digest}": None for digest in found}
        if len(named) > MOST_SOURCES:
            return ()
    return tuple(named)


def _later(station: Station, job: int, patients: Sequence[OutsidePatient]) -> tuple[JobRecord, ...]:
    """Return the jobs that are about what the import brought."""
    named = {f"import:{job}", *(source for one in patients for source in one.sources)}
    words = {f"import:{job}", *(one.sources[0] for one in patients if one.sources)}
    found: dict[int, JobRecord] = {}
    for kind in ("reconcile", "send"):
        for word in words:
            for record in station.jobs.with_request(kind, json.dumps(word)):
                sources = record.request.get("sources")
                if isinstance(sources, list) and named.intersection(map(str, sources)):
                    found[record.id] = record
    return tuple(found[number] for number in sorted(found, reverse=True))


def _read_diagnosis(told: str) -> Diagnosis | None:
    """Return what `import_account.keep_diagnosis` has kept; None if nothing can be read."""
    from mediastation.importing.diagnosis import (  # noqa: PLC0415 - not for the first paint
        Diagnosis,
        DirectoryDiagnosis,
        TreeLine,
        TreeSummary,
    )
    from mediastation.model.repair import Repair  # noqa: PLC0415

    def tree(told: dict[str, Any]) -> TreeSummary:
        return TreeSummary(**{**told, "lines": tuple(TreeLine(**one) for one in told["lines"])})

    try:
        words = json.loads(told)
        plain = {one.name for one in fields(Diagnosis)} - {"findings"}
        return Diagnosis(
            **{
                **{name: words[name] for name in plain},
                "directories": tuple(DirectoryDiagnosis(**one) for one in words["directories"]),
                "repairs": tuple(Repair(**one) for one in words["repairs"]),
                "before": tree(words["before"]),
                "after": tree(words["after"]),
            }
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
