"""*Ledger*: what was taken in, whose it is and where it went, among the media."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.console.screens.ledger_words import traffic_row, traffic_text
from mediastation.model.ledger import LedgerEntry, LedgerEvent, LedgerHead
from mediastation.station.gather import add
from mediastation.station.recording.ledger import record_entry, record_withdrawn
from mediastation.station.recording.ledger_traffic import (
    record_imported,
    record_reconciled,
    record_sending,
    record_sent,
)
from mediastation.station.station import Station
from mediastation.station.traffic.peers import require_peer
from tests.console.support import line_with, opened, pressed, settled, shown, told
from tests.station.import_facts import FACTS, RECONCILED
from tests.support.objects import write_series
from tests.support.pacs import write_peer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An import, an identity, and three images that were announced: two got there."""
    write_series(tmp_path / "in", 3)
    home = write_peer(tmp_path / "home", 104)
    with Station(home) as station:
        add(station, [str(tmp_path / "in")])
        peer = require_peer(station, "pacs")
        with station.job("import", {}) as job:
            record_imported(station, job.id, FACTS)
            record_reconciled(station, job.id, RECONCILED)
        with station.job("send", {}) as job:
            announced = record_sending(station, job.id, peer, [1, 2, 3])
            record_sent(station, job.id, peer, announced, {1, 2})
    return home


def traffic_on(lines: list[str]) -> list[str]:
    signs = ("↓ imported", "✗ refused", "= reconciled", "… sending", "→ sent", "← fetched")
    return [line for line in lines if any(sign in line for sign in signs)]


async def test_each_stands_in_the_list_with_whose_and_where(home: Path) -> None:
    async with opened(home, "ledger", size=(140, 40)) as pilot:
        sent, sending, reconciled, refused, imported = traffic_on(shown(pilot))

    assert all(words in imported for words in ("DOE, JANE", "St. Farther", "CD-R", "25"))
    assert "1 held" in refused
    assert "Doe, Jane Ann" in reconciled
    assert "person" in reconciled
    assert all(words in sent for words in ("Doe, Jane", "pacs", " 2 "))
    assert "– withdrawn" in sending


async def test_what_was_confirmed_is_not_announced_as_well(tmp_path: Path) -> None:
    write_series(tmp_path / "in", 1)
    home = write_peer(tmp_path / "home", 104)
    with Station(home) as station:
        add(station, [str(tmp_path / "in")])
        peer = require_peer(station, "pacs")
        with station.job("send", {}) as job:
            record_sent(station, job.id, peer, record_sending(station, job.id, peer, [1]), {1})
    async with opened(home, "ledger") as pilot:
        (line,) = traffic_on(shown(pilot))
        assert "→ sent" in line
        assert any("0 media" in line and "1 imports and transfers" in line for line in shown(pilot))


async def test_all_about_one_is_told_and_its_job_is_a_key_away(home: Path) -> None:
    async with opened(home, "ledger", size=(140, 50)) as pilot:
        await pressed(pilot, "end")
        assert "25 of 28 instances" in line_with(pilot, "of St. Farther:")
        assert any("ab" * 32 in line for line in shown(pilot))
        await pressed(pilot, "r")
        assert "no medium here" in told(pilot)
        await pressed(pilot, "o")
        assert pilot.app.screen.PLACE == "jobs"  # type: ignore[attr-defined]


async def test_they_are_searched_like_media(home: Path) -> None:
    async with opened(home, "ledger", size=(140, 40)) as pilot:
        await pressed(pilot, "slash", *"roe^ann", "enter")
        (line,) = traffic_on(shown(pilot))
        assert "✗ refused" in line


async def test_what_is_recorded_meanwhile_comes_up(home: Path) -> None:
    async with opened(home, "ledger", size=(140, 40)) as pilot:
        before = len(traffic_on(shown(pilot)))
        with Station(home) as station:
            record_imported(station, 1, replace(FACTS, imported=27, held=0, refused=0))
        pilot.app.screen.look_again()  # type: ignore[attr-defined]
        await settled(pilot)
        lines = traffic_on(shown(pilot))

    assert len(lines) == before + 1
    assert "27" in lines[0]


def test_text_of_strangers_steers_no_terminal_and_nonsense_breaks_nothing() -> None:
    facts = {
        "outside_medium": {
            "institution": "\x1b[31mred",
            "volume_id": ["no text"],
            "sha256": "\x07",
        },
        "patients": [{"name": "\x1b[2J", "patient_id": None}, "nobody"],
        "counts": "none",
    }
    for event in (LedgerEvent.IMPORTED, LedgerEvent.RECONCILED, LedgerEvent.SENT):
        entry = LedgerEntry(1, "then", event, "", None, {}, facts)
        assert "\x1b" not in traffic_text(entry, "why\x1b").plain
        assert traffic_row(entry, None).cells[0] == "1"


def test_a_withdrawn_one_is_faint_and_says_why(tmp_path: Path) -> None:
    with Station(tmp_path / "home") as station:
        record_entry(station, LedgerEvent.IMPORTED, None, FACTS.as_facts())
        record_withdrawn(station, 1, LedgerHead(1, ""), "the disk was full")
        first = next(Ledger(station.catalog).entries())

    assert traffic_row(first, "the disk was full").look == "faint"
    assert "withdrawn: the disk was full" in traffic_text(first, "the disk was full").plain
