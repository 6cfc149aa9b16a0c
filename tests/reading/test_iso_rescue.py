"""Damaged ISO 9660 images: whatever one structure loses, another one still tells."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.model.finding import Severity
from mediastation.reading.iso9660 import IsoVolume, SearchedIsoVolume
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import open_volume
from mediastation.verify.verifier import verify_medium
from tests.support.damaged import MemoryAccess
from tests.support.outside.iso_places import JOLIET, PRIMARY, SECTOR, places, zeroed
from tests.support.outside.patients import CT_PATHS, instance_files
from tests.support.outside.writers import OutsideMedia

ALL = set(instance_files().values())


def whole(content: bytes) -> set[bytes]:
    """The instances that come off an image as they were."""
    found = set()
    with open_volume(Path("disc"), opener=MemoryAccess(content)) as volume:
        for file in volume.iter_files():
            with volume.open(file.path) as stream:
                found.add(stream.read())
    return found & ALL


@pytest.fixture
def in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`open_volume` asks what a path is; the bytes come from elsewhere."""
    (tmp_path / "disc").touch()
    monkeypatch.chdir(tmp_path)


def structures(image: bytes) -> list[int]:
    """The sectors in front of the first file that hold anything."""
    first = image.index(instance_files()[CT_PATHS[0]])
    firsts = [image.index(content) for content in ALL]
    end = min(first, *firsts) // SECTOR
    return [
        sector
        for sector in range(PRIMARY, end)
        if image[sector * SECTOR : (sector + 1) * SECTOR].strip(b"\0")
    ]


@pytest.mark.usefixtures("in_memory")
class TestOneSectorLost:
    @pytest.mark.parametrize("kind", ["iso-joliet", "iso-joliet-and-rock-ridge", "bridge"])
    def test_of_two_trees_no_single_sector_costs_an_instance(
        self, outside_media: OutsideMedia, kind: str
    ) -> None:
        image = outside_media.medium(kind).read_bytes()
        tried = structures(image)

        assert len(tried) > 30
        for sector in tried:
            assert whole(zeroed(image, sector)) == ALL, sector

    def test_of_one_tree_only_a_folder_with_files_costs_them(
        self, outside_media: OutsideMedia
    ) -> None:
        image = outside_media.medium("iso").read_bytes()
        held = places(image)
        folders = {place.sector: path for path, place in held.items() if place.is_folder}

        for sector in structures(image):
            folder = folders.get(sector, "no folder")
            lost = {c for path, c in instance_files().items() if path.rpartition("/")[0] == folder}
            assert whole(zeroed(image, sector)) == ALL - lost, folder

    @pytest.mark.parametrize("kind", ["iso", "iso-joliet"])
    def test_a_sector_that_no_drive_reads_costs_no_more_than_one_of_zeros(
        self, outside_media: OutsideMedia, kind: str
    ) -> None:
        image = outside_media.medium(kind).read_bytes()
        sector = places(image)["DICOM/ST1"].sector

        with open_volume(Path("disc"), opener=MemoryAccess(image, bad={sector})) as volume:
            assert "unreadable" in {finding.rule for finding in volume.findings}
            assert set(CT_PATHS) <= {file.path for file in volume.iter_files()}

    def test_random_damage_to_the_structures_gives_no_file_twice_and_no_wrong_name(
        self, outside_media: OutsideMedia
    ) -> None:
        """Files under their own names are what they were, or shorter where records were hit."""
        image = outside_media.medium("iso-joliet").read_bytes()
        chance = random.Random(23)
        tried = structures(image)
        for _ in range(150):
            spoiled = bytearray(image)
            for sector in chance.sample(tried, 3):
                at = sector * SECTOR + chance.randrange(SECTOR - 40)
                spoiled[at : at + 40] = chance.randbytes(40)
            try:
                with open_volume(Path("disc"), opener=MemoryAccess(bytes(spoiled))) as volume:
                    paths = [file.path for file in volume.iter_files()]
                    assert len(paths) == len(set(paths))
                    assert all(".." not in path.split("/") for path in paths)
                    for file in volume.iter_files():
                        with volume.open(file.path) as stream:
                            stream.read(1 << 16)
            except MediaError:
                continue


