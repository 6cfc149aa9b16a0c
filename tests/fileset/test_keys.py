"""What each Directory Record type holds, from objects made by hand (PS3.3, F.5)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime

import pytest

from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, FileSetSummary, Person
from mediastation.model.instance import Element
from mediastation.model.record import AdditionalKey, Key
from tests.support.dicomdir_walk import WalkedRecord, elements_of, items_of, walk
from tests.support.record_headers import EXPLICIT_LE, code, header, raw, sequence

MOMENT = datetime(2026, 5, 4, 3, 2, 1)
JANE = Person("jane", "P1")
UIDS = "1.2.840.10008.5.1.4.1.1."
CONTENT = {0x00080023: ("DA", "20240201"), 0x00080033: ("TM", "0102")}
IDENTIFICATION = {
    0x00700080: ("CS", "LABEL"),
    0x00700081: ("LO", "What it is"),
    0x00700084: ("PN", "Maker^Mary"),
}
PRESENTED = {0x00700082: ("DA", "20240202"), 0x00700083: ("TM", "0203")}
REFERENCE = {0x00081150: ("UI", UIDS + "2"), 0x00081155: ("UI", "1.2.9")}
RELATED = {
    0x00081115: (
        "SQ",
        sequence({0x0020000E: ("UI", "1.2.3.4"), 0x00081140: ("SQ", sequence(REFERENCE))}),
    )
}
TITLE = {0x0040A043: ("SQ", code("18748-4", "Diagnostic Imaging Report", "LN"))}

# One object for each record type: SOP Class, what it has, and the keys of its record.
OBJECTS: dict[str, tuple[str, dict[int, tuple[str, str | bytes | int]], str]] = {
    "IMAGE": (UIDS + "2", {0x00280010: ("US", 512)}, "00200013 00280010"),
    "RT DOSE": (UIDS + "481.2", {0x3004000A: ("CS", "PLAN")}, "00200013 3004000A"),
    "RT STRUCTURE SET": (
        UIDS + "481.3",
        {0x30060002: ("SH", "Organs")},
        "00200013 30060002 30060008 30060009",
    ),
    "RT PLAN": (
        UIDS + "481.8",
        {0x300A0002: ("SH", "Boost"), 0x300A0006: ("DA", "20240101")},
        "00200013 300A0002 300A0006 300A0007",
    ),
    "RT TREAT RECORD": (UIDS + "481.4", {}, "00200013 30080250 30080251"),
    "PRESENTATION": (
        UIDS + "11.1",
        {**PRESENTED, **IDENTIFICATION, **RELATED},
        "00081115 00200013 00700080 00700081 00700082 00700083 00700084",
    ),
    "WAVEFORM": (UIDS + "9.1.1", CONTENT, "00080023 00080033 00200013"),
    "SR DOCUMENT": (
        UIDS + "88.11",
        {**CONTENT, **TITLE, 0x0040A491: ("CS", "COMPLETE"), 0x0040A493: ("CS", "UNVERIFIED")},
        "00080023 00080033 00200013 0040A043 0040A491 0040A493",
    ),
    "KEY OBJECT DOC": (
        UIDS + "88.59",
        {**CONTENT, **TITLE},
        "00080023 00080033 00200013 0040A043",
    ),
    "SPECTROSCOPY": (
        UIDS + "4.2",
        {
            **CONTENT,
            0x00080008: ("CS", "ORIGINAL\\PRIMARY\\SPECTROSCOPY\\NONE"),
            0x00280008: ("IS", "1"),
            0x00280010: ("US", 8),
            0x00280011: ("US", 9),
            0x00289001: ("UL", 1),
            0x00289002: ("UL", 1024),
        },
        "00080008 00080023 00080033 00200013 00280008 00280010 00280011 00289001 00289002",
    ),
    "RAW DATA": (UIDS + "66", CONTENT, "00080023 00080033 00200013"),
    **{
        name: (
            UIDS + number,
            {**CONTENT, **IDENTIFICATION},
            "00080023 00080033 00200013 00700080 00700081 00700084",
        )
        for name, number in {
            "REGISTRATION": "66.1",
            "FIDUCIAL": "66.2",
            "VALUE MAP": "67",
            "MEASUREMENT": "78.1",
            "SURFACE": "66.5",
            "TRACT": "66.6",
            "ANNOTATION": "91.1",
        }.items()
    },
    "HANGING PROTOCOL": (
        "1.2.840.10008.5.1.4.38.1",
        {
            0x00720002: ("SH", "NEURO"),
            0x00720004: ("LO", "Neurosurgery"),
            0x00720006: ("CS", "SITE"),
            0x00720008: ("LO", "Somebody"),
            0x0072000A: ("DT", "20240101120000"),
            0x0072000C: ("SQ", sequence({0x00080060: ("CS", "MR")})),
            0x00720014: ("US", 0),
        },
        "00720002 00720004 00720006 00720008 0072000A 0072000C 0072000E 00720014",
    ),
    "ENCAP DOC": (
        UIDS + "104.1",
        {0x00420012: ("LO", "application/pdf")},
        "00080023 00080033 00200013 0040A043 00420010 00420012",
    ),
    "STEREOMETRIC": (UIDS + "77.1.5.3", {}, ""),
    "PALETTE": (
        "1.2.840.10008.5.1.4.39.1",
        {0x00700080: ("CS", "PET"), 0x00700081: ("LO", "PET")},
        "00700080 00700081",
    ),
    "IMPLANT": (
        "1.2.840.10008.5.1.4.43.1",
        {0x00080070: ("LO", "M"), 0x00221095: ("LO", "Stem"), 0x00221097: ("LO", "7")},
        "00080070 00221095 00221097",
    ),
    "IMPLANT ASSY": (
        "1.2.840.10008.5.1.4.44.1",
        {
            0x00080070: ("LO", "M"),
            0x00760001: ("LO", "Hip"),
            0x00760020: ("SQ", code("1", "Hip replacement")),
        },
        "00080070 00760001 00760020",
    ),
    "IMPLANT GROUP": (
        "1.2.840.10008.5.1.4.45.1",
        {0x00780001: ("LO", "Hips"), 0x00780020: ("LO", "M")},
        "00780001 00780020",
    ),
    "PLAN": ("1.2.840.10008.5.1.4.34.7", {}, ""),
    "SURFACE SCAN": (UIDS + "68.1", CONTENT, "00080023 00080033"),
    "ASSESSMENT": (
        UIDS + "90.1",
        {0x00080012: ("DA", "20240101")},
        "00080012 00080013 00200013",
    ),
    "RADIOTHERAPY": (
        UIDS + "481.10",
        {0x30100033: ("SH", "L")},
        "00200013 00700081 00700084 30100033",
    ),
    "INVENTORY": (
        UIDS + "201.1",
        {
            **CONTENT,
            0x00080403: ("CS", "STUDY"),
            0x00080426: ("CS", "COMPLETE"),
            0x00080428: ("UV", 3),
        },
        "00080023 00080033 00080400 00080401 00080403 00080426 00080428",
    ),
    "WF PRESENTATION": (
        UIDS + "9.100.1",
        {**PRESENTED, **IDENTIFICATION},
        "00200013 00700080 00700081 00700082 00700083 00700084",
    ),
}
ROOT_TYPES = {
    "HANGING PROTOCOL",
    "PALETTE",
    "IMPLANT",
    "IMPLANT ASSY",
    "IMPLANT GROUP",
    "INVENTORY",
}


def built(
    *instances: FileSetInstance, additional_keys: tuple[AdditionalKey, ...] = ()
) -> tuple[list[WalkedRecord], FileSetSummary]:
    """The records, top down, of a DICOMDIR with these instances."""
    output = io.BytesIO()
    builder = FileSetBuilder(
        output,
        file_set_uid="1.2.3",
        file_set_id="TEST",
        moment=MOMENT,
        additional_keys=additional_keys,
    )
    for instance in instances:
        builder.add(instance)
    summary = builder.close()
    return walk(output.getvalue()).records(), summary


def leaf(
    changes: Mapping[int, tuple[str, str | bytes | int] | None],
    sop_class: str = UIDS + "2",
    additional_keys: tuple[AdditionalKey, ...] = (),
) -> tuple[WalkedRecord, dict[str, str]]:
    """The instance's record, and the findings' messages by rule."""
    instance = FileSetInstance(header(changes, sop_class=sop_class), EXPLICIT_LE, JANE)
    records, summary = built(instance, additional_keys=additional_keys)
    return records[-1], {finding.rule: finding.message for finding in summary.findings}


def upper(
    level: int,
    changes: Mapping[int, tuple[str, str | bytes | int] | None],
    study_defaults: Mapping[int, Element] | None = None,
) -> tuple[WalkedRecord, dict[str, str]]:
    """The record at PATIENT (0), STUDY (1) or SERIES (2) level."""
    instance = FileSetInstance(header(changes), EXPLICIT_LE, JANE, study_defaults or {})
    records, summary = built(instance)
    return records[level], {finding.rule: finding.message for finding in summary.findings}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_record_type_has_its_keys_and_the_object_s_values(name: str) -> None:
    sop_class, values, tags = OBJECTS[name]
    person = None if name in ROOT_TYPES else JANE
    records, summary = built(
        FileSetInstance(header(values, sop_class=sop_class), EXPLICIT_LE, person)
    )
    record = records[-1]
    keys = {tag: value for tag, value in record.elements.items() if tag >> 16 > 4}

    assert record.type == name
    assert [f"{tag:08X}" for tag in keys] == tags.split()
    for tag, value in values.items():
        assert keys[tag][0] == value[0]
        if tag not in (0x0072000C,):  # its items get the Type 2 sequences they lack
            assert keys[tag][1] == raw(*value)
    assert record.text(0x00041510) == sop_class
    assert record.text(0x00041511) == "1.2.3.4.5"
    assert record.text(0x00041512) == EXPLICIT_LE
    assert summary.findings == ()
    assert summary.records[name] == 1
    assert len(records) == (1 if name in ROOT_TYPES else 4)


def test_every_type_that_a_class_can_have_is_among_the_objects() -> None:
    assert len(OBJECTS) == 31


def test_upper_records_have_their_keys() -> None:
    patient, study, series = (upper(level, {})[0] for level in range(3))

    assert (patient.type, study.type, series.type) == ("PATIENT", "STUDY", "SERIES")
    assert [patient.text(tag) for tag in (0x00100010, 0x00100020)] == ["Doe^Jane", "P1"]
    assert [
        study.text(tag)
        for tag in (0x00080020, 0x00080030, 0x00080050, 0x00081030, 0x0020000D, 0x00200010)
    ] == ["20240131", "112233", "ACC1", "Abdomen", "1.2.3", "S1"]
    assert [series.text(tag) for tag in (0x00080060, 0x0020000E, 0x00200011)] == [
        "CT",
        "1.2.3.4",
        "2",
    ]
    assert all(0x00041500 not in record.elements for record in (patient, study, series))


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
            {0x00080020: Element("DA", b"20231231")},
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

    @pytest.mark.parametrize("name", set(OBJECTS) - {"STEREOMETRIC", "PLAN"})
    def test_an_object_without_anything_still_gives_a_conformant_record(self, name: str) -> None:
        """Every key but Type 1C and 3 is there; Type 1 has a value."""
        sop_class, _, tags = OBJECTS[name]
        person = None if name in ROOT_TYPES else JANE
        records, _ = built(
            FileSetInstance(header({0x00200013: None}, sop_class=sop_class), EXPLICIT_LE, person)
        )
        record = records[-1]
        optional = {"00280010", "00700084", "30100033", "00081115"}
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


class TestConditions:
    def test_an_empty_source_counts_as_absent_for_type_1c(self) -> None:
        """Required if present, but Type 1 asks for a value (PS3.11, K-D)."""
        key = AdditionalKey("IMAGE", 0x00080008, "CS", "1C")
        with_value, _ = leaf({0x00080008: ("CS", "ORIGINAL\\PRIMARY")}, additional_keys=(key,))
        empty, _ = leaf({0x00080008: ("CS", "")}, additional_keys=(key,))
        absent, _ = leaf({}, additional_keys=(key,))

        assert with_value.text(0x00080008) == "ORIGINAL\\PRIMARY"
        assert 0x00080008 not in empty.elements
        assert 0x00080008 not in absent.elements

    def test_additional_sequences_keep_what_the_table_names(self) -> None:
        key = AdditionalKey(
            "IMAGE",
            0x00081140,
            "SQ",
            "1C",
            nested=(
                Key(0x00081150, "ReferencedSOPClassUID", "UI", "1"),
                Key(0x00081155, "ReferencedSOPInstanceUID", "UI", "1"),
            ),
        )
        other = {**REFERENCE, 0x00081160: ("IS", "1")}
        broken = {0x00081150: ("UI", UIDS + "2")}
        record, messages = leaf(
            {0x00081140: ("SQ", sequence(other, broken, REFERENCE))}, additional_keys=(key,)
        )

        assert record.elements[0x00081140][1] == sequence(REFERENCE, REFERENCE)
        assert (
            "ReferencedImageSequence" in messages["key-changed"]
            or "(0008,1140)" in (messages["key-changed"])
        )

    def test_a_type_2_key_of_a_profile_is_written_empty(self) -> None:
        key = AdditionalKey("IMAGE", 0x00500004, "CS", "2")
        record, _ = leaf({}, additional_keys=(key,))

        assert record.elements[0x00500004] == ("CS", b"")

    def test_verification_time_is_the_latest_observer_s(self) -> None:
        observers = sequence(
            {0x0040A030: ("DT", "20240101120000+0200")},
            {0x0040A030: ("DT", "20240101113000+0100")},
            {0x0040A030: ("DT", "20240101103100")},
            {0x0040A030: ("DT", "garbage")},
        )
        changes = {**OBJECTS["SR DOCUMENT"][1], 0x0040A493: ("CS", "VERIFIED")}
        record, _ = leaf({**changes, 0x0040A073: ("SQ", observers)}, UIDS + "88.11")
        unverified, _ = leaf(
            {**changes, 0x0040A493: ("CS", "UNVERIFIED"), 0x0040A073: ("SQ", observers)},
            UIDS + "88.11",
        )
        nobody, messages = leaf(changes, UIDS + "88.11")

        assert record.text(0x0040A030) == "20240101103100"
        assert 0x0040A030 not in unverified.elements
        assert nobody.text(0x0040A030) == "202402010102"
        assert "VerificationDateTime" in messages["key-supplied"]

    def test_all_and_only_concept_modifiers_of_the_first_level_are_kept(self) -> None:
        def item(
            relation: str, extra: dict[int, tuple[str, str | bytes | int]]
        ) -> dict[int, tuple[str, str | bytes | int]]:
            return {
                0x0040A010: ("CS", relation),
                0x0040A040: ("CS", "CODE"),
                0x0040A043: ("SQ", code("121049", "Language")),
                0x0040A168: ("SQ", code("eng", "English", "RFC5646")),
                **extra,
            }

        nested = {0x0040A730: ("SQ", sequence(item("HAS CONCEPT MOD", {})))}
        content = sequence(
            item("CONTAINS", {}),
            item("HAS CONCEPT MOD", nested),
            item("HAS OBS CONTEXT", {}),
            item("HAS CONCEPT MOD ", {}),
        )
        changes = {**OBJECTS["SR DOCUMENT"][1], 0x0040A730: ("SQ", content)}
        record, messages = leaf(changes, UIDS + "88.11")
        none, _ = leaf(
            {**changes, 0x0040A730: ("SQ", sequence(item("CONTAINS", {})))}, UIDS + "88.11"
        )

        plain = item("HAS CONCEPT MOD", {})
        assert record.elements[0x0040A730][1] == sequence(plain, plain)
        assert 0x0040A730 not in none.elements
        assert messages == {}

    def test_blending_has_two_items_or_is_left_out(self) -> None:
        item = {0x0020000D: ("UI", "1.2.3"), **RELATED}
        sop_class, values, _ = OBJECTS["PRESENTATION"]
        values = {**values, 0x00081115: None}
        two, _ = leaf({**values, 0x00700402: ("SQ", sequence(item, item))}, UIDS + "11.4")
        one, messages = leaf({**values, 0x00700402: ("SQ", sequence(item))}, UIDS + "11.4")

        assert two.elements[0x00700402][1] == sequence(item, item)
        assert 0x00700402 not in one.elements
        assert "BlendingSequence" in messages["key-changed"]
        assert sop_class == UIDS + "11.1"

    def test_a_presentation_state_without_its_images_is_told(self) -> None:
        values = {**OBJECTS["PRESENTATION"][1], 0x00081115: None}
        _, messages = leaf(values, UIDS + "11.1")
        _, without_module = leaf(values, UIDS + "11.4")

        assert "ReferencedSeriesSequence" in messages["key-missing"]
        assert "key-missing" not in without_module

    def test_laterality_is_written_with_a_region_only(self) -> None:
        sop_class, values, _ = OBJECTS["HANGING PROTOCOL"]
        region = {0x00082218: ("SQ", code("T-D1100", "Head", "SRT"))}
        instance = header(
            {**values, 0x0072000C: ("SQ", sequence(region, {0x00080060: ("CS", "MR")}))},
            sop_class=sop_class,
        )
        records, _ = built(FileSetInstance(instance, EXPLICIT_LE, None))
        first, second = map(elements_of, items_of(records[0].elements[0x0072000C][1]))

        assert list(first) == [0x00081032, 0x00082218, 0x00200060, 0x0040100A]
        assert list(second) == [0x00080060, 0x00081032, 0x0040100A]

    def test_related_general_classes_are_repeated(self) -> None:
        record, _ = leaf({0x0008001A: ("UI", "1.2.840.10008.5.1.4.1.1.2\\1.2.3")})
        absent, _ = leaf({})

        assert record.text(0x0004151A) == "1.2.840.10008.5.1.4.1.1.2\\1.2.3"
        assert 0x0004151A not in absent.elements


class TestIllegalValues:
    @pytest.mark.parametrize(
        ("tag", "value", "written"),
        [
            (0x00080020, ("DA", "2024.01.31"), "20240131"),
            (0x00080030, ("TM", "11:22:33"), "112233"),
            (0x00081030, ("LO", b"a\0b"), "ab"),
            (0x00080050, ("SH", "x" * 20), "x" * 20),
            (0x00081030, ("LO", "x" * 90), "x" * 64),
            (0x00200010, ("SH", b"\0\0"), "ST000001"),
            (0x0020000D, ("UI", "1.2.03"), "1.2.03"),
        ],
    )
    def test_the_record_holds_what_is_legal_and_it_is_told(
        self, tag: int, value: tuple[str, str | bytes], written: str
    ) -> None:
        study, messages = upper(1, {tag: value})

        assert study.text(tag) == written
        assert messages

    @pytest.mark.parametrize(
        "value",
        [
            b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
            b"\xfe\xff\x00\xe0\x10\x00\x00\x00abc",
            b"garbage!",
            b"\xfe\xff\x00\xe0\x08\x00\x00\x00" + b"\x08\x00\x50\x11UI\xff\x7f",
            b"\xfe\xff",
        ],
    )
    def test_a_sequence_that_is_not_well_formed_is_left_out(self, value: bytes) -> None:
        keys = (
            AdditionalKey(
                "IMAGE", 0x00081140, "SQ", "1C", nested=(Key(0x00081150, "", "UI", "1"),)
            ),
            AdditionalKey("IMAGE", 0x00082112, "SQ", "1C"),
        )
        record, messages = leaf(
            {0x00081140: ("SQ", value), 0x00082112: ("SQ", value)}, additional_keys=keys
        )

        assert not {0x00081140, 0x00082112} & set(record.elements)
        assert "well-formed" in messages["key-changed"]

    def test_a_sequence_without_a_table_is_copied_whole(self) -> None:
        key = AdditionalKey("IMAGE", 0x00082112, "SQ", "1C")
        value = sequence({**REFERENCE, 0x0040A170: ("SQ", code("1", "Ü".encode()))})
        record, _ = leaf({0x00082112: ("SQ", value)}, additional_keys=(key,))

        assert record.elements[0x00082112][1] == value
        assert record.text(0x00080005) == "ISO_IR 192"

    def test_nesting_without_end_is_left_out(self) -> None:
        value = sequence({0x00081150: ("UI", "1.2")})
        for _ in range(200):
            value = sequence({0x00082112: ("SQ", value)})
        key = AdditionalKey("IMAGE", 0x00082112, "SQ", "1C")
        record, _ = leaf({0x00082112: ("SQ", value)}, additional_keys=(key,))

        assert 0x00082112 not in record.elements

    @pytest.mark.parametrize("vr", ["SQ", "OB", "UN", "US"])
    def test_a_value_of_another_kind_does_no_harm(self, vr: str) -> None:
        changes = dict.fromkeys((0x00080020, 0x00080060, 0x00100010, 0x00200013), (vr, b"\1\2"))
        records, _ = built(FileSetInstance(header(changes), EXPLICIT_LE, JANE))

        assert [record.type for record in records] == ["PATIENT", "STUDY", "SERIES", "IMAGE"]


class TestCharacterSets:
    def test_the_set_is_written_where_text_needs_it_and_nowhere_else(self) -> None:
        records, _ = built(
            FileSetInstance(
                header(
                    {
                        0x00080005: ("CS", "ISO_IR 144"),
                        0x00100010: ("PN", "Люкceмбypг".encode("iso8859_5")),
                    }
                ),
                EXPLICIT_LE,
                JANE,
            )
        )

        assert records[0].text(0x00080005) == "ISO_IR 144"
        assert records[0].elements[0x00100010][1].rstrip() == "Люкceмбypг".encode("iso8859_5")
        assert all(0x00080005 not in record.elements for record in records[1:])

    def test_escape_sequences_need_the_set_too(self) -> None:
        name = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
        patient, _ = upper(0, {0x00080005: ("CS", "\\ISO 2022 IR 87"), 0x00100010: ("PN", name)})

        assert patient.text(0x00080005) == "\\ISO 2022 IR 87"
        assert patient.elements[0x00100010][1].rstrip() == name

    def test_an_undeclared_set_is_found_out_and_told(self) -> None:
        patient, messages = upper(0, {0x00100010: ("PN", "Müller".encode())})

        assert patient.text(0x00080005) == "ISO_IR 192"
        assert "SpecificCharacterSet" in messages["key-changed"]

    def test_a_misspelt_set_is_written_as_it_is_meant(self) -> None:
        changes = {0x00080005: ("CS", "ISO-IR 100"), 0x00100010: ("PN", b"M\xfcller")}
        patient, messages = upper(0, changes)

        assert patient.text(0x00080005) == "ISO_IR 100"
        assert "'ISO-IR 100'" in messages["key-changed"]

    def test_an_item_keeps_its_own_set(self) -> None:
        title = sequence(
            {
                0x00080005: ("CS", "ISO_IR 100"),
                0x00080100: ("SH", "1"),
                0x00080102: ("SH", "99X"),
                0x00080104: ("LO", b"M\xfcller"),
            }
        )
        changes = {**OBJECTS["SR DOCUMENT"][1], 0x0040A043: ("SQ", title)}
        record, _ = leaf({0x00080005: ("CS", "ISO_IR 192"), **changes}, UIDS + "88.11")

        assert record.elements[0x0040A043][1] == title
        assert 0x00080005 not in record.elements

    def test_text_inside_a_sequence_asks_for_the_set(self) -> None:
        title = code("1", "Größe".encode())
        changes = {**OBJECTS["SR DOCUMENT"][1], 0x0040A043: ("SQ", title)}
        record, _ = leaf({0x00080005: ("CS", "ISO_IR 192"), **changes}, UIDS + "88.11")

        assert record.text(0x00080005) == "ISO_IR 192"

    def test_a_code_without_meaning_shows_the_code(self) -> None:
        title = sequence({0x00080100: ("SH", "18748-4"), 0x00080102: ("SH", "LN")})
        changes = {**OBJECTS["SR DOCUMENT"][1], 0x0040A043: ("SQ", title)}
        record, messages = leaf(changes, UIDS + "88.11")

        assert record.elements[0x0040A043][1] == code("18748-4", "18748-4", "LN")
        assert "CodeMeaning" in messages["key-supplied"]
