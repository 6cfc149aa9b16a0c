"""README.TXT, against what IHE PDI asks of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation import __version__
from mediastation.errors import ConfigError
from mediastation.pages import readme, templates
from mediastation.pages.facts import SiblingDisc, Viewer
from mediastation.pages.readme import ReadmeFacts, readme_size_bound, render_readme

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


@settings(deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4))
def test_no_institution_can_break_the_lines(institution: str, contact: list[str]) -> None:
    text = changed(institution=institution, contact=tuple(contact))

    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    joiners = "\u200c\u200d"  # part of the spelling in Persian and Indic scripts
    assert all(char.isprintable() or char in joiners for char in text.replace("\r\n", ""))
    assert max(map(len, text.split("\r\n"))) <= 76
    assert "IDENTIFICATION\r\n---" in text


def test_template_syntax_in_the_facts_is_only_text() -> None:
    assert "{{ facts }}" in changed(institution="{{ facts }}")


def test_a_naive_date_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        changed(created=datetime(2024, 1, 1))


DISCS = (
    SiblingDisc(1, 3, 12, 1834, "20190317", "20240229"),
    SiblingDisc(2, 1, 1, 1, "20180101", "20180101"),
)


def test_the_discs_of_the_set_are_told_by_counts_alone() -> None:
    """Dates of studies are clinical content, and none of that is in README.TXT."""
    text = changed(volume=1, volumes=2, siblings=DISCS)

    assert "Disc 1        3 studies, 12 series, 1,834 instances (this one)\r\n" in text
    assert "Disc 2        1 study, 1 series, 1 instance\r\n" in text
    assert not [date for date in ("2019", "2018", "03-17", "0317") if date in text]


def test_a_hundred_discs_and_more_are_bounded() -> None:
    discs = tuple(SiblingDisc(n, 1, 1, 1) for n in range(1, 120))

    text = changed(volume=1, volumes=119, siblings=discs)

    assert "and 20 more discs" in text
    assert "Disc 99 " in text
    assert "Disc 100" not in text


def test_a_viewer_is_told_with_what_it_is_meant_for() -> None:
    viewer = Viewer("Viewer 4.5", "VIEWER/START.EXE", "Windows 10", "Not for diagnosis.")

    text = changed(viewer=viewer, other_folders=("VIEWER", "DOCS"))

    for said in ("Viewer 4.5", "open VIEWER/START.EXE", "Windows 10", "Not for diagnosis."):
        assert said in text
    assert "VIEWER        folder with the viewer" in text
    assert "DOCS          folder with further content that cannot be imported" in text
    assert "There is no viewer" not in text
    assert "Nothing on the medium starts by itself" in text


def test_without_its_makers_word_a_viewer_is_not_for_diagnosis() -> None:
    text = " ".join(changed(viewer=Viewer("V", "V/V.EXE")).split())

    assert "not meant for diagnosis" in text


def test_pages_for_a_browser_are_told_where_there_are_any() -> None:
    text = changed(index_page="INDEX.HTM", web_folder="IHE_PDI")

    assert "INDEX.HTM     what is on the medium" in text
    assert "IHE_PDI       folder with web pages" in text
    assert "HTM" not in changed()
    assert "IHE_PDI" not in changed()


def test_of_an_encrypted_medium_it_says_what_is_needed_and_promises_no_viewing() -> None:
    text = " ".join(changed(encrypted=True).split())

    assert "files are encrypted (DICOM PS3.15, Annex D" in text
    assert "Neither is on the medium" in text
    assert "Open the file DICOMDIR with a DICOM viewer" not in text


@settings(deadline=None)
@given(st.integers(0, 10**7), st.integers(1, 120), st.data())
def test_no_volume_needs_more_than_the_bound(
    instances: int, volumes: int, data: st.DataObject
) -> None:
    bound = readme_size_bound(FACTS, volumes)
    of = data.draw(st.integers(1, volumes))
    count = st.integers(0, FACTS.instances)
    discs = tuple(
        SiblingDisc(n, data.draw(count), data.draw(count), data.draw(count))
        for n in range(1, min(of, 5) + 1)
    )
    facts = replace(
        FACTS,
        instances=min(instances, FACTS.instances),
        file_set_id="W" * 16,
        file_set_uid="2." + "9" * 62,
        volume=of,
        volumes=of,
        siblings=discs if of > 1 else (),
    )

    assert len(render_readme(facts)) <= bound


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


class TestSealed:
    """What the text of a sealed medium says; `tests/interop/test_readme_openssl.py` does it."""

    @pytest.mark.parametrize(
        ("made", "told", "not_told"),
        [
            (
                {"password": True},
                ["-pwri_password", "Type the password"],
                ["-inkey", "private key"],
            ),
            ({"certificates": 1}, ["-inkey", "the certificate that the"], ["-pwri_password"]),
            ({"certificates": 3}, ["-inkey", "one of the 3 certificates"], ["-pwri_password"]),
            ({"password": True, "certificates": 2}, ["-inkey", "-pwri_password", "Or with"], []),
            ({}, ["-inkey", "-pwri_password"], []),
        ],
    )
    def test_it_has_the_steps_for_what_opens_it_and_no_others(
        self, made: dict[str, object], told: list[str], not_told: list[str]
    ) -> None:
        text = " ".join(changed(encrypted=True, **made).split())

        assert [words for words in told if words not in text] == []
        assert [words for words in not_told if words in text] == []

    def test_the_page_for_the_browser_is_told_where_it_is_there(self) -> None:
        text = changed(encrypted=True, password=True, open_page="OPEN.HTM")

        assert "OPEN.HTM      page that opens the files in a browser" in text
        assert "three ways" in text
        assert "OPEN.HTM" not in changed(encrypted=True, password=True)

    def test_it_says_that_the_directory_is_encrypted_too_and_whom_to_ask(self) -> None:
        text = changed(encrypted=True, password=True)

        assert "the file DICOMDIR too" in text
        assert "the institution gives it to\r\nyou on another way" in text
        assert "St. Elsewhere, Radiology" in text

    def test_it_warns_of_the_password_in_the_list_of_processes(self) -> None:
        text = " ".join(changed(encrypted=True, password=True).split())

        assert "can see it in the list of processes" in text

    @pytest.mark.parametrize("signed", [True, False])
    @pytest.mark.parametrize("made", [{"password": True}, {"certificates": 123}, {}])
    def test_no_line_of_it_is_folded(
        self, made: dict[str, object], signed: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A folded line of prose is ugly; a folded command does something else."""
        text = changed(encrypted=True, signed=signed, open_page="OPEN.HTM", **made)
        monkeypatch.setattr(readme, "_COLUMNS", 10_000)

        assert changed(encrypted=True, signed=signed, open_page="OPEN.HTM", **made) == text

    def test_a_plain_medium_has_none_of_it(self) -> None:
        assert "openssl" not in changed().lower()
        assert "encrypted" not in changed()
