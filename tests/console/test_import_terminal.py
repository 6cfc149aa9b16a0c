"""Importing in a real terminal: a stick that somebody brought, until an archive has its images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.station.gather import add
from mediastation.station.own_process import own_environment, own_words
from mediastation.station.serving.process import stop_serving
from mediastation.station.station import Station
from tests.support.objects import write_series
from tests.support.pacs import archive, write_peer
from tests.support.terminal import Terminal

IMAGES = 3


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with a patient of its own; its `serve` ends with the test."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text("port = 0\ndisk_reserve_bytes = 0\n")
    write_series(tmp_path / "own", 1, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    with Station(folder) as station:
        add(station, [str(tmp_path / "own")])
    yield folder
    stop_serving(folder)


def test_a_stick_is_imported_reconciled_and_sent_on(home: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    write_series(stick, IMAGES, PatientID="EXT-1", InstitutionName="Elsewhere")
    environment = {"PYTHONPATH": own_environment().get("PYTHONPATH", "")}
    with (
        archive() as peer,
        Terminal(tmp_path, own_words(write_peer(home, peer.port)), environment=environment) as one,
    ):
        one.wait_for("1 study, by arrival", "● listening on 127.0.0.1:")
        one.press("9")
        one.wait_for("Nothing was imported yet.")
        one.press("o")
        one.wait_for("Import which image, folder")
        one.type(str(stick))
        one.press("Enter")
        one.wait_for("✓ done", f"imported {IMAGES}", "? not reconciled")
        one.press("Right")
        one.wait_for("Doe, Jane, 1970-01-01", f"{IMAGES} taken in")
        one.press("Left", "Left", "Left", "Left")
        one.wait_for("= Doe, Jane", "agree · this catalog")
        one.press("Down")
        one.wait_for("On the medium", "At this site")
        one.press("Enter")
        one.wait_for(f"Do the {IMAGES} images become those", "It is this patient (o)")
        one.press("o")
        one.wait_for("✓ as Doe, Jane (4711, born 1970-01-01) · not sent")
        one.press("Right")
        one.wait_for(f"Enter sends {IMAGES} images")
        one.press("Enter")
        one.wait_for(f"Send {IMAGES} images to pacs (PACS)?", "Send (y)")
        one.press("y")
        one.wait_for(f"pacs: ✓ {IMAGES} confirmed")
        one.press("q")
        code, _ = one.wait_for_end()

    assert code == 0
    assert len(peer.stored) == IMAGES
    assert all(b"4711" in data and b"EXT-1" in data for _, data in peer.stored.values())
