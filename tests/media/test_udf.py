"""The UDF writer: its promises about bytes, errors and what stays behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.media.contract import MediumWriter
from mediastation.media.iso9660 import MediumFile
from mediastation.media.part_file import PartFile
from mediastation.media.udf import UdfImage, check_udf
from mediastation.model.manifest import SectorDigest
from tests.media.support import (
    CONTENTS,
    MOMENT,
    SPOILED,
    UDF_REVISIONS,
    medium_files,
    shorter,
    write_udf,
)
from tests.support.drawn_trees import FILE_IDS, accepted_contents, drawn_trees
from tests.support.udf_walk import content, walk

# 29 February 2024, 23:59:58 UTC, in whole seconds.
TIME = bytes.fromhex("0010 E807 02 1D 17 3B 3A 00 00 00")


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def planned(files: list[MediumFile], revision: str = "2.50", volume_id: str = "") -> UdfImage:
    return UdfImage(files, revision=revision, volume_id=volume_id, moment=MOMENT)


def contents_of(image: Path) -> dict[str, bytes]:
    return {path: content(image, file) for path, file in walk(image).files.items()}


def folder_names(output: Path) -> list[str]:
    return sorted(path.name for path in output.parent.iterdir())


class TestPlan:
    @pytest.mark.parametrize("revision", UDF_REVISIONS)
    def test_the_planned_size_is_the_written_size(
        self, tmp_path: Path, files: list[MediumFile], revision: str
    ) -> None:
        plan: MediumWriter = planned(files, revision)
        written = write_udf(tmp_path / "disc.udf", files, revision)

        assert plan.size_bytes == written.size_bytes == (tmp_path / "disc.udf").stat().st_size

    def test_planning_opens_no_source(self, tmp_path: Path) -> None:
        assert planned([MediumFile("DICOM/IM000001", tmp_path / "absent", 5000)]).size_bytes

    def test_sizes_beyond_32_bits_are_planned_exactly(self, tmp_path: Path) -> None:
        """By the recipe: 24 GiB of data, 4 entries, 2 directories, all in units of 32 sectors."""
        files = [MediumFile(f"D/BIG{n}", tmp_path, 6 << 30) for n in range(4)]

        # 2 (File Set) + 2 directories and their blocks + 4 entries make one unit of metadata.
        data = 4 * (6 << 30) // 2048
        assert planned(files, "2.50").size_sectors == 288 + 32 + 32 + data + 32 + 32 + 288
        assert planned(files, "1.50").size_sectors == 288 + data + 32 + 288

    @pytest.mark.parametrize(
        "path",
        [
            *("", "/A", "A/", "A//B", ".", "..", "A/../B", "./A", "A.", "A ", "D./A"),
            *("A:B", "A\\B", 'A"', "A<B", "A>B", "A|B", "A?", "A*", "A\0", "A\n", "A\x7f"),
            *("\ufeffA", "\U0001f600", "\ud800", "N" * 255, "字" * 128),
        ],
    )
    def test_names_that_some_reader_would_show_as_others_are_refused(
        self, tmp_path: Path, path: str
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            planned([MediumFile("GOOD", tmp_path, 1), MediumFile(path, tmp_path, 1)])

        assert {finding.rule for finding in refused.value.findings} == {"udf-name"}

    @pytest.mark.parametrize(
        "path", ["N" * 254, "字" * 127, "Bericht für Ü.html", "INDEX.HTM", "ÿ"]
    )
    def test_other_names_come_back_as_they_are(self, tmp_path: Path, path: str) -> None:
        contents = {path: b"1", "DICOMDIR": b"2"}
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", contents))

        assert contents_of(tmp_path / "disc.udf") == contents

    def test_eight_components_are_written_and_nine_refused(self, tmp_path: Path) -> None:
        contents = {"A/B/C/D/E/F/G/IM000001": b"deep"}
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", contents))

        assert contents_of(tmp_path / "disc.udf") == contents
        with pytest.raises(RefusedError) as refused:
            planned([MediumFile("A/B/C/D/E/F/G/H/IM000001", tmp_path, 1)])
        assert [finding.rule for finding in refused.value.findings] == ["udf-depth"]

    @pytest.mark.parametrize(
        "paths",
        [
            ("A", "A"),
            ("A", "A/B"),
            ("DICOM/A", "dicom/B"),
            ("Read.me", "READ.ME"),
            ("caf\u00e9", "cafe\u0301"),
        ],
    )
    def test_two_names_that_are_one_to_some_reader_are_refused(
        self, tmp_path: Path, paths: tuple[str, str]
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            planned([MediumFile(path, tmp_path, 1) for path in paths])

        assert {finding.rule for finding in refused.value.findings} == {"udf-duplicate"}

    def test_a_file_that_one_entry_cannot_describe_is_refused(self, tmp_path: Path) -> None:
        largest = 114 * (2**30 - 2048)
        assert planned([MediumFile("A", tmp_path, largest)]).size_bytes > largest

        for size in (largest + 1, -1):
            with pytest.raises(RefusedError) as refused:
                planned([MediumFile("A", tmp_path, size)])
            assert [finding.rule for finding in refused.value.findings] == ["udf-file-size"]

    def test_more_sectors_than_can_be_numbered_are_refused(self, tmp_path: Path) -> None:
        files = [MediumFile(f"IM{n:06d}", tmp_path, 100 << 30) for n in range(82)]

        with pytest.raises(RefusedError) as refused:
            planned(files)

        assert [finding.rule for finding in refused.value.findings] == ["udf-volume-size"]

    def test_more_files_than_one_metadata_extent_describes_are_refused(
        self, tmp_path: Path
    ) -> None:
        """A block each and 48 bytes of name: 2^30 bytes of them are a few too many."""
        files = [MediumFile(f"{n // 4096:03d}/{n:08d}", tmp_path, 0) for n in range(516_000)]

        with pytest.raises(RefusedError) as refused:
            planned(files)

        assert [finding.rule for finding in refused.value.findings] == ["udf-structure-size"]

    @pytest.mark.parametrize("volume_id", ["L" * 31, "字" * 16, "\U0001f600", "A\nB"])
    def test_a_volume_id_that_does_not_fit_is_a_mistake(self, volume_id: str) -> None:
        with pytest.raises(ValueError, match="'"):
            planned([], volume_id=volume_id)

    def test_an_unknown_revision_or_a_moment_without_a_zone_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match=r"2\.00"):
            planned([], "2.00")
        with pytest.raises(ValueError, match="time zone"):
            UdfImage([], revision="2.50", volume_id="", moment=MOMENT.replace(tzinfo=None))

    def test_a_moment_that_is_in_no_year_in_utc_is_a_mistake(self) -> None:
        early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))

        with pytest.raises(ValueError, match="years"):
            UdfImage([], revision="2.50", volume_id="", moment=early)


class TestStructure:
    @pytest.mark.parametrize("revision", UDF_REVISIONS)
    def test_every_rule_holds_and_every_file_is_there(
        self, tmp_path: Path, files: list[MediumFile], revision: str
    ) -> None:
        write_udf(tmp_path / "disc.udf", files, revision)

        walked = walk(tmp_path / "disc.udf")
        assert contents_of(tmp_path / "disc.udf") == CONTENTS
        assert walked.fields["volume"] == walked.fields["label"] == "CT_2024"
        assert walked.fields["times"] == {TIME}

    @pytest.mark.parametrize("revision", UDF_REVISIONS)
    def test_an_empty_volume_has_a_root(self, tmp_path: Path, revision: str) -> None:
        written = write_udf(tmp_path / "disc.udf", [], revision, volume_id="")

        walked = walk(tmp_path / "disc.udf")
        assert (walked.files, walked.directories) == ({}, [""])
        assert str(walked.fields["label"]).startswith("DICOM_")
        assert len(written.structure) * 2048 == written.size_bytes

    @pytest.mark.parametrize("revision", ["1.50", "2.60"])
    def test_a_directory_over_many_blocks(self, tmp_path: Path, revision: str) -> None:
        """Names of all lengths: every way in which one can end near the end of a block."""
        contents = {f"D/{'N' * (n % 97 + 1)}{n:04d}": b"%d" % n for n in range(1500)}
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", contents), revision)

        assert contents_of(tmp_path / "disc.udf") == contents

    def test_the_seed_tells_one_volume_set_from_another(self, tmp_path: Path) -> None:
        found = set()
        for seed in ("1.2.3", "1.2.4"):
            image = UdfImage(
                [], revision="2.50", volume_id="A", moment=MOMENT, volume_set_seed=seed
            )
            with image.write(tmp_path / "disc.udf") as pending:
                found.add(walk(pending.path).fields["volume set"])

        assert len(found) == 2

    def test_the_walk_notices_a_flipped_bit_in_any_descriptor(self, tmp_path: Path) -> None:
        """Or else it would prove nothing in the tests above."""
        image = tmp_path / "disc.udf"
        write_udf(image, medium_files(tmp_path / "s", {"A/IMAGE1": b"twelve bytes"}))
        data = image.read_bytes()
        blank = bytes(2048)
        # The twelve bytes, behind 32 blocks of metadata, belong to no descriptor.
        sectors = [n for n in range(len(data) // 2048) if data[n * 2048 :][:2048] != blank]
        sectors.remove(352)
        assert len(sectors) == 3 + 6 + 2 + 1 + 1 + 7 + 7 + 1 + 1 + 6 + 1

        for number in sectors:
            for byte in (0, 5, 12, 30):
                spoiled = bytearray(data)
                spoiled[number * 2048 + byte] ^= 0x10
                image.write_bytes(spoiled)
                with pytest.raises((AssertionError, ValueError, KeyError)):
                    walk(image)


others = st.text(
    st.characters(max_codepoint=0xFFFD, categories=["L", "N"]), min_size=1, max_size=100
)
trees = drawn_trees(names=st.one_of(FILE_IDS, others), most=30)


@given(trees, st.sampled_from(UDF_REVISIONS))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_is_written_by_the_rules_and_comes_back(
    drawn: dict[str, int], revision: str
) -> None:
    contents = accepted_contents(drawn, check_udf)
    with tempfile.TemporaryDirectory() as name:
        image = Path(name) / "disc.udf"
        written = write_udf(image, medium_files(Path(name) / "s", contents), revision)

        assert contents_of(image) == contents
        structure = {digest.sector for digest in written.structure}
        used = {
            sector + block
            for file in walk(image).files.values()
            for sector, length in file.extents
            for block in range(-(length // -2048))
        }
        assert structure == set(range(written.size_bytes // 2048)) - used


class TestBytes:
    def test_the_worked_example(self, tmp_path: Path) -> None:
        """Where all lies for one file in one directory, and bytes that hold no name and no time.

        The checksums and CRCs were computed by another program.
        """
        write_udf(
            tmp_path / "disc.udf",
            medium_files(tmp_path / "s", {"A/IMAGE1": b"twelve bytes"}),
            volume_id="DICOMTEST",
        )
        data = (tmp_path / "disc.udf").read_bytes()

        def at(sector: int, offset: int, wanted: str) -> None:
            expected = bytes.fromhex(wanted)
            assert data[sector * 2048 + offset :][: len(expected)].hex(" ") == expected.hex(" ")

        assert len(data) == 736 * 2048
        at(256, 0, "02000300 6E000100 2452F001 00010000 00000100 20000000 00000100 E0010000")
        at(36, 0, "07000300 B3000100 6D0F0800 24000000 0400000000000000")
        at(37, 0, "08000300 22000100 0000F001 25000000")
        at(35, 440, "010601000000 02400000 00 2A554446204D6574616461746120506172746974696F6E")
        at(
            35,
            474,
            "5002000000000000 0100 0000 00000000 80000000 FFFFFFFF 20000000 2000 01 0000000000",
        )
        at(64, 72, "02000000 2E000000 00000000 00000000 A0000000 20000000")
        at(323, 0, "01010300B4000100 3261180003000000 01000A00 00080000 02000000 0100" + "00" * 10)
        at(323, 40, "01010300E8000100 1FA8180003000000 01000202 00080000 04000000 0100 0000")
        at(323, 72, "10000000 0000 0841")
        at(325, 40, "0101030054000100 55D4200005000000 01000007 00080000 06000000 0100 0000")
        at(325, 72, "11000000 0000 08494D41474531 000000")
        at(326, 16, "00000000 0400 0000 0100 00 05 000000000000 2100 FFFFFFFF FFFFFFFF DE7B0000")
        at(326, 48, "0100 0000 00000000 0C00000000000000 0C00000000000000 0100000000000000")
        at(326, 200, "1100000000000000 00000000 10000000 0C000000 40000000 0000 000000000000")
        assert data[320 * 2048 : 352 * 2048] == data[384 * 2048 : 416 * 2048]
        at(416, 0, "0A010300")
        for sector, tag in ((32, 1), (33, 4), (34, 5), (35, 6), (479, 2), (480, 1), (735, 2)):
            at(sector, 0, f"{tag:02X}000300")

    def test_the_digest_is_that_of_the_file(self, tmp_path: Path, files: list[MediumFile]) -> None:
        written = write_udf(tmp_path / "disc.udf", files)

        data = (tmp_path / "disc.udf").read_bytes()
        assert written.sha256 == hashlib.sha256(data).hexdigest()

    @pytest.mark.parametrize("revision", ["1.50", "2.50"])
    def test_structure_and_contents_cover_every_sector_once(
        self, tmp_path: Path, files: list[MediumFile], revision: str
    ) -> None:
        written = write_udf(tmp_path / "disc.udf", files, revision)

        data = (tmp_path / "disc.udf").read_bytes()
        sectors = [data[start : start + 2048] for start in range(0, len(data), 2048)]
        structure = {digest.sector for digest in written.structure}
        of_files = [sector for number, sector in enumerate(sectors) if number not in structure]
        wanted = [
            content[start : start + 2048].ljust(2048, b"\0")
            for content in CONTENTS.values()
            for start in range(0, len(content), 2048)
        ]
        assert sorted(of_files) == sorted(wanted)
        assert list(written.structure) == [
            SectorDigest(number, hashlib.sha256(sectors[number]).hexdigest())
            for number in sorted(structure)
        ]

    def test_it_is_written_in_one_pass(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(PartFile, "overwrite")
        monkeypatch.delattr(PartFile, "read")

        write_udf(tmp_path / "disc.udf", files)

        assert contents_of(tmp_path / "disc.udf") == CONTENTS

    def test_the_order_of_the_files_does_not_matter(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        one = write_udf(tmp_path / "one.udf", files)

        assert one == write_udf(tmp_path / "other.udf", files[::-1])

    def test_one_plan_writes_the_same_image_twice(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        with planned(files) as image:
            with image.write(tmp_path / "one.udf") as one:
                pass
            with image.write(tmp_path / "two.udf") as two:
                pass

        assert one.image == two.image

    def test_one_moment_in_two_time_zones_is_one_moment(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        there = MOMENT.astimezone(timezone(timedelta(hours=-9, minutes=-30)))

        assert write_udf(tmp_path / "a.udf", files) == write_udf(
            tmp_path / "b.udf", files, moment=there
        )

    def test_another_process_makes_the_same_image(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        """With another hash seed, locale, time zone and folder, and with its own clock."""
        here = write_udf(tmp_path / "disc.udf", files)
        program = (
            "from pathlib import Path\n"
            "from tests.media.support import CONTENTS, medium_files, write_udf\n"
            "files = medium_files(Path('sources'), CONTENTS)\n"
            "print(write_udf(Path('disc.udf'), files).sha256)\n"
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

    @pytest.mark.parametrize("year", [1, 1970, 9999])
    def test_any_year_is_recorded(self, tmp_path: Path, year: int) -> None:
        write_udf(tmp_path / "disc.udf", [], moment=datetime(year, 1, 1, tzinfo=UTC))

        (recorded,) = walk(tmp_path / "disc.udf").fields["times"]  # type: ignore[misc]
        assert int.from_bytes(recorded[2:4], "little") == year


class TestFailure:
    @pytest.mark.parametrize("spoil", SPOILED)
    def test_a_spoiled_source_is_named_and_nothing_stays(
        self, tmp_path: Path, files: list[MediumFile], spoil: Callable[[Path], None]
    ) -> None:
        output = tmp_path / "out" / "disc.udf"
        output.parent.mkdir()
        spoil(files[3].source)

        with pytest.raises(MediaError, match=str(files[3].source)):
            write_udf(output, files)

        assert folder_names(output) == []

    @pytest.mark.parametrize("spoil", [one for one in SPOILED if one is not shorter])
    def test_an_empty_source_is_looked_at_too(
        self, tmp_path: Path, files: list[MediumFile], spoil: Callable[[Path], None]
    ) -> None:
        assert files[4].size_bytes == 0
        spoil(files[4].source)

        with pytest.raises(MediaError, match=str(files[4].source)):
            write_udf(tmp_path / "disc.udf", files)

    @pytest.mark.parametrize("size", [1, 1 << 20])
    def test_a_source_that_shrinks_while_it_is_read_is_noticed(
        self, tmp_path: Path, size: int
    ) -> None:
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        output = tmp_path / "out" / "disc.udf"
        output.parent.mkdir()

        def cut(_done: int, _total: int) -> None:
            os.truncate(files[0].source, size)

        with pytest.raises(MediaError, match="changed"), planned(files).write(output, progress=cut):
            pass

        assert folder_names(output) == []

    @pytest.mark.parametrize("stop", [CancelledError("stop"), KeyboardInterrupt(), OSError("no")])
    def test_what_the_progress_raises_comes_out_and_nothing_stays(
        self, tmp_path: Path, stop: BaseException
    ) -> None:
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        output = tmp_path / "out" / "disc.udf"
        output.parent.mkdir()
        threads = set(threading.enumerate())

        def cancel(_done: int, _total: int) -> None:
            raise stop

        with pytest.raises(type(stop)) as raised, planned(files).write(output, progress=cancel):
            pass

        assert raised.value is stop
        assert folder_names(output) == []
        assert set(threading.enumerate()) <= threads

    def test_progress_rises_to_the_whole(self, tmp_path: Path) -> None:
        image = planned(medium_files(tmp_path / "s", {"BIG": bytes(5 << 20), "SMALL": b"1"}))
        told: list[tuple[int, int]] = []

        with image.write(tmp_path / "disc.udf", progress=lambda *step: told.append(step)):
            pass

        assert told == sorted(told)
        assert told[-1] == (image.size_bytes, image.size_bytes)
        assert len(told) > 3

    def test_a_disk_that_fails_at_the_end_gives_no_image(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        output = tmp_path / "out" / "disc.udf"
        output.parent.mkdir()

        def fail(_descriptor: int) -> None:
            raise OSError(errno.EIO, "scratched")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(MediaError, match="Input/output error"):
            write_udf(output, files)

        assert folder_names(output) == []

    def test_too_little_space_stops_before_anything_is_written(self, tmp_path: Path) -> None:
        image = planned(
            [MediumFile(f"IM{n:06d}", tmp_path / "absent", 100 << 30) for n in range(80)]
        )

        with pytest.raises(MediaError, match="are free") as raised:
            image.write(tmp_path / "disc.udf").__enter__()

        assert f"{image.size_bytes:,}" in raised.value.message
        assert folder_names(tmp_path / "disc.udf") == []

    def test_a_disk_that_fills_up_is_told_with_the_numbers(self, tmp_path: Path) -> None:
        """In a process of its own, which may write no file beyond a mebibyte."""
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        output = tmp_path / "out" / "disc.udf"
        output.parent.mkdir()
        program = (
            "import resource\n"
            "from pathlib import Path\n"
            "from mediastation.errors import MediaError\n"
            "from tests.media.support import MediumFile, write_udf\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, {resource.RLIM_INFINITY}))\n"
            f"file = MediumFile('BIG', Path({str(files[0].source)!r}), {5 << 20})\n"
            "try:\n"
            f"    write_udf(Path({str(output)!r}), [file])\n"
            "except MediaError as fault:\n"
            "    print(fault.message, fault.hint)\n"
        )

        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        ).stdout

        assert "File too large" in said
        assert f"Needed: {planned(files).size_bytes:,} bytes" in said
        assert folder_names(output) == []


class TestCommit:
    def test_without_commit_nothing_stays_and_the_older_image_lasts(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        output = tmp_path / "out" / "disc.udf"
        output.parent.mkdir()
        output.write_bytes(b"older")

        with planned(files).write(output) as pending:
            assert contents_of(pending.path) == CONTENTS
            assert pending.path.stat().st_mode & 0o777 == 0o600

        assert folder_names(output) == ["disc.udf"]
        assert output.read_bytes() == b"older"

    def test_a_commit_after_the_block_touches_nothing(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        with planned(files).write(tmp_path / "disc.udf") as late:
            late.sync()

        with pytest.raises(ValueError, match="closed"):
            late.commit()

    def test_two_runs_cannot_write_one_image_at_once(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        image = planned(files)

        with image.write(tmp_path / "disc.udf") as first:
            with pytest.raises(MediaError, match="another run"), image.write(tmp_path / "disc.udf"):
                pass
            first.commit()

        assert contents_of(tmp_path / "disc.udf") == CONTENTS

    def test_a_closed_plan_writes_nothing_and_closes_again(self, tmp_path: Path) -> None:
        with planned([]) as image:
            pass
        image.close()

        with pytest.raises(ValueError, match="closed"):
            image.write(tmp_path / "disc.udf").__enter__()

        assert folder_names(tmp_path / "disc.udf") == []


# Says "going" when a part of the image is on the disk, and waits.
WAITING_WRITER = """
import sys
from pathlib import Path
from tests.media.support import MOMENT, MediumFile, UdfImage

