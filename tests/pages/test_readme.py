"""README.TXT, against what IHE PDI asks of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation import __version__
from mediastation.errors import ConfigError
from mediastation.pages import templates
from mediastation.pages.readme import ReadmeFacts, render_readme

FACTS = ReadmeFacts(
    created=datetime(2024, 2, 29, 23, 59, 58, tzinfo=timezone(timedelta(hours=1))),
    profile="STD-GEN-CD",
    file_set_id="CT_2024",
    file_set_uid="2.25." + "9" * 59,
    instances=1300,
    institution="St. Elsewhere, Radiology",
    contact=("1 Main Street", "Tel. +1 555 0100"),
)


def changed(**changes: object) -> str:
    """Render FACTS with `changes` and return the text."""
    facts = ReadmeFacts(**{name: getattr(FACTS, name) for name in FACTS.__slots__} | changes)
    return render_readme(facts).decode("utf-8-sig")


def test_it_tells_who_with_what_when_and_which() -> None:
    text = render_readme(FACTS).decode("ascii")

    for fact in (
        *("St. Elsewhere, Radiology", "1 Main Street", "Tel. +1 555 0100"),
        *(f"Mediastation {__version__}", "2024-02-29 23:59, UTC+0100", "STD-GEN-CD", "PDI"),
        *("CT_2024", FACTS.file_set_uid, "DICOMDIR", "1,300 DICOM files", "SHA256.TXT"),
    ):
        assert fact in text


def test_the_same_facts_give_the_same_bytes() -> None:
    assert render_readme(FACTS) == render_readme(FACTS)


def test_every_line_ends_in_cr_lf_and_is_narrow() -> None:
    data = render_readme(FACTS)

    assert data.endswith(b"\r\n")
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    assert max(map(len, data.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("name", ["Universitätsklinikum Köln", "東京大学医学部附属病院"])
def test_a_name_outside_ascii_is_kept_and_the_text_marked_as_utf_8(name: str) -> None:
    facts = changed(institution=name)

    assert name in facts
    assert render_readme(
        ReadmeFacts(FACTS.created, "STD-GEN-CD", "", "1.2", 1, institution=name)
    ).startswith(b"\xef\xbb\xbf")


def test_the_volume_is_told_only_where_there_are_several() -> None:
    assert "Volume:" not in changed()
    assert "Volume:       2 of 3" in changed(volume=2, volumes=3)


def test_what_is_not_there_is_not_promised() -> None:
    text = changed(digest_list="", institution="", file_set_id="", instances=1)

    assert "SHA" not in text
    assert "not stated" in text
    assert "File-set ID:  none" in text
    assert "1 DICOM file\r\n" in text


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4))
def test_no_institution_can_break_the_lines(institution: str, contact: list[str]) -> None:
    text = changed(institution=institution, contact=tuple(contact))

    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    assert all(char.isprintable() for char in text.replace("\r\n", ""))
    assert max(map(len, text.split("\r\n"))) <= 76
    assert "IDENTIFICATION\r\n---" in text


def test_template_syntax_in_the_facts_is_only_text() -> None:
    assert "{{ facts }}" in changed(institution="{{ facts }}")


def test_a_naive_date_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        changed(created=datetime(2024, 1, 1))


@pytest.mark.parametrize(
    "template", [b"{{ facts.patient }}", b"{% if %}", b"\xff", b"{{ ''.__class__.__mro__ }}", None]
)
def test_a_faulty_template_is_the_configurations_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: bytes | None
) -> None:
    if template is not None:
        (tmp_path / "README.TXT").write_bytes(template)
    monkeypatch.setattr(templates, "resource_folder", lambda _name: tmp_path)

    with pytest.raises(ConfigError, match=r"README\.TXT"):
        render_readme(FACTS)


def test_the_date_keeps_its_time_zone() -> None:
    assert "2024-01-01 00:00, UTC+0000" in changed(created=datetime(2024, 1, 1, tzinfo=UTC))
