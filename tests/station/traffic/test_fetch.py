from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from mediastation.catalog.selection import find_entries
from mediastation.errors import ConfigError
from mediastation.station.station import Station
from mediastation.station.traffic.fetch import fetch
from mediastation.station.traffic.requests import FetchRequest
from mediastation.station.traffic.results import FetchResult
from tests.support.objects import ct_dataset
from tests.support.pacs import EXPLICIT_LE, write_peer

STUDY = "1.2.3"
UIDS = [f"1.2.3.1.{number}" for number in range(1, 6)]
FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove


class Archive:
    """An archive with one study of five images; `withheld` are named and not sent."""

    def __init__(self) -> None:
        self.withheld: set[str] = set()
        self.besides: list[Dataset] = []
        self.abort_after: int | None = None
        self.levels: list[str] = []
        self.port = 0

    def on_find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked = event.identifier
        if asked.StudyInstanceUID != STUDY:
            return
        for uid in UIDS if asked.QueryRetrieveLevel == "IMAGE" else ["1.2.3.1"]:
            ds = Dataset()
            ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, "1.2.3.1"
            if asked.QueryRetrieveLevel == "IMAGE":
                ds.SOPInstanceUID, ds.SOPClassUID = uid, CTImageStorage
            yield 0xFF00, ds

    def on_get(self, event: Any) -> Iterator[Any]:
        asked = event.identifier
        self.levels.append(asked.QueryRetrieveLevel)
        wanted = asked.get("SOPInstanceUID") or UIDS
        wanted = [wanted] if isinstance(wanted, str) else wanted
        sent = [image(uid) for uid in wanted if uid not in self.withheld] + self.besides
        yield len(sent)
        for number, ds in enumerate(sent):
            if number == self.abort_after:
                self.abort_after = None
                event.assoc.abort()
                return
            yield 0xFF00, ds

    def on_move(self, _: Any) -> Iterator[Any]:
        yield None, None  # the destination is not known: A801


def image(uid: str, **facts: Any) -> Dataset:
    ds = ct_dataset(SOPInstanceUID=uid, InstanceNumber=uid.rpartition(".")[2], **facts)
    ds.file_meta = Dataset()
    ds.file_meta.TransferSyntaxUID = EXPLICIT_LE
    return ds


@contextmanager
def running(tmp_path: Path, **settings: Any) -> Iterator[tuple[Archive, Path]]:
    held = Archive()
    ae = AE(ae_title="PACS")
    for uid in (FIND, GET, MOVE):
        ae.add_supported_context(uid)
    ae.add_supported_context(CTImageStorage, EXPLICIT_LE, scu_role=True, scp_role=True)
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_C_FIND, held.on_find),
            (evt.EVT_C_GET, held.on_get),
            (evt.EVT_C_MOVE, held.on_move),
        ],
    )
    try:
        yield held, write_peer(tmp_path / "home", server.server_address[1], **settings)
    finally:
        server.shutdown()


def fetch_to(home: Path, *studies: str) -> FetchResult:
    with Station(home) as station:
        return fetch(station, FetchRequest("pacs", studies or (STUDY,)))


def rules(result: FetchResult) -> list[str]:
    return [finding.rule for finding in result.findings]


def test_a_study_comes_whole_and_is_durable(tmp_path: Path) -> None:
    with running(tmp_path) as (pacs, home):
        result = fetch_to(home)

    assert (result.expected, result.received, result.exit_code) == (5, 5, 0)
    assert (result.findings, pacs.levels) == ([], ["STUDY"])
    with Station(home) as station:
        assert len(find_entries(station.catalog, f"study:{STUDY}")) == 5


def test_what_does_not_come_is_asked_once_more_and_then_named(tmp_path: Path) -> None:
    with running(tmp_path) as (pacs, home):
        pacs.withheld = {UIDS[2]}
        result = fetch_to(home)

    assert (result.expected, result.received, result.exit_code) == (5, 4, 1)
    assert pacs.levels == ["STUDY", "IMAGE"]
    missing = [one.subject for one in result.findings if one.rule == "not-received"]
    assert missing == [UIDS[2]]


def test_an_abort_in_the_middle_leads_to_the_rest_being_asked_for(tmp_path: Path) -> None:
    with running(tmp_path) as (pacs, home):
        pacs.abort_after = 2
        result = fetch_to(home)

    assert (result.expected, result.received, result.exit_code) == (5, 5, 0)
    assert rules(result) == ["association-lost"]
    assert pacs.levels == ["STUDY", "IMAGE"]


def test_an_image_of_somebody_else_is_kept_and_pointed_at(tmp_path: Path) -> None:
    with running(tmp_path) as (pacs, home):
        pacs.besides = [image("9.9.1", PatientID="666", StudyInstanceUID="9.9")]
        result = fetch_to(home)

    assert (result.received, result.unexpected, result.exit_code) == (5, 1, 0)
    (finding,) = result.findings
    assert (finding.rule, finding.subject) == ("unexpected-instance", "9.9.1")
    assert "study 9.9" in finding.message


def test_a_study_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as (_, home):
        result = fetch_to(home, "1.2.4")

    assert (result.expected, result.exit_code) == (0, 1)
    assert "has nothing of 1.2.4" in result.stopped


def test_a_move_needs_somebody_who_serves(tmp_path: Path) -> None:
    with (
        running(tmp_path, services=["find", "move"]) as (_, home),
        pytest.raises(ConfigError, match="nobody serves this home"),
    ):
        fetch_to(home)


@pytest.mark.parametrize("uid", ["", "abc", "1" * 65, "1.2\\1.3"])
def test_what_is_no_uid_is_not_asked_for(tmp_path: Path, uid: str) -> None:
    home = write_peer(tmp_path / "home", 104)
    with pytest.raises(ConfigError):
        fetch_to(home, uid)


def test_a_full_disk_here_refuses_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as (_, home):
        content = (home / "config.toml").read_text("utf-8")
        reserve = f"disk_reserve_bytes = {1 << 60}\n"
        (home / "config.toml").write_text(reserve + content, encoding="utf-8")
        result = fetch_to(home)

    assert (result.received, result.exit_code) == (0, 1)
    assert "not-kept" in rules(result)
    assert "the station has no room" in str(result.findings).lower()
