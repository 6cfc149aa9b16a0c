"""The doctor over small media: each test spoils one thing, and the files are believed."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.importing.diagnosis import Diagnosis, TreeLine
from mediastation.importing.doctor import examine
from mediastation.model.finding import Finding, Severity
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile
from mediastation.model.repair import Repair
from mediastation.reading.memory import MemoryVolume
from tests.support.file_sets import (
    CT,
    EXPLICIT_LE,
    PATHS,
    Record,
    dicomdir,
    element,
    good_file_set,
    image,
    patient,
    record_places,
    records,
    series,
    study,
    uid_of,
)
from tests.support.scanned_files import ScannedFiles

JANE = PatientIdentity("PID1", "", "Doe^Jane", "", "")
JOHN = PatientIdentity("PID2", "", "Roe^John", "", "")
MR, JPEG = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.4.50"


def arrived(path: str, **facts: object) -> ArrivedFile:
    """The instance at one of `PATHS`, as the scan finds it; `facts` are otherwise."""
    values: dict[str, object] = {
        "path": path,
        "size_bytes": 1000,
        "sha256": "",
        "data_sha256": "",
        "pixel_key": "",
        "sop_class_uid": CT,
        "sop_instance_uid": uid_of(path) if path in PATHS else f"1.2.99.{len(path)}",
        "transfer_syntax_uid": EXPLICIT_LE,
        "study_instance_uid": "1.2.3",
        "series_instance_uid": f"1.2.3.{path[7:8]}",
        "identity": JANE,
    } | facts
    return ArrivedFile(**values)  # type: ignore[arg-type]


def scanned(*others: ArrivedFile, without: tuple[str, ...] = ()) -> ScannedFiles:
    """All of the good medium's instances, some replaced by `others` of their path."""
    files = {path: arrived(path) for path in PATHS if path not in without}
    return ScannedFiles([*(files | {one.path: one for one in others}).values()])


def medium(directory: bytes | None, *others: str, without: tuple[str, ...] = ()) -> MemoryVolume:
    """The good medium's files with another directory; what the instances hold is not looked at."""
    files = dict.fromkeys((*PATHS, *others), b"")
    for path in without:
        del files[path]
    return MemoryVolume(files if directory is None else {"DICOMDIR": directory, **files})


def rules(diagnosis: Diagnosis) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in diagnosis.findings}


def the(diagnosis: Diagnosis, rule: str) -> Finding:
    (finding,) = (finding for finding in diagnosis.findings if finding.rule == rule)
    return finding


def repairs(diagnosis: Diagnosis, what: str) -> list[tuple[str, str, str]]:
    return [(one.subject, one.before, one.after) for one in diagnosis.repairs if one.what == what]


def leaves(tree: list[Record]) -> Iterator[Record]:
    for record in tree:
        yield from leaves(record.children)
        if record.file_id:
            yield record


class TestGoodMedia:
    def test_a_good_medium_gives_nothing_to_say(self) -> None:
        diagnosis = examine(medium(dicomdir(records()), "README.TXT"), scanned())

        assert diagnosis.findings == ()
        assert diagnosis.repairs == ()
        assert diagnosis.repaired == 0
        assert diagnosis.before == diagnosis.after
        assert (diagnosis.listed, diagnosis.found) == (6, 6)
        (one,) = diagnosis.directories
        assert (one.path, one.file_set_id, one.records) == ("DICOMDIR", "TESTSET", 10)

    def test_the_summary_has_a_line_for_each_level(self) -> None:
        diagnosis = examine(medium(dicomdir(records())), scanned())

        assert diagnosis.after.lines == (
            TreeLine(0, "Doe^Jane (PID1)", 6),
            TreeLine(1, "1.2.3", 6),
            TreeLine(2, "1.2.3.1", 3),
            TreeLine(2, "1.2.3.2", 3),
        )
        assert diagnosis.after.unnamed == 0

    def test_progress_counts_the_instances(self) -> None:
        seen: list[int] = []

        examine(medium(dicomdir(records())), scanned(), progress=seen.append)

        assert seen == [1, 2, 3, 4, 5, 6]

    def test_a_medium_of_bytes_is_read_as_the_scan_reads_it(self) -> None:
        files = good_file_set()
        diagnosis = examine(MemoryVolume(files), ScannedFiles.of(files))

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (6, 0, 0)
        assert rules(diagnosis) == {}