@pytest.mark.usefixtures("in_memory")
class TestWhatIsNotBelieved:
    def test_a_path_table_that_leads_into_a_file_adds_nothing(
        self, outside_media: OutsideMedia
    ) -> None:
        """Only a directory whose first record names itself counts."""
        image = bytearray(outside_media.medium("iso").read_bytes())
        held = places(bytes(image))
        (table,) = struct.unpack_from("<I", image, PRIMARY * SECTOR + 140)
        entry = image.index(struct.pack("<I", held["DICOM/ST1/SE1"].sector), table * SECTOR)
        image[entry : entry + 4] = struct.pack("<I", held[CT_PATHS[0]].sector)
        image = bytearray(zeroed(bytes(image), held["DICOM/ST1"].sector))

        with open_volume(Path("disc"), opener=MemoryAccess(bytes(image))) as volume:
            paths = {file.path for file in volume.iter_files()}
        # The other table is right, and finds it.
        assert set(CT_PATHS) <= paths
        assert len(paths) == len(held) - sum(place.is_folder for place in held.values())

    def test_files_that_both_trees_have_are_listed_once(self, outside_media: OutsideMedia) -> None:
        with open_volume(outside_media.medium("iso-joliet")) as volume:
            assert len(list(volume.iter_files())) == len(ALL) + 2
            assert volume.findings == ()

    def test_a_whole_primary_tree_does_not_hide_what_only_joliet_lists(
        self, outside_media: OutsideMedia
    ) -> None:
        image = bytearray(outside_media.medium("iso-joliet").read_bytes())
        record = places(bytes(image))[CT_PATHS[4]].record
        # The last record of its folder: without it, the rest is in order.
        image[record : record + image[record]] = bytes(image[record])

        with open_volume(Path("disc"), opener=MemoryAccess(bytes(image))) as volume:
            assert CT_PATHS[4] in {file.path for file in volume.iter_files()}
            assert [finding.rule for finding in volume.findings] == ["joliet-only"]

    def test_a_disc_whose_files_only_joliet_lists_does_not_pass(
        self, outside_media: OutsideMedia
    ) -> None:
        """Readers of DICOM media go by the primary tree, and see nothing (PS3.12 F.1.2)."""
        report = verify_medium(outside_media.medium("iso-joliet-only"))

        assert not report.ok
        assert "joliet-only" in {f.rule for f in report.findings if f.severity is Severity.ERROR}

    @pytest.mark.parametrize("seed", range(4))
    def test_noise_is_no_disc(self, tmp_path: Path, seed: int) -> None:
        path = tmp_path / "noise.iso"
        path.write_bytes(random.Random(seed).randbytes(200 * SECTOR))

        with pytest.raises(MediaError, match="no ISO 9660 image"):
            open_volume(path)
        with pytest.raises(MediaError):
            SearchedIsoVolume(path)

    def test_the_primary_tree_is_not_searched_for_where_it_is_asked_for(
        self, outside_media: OutsideMedia
    ) -> None:
        """Who knows ISO 9660 alone sees no disc: a verifier must say so."""
        image = zeroed(outside_media.medium("iso").read_bytes(), PRIMARY)

        with pytest.raises(MediaError):
            IsoVolume(Path("disc"), MemoryAccess(image))

    def test_the_root_of_the_primary_tree_is_taken_before_joliets(
        self, outside_media: OutsideMedia
    ) -> None:
        """File IDs are spelled as the primary tree has them."""
        image = outside_media.medium("iso-long-lower-case").read_bytes()

        with open_volume(Path("disc"), opener=MemoryAccess(zeroed(image, PRIMARY))) as volume:
            assert isinstance(volume, SearchedIsoVolume)
            names = [file.recorded for file in volume.iter_files()]
        assert all(name.endswith(";1") for name in names)
        assert "DICOMDIR.;1" in names

    def test_a_damaged_joliet_tree_is_told_and_costs_nothing(
        self, outside_media: OutsideMedia
    ) -> None:
        image = outside_media.medium("iso-joliet").read_bytes()
        spoiled = zeroed(image, places(image, JOLIET)["DICOM"].sector)

        with open_volume(Path("disc"), opener=MemoryAccess(spoiled)) as volume:
            assert [finding.rule for finding in volume.findings] == ["joliet-damaged"]
        assert whole(spoiled) == ALL


@pytest.mark.usefixtures("in_memory")
class TestBridge:
    def test_it_does_not_pass_though_one_side_is_whole(
        self, outside_media: OutsideMedia, tmp_path: Path
    ) -> None:
        image = outside_media.medium("bridge").read_bytes()
        path = tmp_path / "spoiled.iso"
        path.write_bytes(zeroed(image, places(image)["DICOM/ST1/SE1"].sector))

        assert not verify_medium(path).ok

    def test_the_whole_side_is_read_and_the_damaged_one_told(
        self, outside_media: OutsideMedia
    ) -> None:
        image = outside_media.medium("bridge").read_bytes()
        spoiled = zeroed(image, places(image)["DICOM/ST1/SE1"].sector)

        with open_volume(Path("disc"), opener=MemoryAccess(spoiled)) as volume:
            assert isinstance(volume, UdfVolume)
            assert {"udf-side-read", "directory-self"} <= {f.rule for f in volume.findings}

    def test_without_damage_the_iso_side_is_read(self, outside_media: OutsideMedia) -> None:
        with open_volume(outside_media.medium("bridge")) as volume:
            assert isinstance(volume, IsoVolume)
            assert volume.findings == ()
