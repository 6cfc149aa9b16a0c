"""The report on an import as files: in the job's folder, where it grows, and wherever it is wanted.

``report.json`` has what the page and the sheet tell. Whoever is reconciled or
sent later is entered there, and both are made anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mediastation.catalog.durable import (
    disk_trouble_told,
    write_bytes_durably,
    write_text_durably,
)
from mediastation.catalog.ledger import Ledger
from mediastation.errors import MediaError, MediastationError
from mediastation.importing.quarantine import Quarantine
from mediastation.model.finding import Finding, Severity, warning
from mediastation.pages.facts import IndexPatient, IndexSeries, IndexStudy
from mediastation.pages.import_facts import (
    Fault,
    Identities,
    ImportReportFacts,
    LeftBehind,
    Listed,
    OpenedFiles,
    Repaired,
    SentOn,
    SidesRow,
)
from mediastation.pages.import_report import render_import_report, render_import_report_pdf
from mediastation.station.intake.account import IN_QUARANTINE, quarantined
from mediastation.station.intake.report import ImportOutcome, import_report_facts, sides_of
from mediastation.station.intake.request import IdentityDecision
from mediastation.station.medium_report import require_report_name
from mediastation.station.process_lock import hold_lock
from mediastation.station.station import Station

REPORT_PAGE = "report.htm"
REPORT_SHEET = "report.pdf"
REPORT_FACTS = "report.json"

_LOCK_NAME = ".reports.lock"
_PATIENCE_S = 60.0
_MOST_BYTES = 64 << 20
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class KeptReport:
    """Where the report lies, and what could not be printed on it."""

    page: Path
    sheet: Path
    findings: tuple[Finding, ...] = ()


def keep_import_report(station: Station, folder: Path, outcome: ImportOutcome) -> KeptReport:
    """Write page, sheet and facts into a job's folder, each whole or not at all.

    Raises
    ------
    MediaError
        If the disk of the home fails.
    ConfigError
        If a template of the site is faulty.
    """
    return _keep(station, folder, import_report_facts(station, outcome))


def write_import_report(station: Station, path: Path, outcome: ImportOutcome) -> None:
    """Write the report to a file whose name says what it is to be: .html, .htm, .pdf or .json.

    Raises
    ------
    ConfigError
        If the name ends in something else, or a template is faulty.
    MediaError
        If the disk fails.
    """
    require_report_name(path)
    facts = import_report_facts(station, outcome)
    with disk_trouble_told(path.absolute().parent):
        match path.suffix.lower():
            case ".json":
                write_text_durably(path, _as_json(facts))
            case ".pdf":
                write_bytes_durably(path, render_import_report_pdf(facts).content)
            case _:
                page = render_import_report(facts, station.home / "templates")
                write_bytes_durably(path, page)


def renew_import_report(folder: Path, path: Path) -> None:
    """Write the report of a job's folder, as it is by now, to the file that had it before.

    Raises
    ------
    MediaError
        If a disk fails.
    """
    kept = {".json": REPORT_FACTS, ".pdf": REPORT_SHEET}.get(path.suffix.lower(), REPORT_PAGE)
    with disk_trouble_told(path.absolute().parent):
        write_bytes_durably(path, (folder / kept).read_bytes())


def amend_import_report(
    station: Station,
    imports: Iterable[int],
    *,
    identities: Sequence[IdentityDecision] = (),
    sent: SentOn | None = None,
    quarantine: Quarantine | None = None,
) -> list[Finding]:
    """Enter into the reports of imports what was decided or sent later; it keeps nobody from work.

    Parameters
    ----------
    imports : iterable of int
        The jobs that brought what was reconciled or sent.
    identities : sequence of IdentityDecision
        Each takes the place of what was said of that outside patient.
    sent : SentOn, optional
        Takes the place of what was said of that peer and that part.
    quarantine : Quarantine, optional
        Where somebody decided about what the imports had held: that is told anew.

    Returns
    -------
    list of Finding
        ``"report-not-amended"`` if that failed; ``"font-missing"`` of the sheet.
    """
    found: list[Finding] = []
    for job in imports:
        folder = station.jobs_folder / str(job)
        if (folder / REPORT_FACTS).is_file():
            held = None if quarantine is None else quarantined(quarantine, job)
            found += _amend(station, folder, identities, sent, held)
    return found


def _amend(
    station: Station,
    folder: Path,
    identities: Sequence[IdentityDecision],
    sent: SentOn | None,
    held: Iterable[LeftBehind] | None,
) -> list[Finding]:
    try:
        # What is read has to be there still when it is written: others decide and send, too.
        with hold_lock(station.jobs_folder / _LOCK_NAME, _busy, patience_s=_PATIENCE_S):
            return _amend_alone(station, folder, identities, sent, held)
    except (MediastationError, OSError, ValueError, KeyError, TypeError, RecursionError) as fault:
        said = fault.message if isinstance(fault, MediastationError) else str(fault)
        return [
            warning(
                "report-not-amended",
                str(folder / REPORT_PAGE),
                f"The report could not be brought up to date: {said.rstrip('.')}.",
                "The ledger tells what it does not: `mediastation audit`.",
            )
        ]


def _busy(holder: str) -> MediaError:
    return MediaError(f"Process {holder} has been writing reports for long.")


def _amend_alone(
    station: Station,
    folder: Path,
    identities: Sequence[IdentityDecision],
    sent: SentOn | None,
    held: Iterable[LeftBehind] | None,
) -> list[Finding]:
    told = _read(folder / REPORT_FACTS)
    head = Ledger(station.catalog).head()
    facts = replace(
        told,
        created=station.clock.moment(),
        operator=station.settings.operator or told.operator,
        identities=_merged(told.identities, map(sides_of, identities), lambda one: one.key),
        sent=_merged(told.sent, [sent] if sent else [], _destination),
        left=told.left if held is None else _with_held(told.left, held),
        ledger_head=head.short if head.count else "",
    )
    return list(_keep(station, folder, facts).findings)


def _destination(one: SentOn) -> tuple[str, str, str]:
    return one.peer, one.address, one.part


def _keep(station: Station, folder: Path, facts: ImportReportFacts) -> KeptReport:
    printed = render_import_report_pdf(facts)
    page = render_import_report(facts, station.home / "templates")
    kept = KeptReport(folder / REPORT_PAGE, folder / REPORT_SHEET, printed.findings)
    with disk_trouble_told(folder):
        write_text_durably(folder / REPORT_FACTS, _as_json(facts))
        write_bytes_durably(kept.page, page)
        write_bytes_durably(kept.sheet, printed.content)
    return kept


def _merged(
    known: Listed[Item], news: Iterable[Item], key: Callable[[Item], object]
) -> Listed[Item]:
    """Put each new thing in the place of the one that it is about, or behind all."""
    items = {key(one): one for one in known.items}
    unnamed = known.count - len(known.items)
    items |= {key(one): one for one in news}
    return Listed(tuple(items.values()), len(items) + unnamed if unnamed else 0)


def _with_held(left: Listed[LeftBehind], held: Iterable[LeftBehind]) -> Listed[LeftBehind]:
    """Put what is told of the quarantine now in the place of what was."""
    unnamed = left.count - len(left.items)
    words = set(IN_QUARANTINE.values())
    items = (*held, *(one for one in left.items if one.what not in words))
    return Listed(items, len(items) + unnamed if unnamed else 0)


def _as_json(facts: ImportReportFacts) -> str:
    told = asdict(facts) | {"created": facts.created.isoformat()}
    return json.dumps(told, indent=1, ensure_ascii=True)


def _read(path: Path) -> ImportReportFacts:
    """Read what `_as_json` wrote; `ValueError`, `KeyError` or `TypeError` for anything else."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path.name} is larger than any report")
    told = json.loads(path.read_text("utf-8"))
    plain = ("verdict", "passed", "job", "institution", "station", "operator", "ledger_head")
    return ImportReportFacts(
        created=datetime.fromisoformat(told["created"]),
        **{name: told[name] for name in plain},
        counts=tuple((str(word), int(number)) for word, number in told["counts"]),
        medium=tuple((str(label), str(value)) for label, value in told["medium"]),
        patients=_listed(told["patients"], _patient),
        faults=_listed(
            told["faults"], lambda one: Fault(**{**one, "severity": Severity(one["severity"])})
        ),
        repairs=_listed(told["repairs"], lambda one: Repaired(**one)),
        left=_listed(told["left"], lambda one: LeftBehind(**one)),
        identities=_listed(told["identities"], _identities),
        sent=_listed(told["sent"], lambda one: SentOn(**one)),
        # Reports of before have no envelopes.
        opened=_listed(told["opened"], lambda one: OpenedFiles(**one))
        if "opened" in told
        else Listed(),
    )


def _listed(told: Mapping[str, Any], make: Callable[[Any], Item]) -> Listed[Item]:
    return Listed(tuple(map(make, told["items"])), int(told["total"]))


def _patient(told: Mapping[str, Any]) -> IndexPatient:
    return IndexPatient(**{**told, "studies": tuple(map(_study, told["studies"]))})


def _study(told: Mapping[str, Any]) -> IndexStudy:
    series = tuple(IndexSeries(**one) for one in told["series"])
    return IndexStudy(**{**told, "series": series, "also_on": tuple(told["also_on"])})


def _identities(told: Mapping[str, Any]) -> Identities:
    return Identities(**{**told, "rows": tuple(SidesRow(**row) for row in told["rows"])})