class TestFindingTheDirectory:
    @pytest.mark.parametrize("name", ["dicomdir", "Dicomdir", "DICOMDIR.;1", "DICOMDIR;1"])
    def test_other_spellings_of_its_name_are_found(self, name: str) -> None:
        volume = MemoryVolume({name: dicomdir(records()), **dict.fromkeys(PATHS, b"")})

        diagnosis = examine(volume, scanned())

        assert diagnosis.found == 6
        assert rules(diagnosis) == {"name-differs": Severity.WARNING}

    @pytest.mark.parametrize("name", ["DICOMDIR.DIR", "dicomdir.dcm", "DICOMDIR.BAK"])
    def test_an_extension_does_not_hide_it(self, name: str) -> None:
        volume = MemoryVolume({name: dicomdir(records()), **dict.fromkeys(PATHS, b"")})

        assert examine(volume, scanned()).found == 6

    def test_a_directory_under_another_name_is_one_if_the_scan_says_so(self) -> None:
        volume = MemoryVolume({"INDEX": dicomdir(records()), **dict.fromkeys(PATHS, b"")})

        assert examine(volume, scanned()).found == 0
        assert examine(volume, scanned(), recognised=["INDEX"]).found == 6

    def test_of_two_in_one_folder_the_first_that_has_records_is_used(self) -> None:
        volume = MemoryVolume(
            {
                "DICOMDIR": b"rubbish",
                "DICOMDIR.BAK": dicomdir(records()),
                **dict.fromkeys(PATHS, b""),
            }
        )

        diagnosis = examine(volume, scanned())

        assert [one.path for one in diagnosis.directories] == ["DICOMDIR.BAK"]
        assert diagnosis.found == 6

    def test_a_file_set_in_a_folder_is_compared_with_that_folder(self) -> None:
        files = {f"CD1/{path}": b"" for path in PATHS}
        volume = MemoryVolume({"CD1/DICOMDIR": dicomdir(records()), **files})
        there = ScannedFiles(
            [
                arrived(f"CD1/{path}", sop_instance_uid=uid_of(path), series_instance_uid=s)
                for path in PATHS
                for s in [f"1.2.3.{path[7]}"]
            ]
        )

        diagnosis = examine(volume, there)

        assert (diagnosis.found, diagnosis.unlisted, diagnosis.mismatched) == (6, 0, 0)
        assert rules(diagnosis) == {"directory-place": Severity.WARNING}
        assert diagnosis.repairs == ()

    def test_several_file_sets_are_each_compared_with_their_own_folder(self) -> None:
        one = dicomdir([patient("PID1", study("1.2.3", series("1.2.3.1", image("A", "1.2.4.1"))))])
        two = dicomdir([patient("PID1", study("1.2.3", series("1.2.3.1", image("A", "1.2.4.2"))))])
        volume = MemoryVolume({"X/DICOMDIR": one, "X/A": b"", "Y/DICOMDIR": two, "Y/A": b"",
                               "Y/B": b""})  # fmt: skip
        there = ScannedFiles(
            [
                arrived("X/A", sop_instance_uid="1.2.4.1", series_instance_uid="1.2.3.1"),
                arrived("Y/A", sop_instance_uid="1.2.4.2", series_instance_uid="1.2.3.1"),
                arrived("Y/B", sop_instance_uid="1.2.4.3", series_instance_uid="1.2.3.1"),
            ]
        )

        diagnosis = examine(volume, there)

        x, y = diagnosis.directories
        assert (x.folder, x.found, x.unlisted) == ("X", 1, 0)
        assert (y.folder, y.found, y.unlisted) == ("Y", 1, 1)
        assert "several-directories" in rules(diagnosis)

    def test_file_ids_from_the_root_are_found_where_the_directory_is_in_a_folder(self) -> None:
        volume = MemoryVolume({"DICOM/DICOMDIR": dicomdir(records()), **dict.fromkeys(PATHS, b"")})

        diagnosis = examine(volume, scanned())

        assert (diagnosis.found, diagnosis.missing) == (6, 0)

    def test_a_viewers_copy_of_the_directory_is_not_used(self) -> None:
        volume = MemoryVolume(
            {
                "DICOMDIR": dicomdir(records()),
                "VIEWER/DICOMDIR": dicomdir(records()),
                **dict.fromkeys(PATHS, b""),
            }
        )

        diagnosis = examine(volume, scanned())

        assert [one.path for one in diagnosis.directories] == ["DICOMDIR"]
        assert the(diagnosis, "directory-copy").subject == "VIEWER/DICOMDIR"
        assert (diagnosis.listed, diagnosis.before.instances) == (6, 6)

    def test_two_copies_of_one_disc_are_both_compared(self) -> None:
        files = {f"{cd}/{path}": b"" for cd in ("A", "B") for path in PATHS}
        directories = {f"{cd}/DICOMDIR": dicomdir(records()) for cd in ("A", "B")}
        there = ScannedFiles(
            [
                arrived(
                    f"{cd}/{path}",
                    sop_instance_uid=uid_of(path),
                    series_instance_uid=f"1.2.3.{path[7]}",
                )
                for cd in ("A", "B")
                for path in PATHS
            ]
        )

        diagnosis = examine(MemoryVolume(files | directories), there)

        assert [one.found for one in diagnosis.directories] == [6, 6]
        assert diagnosis.unlisted == 0

    def test_what_is_wrong_with_one_of_several_directories_names_it(self) -> None:
        volume = MemoryVolume({"X/DICOMDIR": dicomdir(records(), shift=8), "Y/DICOMDIR": b"x"})

        diagnosis = examine(volume, ScannedFiles([]))

        assert [one.subject for one in diagnosis.repairs if one.what == "offset-shift"] == [
            "X/DICOMDIR"
        ]

    def test_without_a_directory_there_is_one_finding_and_the_files_summary(self) -> None:
        diagnosis = examine(medium(None), scanned())

        assert rules(diagnosis) == {"no-dicomdir": Severity.WARNING}
        assert diagnosis.directories == ()
        assert (diagnosis.before.instances, diagnosis.after.instances) == (0, 6)
        assert diagnosis.unlisted == 0

    @pytest.mark.parametrize("content", [b"", b"no DICOM at all", bytes(5000)])
    def test_a_directory_that_is_none_leaves_the_files(self, content: bytes) -> None:
        diagnosis = examine(medium(content), scanned())

        assert {"not-dicom", "empty-directory"} <= rules(diagnosis).keys()
        assert (diagnosis.unlisted, diagnosis.after.instances) == (6, 6)

    def test_a_directory_that_the_drive_cannot_read_leaves_the_files(self) -> None:
        class Scratched(MemoryVolume):
            def open(self, path: str) -> BinaryIO:
                raise OSError(5, "Input/output error", path)

        diagnosis = examine(Scratched({"DICOMDIR": b"", **dict.fromkeys(PATHS, b"")}), scanned())

        assert the(diagnosis, "directory-unreadable").severity is Severity.ERROR
        assert diagnosis.after.instances == 6


