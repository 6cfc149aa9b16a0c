"""The report on a medium that was reread: kept in the job's folder, for programs and for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mediastation.catalog.durable import (
    disk_trouble_told,
    write_bytes_durably,
    write_text_durably,
)
from mediastation.catalog.ledger import Ledger
from mediastation.errors import ConfigError
from mediastation.model.document import Table
from mediastation.pages.facts import ReportFacts
from mediastation.pages.report import render_report, render_report_pdf
from mediastation.station.station import Station
from mediastation.verify.report import VerifyReport

REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
_TITLE = "Verification of a medium"
_CACHE = {
    "defeated": "The bytes came from the medium.",
    "unknown": "Some bytes may have come from the computer's memory instead of the medium.",
}
_SHOWN_RANGES = 1000


def keep_report(
    station: Station,
    folder: Path,
    report: VerifyReport,
    *,
    title: str = _TITLE,
    rows: Sequence[tuple[str, str]] = (),
    more: Mapping[str, Any] | None = None,
    stem: str = "report",
) -> tuple[Path, Path]:
    """Write the report into a job's folder, durably; return the JSON file and the page.

    Parameters
    ----------
    station : Station
        Whose clock, institution and templates count.
    folder : Path
        The job's folder.
    report : VerifyReport
        What was found.
    title : str
        What the page is called.
    rows : sequence of (str, str)
        More facts for the page, before those of the report: job, drive, medium
        identifier.
    more : mapping, optional
        More keys for the JSON file; those of the report cannot be replaced.
    stem : str
        What the files are called, so that of several copies each has its own.

    Raises
    ------
    MediaError
        If the disk of the home fails.
    """
    created = station.clock.moment()
    page = folder / f"{stem}.html"
    data = folder / f"{stem}.json"
    facts = report_facts(station, report, created, title, rows)
    with disk_trouble_told(folder):
        write_bytes_durably(page, render_report(facts, station.home / "templates"))
        write_text_durably(data, report_json(report, created, _with_head(station, more)))
    return data, page


def write_report(
    station: Station,
    path: Path,
    report: VerifyReport,
    *,
    rows: Sequence[tuple[str, str]] = (),
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the report to a file whose name says what it is to be: .json, .html, .htm or .pdf.

    Raises
    ------
    ConfigError
        If the name ends in something else.
    MediaError
        If the disk fails.
    """
    require_report_name(path)
    created = station.clock.moment()
    facts = report_facts(station, report, created, _TITLE, rows)
    match path.suffix.lower():
        case ".json":
            data = report_json(report, created, _with_head(station, more)).encode()
        case ".pdf":
            data = render_report_pdf(facts).content
        case _:
            data = render_report(facts, station.home / "templates")
    with disk_trouble_told(path.absolute().parent):
        write_bytes_durably(path, data)


def require_report_name(path: Path) -> None:
    """Raise `ConfigError` for a name that no report can be written to, before any work is done."""
    if path.suffix.lower() not in {".json", ".html", ".htm", ".pdf"}:
        raise ConfigError(f"{path} is no name for a report.", "Let it end in .html, .pdf or .json.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"The folder {path.absolute().parent} does not exist.", "Make it first.")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder.", "Name a file in it.")


def report_json(
    report: VerifyReport, created: datetime, more: Mapping[str, Any] | None = None
) -> str:
    """Return the JSON file's text: the keys of `VerifyReport.as_dict`, and `created`."""
    return json.dumps(
        {**(more or {}), **report.as_dict(), "created": created.isoformat()},
        indent=1,
    )


def report_facts(
    station: Station,
    report: VerifyReport,
    created: datetime,
    title: str,
    rows: Sequence[tuple[str, str]] = (),
) -> ReportFacts:
    """Return what the page tells."""
    bad = report.bad_sector_count
    held = f"the manifest of job {report.manifest_job}" if report.manifest_job else report.manifest
    head = Ledger(station.catalog).head()
    measured = "" if not report.image_sha256 else f"{report.image_sha256}"
    facts = (
        *rows,
        ("Medium", report.path),
        ("File-set ID", report.file_set_id),
        ("File-set UID", report.file_set_uid),
        ("Held against", held),
        ("Files", f"{report.files:,}"),
        ("Instances", f"{report.instances:,}"),
        ("Bytes read", f"{report.bytes:,}"),
        ("SHA-256 of the image", measured),
        ("Unreadable sectors", f"{bad:,}"),
        ("Read from", _CACHE.get(report.from_cache, "")),
        ("Head of the ledger", str(head) if head.count else ""),
    )
    return ReportFacts(
        title=title,
        created=created,
        verdict=report.proved,
        passed=report.ok,
        institution=station.settings.institution,
        rows=tuple((label, value) for label, value in facts if value),
        tables=tuple(_tables(report)),
    )


def _with_head(station: Station, more: Mapping[str, Any] | None) -> dict[str, Any]:
    """Add where the ledger stood: what it says of the medium up to there can be proved by it."""
    return {**(more or {}), "ledger_head": str(Ledger(station.catalog).head())}


def _tables(report: VerifyReport) -> list[Table]:
    found = [
        Table(
            "Findings",
            ("Severity", "Rule", "Subject", "Message", "What to do"),
            tuple(
                (str(one.severity), one.rule, one.subject, one.message, one.hint)
                for one in report.findings
            ),
        )
    ]
    if report.compatibility:
        found.append(
            Table(
                "What other readers get",
                ("Reader", "Kind", "Result", "Files", "As written", "Instances", "Remark"),
                tuple(
                    (
                        row.reader,
                        str(row.kind),
                        str(row.verdict),
                        f"{row.files:,}",
                        f"{row.equal:,}",
                        f"{row.instances:,} of {row.expected:,}",
                        row.detail,
                    )
                    for row in report.compatibility
                ),
            )
        )
    if report.bad_sectors:
        found.append(
            Table(
                "Unreadable sectors",
                ("From", "How many", "What lies there", "Whose it is"),
                tuple(
                    (f"{bad.first:,}", f"{bad.count:,}", bad.region, str(bad.place))
                    for bad in report.bad_sectors[:_SHOWN_RANGES]
                ),
            )
        )
    return found
