"""Which disc lies in the drive: told in one sentence, before thousands of files differ."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.model.finding import Finding
from mediastation.model.manifest import Manifest
from mediastation.model.medium import Format
from mediastation.reading.volume import MemoryVolume
from mediastation.verify.report import VerifyReport
from mediastation.verify.reread import reread
from mediastation.verify.right_disc import (
    DICOMDIR,
    KnownMedium,
    Lookup,
    RawPatient,
    check_right_disc,
    read_identity,
)
from tests.support.damaged import MemoryAccess
from tests.support.file_sets import FILE_SET_UID
from tests.support.written_media import SECTOR, WrittenMedium, random_file_set, write_medium

OTHER_UID = "1.2.826.0.1.3680043.8.498.78"
ANNA = RawPatient(b"PID1", b"Doe^Jane", b"")
BERT = RawPatient(b"PID2 ", b"Roe^Bert", b"")


def with_uid(files: dict[str, bytes], uid: str) -> dict[str, bytes]:
    assert len(uid) == len(FILE_SET_UID)
    directory = files[DICOMDIR].replace(FILE_SET_UID.encode(), uid.encode())
    return files | {DICOMDIR: directory}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> WrittenMedium:
    return write_medium(tmp_path_factory.mktemp("first"), Format.ISO9660, volumes=3)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> WrittenMedium:
    """The second disc of the same export."""
    files = with_uid(random_file_set(2, shift=".9"), OTHER_UID)
    folder = tmp_path_factory.mktemp("second")
    return write_medium(folder, Format.ISO9660, files, file_set_uid=OTHER_UID, volume=2, volumes=3)


@pytest.fixture(scope="module")
def berts(tmp_path_factory: pytest.TempPathFactory) -> WrittenMedium:
    """A disc of another patient."""
    files = with_uid(random_file_set(3, patient_id="PID2", shift=".8"), OTHER_UID)
    folder = tmp_path_factory.mktemp("berts")
    return write_medium(folder, Format.ISO9660, files, file_set_uid=OTHER_UID)


def known(*media: KnownMedium) -> Lookup:
    return lambda uid: [one for one in media if one.manifest.file_set_uid == uid]


def rereading(disc: WrittenMedium, expected: Manifest, lookup: Lookup) -> VerifyReport:
    return reread(disc.path, expected, lookup)


def only(report: VerifyReport) -> Finding:
    (finding,) = report.findings
    assert not report.ok
    assert finding.rule == "wrong-disc"
    assert (report.files, report.bytes) == (0, 0)
    return finding


def test_another_disc_of_the_same_export_is_named_by_its_number(
    first: WrittenMedium, second: WrittenMedium
) -> None:
    lookup = known(
        KnownMedium(first.manifest, 7, 1, 3, (ANNA,)),
        KnownMedium(second.manifest, 7, 2, 3, (ANNA,)),
    )

    finding = only(rereading(second, first.manifest, lookup))

    assert "this is disc 2 of 3 of the same export (job 7), and disc 1" in finding.message
    assert finding.hint == "put disc 1 in"


def test_a_disc_of_another_patient_is_named_with_who_and_by_which_job(
    first: WrittenMedium, berts: WrittenMedium
) -> None:
    lookup = known(
        KnownMedium(first.manifest, 7, patients=(ANNA,)),
        KnownMedium(berts.manifest, 4, patients=(BERT,)),
    )

    finding = only(rereading(berts, first.manifest, lookup))

    assert "of another patient: Doe^Jane, ID PID2" in finding.message
    assert "made by job 4" in finding.message
    assert OTHER_UID in finding.message


def test_another_disc_of_the_same_patient_is_not_called_another_patients(
    first: WrittenMedium, second: WrittenMedium
) -> None:
    lookup = known(
        KnownMedium(first.manifest, 7, patients=(ANNA,)),
        KnownMedium(second.manifest, 5, patients=(ANNA,)),
    )

    finding = only(rereading(second, first.manifest, lookup))

    assert "of the same patient" in finding.message
    assert "job 5" in finding.message


def test_a_disc_that_was_not_made_here_is_named_with_who(
    first: WrittenMedium, berts: WrittenMedium
) -> None:
    for lookup in (known(), known(KnownMedium(first.manifest, 7, patients=(ANNA,)))):
        finding = only(rereading(berts, first.manifest, lookup))

        assert "Doe^Jane, ID PID2" in finding.message
        assert "not made here" in finding.message


class TestStates:
    @pytest.fixture(scope="class")
    @staticmethod
    def updated(tmp_path_factory: pytest.TempPathFactory, first: WrittenMedium) -> WrittenMedium:
        """The same File-set after one instance was taken off: its UID stays."""
        files = dict(first.files)
        del files["DICOM/S2/I6"]
        files[DICOMDIR] = files[DICOMDIR] + b"\xfc\xff\xfc\xff\0\0\0\0"
        made_from = hashlib.sha256(first.files[DICOMDIR]).hexdigest()
        folder = tmp_path_factory.mktemp("updated")
        return write_medium(folder, Format.ISO9660, files, made_from=made_from)

    @pytest.mark.parametrize("is_known", [True, False])
    def test_the_disc_before_an_update_is_named(
        self, first: WrittenMedium, updated: WrittenMedium, is_known: bool
    ) -> None:
        media = [KnownMedium(updated.manifest, 9)]
        media += [KnownMedium(first.manifest, 7)] * is_known

        finding = only(rereading(first, updated.manifest, known(*media)))

        assert "the File-set before the update" in finding.message
        assert ("as job 7 made it" in finding.message) is is_known

    def test_the_disc_after_an_update_is_named(
        self, first: WrittenMedium, updated: WrittenMedium
    ) -> None:
        lookup = known(KnownMedium(updated.manifest, 9), KnownMedium(first.manifest, 7))

        finding = only(rereading(updated, first.manifest, lookup))

        assert "an updated state of the same File-set, as job 9 made it" in finding.message


class TestDamage:
    """What is only damaged is read whole, and judged by its files."""

    def test_a_bit_in_the_file_set_uid_makes_no_other_disc(
        self, first: WrittenMedium, berts: WrittenMedium
    ) -> None:
        at = first.content.index(FILE_SET_UID.encode()) + len(FILE_SET_UID) - 1
        access = MemoryAccess(first.content, flipped=[at * 8])

        report = reread(
            first.path,
            first.manifest,
            known(KnownMedium(first.manifest, 7), KnownMedium(berts.manifest, 4)),
            opener=access,
        )

        rules = {one.rule for one in report.findings}
        assert {"differs", "file-set-uid", "image-differs"} <= rules
        assert "wrong-disc" not in rules

    @pytest.mark.parametrize("spoil", ["unreadable", "flipped"])
    def test_a_directory_that_cannot_be_used_makes_no_other_disc(
        self, first: WrittenMedium, spoil: str
    ) -> None:
        start = next(start for start, _, name in first.places if name == DICOMDIR)
        access = MemoryAccess(
            first.content,
            bad=range(start // SECTOR, start // SECTOR + 2) if spoil == "unreadable" else (),
            flipped=[(start + 128) * 8] if spoil == "flipped" else [],
        )

        report = reread(first.path, first.manifest, known(), opener=access)

        rules = {one.rule for one in report.findings}
        assert "wrong-disc" not in rules
        assert rules & {"differs", "unreadable-file"}
        assert report.files == len(first.files)

    def test_an_instance_in_the_place_of_the_directory_makes_no_other_disc(
        self, first: WrittenMedium
    ) -> None:
        """Its own UID stands where a DICOMDIR has that of the File-set."""
        content = bytearray(first.content)
        record = content.index(b"DICOMDIR.;1") - 33
        instances = {name for name in first.files if name.startswith("DICOM/")}
        start = next(start for start, _, name in first.places if name in instances)
        sector = start // SECTOR
        content[record + 2 : record + 10] = sector.to_bytes(4, "little") + sector.to_bytes(4)
        access = MemoryAccess(bytes(content))

        report = reread(first.path, first.manifest, known(), opener=access)

        rules = {one.rule for one in report.findings}
        assert "wrong-disc" not in rules
        assert {"differs", "structure-differs"} <= rules
        blind = replace(first.manifest, structure=())
        assert "not made here" in only(reread(first.path, blind, known(), opener=access)).message

    def test_a_root_that_leads_nowhere_makes_no_other_disc(self, tmp_path: Path) -> None:
        """Nothing can be found on the disc, and yet its sectors are those that were written."""
        medium = write_medium(tmp_path, Format.UDF_1_50)
        sector = next(
            one.sector
            for one in medium.manifest.structure
            if medium.content[one.sector * SECTOR : one.sector * SECTOR + 2] == b"\x05\1"
        )
        content = bytearray(medium.content)
        content[sector * SECTOR + 180 : sector * SECTOR + 184] = b"\xff" * 4

        report = reread(medium.path, medium.manifest, known(), opener=MemoryAccess(bytes(content)))

        rules = {one.rule for one in report.findings}
        assert "wrong-disc" not in rules
        assert "structure-differs" in rules

    def test_a_disc_with_other_things_on_it_is_another_disc(
        self, first: WrittenMedium, tmp_path: Path
    ) -> None:
        music = write_medium(tmp_path, Format.ISO9660, {"TRACK1.WAV": b"la", "TRACK2.WAV": b"le"})

        finding = only(rereading(music, first.manifest, known()))

        assert "another disc, with 2 files and no DICOMDIR" in finding.message


class TestPureRules:
    def test_the_right_disc_is_right_whatever_else_was_made(
        self, first: WrittenMedium, second: WrittenMedium
    ) -> None:
        disc = read_identity(MemoryVolume(first.files))
        media = known(KnownMedium(second.manifest, 7, 2, 3), KnownMedium(first.manifest, 7, 1, 3))

        assert check_right_disc(disc, first.manifest, "sr0", media) is None

    def test_a_digest_list_names_no_disc(self, first: WrittenMedium, berts: WrittenMedium) -> None:
        disc = read_identity(MemoryVolume(berts.files))
        manifest = replace(first.manifest, file_set_uid="")

        assert check_right_disc(disc, manifest, "sr0", known()) is None

    def test_names_are_told_in_a_way_that_cannot_steer_a_terminal(
        self, first: WrittenMedium, berts: WrittenMedium
    ) -> None:
        disc = read_identity(MemoryVolume(berts.files))
        nasty = RawPatient(b"P\x1b[2J", b"\xff\x9bEvil\n", b"")

        finding = check_right_disc(
            replace(disc, patients=(nasty,) * 5), first.manifest, "sr0", known()
        )

        assert finding is not None
        assert finding.message.isprintable()
        assert "and 2 more" in finding.message
