"""work: jobs from the queue, one after another, in this process."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from mediastation.cli.app import app, end_with_terminal
from mediastation.cli.log_lines import log_to_stderr
from mediastation.cli.output import StepDisplay, Words


class ShareWord(StrEnum):
    """Words for `mediastation.station.serving.worker.Share`."""

    ALL = "all"
    GENERAL = "general"
    DRIVES = "drives"


@app.command("work")
def work_command(
    context: typer.Context,
    share: Annotated[
        ShareWord, typer.Option(help="Jobs on the drives of this host, all others, or both.")
    ] = ShareWord.ALL,
    idle: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="End after so long without a job."),
    ] = None,
    lifeline: Annotated[
        bool, typer.Option("--lifeline", hidden=True, help="End with standard input.")
    ] = False,
) -> None:
    """Work on queued jobs until SIGTERM or Ctrl-C; `serve` starts such workers by itself.

    The job that runs then goes back to the queue. One that burns comes to its
    end first, unless it is told a second time.
    """
    from mediastation.station.serving.worker import Share  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.serving.working import work  # noqa: PLC0415

    words: Words = context.obj
    end_with_terminal()
    log_to_stderr(words, name=f"work[{os.getpid()}]")
    with StepDisplay(words) as display:
        work(
            words.home,
            share=Share(share),
            idle_s=idle,
            lifeline=sys.stdin.fileno() if lifeline and sys.stdin is not None else None,
            listener=display,
        )
