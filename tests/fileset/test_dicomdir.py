"""The File-set builder: tree, offsets, refusals, identity (PS3.3 F.2, F.3; PS3.10 8)."""

from __future__ import annotations

import io
from typing import Any

import pytest

import mediastation
from mediastation.errors import MediaError, RefusedError
from mediastation.fileset import directory
from mediastation.fileset.dicomdir import FileSetInstance
from tests.support.dicomdir_walk import walk
from tests.support.trees import builder, directory_of, instance, protocol, shape


class TestFile:
    def test_the_file_meta_names_the_directory_and_this_station(self) -> None:
        meta = directory_of(instance()).meta

        assert list(meta) == [
            0x00020000,
            0x00020001,
            0x00020002,
            0x00020003,
            0x00020010,
            0x00020012,
            0x00020013,
        ]
        assert meta[0x00020001] == ("OB", b"\0\1")
        assert meta[0x00020002] == ("UI", b"1.2.840.10008.1.3.10")
        assert meta[0x00020003] == ("UI", b"1.2.3.99")
        assert meta[0x00020010] == ("UI", b"1.2.840.10008.1.2.1\0")
        assert meta[0x00020012][1].rstrip(b"\0").decode() == mediastation.IMPLEMENTATION_CLASS_UID
        assert meta[0x00020013][1].rstrip().decode() == mediastation.IMPLEMENTATION_VERSION_NAME

    def test_the_data_set_has_the_two_modules_and_nothing_else(self) -> None:
        elements = directory_of(instance()).elements

        assert list(elements) == [0x00041130, 0x00041200, 0x00041202, 0x00041212, 0x00041220]
        assert elements[0x00041130] == ("CS", b"TEST")
        assert elements[0x00041212] == ("US", b"\0\0")

    def test_a_descriptor_is_named_with_its_character_set(self) -> None:
        elements = directory_of(
            instance(), descriptor=("DOC", "README"), descriptor_character_set="ISO_IR 192"
        ).elements

        assert elements[0x00041141] == ("CS", b"DOC\\README")
        assert elements[0x00041142] == ("CS", b"ISO_IR 192")

    def test_every_record_is_in_use(self) -> None:
        for record in directory_of(instance()).records():
            assert record.elements[0x00041410] == ("US", b"\xff\xff")

    def test_a_set_without_instances_is_a_valid_directory_and_an_error(self) -> None:
        output = io.BytesIO()
        summary = builder(output, file_set_id="").close()
        empty = walk(output.getvalue())

        assert empty.root == []
        assert empty.elements[0x00041130] == ("CS", b"")
        assert [(one.rule, one.severity.value) for one in summary.findings] == [
            ("empty-file-set", "error")
        ]

    def test_the_output_is_written_from_its_beginning_and_cut_behind(self) -> None:
        output = io.BytesIO(b"x" * 100_000)
        output.seek(500)
        file_set = builder(output)
        file_set.add(instance())
        summary = file_set.close()

        assert len(output.getvalue()) == summary.size_bytes
        walk(output.getvalue())

    @pytest.mark.parametrize(
        "changes",
        [
            {"file_set_id": "lower"},
            {"file_set_id": "X" * 17},
            {"file_set_uid": ""},
            {"file_set_uid": "1.2.x"},
            {"descriptor": ("README.TXT",)},
        ],
    )
    def test_illegal_identifiers_are_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(RefusedError):
            builder(**changes)