class TestFollowingFileIds:
    @pytest.mark.parametrize(
        ("spelt", "path"),
        [
            ("dicom\\s1\\i1", "DICOM/S1/I1"),
            ("DICOM/S1/I1", "DICOM/S1/I1"),
            ("DICOM\\S1/I1", "DICOM/S1/I1"),
            ("DICOM\\S1\\I1.", "DICOM/S1/I1"),
            ("DICOM\\S1\\I1.;1", "DICOM/S1/I1"),
            ("DICOM\\S1\\I1.DCM", "DICOM/S1/I1"),
            ("VENDOR\\DICOM\\S1\\I1", "DICOM/S1/I1"),
            ("S1\\I1", "DICOM/S1/I1"),
            ("SOMEWHERE\\ELSE", "DICOM/S1/I1"),
        ],
    )
    def test_other_ways_to_write_a_path_lead_to_the_file(self, spelt: str, path: str) -> None:
        tree = records()
        next(leaves(tree)).file_id = spelt

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (6, 0, 0)
        ((_, before, after),) = repairs(diagnosis, "file-name")
        assert before.replace("/", "\\").endswith(spelt.replace("/", "\\"))
        assert after == path

    def test_a_file_with_an_extension_is_found_by_a_name_without(self) -> None:
        volume = MemoryVolume(
            {"DICOMDIR": dicomdir(records())} | {f"{path}.dcm": b"" for path in PATHS}
        )
        there = ScannedFiles(
            [
                arrived(
                    f"{path}.dcm",
                    sop_instance_uid=uid_of(path),
                    series_instance_uid=f"1.2.3.{path[7]}",
                )
                for path in PATHS
            ]
        )

        diagnosis = examine(volume, there)

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (6, 0, 0)
        assert len(repairs(diagnosis, "file-name")) == 6

    def test_a_record_without_a_uid_is_led_by_as_much_of_its_path_as_is_unique(self) -> None:
        tree = records()
        first = next(leaves(tree))
        first.file_id, first.uid = "VENDOR\\S1\\I1", ""

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (6, 0, 0)
        assert repairs(diagnosis, "instance-uid") == [("DICOM/S1/I1", "not given", "1.2.3.1.1")]

    def test_a_name_alone_says_too_little_without_a_uid(self) -> None:
        tree = records()
        first = next(leaves(tree))
        first.file_id, first.uid = "VENDOR\\SERIES\\I1", ""

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (5, 1, 1)

    def test_a_likeness_that_two_files_have_says_nothing(self) -> None:
        tree = records()
        first = next(leaves(tree))
        first.file_id, first.uid = "VENDOR\\S1\\I1", ""
        extra = arrived("OTHER/S1/I1", sop_instance_uid="1.2.3.1.77", series_instance_uid="1.2.3.1")

        diagnosis = examine(medium(dicomdir(tree), "OTHER/S1/I1"), scanned(extra))

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (5, 1, 2)

    def test_a_likeness_is_not_believed_against_the_uid(self) -> None:
        tree = records()
        first = next(leaves(tree))
        first.file_id, first.uid = "VENDOR\\S1\\I1", "1.2.3.4.5.6"

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (5, 1, 1)

    @pytest.mark.parametrize(
        "spelt", ["..\\..\\ETC\\PASSWD", "\\ETC\\PASSWD", "C:\\WINDOWS", "DICOM\\..\\..\\X", "."]
    )
    def test_a_path_that_climbs_is_not_followed(self, spelt: str) -> None:
        asked: list[str] = []

        class Watched(MemoryVolume):
            def find(self, components: object) -> None:
                asked.append("/".join(components))  # type: ignore[arg-type]
                return super().find(components)  # type: ignore[arg-type,return-value]

        tree = records()
        first = next(leaves(tree))
        first.file_id, first.uid = spelt, "1.2.3.4.5.6"
        volume = Watched({"DICOMDIR": dicomdir(tree), **dict.fromkeys(PATHS, b"")})

        diagnosis = examine(volume, scanned())

        assert the(diagnosis, "escaping-file-id").severity is Severity.ERROR
        assert len(asked) == 5
        assert set(asked) <= set(PATHS)
        assert diagnosis.missing == 1

    def test_a_path_that_climbs_does_not_keep_the_instance_from_being_known(self) -> None:
        tree = records()
        next(leaves(tree)).file_id = "..\\I1"

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert (diagnosis.found, diagnosis.missing) == (6, 0)


