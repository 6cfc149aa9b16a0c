"""The network as a client: peers, echo, find, worklist, fetch, send."""

from __future__ import annotations

from typing import Annotated

import typer

from mediastation.cli.app import app, no_empty_words
from mediastation.cli.catalog_commands import Level
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
from mediastation.errors import ConfigError

_STUDY = "study:"
PEER = Annotated[str, typer.Argument(metavar="PEER", help="Name of a peer in the settings.")]

_COLUMNS = {
    Level.PATIENTS: {
        "patient_name": "Name",
        "patient_id": "Patient ID",
        "issuer_of_patient_id": "Issuer",
        "patient_birth_date": "Born",
        "patient_sex": "Sex",
    },
    Level.STUDIES: {
        "patient_name": "Name",
        "patient_id": "Patient ID",
        "patient_birth_date": "Born",
        "study_date": "Date",
        "study_description": "Study",
        "modalities_in_study": "Modalities",
        "accession_number": "Accession",
        "number_of_study_related_instances": "Instances",
        "study_instance_uid": "Study Instance UID",
    },
    Level.SERIES: {
        "modality": "Modality",
        "series_number": "No.",
        "series_description": "Series",
        "number_of_series_related_instances": "Instances",
        "series_instance_uid": "Series Instance UID",
    },
    Level.INSTANCES: {
        "instance_number": "No.",
        "sop_class_uid": "SOP Class UID",
        "sop_instance_uid": "SOP Instance UID",
    },
}

_ORDER_COLUMNS = {
    "patient_name": "Name",
    "patient_id": "Patient ID",
    "issuer_of_patient_id": "Issuer",
    "patient_birth_date": "Born",
    "patient_sex": "Sex",
    "accession_number": "Accession",
    "requested_procedure_description": "Procedure",
    "scheduled_procedure_step_description": "Step",
    "scheduled_procedure_step_start": "Scheduled",
}
LIMIT = Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most.")]


@app.command("peers")
def peers_command(context: typer.Context) -> None:
    """Show the peers of the settings."""
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.traffic.peers import peers  # noqa: PLC0415 - `--help` need not wait

    words: Words = context.obj
    with Station(words.home) as station:
        rows = peers(station)
    if words.json:
        print_json({"peers": rows})
        return
    if not rows:
        say("No peer is configured.")
        tell(f"  → A section [peers.NAME] in {words.home / 'config.toml'} makes one.")
        return
    shown = [
        row | {"address": f"{row['host']}:{row['port']}", "for": ", ".join(row["services"])}
        for row in rows
    ]
    columns = {"name": "Peer", "title": "Title", "aet": "AE title", "address": "Address",
               "calling_aet": "Called by us as", "for": "For"}  # fmt: skip
    print_table(shown, columns)


@app.command("echo")
def echo_command(context: typer.Context, peer: PEER) -> None:
    """Ask a peer whether it answers (C-ECHO)."""
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.traffic.peers import echo  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station:
        seconds = echo(station, peer)
    if words.json:
        print_json({"ok": True, "seconds": round(seconds, 4)})
    else:
        say(f"{peer} answered in {seconds:.3f} s")


@app.command("find")
def find_command(
    context: typer.Context,
    peer: PEER,
    words_of_query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[patients|studies|series|instances] KEY=VALUE…",
            callback=lambda words: no_empty_words(words or []),
            help="What is wanted, by default studies, and the keys, such as PatientID=4711 or "
            "patient_name=DOE*; KEY= alone asks for its value.",
        ),
    ] = None,
    limit: LIMIT = 500,
) -> None:
    """Query a peer (C-FIND)."""
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.traffic.query import find  # noqa: PLC0415

    words: Words = context.obj
    keys = list(words_of_query or [])
    level = Level(keys.pop(0)) if keys and keys[0] in list(Level) else Level.STUDIES
    _require_keys(keys, f"Levels are {', '.join(Level)}; a")
    with Station(words.home) as station:
        result = find(station, peer, level, keys, limit)
    if words.json:
        print_json(result.as_dict())
        return
    print_findings(words, result.findings)
    print_table(result.rows, _COLUMNS[level])
    _tell_rest(result.complete, limit)


