"""Giving a job its password: to `serve`, which alone keeps it; begun where nobody serves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.console.serving import see_to_serving
from mediastation.errors import MediastationError
from mediastation.model.secrecy import Password

if TYPE_CHECKING:
    from mediastation.console.screens.base import ConsoleScreen


async def give(
    screen: ConsoleScreen, job: int, password: Password | None, keys: Sequence[Path] = ()
) -> bool:
    """Give a job the password that it needs, or keys; what keeps it from that is told.

    Returns
    -------
    bool
        Whether somebody keeps it now. Otherwise the job asks for it when it is begun.
    """
    from mediastation.station.serving.job_password import give_password  # noqa: PLC0415 - not for the paint

    console, desk = screen.console, screen.desk
    try:
        if await desk.call(give_password, job, password, keys=keys):
            return True
        if await see_to_serving(console) and await desk.call(
            give_password, job, password, keys=keys
        ):
            return True
    except MediastationError as fault:
        console.tell_fault(fault)
        return False
    console.tell(
        "Nobody serves this station, and a password is kept by who serves it, in memory alone. "
        f"Press s in Network (5), then answer job {job} (a).",
        grave=True,
    )
    return False
