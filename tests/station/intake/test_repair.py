"""A medium with a bad directory, or none, written anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ConfigError
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.station.intake.repair import RepairRequest, repair
from mediastation.station.station import Station
from tests.support.outside.damage import good_tree
from tests.support.outside.patients import COUNT


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """The outside patient's stick, whose DICOMDIR was cut in the middle."""
    tree = good_tree()
    tree["DICOMDIR"] = tree["DICOMDIR"][: len(tree["DICOMDIR"]) // 2]
    for path, content in tree.items():
        target = tmp_path / "stick" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path / "stick"


def test_every_instance_is_listed_under_its_old_name(
    station: Station, medium: Path, tmp_path: Path
) -> None:
    taken, made = repair(station, RepairRequest(medium, tmp_path / "new"))

    assert (taken.imported, taken.repaired > 0) == (COUNT, True)
    assert made is not None
    assert made.stopped == ""
    assert [volume.verified for volume in made.volumes] == [True]
    directory = read_dicomdir((tmp_path / "new" / "DICOMDIR").read_bytes())
    listed = {record.path for record in directory.records if record.path}
    assert len(listed) == COUNT
    old = {str(path.relative_to(medium)) for path in medium.rglob("*") if path.is_file()}
    kept = listed & old
    assert len(kept) > COUNT // 2
    for path in kept:
        assert (tmp_path / "new" / path).read_bytes() == (medium / path).read_bytes()


def test_an_image_comes_out_where_its_name_says_so(
    station: Station, medium: Path, tmp_path: Path
) -> None:
    _, made = repair(station, RepairRequest(medium, tmp_path / "new.iso"))

    assert made is not None
    assert (made.stopped, made.profile) == ("", "STD-GEN-DVD-JPEG")
    with open_volume(tmp_path / "new.iso") as volume:
        paths = {file.path for file in volume.iter_files()}
    assert "DICOMDIR" in paths
    assert sum("/" in path for path in paths) == COUNT


def test_a_wrong_place_is_told_before_anything_is_read(
    station: Station, medium: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        repair(station, RepairRequest(medium, tmp_path / "nowhere" / "new"))
    assert station.jobs.latest(0) == []


def test_a_medium_with_nothing_on_it_gives_nothing(station: Station, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()

    taken, made = repair(station, RepairRequest(tmp_path / "stick", tmp_path / "new"))

    assert made is None
    assert taken.exit_code == 1
    assert not (tmp_path / "new").exists()