class TestTree:
    def test_records_hang_where_they_belong(self) -> None:
        found = directory_of(
            instance(),
            instance(uid="1.1.1.2"),
            instance(series="1.1.2", uid="1.1.2.1"),
            instance(study="1.2", series="1.2.1", uid="1.2.1.1"),
            instance("B", "2.1", "2.1.1", "2.1.1.1"),
        )

        assert shape(found.root) == [
            "PATIENT",
            [
                "STUDY",
                ["SERIES", ["IMAGE", "IMAGE"], "SERIES", ["IMAGE"]],
                "STUDY",
                ["SERIES", ["IMAGE"]],
            ],
            "PATIENT",
            ["STUDY", ["SERIES", ["IMAGE"]]],
        ]

    def test_what_has_no_patient_lies_in_the_root_and_interrupts_nobody(self) -> None:
        found = directory_of(
            protocol("9.1"),
            instance(),
            protocol("9.2"),
            instance(uid="1.1.1.2"),
            protocol("9.3"),
        )

        assert shape(found.root) == [
            "HANGING PROTOCOL",
            "PATIENT",
            ["STUDY", ["SERIES", ["IMAGE", "IMAGE"]]],
            "HANGING PROTOCOL",
            "HANGING PROTOCOL",
        ]

    def test_records_refer_to_the_file_ids_that_were_returned(self) -> None:
        output = io.BytesIO()
        file_set = builder(output)
        file_ids = [
            file_set.add(one) for one in (protocol("9.1"), instance(), instance(uid="1.1.1.2"))
        ]
        summary = file_set.close()
        leaves = [one for one in walk(output.getvalue()).records() if 0x00041500 in one.elements]

        assert [tuple(one.text(0x00041500).split("\\")) for one in leaves] == file_ids
        assert summary.instances == 3
        assert summary.records == {
            "HANGING PROTOCOL": 1,
            "IMAGE": 2,
            "PATIENT": 1,
            "SERIES": 1,
            "STUDY": 1,
        }

    def test_a_later_study_of_one_series_each_links_across_the_write_buffer(self) -> None:
        """Siblings lie megabytes apart, so their links are patched in the file itself."""
        instances = [
            instance(series=f"1.1.{number}", uid=f"1.1.{number}.1", t00081030=("LO", "x" * 64))
            for number in range(1, 6000)
        ]
        found = directory_of(
            *instances,
            instance(study="1.2", series="1.2.1", uid="1.2.1.1"),
            instance("B", "2.1", "2.1.1", "2.1.1.1"),
        )

        assert [record.type for record in found.root] == ["PATIENT", "PATIENT"]
        assert len(found.root[0].children) == 2
        assert len(found.root[0].children[0].children) == 5999

    def test_the_same_instances_give_the_same_bytes(self) -> None:
        def once() -> bytes:
            output = io.BytesIO()
            file_set = builder(output)
            for one in (instance(t00080020=None), protocol("9.1"), instance(uid="1.1.1.2")):
                file_set.add(one)
            file_set.close()
            return output.getvalue()

        assert once() == once()


