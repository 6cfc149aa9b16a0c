"""The command that takes in what an outside medium holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.environment import environment_password
from mediastation.cli.output import StepDisplay, Words, show_result, tell
from mediastation.cli.queueing import QUEUE, put_into_queue
from mediastation.cli.reconciling_options import ACCESSION, CONFIRM_IDENTITY, TO
from mediastation.cli.secrets import (
    KEY,
    PASSWORD_FILE,
    can_ask,
    read_key_ring,
    read_password,
)

if TYPE_CHECKING:
    from mediastation.secure.opening.keys import KeyRing


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
    patient_id: Annotated[
        str,
        typer.Option(
            "--patient-id",
            metavar="ID",
            help="Patient ID at this site: the images are reconciled with that patient.",
        ),
    ] = "",
    accession: ACCESSION = "",
    confirm_identity: CONFIRM_IDENTITY = False,
    to: TO = "",
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
