"""The recipient sheet: the password, exactly and legibly, on one page, and nobody's name."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import ConfigError
from mediastation.model.secrecy import LONGEST_PASSWORD, Password
from mediastation.pages.fonts import FontShelf
from mediastation.pages.recipient_sheet import (
    MOST_MEDIA,
    RecipientSheetFacts,
    SheetMedium,
    render_recipient_sheet,
    render_recipient_sheet_html,
)
from tests.pages.page_facts import ARABIC, CREATED, JAPANESE
from tests.support.pdf import pdf_text, pdf_words
from tests.support.peers import run_peer
from tests.support.rendered import HtmlPage

BARE = FontShelf([])
WORDS = "zoo zone zero youth young you park"
ODD = r"""Tr0ub4dor  &\ <3> 'l1O0' "$~`^ """
MEDIUM = SheetMedium("2.25.329800735698586629295641978511506172918", "MS12", "MS12")
SHEET = RecipientSheetFacts(
    created=CREATED,
    password=Password(WORDS),
    institution="St. Elsewhere, Radiology",
    contact=("Main Street 1", "Telephone +49 30 1234-567"),
    media=(MEDIUM,),
    given_to="Dr. Jane Roe",
)
CROWDED = replace(
    SHEET,
    password=Password("Xy9~ " * 204),
    institution="M" * 9999,
    contact=("C" * 9999, *("Line of many words " * 40 for _ in range(99))),
    media=(replace(MEDIUM, label="L" * 999, file_set_id="F" * 999, file_set_uid="9" * 999),) * 99,
    given_to="\x1b[31m\u202e" + "W" * 9999,
    job=99_999,
)
SAID = (
    *("Password for the encrypted medium", "St. Elsewhere, Radiology", "Dr. Jane Roe"),
    *("label and File-set ID MS12", MEDIUM.file_set_uid, "2024-02-29 23:59"),
    *("OPEN.HTM", "README.TXT", "OpenSSL", "Secure DICOM Files", "Telephone +49 30 1234-567"),
    *("Hand this sheet over apart from the medium.", "Never in the same envelope", "telephone"),
    WORDS,
)
odd_passwords = pytest.mark.parametrize(
    "text",
    [WORDS, WORDS.upper(), ODD, "x", " a ", "\\", "~" * 250, "12345678", "ALL CAPS 7"],
)


def printed(folder: Path, facts: RecipientSheetFacts, shelf: FontShelf | None = BARE) -> Path:
    path = folder / "sheet.pdf"
    path.write_bytes(render_recipient_sheet(facts, shelf).content)
    return path


def parsed(facts: RecipientSheetFacts) -> HtmlPage:
    """The page taken apart; its empty elements are written as XML has them."""
    return HtmlPage(render_recipient_sheet_html(facts).decode().replace(" />", ">"))


def flat(text: str) -> str:
    return " ".join(text.split())


def scanned(image: Path) -> str:
    """What a scanner of QR codes reads, octet for octet."""
    found = run_peer("zbarimg", "--raw", "-q", "-S*.disable", "-Sqrcode.enable", image)
    return found.stdout.removesuffix("\n")


def code_of(page: str, folder: Path) -> Path:
    """Where the one picture of a page lies."""
    (image,) = re.findall('src="data:image/png;base64,([^"]*)"', page)
    path = folder / "code.png"
    path.write_bytes(base64.b64decode(image, validate=True))
    return path


