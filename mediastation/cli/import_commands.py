"""Commands about media that somebody brought."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediastation.cli.app import app, no_empty_words, path_word
from mediastation.cli.environment import environment_password
from mediastation.cli.export_commands import show_export
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    print_table,
    say,
    show_result,
    tell,
)
from mediastation.cli.queueing import QUEUE, put_into_queue
from mediastation.cli.secrets import (
    KEY,
    PASSWORD_FILE,
    can_ask,
    read_key_ring,
    read_password,
)
from mediastation.errors import ConfigError
from mediastation.model.identity import PatientIdentity, describe
from mediastation.model.reconciliation import Match

if TYPE_CHECKING:
    from mediastation.secure.opening.keys import KeyRing

_PATIENT_ID = typer.Option(
    "--patient-id",
    metavar="ID",
    help="Patient ID at this site: the images are reconciled with that patient.",
)
_ACCESSION = typer.Option(
    "--accession", metavar="NUMBER", help="Accession number of the order, where there are several."
)
_CONFIRM = typer.Option(
    "--confirm-identity",
    help="Somebody has compared both: they are one person although their values differ.",
)
_SOURCES = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE…",
        callback=no_empty_words,
        help="import:JOB, or patient:ID, study:UID, series:UID of what was imported.",
    ),
]
_CANDIDATE_COLUMNS = {
    "patient_id": "Patient ID",
    "patient_name": "Name",
    "patient_birth_date": "Born",
    "patient_sex": "Sex",
    "accession_number": "Accession",
    "origin": "From",
    "peer": "Peer",
    "likeness": "Likeness",
}
_HELD_COLUMNS = {
    "sha256": "SHA-256",
    "job": "Job",
    "path": "File",
    "rule": "Why",
    "verdict": "Decision",
}
_TO = typer.Option(
    "--to", metavar="PEER", help="Send on what was reconciled to this peer of the settings."
)


@app.command("import")
def import_command(
    context: typer.Context,
    medium: Annotated[
        Path,
        typer.Argument(
            parser=path_word,
            metavar="MEDIUM",
            help="Drive, image, folder, ZIP file or e-mail; it is only read.",
        ),
    ],
    patient_id: Annotated[str, _PATIENT_ID] = "",
    accession: Annotated[str, _ACCESSION] = "",
    confirm_identity: Annotated[bool, _CONFIRM] = False,
    to: Annotated[str, _TO] = "",
    report: Annotated[
        Path | None,
        typer.Option(
            parser=path_word, metavar="FILE", help="Write the report here as well: .htm or .pdf."
        ),
    ] = None,
    key: KEY = None,
    password_file: PASSWORD_FILE = None,
    queue: QUEUE = False,
) -> None:
    """Take in what an outside medium holds, whatever state it is in.

    The medium is only read, and nothing on it is started. What cannot come in, or
    contradicts what is here, is told and kept apart; the exit code is 1 then. Of a
    sealed medium the password or key is needed: without one, or with a wrong one,
    nothing comes in, and the exit code is 4.
    """
    from mediastation.station.intake.import_medium import import_medium  # noqa: PLC0415 - for `--help`
    from mediastation.station.intake.request import ImportRequest  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = ImportRequest(
        medium,
        patient_id=patient_id,
        accession_number=accession,
        confirm_identity=confirm_identity,
        to=to,
        report_file=report,
        key=tuple(path.absolute() for path in key or ()),
    )
    if queue:
        put_into_queue(words, request, read_password(words, password_file))
        return
    with Station(words.home) as station:
        keys = _keys_for(words, medium, password_file, key)
        with StepDisplay(words) as display:
            result = import_medium(station, request, display, keys=keys)
    opened = f", {result.opened:,} files out of envelopes" if result.opened else ""
    show_result(
        words,
        result,
        f"{result.imported:,} of {result.found:,} instances imported, "
        f"{result.duplicates:,} here before, {result.refused:,} refused{opened}",
    )


def _keys_for(
    words: Words, medium: Path, file: Path | None, keys: list[Path] | None
) -> KeyRing | None:
    """Return what envelopes are opened with; the medium's password is asked for if it needs one."""
    from mediastation.station.intake.keys import look_for_seal  # noqa: PLC0415

    if file is not None or keys or environment_password():
        return read_key_ring(words, file, keys)
    sealed = look_for_seal(medium) if can_ask() else None
    if sealed is None or not sealed.takes_password:
        return None
    tell(f"{medium} is sealed for {sealed.told}.")
    return read_key_ring(words, None, None, "Password: ")


