"""Commands that find out who of this site an outside patient is, and make the images theirs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mediastation.cli.app import app, no_empty_words
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
from mediastation.cli.reconciling_options import ACCESSION, CONFIRM_IDENTITY, TO
from mediastation.errors import ConfigError
from mediastation.model.identity import PatientIdentity, describe
from mediastation.model.reconciliation import Match

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
    accession: ACCESSION = "",
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
    confirm_identity: CONFIRM_IDENTITY = False,
    to: TO = "",
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
