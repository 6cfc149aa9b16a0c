"""What Level 1 lets onto a disc; the limits are typed from ECMA-119 and PS3.12, F.1.2."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.media.level1 import MediumFile, check_level1, level1_identifier


def rules(*paths: str, size_bytes: int = 1) -> list[tuple[str, str]]:
    files = [MediumFile(path, Path("source"), size_bytes) for path in paths]
    return [(finding.rule, finding.subject) for finding in check_level1(files)]


@pytest.mark.parametrize(
    "path", ["DICOMDIR", "README.TXT", "A", "_", "0.1", "12345678.123", "A/B/C/D/E/F/IM000001"]
)
def test_legal_names_pass(path: str) -> None:
    assert rules(path) == []


@pytest.mark.parametrize(
    "path",
    [
        *("", "/A", "A/", "A//B", ".", "..", "../A", "A/../B", "A.", ".TXT", "A.TEXT", "A.B.C"),
        *("123456789", "123456789/A", "DIR.EXT/A", "lower", "A B", "A-B", "A;1", "A\n", "A\\B"),
        *("\u00c4", "\uff21"),
    ],
)
def test_illegal_names_are_named(path: str) -> None:
    assert rules(path) == [("iso-name", path)]


def test_an_eighth_component_is_too_deep() -> None:
    assert rules("A/B/C/D/E/F/G/H") == [("iso-depth", "A/B/C/D/E/F/G/H")]


def test_two_files_of_one_name_are_one_finding() -> None:
    assert rules("A/B", "A/B", "A/B") == [("iso-duplicate", "A/B")]


def test_a_file_cannot_be_a_directory_too() -> None:
    assert rules("A/B", "A/B/C") == [("iso-duplicate", "A/B")]


@pytest.mark.parametrize("size_bytes", [2**32 - 2047, 2**32 - 1, 2**32, -1])
def test_what_one_extent_cannot_hold_is_refused(size_bytes: int) -> None:
    """Above 4 GiB less a sector pycdlib would split the file, which Level 1 forbids."""
    assert rules("A", size_bytes=size_bytes) == [("iso-file-size", "A")]


def test_the_largest_extent_is_accepted() -> None:
    assert rules("A", size_bytes=2**32 - 2048) == []


@pytest.mark.parametrize("pair", [("D/A", "D/A.1"), ("D/DATA.A", "D/DATA.A1")])
def test_names_that_would_be_recorded_out_of_order_are_refused(pair: tuple[str, str]) -> None:
    assert rules(*pair, "D/Z", "E/A") == [("iso-order", pair[1])]


@pytest.mark.parametrize(
    "paths", [("A", "A_", "A0", "A.TXT"), ("B/A", "A/B", "AB", "A/C/D", "A0/B")]
)
def test_other_neighbours_are_in_order(paths: tuple[str, ...]) -> None:
    assert rules(*paths) == []


def test_the_path_table_numbers_its_directories_in_16_bits() -> None:
    """With the root, 65,535 directories; this is one more."""
    assert rules(*(f"D{n}/A" for n in range(65_535))) == [("iso-directories", "")]


def test_sectors_are_numbered_in_32_bits() -> None:
    paths = [f"A{n}" for n in range(2049)]

    assert rules(*paths[:2046], size_bytes=2**32 - 2048) == []
    assert rules(*paths, size_bytes=2**32 - 2048) == [("iso-volume-size", "")]


def test_the_file_system_spells_every_name_with_a_point_and_version_one() -> None:
    assert level1_identifier("DICOM/IM000001") == "/DICOM/IM000001.;1"
    assert level1_identifier("README.TXT") == "/README.TXT;1"
