"""FAT images: as small as can be, or as large as the device that they are for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ProfileError, RefusedError
from mediastation.media.fat import CARD, MOD41, plan_geometry
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.reprint import reprint
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.station import Station
from tests.support.objects import write_ct, write_series
from tests.support.peers import run_peer

MEGABYTE = 1_000_000


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock(read_timestamp("2026-01-02T10:15:00+00:00"))
    with Station(tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_series(tmp_path / "in", 2)
    return tmp_path / "in"


def ask(station: Station, source: Path, output: Path, **more: object) -> ExportResult:
    request = ExportRequest((str(source),), "STD-GEN-USB-JPEG", output, **more)  # type: ignore[arg-type]
    result = export(station, request)
    assert result.stopped == "", [finding.message for finding in result.findings]
    return result


def write_large_studies(folder: Path, number: int) -> Path:
    """Studies of one image each, 8 MB."""
    for study in range(1, number + 1):
        write_ct(
            folder / f"study{study}",
            StudyInstanceUID=f"1.2.{study}",
            SeriesInstanceUID=f"1.2.{study}.1",
            SOPInstanceUID=f"1.2.{study}.1.1",
            Rows=2000,
            Columns=2000,
            PixelData=bytes([study]) * 8 * MEGABYTE,
        )
    return folder


@pytest.mark.parametrize(("form", "capacity"), [("fat32", 300 * MEGABYTE), ("fat16", 1 << 26)])
def test_an_image_with_a_capacity_fills_the_device(
    station: Station, source: Path, tmp_path: Path, form: str, capacity: int
) -> None:
    output = tmp_path / "stick.img"

    (volume,) = ask(station, source, output, format=form, capacity_bytes=capacity).volumes

    assert capacity - (1 << 20) - 32768 < output.stat().st_size <= capacity
    assert (volume.verified, volume.size_bytes) == (True, output.stat().st_size)
    start = plan_geometry(form, CARD, capacity).start * 512
    told = run_peer("mdir", "-i", f"{output}@@{start}", "::").stdout
    (free,) = [line for line in told.splitlines() if "bytes free" in line]
    assert int("".join(filter(str.isdigit, free))) > capacity * 0.97


def test_an_image_without_a_capacity_is_as_small_as_can_be(
    station: Station, source: Path, tmp_path: Path
) -> None:
    (volume,) = ask(station, source, tmp_path / "stick.img", format="fat16").volumes

    assert volume.size_bytes < 36 * MEGABYTE


def test_an_mo_disk_is_filled_whether_or_not_a_capacity_was_given(
    station: Station, source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "side.img"
    request = ExportRequest((str(source),), "STD-CTMR-MOD41", output)

    (volume,) = export(station, request).volumes

    assert volume.size_bytes == plan_geometry("fat16", MOD41, 4_000_000 * 512).size_bytes
    assert volume.size_bytes > 4_000_000 * 512 - 2 * 64 * 512
    assert volume.verified
    assert output.stat().st_blocks * 512 < 10 * MEGABYTE


def test_what_does_not_fit_a_device_is_spread_over_several(
    station: Station, tmp_path: Path
) -> None:
    source = write_large_studies(tmp_path / "in", 7)
    words = {"format": "fat16", "capacity_bytes": 40 * MEGABYTE}

    planned = ask(station, source, tmp_path / "plan", plan_only=True, **words)
    result = ask(station, source, tmp_path / "out", **words)

    # Four of 8 MB leave room in 40 MB, five do not.
    assert [volume.instances for volume in result.volumes] == [4, 3]
    assert all(volume.verified for volume in result.volumes)
    assert all(39 * MEGABYTE < volume.size_bytes <= 40 * MEGABYTE for volume in result.volumes)
    assert [volume.size_bytes for volume in planned.volumes] == [
        volume.size_bytes for volume in result.volumes
    ]
    (row,) = [row for row in planned.media if row.name == "USB"]
    assert (row.volumes, row.capacity_bytes) == (2, 40 * MEGABYTE)
    assert 0.7 < row.fill < 0.75


def test_the_image_of_a_device_is_reprinted_as_large_as_it_was(
    station: Station, source: Path, tmp_path: Path
) -> None:
    first = ask(station, source, tmp_path / "a.img", format="fat32", capacity_bytes=200 * MEGABYTE)

    again = reprint(station, first.job, tmp_path / "b.img")

    assert [volume.sha256 for volume in again.volumes] == [first.volumes[0].sha256]
    manifest = json.loads((station.job_folder(first.job) / "manifest.json").read_text())
    assert manifest["filled_bytes"] == 200 * MEGABYTE


def test_a_small_device_gets_fat16_unless_fat32_was_asked_for(
    station: Station, source: Path, tmp_path: Path
) -> None:
    """FAT32 has 65,525 clusters at least (Microsoft FAT 1.03)."""
    ask(station, source, tmp_path / "small.img", capacity_bytes=1 << 26)
    ask(station, source, tmp_path / "large.img", capacity_bytes=1 << 28)

    systems = [
        (tmp_path / name).read_bytes()[start * 512 :][at : at + 5]
        for name, kind, at, size in (
            ("small.img", "fat16", 54, 1 << 26),
            ("large.img", "fat32", 82, 1 << 28),
        )
        for start in [plan_geometry(kind, CARD, size).start]
    ]
    assert systems == [b"FAT16", b"FAT32"]
    with pytest.raises(RefusedError, match="FAT32 has at least"):
        ask(station, source, tmp_path / "x.img", format="fat32", capacity_bytes=1 << 26)
    assert not (tmp_path / "x.img").exists()


def test_a_card_beyond_fat16_is_refused_as_an_image_as_well(
    station: Station, source: Path, tmp_path: Path
) -> None:
    request = ExportRequest(
        (str(source),), "STD-GEN-SD-JPEG", tmp_path / "card.img", capacity_bytes=(1 << 31) + 512
    )

    with pytest.raises(ProfileError, match="allows FAT16 only"):
        export(station, request)
