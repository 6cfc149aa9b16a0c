"""serve: the network side, without a screen."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from mediastation.cli.app import app, end_with_terminal
from mediastation.cli.log_lines import log_to_stderr
from mediastation.cli.output import Words, print_json, say


@app.command("serve")
def serve_command(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    aet: Annotated[str | None, typer.Option(help="Application Entity Title.")] = None,
    bind: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    workers: Annotated[
        bool, typer.Option("--workers/--no-workers", help="Whether to run queued jobs as well.")
    ] = True,
    end: Annotated[
        bool, typer.Option("--stop", help="End whoever serves this home, and serve nothing.")
    ] = False,
    print_unit: Annotated[
        bool, typer.Option("--print-unit", help="Print a unit for systemd, and serve nothing.")
    ] = False,
) -> None:
    """Receive instances from the network and run queued jobs, until SIGTERM or Ctrl-C.

    Jobs then go back to the queue. A disc that is being burned is finished
    first, unless it is told a second time.
    """
    from mediastation.station.serving.serve import serve  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.station import Station  # noqa: PLC0415
    from mediastation.station.stop_signal import StopSignal  # noqa: PLC0415

    words: Words = context.obj
    if print_unit:
        from mediastation.station.serving.service_unit import service_unit  # noqa: PLC0415

        for line in service_unit(words.home).splitlines():
            say(line)
        return
    if end:
        from mediastation.station.serving.process import stop_serving  # noqa: PLC0415

        stopped = stop_serving(words.home)
        if words.json:
            print_json({"stopped": stopped})
        else:
            say("No longer served." if stopped else "Nobody serves this home.")
        return
    end_with_terminal()
    stop = StopSignal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log_to_stderr(words)

    def ready(address: str, bound_port: int) -> None:
        if words.json:
            print_json({"address": address, "port": bound_port})
        else:
            say(f"listening on {address}:{bound_port}")
        sys.stdout.flush()

    with Station(words.home) as station:
        serve(
            station,
            stop=stop,
            on_ready=ready,
            ae_title=aet,
            bind=bind,
            port=port,
            with_workers=workers,
            is_urgent=lambda: stop.is_urgent,
        )
