"""File IDs and File-set IDs (PS3.10 8.2 and 8.5)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import RefusedError
from mediastation.model.file_id import (
    check_file_id,
    check_file_set_id,
    file_set_id_from,
    file_set_id_of_name,
    require_file_id,
    require_file_set_id,
)


@pytest.mark.parametrize(
    "file_id",
    [("DICOMDIR",), ("A",), ("A",) * 8, ("DICOM", "PT000001", "IM_1"), ("00000000",)],
)
def test_names_of_the_repertoire_are_file_ids(file_id: tuple[str, ...]) -> None:
    assert check_file_id(file_id) == []
    assert require_file_id(file_id) == file_id


@pytest.mark.parametrize(
    "file_id",
    [
        (),
        ("A",) * 9,
        ("",),
        ("DICOM", ""),
        ("ABCDEFGHI",),
        ("dicom",),
        ("A-B",),
        ("A.DCM",),
        ("A B",),
        ("..",),
        ("A/B",),
        ("A\\B",),
        ("A\n",),
        ("Ä",),
        ("٣",),
    ],
)
def test_anything_else_is_none(file_id: tuple[str, ...]) -> None:
    (finding,) = check_file_id(file_id)

    assert finding.rule == "file-id"
    with pytest.raises(RefusedError):
        require_file_id(file_id)


@pytest.mark.parametrize("file_set_id", ["", "A", "MULLER_HANS_2024", "0123456789ABCDEF"])
def test_up_to_sixteen_characters_are_a_file_set_id(file_set_id: str) -> None:
    assert check_file_set_id(file_set_id) == []


@pytest.mark.parametrize("file_set_id", ["0123456789ABCDEFG", "a", "A B", "A-B", "A\n", "Ü"])
def test_a_file_set_id_keeps_to_its_repertoire(file_set_id: str) -> None:
    assert [finding.rule for finding in check_file_set_id(file_set_id)] == ["file-set-id"]
    with pytest.raises(RefusedError):
        require_file_set_id(file_set_id)


@pytest.mark.parametrize(
    ("text", "file_set_id"),
    [
        ("Müller", "MULLER"),
        ("Müller, Hans", "MULLER_HANS"),
        ("Øystein Æsop Łódź", "OYSTEIN_AESOP_LO"),
        ("Straße 7", "STRASSE_7"),
        ("  CT 2024-01-31  ", "CT_2024_01_31"),
        ("ABCDEFGHIJKLMNO PQ", "ABCDEFGHIJKLMNO"),
        ("山田太郎", ""),
        ("Ｆｕｌｌ", "FULL"),
        ("", ""),
    ],
)
def test_a_label_becomes_the_nearest_file_set_id(text: str, file_set_id: str) -> None:
    assert file_set_id_from(text) == file_set_id


@pytest.mark.parametrize(
    ("name", "file_set_id"),
    [
        ("Müller^Hans", "MULLER_HANS"),
        ("O'Neill^Jo", "O_NEILL_JO"),
        ("Doe^J1", "DOE_J1"),
        # С, а and р are Cyrillic, and so is м; c, e and y are Latin.
        ("Сapoв^Пeтp", ""),
        ("Παππάς^A", ""),
        ("山田^太郎", ""),
        ("", ""),
    ],
)
def test_a_name_that_would_lose_letters_names_no_file_set(name: str, file_set_id: str) -> None:
    assert file_set_id_of_name(name) == file_set_id


@given(st.text(max_size=100))
def test_every_label_becomes_a_legal_file_set_id(text: str) -> None:
    assert re.fullmatch("[A-Z0-9_]{0,16}", file_set_id_from(text))
