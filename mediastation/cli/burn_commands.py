"""What goes onto discs: burn; and the drives that do it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediastation.cli.app import app, no_empty_words, path_word
from mediastation.cli.disclosure_options import GIVEN_TO, REASON, REQUESTED_BY
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    print_table,
    say,
    tell,
)
from mediastation.cli.queueing import QUEUE, put_into_queue
from mediastation.model.ledger import Disclosure
from mediastation.model.text import size_text

if TYPE_CHECKING:
    from mediastation.burn.drive import Drive
    from mediastation.station.burning.request import BurnResult

_DRIVES_HELP = "Drive, such as /dev/sr0; stdio:/path is a file that stands for one."


def _word(word: str) -> str:
    return no_empty_words([word])[0]


DRIVE = Annotated[
    str,
    typer.Option("--drive", metavar="DEV", callback=_word, help=_DRIVES_HELP),
]
_COLUMNS = {
    "device": "Drive",
    "name": "Model",
    "holds": "Disc",
    "free": "Free",
    "speeds": "Speeds",
    "medium_id": "Disc type",
}


@app.command("burn")
def burn_command(
    context: typer.Context,
    image: Annotated[
        Path, typer.Argument(parser=path_word, metavar="IMAGE", help="Image of a disc.")
    ],
    drives: Annotated[
        list[str],
        typer.Option(
            "--drive",
            metavar="DEV",
            callback=no_empty_words,
            help=f"{_DRIVES_HELP} May be given repeatedly: the drives work at the same time.",
        ),
    ],
    speed: Annotated[
        float, typer.Option(min=0, max=100, metavar="N", help="Factor as on the box; 0: fastest.")
    ] = 0,
    copies: Annotated[int, typer.Option(min=1, max=999, help="Discs, on each drive.")] = 1,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Go through the motions; write nothing.")
    ] = False,
    keep_open: Annotated[
        bool, typer.Option("--keep-open", help="Leave the disc so that a session may follow.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add the updated File-set as a further session.")
    ] = False,
    eject: Annotated[
        bool, typer.Option("--eject/--no-eject", help="Put the disc out when it is done.")
    ] = True,
    retries: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=99,
            metavar="N",
            help="New blanks for discs that fail; by default 1 on a terminal, else none.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            min=0, max=86_400, metavar="SECONDS", help="How long to wait for the next blank."
        ),
    ] = 300,
    queue: QUEUE = False,
    requested_by: REQUESTED_BY = "",
    given_to: GIVEN_TO = "",
    reason: REASON = "",
) -> None:
    """Write an image onto a disc, and read it back."""
    from mediastation.station.burning.burn import burn  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.burning.request import BurnRequest  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = BurnRequest(
        image=image,
        drives=tuple(drives),
        speed=speed,
        copies=copies,
        simulate=simulate,
        keep_open=keep_open,
        append=append,
        eject=eject,
        # Nobody sits before a job in the queue; it waits for a new blank as long as it may.
        retries=_retries(retries) if not queue else retries or 0,
        wait_s=wait,
        disclosure=Disclosure(requested_by, given_to, reason),
    )
    if queue:
        put_into_queue(words, request)
        return
    with Station(words.home) as station, StepDisplay(words) as display:
        result = burn(station, request, display)
    _show_burn(words, result)


@app.command("drives")
def drives_command(context: typer.Context) -> None:
    """Show the drives and what lies in them; no tray is moved."""
    from mediastation.station.burning.drives import drive_row, list_drives  # noqa: PLC0415

    words: Words = context.obj
    found = list_drives()
    if words.json:
        print_json({"drives": [drive_row(drive) for drive in found]})
        return
    if not found:
        say("No drive was found.")
        tell("  → Look at its cable and power. stdio:/path stands for a drive, for training.")
        return
    print_table([_row(drive) for drive in found], _COLUMNS)
    for drive in found:
        if drive.trouble:
            tell(f"{drive.device}: {drive.trouble}")


@app.command("blank")
def blank_command(
    context: typer.Context,
    drive: DRIVE,
    whole: Annotated[
        bool, typer.Option("--whole", help="Leave nothing that could be brought back; slow.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Erase what lies on it, unasked.")] = False,
) -> None:
    """Make a rewritable disc blank."""
    from mediastation.burn.drive import Disc  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.burning.drives import blank, drive_row  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj

    def confirm(found: Drive, content: list[str]) -> bool:
        return _confirm_erasing(found, content, yes=yes)

    with Station(words.home) as station, StepDisplay(words) as display:
        done = blank(station, drive, confirm, display, whole=whole)
    if words.json:
        print_json({"drives": [drive_row(done)]})
        return
    say(f"{drive}: {(done.disc or Disc()).words}")
    if not whole and not words.quiet:
        tell(
            "  → What was on it can be brought back by those who know how; --whole leaves nothing."
        )


@app.command("eject")
def eject_command(context: typer.Context, drive: DRIVE) -> None:
    """Put the disc of a drive out."""
    from mediastation.station.burning.drives import eject  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station:
        eject(station, drive)
    if words.json:
        print_json({"drives": [{"device": drive}]})
    else:
        say(f"{drive}: the disc is out")


def _retries(asked: int | None) -> int:
    if asked is not None:
        return asked
    return 1 if sys.stdin is not None and sys.stdin.isatty() else 0


def _confirm_erasing(drive: Drive, content: list[str], *, yes: bool) -> bool:
    """Show what would be lost; ask, where somebody can answer."""
    tell(f"The {drive.disc.kind if drive.disc else 'disc'} in {drive.device} holds:")
    for line in content:
        tell(f"  {line}")
    if yes:
        return True
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    tell("Type yes to erase all of it: ")
    return sys.stdin.readline().strip().lower() == "yes"


def _row(drive: Drive) -> dict[str, Any]:
    disc = drive.disc
    free = disc.free_sectors * 2048 if disc else 0
    return {
        "device": drive.device,
        "name": f"{drive.vendor} {drive.model}".strip(),
        "holds": disc.words if disc else "cannot be asked",
        "free": size_text(free) if free else "",
        "speeds": ", ".join(speed.words for speed in disc.speeds) if disc else "",
        "medium_id": disc.medium_id if disc else "",
    }


def _show_burn(words: Words, result: BurnResult) -> None:
    """Print what came of a burn, and exit as it asks."""
    if words.json:
        stopped = {"error": result.stopped, "hint": result.hint} if result.stopped else {}
        print_json(result.as_dict() | stopped)
    else:
        print_findings(words, result.findings)
        if result.stopped and not any(one.message == result.stopped for one in result.findings):
            tell(f": {result.stopped}", mark="error", colour="31")
            if result.hint:
                tell(f"  → {result.hint}")
        for drive in result.drives:
            for disc in drive.discs:
                of = f" (copy {disc.copy} of {drive.copies})" if drive.copies > 1 else ""
                say(f"{drive.drive}: {_STATES[disc.state]}{of}")
                if disc.medium_id:
                    say(f"  {disc.medium_id}")
        say(f"job {result.job}: image sha256 {result.image_sha256}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


_STATES = {
    "writing": "was being written",
    "simulating": "was being simulated",
    "rereading": "written, not read back",
    "verified": "burned and verified",
    "simulated": "simulated, nothing was written",
    "unproved": "written, NOT PROVED: verify or destroy this disc",
    "discard": "FAILED: destroy this disc",
}