def wait(done, total):
    print("going", flush=True)
    sys.stdin.read()

files = [MediumFile("BIG", Path(sys.argv[1]), 5 << 20)]
image = UdfImage(files, revision="2.60", volume_id="", moment=MOMENT)
with image.write(Path(sys.argv[2]), progress=wait) as pending:
    pending.commit()
"""


class TestKilled:
    @pytest.fixture
    def source(self, tmp_path: Path) -> MediumFile:
        return medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})[0]

    @pytest.fixture
    def writer(self, tmp_path: Path, source: MediumFile) -> Iterator[subprocess.Popen[str]]:
        (tmp_path / "out").mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", WAITING_WRITER, str(source.source), str(tmp_path / "out/a.udf")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "going\n"
                yield process
            finally:
                process.kill()

    def test_what_a_killed_writer_leaves_is_not_whole_and_not_in_the_way(
        self, tmp_path: Path, source: MediumFile, writer: subprocess.Popen[str]
    ) -> None:
        output = tmp_path / "out" / "a.udf"
        writer.kill()
        writer.wait(30)

        assert folder_names(output) == [".a.udf.part"]
        write_udf(output, [source])
        assert folder_names(output) == ["a.udf"]

    def test_an_interrupted_writer_leaves_nothing(
        self, tmp_path: Path, writer: subprocess.Popen[str]
    ) -> None:
        writer.send_signal(signal.SIGINT)
        writer.wait(30)

        assert folder_names(tmp_path / "out" / "a.udf") == []
