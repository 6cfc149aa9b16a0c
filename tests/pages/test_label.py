"""Disc label and cover, as programs see them that nobody here wrote."""

from __future__ import annotations

import logging
import math
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.pages.cover import COVER_MM, render_cover
from mediastation.pages.facts import IndexPatient, LabelFacts, SiblingDisc
from mediastation.pages.fonts import FontShelf
from mediastation.pages.label import DISC_MM, PRINTABLE_MM, render_label
from mediastation.pages.pen import PrintedPages
from tests.pages import page_facts
from tests.pages.page_facts import HEAD, LABEL, PATIENT, STUDY, UID
from tests.support.fonts import CJK, NOTO, core_fonts, needs_cjk, needs_noto
from tests.support.pdf import Word, pdf_fonts, pdf_text, pdf_words, qr_codes
from tests.support.peers import run_peer

Render = Callable[[LabelFacts, FontShelf | None], PrintedPages]
BARE = FontShelf([])
HOSTILE = replace(
    LABEL,
    patients=(
        IndexPatient("\x00\n\u202e" + "W" * 10_000, "I" * 5000, "x" * 999, "?", (STUDY,) * 500),
    ),
    institution="\x1b[31m" + "M" * 9999,
    contact=("C" * 9999,) * 99,
    profile="P" * 500,
    file_set_id="F" * 500,
    file_set_uid="9" * 64,
    ledger_head="f" * 9999,
    volume=99_999,
    volumes=99_999,
)

both = pytest.mark.parametrize("render", [render_label, render_cover])


def named(name: str, **changes: object) -> LabelFacts:
    return replace(LABEL, patients=(replace(PATIENT, name=name),), **changes)  # type: ignore[arg-type]


def written(folder: Path, printed: PrintedPages) -> Path:
    path = folder / "page.pdf"
    path.write_bytes(printed.content)
    return path


