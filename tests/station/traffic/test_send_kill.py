"""A send that dies with its process (SIGKILL), and the next one of the same words."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from mediastation.catalog.ledger import Ledger
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.station import Station
from tests.support.commands import CommandNursery
from tests.support.objects import write_series
from tests.support.pacs import archive, write_peer

NUMBER, KILLED_AT = 30, (7, 15)


def test_a_killed_send_is_gone_on_with_and_nothing_confirmed_goes_twice(tmp_path: Path) -> None:
    source, log = tmp_path / "in", tmp_path / "log"
    write_series(source, NUMBER)
    child: list[int] = []
    killed: list[int] = []

    def kill_twice(number: int, _: Any) -> int:
        # While an instance is in flight: it was received, and its answer will not be read.
        if number in KILLED_AT and child:
            signal.pidfd_send_signal(child[-1], signal.SIGKILL)
            killed.append(number)
        return 0

    with archive(kill_twice) as pacs, CommandNursery() as nursery:
        home = write_peer(tmp_path / "home", pacs.port)
        words = ["--json", "--quiet", "--home", home, "send", "study:1.2.3", "pacs"]
        nursery.start(log, "--home", home, "add", source)
        assert nursery.end() == 0
        for _ in KILLED_AT:
            # It waits for nothing before the peer: the handle is there in time.
            started = nursery.start(log, *words)
            child.append(os.pidfd_open(started))
            assert nursery.end() == -signal.SIGKILL
        child_handles = list(child)
        child.clear()
        nursery.start(log, *words)
        assert nursery.end() == 0, log.read_text()

    for handle in child_handles:
        os.close(handle)
    assert killed == list(KILLED_AT)
    result = json.loads(log.read_text())
    assert (result["sent"], result["refused"], result["unsent"]) == (NUMBER, 0, 0)
    # The one in flight at each kill may go twice, no other.
    assert result["already"] in range(13, 16)
    assert len(pacs.stored) == NUMBER
    assert len(pacs.sent) <= NUMBER + len(KILLED_AT)
    # What each killed run had got confirmed is in the ledger, told by the next one.
    with Station(home) as station:
        entries = list(Ledger(station.catalog).entries())
    told = [(str(one.event), one.facts["instances"]) for one in entries]
    assert [event for event, _ in told] == ["sending", "sent", "sending", "sent", "sending", "sent"]
    assert sum(number for event, number in told if event == "sent") == NUMBER
    with Station(home) as station:
        assert audit_ledger(station).ok
