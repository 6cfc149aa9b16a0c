"""Reader personas: which instances each of them reaches, and what it means for the medium."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.model.manifest import Manifest
from mediastation.model.medium import Format
from mediastation.reading.contract import Extent, VolumeFile
from mediastation.reading.volume import MemoryVolume
from mediastation.verify import VerifyReport, verify_medium, verify_volume
from mediastation.verify.compatibility import CompatibilityRow, ReaderKind, Verdict
from mediastation.verify.personas import is_strict, joined
from mediastation.verify.recipients import Recipients
from tests.support.damaged import MemoryAccess
from tests.support.file_sets import (
    dicomdir,
    good_file_set,
    image,
    manifest_of,
    patient,
    records,
    series,
    study,
    uid_of,
    write_image,
)
from tests.support.peers import run_peer
from tests.support.written_media import (
    IMAGE_FORMATS,
    SECTOR,
    random_file_set,
    uids_of,
    write_medium,
)

FILES = good_file_set()
HABITS = ("DICOMDIR only", "no DICOMDIR", "case-folding", "strict 8.3")
UDF_FORMATS = [form for form in IMAGE_FORMATS if form.udf_revision]


def ours(files: dict[str, bytes], **more: object) -> Manifest:
    """The manifest of a job, with the instances' UIDs."""
    manifest = manifest_of(files, **more)
    uids = uids_of(files)
    return replace(
        manifest,
        files=tuple(
            replace(file, sop_instance_uid=uids.get(file.path, "")) for file in manifest.files
        ),
    )


def played(files: dict[str, bytes], manifest: Manifest | None) -> VerifyReport:
    return verify_volume(MemoryVolume(files), manifest, recipients=Recipients())


def rows(report: VerifyReport) -> dict[str, CompatibilityRow]:
    return {row.reader: row for row in report.compatibility}


def losers(report: VerifyReport) -> dict[str, str]:
    return {one.subject: one.severity for one in report.findings if one.rule == "reader-loses"}


