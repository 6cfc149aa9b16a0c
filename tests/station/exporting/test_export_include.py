"""What a site adds to its media lies beside the File-set, is proved, and starts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.errors import ConfigError
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.include import read_included
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_ct, write_series
from tests.support.unpacking import unpacked


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
    with Station(tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def viewer(tmp_path: Path) -> Path:
    folder = tmp_path / "site" / "VIEWER"
    (folder / "DATA").mkdir(parents=True)
    (folder / "START.HTM").write_text("<p>viewer</p>")
    (folder / "DATA" / "CODE.BIN").write_bytes(bytes(5000))
    (tmp_path / "site" / "VIEWER.toml").write_text(
        'name = "Looker 2"\nstart = "START.HTM"\nsystems = "any browser"\ndisclaimer = "No."\n'
    )
    return folder


def made(
    station: Station, tmp_path: Path, *folders: Path, rows: int = 0, **more: Any
) -> ExportResult:
    size = {"Rows": rows, "Columns": rows, "PixelData": bytes(2 * rows * rows)} if rows else {}
    write_series(tmp_path / "in", 6, **size)
    request = ExportRequest(
        (str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "out", include=folders, **more
    )
    return export(station, request)


def test_a_viewer_lies_in_the_root_and_the_pages_lead_to_it(
    station: Station, tmp_path: Path, viewer: Path
) -> None:
    result = made(station, tmp_path, viewer)

    assert result.stopped == "", [finding.message for finding in result.findings]
    root = unpacked(tmp_path / "out", tmp_path / "unpacked")
    assert (root / "VIEWER" / "DATA" / "CODE.BIN").read_bytes() == bytes(5000)
    assert not (root / "VIEWER.TOML").exists()
    assert "VIEWER/START.HTM" in (root / "SHA256.TXT").read_text()
    readme = (root / "README.TXT").read_text()
    assert "Looker 2" in readme
    assert 'href="VIEWER/START.HTM"' in (root / "INDEX.HTM").read_text()
    assert verify(station, tmp_path / "out").ok


def test_every_volume_of_a_set_has_it(station: Station, tmp_path: Path, viewer: Path) -> None:
    (whole,) = made(station, tmp_path, viewer, plan_only=True).volumes

    result = made(station, tmp_path, viewer, capacity_bytes=whole.size_bytes - 1)

    assert len(result.volumes) == 2
    for number, volume in enumerate(result.volumes):
        root = unpacked(Path(volume.path), tmp_path / f"unpacked{number}")
        assert (root / "VIEWER" / "START.HTM").is_file()


@pytest.mark.parametrize("name", ["AUTORUN.INF", "autorun.inf", "Autorun.sh"])
def test_nothing_starts_by_itself(viewer: Path, name: str) -> None:
    (viewer / "DATA" / name).write_text("[autorun]")

    with pytest.raises(ConfigError, match="start a program by itself"):
        read_included([viewer])


def test_a_dicom_file_that_no_record_would_name_is_refused(viewer: Path) -> None:
    """PS3.3 F.2.1: the directory references every DICOM file of the File-set."""
    write_ct(viewer / "DATA" / "SAMPLE")

    with pytest.raises(ConfigError, match=r"SAMPLE is a DICOM file"):
        read_included([viewer])


def test_a_link_is_refused(viewer: Path, tmp_path: Path) -> None:
    (viewer / "SECRET").symlink_to(tmp_path / "home")

    with pytest.raises(ConfigError, match=r"SECRET is a link"):
        read_included([viewer])


@pytest.mark.parametrize(
    "name", ["DICOM", "DICOM001", "IHE_OLD", "viewer", "MY VIEWER", "TOOLONGNAME"]
)
def test_a_name_that_is_reserved_or_illegal_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "FILE.TXT").write_text("x")

    with pytest.raises(ConfigError):
        read_included([tmp_path / name])


@pytest.mark.parametrize("name", ["Überblick.txt", "山.TXT", "A\nB", "A\\B", "A\x7f"])
def test_a_file_name_that_no_medium_holds_is_refused(viewer: Path, name: str) -> None:
    (viewer / "DATA" / name).write_text("x")

    with pytest.raises(ConfigError, match="cannot lie on a medium"):
        read_included([viewer])


@pytest.mark.parametrize("others", [("A.TXT", "a.txt"), ("SUB/A", "sub/B"), ("X", "x/Y")])
def test_names_that_differ_in_case_alone_are_refused(viewer: Path, others: tuple[str, str]) -> None:
    """One of two such files would hide the other on ISO 9660 and FAT."""
    for name in others:
        (viewer / "DATA" / name).parent.mkdir(exist_ok=True)
        (viewer / "DATA" / name).write_text("x")

    with pytest.raises(ConfigError, match="would have one name"):
        read_included([viewer])


def test_two_folders_of_one_name_are_refused(tmp_path: Path, viewer: Path) -> None:
    other = tmp_path / "other" / "VIEWER"
    other.mkdir(parents=True)
    (other / "A.TXT").write_text("x")

    with pytest.raises(ConfigError, match="Two folders"):
        read_included([viewer, other])


def test_a_description_has_to_name_a_file_that_is_there(viewer: Path) -> None:
    viewer.with_suffix(".toml").write_text('name = "Looker"\nstart = "GONE.EXE"\n')

    with pytest.raises(ConfigError, match="starts it"):
        read_included([viewer])


def test_a_name_that_the_medium_cannot_hold_stops_the_export(
    station: Station, tmp_path: Path, viewer: Path
) -> None:
    (viewer / "readme first.html").write_text("x")

    result = made(station, tmp_path, viewer)

    assert "readme first.html" in result.stopped
    assert not (tmp_path / "out").exists()


def test_a_file_that_changes_while_the_medium_is_made_is_noticed(
    station: Station, tmp_path: Path, viewer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(*_: object) -> None:
        (viewer / "START.HTM").write_text("<p>VIEWER</p>")

    monkeypatch.setattr(
        "mediastation.station.exporting.export.count_transcoded", lambda *_: change() or 0
    )

    result = made(station, tmp_path, viewer)

    assert "not what was written" in result.stopped
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("drop_refused", [False, True])
@pytest.mark.parametrize("over", [-200_000, 1, 5_000_000])
def test_a_folder_that_leaves_no_room_is_told_and_no_instance_is_blamed_or_dropped(
    station: Station, tmp_path: Path, viewer: Path, over: int, drop_refused: bool
) -> None:
    capacity = 1_000_000
    (viewer / "BIG.BIN").write_bytes(bytes(capacity + over))

    result = made(
        station, tmp_path, viewer, capacity_bytes=capacity, drop_refused=drop_refused, rows=400
    )

    assert not result.volumes
    assert not (tmp_path / "out").exists()
    assert {one.rule for one in result.findings if one.severity == "error"} == {"include-too-large"}
    assert "VIEWER" in {one.subject for one in result.findings}
    assert f"{capacity + over + 5013:,} bytes in 3 files" in result.stopped
    assert "--include" in result.hint
    assert "--drop-refused" not in result.hint


def test_an_instance_too_large_for_the_medium_alone_is_still_its_own_fault(
    station: Station, tmp_path: Path, viewer: Path
) -> None:
    result = made(station, tmp_path, viewer, capacity_bytes=700_000, rows=600)

    assert {one.rule for one in result.findings if one.severity == "error"} == {
        "instance-too-large"
    }
