"""An updated disc stays a disc of its set, and keeps what the site had put onto it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.recording.ledger import facts_of
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from tests.support.objects import write_series

DESCRIPTION = """
name = "Looker 2"
start = "START.HTM"
systems = "any browser"
"""


@pytest.fixture
def discs(tmp_path: Path) -> tuple[Path, Path]:
    """Two discs, a study on each."""
    for number in (1, 2):
        write_series(
            tmp_path / "in" / str(number),
            3,
            StudyInstanceUID=f"1.2.{number}",
            SeriesInstanceUID=f"1.2.{number}.1",
            StudyDate=f"2026010{number}",
            StudyDescription=f"Study {number}",
            Rows=400,
            Columns=400,
            PixelData=bytes(320_000),
        )
    with Station(tmp_path / "home") as station:
        request = ExportRequest(
            (str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "set", capacity_bytes=1_500_000
        )
        result = export(station, request)
    assert len(result.volumes) == 2, result.stopped
    return Path(result.volumes[0].path), Path(result.volumes[1].path)


@pytest.fixture
def with_viewer(tmp_path: Path) -> Path:
    """A disc with a viewer, whose description lies beside its folder."""
    write_series(tmp_path / "in", 2)
    (tmp_path / "VIEWER").mkdir()
    (tmp_path / "VIEWER" / "START.HTM").write_text("<p>look</p>")
    (tmp_path / "VIEWER.toml").write_text(DESCRIPTION)
    with Station(tmp_path / "home") as station:
        request = ExportRequest(
            (str(tmp_path / "in"),),
            "STD-GEN-CD",
            tmp_path / "x.iso",
            include=(tmp_path / "VIEWER",),
        )
        assert export(station, request).volumes
    return tmp_path / "x.iso"


def updated(home: Path, source: Path, output: Path, profile: str = "") -> ExportResult:
    """Take the first instance out."""
    with open_volume(source) as volume, volume.open("DICOMDIR") as stream:
        records = read_dicomdir(stream).records
    uid = next(one.sop_instance_uid for one in records if one.sop_instance_uid)
    with Station(home) as station:
        result = update(station, UpdateRequest(source, output, remove=(uid,), profile=profile))
    assert not result.stopped, (result.stopped, result.findings)
    return result


def page(medium: Path, name: str) -> str:
    with open_volume(medium) as volume, volume.open(name) as stream:
        return stream.read().decode()


def rules(result: ExportResult) -> set[str]:
    return {finding.rule for finding in result.findings}


def test_the_pages_still_name_the_set(tmp_path: Path, discs: tuple[Path, Path]) -> None:
    result = updated(tmp_path / "home", discs[1], tmp_path / "new.iso")

    readme, index = (page(tmp_path / "new.iso", name) for name in ("README.TXT", "INDEX.HTM"))
    assert "2 of 2" in readme
    assert "Disc 1" in readme
    assert "3 instances" in readme  # on disc 1
    assert "2 instances (this one)" in readme
    assert "Disc 2 of 2" in index
    assert "siblings-older" in rules(result)
    with Station(tmp_path / "home") as station:
        *_, last = Ledger(station.catalog).entries()
    facts = facts_of(last)
    assert facts is not None
    assert (facts.volume, facts.volumes) == (2, 2)


def test_an_update_of_an_update_names_the_newest_state(
    tmp_path: Path, discs: tuple[Path, Path]
) -> None:
    updated(tmp_path / "home", discs[0], tmp_path / "first.iso")
    updated(tmp_path / "home", discs[1], tmp_path / "second.iso")
    updated(tmp_path / "home", tmp_path / "second.iso", tmp_path / "third.iso")

    readme = page(tmp_path / "third.iso", "README.TXT")
    assert "2 of 2" in readme
    assert "2 instances" in readme  # disc 1, which was updated too
    assert "1 instance (this one)" in readme


def test_what_another_station_made_is_told_as_unknown(
    tmp_path: Path, discs: tuple[Path, Path]
) -> None:
    result = updated(tmp_path / "other", discs[1], tmp_path / "new.iso", "STD-GEN-CD")

    assert "siblings-unknown" in rules(result)
    readme = page(tmp_path / "new.iso", "README.TXT")
    assert "2 of 2" in readme
    assert "Disc 1" not in readme


def test_a_lone_disc_is_no_disc_of_a_set(tmp_path: Path, with_viewer: Path) -> None:
    result = updated(tmp_path / "home", with_viewer, tmp_path / "new.iso")

    assert not {one for one in rules(result) if one.startswith("siblings")}
    assert "Volume:" not in page(tmp_path / "new.iso", "README.TXT")


@pytest.mark.parametrize("known", ["described", "described no more", "elsewhere"])
def test_the_viewer_stays_and_is_named(tmp_path: Path, with_viewer: Path, known: str) -> None:
    """By its description, and where that is gone by what the medium itself says."""
    if known != "described":
        (tmp_path / "VIEWER.toml").unlink()
    home = tmp_path / ("other" if known == "elsewhere" else "home")

    result = updated(home, with_viewer, tmp_path / "new.iso", "STD-GEN-CD")

    readme = page(tmp_path / "new.iso", "README.TXT")
    assert "Looker 2" in readme
    assert "VIEWER/START.HTM" in readme
    assert "any browser" in readme
    assert "Looker 2" in page(tmp_path / "new.iso", "INDEX.HTM")
    assert page(tmp_path / "new.iso", "VIEWER/START.HTM") == "<p>look</p>"
    assert "viewer-unknown" not in rules(result)


def test_a_viewer_that_cannot_be_told_any_more_is_a_finding(
    tmp_path: Path, with_viewer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site whose README.TXT is worded otherwise."""
    (tmp_path / "VIEWER.toml").unlink()
    monkeypatch.setattr("mediastation.station.updating.set_member._on_readme", lambda *_: iter(()))

    result = updated(tmp_path / "home", with_viewer, tmp_path / "new.iso")

    assert "viewer-unknown" in rules(result)
    assert "Looker 2" not in page(tmp_path / "new.iso", "README.TXT")