class TestRefusals:
    def refusal(self, *before: FileSetInstance, last: FileSetInstance) -> str:
        """The rule by which `last` is refused; the others stay, and the directory sound."""
        output, plain = io.BytesIO(), io.BytesIO()
        file_set, without = builder(output), builder(plain)
        for one in before:
            assert file_set.add(one) == without.add(one)
        with pytest.raises(RefusedError) as caught:
            file_set.add(last)
        after = instance("Z", "7.1", "7.1.1", "7.1.1.1")
        assert file_set.add(after) == without.add(after)
        assert file_set.close() == without.close()
        assert output.getvalue() == plain.getvalue()
        (finding,) = caught.value.findings
        assert finding.severity.value == "error"
        assert finding.subject == last.header.sop_instance_uid
        return str(finding.rule)

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"uid": ""}, "missing-identifier"),
            ({"uid": "1.x"}, "illegal-identifier"),
            ({"uid": "1." * 40 + "1"}, "illegal-identifier"),
            ({"t0020000D": None}, "missing-identifier"),
            ({"t0020000D": ("UI", b"\0\0")}, "missing-identifier"),
            ({"t0020000D": ("UI", b"\xfcber")}, "illegal-identifier"),
            ({"t0020000E": None}, "missing-identifier"),
            ({"t0020000E": ("SQ", b"")}, "missing-identifier"),
            ({"sop_class": ""}, "missing-identifier"),
            ({"sop_class": "1.2.840.10008.5.1.4.1.1.200.2"}, "no-record-type"),
            ({"sop_class": "1.2.840.10008.1.3.10"}, "no-record-type"),
            ({"sop_class": "1.3.6.1.4.1.5"}, "no-record-type"),
            ({"person": None}, "missing-identifier"),
            ({"patient_id": "  "}, "missing-identifier"),
            ({"patient_id": "\0\n"}, "missing-identifier"),
            ({"patient_id": "x" * 70_000, "t00100020": None}, "patient-id"),
            ({"patient_id": "Ünbekannt", "t00100020": ("LO", "other")}, "patient-id"),
        ],
    )
    def test_one_that_no_record_can_hold(self, changes: dict[str, Any], rule: str) -> None:
        assert self.refusal(last=instance(**changes)) == rule

    def test_a_second_instance_of_one_uid(self) -> None:
        assert self.refusal(instance(), last=instance()) == "duplicate-instance"
        assert self.refusal(protocol("1.1.1.1"), last=instance()) == "duplicate-instance"
        assert (
            self.refusal(instance(), last=instance("B", "2.1", "2.1.1", "1.1.1.1"))
            == "duplicate-instance"
        )

    def test_one_patient_id_of_two_people(self) -> None:
        other = instance("B", "2.1", "2.1.1", "2.1.1.1", patient_id="ID-A ")

        assert self.refusal(instance(), last=other) == "patient-id-of-two"

    def test_two_patient_ids_that_are_recorded_alike(self) -> None:
        first = instance(patient_id="A/B")
        other = instance("B", "2.1", "2.1.1", "2.1.1.1", patient_id="A\\B")

        assert self.refusal(first, last=other) == "patient-id-of-two"

    def test_one_study_of_two_people(self) -> None:
        other = instance("B", "1.1", "2.1.1", "2.1.1.1")

        assert self.refusal(instance(), last=other) == "study-of-two"

    def test_one_series_in_two_studies(self) -> None:
        within = instance("A", "1.2", "1.1.1", "1.2.1.1")
        across = instance("B", "2.1", "1.1.1", "2.1.1.1")

        assert self.refusal(instance(), last=within) == "series-in-two"
        assert self.refusal(instance(), last=across) == "series-in-two"

    def test_a_person_study_or_series_that_was_left_already(self) -> None:
        b = instance("B", "2.1", "2.1.1", "2.1.1.1")
        second_study = instance("A", "1.2", "1.2.1", "1.2.1.1")
        second_series = instance("A", "1.1", "1.1.2", "1.1.2.1")
        new_study = instance("A", "1.3", "1.3.1", "1.3.1.1")
        again = instance(uid="1.1.1.9")

        assert self.refusal(instance(), b, last=new_study) == "out-of-order"
        assert self.refusal(instance(), second_study, last=again) == "out-of-order"
        assert self.refusal(instance(), second_series, last=again) == "out-of-order"

    def test_more_than_offsets_can_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(directory, "MAX_DICOMDIR_BYTES", 6000)
        output = io.BytesIO()
        file_set = builder(output)

        def add_many() -> None:
            for number in range(100):
                file_set.add(instance(uid=f"1.1.1.{number}"))

        with pytest.raises(RefusedError, match="4 GiB") as caught:
            add_many()
        assert [finding.rule for finding in caught.value.findings] == ["directory-full"]
        summary = file_set.close()

        assert 1 <= summary.instances < 100
        assert summary.size_bytes <= 6000
        walk(output.getvalue())

    def test_a_closed_set_takes_no_more_and_says_the_same_again(self) -> None:
        file_set = builder()
        file_set.add(instance())
        summary = file_set.close()

        assert file_set.close() is summary
        with pytest.raises(ValueError, match="closed"):
            file_set.add(instance(uid="1.1.1.2"))

    def test_a_full_disk_is_told(self) -> None:
        class Full(io.BytesIO):
            def write(self, _data: Any) -> int:
                raise OSError(28, "No space left on device")

        file_set = builder(Full())
        file_set.add(instance())
        with pytest.raises(MediaError, match="No space left"):
            file_set.close()


class TestIdentity:
    def test_the_confirmed_patient_id_wins_and_is_told(self) -> None:
        output = io.BytesIO()
        file_set = builder(output)
        file_set.add(instance(patient_id="NOID-1", supplied=True, t00100020=None))
        file_set.add(instance(patient_id="NOID-1", supplied=True, uid="1.1.1.2"))
        summary = file_set.close()

        assert walk(output.getvalue()).root[0].text(0x00100020) == "NOID-1"
        assert [finding.rule for finding in summary.findings] == ["key-supplied"]
        assert "PatientID 'NOID-1'" in summary.findings[0].message

    @pytest.mark.parametrize(
        ("patient_id", "recorded"),
        [("A\\B", "A/B"), ("A\nB ", "AB"), ("x" * 80, "x" * 80)],
    )
    def test_a_patient_id_becomes_one_value_and_is_never_cut(
        self, patient_id: str, recorded: str
    ) -> None:
        output = io.BytesIO()
        file_set = builder(output)
        file_set.add(instance(patient_id=patient_id, t00100020=("LO", patient_id.encode())))
        summary = file_set.close()

        assert walk(output.getvalue()).root[0].text(0x00100020) == recorded
        assert [finding.rule for finding in summary.findings] == ["key-changed"]

    def test_a_patient_id_beyond_ascii_is_copied_in_its_own_set(self) -> None:
        found = directory_of(
            instance(
                patient_id="Ünbekannt",
                t00100020=("LO", "Ünbekannt".encode("latin-1")),
                t00080005=("CS", "ISO_IR 100"),
            )
        ).root[0]

        assert found.elements[0x00100020][1].rstrip() == "Ünbekannt".encode("latin-1")
        assert found.text(0x00080005) == "ISO_IR 100"