@app.command("repair")
def repair_command(
    context: typer.Context,
    medium: Annotated[
        Path,
        typer.Argument(
            parser=path_word,
            metavar="MEDIUM",
            help="Drive, image, folder or ZIP file with a bad directory, or none.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(parser=path_word, metavar="PATH", help="The new image file or folder.")
    ],
    profile: Annotated[
        str,
        typer.Option(help="Application Profile; by default the first that takes all as it is."),
    ] = "",
    several_patients: Annotated[
        bool, typer.Option("--several-patients", help="A collection of several people is meant.")
    ] = False,
    confirm_identity: Annotated[
        bool,
        typer.Option("--confirm-identity", help="People who look like one are known to be one."),
    ] = False,
) -> None:
    """Write a medium anew with a right DICOMDIR; its instances and their names stay."""
    from mediastation.station.intake.repair import RepairRequest, repair  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = RepairRequest(medium, output, profile, several_patients, confirm_identity)
    with Station(words.home) as station, StepDisplay(words) as display:
        taken, made = repair(station, request, display)
    if made is None:
        show_result(words, taken, "nothing was written")
        return
    if not words.json and taken.stopped:
        print_findings(words, taken.findings)
        tell(f": {taken.stopped}", mark="warning", colour="33")
    show_export(words, made)
    if taken.exit_code:
        raise typer.Exit(taken.exit_code)


@app.command("candidates")
def candidates_command(
    context: typer.Context,
    sources: _SOURCES,
    patient_id: Annotated[
        str,
        typer.Option(
            "--patient-id", metavar="ID", help="Only who has this Patient ID at this site."
        ),
    ] = "",
    accession: Annotated[
        str,
        typer.Option(
            "--accession", metavar="NUMBER", help="Only whose order has this accession number."
        ),
    ] = "",
) -> None:
    """Show who of this site an outside patient may be."""
    from mediastation.station.intake.request import WantedPatient  # noqa: PLC0415
    from mediastation.station.reconciling.reconcile import find_candidates  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    wanted = WantedPatient(patient_id, accession)
    with Station(words.home) as station:
        outside, found = find_candidates(station, sources, wanted)
    rows = [candidate_row(match) for match in found.matches]
    if words.json:
        print_json(
            {
                "outside": identity_row(outside.identity) | {"instances": outside.instances},
                "candidates": rows,
                "asked": list(found.asked),
                "findings": [finding.as_dict() for finding in found.findings],
            }
        )
        return
    print_findings(words, found.findings)
    say(f"outside: {describe(outside.identity)}; {outside.instances:,} instances")
    print_table(rows, _CANDIDATE_COLUMNS)
    if not rows:
        tell(f"Nobody like that was found; asked: {', '.join(found.asked) or 'nobody'}.")


@app.command("reconcile")
def reconcile_command(
    context: typer.Context,
    sources: _SOURCES,
    patient_id: Annotated[
        str,
        typer.Option(
            "--patient-id", metavar="ID", help="Patient ID at this site; or name the order."
        ),
    ] = "",
    accession: Annotated[str, _ACCESSION] = "",
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Patient's Name, typed as Family^Given, where the site's rules allow typing.",
        ),
    ] = "",
    birth_date: Annotated[
        str, typer.Option(metavar="YYYYMMDD", help="Birth date, typed likewise.")
    ] = "",
    sex: Annotated[str, typer.Option(metavar="M|F|O", help="Sex, typed likewise.")] = "",
    issuer: Annotated[
        str,
        typer.Option(metavar="NAME", help="Who gave the Patient ID, typed likewise."),
    ] = "",
    confirm_identity: Annotated[bool, _CONFIRM] = False,
    to: Annotated[str, _TO] = "",
    queue: QUEUE = False,
) -> None:
    """Give outside images the identity of a patient of this site; the originals stay."""
    from mediastation.station.intake.request import ReconcileRequest  # noqa: PLC0415
    from mediastation.station.reconciling.reconcile import reconcile  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    if not patient_id and not accession:
        raise ConfigError(
            "Nobody was named whom the images are to be reconciled with.",
            "`mediastation candidates` shows who it may be; then --patient-id or --accession.",
        )
    request = ReconcileRequest(
        tuple(sources), patient_id, accession, issuer, name, birth_date, sex,
        confirm_identity, to=to,
    )  # fmt: skip
    if queue:
        put_into_queue(words, request)
        return
    with Station(words.home) as station, StepDisplay(words) as display:
        result = reconcile(station, request, display)
    sent = f", {result.sent:,} confirmed by {to}" if result.sent_by else ""
    show_result(words, result, f"{result.reconciled:,} instances reconciled{sent}")


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


def identity_row(identity: PatientIdentity) -> dict[str, str]:
    """Return an identity with the keywords in snake case."""
    return {
        "patient_id": identity.patient_id,
        "issuer_of_patient_id": identity.issuer,
        "patient_name": identity.name,
        "patient_birth_date": identity.birth_date,
        "patient_sex": identity.sex,
    }


def candidate_row(match: Match) -> dict[str, Any]:
    """Return a candidate, who vouches for it, and how far it agrees."""
    candidate, likeness = match.candidate, match.likeness
    order = candidate.order
    return {
        **identity_row(candidate.identity),
        "accession_number": order.accession_number if order else "",
        "requested_procedure": order.requested_procedure_description if order else "",
        "scheduled_at": order.scheduled_at if order else "",
        "origin": str(candidate.origin),
        "peer": candidate.peer,
        "likeness": str(likeness.verdict),
        "name": str(likeness.name),
        "birth_date": str(likeness.birth_date),
        "sex": str(likeness.sex),
        "remembered": match.remembered,
    }


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
            if word and (word == f"import:{row['job']}" or row["sha256"].startswith(word.lower()))
        ]
        # That an import holds nothing is an answer; a digest of nothing is a slip.
        if not named and not re.fullmatch("import:[0-9]+", word):
            raise ConfigError(
                f"Nothing that is held begins with {word!r}.",
                "`mediastation quarantine` shows all of it.",
            )
        chosen += [row for row in named if row not in chosen]
    return chosen


def _held_row(row: dict[str, Any]) -> dict[str, Any]:
    verdict = f"{row['verdict']} ({row['decided_by']})" if row["verdict"] else "waits"
    return {**row, "sha256": row["sha256"][:12], "verdict": verdict}
