"""*Network*: who listens, who is connected, starting and stopping, against a real `serve`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt

from mediastation.console.screens.network_words import (
    association_row,
    association_text,
    listener_text,
    mean_rate,
)
from mediastation.console.screens.peer_studies import PeerStudies
from mediastation.console.screens.peer_words import Try, keys_of_query
from mediastation.console.widgets.dialogs import Confirm
from mediastation.model.job import JobState
from mediastation.network.association_log import AssociationFacts
from mediastation.station.gather import add
from mediastation.station.process_lock import SERVE_LOCK, hold_lock
from mediastation.station.serving.listening import Listener, hosts_of
from mediastation.station.serving.process import ask_serving, start_serving, stop_serving
from mediastation.station.station import Station
from tests.console.support import (
    Console,
    console_of,
    line_with,
    opened,
    pressed,
    settled,
    shown,
    told,
)
from tests.support.network import RawPeer, ct_data_set, store_request, value
from tests.support.objects import write_series
from tests.support.pacs import archive, write_peer
from tests.support.served_jobs import Handle, wait_until

FACTS = AssociationFacts(
    "10.0.0.3:50123", "CT1", "FILEROOM", 1_000.0, 1_010.0, 3, 4, 120, 0, 52_428_800
)
LISTENER = Listener(True, True, "10.0.0.5", 11112, "FILEROOM", since=1_000.0, process=7)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that may be served on a free port; whoever serves it at the end is ended."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('port = 0\naet = "FILEROOM"\ndisk_reserve_bytes = 0\n')
    try:
        yield home
    finally:
        who = ask_serving(home, "ping")
        if who is not None:
            handle = Handle(who["pid"])
            try:
                stop_serving(home, timeout_s=60)
            finally:
                handle.close()


async def looked(pilot: Console) -> None:
    """Let the screen ask the listener now."""
    await settled(pilot)
    pilot.app.screen.look_again()  # type: ignore[attr-defined]
    await settled(pilot)


def keys_of(pilot: Console) -> str:
    return shown(pilot)[-1]


async def test_without_a_listener_it_says_how_to_start_one(home: Path) -> None:
    async with opened(home, "network") as pilot:
        assert "s starts FILEROOM on 127.0.0.1, on a free port" in line_with(pilot, "○ Nobody")
        assert "s Start" in keys_of(pilot)
        assert "x Stop" not in keys_of(pilot)
        await pressed(pilot, "x")
        assert pilot.app.screen.query("#listener")


async def test_a_listener_that_does_not_answer_is_not_started_twice(home: Path) -> None:
    async with opened(home, "network") as pilot:
        with hold_lock(home / SERVE_LOCK, RuntimeError):
            await looked(pilot)
            assert "does not answer" in line_with(pilot, "◐ Served")
            assert "s Start" not in keys_of(pilot)


async def test_it_is_started_and_who_sends_is_seen_live(home: Path) -> None:
    async with opened(home, "network", size=(132, 40)) as pilot:
        await pressed(pilot, "s")
        await looked(pilot)
        who = ask_serving(home, "ping")
        assert who is not None
        address = (str(who["address"]), int(who["port"]))
        assert f"{address[0]}:{address[1]} as FILEROOM" in line_with(pilot, "● Listening on 127")

        with RawPeer(address) as peer:
            peer.associate()
            peer.send(store_request("1.2.9"), value(ct_data_set("1.2.9")))
            assert peer.read_status()[0] == 0
            await looked(pilot)
            live = line_with(pilot, "● live  ")
            assert "PEER" in live
            assert "STATION" in live
            assert f"{peer.socket.getsockname()[1]}" in live
            assert " 1 " in live
            assert "1 of 1 Presentation Contexts" in line_with(pilot, "image stored")

            await pressed(pilot, "x")
            question = pilot.app.screen
            assert isinstance(question, Confirm)
            assert "1 live association" in question.question
            assert question.people[0].startswith("PEER at 127.0.0.1:")
            await pressed(pilot, "n")
            assert ask_serving(home, "ping") is not None

        wait_until(lambda: not _live(home), "the end of the association")
        await looked(pilot)
        assert any("✗ connection lost or aborted" in line for line in shown(pilot))
        assert any("sent again by the sender" in line for line in shown(pilot))


def _live(home: Path) -> object:
    answer = ask_serving(home, "associations")
    return answer and answer["live"]


async def test_an_idle_one_is_stopped_after_a_yes_and_that_is_taken_back(home: Path) -> None:
    start_serving(home)
    async with opened(home, "network") as pilot:
        assert any("● Listening" in line for line in shown(pilot))
        await pressed(pilot, "x", "enter")
        assert ask_serving(home, "ping") is not None
        await pressed(pilot, "x")
        question = pilot.app.screen
        assert isinstance(question, Confirm)
        assert question.question == "Stop listening?"
        await pressed(pilot, "y")
        await looked(pilot)
        assert ask_serving(home, "ping") is None
        assert any("○ Nobody listens" in line for line in shown(pilot))
        await pressed(pilot, "u")
        await looked(pilot)
        assert ask_serving(home, "ping") is not None
        assert "Taken back: stop of the listener" in told(pilot)


async def test_a_yes_stops_it_while_somebody_is_connected(home: Path) -> None:
    address = start_serving(home)
    async with opened(home, "network") as pilot:
        with RawPeer(address) as peer:
            peer.associate()
            await looked(pilot)
            await pressed(pilot, "x", "y")
            assert ask_serving(home, "ping") is None


async def test_why_it_does_not_start_is_told(home: Path) -> None:
    async with opened(home, "network") as pilot:
        shutil.rmtree(home / "logs", ignore_errors=True)
        (home / "config.toml").write_text("port = 0\nbind = '203.0.113.77'\n")
        await pressed(pilot, "s")
        await looked(pilot)
        assert "203.0.113.77" in told(pilot)
        assert any("○ Nobody listens" in line for line in shown(pilot))


async def test_what_a_modality_needs_is_copied(home: Path) -> None:
    async with opened(home, "network") as pilot:
        await pressed(pilot, "c")
        assert pilot.app.clipboard == "AE title: FILEROOM\nHost: 127.0.0.1\nPort: 0\n"
        assert console_of(pilot).clipboard


class TestWords:
    @pytest.mark.parametrize(
        ("ended", "words", "look"),
        [
            ("released", "✓ released", ""),
            ("rejected", "✗ rejected", "error"),
            ("aborted: silent", "✗ aborted: silent", "error"),
            ("the station stopped", "■ the station stopped", "faint"),
        ],
    )
    def test_how_it_ended_is_in_words_beside_its_colour(
        self, ended: str, words: str, look: str
    ) -> None:
        row = association_row(replace(FACTS, ended=ended, ended_at=1_010.0), 0, 1_020.0)
        assert row.cells[0] == words
        assert row.look == look

    def test_refused_images_are_marked_though_the_association_was_released(self) -> None:
        row = association_row(replace(FACTS, refused=2, ended="released", ended_at=1.0), 0, 2)
        assert "! 2" in row.cells
        assert row.look == "warning"

    def test_the_rate_of_an_ended_one_is_that_of_its_life(self) -> None:
        assert mean_rate(FACTS) == 5_242_880
        assert mean_rate(replace(FACTS, last_activity=1_000.0)) == 0

    def test_a_rejected_call_leads_to_the_called_title(self) -> None:
        text = association_text(replace(FACTS, ended="rejected", ended_at=1_010.0), 1_020.0)
        assert "called FILEROOM" in text
        assert "→ Check the called AE title" in text

    def test_titles_of_strangers_steer_no_terminal(self) -> None:
        text = association_text(replace(FACTS, calling_ae="\x1b[2JX"), 1_020.0)
        assert "\x1b" not in text

    def test_loopback_is_warned_of_and_a_reachable_address_is_not(self) -> None:
        here = listener_text(replace(LISTENER, address="127.0.0.1"), (), "", 1_000.0).plain
        there = listener_text(LISTENER, ("10.0.0.5",), "", 1_000.0).plain
        assert "Only programs of this computer" in here
        assert 'bind = "0.0.0.0"' in here
        assert "Only programs" not in there
        assert "AE title FILEROOM, host 10.0.0.5, port 11112" in there

    def test_an_end_that_waits_for_a_disc_says_so(self) -> None:
        text = listener_text(replace(LISTENER, stopping=True), (), "", 1_000.0).plain
        assert "a disc that is being made is finished first" in text


class TestHosts:
    @pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    def test_nobody_else_reaches_loopback(self, address: str) -> None:
        assert hosts_of(address) == ()
        assert replace(LISTENER, address=address).is_loopback

    def test_one_address_is_what_it_is(self) -> None:
        assert hosts_of("10.0.0.5") == ("10.0.0.5",)

    def test_all_addresses_are_told_by_one_that_works_and_never_as_zeros(self) -> None:
        hosts = hosts_of("0.0.0.0")  # noqa: S104 - nothing is bound
        assert hosts
        assert "0.0.0.0" not in hosts  # noqa: S104


class TestPeers:
    async def test_without_peers_there_is_no_list_of_them(self, home: Path) -> None:
        async with opened(home, "network") as pilot:
            assert not pilot.app.screen.query_one("#peers").display
            assert "t Try" not in keys_of(pilot)

    async def test_a_peer_is_tried_and_the_answer_stays(self, home: Path) -> None:
        with archive() as peer:
            write_peer(home, peer.port, title="Archive")
            async with opened(home, "network") as pilot:
                assert "not yet: t tries it" in line_with(pilot, "Archive")
                await pressed(pilot, "t")
                await looked(pilot)
                assert "✓ answered in" in line_with(pilot, "Archive")
        async with opened(home, "network") as pilot:
            assert "✓ answered in" in line_with(pilot, "Archive")
            await pressed(pilot, "t")
            await looked(pilot)
            assert "✗ just now: pacs:" in line_with(pilot, "Archive")
            await pressed(pilot, "shift+tab")
            assert "AE title PACS at 127.0.0.1" in line_with(pilot, "Archive (pacs)")

    async def test_studies_are_found_there_and_fetched_by_a_job(self, home: Path) -> None:
        with archive(handlers=((evt.EVT_C_FIND, _answers),), contexts=(_FIND,)) as peer:
            write_peer(home, peer.port, title="Archive")
            async with opened(home, "network", size=(120, 40)) as pilot:
                await pressed(pilot, "f", "enter", "enter", "enter", "enter")
                assert "Nothing was asked for" in told(pilot)
                await pressed(pilot, "f", *"4711", "enter", "enter", "enter", "enter")
                assert isinstance(pilot.app.screen, PeerStudies)
                assert "4711" in line_with(pilot, "Roe, Ann")
                await pressed(pilot, "down", "space", "f")
                with Station(home) as station:
                    (job,) = station.jobs.latest(station.clock.now(), kind="fetch")
                assert job.request == {"peer": "pacs", "studies": ["1.2.8"]}
                assert f"Job {job.id} fetches 1 study" in told(pilot)
                await pressed(pilot, "u")
                with Station(home) as station:
                    (job,) = station.jobs.latest(station.clock.now(), kind="fetch")
                assert job.state is JobState.CANCELLED

    async def test_a_peer_is_asked_only_for_what_it_is_for(self, home: Path) -> None:
        write_peer(home, 1, title="RIS", services=["worklist"])
        async with opened(home, "network") as pilot:
            await pressed(pilot, "f", "m")
            assert "RIS is not there to be queried" in told(pilot)
            assert "RIS is not there to take images" in told(pilot)

    async def test_what_is_marked_is_sent_after_a_yes_that_names_the_patient(
        self, home: Path, tmp_path: Path
    ) -> None:
        write_peer(home, 1, title="Archive")
        write_series(tmp_path / "in", 2)
        with Station(home) as station:
            add(station, [str(tmp_path / "in")])
        async with opened(home, "studies") as pilot:
            await pressed(pilot, "5", "m")
            assert "Nothing is marked" in told(pilot)
            await pressed(pilot, "1", "space", "5", "m")
            question = pilot.app.screen
            assert isinstance(question, Confirm)
            assert question.people == ("Doe, Jane (4711, born 1970-01-01)",)
            await pressed(pilot, "enter", "m", "y")
            with Station(home) as station:
                (job,) = station.jobs.latest(station.clock.now(), kind="send")
            assert job.request["sources"] == ["study:1.2.3"]

    async def test_forty_columns_still_show_peers_and_callers(self, home: Path) -> None:
        write_peer(home, 1, title="Archive")
        async with opened(home, "network", size=(40, 12)) as pilot:
            assert any("Archive" in line for line in shown(pilot))
            assert any("Calling AE" in line for line in shown(pilot))


_FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def _answers(event: Any) -> Iterator[tuple[int, Dataset | None]]:
    for place in (7, 8):
        ds = Dataset()
        ds.QueryRetrieveLevel = "STUDY"
        ds.PatientName = "Doe^Jane" if place == 7 else "Roe^Ann"
        ds.PatientID = event.identifier.PatientID
        ds.StudyInstanceUID = f"1.2.{place}"
        yield 0xFF00, ds
    yield 0x0000, None


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ({"date": "2026-01-02"}, ["StudyDate=20260102"]),
        ({"date": "20260101-20260131"}, ["StudyDate=20260101-20260131"]),
        ({"name": "DOE*", "accession": "A1"}, ["PatientName=DOE*", "AccessionNumber=A1"]),
        ({"name": ""}, []),
    ],
)
def test_what_is_typed_becomes_keys(typed: dict[str, str], keys: list[str]) -> None:
    assert keys_of_query(typed) == keys


@pytest.mark.parametrize("kept", [None, 7, {"at": "x"}, {"at": 1, "seconds": 2, "said": 3}])
def test_a_memory_that_is_none_is_not_believed(kept: object) -> None:
    assert Try.from_memory(kept) is None
