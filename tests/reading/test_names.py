"""Names from media: harmless when shown, and the same when they mean the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.reading.names import folded, iso_name, safe_name, split_components


@given(st.one_of(st.text(), st.sampled_from(["", ".", "..", "a/b", "a\\b", "\x1b[2J"])))
def test_no_name_climbs_splits_or_steers(name: str) -> None:
    safe = safe_name(name)

    assert safe not in {"", ".", ".."}
    assert not set(safe) & set("/\\\0\n\x1b\u202e")
    safe.encode("utf-8")


@given(st.from_regex(r"[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?", fullmatch=True))
def test_level_1_names_are_shown_as_they_are(name: str) -> None:
    assert safe_name(name) == name
    recorded = name if "." in name else f"{name}."
    assert iso_name(f"{recorded};1".encode()) == name


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        (b"A.;1", "A"),
        (b"A;1", "A"),
        (b"A.TXT;12", "A.TXT"),
        (b"A", "A"),
        (b".;1", "%2E"),
        (b";1", "%"),
    ],
)
def test_versions_and_empty_extensions_belong_to_the_file_system(
    identifier: bytes, name: str
) -> None:
    assert iso_name(identifier) == name


@given(st.from_regex(r"[A-Z0-9_]{1,8}", fullmatch=True))
def test_every_spelling_of_a_component_folds_to_it(name: str) -> None:
    for spelling in (name, name.lower(), f"{name}.", f"{name};1", f"{name}.;1", f"{name} "):
        assert folded(spelling) == name


def test_components_that_climb_are_never_split_into_a_path() -> None:
    assert split_components(["A/B", "C\\D"]) == ["A", "B", "C", "D"]
    for asked in ([], ["/A"], ["A", ".."], ["A//B"], ["..\\A"], [" .. "]):
        assert split_components(asked) is None