class TestContents:
    @both
    def test_it_tells_whose_what_when_and_which(self, render: Render, tmp_path: Path) -> None:
        printed = render(LABEL, BARE)
        text = pdf_text(written(tmp_path, printed))

        for said in (
            *("Müller, Dr. Jürgen", "ID 4711", "born 1950-01-02", "2024-02-29", "2019-12-31"),
            *("St. Elsewhere, Radiology", "Made 2024-02-29 23:59", "DICOM ONLY", "Disc 2 of 3"),
            *("STD-GEN-CD", "MUELLER_1", UID, "Ledger 0123 4567 89ab cdef", HEAD, "Confidential"),
        ):
            assert said in text
        assert "ENCRYPTED" not in text
        assert printed.findings == ()

    @both
    def test_the_qr_code_says_the_file_set_uid(self, render: Render, tmp_path: Path) -> None:
        assert qr_codes(written(tmp_path, render(LABEL, BARE)), tmp_path) == [UID]

    @both
    def test_the_longest_uid_can_be_scanned_too(self, render: Render, tmp_path: Path) -> None:
        uid = "1." + "23456789" * 7 + ".12345"
        path = written(tmp_path, render(replace(LABEL, file_set_uid=uid), BARE))

        assert qr_codes(path, tmp_path) == [uid]

    @both
    def test_web_content_and_encryption_are_said(self, render: Render, tmp_path: Path) -> None:
        facts = replace(LABEL, has_web_content=True, is_encrypted=True)
        text = pdf_text(written(tmp_path, render(facts, BARE)))

        assert "DICOM PLUS WEB" in text
        assert "ENCRYPTED" in text
        assert "Müller" in text

    def test_the_cover_of_an_encrypted_disc_sends_nobody_to_a_viewer(self, tmp_path: Path) -> None:
        """No viewer reads a directory that lies in an envelope."""
        text = pdf_text(written(tmp_path, render_cover(replace(LABEL, is_encrypted=True), None)))

        assert "README.TXT tells how to open it" in text
        assert "viewer" not in text

    @both
    def test_a_neutral_one_says_nothing_of_the_patient(
        self, render: Render, tmp_path: Path
    ) -> None:
        facts = replace(LABEL, is_encrypted=True, is_neutral=True, siblings=page_facts.DISCS)
        printed = render(facts, BARE)
        text = pdf_text(written(tmp_path, printed))

        for secret in ("Müller", "MUELLER", "4711", "1950", "2019", "Thorax", "2018", "CT"):
            assert secret not in text
        assert "Encrypted medical images" in text
        assert UID in text
        assert b"Muller" not in printed.content

    @both
    def test_several_patients_are_named_as_far_as_there_is_room(
        self, render: Render, tmp_path: Path
    ) -> None:
        people = tuple(replace(PATIENT, name=f"Name{n}^A", patient_id=str(n)) for n in range(12))
        text = pdf_text(written(tmp_path, render(replace(LABEL, patients=people), BARE)))

        assert "Name0, A · ID 0" in text
        shown = sum(f"Name{n}, A" in text for n in range(12))
        assert f"and {12 - shown} more patients" in text

    @both
    def test_many_dates_are_told_as_far_as_there_is_room(
        self, render: Render, tmp_path: Path
    ) -> None:
        studies = tuple(replace(STUDY, date=f"20{n:02d}0102") for n in range(40))
        facts = replace(LABEL, patients=(replace(PATIENT, studies=studies),))
        text = pdf_text(written(tmp_path, render(facts, BARE)))

        assert "2039-01-02" in text
        assert " more" in text

    def test_a_cover_lists_studies_and_the_discs_of_the_set(self, tmp_path: Path) -> None:
        text = pdf_text(
            written(tmp_path, render_cover(replace(LABEL, siblings=page_facts.DISCS), BARE))
        )

        assert "CT Thorax" in text
        assert "CT SR" in text
        assert "Disc 1: 2 studies, 3 series, 2019-12-31 to 2024-02-29" in text
        assert "Disc 2 (this one): 1 study, 1 series, 2018-01-01" in text
        assert "1 Main Street" in text

    @both
    def test_what_is_not_known_is_left_out(self, render: Render, tmp_path: Path) -> None:
        facts = replace(
            *(LABEL,),
            patients=(),
            profile="",
            file_set_id="",
            ledger_head="",
            institution="",
        )
        text = pdf_text(written(tmp_path, render(facts, BARE)))

        assert "Medical images" in text
        assert "Ledger" not in text
        assert "File-set ID" not in text
        assert "Institution not stated" in text


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            *(page_facts.LATIN, page_facts.GREEK, page_facts.CYRILLIC, page_facts.HEBREW),
            *(page_facts.ARABIC, page_facts.THAI, page_facts.VIETNAMESE, page_facts.LONG),
        ],
    )
    @both
    def test_every_letter_of_a_name_can_be_read_back(
        self, render: Render, name: str, tmp_path: Path
    ) -> None:
        needs_noto()
        printed = render(named(name), core_fonts())
        text = "".join(pdf_text(written(tmp_path, printed)).split())

        assert printed.findings == ()
        for part in unicodedata.normalize("NFC", name).replace(" ", "").split("^"):
            assert part in text

    @both
    def test_devanagari_is_shaped(self, render: Render, tmp_path: Path) -> None:
        """The signs come out in the order of glyphs; the word is drawn in one font, in one run."""
        needs_noto()
        path = written(tmp_path, render(named(page_facts.DEVANAGARI), core_fonts()))

        assert any("Devanagari" in name for name, _ in pdf_fonts(path))
        assert "राज" in pdf_text(path)

    @pytest.mark.parametrize(
        ("name", "groups"),
        [
            (page_facts.JAPANESE, ("Yamada, Tarou", "山田 太郎", "やまだ たろう")),
            (page_facts.KOREAN, ("Hong, Gildong", "洪 吉洞", "홍 길동")),
        ],
    )
    @both
    def test_all_component_groups_are_there(
        self, render: Render, name: str, groups: tuple[str, ...], tmp_path: Path
    ) -> None:
        needs_noto()
        needs_cjk()
        printed = render(named(name), FontShelf([NOTO, CJK]))
        text = pdf_text(written(tmp_path, printed))

        assert printed.findings == ()
        assert all(group in text for group in groups)

    @both
    def test_without_the_font_the_page_names_the_package_and_a_finding_says_so(
        self, render: Render, tmp_path: Path
    ) -> None:
        printed = render(named(page_facts.JAPANESE), BARE)
        text = " ".join(pdf_text(written(tmp_path, printed)).split())

        assert "Yamada, Tarou" in text
        assert "fonts-noto-cjk is needed to print this name" in text
        (finding,) = printed.findings
        assert (finding.rule, str(finding.severity)) == ("font-missing", "warning")
        assert "fonts-noto-cjk" in finding.hint

    @both
    def test_fonts_are_embedded_and_cut_down(self, render: Render, tmp_path: Path) -> None:
        needs_noto()
        path = written(tmp_path, render(named(page_facts.ARABIC), core_fonts()))

        assert len(pdf_fonts(path)) >= 2
        assert all(embedded for _, embedded in pdf_fonts(path))
        assert path.stat().st_size < 100_000

    def test_a_name_that_had_to_be_shortened_is_found(self) -> None:
        findings = render_label(HOSTILE, BARE).findings

        assert {finding.rule for finding in findings} == {"text-cut"}
        assert any(finding.message.startswith("This name") for finding in findings)

    def test_the_longest_name_of_the_standard_is_shown_whole(self, tmp_path: Path) -> None:
        """PN: 64 characters in each component group (PS3.5 6.2)."""
        group = "Q" * 40 + "^" + "Z" * 23
        printed = render_label(named(group), BARE)
        text = "".join(pdf_text(written(tmp_path, printed)).split())

        assert printed.findings == ()
        assert text.count("Q") == 40
        assert text.count("Z") == 23


