"""What the fuzzer found in the readers of media, each as the smallest thing that shows it."""

from __future__ import annotations

import binascii
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.reading import iso_tree, udf_space, udf_structures, udf_tree, zip_salvage
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.fat import FatVolume
from mediastation.reading.findings import FindingLog
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.iso_tree import MAX_EXTENTS
from mediastation.reading.mime_header import MimeHeader, find_header
from mediastation.reading.udf import UdfVolume
from mediastation.reading.udf_structures import Descriptor
from mediastation.reading.volume import open_volume
from mediastation.reading.zip_volume import ZipVolume
from tests.fuzz.oracles import drain, require_findings
from tests.support.damaged import MemoryAccess
from tests.support.fat_images import Fat, entry
from tests.support.file_sets import dicomdir, file_meta, records
from tests.support.small_iso import (
    SECTOR,
    both,
    directory_record,
    record_places,
    root_at,
    small_iso,
)
from tests.support.udf_images import BLOCK, DIRECTORY, built, name, short_ad, tagged
from tests.support.udf_images import entry as file_entry

DISC = Path("disc.img")


class TestWhatIsSaid:
    """Names and UIDs come from strangers: a message shows no more of them than a person can use."""

    def test_a_uid_of_sixty_thousand_characters_fills_no_message(self) -> None:
        content = dicomdir(records())
        front = file_meta("1.2.840.10008.1.3.10", "1.2.3")
        long = file_meta("9" * 60_000, "1.2.3", "8" * 60_000)

        directory = read_dicomdir(long + content[content.index(b"\x04\x00\x30\x11") :])

        assert len(front) < len(long)
        assert {"not-a-directory", "transfer-syntax"} <= {one.rule for one in directory.findings}
        assert max(len(one.message) for one in directory.findings) < 2000

    def test_a_fat_name_that_is_there_twice_is_named_without_its_control_characters(self) -> None:
        twice = entry(b"A\x1b[2J      ", 0, 0)

        volume = FatVolume(DISC, MemoryAccess(Fat(12, twice + twice, clusters=20).build()))

        subjects = {one.subject for one in volume.findings if one.rule == "duplicate-name"}
        assert "A%1B[2J" in subjects
        require_findings(volume.findings)

    def test_a_zip_name_that_is_too_long_is_named_without_its_control_characters(self) -> None:
        name = b"\x1b]0;x\x07" + b"A" * 1100
        local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
        central = struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
        )
        end = (len(central) + len(name), len(local), 0)

        volume = ZipVolume(
            DISC,
            MemoryAccess(
                local + central + name + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, *end)
            ),
        )

        assert [one.rule for one in volume.findings] == ["too-long-name"]
        require_findings(volume.findings)


def test_an_image_whose_first_sector_cannot_be_read_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "disc.img"
    path.write_bytes(bytes(40 * SECTOR))

    with pytest.raises(MediaError, match=r"disc\.img"):
        open_volume(path, opener=MemoryAccess(path.read_bytes(), bad={0}))


class TestMailHeader:
    def test_a_character_set_whose_name_is_no_text_leaves_the_subject_as_it_is(self) -> None:
        subject = b"=?iso\xff2022-jp?q?=1B$B?="
        content = b"MIME-Version: 1.0\r\nSubject: " + subject + b"\r\n\r\n"

        header = _header(content)

        assert header.subject == subject.decode("utf-8", "replace")

    def test_a_long_name_is_not_decoded_by_a_set_that_costs_its_square(self) -> None:
        name = b"abcdefg9" * 2000

        header = _header(b"Content-Type: a/b; name*=punycode''" + name + b"\r\n\r\n")

        assert header.name == name.decode()


def _header(content: bytes) -> MimeHeader:
    found = find_header(MemoryAccess(content).read_at, 0, len(content))
    assert found is not None
    return found[0]