class TestPrinted:
    def test_it_says_everything_and_on_one_page(self, tmp_path: Path) -> None:
        path = printed(tmp_path, SHEET)
        text = flat(pdf_text(path))

        assert [said for said in SAID if said not in text] == []
        assert "Pages:           1" in run_peer("pdfinfo", path).stdout

    def test_words_are_numbered_and_large_in_their_order(self, tmp_path: Path) -> None:
        words = pdf_words(printed(tmp_path, SHEET))
        large = [word for word in words if word.bottom - word.top > 5 and 60 < word.top < 120]
        columns = sorted(large, key=lambda word: (round(word.left), word.top))

        assert " ".join(word.text for word in columns) == WORDS
        for number, word in enumerate(columns, 1):
            (beside,) = [
                one
                for one in words
                if one.text == str(number)
                and 0 < word.left - one.right < 5
                and word.top < one.bottom < word.bottom
            ]
            assert beside.right < word.left

    @odd_passwords
    def test_the_qr_code_is_the_password_to_the_octet(self, text: str, tmp_path: Path) -> None:
        path = printed(tmp_path, replace(SHEET, password=Password(text)))
        run_peer("pdftoppm", "-r", "300", "-png", "-singlefile", path, tmp_path / "page")

        assert scanned(tmp_path / "page.png") == text

    @pytest.mark.parametrize("text", [ODD, "Xy9~ " * 204, WORDS.title()])
    def test_any_other_password_is_there_sign_by_sign(self, text: str, tmp_path: Path) -> None:
        """In the order of rows; a blank is drawn, not written."""
        path = printed(tmp_path, replace(SHEET, password=Password(text)))
        shown = "".join(pdf_text(path).split())

        assert text.replace(" ", "") in shown
        assert "anopenboxisablank" in shown

    @pytest.mark.parametrize("shelf", [BARE, None], ids=["core", "installed"])
    @pytest.mark.parametrize(
        "facts",
        [
            SHEET,
            CROWDED,
            replace(CROWDED, password=Password(" ".join(["mountain"] * 25))),
            replace(SHEET, password=Password(ODD), media=(), contact=(), institution=""),
        ],
        ids=["plain", "crowded", "words", "nothing"],
    )
    def test_however_much_it_tells_it_is_one_page_and_nothing_touches(
        self, facts: RecipientSheetFacts, shelf: FontShelf | None, tmp_path: Path
    ) -> None:
        path = printed(tmp_path, facts, shelf)
        words = pdf_words(path)

        assert "Pages:           1" in run_peer("pdfinfo", path).stdout
        assert [w for w in words if w.left < 14 or w.right > 196 or w.bottom > 290] == []
        for place, one in enumerate(words):
            middle = (one.top + one.bottom) / 2
            for other in words[place + 1 :]:
                beside = one.right < other.left + 0.3 or other.right < one.left + 0.3
                assert beside or not other.top < middle < other.bottom, (one, other)
        assert "Hand this sheet over" in flat(pdf_text(path))

    def test_a_set_of_many_media_is_counted(self, tmp_path: Path) -> None:
        media = tuple(replace(MEDIUM, label=f"MS12_{n}") for n in range(1, 9))
        text = flat(pdf_text(printed(tmp_path, replace(SHEET, media=media))))

        assert "Medium 4 of 8 label MS12_4, File-set ID MS12" in text
        assert "MS12_5" not in text
        assert f"and {8 - MOST_MEDIA} more media of this set" in text

    def test_before_the_media_are_made_it_names_the_job(self, tmp_path: Path) -> None:
        facts = replace(SHEET, media=(SheetMedium(file_set_id="MS77"),), job=77)
        text = flat(pdf_text(printed(tmp_path, facts)))

        assert "File-set ID MS77" in text
        assert "job 77" in text
        assert "UID" not in text

    def test_a_medium_without_the_page_is_opened_otherwise(self, tmp_path: Path) -> None:
        text = flat(pdf_text(printed(tmp_path, replace(SHEET, open_page=""))))

        assert "OPEN.HTM" not in text
        assert "1. Without our programs: README.TXT" in text

    def test_names_of_every_script_are_printed_or_the_font_is_named(self, tmp_path: Path) -> None:
        facts = replace(SHEET, given_to=JAPANESE.partition("^")[0], institution=ARABIC)
        made = render_recipient_sheet(facts, BARE)

        assert {one.rule for one in made.findings} <= {"font-missing"}
        assert WORDS in flat(pdf_text(printed(tmp_path, facts)))

    def test_the_same_facts_give_the_same_bytes(self) -> None:
        assert render_recipient_sheet(SHEET) == render_recipient_sheet(SHEET)

    def test_another_moment_gives_other_bytes(self) -> None:
        later = replace(SHEET, created=SHEET.created + timedelta(days=1))

        assert render_recipient_sheet(SHEET, BARE) != render_recipient_sheet(later, BARE)

    def test_its_properties_do_not_tell_the_password(self, tmp_path: Path) -> None:
        said = run_peer("pdfinfo", printed(tmp_path, SHEET)).stdout

        assert "Password for the encrypted medium" in said
        assert not any(word in said for word in WORDS.split())

    def test_its_facts_do_not_show_the_password(self) -> None:
        assert not any(word in repr(SHEET) for word in ("zoo", "zero", "youth", "park"))


