"""Defective values and character sets of objects, as their records hold them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.fileset.dicomdir import FileSetInstance
from mediastation.model.record import AdditionalKey, Key
from mediastation.model.record_types import RECORD_TAGS
from tests.fileset.building import JANE, built, leaf, upper
from tests.support.dicomdir_walk import elements_of, items_of
from tests.support.record_headers import EXPLICIT_LE, code, header, sequence
from tests.support.record_objects import OBJECTS, REFERENCE, ROOT_TYPES, UIDS


class TestIllegalValues:
    @pytest.mark.parametrize(
        ("tag", "value", "written"),
        [
            (0x00080020, ("DA", "2024.01.31"), "20240131"),
            (0x00080030, ("TM", "11:22:33"), "112233"),
            (0x00081030, ("LO", b"a\0b"), "ab"),
            (0x00080050, ("SH", "x" * 20), "x" * 20),
            (0x00081030, ("LO", "x" * 90), "x" * 64),
            (0x00081030, ("LO", b"x\0" + b"x" * 90), "x" * 64),
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

    def test_text_of_an_item_that_is_left_out_asks_for_no_set(self) -> None:
        key = AdditionalKey(
            "IMAGE",
            0x00081140,
            "SQ",
            "1C",
            nested=(Key(0x00081030, "", "LO", "3"), Key(0x00081150, "", "UI", "1")),
        )
        broken = {0x00081030: ("LO", b"Sch\xe4del")}
        value = sequence(broken, {0x00081150: ("UI", "1.2")})
        record, _ = leaf({0x00081140: ("SQ", value)}, additional_keys=(key,))

        assert record.elements[0x00081140][1] == sequence({0x00081150: ("UI", "1.2")})
        assert 0x00080005 not in record.elements

    def test_a_code_without_meaning_shows_the_code(self) -> None:
        title = sequence({0x00080100: ("SH", "18748-4"), 0x00080102: ("SH", "LN")})
        changes = {**OBJECTS["SR DOCUMENT"][1], 0x0040A043: ("SQ", title)}
        record, messages = leaf(changes, UIDS + "88.11")

        assert record.elements[0x0040A043][1] == code("18748-4", "18748-4", "LN")
        assert "CodeMeaning" in messages["key-supplied"]


HOSTILE_VRS = ("CS", "DA", "DT", "IS", "LO", "PN", "SH", "SQ", "ST", "TM", "UI", "UN", "US", "UT")
FRAGMENTS = st.sampled_from(
    [
        b"\xfe\xff\x00\xe0\x08\x00\x00\x00\x40\x00\x43\xa0SQ\x00\x00",
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
        b"\x08\x00\x00\x01SH\x04\x00CODE",
        b"\x1b$B;3ED\x1b(B",
        b"\\",
        b"=^^^^^",
        b"VERIFIED",
        b"20240101",
        b"ISO 2022 IR 87",
        b"1.2.3",
        code("1", "One"),
        sequence({0x0040A010: ("CS", "HAS CONCEPT MOD"), 0x0040A040: ("CS", "TEXT")}),
    ]
)
HOSTILE_VALUES = st.lists(FRAGMENTS | st.binary(max_size=24), max_size=5).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(OBJECTS)), st.data())
def test_whatever_an_object_holds_the_directory_is_sound(name: str, data: st.DataObject) -> None:
    """Any bytes under any VR in everything that a record draws upon."""
    tags = sorted(RECORD_TAGS - {0x00100020, 0x0020000D, 0x0020000E})
    changes = {
        tag: (data.draw(st.sampled_from(HOSTILE_VRS)), data.draw(HOSTILE_VALUES))
        for tag in data.draw(st.sets(st.sampled_from(tags), max_size=12))
    }
    sop_class = OBJECTS[name][0]
    person = None if name in ROOT_TYPES else JANE
    records, summary = built(
        FileSetInstance(header(changes, sop_class=sop_class), EXPLICIT_LE, person)
    )

    assert records[-1].type == name
    for record in records:
        for vr, value in record.elements.values():
            if vr == "SQ":
                for item in items_of(value):
                    elements_of(item)
    for finding in summary.findings:
        assert len(finding.message) < 8000


def test_a_value_of_a_megabyte_does_no_harm() -> None:
    changes = dict.fromkeys(
        sorted(RECORD_TAGS - {0x00100020, 0x0020000D, 0x0020000E}), ("UT", b"x" * 1_000_000)
    )
    for name in ("IMAGE", "SR DOCUMENT", "PRESENTATION", "RADIOTHERAPY"):
        records, summary = built(
            FileSetInstance(header(changes, sop_class=OBJECTS[name][0]), EXPLICIT_LE, JANE)
        )
        assert records[-1].type == name
        assert sum(len(finding.message) for finding in summary.findings) < 20_000