class TestComparing:
    def test_files_that_are_not_there_are_missing(self) -> None:
        gone = PATHS[:2]

        diagnosis = examine(medium(dicomdir(records()), without=gone), scanned(without=gone))

        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (4, 2, 0)
        assert rules(diagnosis) == {"missing-file": Severity.ERROR}
        assert {one.subject for one in diagnosis.findings} == set(gone)
        assert diagnosis.repaired == 0

    def test_a_missing_file_whose_instance_another_record_lists_is_told_to_be(self) -> None:
        tree = records()
        copy = image("DICOM/S1/I9", uid_of(PATHS[0]), 9)
        tree[0].children[0].children[0].children.append(copy)

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert diagnosis.missing == 1
        assert "DICOM/S1/I1" in the(diagnosis, "missing-file").message

    def test_a_listed_file_that_is_no_instance_is_told_apart_from_a_missing_one(self) -> None:
        diagnosis = examine(medium(dicomdir(records())), scanned(without=PATHS[:1]))

        assert (diagnosis.found, diagnosis.missing, diagnosis.unusable) == (5, 0, 1)
        assert the(diagnosis, "not-dicom").subject == PATHS[0]

    def test_instances_that_nobody_lists_are_told(self) -> None:
        extra = arrived("DICOM/S1/I9", sop_instance_uid="1.2.3.1.9")

        diagnosis = examine(medium(dicomdir(records()), "DICOM/S1/I9"), scanned(extra))

        assert diagnosis.unlisted == 1
        assert the(diagnosis, "unreferenced").subject == "DICOM/S1/I9"
        assert diagnosis.after.instances == 7

    @pytest.mark.parametrize(
        ("fact", "value", "rule", "what"),
        [
            ("sop_instance_uid", "1.2.3.1.77", "wrong-link", "instance-uid"),
            ("sop_class_uid", MR, "meta-disagrees", "sop-class"),
            ("transfer_syntax_uid", JPEG, "meta-disagrees", "transfer-syntax"),
            ("study_instance_uid", "1.2.77", "wrong-branch", "study-uid"),
            ("series_instance_uid", "1.2.77", "wrong-branch", "series-uid"),
        ],
    )
    def test_what_a_record_says_otherwise_is_taken_from_the_file(
        self, fact: str, value: str, rule: str, what: str
    ) -> None:
        other = arrived(PATHS[2], **{fact: value})

        diagnosis = examine(medium(dicomdir(records())), scanned(other))

        assert rules(diagnosis) == {rule: Severity.WARNING}
        assert diagnosis.mismatched == 1
        (repair,) = diagnosis.repairs
        assert (repair.what, repair.subject) == (what, PATHS[2])

    def test_files_of_another_patient_are_an_error_that_names_both(self) -> None:
        others = [arrived(path, identity=JOHN) for path in PATHS[3:]]

        diagnosis = examine(medium(dicomdir(records())), scanned(*others))

        finding = the(diagnosis, "wrong-person")
        assert finding.severity is Severity.ERROR
        assert "3 files" in finding.message
        assert "Roe^John" in finding.message
        assert "Doe^Jane" in finding.message
        assert diagnosis.mismatched == 3
        assert (diagnosis.before.patients, diagnosis.after.patients) == (1, 2)

    @pytest.mark.parametrize(
        "other",
        [
            PatientIdentity("PID1", "", "Roe^John", "", ""),
            PatientIdentity("PID2", "", "Doe^Jane", "", ""),
            PatientIdentity("PID2", "", "", "", ""),
        ],
    )
    def test_one_fact_that_contradicts_is_enough(self, other: PatientIdentity) -> None:
        diagnosis = examine(medium(dicomdir(records())), scanned(arrived(PATHS[0], identity=other)))

        assert rules(diagnosis) == {"wrong-person": Severity.ERROR}

    @pytest.mark.parametrize(
        "same",
        [
            PatientIdentity("pid1", "", "DOE^JANE^^^", "", ""),
            PatientIdentity("PID1", "CLINIC", "Doe^Jane", "19530417", "F"),
            PatientIdentity("PID1", "", "", "", ""),
            PatientIdentity("", "", "Doe^Jane", "", ""),
        ],
    )
    def test_what_is_spelt_otherwise_or_missing_contradicts_nothing(
        self, same: PatientIdentity
    ) -> None:
        diagnosis = examine(medium(dicomdir(records())), scanned(arrived(PATHS[0], identity=same)))

        assert rules(diagnosis) == {}

    def test_a_name_in_a_wrong_character_set_is_no_other_person(self) -> None:
        tree = [patient("PID1", *records()[0].children, name="M\xc3\xbcller^Jane")]
        named = PatientIdentity("PID1", "", "Müller^Jane", "", "")
        there = scanned(*(arrived(path, identity=named) for path in PATHS))

        diagnosis = examine(medium(dicomdir(tree)), there)

        assert "wrong-person" not in rules(diagnosis)
        assert "identity-spelling" in rules(diagnosis)

    def test_a_supplied_patient_id_contradicts_no_file(self) -> None:
        tree = [patient("NOID-4711", *records()[0].children)]
        there = scanned(
            *(arrived(path, identity=PatientIdentity("", "", "Doe^Jane")) for path in PATHS)
        )

        diagnosis = examine(medium(dicomdir(tree)), there)

        assert rules(diagnosis) == {}

    def test_a_guessed_place_accuses_nobody(self) -> None:
        """The offsets say nothing, and by its position the second study lies under Jane."""
        mixed = [
            patient("PID1"),
            patient("PID2", name="Roe^John"),
            study("1.2.3", series("1.2.3.1", *(image(path, uid_of(path)) for path in PATHS[:3]))),
            study("1.2.4", series("1.2.3.2", *(image(path, uid_of(path)) for path in PATHS[3:]))),
        ]
        for record in mixed:
            record.next_to = 0
        there = scanned(*(arrived(path, study_instance_uid="1.2.4") for path in PATHS[3:]))

        diagnosis = examine(medium(dicomdir(mixed)), there)

        assert diagnosis.found == 6
        assert "wrong-person" not in rules(diagnosis)
        assert len(repairs(diagnosis, "patient")) == 6

    def test_a_file_that_two_records_list_is_counted_once(self) -> None:
        tree = records()
        tree[0].children[0].children[1].children.append(image(PATHS[0], uid_of(PATHS[0])))

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert (diagnosis.listed, diagnosis.found, diagnosis.unlisted) == (6, 6, 0)
        assert the(diagnosis, "referenced-twice").subject == PATHS[0]

    def test_missing_levels_are_told_by_the_files(self) -> None:
        diagnosis = examine(medium(dicomdir(records()[0].children)), scanned())

        assert (diagnosis.before.patients, diagnosis.before.studies) == (0, 1)
        assert diagnosis.after.patients == 1
        assert diagnosis.mismatched == 0
        assert [one.what for one in diagnosis.repairs] == ["missing-level"]

    def test_what_readers_see_is_told_of_records_that_only_the_doctor_found(self) -> None:
        """A length that swallows two images and one offset: the chain ends before them."""
        content = bytearray(dicomdir(records()))
        places = record_places(bytes(content))
        struct.pack_into("<I", content, places[3] + 4, places[6] - places[3] - 8)

        diagnosis = examine(medium(bytes(content)), scanned())

        assert (diagnosis.listed, diagnosis.found, diagnosis.mismatched) == (6, 6, 0)
        assert diagnosis.before.lines == (
            TreeLine(0, "Doe^Jane (PID1)", 4),
            TreeLine(1, "1.2.3", 4),
            TreeLine(2, "1.2.3.1", 1),
            TreeLine(2, "1.2.3.2", 3),
        )
        assert diagnosis.after.instances == 6


