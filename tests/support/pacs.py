"""Other people's peers on loopback: DCMTK's archive, and pynetdicom's SCP told to misbehave."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from mediastation.station.settings_view import toml_value
from tests.support.peers import peer

EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"


def write_peer(home: Path, port: int, name: str = "pacs", **settings: Any) -> Path:
    """Enter a peer on loopback into the settings of `home` and return `home`."""
    home.mkdir(parents=True, exist_ok=True)
    values = {"aet": "PACS", "host": "127.0.0.1", "port": port, "retry_seconds": 0,
              "timeout_s": 20, "connect_timeout_s": 10, **settings}  # fmt: skip
    lines = [f"[peers.{name}]", *(f"{key} = {toml_value(one)}" for key, one in values.items())]
    with (home / "config.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return home


@dataclass
class Archive:
    """What a double was sent, and how it answers.

    `answer` is given the number of the C-STORE, from 0, and the event; it
    returns the status.
    """

    answer: Callable[[int, Any], int] = lambda number, event: 0  # noqa: ARG005
    sent: list[str] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)
    associations: int = 0
    port: int = 0

    def on_store(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        self.sent.append(uid)
        status = self.answer(len(self.sent) - 1, event)
        if status == 0 or status >> 12 == 0xB:
            self.stored[uid] = (str(event.context.transfer_syntax), event.encoded_dataset(False))
        return status


@contextmanager
def archive(
    answer: Callable[[int, Any], int] | None = None,
    *,
    syntaxes: tuple[str, ...] = (EXPLICIT_LE,),
    handlers: tuple[tuple[Any, Callable[[Any], Any]], ...] = (),
    contexts: tuple[str, ...] = (CTImageStorage,),
    require_called: bool = False,
) -> Iterator[Archive]:
    """Run pynetdicom's SCP on a free port."""
    held = Archive()
    if answer is not None:
        held.answer = answer
    ae = AE(ae_title="PACS")
    ae.require_called_aet = require_called
    ae.add_supported_context(Verification)
    for uid in contexts:
        ae.add_supported_context(uid, [UID(one) for one in syntaxes])

    def count(_: Any) -> None:
        held.associations += 1

    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, held.on_store), (evt.EVT_ACCEPTED, count), *handlers],
    )
    held.port = server.server_address[1]
    try:
        yield held
    finally:
        server.shutdown()


@contextmanager
def started(words: Callable[[int], list[str]]) -> Iterator[int]:
    """Run a program that has to be told its port: a free one, with further tries."""
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        process = subprocess.Popen(
            words(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            if _answers(process, port):
                yield port
                return
        finally:
            process.kill()
            process.wait()
    pytest.fail("the peer does not start")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it listens; false if it ends instead."""
    patience = threading.Event()
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10):
            return True
        patience.wait(0.01)
    return False


@contextmanager
def dcmqrscp(folder: Path, move_to: int = 1) -> Iterator[int]:
    """Run DCMTK's archive, AE title PACS; it moves to MEDIASTATION at the port `move_to`."""
    program = peer("dcmqrscp")
    store, config = folder / "db", folder / "dcmqrscp.cfg"
    store.mkdir(parents=True)

    def words(port: int) -> list[str]:
        config.write_text(
            f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\nus = (MEDIASTATION, 127.0.0.1, {move_to})\nHostTable END\n"
            "VendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\nPACS {store} RW (200, 1024mb) ANY\nAETable END\n",
            encoding="utf-8",
        )
        return [program, "-c", str(config)]

    with started(words) as port:
        yield port
