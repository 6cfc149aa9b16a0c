"""Work for the queue, from commands that would otherwise do it themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mediastation.cli.output import Words, print_findings, print_json, say, tell
from mediastation.errors import MediastationError
from mediastation.model.secrecy import Password

QUEUE = Annotated[
    bool,
    typer.Option("--queue", help="Put it into the queue, print the number of its job, and return."),
]


def put_into_queue(
    words: Words,
    request: Any,
    password: Password | None = None,
    sheet: Path | None = None,
) -> None:
    """Submit `request`, say its number, and whether anybody is there to do it.

    A `password` goes to `serve`, which keeps it in memory until the job begins,
    and onto the `sheet` for the recipient.
    """
    from mediastation.model.job import JobState  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.sealing.recipient_sheet import write_sheet  # noqa: PLC0415
    from mediastation.station.serving.job_password import give_password  # noqa: PLC0415
    from mediastation.station.serving.process import ask_serving  # noqa: PLC0415
    from mediastation.station.serving.submitting import submit  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    with Station(words.home) as station:
        number = submit(station, request)
        if sheet is not None and password is not None:
            try:
                print_findings(words, write_sheet(station, sheet, password, request, (), number))
            except MediastationError:
                # Nobody would learn what password the job was to have.
                station.queue.cancel(number, station.settings.operator, station.clock.now())
                raise
        is_kept = password is None or give_password(station, number, password)
        is_served = ask_serving(station.home, "wake") is not None
        is_shared = bool(station.settings.queue or station.settings.database)
    if words.json:
        print_json({"job": number, "state": str(JobState.QUEUED)})
    else:
        say(f"job {number}: queued")
    if not is_kept:
        tell(
            "  → Nobody serves this station, and a password is kept in the memory of `serve` alone:"
            f" give it with `mediastation jobs {number} --answer password` when the job asks."
        )
    if not is_served and not is_shared and not words.quiet:
        tell("  → Nobody serves this station: `mediastation serve` or `work` begins the job.")
