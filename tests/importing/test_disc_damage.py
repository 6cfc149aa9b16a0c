"""What unreadable sectors mean for the files of a disc, told by where genisoimage laid them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.importing.disc_copy import copy_disc
from mediastation.importing.disc_damage import claimed_bytes, damaged_files, lost_bytes
from mediastation.model.finding import Severity
from mediastation.reading.contract import HOLE, Extent, VolumeFile
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.volume import open_volume
from tests.support.damaged import MemoryAccess
from tests.support.file_sets import good_file_set, write_image
from tests.support.iso_peers import pycdlib_files

SECTOR = 2048
DRIVE = Path("/dev/no-such-drive")


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(good_file_set(), tmp_path_factory.mktemp("image"))


def files(disc: Path) -> dict[str, tuple[int, bytes]]:
    return pycdlib_files(disc)


class TestDamagedFiles:
    def test_each_file_in_bad_sectors_is_named_with_what_it_lost(
        self, disc: Path, tmp_path: Path
    ) -> None:
        places = files(disc)
        name = next(path for path in places if path.startswith("DICOM/"))
        first, data = places[name]
        assert len(data) % SECTOR
        last = first + len(data) // SECTOR
        drive = MemoryAccess(disc.read_bytes(), bad={last})

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)
        with open_volume(copy.path) as volume:
            findings = damaged_files(volume, copy.bad)
            assert lost_bytes(volume, copy.bad) == {name: len(data) % SECTOR}

        assert [(f.rule, f.severity, f.subject) for f in findings] == [
            ("unreadable", Severity.ERROR, name)
        ]
        assert f"{len(data) % SECTOR:,} of its bytes" in findings[0].message

    @pytest.mark.parametrize("turn", range(3))
    def test_all_others_are_whole(self, disc: Path, tmp_path: Path, turn: int) -> None:
        places = files(disc)
        owners = {
            first + n: name
            for name, (first, data) in places.items()
            for n in range(-(-len(data) // SECTOR))
        }
        bad = set(sorted(owners)[turn::7])

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(
            disc.read_bytes(), bad=bad
        ))  # fmt: skip
        with open_volume(copy.path) as volume:
            lost = lost_bytes(volume, copy.bad)
            assert set(lost) == {owners[sector] for sector in bad}
            for name, (_, data) in places.items():
                with volume.open(name) as stream:
                    assert (stream.read() == data) == (name not in lost)

    def test_a_structure_that_is_gone_is_named(self, disc: Path, tmp_path: Path) -> None:
        with open_volume(disc) as volume:
            spans = volume.iter_spans()  # type: ignore[attr-defined]
            place = next(s.offset // SECTOR for s in spans if s.region.startswith("path table"))
        drive = MemoryAccess(disc.read_bytes(), bad={place})

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)
        with open_volume(copy.path) as volume:
            (finding,) = damaged_files(volume, copy.bad)

        assert finding.subject.startswith("path table")

    def test_a_good_disc_has_nothing_to_tell(self, disc: Path) -> None:
        with open_volume(disc) as volume:
            assert damaged_files(volume, ()) == []

    def test_bytes_that_were_never_recorded_are_not_lost(self) -> None:
        class Sparse(MemoryVolume):
            def iter_files(self):  # type: ignore[no-untyped-def]
                extents = (Extent(HOLE, 4096), Extent(8192, 4096), Extent(8192, 4096))
                yield VolumeFile("A", 10_000, extents)

        bad = (Extent(0, 2048), Extent(10_240, 2048))

        # The last extent counts only as far as the file goes: 10,000 - 8,192 bytes.
        assert lost_bytes(Sparse({}), bad) == {"A": 2048}

    def test_a_medium_that_is_no_image_loses_nothing_this_way(self) -> None:
        assert damaged_files(MemoryVolume({"A": b"x"}), (Extent(0, 2048),)) == []


class TestClaimed:
    def test_a_file_behind_the_end_of_its_volume_counts(self, disc: Path, tmp_path: Path) -> None:
        """A damaged descriptor must not make a file's bytes nobody's."""
        data = bytearray(disc.read_bytes())
        last = max(first + -(-len(d) // SECTOR) for first, d in files(disc).values() if d)
        data[16 * SECTOR + 80 : 16 * SECTOR + 88] = b"\x20\0\0\0\0\0\0\x20"
        (tmp_path / "small.iso").write_bytes(data)

        assert claimed_bytes(tmp_path / "small.iso") >= last * SECTOR - SECTOR

    def test_without_a_file_system_all_of_it_is_claimed(self, tmp_path: Path) -> None:
        (tmp_path / "noise").write_bytes(b"\x01\x02" * 100_000)

        assert claimed_bytes(tmp_path / "noise") == 200_000


class TestRunOut:
    @pytest.mark.parametrize("sectors", [2, 150])
    def test_behind_the_file_system_it_is_a_note_and_no_damage(
        self, disc: Path, tmp_path: Path, sectors: int
    ) -> None:
        """genisoimage counts its own padding to the volume; these lie behind."""
        data = disc.read_bytes()
        end = len(data) // SECTOR
        drive = MemoryAccess(
            data + bytes(sectors * SECTOR), bad=range(end, end + sectors), is_device=True
        )

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive, retries=50)

        assert [(f.rule, f.severity) for f in copy.findings] == [("run-out", Severity.NOTE)]
        # To know the disc, with its chunk, with its piece and alone; never in a round.
        assert max(drive.asked.values()) <= 4
        assert f"{sectors} sectors" in copy.findings[0].message
        assert copy.bad == (Extent(end * SECTOR, sectors * SECTOR),)
        with open_volume(copy.path) as volume:
            assert damaged_files(volume, copy.bad) == []

    def test_damage_before_it_is_told_apart(self, disc: Path, tmp_path: Path) -> None:
        data = disc.read_bytes()
        end = len(data) // SECTOR
        first = min(place for place, content in files(disc).values() if content)
        drive = MemoryAccess(data + bytes(4 * SECTOR), bad={first, *range(end, end + 4)})

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive, retries=1)

        assert [(f.rule, f.message[:9]) for f in copy.findings] == [
            ("bad-sectors", "1 sector "),
            ("run-out", "4 sectors"),
        ]

    def test_without_a_file_system_everything_unreadable_is_damage(self, tmp_path: Path) -> None:
        drive = MemoryAccess(b"\x01\x02" * 50 * SECTOR, bad=range(90, 100))

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive, retries=1)

        assert [f.rule for f in copy.findings] == ["bad-sectors"]
