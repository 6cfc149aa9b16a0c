"""Type 1 keys that the object lacks are supplied and told (PS3.11, D.3.3.1)."""

from __future__ import annotations

import pytest

from mediastation.fileset.dicomdir import FileSetInstance
from mediastation.fileset.siblings import SiblingValue
from mediastation.model.instance import Element
from tests.fileset.building import JANE, built, leaf, upper
from tests.support.dicomdir_walk import elements_of, items_of
from tests.support.record_headers import EXPLICIT_LE, header
from tests.support.record_objects import CONTENT, OBJECTS, ROOT_TYPES, UIDS


class TestSupplied:
    """Type 1 keys that the object lacks (PS3.11, D.3.3.1)."""

    def test_the_general_profile_s_keys_are_supplied_and_told_once_per_record(self) -> None:
        bare = dict.fromkeys(
            (0x00080020, 0x00080030, 0x00080060, 0x00200010, 0x00200011, 0x00200013)
        )
        records, summary = built(FileSetInstance(header(bare), EXPLICIT_LE, JANE))
        _, study, series, image = records

        assert study.text(0x00080020) == "20260504"
        assert study.text(0x00080030) == "030201"
        assert 1 <= len(study.text(0x00200010)) <= 16
        assert series.text(0x00080060) == "OT"
        assert series.text(0x00200011) == "1"
        assert image.text(0x00200013) == "1"
        assert [finding.rule for finding in summary.findings] == ["key-supplied"] * 3
        assert [finding.severity.value for finding in summary.findings] == [
            "warning",
            "warning",
            "note",
        ]
        assert "StudyDate '20260504'" in summary.findings[0].message
        assert "PS3.3 F.5.2" in summary.findings[0].reference

    @pytest.mark.parametrize(
        ("present", "date", "time"),
        [
            ({0x00080021: "20240102", 0x00080031: "0102"}, "20240102", "0102"),
            ({0x00080022: "20240103", 0x00080032: "0103"}, "20240103", "0103"),
            ({0x00080023: "20240104", 0x00080033: "0104"}, "20240104", "0104"),
            ({0x00080012: "20240105", 0x00080013: "0105"}, "20240105", "0105"),
            # Series before acquisition, and date and time of one moment.
            (
                {
                    0x00080021: "20240102",
                    0x00080022: "20240103",
                    0x00080032: "0103",
                    0x00080012: "20240102",
                    0x00080013: "0909",
                },
                "20240102",
                "0909",
            ),
            # A date alone gets midnight: the time of burning is no fact about a study.
            ({0x00080021: "20240102"}, "20240102", "000000"),
            ({0x00080021: "00000000", 0x00080022: "20240103"}, "20240103", "000000"),
        ],
    )
    def test_study_date_and_time_come_from_the_object_s_other_dates(
        self, present: dict[int, str], date: str, time: str
    ) -> None:
        changes: dict[int, tuple[str, str | bytes | int] | None] = {
            0x00080020: None,
            0x00080030: ("TM", ""),
        }
        changes |= {
            tag: ("DA" if tag & 0xF0 in (0x10, 0x20) and tag != 0x00080013 else "TM", value)
            for tag, value in present.items()
        }
        study, _ = upper(1, changes)

        assert (study.text(0x00080020), study.text(0x00080030)) == (date, time)

    def test_a_sibling_s_study_date_goes_before_the_object_s_other_dates(self) -> None:
        study, messages = upper(
            1,
            {0x00080020: None, 0x00080021: ("DA", "20240102")},
            {0x00080020: SiblingValue(Element("DA", b"20231231"))},
        )

        assert study.text(0x00080020) == "20231231"
        assert study.text(0x00080030) == "112233"
        assert "of another instance" in messages["key-supplied"]

    def test_content_date_falls_back_to_the_study_s(self) -> None:
        record, _ = leaf({}, UIDS + "9.1.1")

        assert record.text(0x00080023) == "20240131"
        assert record.text(0x00080033) == "112233"

    def test_content_date_falls_back_to_what_the_study_was_given(self) -> None:
        record, _ = leaf({0x00080020: None, 0x00080030: None}, UIDS + "9.1.1")

        assert record.text(0x00080023) == "20260504"
        assert record.text(0x00080033) == "030201"

    def test_a_missing_title_is_said_in_a_code_of_our_own(self) -> None:
        record, messages = leaf(CONTENT, UIDS + "88.11")
        (item,) = items_of(record.elements[0x0040A043][1])

        assert elements_of(item)[0x00080102][1].startswith(b"99")
        assert record.text(0x0040A491) == "PARTIAL"
        assert record.text(0x0040A493) == "UNVERIFIED"
        assert "ConceptNameCodeSequence" in messages["key-supplied"]

    def test_numbers_go_on_from_the_highest_sibling(self) -> None:
        instances = [
            FileSetInstance(
                header({0x00200013: None if number is None else ("IS", number)}, uid=f"1.2.{uid}"),
                EXPLICIT_LE,
                JANE,
            )
            for uid, number in enumerate(["5", None, "2", None, "2147483647", None])
        ]
        records, _ = built(*instances)

        assert [record.text(0x00200013) for record in records[3:]] == [
            "5",
            "6",
            "2",
            "7",
            "2147483647",
            "6",
        ]

    @pytest.mark.parametrize("name", sorted(OBJECTS))
    def test_an_object_without_anything_still_gives_a_conformant_record(self, name: str) -> None:
        """Every key but Type 1C and 3 is there; Type 1 has a value."""
        sop_class, _, tags = OBJECTS[name]
        person = None if name in ROOT_TYPES else JANE
        records, _ = built(
            FileSetInstance(header({0x00200013: None}, sop_class=sop_class), EXPLICIT_LE, person)
        )
        record = records[-1]
        optional = {"00280010", "00700084", "30100033", "00081115"}
        if name in ("STEREOMETRIC", "PLAN", "SURFACE SCAN"):
            optional |= {"00200013", "00700080", "00700081"}
        if name == "RADIOTHERAPY":
            optional -= {"00700084"}
        found = {f"{tag:08X}" for tag in record.elements if tag >> 16 > 4}

        assert found == set(tags.split()) - (optional if name != "SPECTROSCOPY" else set())
        empty = {f"{tag:08X}" for tag, (_, value) in record.elements.items() if not value}
        # Type 2 in the tables of F.5.
        may_be_empty = (
            "00080013 00080023 00080033 00080400 00080401 00200013 0040A043 00420010 00700081 "
            "00700084 0072000E 30060008 30060009 30080250 30080251 300A0006 300A0007"
        )
        assert empty <= set(may_be_empty.split())