class TestPage:
    def test_it_says_everything_and_refers_to_nothing_outside(self) -> None:
        data = render_recipient_sheet_html(SHEET)
        page = parsed(SHEET)
        text = " ".join(page.words)

        assert [said for said in SAID if said not in text] == []
        assert page.links == []
        assert [one[:22] for one in page.references] == ["data:image/png;base64,"]
        assert not re.search(rb"url\(|@import|<script|http://(?!www\.w3\.org/1999/xhtml)", data)

    @odd_passwords
    def test_the_qr_code_is_the_password_to_the_octet(self, text: str, tmp_path: Path) -> None:
        page = render_recipient_sheet_html(replace(SHEET, password=Password(text))).decode()

        assert scanned(code_of(page, tmp_path)) == text

    def test_the_longest_password_has_its_code(self, tmp_path: Path) -> None:
        text = "Xy9~" * (LONGEST_PASSWORD // 4)
        page = render_recipient_sheet_html(replace(SHEET, password=Password(text))).decode()

        assert scanned(code_of(page, tmp_path)) == text

    def test_a_password_with_signs_of_html_is_shown_as_it_is(self) -> None:
        page = parsed(replace(SHEET, password=Password("<b>&amp;</b> x")))

        assert "<b>&amp;</b>␣x" in page.words
        assert "␣ is a blank" in " ".join(page.words)

    def test_facts_from_outside_are_text(self) -> None:
        evil = "<script>alert(1)</script>"
        facts = replace(SHEET, institution=evil, contact=(evil,), given_to=evil)
        page = parsed(facts)

        assert "script" not in page.tags
        assert evil in page.words

    def test_a_site_may_have_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "SHEET.HTM").write_text("<p>{{ words | join('-') }}</p>")

        assert (
            render_recipient_sheet_html(SHEET, tmp_path)
            == b"<p>zoo-zone-zero-youth-young-you-park</p>"
        )

    def test_a_faulty_one_of_the_site_is_told_without_the_password(self, tmp_path: Path) -> None:
        (tmp_path / "SHEET.HTM").write_text("{{ facts.nothing }}")

        with pytest.raises(ConfigError) as caught:
            render_recipient_sheet_html(SHEET, tmp_path)

        assert not any(word in str(caught.value) for word in WORDS.split())

    def test_the_same_facts_give_the_same_bytes(self) -> None:
        assert render_recipient_sheet_html(SHEET) == render_recipient_sheet_html(SHEET)


@pytest.mark.parametrize("render", [render_recipient_sheet, render_recipient_sheet_html])
def test_a_naive_date_is_a_mistake(render) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="time zone"):
        render(replace(SHEET, created=datetime(2024, 1, 1)))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=200),
    st.text(max_size=40),
    st.lists(st.builds(SheetMedium, st.text(), st.text(), st.text()), max_size=3).map(tuple),
)
def test_no_facts_stop_the_printing(
    password: str, said: str, media: tuple[SheetMedium, ...]
) -> None:
    facts = RecipientSheetFacts(
        datetime.now(UTC), Password(password), said, (said, ""), media, 1, said
    )

    assert render_recipient_sheet(facts, BARE).content.startswith(b"%PDF-")
    assert render_recipient_sheet_html(facts).startswith(b"<!DOCTYPE html>")