class TestPathTable:
    def test_directories_inside_each_other_by_the_thousand_cost_no_more_than_their_table(
        self,
    ) -> None:
        """Their paths together are the square of it: two gigabytes out of one megabyte."""
        image = bytearray(small_iso({"FILE": b"twelve bytes"}))
        *_, file = record_places(bytes(image), root_at(bytes(image)))
        image[file] = 1  # a tree in order has no need of the table
        image += bytes(-len(image) % SECTOR)
        table = bytearray(struct.pack("<BBIHH", 1, 0, root_at(bytes(image)) // SECTOR, 1, 0))
        for parent in range(1, 2500):
            table += struct.pack("<BBIH", 200, 0, 20, parent) + b"A" * 200
        image[16 * SECTOR + 132 : 16 * SECTOR + 140] = both(len(table))
        place = len(image) // SECTOR
        image[16 * SECTOR + 140 : 16 * SECTOR + 144] = struct.pack("<I", place)
        image += table
        image[16 * SECTOR + 80 : 16 * SECTOR + 88] = both(-(-len(image) // SECTOR))

        tracemalloc.start()
        try:
            volume = IsoVolume(DISC, MemoryAccess(bytes(image)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert volume.is_damaged
        assert peak < 8 * len(image)


def test_no_more_is_inflated_to_find_lost_files_than_an_archive_of_that_size_may_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight gigabytes out of eight megabytes took half a minute; a large archive needs more."""
    monkeypatch.setattr(zip_salvage, "FREE_BYTES", 0)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(2_000_000)) + packer.flush()
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 8, 8, 0, 0, 0, 0, 0, 1, 0)
    content = b"".join(head + letter + packed for letter in (b"A", b"B", b"C"))
    log = FindingLog()

    found = zip_salvage.salvage_entries(MemoryAccess(content).read_at, len(content), log)

    assert sum(entry.size_bytes for entry in found) <= 200 * len(content)
    assert "nothing tells where it ends; not listed" in {one.message for one in log}


class TestWorkOfUdf:
    """A name costs forty bytes, and what it leads to leads on: small images asked for minutes."""

    @staticmethod
    def _image(names: int) -> bytes:
        """So many names of one file, whose allocation descriptors go on through sixty blocks."""
        listed = [name("", 2, 0, 100, traits=10)]
        for number in range(names):
            block = 100 + sum(map(len, listed[-1:])) * len(listed) // BLOCK
            listed.append(name(f"F{number:05}", 6, 0, block))
        area = b"".join(listed)
        onward = {
            block: tagged(258, block, struct.pack("<II", 0, 8) + short_ad(BLOCK, block + 1, kind=3))
            for block in range(20, 80)
        }
        tree = {
            2: file_entry(2, short_ad(len(area), 100), len(area), kind=DIRECTORY, ads=0),
            6: file_entry(6, short_ad(BLOCK, 20, kind=3), 1 << 30, ads=0),
            **onward,
        }
        return built(tree, {100: area})

    def test_it_is_limited_by_the_size_of_the_image(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image = self._image(5000)
        done, real = [0], udf_space.read_tagged

        def counted(raw: bytes, location: int | None = None) -> Descriptor | None:
            done[0] += 1
            return real(raw, location)

        monkeypatch.setattr(udf_space, "read_tagged", counted)

        volume = UdfVolume(DISC, MemoryAccess(image))

        assert "given-up" in {one.rule for one in volume.findings}
        assert done[0] < 64 * len(image) // BLOCK + 20_000

    def test_a_block_that_many_files_share_is_remembered_once(self) -> None:
        volume = UdfVolume(DISC, MemoryAccess(self._image(40)))

        regions = [place for place in volume._structures() if "extent descriptor" in place[2]]
        assert len(list(volume.iter_files())) == 40
        assert len(regions) == 60


class TestNamesOfUdf:
    @pytest.mark.parametrize("filling", [b"\1\1", b"\1\1\0\0\x9a\0\0\0\0\0\x98\0" + bytes(4)])
    def test_what_looks_like_names_all_over_costs_no_checksum_of_kilobytes_each(
        self, filling: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Four thousand bytes for every four: a directory of 64 MiB took minutes."""
        checked, real = [0], binascii.crc_hqx

        def counted(data: bytes, value: int) -> int:
            checked[0] += len(data)
            return real(data, value)

        monkeypatch.setattr(udf_structures.binascii, "crc_hqx", counted)
        monkeypatch.setattr(udf_tree, "_MOST_CANDIDATES", 50)
        area = (filling * 40_000)[: 40 * BLOCK]
        top = name("", 2, 0, 3, traits=10)
        where = short_ad(BLOCK, 3) + short_ad(len(area), 100)
        tree = {2: file_entry(2, where, BLOCK + len(area), kind=DIRECTORY, ads=0), 3: top}

        volume = UdfVolume(DISC, MemoryAccess(built(tree, {100: area})))

        assert "directory-record" in {one.rule for one in volume.findings}
        assert checked[0] < 2 * len(area)

    def test_a_name_behind_much_that_is_none_is_found(self) -> None:
        area = b"\1\1" * 3000 + name("FILE", 6, 0, 102)
        where = short_ad(BLOCK, 3) + short_ad(len(area), 100)
        tree = {
            2: file_entry(2, where, BLOCK + len(area), kind=DIRECTORY, ads=0),
            3: name("", 2, 0, 3, traits=10),
            6: file_entry(6, b"twelve bytes", 12, ads=3),
        }

        volume = UdfVolume(DISC, MemoryAccess(built(tree, {100: area})))

        assert [file.path for file in volume.iter_files()] == ["FILE"]


class _Counting(MemoryAccess):
    """An image that counts how often it is read."""

    reads = 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads += 1
        return super().read_at(offset, length)


class TestSessions:
    def test_a_disc_full_of_descriptors_is_not_read_a_hundred_times_over(self) -> None:
        """None of them belongs to a session: their roots lie elsewhere."""
        image = bytearray(small_iso({"FILE": b"twelve bytes"}))
        image += bytes(-len(image) % SECTOR)
        alien = bytearray(image[16 * SECTOR : 17 * SECTOR])
        alien[158:166] = both(0xFFFFFF)
        begin = len(image) // SECTOR
        image[16 * SECTOR + 80 : 16 * SECTOR + 88] = both(begin)
        image += bytes(alien) * 500
        access = _Counting(bytes(image))

        volume = IsoVolume(DISC, access)

        assert [file.path for file in volume.iter_files()] == ["FILE"]
        assert access.reads < 2 * 500


class TestPaths:
    def test_a_file_below_long_names_is_not_listed_under_seven_thousand_characters(self) -> None:
        names = ["A" * 200] * 8
        volume = IsoVolume(DISC, MemoryAccess(nested_directories(names)))

        assert "too-deep" in {one.rule for one in volume.findings}
        assert all(len(file.path) < 1300 for file in volume.iter_files())
        assert all(len(one.subject) < 1200 for one in volume.findings)

    def test_paths_together_have_a_limit_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(iso_tree, "MAX_PATH_CHARACTERS", 20)
        image = small_iso({f"D/FILE{number}": b"x" for number in range(9)})

        volume = IsoVolume(DISC, MemoryAccess(image))

        assert len(list(volume.iter_files())) == 2
        assert "too-many-files" in {one.rule for one in volume.findings}


def nested_directories(names: list[str]) -> bytes:
    """An image whose root is replaced by directories inside each other, a file in each."""
    image = bytearray(small_iso({"FILE": b"twelve bytes"}))
    *_, file = record_places(bytes(image), root_at(bytes(image)))
    file_record = bytes(image[file : file + image[file]])
    image += bytes(-len(image) % SECTOR)
    first = len(image) // SECTOR
    for number, text in enumerate([*names, ""]):
        own, above = first + number, max(first, first + number - 1)
        records = directory_record(b"\0", own) + directory_record(b"\1", above) + file_record
        if text:
            records += directory_record(text.encode(), own + 1)
        image += records.ljust(SECTOR, b"\0")
    image[16 * SECTOR + 158 : 16 * SECTOR + 166] = both(first)
    image[16 * SECTOR + 80 : 16 * SECTOR + 88] = both(len(image) // SECTOR)
    return bytes(image)


class TestExtentsOfIso:
    """A file may have many extents; each of them is a claim that costs whoever reads it."""

    def test_extents_that_lie_over_each_other_give_no_more_than_the_image_has(self) -> None:
        image = self._repeated(20, lambda _: both(0), lambda image: both(len(image)))

        volume = IsoVolume(DISC, MemoryAccess(image))

        assert "overlap" in {one.rule for one in volume.findings}
        drain(volume, len(image))

    def test_extents_of_no_length_are_not_kept_by_the_million(self) -> None:
        image = self._repeated(MAX_EXTENTS + 2000, lambda _: both(20), lambda _: both(1))

        volume = IsoVolume(DISC, MemoryAccess(image))

        assert max(len(file.extents) for file in volume.iter_files()) == MAX_EXTENTS
        assert "multi-extent" in {one.rule for one in volume.findings}

    @staticmethod
    def _repeated(count: int, block: object, size: object) -> bytes:
        """An image whose root has one file in `count` extents, all of them in the same place."""
        image = bytearray(small_iso({"FILE": b"twelve bytes"}))
        root = root_at(bytes(image))
        itself, parent, file = record_places(bytes(image), root)
        record = bytearray(image[file : file + image[file]])
        record[25] = 0x80
        record[2:10], record[10:18] = block(image), size(image)  # type: ignore[operator]
        per_sector = SECTOR // len(record)
        sectors = [bytes(image[itself : parent + image[parent]]) + bytes(record)]
        sectors += [bytes(record) * per_sector] * (count // per_sector + 1)
        place = len(image) // SECTOR
        area = b"".join(sector.ljust(SECTOR, b"\0") for sector in sectors)
        image += area
        primary = 16 * SECTOR
        for at in (primary + 158, place * SECTOR + 2):
            image[at : at + 8] = both(place)
        for at in (primary + 166, place * SECTOR + 10):
            image[at : at + 8] = both(len(area))
        image[primary + 80 : primary + 88] = both(len(image) // SECTOR)
        return bytes(image)