class TestHabits:
    def test_every_persona_gets_all_of_a_good_file_set(self) -> None:
        report = played(FILES, ours(FILES))

        table = rows(report)
        assert report.ok
        assert {name: (table[name].instances, table[name].expected) for name in HABITS} == (
            dict.fromkeys(HABITS, (6, 6))
        )
        assert {table[name].verdict for name in HABITS} == {Verdict.COMPLETE}
        assert {(table[name].files, table[name].equal) for name in HABITS} == {(8, 8)}
        assert {row.kind for row in report.compatibility} == {ReaderKind.PERSONA}
        assert table["ISO 9660 only"].verdict is Verdict.NOT_APPLICABLE
        assert table["UDF only"].verdict is Verdict.NOT_APPLICABLE

    def test_an_instance_without_a_record_is_lost_to_those_who_go_by_the_directory(self) -> None:
        tree = records()
        tree[0].children[0].children[1].children.pop()
        files = FILES | {"DICOMDIR": dicomdir(tree)}

        report = played(files, ours(files))

        assert losers(report) == {
            "DICOMDIR only": "error", "case-folding": "error", "strict 8.3": "error"
        }  # fmt: skip
        row = rows(report)["DICOMDIR only"]
        assert (row.instances, row.expected, row.lost) == (5, 6, (uid_of("DICOM/S2/I3"),))
        assert rows(report)["no DICOMDIR"].verdict is Verdict.COMPLETE
        assert not report.ok

    def test_files_that_a_foreign_directory_names_in_vain_are_lost_to_those_who_go_by_it(
        self,
    ) -> None:
        files = {path: content for path, content in FILES.items() if path != "DICOM/S2/I3"}

        report = played(files, None)

        row = rows(report)["DICOMDIR only"]
        assert row.verdict is Verdict.INCOMPLETE
        assert (row.instances, row.expected, row.lost) == (5, 6, (uid_of("DICOM/S2/I3"),))
        assert row.detail == "the directory names a file that cannot be found"
        assert rows(report)["no DICOMDIR"].verdict is Verdict.COMPLETE
        assert losers(report)["DICOMDIR only"] == "warning"

    def test_a_file_that_is_gone_from_a_medium_of_ours_is_counted_once(self) -> None:
        files = {path: content for path, content in FILES.items() if path != "DICOM/S2/I3"}

        row = rows(played(files, ours(FILES)))["DICOMDIR only"]

        assert (row.instances, row.expected, row.lost) == (5, 6, (uid_of("DICOM/S2/I3"),))

    def test_an_instance_whose_prefix_is_gone_is_lost_to_those_who_scan(self) -> None:
        """A front that is no DICOM file's: whoever looks into files takes it for none."""
        spoiled = FILES | {"DICOM/S1/I1": b"\0" * 132 + FILES["DICOM/S1/I1"][132:]}

        report = played(spoiled, ours(FILES))

        assert rows(report)["no DICOMDIR"].instances == 5
        assert not report.ok

    def test_exchanged_files_are_reached_and_are_not_what_the_records_promise(self) -> None:
        one, other = "DICOM/S1/I1", "DICOM/S1/I2"
        files = FILES | {one: FILES[other], other: FILES[one]}

        report = played(files, ours(FILES))

        assert rows(report)["DICOMDIR only"].instances == 4
        assert rows(report)["no DICOMDIR"].instances == 6

    def test_names_that_differ_in_case_alone_are_one_to_those_who_fold(self) -> None:
        files = FILES | {"DICOM/S1/i1": FILES["DICOM/S1/I1"] + b"\0\0"}

        report = played(files, ours(FILES))

        assert rows(report)["DICOMDIR only"].verdict is Verdict.COMPLETE
        assert rows(report)["case-folding"].lost == (uid_of("DICOM/S1/I1"),)
        assert losers(report) == {"case-folding": "error"}

    def test_lower_case_names_are_lost_to_all_who_do_not_fold(self) -> None:
        lower = {path.lower(): content for path, content in FILES.items()}

        report = played(lower, None)

        table = rows(report)
        assert table["DICOMDIR only"].instances == 0
        assert table["strict 8.3"].instances == 0
        assert table["case-folding"].instances == 6
        assert table["no DICOMDIR"].instances == 6
        # Nobody here wrote it: it is said, and fails nobody's medium.
        assert losers(report) == {"DICOMDIR only": "warning", "strict 8.3": "warning"}

    def test_long_names_are_lost_to_those_who_see_8_3_only(self) -> None:
        path = "DICOM/STUDY_NUMBER_1/I1"
        uid = uid_of("DICOM/S1/I1")
        tree = [patient("PID1", study("1.2.3", series("1.2.3.1", image(path, uid))))]
        files = {"DICOMDIR": dicomdir(tree), path: FILES["DICOM/S1/I1"]}

        report = played(files, ours(files))

        assert rows(report)["DICOMDIR only"].verdict is Verdict.COMPLETE
        assert rows(report)["strict 8.3"].lost == (uid,)

    def test_without_a_directory_only_the_scan_is_played(self) -> None:
        files = {path: content for path, content in FILES.items() if path != "DICOMDIR"}

        table = rows(played(files, None))

        assert table["no DICOMDIR"].instances == 6
        assert table["DICOMDIR only"].verdict is Verdict.NOT_APPLICABLE
        assert "no DICOMDIR" in table["DICOMDIR only"].detail

    def test_secure_envelopes_are_not_judged_by_what_is_in_them(self) -> None:
        envelope = bytes.fromhex("3080 06092a864886f70d010703 a080") + bytes(200)
        files = {"DICOMDIR": envelope, "I1": envelope + b"1"}

        report = played(files, None)

        assert {row.verdict for row in report.compatibility} == {Verdict.NOT_APPLICABLE}
        assert not losers(report)

    def test_a_digest_list_is_no_goal_of_a_job(self) -> None:
        files = {path.lower(): content for path, content in FILES.items()}

        report = played(files, manifest_of(files))

        assert losers(report) == {"DICOMDIR only": "warning", "strict 8.3": "warning"}

    def test_nobody_is_played_who_was_not_asked_for(self) -> None:
        assert verify_volume(MemoryVolume(FILES), ours(FILES)).compatibility == ()

    @pytest.mark.parametrize(
        ("name", "strict"),
        [
            ("DICOM/IM000001", True),
            ("README.TXT", True),
            ("A/B/C/D/E/F/G/H", True),
            ("A/B/C/D/E/F/G/H/I", False),
            ("dicom/IM1", False),
            ("DICOM.DIR/IM1", False),
            ("IM0000001", False),
            ("IMAGE.DICOM", False),
            ("Ä", False),
        ],
    )
    def test_strict_names_are_those_of_level_1(self, name: str, strict: bool) -> None:
        assert is_strict(VolumeFile(name, 1)) is strict
        assert is_strict(VolumeFile(name, 1, recorded=name.rpartition("/")[2] + ";1")) is strict