@app.command("worklist")
def worklist_command(
    context: typer.Context,
    peer: PEER,
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE…",
            callback=lambda words: no_empty_words(words or []),
            help="The keys, such as PatientID=4711, patient_name=DOE*, AccessionNumber=A1 or "
            "scheduled_procedure_step_start_date=20260101-; without any, every order.",
        ),
    ] = None,
    limit: LIMIT = 500,
) -> None:
    """Ask a Modality Worklist for orders (C-FIND)."""
    from mediastation.station.reconciling.worklist import find_orders, order_row  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.traffic.query import read_keys  # noqa: PLC0415

    words: Words = context.obj
    _require_keys(keys or [], "A")
    with Station(words.home) as station:
        result = find_orders(station, peer, read_keys(keys or []), limit)
    if words.json:
        print_json(result.as_dict())
        return
    print_findings(words, result.findings)
    print_table([order_row(one) for one in result.orders], _ORDER_COLUMNS)
    _tell_rest(result.complete, limit)


@app.command("fetch")
def fetch_command(
    context: typer.Context,
    peer: PEER,
    studies: Annotated[
        list[str],
        typer.Argument(metavar="study:UID…", callback=no_empty_words, help="The studies."),
    ],
    queue: QUEUE = False,
) -> None:
    """Fetch studies from a peer into the catalog (C-GET or C-MOVE), and prove that all came."""
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.traffic.fetch import fetch  # noqa: PLC0415
    from mediastation.station.traffic.peers import require_peer  # noqa: PLC0415
    from mediastation.station.traffic.requests import FetchRequest  # noqa: PLC0415

    words: Words = context.obj
    for word in studies:
        if not word.startswith(_STUDY) or word == _STUDY:
            raise ConfigError(f"{word!r} names no study.", "Give study:UID, as `find` shows it.")
    request = FetchRequest(peer, tuple(word.removeprefix(_STUDY) for word in studies))
    if queue:
        with Station(words.home) as station:
            require_peer(station, peer, "get", "move")
        put_into_queue(words, request)
        return
    with Station(words.home) as station, StepDisplay(words) as display:
        result = fetch(station, request, display)
    show_result(
        words, result, f"{result.received:,} of {result.expected:,} instances of {peer} are here"
    )


@app.command("send")
def send_command(
    context: typer.Context,
    words_of_sending: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE… PEER",
            callback=no_empty_words,
            help="Folders, files, images, or study:UID, series:UID, patient:ID; then the peer.",
        ),
    ],
    again: Annotated[
        bool,
        typer.Option("--again", help="Send also what an interrupted run got confirmed already."),
    ] = False,
    queue: QUEUE = False,
) -> None:
    """Send instances to a peer (C-STORE). An interrupted run is gone on with by the next one."""
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.traffic.peers import require_peer  # noqa: PLC0415
    from mediastation.station.traffic.requests import SendRequest  # noqa: PLC0415
    from mediastation.station.traffic.send import send  # noqa: PLC0415

    words: Words = context.obj
    *sources, peer = words_of_sending
    if not sources:
        raise ConfigError("There is nothing to send, or nobody to send it to.", "SOURCE… PEER.")
    request = SendRequest(tuple(sources), peer, again)
    if queue:
        with Station(words.home) as station:
            require_peer(station, peer, "store")
        put_into_queue(words, request)
        return
    with Station(words.home) as station, StepDisplay(words) as display:
        result = send(station, request, display)
    before = f", {result.already:,} of them before" if result.already else ""
    left = f", {result.unsent:,} not sent" if result.unsent else ""
    show_result(
        words,
        result,
        f"{result.sent:,} instances confirmed by {peer}{before}; {result.refused:,} refused{left}",
    )


def _require_keys(keys: list[str], hint: str) -> None:
    for word in keys:
        if "=" not in word:
            raise ConfigError(
                f"{word!r} is no KEY=VALUE.", f"{hint} key is PatientID=4711, for example."
            )


def _tell_rest(complete: bool, limit: int) -> None:
    if not complete:
        tell(f"There are more than {limit:,}; --limit shows more, other keys fewer.")
