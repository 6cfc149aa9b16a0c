"""A directory that takes over the records of another one."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pydicom
import pytest

from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance
from mediastation.fileset.kept import ExistingFileSet, KeptRecord
from mediastation.model.element_encoding import encode_element, encode_item
from tests.support.dicomdir_walk import WalkedDicomdir, walk
from tests.support.trees import MOMENT, instance, protocol, shape

OLD = "1.2.3.77"
HEAD = {0x00041130: encode_element(0x00041130, "CS", b"OLD_ID")}


def record(
    level: int, record_type: str, values: dict[int, tuple[str, bytes]], uid: str = "", **more: bytes
) -> KeptRecord:
    elements = encode_element(0x00041430, "CS", record_type.encode())
    if uid:
        elements += encode_element(0x00041500, "CS", b"OLD\\" + uid.replace(".", "").encode())
        elements += encode_element(0x00041511, "UI", uid.encode())
    elements += b"".join(encode_element(tag, *value) for tag, value in sorted(values.items()))
    elements += more.get("extra", b"")
    plain = {tag: value for tag, (_, value) in values.items()}
    return KeptRecord(level, record_type, elements, plain, uid)


def old_tree() -> list[KeptRecord]:
    """Person A, study 1.1, series 1.1.1, image 1.1.1.9 with number 9."""
    return [
        record(0, "PATIENT", {0x00100010: ("PN", b"Name^A"), 0x00100020: ("LO", b"ID-A")}),
        record(
            1,
            "STUDY",
            {
                0x00080020: ("DA", b"20200101"),
                0x00080030: ("TM", b"1200"),
                0x0020000D: ("UI", b"1.1\0"),
            },
        ),
        record(2, "SERIES", {0x0020000E: ("UI", b"1.1.1\0"), 0x00200011: ("IS", b"3 ")}),
        record(3, "IMAGE", {0x00200013: ("IS", b"9 ")}, "1.1.1.9"),
    ]


def updated(
    *instances: FileSetInstance,
    kept: Iterable[KeptRecord] | None = None,
    names: Iterable[str] = (),
    head: dict[int, bytes] | None = None,
) -> tuple[WalkedDicomdir, list[str], FileSetBuilder]:
    output = io.BytesIO()
    builder = FileSetBuilder(
        output,
        file_set_uid=OLD,
        file_set_id="",
        moment=MOMENT,
        existing=ExistingFileSet(HEAD if head is None else head, frozenset(names)),
    )
    for one in old_tree() if kept is None else kept:
        builder.keep(one)
    paths = ["/".join(builder.add(one)) for one in instances]
    builder.close()
    return walk(output.getvalue()), paths, builder


class TestKeeping:
    def test_every_element_behind_the_offsets_is_kept_byte_for_byte(self) -> None:
        private = encode_element(0x00091001, "LO", b"SECRET ") + encode_element(
            0x00880200, "SQ", encode_item(encode_element(0x00280010, "US", b"\x40\0"))
        )
        kept = old_tree()
        kept[3] = record(3, "IMAGE", {0x00080005: ("CS", b"ISO_IR 100")}, "1.1.1.9", extra=private)
        output = io.BytesIO()
        builder = FileSetBuilder(
            output, file_set_uid=OLD, file_set_id="", moment=MOMENT,
            existing=ExistingFileSet(HEAD, frozenset()),
        )  # fmt: skip
        for one in kept:
            builder.keep(one)
        builder.close()

        assert all(one.elements in output.getvalue() for one in kept)

    def test_the_head_of_the_old_directory_stays(self) -> None:
        head = HEAD | {
            0x00041141: encode_element(0x00041141, "CS", b"README"),
            0x00090010: encode_element(0x00090010, "LO", b"ACME"),
            0xFFFCFFFC: encode_element(0xFFFCFFFC, "OB", b"\0\0"),
        }
        output = io.BytesIO()
        builder = FileSetBuilder(
            output, file_set_uid=OLD, file_set_id="", moment=MOMENT,
            existing=ExistingFileSet(head, frozenset()),
        )  # fmt: skip
        for one in old_tree():
            builder.keep(one)
        builder.close()
        ds = pydicom.dcmread(io.BytesIO(output.getvalue()))

        assert ds.file_meta.MediaStorageSOPInstanceUID == OLD
        assert (ds.FileSetID, ds.FileSetDescriptorFileID) == ("OLD_ID", "README")
        assert ds.FileSetConsistencyFlag == 0
        assert (ds[0x00090010].value, ds[0xFFFCFFFC].value) == ("ACME", b"\0\0")
        first, last = (
            ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity,
            ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity,
        )
        patient = ds.DirectoryRecordSequence[0]
        assert first == last == patient.seq_item_tell

    def test_nothing_added_gives_the_old_tree(self) -> None:
        directory, _, builder = updated()

        assert shape(directory.root) == ["PATIENT", ["STUDY", ["SERIES", ["IMAGE"]]]]
        assert builder.close().instances == 1


class TestAdding:
    def test_what_belongs_to_a_kept_series_goes_behind_its_last_record(self) -> None:
        directory, _, _ = updated(instance(uid="1.1.1.10"), instance(uid="1.1.1.11"))

        assert shape(directory.root) == [
            "PATIENT", ["STUDY", ["SERIES", ["IMAGE", "IMAGE", "IMAGE"]]]
        ]  # fmt: skip

    def test_a_new_series_goes_behind_the_kept_ones_of_its_study(self) -> None:
        directory, _, _ = updated(instance(series="1.1.2", uid="1.1.2.1"))

        assert shape(directory.root) == [
            "PATIENT", ["STUDY", ["SERIES", ["IMAGE"], "SERIES", ["IMAGE"]]]
        ]  # fmt: skip

    def test_another_person_gets_a_record_of_his_own(self) -> None:
        directory, _, _ = updated(
            instance(uid="1.1.1.10"),
            instance("B", "1.2", "1.2.1", "1.2.1.1"),
            protocol("1.9"),
        )

        tree = ["STUDY", ["SERIES", ["IMAGE"]]]
        grown = ["STUDY", ["SERIES", ["IMAGE", "IMAGE"]]]
        assert shape(directory.root) == ["PATIENT", grown, "PATIENT", tree, "HANGING PROTOCOL"]

    def test_missing_numbers_go_on_from_the_kept_ones(self) -> None:
        directory, _, _ = updated(
            instance(uid="1.1.1.10", t00200013=None),
            instance(series="1.1.2", uid="1.1.2.1", t00200011=None),
        )

        (study,) = directory.root[0].children
        new_image = study.children[0].children[1]
        assert new_image.elements[0x00200013][1].strip() == b"10"
        assert study.children[1].elements[0x00200011][1].strip() == b"4"

    def test_what_a_kept_record_says_otherwise_is_told(self) -> None:
        _, _, builder = updated(instance(uid="1.1.1.10", t00100010=("PN", "Other^Name")))

        assert ("record-disagrees", "ID-A") in {
            (finding.rule, finding.subject) for finding in builder.close().findings
        }

    @pytest.mark.parametrize(
        ("new", "rule"),
        [
            (instance(uid="1.1.1.9"), "duplicate-instance"),
            (instance("B", "1.1", "1.1.7", "1.1.7.1"), "study-of-two"),
            (instance("A", "1.5", "1.1.1", "1.5.1.1"), "series-in-two"),
        ],
    )
    def test_what_lies_elsewhere_already_is_refused(self, new: FileSetInstance, rule: str) -> None:
        with pytest.raises(RefusedError) as refused:
            updated(new)

        assert [finding.rule for finding in refused.value.findings] == [rule]


class TestNames:
    @pytest.mark.parametrize(
        ("names", "path"),
        [
            ((), "DICOM/PT000001"),
            (("DICOM/PT000001/IM1", "DICOM/PT000003/X"), "DICOM/PT000002"),
            (("DICOM/PT000001",), "DICOM/PT000002"),
            (("DICOM/pt000001/im1",), "DICOM/PT000002"),
            (("DICOM",), "DICOM001/PT000001"),
            (("dicom/README",), "DICOM001/PT000001"),
            (("dicom",), "DICOM001/PT000001"),
        ],
    )
    def test_new_names_are_free_in_any_letter_case(self, names: list[str], path: str) -> None:
        _, (added,), _ = updated(instance(uid="1.1.1.10"), names=names)

        assert added == f"{path}/ST000001/SE000001/IM000001"

    def test_objects_of_nobody_get_a_free_name_too(self) -> None:
        _, paths, _ = updated(protocol("1.9"), names=["DICOM/RT000000/OB000001"])

        assert paths == ["DICOM/RT000001/OB000001"]
