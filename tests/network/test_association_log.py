"""What the acceptor remembers of associations: counted while they live, bounded afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.errors import NetworkError
from mediastation.network.association_log import KEPT_ENDED, AssociationLog
from mediastation.network.storage_scp import StorageScp, StoreAnswer
from mediastation.network.storage_scu import echo, send_files
from tests.support.network import Kept, write_ct


def test_instances_bytes_and_the_end_are_counted(tmp_path: Path) -> None:
    files = [write_ct(tmp_path / str(n), f"1.2.826.0.{n + 1}") for n in range(3)]
    kept = Kept()
    (tmp_path / "in").mkdir()
    scp = StorageScp(tmp_path / "in", kept, port=0, ae_title="HERE")
    address = scp.start()
    try:
        send_files(*address, files, calling_ae="PEER", called_ae="THERE")
        kept.answer = StoreAnswer.OUT_OF_RESOURCES
        send_files(*address, files[:1], calling_ae="OTHER", called_ae="THERE")
        echo(*address, calling_ae="ECHO", called_ae="THERE")
    finally:
        assert scp.stop(10)

    live, ended = scp.associations.snapshot()

    assert live == []
    by_title = {facts.calling_ae: facts for facts in ended}
    assert set(by_title) == {"PEER", "OTHER", "ECHO"}
    peer = by_title["PEER"]
    assert (peer.called_ae, peer.instances, peer.refused, peer.ended) == ("THERE", 3, 0, "released")
    assert peer.contexts == peer.proposed > 0
    assert 0 < peer.bytes < sum(path.stat().st_size for path in files)
    assert peer.since <= peer.last_activity <= (peer.ended_at or 0)
    assert (by_title["OTHER"].instances, by_title["OTHER"].refused) == (0, 1)
    assert (by_title["ECHO"].instances, by_title["ECHO"].bytes) == (0, 0)


def test_who_is_turned_away_is_remembered(tmp_path: Path) -> None:
    scp = StorageScp(tmp_path, Kept(), port=0, ae_title="HERE", require_called_aet=True)
    address = scp.start()
    try:
        with pytest.raises(NetworkError):
            echo(*address, calling_ae="PEER", called_ae="ELSEWHERE")
    finally:
        assert scp.stop(10)

    _, (rejected,) = scp.associations.snapshot()
    assert (rejected.called_ae, rejected.ended) == ("ELSEWHERE", "rejected")


def test_few_ended_ones_are_kept_newest_first() -> None:
    log = AssociationLog(now=iter(range(10_000)).__next__)
    for number in range(KEPT_ENDED + 7):
        log.end(log.begin(f"peer{number}", "A", "B", 1, 1), "released")

    live, ended = log.snapshot()

    assert live == []
    assert len(ended) == KEPT_ENDED
    assert ended[0].peer == f"peer{KEPT_ENDED + 6}"
