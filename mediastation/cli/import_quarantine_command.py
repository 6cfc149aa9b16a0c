"""The command that shows what is held of brought media, and decides about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from mediastation.cli.app import app
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    print_table,
    say,
    tell,
)
from mediastation.errors import ConfigError

_HELD_COLUMNS = {
    "sha256": "SHA-256",
    "job": "Job",
    "path": "File",
    "rule": "Why",
    "verdict": "Decision",
}


@app.command("quarantine")
def quarantine_command(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SHA256…",
            help="First characters of a file's digest, or import:JOB for all that a job holds.",
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Take them into the catalog, beside what they contradict."),
    ] = False,
    leave: Annotated[
        bool, typer.Option("--leave", help="Leave them in quarantine for good.")
    ] = False,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, for whoever meets the decision again.")
    ] = "",
) -> None:
    """Show what is held, or decide about it; the same is then decided alike the next time."""
    from mediastation.model.importing import Verdict  # noqa: PLC0415
    from mediastation.station.intake.held_view import view_held  # noqa: PLC0415
    from mediastation.station.intake.quarantine_desk import decide, held_files  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    if keep and leave:
        raise ConfigError("--keep and --leave are opposites.", "Give one of them.")
    if not keep and not leave:
        with Station(words.home) as station:
            rows = _held_rows(map(asdict, held_files(station)), files or [])
            # One file that was named is laid beside what it contradicts.
            named = bool(files) and not any(word.startswith("import:") for word in files or ())
            is_one = len(rows) == 1 and named
            laid = view_held(station, rows[0]["sha256"]).laid if is_one else None
        if words.json:
            beside = {"beside": laid.as_dict()} if laid is not None else {}
            print_json({"held": rows} | beside)
        elif laid is not None:
            row = _held_row(rows[0])
            for line in (f"why: {row['rule']}; decision: {row['verdict']}", "", *laid.lines()):
                say(line)
        elif rows:
            print_table([_held_row(row) for row in rows], _HELD_COLUMNS)
        else:
            tell("Nothing is held.")
        return
    if not files:
        raise ConfigError("Nothing was named.", "`mediastation quarantine` shows what is held.")
    verdict = Verdict.KEEP if keep else Verdict.LEAVE
    with Station(words.home) as station, StepDisplay(words) as display:
        decided = decide(station, files, verdict, note, display)
    if words.json:
        print_json(
            {
                "kept": decided.kept,
                "left": decided.left,
                "findings": [finding.as_dict() for finding in decided.findings],
            }
        )
    else:
        print_findings(words, decided.findings)
        say(f"{decided.kept:,} taken into the catalog, {decided.left:,} left in quarantine")


def _held_rows(rows: Iterable[dict[str, Any]], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Return the held files that are wanted; all of them where nothing is named."""
    held = list(rows)
    if not wanted:
        return held
    chosen = []
    for word in wanted:
        named = [
            row
            for row in held
            if word and (word in _imports(row) or row["sha256"].startswith(word.lower()))
        ]
        # That an import holds nothing is an answer; a digest of nothing is a slip.
        if not named and not re.fullmatch("import:[0-9]+", word):
            raise ConfigError(
                f"Nothing that is held begins with {word!r}.",
                "`mediastation quarantine` shows all of it.",
            )
        chosen += [row for row in named if row not in chosen]
    return chosen


def _imports(row: dict[str, Any]) -> list[str]:
    """Return what the imports are called that brought a held file."""
    return [f"import:{job}" for job in (row["job"], *row["met_again"])]


def _held_row(row: dict[str, Any]) -> dict[str, Any]:
    verdict = f"{row['verdict']} ({row['decided_by']})" if row["verdict"] else "waits"
    return {**row, "sha256": row["sha256"][:12], "verdict": verdict}
