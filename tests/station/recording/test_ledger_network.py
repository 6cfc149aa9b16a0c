"""What goes over the network stands in the ledger, as a disc does: before, and how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.errors import MediaError
from mediastation.model.ledger import LedgerEntry
from mediastation.station.gather import add
from mediastation.station.keeping import forget_sources
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.recording.ledger_traffic import record_sending, record_sent
from mediastation.station.station import Station
from mediastation.station.traffic import send_account
from mediastation.station.traffic.fetch import fetch
from mediastation.station.traffic.peers import require_peer
from mediastation.station.traffic.requests import FetchRequest, SendRequest
from mediastation.station.traffic.results import SendResult
from mediastation.station.traffic.send import send
from tests.station.traffic.test_fetch import STUDY, UIDS, image, running
from tests.support.objects import write_ct, write_series
from tests.support.pacs import archive, write_peer

CT = "1.2.840.10008.5.1.4.1.1.2"
OTHER: dict[str, Any] = {
    "SOPInstanceUID": "1.9.1", "StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.2",
    "PatientName": "Roe^Ann", "PatientID": "0815",
}  # fmt: skip


def home_with(tmp_path: Path, port: int, number: int = 3, **settings: Any) -> Path:
    """A home that holds one study and knows a peer."""
    home = write_peer(tmp_path / "home", port, **settings)
    write_series(tmp_path / "in", number)
    with Station(home) as station:
        add(station, [str(tmp_path / "in")])
    return home


def send_from(home: Path, *sources: str) -> SendResult:
    with Station(home) as station:
        return send(station, SendRequest(sources or ("study:1.2.3",), "pacs"))


def entries(home: Path) -> list[LedgerEntry]:
    with Station(home) as station:
        return list(Ledger(station.catalog).entries())


def events(home: Path) -> list[str]:
    return [str(entry.event) for entry in entries(home)]


class TestSending:
    def test_it_is_announced_and_then_confirmed_with_whose_images_went_where(
        self, tmp_path: Path
    ) -> None:
        with archive() as pacs:
            home = home_with(tmp_path, pacs.port)
            result = send_from(home)

        announced, sent = entries(home)
        assert [str(one.event) for one in (announced, sent)] == ["sending", "sent"]
        assert announced.job == sent.job == result.job
        assert sent.refers_to == announced.number
        for one in (announced, sent):
            assert one.facts["transfer"] == {
                "peer": "pacs", "aet": "PACS", "host": "127.0.0.1", "port": pacs.port,
            }  # fmt: skip
            (patient,) = one.facts["patients"]
            (study,) = one.facts["studies"]
            assert (patient["patient_id"], patient["name"]) == ("4711", "Doe^Jane")
            assert (study["study_instance_uid"], study["sop_classes"]) == ("1.2.3", {CT: 3})
            assert one.facts["instances"] == 3
            assert len(one.facts["files_sha256"]) == 64

    def test_it_is_announced_before_the_first_byte_goes(self, tmp_path: Path) -> None:
        seen: list[list[str]] = []

        def look(_: int, __: Any) -> int:
            seen.append(events(tmp_path / "home"))
            return 0

        with archive(look) as pacs:
            send_from(home_with(tmp_path, pacs.port, 1))

        assert seen == [["sending"]]

    def test_nothing_is_sent_where_the_ledger_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise MediaError("The disk is full.")

        monkeypatch.setattr(send_account, "record_sending", refuse)
        with archive() as pacs, pytest.raises(MediaError, match="full"):
            send_from(home_with(tmp_path, pacs.port))

        assert pacs.sent == []

    def test_what_the_peer_refuses_is_withdrawn_and_the_rest_confirmed(
        self, tmp_path: Path
    ) -> None:
        with archive(lambda number, _: 0xC001 if number == 1 else 0) as pacs:
            home = home_with(tmp_path, pacs.port)
            send_from(home)

        _, sent, withdrawn = entries(home)
        assert (str(sent.event), sent.facts["instances"]) == ("sent", 2)
        assert (str(withdrawn.event), withdrawn.facts["instances"]) == ("withdrawn", 1)
        assert withdrawn.refers_to == 1
        assert withdrawn.facts["reason"] == "pacs did not confirm 1 of 3 instances"
        (study,) = withdrawn.facts["studies"]
        assert study["sop_classes"] == {CT: 1}

    def test_a_send_that_breaks_off_says_what_had_arrived(self, tmp_path: Path) -> None:
        with archive(lambda number, _: 0 if number < 2 else 0xA700) as pacs:
            home = home_with(tmp_path, pacs.port, retries=0)
            assert send_from(home).exit_code == 3

        assert events(home) == ["sending", "sent", "withdrawn"]
        assert [one.facts["instances"] for one in entries(home)] == [3, 2, 1]

    def test_what_an_earlier_run_had_confirmed_is_not_announced_again(self, tmp_path: Path) -> None:
        with archive(lambda number, _: 0 if number < 2 else 0xA700) as pacs:
            home = home_with(tmp_path, pacs.port, retries=0)
            send_from(home)
            pacs.answer = lambda number, event: 0  # noqa: ARG005
            send_from(home)

        again = entries(home)[3:]
        assert [str(one.event) for one in again] == ["sending", "sent"]
        assert [one.facts["instances"] for one in again] == [1, 1]

    def test_two_patients_are_two_entries_each(self, tmp_path: Path) -> None:
        """PS3.15 A.5.3.7: one patient to a message."""
        with archive() as pacs:
            home = home_with(tmp_path, pacs.port)
            write_ct(tmp_path / "other", **OTHER)
            with Station(home) as station:
                add(station, [str(tmp_path / "other")])
            send_from(home, "study:1.2.3", "study:1.9")

        assert events(home) == ["sending", "sending", "sent", "sent"]
        names = [one.facts["patients"][0]["name"] for one in entries(home)]
        assert names == ["Doe^Jane", "Roe^Ann"] * 2
        assert [one.refers_to for one in entries(home)] == [None, None, 1, 2]

    def test_a_peer_that_takes_nothing_leaves_no_entry(self, tmp_path: Path) -> None:
        """Nothing went: every instance was refused here, before an association for it."""
        with archive(contexts=()) as pacs:
            home = home_with(tmp_path, pacs.port)
            assert send_from(home).exit_code != 0

        assert events(home) == []

    def test_what_was_forgotten_meanwhile_is_counted_all_the_same(self, tmp_path: Path) -> None:
        with Station(home_with(tmp_path, 104)) as station:
            peer = require_peer(station, "pacs")
            with station.job("send", {}) as job:
                numbers = [1, 2, 3]
                announced = record_sending(station, job.id, peer, numbers)
                forget_sources(station, ["study:1.2.3"])
                record_sent(station, job.id, peer, announced, {1})

        sent, withdrawn = entries(tmp_path / "home")[-2:]
        assert (sent.facts["instances"], withdrawn.facts["instances"]) == (1, 2)
        assert sent.facts["patients"][0]["name"] == "Doe^Jane"

    def test_the_ledger_with_all_of_it_is_proved_and_every_entry_has_its_message(
        self, tmp_path: Path
    ) -> None:
        with archive(lambda number, _: 0xC001 if number == 1 else 0) as pacs:
            home = home_with(tmp_path, pacs.port)
            send_from(home)

        with Station(home) as station:
            report = audit_ledger(station)
        assert (report.ok, report.findings) == (True, [])
        names = sorted(path.name for path in (home / "audit").rglob("*.xml"))
        assert names == ["00000001-sending.xml", "00000002-sent.xml", "00000003-withdrawn.xml"]


class TestFetching:
    def test_what_came_is_recorded_with_how_much_of_it_is_new(self, tmp_path: Path) -> None:
        with running(tmp_path) as (_, home):
            for _ in range(2):
                with Station(home) as station:
                    fetch(station, FetchRequest("pacs", (STUDY,)))

        first, second = entries(home)
        assert (str(first.event), str(second.event)) == ("fetched", "fetched")
        assert (first.facts["instances"], first.facts["new"]) == (5, 5)
        assert (second.facts["instances"], second.facts["new"]) == (5, 0)
        assert first.facts["studies"][0]["sop_classes"] == {CT: 5}
        assert first.facts["transfer"]["aet"] == "PACS"

    def test_only_what_came_is_recorded_where_some_is_missing(self, tmp_path: Path) -> None:
        with running(tmp_path) as (pacs, home):
            pacs.withheld = {UIDS[2]}
            with Station(home) as station:
                fetch(station, FetchRequest("pacs", (STUDY,)))

        (entry,) = entries(home)
        assert entry.facts["instances"] == 4

    def test_what_another_patient_has_got_into_it_stands_by_itself(self, tmp_path: Path) -> None:
        with running(tmp_path) as (pacs, home):
            pacs.besides = [image("1.9.1", **{key: one for key, one in OTHER.items()
                                              if key != "SOPInstanceUID"})]  # fmt: skip
            with Station(home) as station:
                fetch(station, FetchRequest("pacs", (STUDY,)))

        told = {one.facts["patients"][0]["name"]: one.facts["instances"] for one in entries(home)}
        assert told == {"Doe^Jane": 5, "Roe^Ann": 1}

    def test_a_retrieval_that_brings_nothing_leaves_no_entry(self, tmp_path: Path) -> None:
        with running(tmp_path) as (pacs, home):
            pacs.withheld = set(UIDS)
            with Station(home) as station:
                assert fetch(station, FetchRequest("pacs", (STUDY,))).exit_code != 0

        assert events(home) == []
