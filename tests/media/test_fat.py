"""The FAT writer: its promises about bytes, sizes, errors and what stays behind."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.media.contract import MediumWriter, WrittenImage
from mediastation.media.fat import (
    CARD,
    FAT16,
    FAT32,
    MOD23,
    MOD41,
    SHAPES,
    FatImage,
    Shape,
    check_fat_names,
    fat_label,
    plan_geometry,
    plan_layout,
)
from mediastation.media.level1 import MediumFile
from mediastation.media.part_file import PartFile
from tests.media.support import CONTENTS, MOMENT, SPOILED, medium_files, sparse_disk, write_fat
from tests.support.drawn_trees import accepted_contents, drawn_trees
from tests.support.fat_walk import WalkedFat, walk

# 29 February 2024, 23:59:58 UTC, as FAT packs it.
DATE, TIME = 44 << 9 | 2 << 5 | 29, 23 << 11 | 59 << 5 | 29
WHOLE = Shape(512, (4, 8, 16, 32, 64), False, 63, 255)
"""A device without a partition table, which PS3.12 R to U allow as well."""
KINDS = {
    "usb-16": (FAT16, CARD),
    "usb-32": (FAT32, CARD),
    "whole-16": (FAT16, WHOLE),
    "whole-32": (FAT32, WHOLE),
    "mod41": (FAT16, MOD41),
    "mod23": (FAT16, MOD23),
}
every_kind = pytest.mark.parametrize(("kind", "shape"), KINDS.values(), ids=KINDS)


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def planned(files: list[MediumFile], kind: str = FAT16, **more: object) -> FatImage:
    arguments = {"moment": MOMENT, **more}
    return FatImage(files, kind=kind, **arguments)  # type: ignore[arg-type]


def sized(path: str, size_bytes: int = 1) -> MediumFile:
    return MediumFile(path, Path("/nowhere"), size_bytes)


def rules(files: list[MediumFile], kind: str = FAT16, **more: object) -> list[str]:
    with pytest.raises(RefusedError) as refused:
        planned(files, kind, **more)
    return [finding.rule for finding in refused.value.findings]


def folder_names(output: Path) -> list[str]:
    return sorted(path.name for path in output.parent.iterdir())


class TestPlan:
    @every_kind
    def test_the_planned_size_is_the_written_size(
        self, tmp_path: Path, files: list[MediumFile], kind: str, shape: Shape
    ) -> None:
        plan: MediumWriter = planned(files, kind, shape=shape)
        written = write_fat(tmp_path / "usb.img", files, kind, shape, volume_label="")

        assert plan.size_bytes == written.size_bytes == (tmp_path / "usb.img").stat().st_size

    def test_planning_opens_no_source(self) -> None:
        assert planned([sized("DICOM/IM000001", 5000)]).size_bytes

    def test_the_smallest_volumes(self) -> None:
        """FAT16: 65,536 sectors of clusters. FAT32: 65,541 clusters of 2 KiB, and the FATs."""
        assert planned([]).size_bytes == (1 << 20) + 65536 * 512
        assert planned([], FAT32).size_bytes == (1 << 20) + 65541 * 2048
        # Boot sector, two FATs of 17 and 9 sectors, root directory, clusters.
        assert planned([], shape=MOD41).size_bytes == (1 + 34 + 32 + 4101 * 64 + 1) * 512
        assert planned([], shape=MOD23).size_bytes == (1 + 18 + 8 + 8192 * 8) * 2048

    @pytest.mark.parametrize(
        ("mib", "kind", "cluster_bytes", "clusters"),
        [
            # One cluster for the directory; the rest is the file's. 65,508 is as far as 16 bits go.
            (100, FAT16, 2048, 100 * 512 + 1),
            (128, FAT16, 4096, 128 * 256 + 1),
            (400, FAT16, 8192, 400 * 128 + 1),
            (2000, FAT16, 32768, 2000 * 32 + 1),
            (400, FAT32, 2048, 400 * 512 + 2),
            (600, FAT32, 4096, 600 * 256 + 2),
            (8192, FAT32, 8192, 3 * 8192 * 128 // 3 + 4),
            (40000, FAT32, 32768, 40000 * 32 + 12),
        ],
    )
    def test_clusters_are_as_small_as_the_kind_of_fat_allows(
        self, mib: int, kind: str, cluster_bytes: int, clusters: int
    ) -> None:
        count = 1 if mib < 2000 else 2 if kind == FAT16 else 10 if mib > 9000 else 2
        whole = (mib << 20) // count
        layout = plan_layout([sized(f"D/F{n}", whole) for n in range(count)], kind)

        assert layout.geometry.cluster_bytes == cluster_bytes
        needed = sum(-(whole // -cluster_bytes) for _ in range(count)) + 1 + (kind == FAT32)
        assert layout.used_clusters == needed
        assert abs(clusters - needed) <= count

    @pytest.mark.parametrize("cluster_bytes", [2048, 4096, 8192, 16384])
    def test_one_cluster_more_than_fits_doubles_them_all(self, cluster_bytes: int) -> None:
        whole = 65508 * cluster_bytes
        for size, unit in ((whole, cluster_bytes), (whole + 1, 2 * cluster_bytes)):
            layout = plan_layout([sized("F", size)], FAT16)
            assert layout.geometry.cluster_bytes == unit
            assert layout.used_clusters == -(size // -unit)

    @given(st.integers(40 << 20, 1 << 40), st.sampled_from([FAT16, FAT32]))
    def test_a_volume_fills_its_device_and_no_more(self, capacity: int, kind: str) -> None:
        try:
            found = plan_geometry(kind, CARD, capacity)
        except RefusedError:
            assert (kind, capacity < 136 << 20) == (FAT32, True)
            return

        low, high = (4085, 65524) if kind == FAT16 else (65525, 0x0FFFFFF5)
        assert low + 16 <= found.clusters <= high - 16
        assert found.size_bytes <= capacity
        assert found.total_sectors < 1 << 32
        assert found.data_offset % (1 << 20) == 0
        assert found.start >= 64
        if kind == FAT32 or capacity < 2 << 30:
            assert capacity - found.size_bytes < found.cluster_bytes + (1 << 20)
        entry = 2 if kind == FAT16 else 4
        assert found.fat_sectors * 512 >= (found.clusters + 2) * entry

    @pytest.mark.parametrize(
        ("capacity", "kind", "cluster_bytes"),
        [
            (64 << 20, FAT16, 2048), (300 << 20, FAT16, 8192), (1_100_000_000, FAT16, 32768),
            (1 << 31, FAT16, 32768), (8 << 30, FAT16, 32768),
            (256 << 20, FAT32, 2048), (2 << 30, FAT32, 4096), (8_000_000_000, FAT32, 4096),
            (16_000_000_000, FAT32, 8192), (32_000_000_000, FAT32, 16384),
            (64_000_000_000, FAT32, 32768), (2_000_000_000_000, FAT32, 32768),
        ],
    )  # fmt: skip
    def test_devices_get_the_clusters_that_others_give_them(
        self, capacity: int, kind: str, cluster_bytes: int
    ) -> None:
        assert plan_geometry(kind, CARD, capacity).cluster_bytes == cluster_bytes

    def test_mo_disks_are_filled_by_their_annexes(self) -> None:
        whole = plan_geometry(FAT16, MOD41, 4_000_000 * 512)
        assert (whole.sectors_per_cluster, whole.clusters) == (64, 62491)
        whole = plan_geometry(FAT16, MOD23, 1_000_000 * 2048)
        assert (whole.sectors_per_cluster, whole.clusters) == (16, 62491)

    def test_what_a_device_cannot_hold_is_refused_with_numbers(self) -> None:
        assert rules([sized("A", 99 << 20)], capacity_bytes=100_000_000) == ["fat-volume-size"]
        assert rules([], capacity_bytes=30_000_000) == ["fat-volume-size"]
        assert rules([], FAT32, capacity_bytes=100_000_000) == ["fat-volume-size"]
        assert planned([sized("A", 90 << 20)], capacity_bytes=100_000_000).size_bytes <= 100_000_000

    def test_fat16_ends_at_2_gib_and_says_so(self) -> None:
        files = [sized(f"F{n}", 1 << 30) for n in range(2)]
        assert rules(files) == ["fat-volume-size"]
        assert planned(files, FAT32).size_bytes > 1 << 31
        assert planned([sized("F", 65508 * 32768)]).size_bytes == (1 << 20) + 65508 * 32768
        assert rules([sized("F", 65508 * 32768 + 1)]) == ["fat-volume-size"]

    def test_files_are_as_long_as_their_size_field_and_their_clusters_allow(self) -> None:
        assert planned([sized("BIG", 0xFFFF0000)], FAT32).size_bytes
        assert rules([sized("BIG", 0xFFFF0001)], FAT32) == ["fat-file-size"]
        assert rules([sized("BIG", 1 << 31)], shape=MOD23) == ["fat-file-size"]

    @pytest.mark.parametrize(
        "path",
        [
            *("", "/A", "A/", "A//B", ".", "..", "A/../B", "A.", ".A", "a", "Image1", "A B", "Ä"),
            *("ABCDEFGHI", "A.ABCD", "A.B.C", "A+B", "A;1", "A,B", "A[1]", "A=B", "A\n", "A\0"),
            *("CON", "AUX", "NUL.TXT", "COM1", "D/LPT9", "PRN/A", 'A"', "A*", "A?", "A\\B", "A:B"),
        ],
    )
    def test_what_needs_a_long_name_or_is_a_device_is_refused(self, path: str) -> None:
        assert set(rules([sized("GOOD"), sized(path)])) == {"fat-name"}

    @pytest.mark.parametrize("path", ["A", "A_1", "README.TXT", "D.X/A-1.B", "CONS", "COM", "_~1"])
    def test_other_8_3_names_come_back_as_they_are(self, tmp_path: Path, path: str) -> None:
        contents = {path: b"1", "DICOMDIR": b"2"}
        write_fat(tmp_path / "usb.img", medium_files(tmp_path / "s", contents))

        assert walk(tmp_path / "usb.img").contents() == contents

    def test_eight_components_are_written_and_nine_refused(self) -> None:
        assert planned([sized("A/B/C/D/E/F/G/IM000001")]).size_bytes
        assert rules([sized("A/B/C/D/E/F/G/H/IM000001")]) == ["fat-depth"]

    @pytest.mark.parametrize("paths", [("A", "A"), ("A", "A/B"), ("A/B/C", "A/B")])
    def test_one_name_for_two_is_refused(self, paths: tuple[str, str]) -> None:
        assert rules([sized(path) for path in paths]) == ["fat-duplicate"]

    def test_the_root_of_fat16_holds_512_entries(self) -> None:
        files = [sized(f"F{n}") for n in range(512)]
        assert planned(files).size_bytes
        assert rules(files, volume_label="LABEL") == ["fat-directory"]
        assert rules([*files, sized("D/X")]) == ["fat-directory"]
        assert planned([*files, sized("D/X")], FAT32, volume_label="LABEL").size_bytes

    def test_other_directories_hold_65536_entries(self) -> None:
        files = [sized(f"D/F{n}", 0) for n in range(65534)]
        assert check_fat_names(files, FAT16) == []
        (finding,) = check_fat_names([*files, sized("D/X")], FAT16)
        assert (finding.rule, finding.subject) == ("fat-directory", "D")

    def test_media_take_the_kinds_that_their_annexes_name(self) -> None:
        assert set(SHAPES) == {"USB", "CF", "MMC", "SD", "MOD41", "MOD23"}
        for kind, shape in (("fat12", CARD), ("FAT32", CARD), (FAT32, MOD41), (FAT32, MOD23)):
            with pytest.raises(ValueError, match="not written"):
                planned([], kind, shape=shape)

    @pytest.mark.parametrize("label", ["lower", "TWELVE_CHARS", " A", "A ", "A.B", "Ä", "A\n"])
    def test_other_labels_are_the_callers_mistake(self, label: str) -> None:
        with pytest.raises(ValueError, match="volume label"):
            planned([], volume_label=label)

    def test_a_label_is_what_fits_of_the_file_set_id(self) -> None:
        assert fat_label("REFERRAL_2024_07") == "REFERRAL_20"
        assert fat_label("CT_2024") == "CT_2024"
        assert fat_label("") == ""

    def test_moments_that_fat_cannot_record_are_the_callers_mistake(self) -> None:
        for moment in (
            datetime(2024, 1, 1),
            datetime(1979, 12, 31, 23, 59, 59, tzinfo=UTC),
            datetime(2108, 1, 1, tzinfo=UTC),
        ):
            with pytest.raises(ValueError, match=r"time zone|record"):
                planned([], moment=moment)


class TestBytes:
    @every_kind
    def test_the_files_come_back(
        self, tmp_path: Path, files: list[MediumFile], kind: str, shape: Shape
    ) -> None:
        write_fat(tmp_path / "usb.img", files, kind, shape)

        found = walk(tmp_path / "usb.img")
        assert found.contents() == CONTENTS
        assert found.kind == (16 if kind == FAT16 else 32)
        assert found.label == b"CT_2024    "
        check_structure(found)

    @every_kind
    def test_every_sector_is_structure_or_a_files_or_zero(
        self, tmp_path: Path, files: list[MediumFile], kind: str, shape: Shape
    ) -> None:
        written = write_fat(tmp_path / "usb.img", files, kind, shape)

        check_digests((tmp_path / "usb.img").read_bytes(), written)

    @pytest.mark.parametrize(("kind", "shape"), [(FAT16, MOD41), (FAT16, MOD23)])
    def test_annex_a_is_kept_to_the_byte(self, tmp_path: Path, kind: str, shape: Shape) -> None:
        """Typed from PS3.12 A.2, M and Q."""
        write_fat(tmp_path / "mo.img", medium_files(tmp_path / "s", {"A": b"1"}), kind, shape)

        boot = (tmp_path / "mo.img").read_bytes()[:512]
        size, per_cluster, track = (512, 64, 62) if shape is MOD41 else (2048, 8, 25)
        assert boot[0] == 0xEB
        assert boot[2] == 0x90
        assert boot[3:11] == b"MSDOS4.0"
        assert struct.unpack_from("<HBHBHHB", boot, 11) == (size, per_cluster, 1, 2, 512, 0, 0xF8)
        assert struct.unpack_from("<HHI", boot, 24) == (track, 1, 0)
        assert struct.unpack_from("<I", boot, 32)[0] * size == (tmp_path / "mo.img").stat().st_size
        assert boot[36:39] == b"\0\0\x29"
        assert boot[43:62] == b"CT_2024    FAT16   "
        assert boot[510:] == b"\x55\xaa"

    @pytest.mark.parametrize("kind", [FAT16, FAT32])
    def test_the_partition_table_has_one_active_partition(
        self, tmp_path: Path, files: list[MediumFile], kind: str
    ) -> None:
        write_fat(tmp_path / "usb.img", files, kind)

        data = (tmp_path / "usb.img").read_bytes()
        assert (data[446], data[450]) == (0x80, 0x06 if kind == FAT16 else 0x0C)
        start, sectors = struct.unpack_from("<II", data, 454)
        assert (start + sectors) * 512 == len(data)
        assert not any(data[462:510])
        # Hidden sectors and total sectors of the boot sector say the same.
        assert struct.unpack_from("<II", data, start * 512 + 28) == (start, sectors)
        for at, sector in ((447, start), (451, start + sectors - 1)):
            head, number, low = data[at : at + 3]
            cylinder = low | (number & 0xC0) << 2
            assert (cylinder * 255 + head) * 63 + (number & 63) - 1 == sector

    def test_cylinders_end_where_their_ten_bits_do(self, tmp_path: Path) -> None:
        with sparse_disk():
            write_fat(tmp_path / "usb.img", [], FAT32, capacity_bytes=9_000_000_000)

        with (tmp_path / "usb.img").open("rb") as image:
            table = image.read(512)
        assert table[451:454] == b"\xfe\xff\xff"

    @pytest.mark.parametrize("shape", [CARD, WHOLE])
    def test_fat32_has_its_information_and_its_copies(
        self, tmp_path: Path, files: list[MediumFile], shape: Shape
    ) -> None:
        write_fat(tmp_path / "usb.img", files, FAT32, shape)

        found = walk(tmp_path / "usb.img")
        assert struct.unpack_from("<HHIHH", found.boot, 40) == (0, 0, 2, 1, 6)
        reserved = bytes(found.raw[found.start : found.start + 32 * 512])
        assert reserved[6 * 512 : 9 * 512] == reserved[: 3 * 512]
        information = reserved[512:1024]
        assert information[:4] + information[484:488] == b"RRaArrAa"
        assert information[510:] + reserved[1534:1536] == b"\x55\xaa\x55\xaa"
        free, following = struct.unpack_from("<II", information, 488)
        assert free == found.tables[0].count(0)
        assert not any(found.tables[0][following:])
        assert found.tables[0][following - 1]

    def test_without_a_label_there_is_none(self, tmp_path: Path, files: list[MediumFile]) -> None:
        write_fat(tmp_path / "usb.img", files, volume_label="")

        found = walk(tmp_path / "usb.img")
        assert found.label == b""
        assert found.boot[43:54] == b"NO NAME    "

    def test_every_entry_bears_the_moment_and_nothing_is_hidden(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        write_fat(tmp_path / "usb.img", files)

        found = walk(tmp_path / "usb.img")
        for entries in found.directories.values():
            for entry in entries:
                assert entry.times == (TIME, DATE, DATE, TIME, DATE)
        assert {entry.attributes for entry in found.files.values()} == {0x20}

    def test_the_serial_number_tells_one_volume_from_another(self, tmp_path: Path) -> None:
        serials = set()
        for seed in ("1.2.3", "1.2.4", "1.2.3"):
            with planned([], seed=seed).write(tmp_path / "usb.img") as pending:
                serials.add(walk(pending.path).boot[39:43])
        assert len(serials) == 2

    def test_a_fixed_seed_gives_the_image_that_it_always_gave(self, tmp_path: Path) -> None:
        """Readers elsewhere keep hashes: a change of the bytes is a change of the format."""
        files = medium_files(tmp_path / "s", {"DICOM/IM000001": b"one", "DICOMDIR": b"two"})

        data = []
        for number in range(2):
            with planned(files, volume_label="A", seed="1.2").write(tmp_path / "x") as pending:
                data.append(pending.image)
                raw = pending.path.read_bytes()
            assert hashlib.sha256(raw).hexdigest() == data[number].sha256
        assert data[0] == data[1]

    def test_the_order_of_the_files_does_not_matter(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        one = write_fat(tmp_path / "one.img", files)

        assert one == write_fat(tmp_path / "other.img", files[::-1])

    def test_one_moment_in_two_time_zones_is_one_moment(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        there = MOMENT.astimezone(timezone(timedelta(hours=-9, minutes=-30)))

        assert write_fat(tmp_path / "a.img", files) == write_fat(
            tmp_path / "b.img", files, moment=there
        )

    def test_another_process_makes_the_same_image(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        here = write_fat(tmp_path / "usb.img", files)
        program = (
            "from pathlib import Path\n"
            "from tests.media.support import CONTENTS, medium_files, sparse_disk, write_fat\n"
            "files = medium_files(Path('sources'), CONTENTS)\n"
            "print(write_fat(Path('usb.img'), files).sha256)\n"
        )
        (tmp_path / "there").mkdir()
        there = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path / "there",
            env={
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PYTHONHASHSEED": "7",
                "LC_ALL": "C",
                "TZ": "Asia/Kolkata",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()

        assert there == here.sha256

    def test_it_is_written_in_one_pass(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(PartFile, "overwrite")
        monkeypatch.delattr(PartFile, "read")

        write_fat(tmp_path / "usb.img", files)

        assert walk(tmp_path / "usb.img").contents() == CONTENTS

    def test_free_room_is_a_hole_and_counts_all_the_same(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        plan = planned(files, capacity_bytes=500_000_000)
        told: list[tuple[int, int]] = []
        with plan.write(tmp_path / "usb.img", progress=lambda *step: told.append(step)) as pending:
            status = pending.path.stat()

        assert status.st_size == plan.size_bytes == pending.image.size_bytes
        assert status.st_blocks * 512 <= plan.stored_bytes + (1 << 16)
        assert plan.stored_bytes < 6_000_000
        assert told[-1] == (plan.size_bytes, plan.size_bytes)
        assert all(one[0] < other[0] for one, other in pairwise(told))


class TestFailure:
    @pytest.mark.parametrize("spoil", SPOILED)
    def test_a_spoiled_source_is_named_and_nothing_stays(
        self, tmp_path: Path, files: list[MediumFile], spoil: Callable[[Path], None]
    ) -> None:
        spoil(files[3].source)
        output = tmp_path / "out" / "usb.img"
        output.parent.mkdir()

        with (
            pytest.raises(MediaError, match="source 3"),
            planned(files).write(output),
        ):
            pytest.fail("it was written all the same")
        assert folder_names(output) == []

    def test_an_empty_source_that_grew_is_noticed(self, tmp_path: Path) -> None:
        files = medium_files(tmp_path / "s", {"EMPTY": b""})
        files[0].source.write_bytes(b"x")

        with pytest.raises(MediaError, match="planned were 0"):
            write_fat(tmp_path / "usb.img", files)

    def test_what_progress_raises_ends_the_writing(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        def cancel(done: int, _: int) -> None:
            if done > 20 << 20:
                raise CancelledError("stopped")

        output = tmp_path / "out" / "usb.img"
        output.parent.mkdir()
        with (
            pytest.raises(CancelledError),
            planned(files).write(output, progress=cancel),
        ):
            pytest.fail("it was written all the same")
        assert folder_names(output) == []

    def test_without_commit_an_older_image_stays(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        output = tmp_path / "out" / "usb.img"
        output.parent.mkdir()
        output.write_bytes(b"older")

        with planned(files).write(output):
            pass

        assert output.read_bytes() == b"older"
        assert folder_names(output) == ["usb.img"]

    def test_only_what_is_stored_needs_room(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plan = planned(files, capacity_bytes=2_000_000_000)
        monkeypatch.setattr("mediastation.media.disk._free_bytes", lambda _: plan.stored_bytes + 1)
        with plan.write(tmp_path / "usb.img") as pending:
            assert pending.image.size_bytes == plan.size_bytes

        monkeypatch.setattr("mediastation.media.disk._free_bytes", lambda _: plan.stored_bytes - 1)
        with pytest.raises(MediaError, match="are free"), plan.write(tmp_path / "usb.img"):
            pytest.fail("it was written all the same")

    def test_a_closed_plan_writes_nothing(self, tmp_path: Path, files: list[MediumFile]) -> None:
        plan = planned(files)
        plan.close()

        with pytest.raises(ValueError, match="closed"), plan.write(tmp_path / "usb.img"):
            pytest.fail("it was written all the same")

    def test_the_walk_notices_a_short_chain(self, tmp_path: Path, files: list[MediumFile]) -> None:
        """Or else it would prove nothing in the tests above."""
        image = tmp_path / "usb.img"
        write_fat(image, files)
        found = walk(image)
        cluster = found.files["DICOM/LARGE"].chain[3]
        data = bytearray(image.read_bytes())
        at = found.start + 512 + 2 * cluster
        data[at : at + 2] = b"\xff\xff"
        image.write_bytes(data)

        with pytest.raises(AssertionError):
            walk(image)


def check_structure(found: WalkedFat) -> None:
    """What every image of ours keeps: equal FATs, chains in one run, dots, no cluster twice."""
    assert len(found.tables) == 2
    assert found.tables[0] == found.tables[1]
    media = {16: (0xFFF8, 0xFFFF), 32: (0x0FFFFFF8, 0x0FFFFFFF)}[found.kind]
    assert tuple(found.tables[0][:2]) == media
    used = [cluster for chain in found.chains.values() for cluster in chain]
    assert len(used) == len(set(used)) == sum(map(bool, found.tables[0])) - 2
    for chain in found.chains.values():
        assert chain == list(range(chain[0], chain[0] + len(chain)))
    for path, entries in found.directories.items():
        names = [entry.name for entry in entries]
        if path:
            above = path.rpartition("/")[0]
            own = found.chains[path][0]
            up = found.chains[above][0] if above else 0
            dots = [(entry.name, entry.cluster) for entry in entries[:2]]
            assert dots == [(b".          ", own), (b"..         ", up)]
        rest = [entry for entry in entries if entry.name[:1] != b"." and entry.attributes != 8]
        assert len(names) == len(set(names))
        assert all(entry.attributes in {0x10, 0x20} for entry in rest)
        assert all(bool(entry.cluster) == bool(entry.size) for entry in rest
                   if entry.attributes == 0x20)  # fmt: skip
    chains = [entry.chain for entry in found.files.values() if entry.chain]
    first_file = min((chain[0] for chain in chains), default=1 << 32)
    folders = [chain for path, chain in found.chains.items() if path in found.directories]
    assert all(chain[-1] < first_file for chain in folders)


def check_digests(data: bytes, written: WrittenImage) -> None:
    """Structure has the digest of every sector but those of files and of free clusters."""
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    structure = {one.sector: one.sha256 for one in written.structure}
    assert len(structure) == len(written.structure)
    for sector, sha256 in structure.items():
        assert hashlib.sha256(data[sector * 2048 : sector * 2048 + 2048]).hexdigest() == sha256
    found = walk(data)
    content: set[int] = set()
    rest = bytearray(data)
    for entry in found.files.values():
        for cluster in entry.chain:
            start = found.offset(cluster)
            content.update(range(start // 2048, -((start + found.cluster_bytes) // -2048)))
        if entry.chain:
            start = found.offset(entry.chain[0])
            rest[start : start + entry.size] = bytes(entry.size)
    assert not content & structure.keys()
    for sector in structure:
        rest[sector * 2048 : sector * 2048 + 2048] = bytes(2048)
    assert not any(rest)


sizes = st.one_of(
    st.integers(0, 5000),
    st.sampled_from([0, 1, 2047, 2048, 2049, 4096, 16383, 16384, 16385, 32768, 32769, 65536]),
)
trees = drawn_trees(sizes=sizes, most=30)


@given(
    trees,
    st.sampled_from(["usb-16", "whole-16"]),
    st.sampled_from(["", "LABEL"]),
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_tree_is_written_by_the_rules_and_comes_back(
    drawn: dict[str, int], name: str, label: str
) -> None:
    kind, shape = KINDS[name]
    contents = accepted_contents(drawn, lambda files: check_fat_names(files, kind))
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "usb.img"
        files = medium_files(Path(folder) / "s", contents)
        written = write_fat(image, files, kind, shape, volume_label=label)

        found = walk(image)
        assert found.contents() == contents
        check_structure(found)
        check_digests(image.read_bytes(), written)


@given(trees, st.sampled_from(["usb-32", "whole-32", "mod23"]))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_tree_on_the_larger_kinds_too(drawn: dict[str, int], name: str) -> None:
    """Without the digests: zeros over a hundred megabytes take their time."""
    kind, shape = KINDS[name]
    contents = accepted_contents(drawn, lambda files: check_fat_names(files, kind, label=True))
    with tempfile.TemporaryDirectory() as folder, sparse_disk():
        image = Path(folder) / "usb.img"
        write_fat(image, medium_files(Path(folder) / "s", contents), kind, shape)

        found = walk(image)
        assert found.contents() == contents
        check_structure(found)


def test_clusters_smaller_than_a_sector_of_a_disc_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="2048"):
        Shape(512, (1, 2, 4), True, 63, 255)


def test_many_files_in_one_directory(tmp_path: Path) -> None:
    """A directory of several clusters, and its chain, ends where its last entry does."""
    contents = {f"D/F{n:05d}": b"%d" % n for n in range(126)}
    for more in ({}, {"D/X": b""}):
        write_fat(tmp_path / "usb.img", medium_files(tmp_path / "s", {**contents, **more}))
        found = walk(tmp_path / "usb.img")
        # 64 entries of 32 bytes are a cluster; two of them are the dots.
        assert len(found.chains["D"]) == 2 + bool(more)
        assert found.contents() == {**contents, **more}