class Counting(MemoryAccess):
    """Counts the bytes that are read."""

    read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        piece = super().read_at(offset, length)
        self.read += len(piece)
        return piece


class TestFileSystems:
    @pytest.fixture(scope="class")
    @staticmethod
    def bridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A bridge disc as genisoimage makes it, of a megabyte and a half."""
        folder = tmp_path_factory.mktemp("bridge")
        files = random_file_set() | {"BIG.BIN": bytes(range(256)) * 6000}
        return write_image(files, folder, "-udf", "-iso-level", "1", "-V", "TESTSET")

    def test_of_a_bridge_disc_both_sides_are_read(self, bridge: Path) -> None:
        report = verify_medium(bridge, recipients=Recipients())

        table = rows(report)
        assert {row.verdict for row in table.values()} == {Verdict.COMPLETE}
        assert (table["UDF only"].files, table["UDF only"].equal) == (16, 16)
        assert table["UDF only"].instances == 12

    def test_the_second_side_is_not_read_twice(self, bridge: Path) -> None:
        content = bridge.read_bytes()
        plain, with_personas = Counting(content), Counting(content)

        verify_medium(bridge, opener=plain)
        report = verify_medium(bridge, opener=with_personas, recipients=Recipients())

        assert rows(report)["UDF only"].verdict is Verdict.COMPLETE
        assert with_personas.read - plain.read < 200_000
        assert plain.read < len(content) + 400_000

    def test_a_bridge_whose_udf_side_is_gone_loses_those_who_know_nothing_else(
        self, bridge: Path
    ) -> None:
        content = bytearray(bridge.read_bytes())
        anchors = [
            at
            for at in range(0, len(content), SECTOR)
            if content[at : at + 2] == b"\2\0"
            and int.from_bytes(content[at + 12 : at + 16], "little") == at // SECTOR
        ]
        assert len(anchors) >= 2
        for at in anchors:
            content[at : at + SECTOR] = bytes(SECTOR)
        files = random_file_set() | {"BIG.BIN": bytes(range(256)) * 6000}

        report = verify_medium(
            bridge,
            ours(files, format=str(Format.BRIDGE)),
            opener=MemoryAccess(bytes(content)),
            recipients=Recipients(),
        )

        row = rows(report)["UDF only"]
        assert (row.verdict, row.instances, row.expected) == (Verdict.INCOMPLETE, 0, 12)
        assert losers(report) == {"UDF only": "error"}
        assert rows(report)["ISO 9660 only"].verdict is Verdict.COMPLETE

    def test_a_bridge_whose_recognition_is_gone_is_still_asked_for_udf(self, bridge: Path) -> None:
        """The manifest knows that there was a second side."""
        content = bridge.read_bytes().replace(b"NSR02", b"XXX02")

        report = verify_medium(
            bridge,
            ours(random_file_set(), format=str(Format.BRIDGE)),
            opener=MemoryAccess(content),
            recipients=Recipients(),
        )

        assert rows(report)["UDF only"].verdict is Verdict.INCOMPLETE

    @pytest.mark.parametrize("form", UDF_FORMATS, ids=str)
    def test_udf_alone_is_not_asked_for_iso_9660(self, form: Format, tmp_path: Path) -> None:
        medium = write_medium(tmp_path, form)

        table = rows(verify_medium(medium.path, medium.manifest, recipients=Recipients()))

        assert table["ISO 9660 only"].verdict is Verdict.NOT_APPLICABLE
        assert table["UDF only"].verdict is Verdict.COMPLETE
        assert table["UDF only"].instances == 12

    def test_extents_are_compared_however_they_were_cut(self) -> None:
        cut = VolumeFile("A", 30, (Extent(0, 10), Extent(10, 15), Extent(100, 5)))

        assert joined(cut) == (Extent(0, 25), Extent(100, 5))
        assert joined(VolumeFile("A", 8, (Extent(-1, 4), Extent(3, 4)))) == (
            Extent(-1, 4),
            Extent(3, 4),
        )


def test_a_zip_file_is_seen_by_name_and_by_content(tmp_path: Path) -> None:
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    run_peer("bsdtar", "-cf", tmp_path / "a.zip", "--format=zip", "-C", tmp_path, *FILES)

    table = rows(verify_medium(tmp_path / "a.zip", ours(FILES), recipients=Recipients()))

    assert {table[name].verdict for name in HABITS} == {Verdict.COMPLETE}
