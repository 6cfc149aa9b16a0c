"""Work for the queue, from commands that would otherwise do it themselves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mediastation.cli.output import Words, print_json, say, tell

QUEUE = Annotated[
    bool,
    typer.Option("--queue", help="Put it into the queue, print the number of its job, and return."),
]


def put_into_queue(words: Words, request: Any) -> None:
    """Submit `request`, say its number, and whether anybody is there to do it."""
    from mediastation.model.job import JobState  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.serving_process import ask_serving  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.submitting import submit  # noqa: PLC0415

    with Station(words.home) as station:
        number = submit(station, request)
        is_served = ask_serving(station.home, "wake") is not None
        is_shared = bool(station.settings.queue or station.settings.database)
    if words.json:
        print_json({"job": number, "state": str(JobState.QUEUED)})
    else:
        say(f"job {number}: queued")
    if not is_served and not is_shared and not words.quiet:
        tell("  → Nobody serves this station: `mediastation serve` or `work` begins the job.")
