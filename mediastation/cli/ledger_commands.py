"""What was done, provably: audit; and the same medium again: reprint."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.disclosure_options import GIVEN_TO, REASON, REQUESTED_BY
from mediastation.cli.export_commands import show_export
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    print_table,
    say,
    tell,
)
from mediastation.errors import ConfigError, RefusedError
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEntry, LedgerEvent, LedgerHead

if TYPE_CHECKING:
    from mediastation.catalog.ledger_check import LedgerReport
    from mediastation.station.station import Station

_SHOWN_ROWS = 200
_COLUMNS = {
    "number": "No.",
    "at": "When",
    "event": "What",
    "job": "Job",
    "operator": "Operator",
    "summary": "About",
}
_COPIES = {"file": "file ledger.jsonl", "table": "index"}
_UNCERTAIN = {
    JobState.RUNNING: "the job is still running",
    JobState.ABANDONED: "the job was killed: look whether the medium has its name",
    JobState.FAILED: "the job failed afterwards",
    JobState.CANCELLED: "the job was cancelled afterwards",
}

# However else a job ended, it has said what the peer confirmed.
_UNCERTAIN_SENDING = {
    JobState.RUNNING: "the job is still running",
    JobState.ABANDONED: "the job was killed: what the peer has is not told here; send it again",
}


@app.command("audit")
def audit_command(
    context: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT…", help="Words of an entry: name, ID, UID, hash, date."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove that nothing was changed or removed.")
    ] = False,
    head: Annotated[
        str, typer.Option(metavar="HASH", help="A head from a label or report; where it lies.")
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Only what was recorded from then on.")
    ] = "",
) -> None:
    """Show what was recorded of media, imports and transfers, and prove it."""
    from mediastation.station.recording.ledger import find_entries  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.recording.ledger_audit import audit_ledger  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    wanted, begin = _head(head), _moment(since)
    with Station(words.home) as station:
        report = audit_ledger(station, wanted) if verify or wanted else None
        limit = None if words.json else _SHOWN_ROWS + 1
        found = find_entries(station, " ".join(text or []), begin)
        entries = [entry for _, entry in zip(range(limit or 1 << 62), found, strict=False)]
        rows = [_row(station, entry) for entry in reversed(entries[:_SHOWN_ROWS])]
    if words.json:
        print_json(_as_json(entries, report))
    else:
        if rows:
            print_table(rows, _COLUMNS)
        else:
            say(_nothing(text, since))
        if len(entries) > _SHOWN_ROWS:
            tell(f"Only the latest {_SHOWN_ROWS} are shown: add words, --since, or --json.")
        if report is not None:
            _show_report(words, report, wanted)
    if report is not None and not report.ok:
        raise typer.Exit(RefusedError.exit_code)


@app.command("reprint")
def reprint_command(
    context: typer.Context,
    job: Annotated[int, typer.Argument(metavar="JOB", help="The export, update or reprint.")],
    output: Annotated[
        Path,
        typer.Option(parser=path_word, metavar="PATH", help="The image file, or a new folder."),
    ],
    volume: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Which one, where there are several.")
    ] = None,
    requested_by: REQUESTED_BY = "",
    given_to: GIVEN_TO = "",
    reason: REASON = "",
) -> None:
    """Write the medium of a job again: the same bytes, or the reason why not."""
    from mediastation.model.ledger import Disclosure  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.exporting.reprint import reprint  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    disclosure = Disclosure(requested_by, given_to, reason)
    with Station(words.home) as station, StepDisplay(words) as display:
        result = reprint(station, job, output, volume, disclosure, display)
    show_export(words, result)


def _nothing(text: list[str] | None, since: str) -> str:
    if not text and not since:
        return "Nothing was recorded yet."
    words = f" with {' '.join(text)!r}" if text else ""
    return f"There is no entry{words}{f' since {since}' if since else ''}."


def _head(text: str) -> LedgerHead | None:
    if not text:
        return None
    try:
        return LedgerHead.parse(text)
    except ValueError as fault:
        raise ConfigError(
            f"--head {text!r} is no head of the ledger: {fault}.", "Copy it from label or report."
        ) from fault


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise ConfigError(
            f"--since {text!r} is no date.", "Write it as 2026-01-31 or 2026-01-31T12:00:00Z."
        ) from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _as_json(entries: list[LedgerEntry], report: LedgerReport | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "events": [entry.as_dict() for entry in reversed(entries)],
        "ok": None if report is None else report.ok,
    }
    if report is not None:
        told |= {
            "entries": report.entries,
            "head": str(report.head),
            "head_found_at": report.found_at,
            "broken_from": report.broken_from,
            "whole_copy": report.whole,
            "findings": [finding.as_dict() for finding in report.findings],
        }
    return told


def _show_report(words: Words, report: LedgerReport, wanted: LedgerHead | None) -> None:
    print_findings(words, report.findings)
    counted = f"{report.entries:,} entr{'y' if report.entries == 1 else 'ies'}"
    if report.ok:
        say(f"The ledger is whole: {counted}, each one proved in the file and in the index.")
    elif report.broken_from is not None:
        say(f"The ledger is BROKEN from entry {report.broken_from} on, of {counted}.")
        if report.whole:
            say(f"Its copy in the {_COPIES[report.whole]} is whole and proved: rely on that.")
            say("Find out who changed the other; then `mediastation reindex` makes it anew.")
        else:
            say("What it says of media from there on proves nothing by itself any more.")
    else:
        say(f"The ledger of {counted} could not be proved.")
    if wanted is not None and report.found_at is not None:
        say(f"The head {wanted.short} was printed when entry {report.found_at} was the last.")
    say(f"Head: {report.head}")


def _row(station: Station, entry: LedgerEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": entry.at.replace("T", " ")[:19],
        "event": str(entry.event),
        "job": entry.job,
        "operator": entry.operator,
        "summary": _summary(entry) + _uncertain(station, entry),
    }


def _uncertain(station: Station, entry: LedgerEntry) -> str:
    """Say where the job of an entry did not end well: the entry was written before its deed."""
    if entry.job is None or entry.event not in {
        LedgerEvent.MADE, LedgerEvent.REPRINTED, LedgerEvent.OPENED, LedgerEvent.FORGOTTEN,
        LedgerEvent.SENDING,
    }:  # fmt: skip
        return ""
    from mediastation.station.recording.unfinished_entries import is_settled  # noqa: PLC0415

    is_medium = entry.event in {LedgerEvent.MADE, LedgerEvent.REPRINTED, LedgerEvent.OPENED}
    if is_medium and is_settled(station, entry.number):
        return ""
    record = station.jobs.get(entry.job, station.clock.now())
    words = _UNCERTAIN_SENDING if entry.event is LedgerEvent.SENDING else _UNCERTAIN
    said = words.get(record.state, "") if record is not None else ""
    return f" ({said})" if said else ""


def _summary(entry: LedgerEntry) -> str:
    from mediastation.station.recording.entry_words import traffic_words  # noqa: PLC0415

    facts = entry.facts
    who = ", ".join(
        f"{patient.get('name', '')} ({patient.get('patient_id', '')})"
        for patient in _list(_dict(facts.get("medium")).get("patients") or facts.get("patients"))
    )
    match entry.event:
        case LedgerEvent.MADE | LedgerEvent.BURNED | LedgerEvent.REPRINTED:
            return _medium_summary(facts, who)
        case LedgerEvent.WITHDRAWN:
            return f"entry {entry.refers_to}: {facts.get('reason', '')}; {who}"
        case LedgerEvent.FORGOTTEN:
            return f"{facts.get('instances', 0):,} instances of {who}"
        case LedgerEvent.ALERT:
            findings = [_dict(one) for one in _list(facts.get("findings"))]
            return "; ".join(f"{one.get('subject')}: {one.get('message')}" for one in findings[:3])
        case LedgerEvent.DRILLED:
            counts = _dict(facts.get("counts"))
            return (
                f"{counts.get('opened', 0):,} of {counts.get('tried', 0):,} envelopes opened, on "
                f"{counts.get('media', 0):,} media; {counts.get('errors', 0):,} errors"
            )
        case LedgerEvent.STARTED | LedgerEvent.STOPPED:
            return str(facts.get("address", ""))
        case _:
            return traffic_words(entry)


def _medium_summary(facts: Any, who: str) -> str:
    medium, burn = _dict(facts.get("medium")), _dict(facts.get("burn"))
    disclosure = _dict(facts.get("disclosure"))
    number = (
        f" {medium.get('volume')}/{medium.get('volumes')}" if medium.get("volumes") != 1 else ""
    )
    parts = [f"{medium.get('medium')} {medium.get('file_set_id')}{number}: {who}"]
    if burn:
        parts.append(f"{burn.get('drive')} {burn.get('medium_id')}: {burn.get('reread')}")
    else:
        parts.append(str(medium.get("path", "")))
    for word, key in (("for", "requested_by"), ("to", "given_to"), ("because", "reason")):
        if disclosure.get(key):
            parts.append(f"{word} {disclosure[key]}")
    return "; ".join(parts)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