class TestJudging:
    def test_the_directory_of_another_disc_is_known_as_that(self) -> None:
        tree = [
            patient(
                "P9", study("9.1", series("9.2", *(image(f"X/{i}", f"9.3.{i}") for i in range(40))))
            )
        ]

        diagnosis = examine(medium(dicomdir(tree)), scanned())

        assert the(diagnosis, "foreign-directory").severity is Severity.ERROR
        assert (diagnosis.found, diagnosis.missing, diagnosis.unlisted) == (0, 40, 6)

    def test_the_same_names_with_other_instances_are_another_disc_too(self) -> None:
        others = [
            arrived(path, sop_instance_uid=f"9.{n}", study_instance_uid="9", identity=JOHN)
            for n, path in enumerate(PATHS)
        ]

        diagnosis = examine(medium(dicomdir(records())), scanned(*others))

        assert {"foreign-directory", "wrong-person"} <= rules(diagnosis).keys()

    def test_a_directory_that_knows_half_is_out_of_date(self) -> None:
        gone = PATHS[:3]
        new = [f"DICOM/S1/N{n}" for n in range(3)]
        there = scanned(
            *(arrived(path, sop_instance_uid=f"9.{n}") for n, path in enumerate(new)), without=gone
        )

        diagnosis = examine(medium(dicomdir(records()), *new, without=gone), there)

        assert the(diagnosis, "stale-directory").severity is Severity.WARNING

    def test_a_medium_with_part_of_its_files_is_only_incomplete(self) -> None:
        diagnosis = examine(
            medium(dicomdir(records()), without=PATHS[1:]), scanned(without=PATHS[1:])
        )

        assert rules(diagnosis) == {"missing-file": Severity.ERROR}

    def test_many_faults_of_one_kind_are_counted(self) -> None:
        names = [f"X/{n:03}" for n in range(120)]
        there = ScannedFiles(
            [arrived(path, sop_instance_uid=f"9.{n}") for n, path in enumerate(names)]
        )

        diagnosis = examine(MemoryVolume({"DICOMDIR": dicomdir([])}), there)

        told = [one for one in diagnosis.findings if one.rule == "unreferenced"]
        done = [one for one in diagnosis.repairs if one.what == "unreferenced"]
        assert len(told) == len(done) == 51
        assert told[-1].message.startswith("70 more")
        assert done[-1] == Repair("unreferenced", "", "", "70 more of this kind", 70)
        assert (diagnosis.unlisted, diagnosis.repaired) == (120, 120)

    def test_a_summary_of_many_series_names_some_and_counts_all(self) -> None:
        there = ScannedFiles(
            [
                arrived(f"X/{n:04}", sop_instance_uid=f"9.{n}", series_instance_uid=f"8.{n}")
                for n in range(1000)
            ]
        )

        summary = examine(MemoryVolume({"A": b""}), there).after

        assert (summary.patients, summary.studies, summary.series) == (1, 1, 1000)
        assert len(summary.lines) == 400
        assert summary.unnamed == 1002 - 400

    def test_what_belongs_to_no_patient_is_counted_as_an_instance(self) -> None:
        protocol = Record("HANGING PROTOCOL", b"", [], "HP1", "1.2.9.9", "1.2.840.10008.5.1.4.38.1")
        nobody = arrived(
            "HP1",
            sop_instance_uid="1.2.9.9",
            sop_class_uid="1.2.840.10008.5.1.4.38.1",
            study_instance_uid="",
            series_instance_uid="",
            identity=PatientIdentity(),
        )

        diagnosis = examine(
            medium(dicomdir([*records(), protocol]), "HP1"), scanned(nobody)
        )  # fmt: skip

        assert diagnosis.before.instances == diagnosis.after.instances == 7
        assert (diagnosis.after.patients, diagnosis.mismatched) == (1, 0)


