"""What an instance lacks is said from its header; what is no instance is not taken for one."""

from __future__ import annotations

import pytest

from mediastation.importing.instance_check import check_instance
from mediastation.importing.look import FileKind, Looked, look
from mediastation.model.instance import Element, PixelEncoding
from mediastation.reading.memory import MemoryVolume
from tests.support.headers import header
from tests.support.outside.directories import Directory, Encoding
from tests.support.outside.patients import instance_files, instances

CT = instances()[0]
PIXELS = {
    0x00280002: Element("US", b"\1\0"),
    0x00280010: Element("US", b"\x40\0"),
    0x00280011: Element("US", b"\x40\0"),
    0x00280100: Element("US", b"\x10\0"),
    0x00280004: Element("CS", b"MONOCHROME2 "),
}


def rules(**facts: object) -> list[str]:
    """What is told of a CT image of 64 x 64 pixels of 16 bits; `facts` spoil it."""
    elements = {**PIXELS, **facts.pop("elements", {})}  # type: ignore[dict-item]
    length = facts.pop("pixel_length", 64 * 64 * 2)
    made = header(elements=elements, pixel_offset=1000, pixel_length=length, **facts)  # type: ignore[arg-type]
    return [finding.rule for finding in check_instance("IM1", made)]


def looked(content: bytes) -> Looked:
    """How the scan takes one file."""
    volume = MemoryVolume({"IM1": content})
    return look(volume, next(volume.iter_files()))


class TestCheckInstance:
    def test_a_whole_instance_is_given_no_finding(self) -> None:
        assert rules() == []

    @pytest.mark.parametrize(
        ("tag", "rule"),
        [
            (0x0020000D, "no-study-uid"),
            (0x0020000E, "no-series-uid"),
            (0x00100020, "no-patient-id"),
        ],
    )
    def test_what_is_missing_or_empty_is_told(self, tag: int, rule: str) -> None:
        assert rules(without=(tag,)) == [rule]
        assert rules(elements={tag: Element("LO", b"")}) == [rule]

    @pytest.mark.parametrize("value", [b"0 ", b"0000", b"ANONYMOUS ", b"n/a "])
    def test_a_patient_id_that_many_have_is_told(self, value: bytes) -> None:
        assert rules(elements={0x00100020: Element("LO", value)}) == ["placeholder-patient-id"]

    def test_a_patient_id_with_zeros_in_it_is_one(self) -> None:
        assert rules(elements={0x00100020: Element("LO", b"000170")}) == []

    def test_an_object_of_no_patient_needs_none_of_it(self) -> None:
        protocol = "1.2.840.10008.5.1.4.38.1"
        missing = (0x0020000D, 0x0020000E, 0x00100020)

        assert rules(sop_class=protocol, without=missing) == []

    def test_text_without_its_character_set_is_told_once(self) -> None:
        names = {
            0x00100010: Element("PN", b"M\xfcller^\xc4nne"),
            0x00081030: Element("LO", b"\xe4 "),
        }

        assert rules(elements=names) == ["character-set"]
        declared = {**names, 0x00080005: Element("CS", b"ISO_IR 100")}
        assert rules(elements=declared) == []

    def test_fewer_pixels_than_the_image_has_are_told(self) -> None:
        assert rules(pixel_length=64 * 64 * 2 - 2) == ["pixels-short"]

    def test_pixels_whose_length_says_nothing_are_not_measured(self) -> None:
        """Encapsulated ones, and colour that is subsampled."""
        assert rules(pixel_length=10, pixels=PixelEncoding.ENCAPSULATED) == []
        colour = {0x00280004: Element("CS", b"YBR_FULL_422")}
        assert rules(elements=colour, pixel_length=64 * 64) == []


class TestLook:
    @pytest.mark.parametrize(
        "directory",
        [
            Directory(preamble=False),
            Directory(preamble=False, encoding=Encoding(explicit=False)),
            Directory(preamble=False, encoding=Encoding(big=True)),
            Directory(sop_class="1.2.840.10008.5.1.4.1.1.2"),
            Directory(without=frozenset({0x00020002})),
        ],
    )
    def test_a_directory_is_none_of_the_instances_whatever_its_meta_says(
        self, directory: Directory
    ) -> None:
        assert looked(directory.build()).kind is FileKind.DIRECTORY

    @pytest.mark.parametrize("path", instance_files())
    def test_an_instance_is_no_directory(self, path: str) -> None:
        assert looked(instance_files()[path]).kind is FileKind.INSTANCE

    def test_what_ends_before_its_data_set_is_unreadable_and_says_so(self) -> None:
        found = looked(CT.content[:200])

        assert found.kind is FileKind.UNREADABLE
        assert "truncated" in {finding.rule for finding in found.findings}
        assert {finding.subject for finding in found.findings} == {"IM1"}

    def test_what_ends_inside_its_data_set_is_an_instance_still(self) -> None:
        assert looked(CT.content[:600]).kind is FileKind.INSTANCE
