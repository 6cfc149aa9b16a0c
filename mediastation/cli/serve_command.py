"""serve: the network side, without a screen."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import traceback
from typing import Annotated, Any

import typer

from mediastation.cli.app import app
from mediastation.cli.output import Words, print_json, say
from mediastation.model.text import harmless


class HarmlessFormatter(logging.Formatter):
    """One line a message, whatever peers put into titles, UIDs and values."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without what steers a terminal or forges another line."""
        return harmless(super().format(record).replace("\n", " "))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return what went wrong and where, in one line."""
        *_, frame = traceback.extract_tb(ei[2])
        return f"{ei[1]!r} in {frame.filename}, line {frame.lineno}"


@app.command("serve")
def serve_command(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    aet: Annotated[str | None, typer.Option(help="Application Entity Title.")] = None,
    bind: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
) -> None:
    """Receive instances from the network until SIGTERM or Ctrl-C."""
    from mediastation.station.serve import serve  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HarmlessFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING if words.quiet else logging.INFO)

    def ready(address: str, bound_port: int) -> None:
        if words.json:
            print_json({"address": address, "port": bound_port})
        else:
            say(f"listening on {address}:{bound_port}")
        sys.stdout.flush()

    with Station(words.home) as station:
        serve(station, stop=stop, on_ready=ready, ae_title=aet, bind=bind, port=port)
