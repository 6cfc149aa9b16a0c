"""What each Directory Record type holds, from objects made by hand (PS3.3, F.5)."""

from __future__ import annotations

import pytest

from mediastation.conformance.load import load_profiles
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.fileset.dicomdir import FileSetInstance
from mediastation.model.record import AdditionalKey
from mediastation.model.record_types import RECORD_TAGS
from mediastation.model.record_types import REFERENCE as REFERENCED
from tests.fileset.building import JANE, built, leaf, upper
from tests.support.dicomdir_walk import elements_of, items_of
from tests.support.record_headers import EXPLICIT_LE, code, header, raw, sequence
from tests.support.record_objects import OBJECTS, REFERENCE, RELATED, ROOT_TYPES, UIDS


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

    def test_items_of_a_profile_s_sequence_keep_the_rest_and_need_what_is_named(self) -> None:
        """PS3.11 Table D.3-2: the UIDs are required, "all other elements" are Type 3."""
        key = AdditionalKey(
            "IMAGE", 0x00081140, "SQ", "1C", nested=REFERENCED, keyword="ReferencedImageSequence"
        )
        purpose = {0x0040A170: ("SQ", code("121311", "Localizer"))}
        whole = {**REFERENCE, 0x00081160: ("IS", "1"), **purpose}
        broken = {0x00081150: ("UI", UIDS + "2"), **purpose}
        record, messages = leaf(
            {0x00081140: ("SQ", sequence(whole, broken, REFERENCE))}, additional_keys=(key,)
        )

        assert record.elements[0x00081140][1] == sequence(whole, REFERENCE)
        assert "ReferencedImageSequence has 3 items, 2 were kept" in messages["key-changed"]

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

    def test_a_title_is_one_item(self) -> None:
        two = code("1", "First") + code("2", "Second")
        record, messages = leaf(
            {**OBJECTS["SR DOCUMENT"][1], 0x0040A043: ("SQ", two)}, UIDS + "88.11"
        )

        assert record.elements[0x0040A043][1] == code("1", "First")
        assert "ConceptNameCodeSequence" in messages["key-changed"]

    def test_image_evidence_keeps_its_hierarchy_and_drops_what_is_no_key(self) -> None:
        def evidence(*extra: int) -> bytes:
            series = {
                0x00081199: ("SQ", sequence(REFERENCE)),
                0x0020000E: ("UI", "1.2.8"),
                **dict.fromkeys(extra, ("LO", "extra")),
            }
            return sequence({0x00081115: ("SQ", sequence(series)), 0x0020000D: ("UI", "1.2.7")})

        values = OBJECTS["SPECTROSCOPY"][1]
        record, _ = leaf({**values, 0x00089092: ("SQ", evidence(0x0008103E))}, UIDS + "4.2")
        absent, _ = leaf(values, UIDS + "4.2")

        assert record.elements[0x00089092][1] == evidence()
        assert 0x00089092 not in absent.elements

    def test_an_hl7_document_is_identified(self) -> None:
        """Type 1C for CDA: the object's identifier, or failing that its own UID, which is told."""
        changes = {0x00420012: ("LO", "text/XML"), 0x0040E001: ("ST", "1.2.3^77")}
        own, messages = leaf(changes, UIDS + "104.2")
        without, told = leaf({**changes, 0x0040E001: None}, UIDS + "104.2")
        pdf, _ = leaf({0x00420012: ("LO", "application/pdf")}, UIDS + "104.1")

        assert own.text(0x0040E001) == "1.2.3^77"
        assert messages == {}
        assert without.text(0x0040E001) == "1.2.3.4.5"
        assert "HL7InstanceIdentifier" in told["key-supplied"]
        assert 0x0040E001 not in pdf.elements


def test_the_index_holds_what_records_draw_upon() -> None:
    """No instance is opened for a directory, so the header scan has to keep all of it."""
    wanted = set(RECORD_TAGS)
    for profile in load_profiles().values():
        wanted |= {key.tag for key in profile.keys}

    assert wanted <= INDEX_TAGS
