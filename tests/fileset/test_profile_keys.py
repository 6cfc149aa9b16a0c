"""What the tables of PS3.11 add to records: typed from the tables, not loaded from profiles."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance
from mediastation.fileset.siblings import SiblingValue
from mediastation.model.icon import IconImage
from mediastation.model.instance import Element
from mediastation.model.record import AdditionalKey, Condition, Key
from mediastation.model.record_types import REFERENCE as REFERENCED
from tests.fileset.building import JANE, MOMENT, built, leaf, upper
from tests.support.dicomdir_walk import elements_of, items_of, walk
from tests.support.record_headers import EXPLICIT_LE, Values, code, encoded, header, sequence
from tests.support.record_objects import OBJECTS, REFERENCE, UIDS

XA = UIDS + "12.1"
BIPLANE = {0x00080008: ("CS", "ORIGINAL\\PRIMARY\\BIPLANE A")}
# Table A.3-2 and, with a restriction to XA, Table B.3-2.
BIPLANE_IMAGES = AdditionalKey(
    "IMAGE",
    0x00081140,
    "SQ",
    "1C",
    Condition.BIPLANE,
    nested=REFERENCED,
    keyword="ReferencedImageSequence",
)
XA_IMAGES = AdditionalKey(
    "IMAGE",
    0x00081140,
    "SQ",
    "1C",
    Condition.BIPLANE,
    nested=REFERENCED,
    keyword="ReferencedImageSequence",
    sop_classes=frozenset({XA}),
)
XA_TYPE = AdditionalKey(
    "IMAGE", 0x00080008, "CS", "1", keyword="ImageType", sop_classes=frozenset({XA})
)
ICON = AdditionalKey("IMAGE", 0x00880200, "SQ", "1", keyword="IconImageSequence")


def shared_key(tag: int, vr: str, nested: tuple[Key, ...] = ()) -> AdditionalKey:
    """A row of Table H.3-2 that the shared groups may answer."""
    return AdditionalKey("IMAGE", tag, vr, "1C", nested=nested, in_shared_groups=True)


IMAGES = shared_key(0x00081140, "SQ")
POSITION, ORIENTATION = shared_key(0x00200032, "DS"), shared_key(0x00200037, "DS")
SPACING = shared_key(0x00280030, "DS")
GEOMETRY: Values = {
    0x00209113: ("SQ", sequence({0x00200032: ("DS", "1\\2\\3")})),
    0x00209116: ("SQ", sequence({0x00200037: ("DS", "1\\0\\0\\0\\1\\0")})),
    0x00289110: ("SQ", sequence({0x00280030: ("DS", "0.5\\0.5"), 0x00180050: ("DS", "5")})),
}
OTHER = {0x00081150: ("UI", UIDS + "4"), 0x00081155: ("UI", "1.2.10")}


def refused(
    changes: dict[int, tuple[str, str | bytes | int] | None],
    sop_class: str,
    *keys: AdditionalKey,
) -> RefusedError:
    """The exception for an instance, after which the directory is as it was before."""
    output = io.BytesIO()
    builder = FileSetBuilder(
        output, file_set_uid="1.2.3", file_set_id="", moment=MOMENT, additional_keys=keys
    )
    with pytest.raises(RefusedError) as caught:
        builder.add(FileSetInstance(header(changes, sop_class=sop_class), EXPLICIT_LE, JANE))
    builder.close()
    assert walk(output.getvalue()).root == []
    return caught.value


class TestSharedGroups:
    def test_geometry_comes_from_the_macros_of_the_first_item(self) -> None:
        groups = sequence(GEOMETRY, {0x00209113: ("SQ", sequence({0x00200032: ("DS", "9\\9\\9")}))})
        record, messages = leaf(
            {0x52009229: ("SQ", groups)}, additional_keys=(POSITION, ORIENTATION, SPACING)
        )

        assert record.text(0x00200032) == "1\\2\\3"
        assert record.text(0x00200037) == "1\\0\\0\\0\\1\\0"
        assert record.text(0x00280030) == "0.5\\0.5"
        assert messages == {}

    def test_the_data_set_itself_goes_before(self) -> None:
        record, _ = leaf(
            {0x52009229: ("SQ", sequence(GEOMETRY)), 0x00200032: ("DS", "7\\8\\9")},
            additional_keys=(POSITION,),
        )

        assert record.text(0x00200032) == "7\\8\\9"

    def test_an_empty_element_at_the_top_does_not_hide_the_shared_one(self) -> None:
        groups = sequence({0x00081140: ("SQ", sequence(REFERENCE))})
        record, _ = leaf(
            {0x52009229: ("SQ", groups), 0x00081140: ("SQ", b"")}, additional_keys=(IMAGES,)
        )

        assert record.elements[0x00081140][1] == sequence(REFERENCE)

    def test_referenced_images_are_copied_whole_unchanged_and_in_order(self) -> None:
        purpose = {0x0040A170: ("SQ", code("121311", "Localizer"))}
        images = sequence({**OTHER, **purpose}, REFERENCE, {**OTHER, 0x00081160: ("IS", "3\\1")})
        record, _ = leaf(
            {0x52009229: ("SQ", sequence({0x00081140: ("SQ", images)}))}, additional_keys=(IMAGES,)
        )

        assert record.elements[0x00081140][1] == images

    def test_per_frame_groups_and_deeper_macros_are_not_searched(self) -> None:
        deeper = {0x00289110: ("SQ", sequence({0x00289111: ("SQ", sequence(GEOMETRY))}))}
        record, _ = leaf(
            {0x52009230: ("SQ", sequence(GEOMETRY)), 0x52009229: ("SQ", sequence(deeper))},
            additional_keys=(POSITION,),
        )

        assert 0x00200032 not in record.elements

    def test_without_the_flag_they_are_not_searched(self) -> None:
        key = AdditionalKey("IMAGE", 0x00200032, "DS", "1C")
        record, _ = leaf({0x52009229: ("SQ", sequence(GEOMETRY))}, additional_keys=(key,))

        assert 0x00200032 not in record.elements

    def test_text_keeps_the_character_set_that_its_group_declares(self) -> None:
        purpose = {0x0040A170: ("SQ", code("1", "?bersicht"))}
        images = sequence({**REFERENCE, **purpose}).replace(b"?", b"\xdc")
        group: Values = {0x00080005: ("CS", "ISO_IR 148"), 0x00081140: ("SQ", images)}
        record, _ = leaf(
            {0x00080005: ("CS", "ISO_IR 100"), 0x52009229: ("SQ", sequence(group))},
            additional_keys=(IMAGES,),
        )
        (item,) = items_of(record.elements[0x00081140][1])

        assert elements_of(item)[0x00080005] == ("CS", b"ISO_IR 148")
        assert 0x00080005 not in record.elements

    @pytest.mark.parametrize("groups", [b"\xfe\xff\x00\xe0\xff\x00\x00\x00", b"garbage."])
    def test_damaged_groups_are_told_and_nothing_is_taken(self, groups: bytes) -> None:
        record, messages = leaf({0x52009229: ("SQ", groups)}, additional_keys=(POSITION,))

        assert 0x00200032 not in record.elements
        assert "SharedFunctionalGroupsSequence is not well-formed" in messages["key-changed"]

    @given(st.binary(max_size=200))
    def test_any_bytes_in_the_groups_do_no_harm(self, groups: bytes) -> None:
        leaf({0x52009229: ("SQ", groups)}, additional_keys=(POSITION, IMAGES))


class TestBiplane:
    @pytest.mark.parametrize("plane", ["BIPLANE A", "BIPLANE B"])
    def test_a_plane_without_its_other_is_refused(self, plane: str) -> None:
        fault = refused({0x00080008: ("CS", f"ORIGINAL\\PRIMARY\\{plane}")}, XA, BIPLANE_IMAGES)

        assert [(one.rule, one.severity.value) for one in fault.findings] == [
            ("key-missing", "error")
        ]
        assert "ReferencedImageSequence" in fault.findings[0].message

    def test_a_plane_with_its_other_has_it_in_its_record(self) -> None:
        record, messages = leaf(
            {**BIPLANE, 0x00081140: ("SQ", sequence(REFERENCE))}, XA, (BIPLANE_IMAGES,)
        )

        assert record.elements[0x00081140][1] == sequence(REFERENCE)
        assert messages == {}

    @pytest.mark.parametrize("kind", ["ORIGINAL\\PRIMARY\\SINGLE PLANE", "ORIGINAL\\BIPLANE A", ""])
    def test_others_have_it_where_the_object_does(self, kind: str) -> None:
        without, _ = leaf({0x00080008: ("CS", kind)}, XA, (BIPLANE_IMAGES,))
        having, _ = leaf(
            {0x00080008: ("CS", kind), 0x00081140: ("SQ", sequence(REFERENCE))},
            XA,
            (BIPLANE_IMAGES,),
        )

        assert 0x00081140 not in without.elements
        assert 0x00081140 in having.elements

    def test_a_rule_about_xa_does_not_bind_a_secondary_capture(self) -> None:
        """Table B.3-2: 1C if the object is an XA image."""
        capture, messages = leaf(BIPLANE, UIDS + "7", (XA_IMAGES,))

        assert 0x00081140 not in capture.elements
        assert messages == {}
        refused(BIPLANE, XA, XA_IMAGES)


class TestRequired:
    def test_an_object_without_a_type_1_key_is_refused_and_nothing_written(self) -> None:
        """Table E.3-2: Rows is Type 1; no row count can be made up."""
        fault = refused(
            {}, UIDS + "2", AdditionalKey("IMAGE", 0x00280010, "US", "1", keyword="Rows")
        )

        assert fault.findings[0].rule == "key-missing"
        assert "IMAGE record has to have Rows" in fault.findings[0].message

    def test_the_requirement_binds_the_classes_it_names(self) -> None:
        """Table B.3-2: Image Type is required of XA images; others have it if they do."""
        capture, _ = leaf({}, UIDS + "7", (XA_TYPE,))
        with_type, _ = leaf({0x00080008: ("CS", "DERIVED\\SECONDARY")}, UIDS + "7", (XA_TYPE,))

        assert 0x00080008 not in capture.elements
        assert with_type.text(0x00080008) == "DERIVED\\SECONDARY"
        assert "ImageType" in refused({}, XA, XA_TYPE).findings[0].message

    def test_a_profile_s_stricter_type_keeps_where_the_value_comes_from(self) -> None:
        """Instance Number is supplied where it lacks, whoever asks for it."""
        records, _ = built(
            FileSetInstance(header({0x00200013: None}, sop_class=UIDS + "66"), EXPLICIT_LE, JANE),
            additional_keys=(
                AdditionalKey("RAW DATA", 0x00080023, "DA", "1", keyword="ContentDate"),
            ),
        )

        assert records[-1].text(0x00080023) == "20240131"

    def test_a_profile_s_stricter_type_keeps_how_many_values_there_may_be(self) -> None:
        rows = AdditionalKey("IMAGE", 0x00280010, "US", "1", keyword="Rows")
        record, messages = leaf({0x00280010: ("US", b"\4\0\5\0")}, additional_keys=(rows,))

        assert record.elements[0x00280010] == ("US", b"\4\0")
        assert "Rows" in messages["key-changed"]


class TestIcons:
    GREY = IconImage(3, 5, bytes(range(15)))

    def add(self, sop_class: str, icon: IconImage | None, *keys: AdditionalKey) -> object:
        instance = FileSetInstance(
            header(OBJECTS["SPECTROSCOPY"][1], sop_class=sop_class), EXPLICIT_LE, JANE, icon=icon
        )
        return built(instance, additional_keys=keys)[0][-1]

    @pytest.mark.parametrize("number", ["2", "481.2", "4.2", "66"])
    def test_it_is_one_item_as_f7_wants_it(self, number: str) -> None:
        record = self.add(UIDS + number, self.GREY)
        (item,) = items_of(record.elements[0x00880200][1])  # type: ignore[attr-defined]

        assert item == encoded(
            {
                0x00280002: ("US", 1),
                0x00280004: ("CS", "MONOCHROME2"),
                0x00280010: ("US", 3),
                0x00280011: ("US", 5),
                0x00280100: ("US", 8),
                0x00280101: ("US", 8),
                0x00280102: ("US", 7),
                0x00280103: ("US", 0),
                0x7FE00010: ("OB", bytes(range(15)) + b"\0"),
            }
        )

    def test_a_profile_that_demands_one_refuses_an_image_without(self) -> None:
        """Tables A.3-2 and B.3-2: Type 1 in IMAGE records."""
        assert "IconImageSequence" in refused({}, UIDS + "2", ICON).findings[0].message
        assert 0x00880200 in self.add(UIDS + "2", self.GREY, ICON).elements  # type: ignore[attr-defined]

    def test_a_record_that_has_none_by_f5_gets_none(self) -> None:
        with pytest.raises(ValueError, match="KEY OBJECT DOC"):
            self.add(UIDS + "88.59", self.GREY)

    @pytest.mark.parametrize("icon", [IconImage(0, 0, b""), IconImage(1, 65536, bytes(65536))])
    def test_a_size_that_no_attribute_can_hold_is_not_written(self, icon: IconImage) -> None:
        with pytest.raises(ValueError, match="cannot be written"):
            self.add(UIDS + "2", icon)

    def test_a_directory_of_many_icons_passes_through_in_pieces(self) -> None:
        """2,000 icons of 128 x 128: what is in memory at once is a piece of it."""

        class Counting(io.BytesIO):
            largest = 0

            def write(self, data: object) -> int:  # type: ignore[override]
                self.largest = max(self.largest, len(data))  # type: ignore[arg-type]
                return super().write(data)  # type: ignore[arg-type]

        output = Counting()
        builder = FileSetBuilder(
            output, file_set_uid="1.2.3", file_set_id="", moment=MOMENT, additional_keys=(ICON,)
        )
        for number in range(2000):
            pixels = struct.pack("<I", number) * 4096
            builder.add(
                FileSetInstance(
                    header(uid=f"1.2.3.4.{number}"),
                    EXPLICIT_LE,
                    JANE,
                    icon=IconImage(128, 128, pixels),
                )
            )
        summary = builder.close()
        records = walk(output.getvalue()).records()[3:]

        assert summary.size_bytes > 2000 * 128 * 128
        assert output.largest < 2 << 20
        for number, record in enumerate(records):
            assert record.elements[0x00880200][1].endswith(struct.pack("<I", number) * 4096)


@pytest.mark.parametrize(
    ("written", "recorded"),
    [
        (("IS", b"512 "), b"\0\2"),
        (("UL", b"\0\2\0\0"), b"\0\2"),
        (("OB", b"\0\2"), None),
        (("FD", bytes(8)), None),
        (("LO", b"ab"), None),
    ],
)
def test_a_number_of_another_vr_is_written_as_the_number_it_is(
    written: tuple[str, bytes], recorded: bytes | None
) -> None:
    """PS3.5, 6.2: the bytes of one VR are not taken for those of another."""
    record, told = leaf({0x00280010: written})

    assert record.elements.get(0x00280010) == (("US", recorded) if recorded else None)
    assert f"Rows has VR {written[0]}" in told["key-changed"]


def test_several_physicians_stay_several() -> None:
    """(0008,1050) has a Value Multiplicity of 1-n: of two names, one would be of nobody."""
    key = AdditionalKey("SERIES", 0x00081050, "PN", "2", keyword="PerformingPhysicianName")
    names = "Performer^Paul\\" + "Assistant^" + "A" * 50

    record, told = upper(2, {0x00081050: ("PN", names)}, additional_keys=(key,))

    assert record.text(0x00081050) == names
    assert "key-changed" not in told


def test_several_physicians_of_a_sibling_stay_several() -> None:
    key = AdditionalKey("SERIES", 0x00081050, "PN", "1C", keyword="PerformingPhysicianName")
    sibling = SiblingValue(Element("PN", b"Performer^Paul\\Assistant^Ann"))

    record, _ = upper(2, {}, {0x00081050: sibling}, additional_keys=(key,))

    assert record.text(0x00081050) == "Performer^Paul\\Assistant^Ann"
