"""What may be written over, and what tells one medium of the same instances from another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ConfigError
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, VolumeResult
from mediastation.station.recording.made_here import is_made_here
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from tests.support.objects import write_ct, write_series


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home", Clock(read_timestamp("2026-11-23T00:00:00Z"))) as opened:
        yield opened


def made(
    station: Station, output: Path, profile: str = "STD-GEN-CD", medium: str = "", form: str = ""
) -> VolumeResult:
    source = output.parent / "in"
    if not source.exists():
        write_series(source, 2)
    request = ExportRequest((str(source),), profile, output, medium=medium, format=form)
    result = export(station, request)
    assert not result.stopped, result.stopped
    return result.volumes[0]


class TestWritingOver:
    def test_an_image_of_this_station_is_replaced(self, station: Station, tmp_path: Path) -> None:
        first = made(station, tmp_path / "x.iso")
        (tmp_path / "x.iso").rename(tmp_path / "y.iso")

        assert made(station, tmp_path / "y.iso").sha256 == first.sha256

    def test_an_image_of_another_station_is_not(self, station: Station, tmp_path: Path) -> None:
        with Station(tmp_path / "other") as other:
            made(other, tmp_path / "x.iso")
        before = (tmp_path / "x.iso").read_bytes()

        with pytest.raises(ConfigError, match="exists and was not made here") as caught:
            made(station, tmp_path / "x.iso")

        assert "another name" in caught.value.hint
        assert (tmp_path / "x.iso").read_bytes() == before
        assert not station.jobs.latest(station.clock.now())

    def test_what_was_updated_here_is_still_the_medium_of_others(
        self, station: Station, tmp_path: Path
    ) -> None:
        """An update keeps the File-set UID, so the UID alone proves nothing."""
        with Station(tmp_path / "other") as other:
            made(other, tmp_path / "x.iso")
        more = str(write_ct(tmp_path / "more", SOPInstanceUID="1.2.3.1.9"))
        request = UpdateRequest(
            tmp_path / "x.iso", tmp_path / "y.iso", add=(more,), profile="STD-GEN-CD"
        )
        assert update(station, request).volumes

        assert is_made_here(station, tmp_path / "y.iso")
        assert not is_made_here(station, tmp_path / "x.iso")

    @pytest.mark.parametrize("spoil", ["longer", "no folder", "no dicomdir", "empty"])
    def test_in_doubt_it_is_not_ours(self, station: Station, tmp_path: Path, spoil: str) -> None:
        image = tmp_path / "x.iso"
        made(station, image)
        assert is_made_here(station, image)
        if spoil == "longer":
            image.write_bytes(image.read_bytes() + bytes(2048))
        elif spoil == "no folder":
            shutil.rmtree(station.jobs_folder)
        elif spoil == "empty":
            image.write_bytes(b"")
        else:
            image.write_bytes(image.read_bytes().replace(b"DICOMDIR", b"DICOMDIX"))

        assert not is_made_here(station, image)


def test_the_same_instances_on_another_medium_are_another_file_set(
    station: Station, tmp_path: Path
) -> None:
    ways = [
        ("STD-GEN-CD", "", ""),
        ("STD-GEN-DVD-JPEG", "DVD-R", "bridge"),
        ("STD-GEN-DVD-JPEG", "DVD-R", "iso9660"),
        ("STD-GEN-DVD-JPEG", "DVD+R", "bridge"),
    ]

    uids = [made(station, tmp_path / f"{n}.iso", *way).file_set_uid for n, way in enumerate(ways)]

    assert len(set(uids)) == len(ways)
    again = made(station, tmp_path / "again.iso", *ways[1])
    assert again.file_set_uid == uids[1]
    assert (tmp_path / "again.iso").read_bytes() == (tmp_path / "1.iso").read_bytes()
