"""Reading one file's header: recognition, encodings, what is kept, what is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage

from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.values import first_value, text
from mediastation.model.element_encoding import encode_element, encode_item, encode_sequence
from mediastation.model.finding import Severity
from mediastation.model.instance import PixelEncoding, Preamble
from mediastation.model.transfer_syntax import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
)
from tests.dicom.instances import ENCODINGS, UID_1, ct_image, header_of, rules, written

PIXEL_DATA = b"\xe0\x7f\x10\x00OW\x00\x00"


def meta_end(data: bytes) -> int:
    """Where the data set begins in a file that pydicom wrote."""
    return 132 + 12 + int.from_bytes(data[140:144], "little")


def data_set(encoding: str = "explicit") -> bytes:
    data = written(ct_image(), ENCODINGS[encoding])
    return data[meta_end(data) :]


class TestEncodings:
    @pytest.mark.parametrize("name", ["implicit", "big", "deflated"])
    def test_the_same_data_give_the_same_elements_however_they_are_written(self, name: str) -> None:
        explicit = header_of(written(ct_image()))
        other = header_of(written(ct_image(), ENCODINGS[name]))

        assert dict(other.elements) == dict(explicit.elements)
        assert other.transfer_syntax_uid == ENCODINGS[name]
        assert not other.findings
        assert other.complete
        assert other.pixels is PixelEncoding.NATIVE

    def test_a_whole_file_as_it_should_be_is_read_without_a_word(self) -> None:
        header = header_of(written(ct_image()))

        assert header.findings == ()
        assert header.sop_instance_uid == UID_1
        assert header.preamble is Preamble.ZERO
        assert header.has_file_meta
        assert header.file_meta_conformant
        assert header.dataset_offset == meta_end(written(ct_image()))
        assert text(header, 0x00100010) == "Müller^Jörg"
        assert first_value(header, 0x00080008) == "ORIGINAL"

    @pytest.mark.parametrize("name", ["explicit", "implicit", "big"])
    def test_undefined_lengths_read_as_defined_ones(self, name: str) -> None:
        ds = ct_image()
        ds["ReferencedImageSequence"].is_undefined_length = True
        for item in ds.ReferencedImageSequence:
            item.is_undefined_length_sequence_item = True
            item["PurposeOfReferenceCodeSequence"].is_undefined_length = True

        undefined = header_of(written(ds, ENCODINGS[name]))

        assert dict(undefined.elements) == dict(header_of(written(ct_image())).elements)

    @pytest.mark.parametrize(("sign", "vr"), [(0, "US"), (1, "SS")])
    def test_the_sign_of_an_implicit_pixel_value_follows_pixel_representation(
        self, sign: int, vr: str
    ) -> None:
        ds = ct_image()
        ds.PixelRepresentation = sign
        ds.SmallestImagePixelValue = ds.PixelPaddingValue = 5

        header = header_of(written(ds, ENCODINGS["implicit"]))

        assert header.elements[0x00280106].vr == vr
        assert header.elements[0x00280120].vr == vr

    def test_a_sequence_of_vr_un_is_implicit_inside(self) -> None:
        """PS3.5, 6.2.2: the writer did not know the sequence, the reader does."""
        item = b"\x08\x00\x55\x11\x04\x00\x00\x001.2\x00"
        length = len(item) + 8
        body = (
            encode_element(0x00080018, "UI", b"1.2.3")
            + b"\x08\x00\x40\x11UN\x00\x00"
            + length.to_bytes(4, "little")
            + encode_item(item)
        )

        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        (found,) = iter_items(header.elements[0x00081140].value)
        assert dict(iter_elements(found))[0x00081155].value == b"1.2\x00"

    def test_delimiters_inside_defined_lengths_are_forgiven(self) -> None:
        """Some writers close what needs no closing."""
        item = SMALL + b"\xfe\xff\x0d\xe0\0\0\0\0"
        items = encode_item(item) + b"\xfe\xff\xdd\xe0\0\0\0\0" + encode_item(SMALL)
        body = SMALL + encode_element(0x00081140, "SQ", items)

        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert list(iter_items(header.elements[0x00081140].value)) == [SMALL, SMALL]

    def test_an_unknown_vr_has_the_long_form(self) -> None:
        unknown = b"\x09\x00\x10\x10ZZ\x00\x00\x05\x00\x00\x00abcde"
        body = encode_element(0x00080018, "UI", b"1.2.3") + unknown
        body += encode_element(0x00100020, "LO", b"P1")

        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert text(header, 0x00100020) == "P1"
        assert rules(header) == {"bad-vr"}


def group_2(syntax: str, *, without: tuple[int, ...] = (), length: int | None = None) -> bytes:
    """File meta with all its Type 1 elements but those in `without`."""
    values = {
        0x00020001: ("OB", b"\0\1"),
        0x00020002: ("UI", b"1.2.840.10008.5.1.4.1.1.2"),
        0x00020003: ("UI", b"1.2.3"),
        0x00020010: ("UI", syntax.encode()),
        0x00020012: ("UI", b"1.2.3.4"),
    }
    body = b"".join(
        encode_element(tag, vr, value) for tag, (vr, value) in values.items() if tag not in without
    )
    stated = len(body) if length is None else length
    head = encode_element(0x00020000, "UL", stated.to_bytes(4, "little"))
    return body if 0x00020000 in without else head + body


SMALL = encode_element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2") + encode_element(
    0x00080018, "UI", b"1.2.3"
)


class TestRecognition:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0" * 4096,
            b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(300),
            b"%PDF-1.7\n" * 40,
            b"PK\x03\x04" + bytes(range(256)),
            b"A text that somebody wrote about DICM files.\n" * 20,
            b"\0\0\1\xba" + bytes(range(256)) * 4,
            bytes(128) + b"DICM",
            bytes(128) + b"DICM" + b"no elements at all" * 4,
            b"\x08\0\x18\0\2\0\0\x001\0\x28\0\2\0\3\0\0\0abc",
            b"\x08\0\x18\0UI\2\x001\0\x08\0\x16\0UI\2\x001\0",
        ],
        ids=[
            *["empty", "zeros", "jpeg", "pdf", "zip", "text", "mpeg", "prefix", "prefix+text"],
            *["a length that its VR cannot have", "tags that do not ascend"],
        ],
    )
    def test_what_is_no_dicom_is_refused_by_name(self, content: bytes) -> None:
        with pytest.raises(NotDicom, match="some file"):
            header_of(content)

    @pytest.mark.parametrize(
        ("name", "syntax"),
        [("explicit", EXPLICIT_LE), ("implicit", IMPLICIT_LE), ("big", EXPLICIT_BE)],
    )
    def test_a_bare_data_set_is_read_and_the_guess_is_told(self, name: str, syntax: str) -> None:
        header = header_of(data_set(name))

        assert header.transfer_syntax_uid == syntax
        assert header.preamble is Preamble.ABSENT
        assert not header.has_file_meta
        assert not header.file_meta_conformant
        assert rules(header) == {"no-preamble", "no-file-meta", "transfer-syntax-guessed"}
        assert dict(header.elements) == dict(header_of(written(ct_image())).elements)

    def test_group_2_without_a_preamble_still_names_the_encoding(self) -> None:
        header = header_of(written(ct_image(), ENCODINGS["implicit"])[132:])

        assert header.transfer_syntax_uid == IMPLICIT_LE
        assert rules(header) == {"no-preamble"}
        assert not header.has_file_meta

    @pytest.mark.parametrize("name", ["explicit", "implicit", "big"])
    def test_a_missing_transfer_syntax_is_guessed(self, name: str) -> None:
        header = header_of(
            bytes(128) + b"DICM" + group_2("", without=(0x00020010,)) + data_set(name)
        )

        assert header.transfer_syntax_uid == ENCODINGS[name]
        assert {"transfer-syntax-guessed", "meta-incomplete"} <= rules(header)
        assert not header.file_meta_conformant

    @pytest.mark.parametrize(
        ("stated", "name"),
        [(EXPLICIT_LE, "implicit"), (IMPLICIT_LE, "explicit"), (EXPLICIT_LE, "big")],
    )
    def test_a_data_set_written_otherwise_than_stated_is_read_as_it_is(
        self, stated: str, name: str
    ) -> None:
        header = header_of(bytes(128) + b"DICM" + group_2(stated) + data_set(name))

        assert header.transfer_syntax_uid == ENCODINGS[name]
        assert "transfer-syntax-disagrees" in rules(header)
        assert text(header, 0x00100020) == "P1"

    def test_a_data_set_directly_behind_the_prefix_is_read(self) -> None:
        header = header_of(bytes(128) + b"DICM" + data_set())

        assert text(header, 0x00100020) == "P1"
        assert rules(header) == {"no-file-meta", "transfer-syntax-guessed"}
        assert not header.has_file_meta
        assert header.dataset_offset == 132

    def test_implicit_meta_is_read_and_told(self) -> None:
        uid = EXPLICIT_LE.encode() + b"\0"
        meta = b"\x02\0\x10\0" + len(uid).to_bytes(4, "little") + uid
        meta = b"\x02\0\0\0\x04\0\0\0" + len(meta).to_bytes(4, "little") + meta
        header = header_of(bytes(128) + b"DICM" + meta + data_set())

        assert header.transfer_syntax_uid == EXPLICIT_LE
        assert "meta-encoding" in rules(header)
        assert text(header, 0x00100020) == "P1"

    def test_the_letters_dicm_inside_a_bare_data_set_mislead_nobody(self) -> None:
        body = SMALL + encode_element(0x00081030, "LO", b"x" * (128 - len(SMALL) - 8) + b"DICM")
        header = header_of(body)

        assert body[128:132] == b"DICM"
        assert header.sop_instance_uid == "1.2.3"
        assert header.preamble is Preamble.ABSENT

    def test_network_commands_in_front_are_passed_over(self) -> None:
        commands = b"\0\0\x02\0\x04\0\0\x001.2\0"
        group = b"\0\0\0\0\x04\0\0\0" + len(commands).to_bytes(4, "little")
        header = header_of(group + commands + data_set("implicit"))

        assert text(header, 0x00100020) == "P1"
        assert "command-group" in rules(header)

    @pytest.mark.parametrize(
        ("preamble", "kind", "conformant"),
        [
            (b"II*\0", Preamble.TIFF, True),
            (b"MM\0*", Preamble.TIFF, True),
            (b"II+\0", Preamble.TIFF, True),
            (b"MZ\x90\0", Preamble.FOREIGN, False),
            (b"\0\0\0\1", Preamble.FOREIGN, False),
        ],
    )
    def test_the_preamble_is_named(self, preamble: bytes, kind: Preamble, conformant: bool) -> None:
        header = header_of(preamble + written(ct_image())[4:])

        assert header.preamble is kind
        assert header.file_meta_conformant is conformant

    @pytest.mark.parametrize(
        "tag", [0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012]
    )
    def test_a_missing_type_1_element_is_named(self, tag: int) -> None:
        meta = group_2(EXPLICIT_LE, without=(tag,))
        header = header_of(bytes(128) + b"DICM" + meta + SMALL)

        (finding,) = [f for f in header.findings if f.rule == "meta-incomplete"]
        assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in finding.message
        assert not header.file_meta_conformant

    @pytest.mark.parametrize("length", [0, 10, 10_000, 0xFFFFFFFF])
    def test_a_wrong_group_length_is_forgiven(self, length: int) -> None:
        meta = group_2(EXPLICIT_LE, length=length)
        header = header_of(bytes(128) + b"DICM" + meta + SMALL)

        assert rules(header) == {"meta-length"}
        assert not header.file_meta_conformant
        assert header.elements[0x00080018].value == b"1.2.3\0"

    def test_meta_of_another_instance_is_told_and_the_data_set_wins(self) -> None:
        body = SMALL.replace(b"1.2.3\0", b"9.8.7\0")
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert header.sop_instance_uid == "9.8.7"
        assert rules(header) == {"meta-disagrees"}
        assert {f.subject for f in header.findings} == {"9.8.7"}

    def test_class_and_instance_come_from_the_meta_where_the_data_set_has_none(self) -> None:
        body = encode_element(0x00100020, "LO", b"P1")
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert header.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
        assert header.sop_instance_uid == "1.2.3"

    def test_an_instance_without_an_identity_is_an_error(self) -> None:
        meta = group_2(EXPLICIT_LE, without=(0x00020002, 0x00020003))
        header = header_of(bytes(128) + b"DICM" + meta + encode_element(0x00100020, "LO", b"P"))

        errors = [f for f in header.findings if f.severity is Severity.ERROR]
        assert [f.rule for f in errors] == ["no-instance", "no-instance"]
        assert {f.subject for f in errors} == {"some file"}

    def test_a_uid_that_climbs_out_of_folders_is_told(self) -> None:
        body = encode_element(0x00080018, "UI", b"../../etc/passwd")
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert "bad-uid" in rules(header)
        assert {f.subject for f in header.findings} == {"some file"}

    def test_a_pipe_is_refused_without_waiting(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(NotDicom, match="regular"):
            read_header(tmp_path / "pipe")
        with pytest.raises(NotDicom, match="regular"):
            read_header(tmp_path)

    def test_a_missing_file_is_an_error_of_the_system(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_header(tmp_path / "nothing")

    def test_a_file_reads_as_its_bytes_do(self, tmp_path: Path) -> None:
        ds = ct_image()
        ds.private_block(0x0029, "EXAMPLE").add_new(0x20, "OB", bytes(300_000))
        ds.PixelData = bytes(200_000)
        (tmp_path / "CT").write_bytes(written(ds))

        assert read_header(tmp_path / "CT") == header_of(written(ds))


def element_ends(data: bytes) -> list[int]:
    """Where each top-level element ends, told by its length alone."""
    ends = [0]
    for tag, element in iter_elements(data):
        ends.append(ends[-1] + len(encode_element(tag, element.vr, element.value)))
    return ends[1:]


class TestCompleteness:
    def test_every_cut_is_noticed(self) -> None:
        whole = written(ct_image())
        start = meta_end(whole)
        between = {start + at for at in element_ends(whole[start:])}

        unnoticed = {n for n in range(start, len(whole) + 1) if header_of(whole[:n]).complete}

        # A file that ends between two elements cannot be told from a whole one.
        assert unnoticed == between

    def test_native_pixels_cut_short_are_an_error(self) -> None:
        header = header_of(written(ct_image())[:-10])

        assert header.pixels is PixelEncoding.NATIVE
        assert not header.complete
        (finding,) = header.findings
        assert (finding.rule, finding.severity) == ("truncated", Severity.ERROR)
        assert "54" in finding.message

    @pytest.mark.parametrize(
        ("end", "complete"),
        [
            (b"\xfe\xff\xdd\xe0\0\0\0\0", True),
            (b"", False),
            (b"\xfe\xff\x00\xe0\x10\0\0\0abc", False),
            (b"\xfe\xff\xdd\xe0", False),
            (b"garbage!", False),
        ],
    )
    def test_fragments_are_walked_to_their_delimiter(self, end: bytes, complete: bool) -> None:
        fragments = encode_item(b"") + encode_item(b"\xff\xd8" + bytes(100_000)) + encode_item(b"x")
        pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments + end
        header = header_of(bytes(128) + b"DICM" + group_2(JPEG_BASELINE) + SMALL + pixels)

        assert header.pixels is PixelEncoding.ENCAPSULATED
        assert header.complete is complete

    def test_a_sequence_that_is_never_closed_is_noticed(self) -> None:
        open_sequence = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
        body = SMALL + open_sequence + SMALL
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert not header.complete
        assert "truncated" in rules(header)

    def test_a_deflated_data_set_that_breaks_off_is_noticed(self) -> None:
        whole = written(ct_image(), ENCODINGS["deflated"])

        assert header_of(whole).complete
        assert not header_of(whole[:-20]).complete

    def test_zeros_behind_the_pixels_are_filling(self) -> None:
        header = header_of(written(ct_image()) + bytes(2048))

        assert header.complete
        assert rules(header) == {"trailing-bytes"}

    def test_zeros_behind_encapsulated_pixels_are_filling(self) -> None:
        fragments = encode_item(b"") + encode_item(b"\xff\xd8") + b"\xfe\xff\xdd\xe0\0\0\0\0"
        pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments
        meta = bytes(128) + b"DICM" + group_2(JPEG_BASELINE)

        assert header_of(meta + SMALL + pixels + bytes(2048)).complete

    def test_zeros_instead_of_the_pixels_are_a_hole(self) -> None:
        whole = written(ct_image())
        at = whole.index(PIXEL_DATA)

        assert not header_of(whole[:at] + bytes(2048)).complete

    def test_trailing_padding_is_skipped(self) -> None:
        padding = encode_element(0xFFFCFFFC, "OB", bytes(100))
        header = header_of(written(ct_image()) + padding)

        assert header.complete
        assert header.findings == ()

    def test_signatures_behind_the_pixels_are_seen(self) -> None:
        signatures = encode_element(0xFFFAFFFA, "SQ", encode_sequence([SMALL]))

        assert header_of(written(ct_image()) + signatures).signed
        assert not header_of(written(ct_image())).signed

    def test_pixels_held_otherwise_than_the_transfer_syntax_says_are_told(self) -> None:
        native = encode_element(0x7FE00010, "OW", b"abcd")
        header = header_of(bytes(128) + b"DICM" + group_2(JPEG_BASELINE) + SMALL + native)

        assert rules(header) == {"pixels-disagree"}


class TestWhatIsKept:
    def test_only_what_is_wanted(self) -> None:
        wanted = frozenset({0x00100020})

        header = header_of(written(ct_image()), wanted)

        assert set(header.elements) == wanted
        assert header.sop_instance_uid == UID_1

    def test_of_the_content_only_what_modifies_the_concept(self) -> None:
        ds = ct_image()
        ds.ContentSequence = [content("CONTAINS", 3000), content("HAS CONCEPT MOD", 1)]
        for item in ds.ContentSequence:
            item.is_undefined_length_sequence_item = True

        for name in ("explicit", "implicit", "big", "deflated"):
            header = header_of(written(ds, ENCODINGS[name]))
            (item,) = iter_items(header.elements[0x0040A730].value)
            assert dict(iter_elements(item))[0x0040A010].value == b"HAS CONCEPT MOD "
            assert not header.findings

    def test_content_without_modifiers_is_left_out(self) -> None:
        ds = ct_image()
        ds.ContentSequence = [content("CONTAINS", 2)]

        assert 0x0040A730 not in header_of(written(ds)).elements

    def test_of_the_observers_only_when_they_verified(self) -> None:
        ds, observer = ct_image(), Dataset()
        observer.VerifyingObserverName = "Verifier^Vera"
        observer.VerificationDateTime = "20240229120000"
        ds.VerifyingObserverSequence = [observer]

        (item,) = iter_items(header_of(written(ds)).elements[0x0040A073].value)

        assert [tag for tag, _ in iter_elements(item)] == [0x0040A030]

    def test_of_shared_functional_groups_only_geometry_and_references(self) -> None:
        ds, shared, measures, other = ct_image(), Dataset(), Dataset(), Dataset()
        ds.SOPClassUID = EnhancedCTImageStorage
        measures.PixelSpacing = ["1", "1"]
        other.FrameType = ["ORIGINAL"]
        shared.PixelMeasuresSequence, shared.CTImageFrameTypeSequence = [measures], [other]
        ds.SharedFunctionalGroupsSequence = [shared]

        (item,) = iter_items(header_of(written(ds)).elements[0x52009229].value)

        assert [tag for tag, _ in iter_elements(item)] == [0x00289110]

    def test_icons_and_pixels_inside_sequences_are_left_out(self) -> None:
        ds, icon = ct_image(), Dataset()
        icon.Rows, icon.PixelData = 1, b"12"
        icon["PixelData"].VR = "OW"
        ds.IconImageSequence = [icon]
        ds.ReferencedImageSequence[0].IconImageSequence = [icon]

        header = header_of(written(ds), frozenset({0x00081140, 0x00880200, 0x7FE00010}))

        assert set(header.elements) == {0x00081140}
        first = next(iter_items(header.elements[0x00081140].value))
        assert 0x00880200 not in dict(iter_elements(first))

    def test_a_value_too_long_is_left_out_and_told(self) -> None:
        body = SMALL + encode_element(0x00420010, "UT", b"x" * (1024 * 1024 + 2))
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert 0x00420010 not in header.elements
        assert rules(header) == {"value-too-long"}
        assert header.complete

    def test_a_sequence_where_text_belongs_is_left_out_and_told(self) -> None:
        body = SMALL + encode_element(0x00100020, "SQ", encode_sequence([SMALL]))
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert 0x00100020 not in header.elements
        assert "bad-vr" in rules(header)

    def test_a_sequence_with_a_wrong_length_inside_costs_only_itself(self) -> None:
        item = b"\xfe\xff\0\xe0\x10\x27\0\0" + SMALL
        body = SMALL + encode_element(0x00081140, "SQ", item)
        body += encode_element(0x00100020, "LO", b"P1")
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert rules(header) == {"bad-sequence"}
        assert 0x00081140 not in header.elements
        assert text(header, 0x00100020) == "P1"

    def test_an_odd_length_is_made_even_and_told(self) -> None:
        body = SMALL + b"\x10\0\x20\0LO\3\0P12"
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert header.elements[0x00100020].value == b"P12 "
        assert rules(header) == {"odd-length"}

    def test_empty_values_are_kept_as_empty(self) -> None:
        body = SMALL + encode_element(0x00100020, "LO", b"")
        body += encode_element(0x0040A043, "SQ", b"")
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert header.elements[0x00100020].value == b""
        assert header.elements[0x0040A043].value == b""

    def test_bad_and_unknown_character_sets_are_told(self) -> None:
        body = encode_element(0x00080005, "CS", b"ISO-IR 100") + SMALL
        header = header_of(bytes(128) + b"DICM" + group_2(EXPLICIT_LE) + body)

        assert rules(header) == {"charset-unknown"}


def content(relationship: str, size: int) -> Dataset:
    """A content item, as large as its text."""
    item, concept = Dataset(), Dataset()
    item.RelationshipType, item.ValueType = relationship, "TEXT"
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "1", "X", "x"
    item.ConceptNameCodeSequence = [concept]
    item.TextValue = "x" * size
    return item
