"""Bridge discs: whoever reads one side gets what the reader of the other gets."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mediastation.model.finding import Finding, Severity
from mediastation.model.manifest import Manifest
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import FileSystem, open_volume
from mediastation.verify import VerifyReport, verify_medium, verify_volume
from mediastation.verify.bridge_rules import check_bridge
from mediastation.verify.file_system_rules import Expected, check_file_system
from tests.media.support import medium_files, write_bridge, write_udf
from tests.media.support import write_image as write_cd
from tests.support.file_sets import good_file_set, manifest_of, write_folder
from tests.support.peers import run_peer
from tests.support.udf_images import BLOCK, amend

FILES = good_file_set()
PATH = next(path for path in FILES if path.count("/") == 2)
NAME = PATH.rpartition("/")[2]


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    write_bridge(tmp_path / "disc.iso", medium_files(tmp_path / "s", FILES), "TESTSET")
    return tmp_path / "disc.iso"


def manifest(form: str = "bridge", medium: str = "DVD-R") -> Manifest:
    return manifest_of(FILES, profile="STD-GEN-DVD-JPEG", format=form, medium=medium)


def compared(disc: Path, *, strict: bool) -> list[Finding]:
    with UdfVolume(disc) as udf, IsoVolume(disc) as iso:
        return list(check_bridge(udf, iso, strict=strict))


def told(report: VerifyReport) -> list[str]:
    return [finding.message for finding in report.findings if finding.rule == "bridge-differs"]


def iso_record(disc: Path) -> int:
    """Byte where the directory record of `PATH` begins."""
    with IsoVolume(disc) as volume:
        for directory in volume.directories:
            for record in volume.iter_directory_records(directory):
                path = f"{directory.path}/{record.identifier.decode()}"
                if path == f"{PATH}.;1":
                    return record.offset
    raise AssertionError(PATH)


def change(disc: Path, at: int, data: bytes) -> None:
    with disc.open("r+b") as file:
        file.seek(at)
        file.write(data)


def both(number: int) -> bytes:
    return struct.pack("<I", number) + struct.pack(">I", number)


class TestCheck:
    def test_our_discs_are_the_same_on_both_sides(self, disc: Path) -> None:
        assert compared(disc, strict=True) == []

    @pytest.mark.parametrize("strict", [True, False])
    def test_one_name_at_two_places(self, disc: Path, *, strict: bool) -> None:
        """The same length, but other bytes: a dangerous disc, and nothing tells on either side."""
        with IsoVolume(disc) as volume:
            found = volume.find(["DICOMDIR"])
            assert found is not None
            other = found.file.extents[0].offset // BLOCK
        change(disc, iso_record(disc) + 2, both(other))

        (finding,) = compared(disc, strict=strict)

        assert (finding.rule, finding.subject) == ("bridge-differs", PATH)
        assert finding.message == "lies elsewhere for UDF than for ISO 9660"
        assert finding.severity is (Severity.ERROR if strict else Severity.WARNING)

    @pytest.mark.parametrize("strict", [True, False])
    def test_one_name_of_two_lengths_is_an_error_on_anybodys_disc(
        self, disc: Path, *, strict: bool
    ) -> None:
        change(disc, iso_record(disc) + 10, both(5))

        (finding,) = compared(disc, strict=strict)

        size = len(FILES[PATH])
        assert (finding.subject, finding.severity) == (PATH, Severity.ERROR)
        assert finding.message == f"has {size} bytes in UDF, 5 in ISO 9660"

    def test_another_name_on_one_side_is_ours_to_avoid(self, disc: Path) -> None:
        change(disc, iso_record(disc) + 33, b"ZZ")

        other = PATH.replace(NAME, "ZZ" + NAME[2:])
        assert {(one.subject, one.message) for one in compared(disc, strict=True)} == {
            (PATH, "lies on the UDF side only"),
            (other, "lies on the ISO 9660 side only"),
        }
        assert compared(disc, strict=False) == []

    def test_a_file_that_one_side_has_not(self, disc: Path) -> None:
        image = bytearray(disc.read_bytes())
        at = image.index(b"\x08" + NAME.encode()) - 38
        amend(image, at, {18: b"\4"})  # deleted
        disc.write_bytes(image)

        found = compared(disc, strict=False)

        assert [(one.subject, one.severity) for one in found] == [(PATH, Severity.WARNING)]
        assert found[0].message == "lies on the ISO 9660 side only"

    def test_names_that_iso_9660_had_to_cut_are_no_difference(self, tmp_path: Path) -> None:
        """As genisoimage does; the two names lead to the same bytes."""
        files = {**FILES, "A long name.html": b"<p>" * 999, "another long one.html": b"<b>" * 999}
        root = write_folder(files, tmp_path / "tree")
        run_peer("genisoimage", "-quiet", "-udf", "-o", tmp_path / "disc.iso", root)

        assert compared(tmp_path / "disc.iso", strict=False) == []
        assert len(compared(tmp_path / "disc.iso", strict=True)) == 4


class TestVerified:
    @pytest.mark.parametrize("side", [None, FileSystem.UDF])
    def test_a_disc_of_ours_passes_from_either_side(
        self, disc: Path, side: FileSystem | None
    ) -> None:
        with open_volume(disc, only=side) as volume:
            report = verify_volume(volume, manifest())

        assert report.findings == []
        assert report.ok

    @pytest.mark.parametrize("side", [FileSystem.ISO9660, FileSystem.UDF])
    def test_a_difference_is_found_from_either_side(self, disc: Path, side: FileSystem) -> None:
        change(disc, iso_record(disc) + 33, b"ZZ")
        with open_volume(disc, only=side) as volume:
            found = check_file_system(volume, Expected(manifest()))
            rules = {finding.rule for finding in found if finding.severity is Severity.ERROR}

        assert rules == {"bridge-differs"}

    def test_a_fault_of_udf_is_found_beside_iso_9660(self, disc: Path) -> None:
        """Readers that prefer UDF would meet it, those of ISO 9660 never."""
        image = bytearray(disc.read_bytes())
        for start in (32, *struct.unpack_from("<I", image, 256 * BLOCK + 28)):
            amend(image, start * BLOCK, {62: b"\3\0"})
        disc.write_bytes(image)

        report = verify_medium(disc, manifest())

        assert not report.ok
        assert [finding.rule for finding in report.findings] == ["udf-interchange"]

    def test_a_udf_side_that_cannot_be_read_is_an_error_of_ours(self, disc: Path) -> None:
        size = disc.stat().st_size
        for sector in (256, size // BLOCK - 257, size // BLOCK - 1):
            change(disc, sector * BLOCK, bytes(BLOCK))

        (message,) = told(verify_medium(disc, manifest()))

        assert message.startswith("its UDF cannot be read: ")
        assert verify_medium(disc).ok

    def test_a_bridge_that_was_promised_has_two_sides(self, tmp_path: Path) -> None:
        files = medium_files(tmp_path / "s", FILES)
        write_cd(tmp_path / "cd.iso", files, "TESTSET")
        write_udf(tmp_path / "dvd.udf", files, "1.02", "TESTSET")

        cd = verify_medium(tmp_path / "cd.iso", manifest())
        dvd = verify_medium(tmp_path / "dvd.udf", manifest())

        assert told(cd) == ["has no UDF beside this file system"]
        assert told(dvd) == ["has no ISO 9660 beside this file system"]
        assert not cd.ok
        assert not dvd.ok


class TestExpected:
    @pytest.mark.parametrize(
        ("revision", "medium", "fits"),
        [
            *(("1.50", "DVD-RAM", True), ("1.02", "DVD-RAM", False), ("2.01", "DVD-R", True)),
            *(("2.50", "BD-RE-25", True), ("2.60", "BD-R-25", True), ("2.60", "BD-RE-25", True)),
            *(("2.50", "DVD+R", False), ("1.50", "BD-R-50", False)),
        ],
    )
    def test_the_medium_of_the_manifest_says_which_annex(
        self, tmp_path: Path, revision: str, medium: str, *, fits: bool
    ) -> None:
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", FILES), revision, "TESTSET")

        for form in ("", f"udf-{revision}"):
            report = verify_medium(tmp_path / "disc.udf", manifest(form, medium))

            assert report.ok == fits
            assert [one.rule for one in report.findings] == ([] if fits else ["udf-revision"])

    def test_the_format_of_the_manifest_says_which_revision(self, tmp_path: Path) -> None:
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", FILES), "2.60", "TESTSET")

        right = verify_medium(tmp_path / "disc.udf", manifest("udf-2.60", "BD-R-25"))
        wrong = verify_medium(tmp_path / "disc.udf", manifest("udf-2.50", "BD-RE-25"))

        assert right.findings == []
        assert [(one.rule, one.severity) for one in wrong.findings] == [
            ("udf-revision", Severity.ERROR)
        ]

    def test_without_a_manifest_nothing_of_udf_is_an_error(self, tmp_path: Path) -> None:
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", FILES), "2.50", "TESTSET")
        image = bytearray((tmp_path / "disc.udf").read_bytes())
        amend(image, 64 * BLOCK, {132: b"\x63"})
        (tmp_path / "disc.udf").write_bytes(image)

        report = verify_medium(tmp_path / "disc.udf")

        assert report.ok
        assert [finding.rule for finding in report.findings] == ["udf-integrity"]