class Guarded(MemoryVolume):
    """A medium that notes what is opened, and some of whose files cannot be."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(files)
        self.opened: list[str] = []

    def open(self, path: str) -> BinaryIO:
        self.opened.append(path)
        if path.endswith("BAD"):
            raise MediaError("a scratch")
        return io.BytesIO(b"") if path == "DICOM" else super().open(path)


_NAMES = st.sampled_from(
    [*PATHS, *(path.lower() for path in PATHS), "..\\..\\X", "C:\\X", "A\\B\\..\\..\\..\\C", "\\X",
     "I1", "S1\\I1", "DICOM\\S1\\I1.DCM", "DICOMDIR", "README.TXT", "", "\\", "/", "A" * 70]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_a_directory_says_it_opens_and_names_nothing_but_the_medium(
    data: st.DataObject,
) -> None:
    tree = records()
    for leaf in leaves(tree):
        if data.draw(st.booleans()):
            leaf.file_id = data.draw(_NAMES)
        if data.draw(st.integers(0, 3)) == 0:
            leaf.uid = data.draw(st.sampled_from(["", "1.2.3.1.1", "1.2.3.2.2", "9.9"]))
    content = bytearray(dicomdir(tree, undefined=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(300, len(content) - 1))
        match data.draw(st.sampled_from(["bit", "cut", "run"])):
            case "bit":
                content[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 500))]
            case _:
                content[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
        if len(content) < 302:
            break
    kept = data.draw(st.lists(st.sampled_from(PATHS), unique=True))
    files = {"DICOMDIR": bytes(content), **dict.fromkeys(kept, b"")}
    volume = Guarded(files)
    there = ScannedFiles([arrived(path) for path in kept])

    diagnosis = examine(volume, there)

    assert set(volume.opened) == {"DICOMDIR"}
    assert {after for _, _, after in repairs(diagnosis, "file-name")} - {
        one.after for one in diagnosis.repairs if not one.subject
    } <= set(files)
    assert diagnosis.found + diagnosis.unlisted == len(kept)
    assert diagnosis.after.instances == len(kept)
    assert diagnosis.listed == diagnosis.found + diagnosis.missing + diagnosis.unusable


def test_a_key_that_cannot_be_decoded_stops_nothing() -> None:
    tree = [patient("PID1", *records()[0].children)]
    tree[0].keys = element(0x00080005, "CS", b"\xff\xfe\x00X") + element(
        0x00100010, "PN", bytes(range(128, 256))
    )

    assert examine(medium(dicomdir(tree)), scanned()).found == 6