class TestGeometry:
    @pytest.mark.parametrize(
        "facts",
        [
            LABEL,
            HOSTILE,
            named(page_facts.LONG),
            replace(LABEL, is_encrypted=True, is_neutral=True),
            replace(LABEL, patients=(PATIENT,) * 9),
            replace(LABEL, institution="Institute of very long names " * 9),
            replace(
                LABEL,
                patients=(
                    replace(
                        PATIENT,
                        studies=tuple(replace(STUDY, date=f"20{n:02d}0102") for n in range(40)),
                    ),
                ),
            ),
        ],
        ids=["plain", "hostile", "long", "neutral", "several", "institution", "dates"],
    )
    def test_no_word_of_the_label_leaves_the_printable_ring(
        self, facts: LabelFacts, tmp_path: Path
    ) -> None:
        words = pdf_words(written(tmp_path, render_label(facts, BARE)))

        assert len(words) > 8
        assert [word for word in words if not _in_ring(word)] == []

    @pytest.mark.parametrize("facts", [LABEL, HOSTILE, replace(LABEL, patients=(PATIENT,) * 9)])
    def test_nothing_of_the_cover_is_cut_off(self, facts: LabelFacts, tmp_path: Path) -> None:
        discs = tuple(SiblingDisc(n, 3, 4, 5, "20200101") for n in range(1, 40))
        facts = replace(facts, siblings=discs, volumes=39)
        words = pdf_words(written(tmp_path, render_cover(facts, BARE)))
        left, top = (210 - COVER_MM) / 2, 30.0
        inside = [word for word in words if word.bottom < top + COVER_MM]

        assert len(inside) > 20
        for word in inside:
            assert word.left >= left + 3
            assert word.top >= top + 3
            assert word.right <= left + COVER_MM - 3
            assert word.bottom <= top + COVER_MM - 3

    def test_no_two_lines_of_a_crowded_label_touch(self, tmp_path: Path) -> None:
        """Words above each other are apart by more than the height of their letters."""
        words = pdf_words(written(tmp_path, render_label(HOSTILE, BARE)))
        middles = sorted(words, key=lambda word: word.top)

        for one, other in pairwise(middles):
            if one.left < other.right and other.left < one.right:
                assert (other.top + other.bottom) / 2 > one.top + (one.bottom - one.top) * 0.7

    def test_pages_are_as_large_as_disc_and_paper(self, tmp_path: Path) -> None:
        for render, size in ((render_label, "340.16 x 340.16"), (render_cover, "595.28 x 841.89")):
            said = run_peer("pdfinfo", written(tmp_path, render(LABEL, BARE))).stdout
            assert f"Page size:       {size}" in said
            assert "Pages:           1" in said


class TestBytes:
    @both
    def test_the_same_facts_give_the_same_bytes(self, render: Render) -> None:
        assert render(LABEL, None) == render(LABEL, None)

    @both
    def test_another_moment_gives_another_date(self, render: Render) -> None:
        later = replace(LABEL, created=LABEL.created + timedelta(days=1))

        assert render(LABEL, BARE).content != render(later, BARE).content
        assert b"D:20240229235958" in render(LABEL, BARE).content

    @both
    def test_the_documents_properties_name_nobody(self, render: Render, tmp_path: Path) -> None:
        said = run_peer("pdfinfo", written(tmp_path, render(LABEL, BARE))).stdout

        assert "Mediastation" in said
        assert "ller" not in said
        assert "4711" not in said

    @both
    def test_nothing_is_logged(self, render: Render, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            render(LABEL, None)

        assert caplog.records == []

    @both
    def test_a_naive_date_is_a_mistake(self, render: Render) -> None:
        with pytest.raises(ValueError, match="time zone"):
            render(replace(LABEL, created=datetime(2024, 1, 1)), BARE)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(page_facts.patients, max_size=3).map(tuple), page_facts.words)
    def test_no_facts_stop_the_printing(
        self, patients: tuple[IndexPatient, ...], said: str
    ) -> None:
        facts = replace(LABEL, patients=patients, institution=said, profile=said, ledger_head=said)

        for render in (render_label, render_cover):
            assert render(facts).content.startswith(b"%PDF-")


def _in_ring(word: Word) -> bool:
    """Tell whether the letters of a word lie between rim and hole.

    A box reaches from the font's ascent to its descent; letters fill less of it.
    """
    middle = DISC_MM / 2
    height = word.bottom - word.top
    top, bottom = word.top + 0.15 * height - middle, word.bottom - 0.15 * height - middle
    left, right = word.left - middle, word.right - middle
    far = max(math.hypot(x, y) for x in (left, right) for y in (top, bottom))
    near = math.hypot(
        max(left, 0, -right) if left * right > 0 else 0,
        max(top, 0, -bottom) if top * bottom > 0 else 0,
    )
    return far <= PRINTABLE_MM[1] / 2 and near >= PRINTABLE_MM[0] / 2
