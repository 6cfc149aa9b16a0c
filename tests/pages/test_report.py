"""The report on a medium, as a page and as PDF."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.model.document import Table
from mediastation.pages.facts import ReportFacts
from mediastation.pages.fonts import FontShelf
from mediastation.pages.report import MOST_ROWS, render_report, render_report_pdf
from tests.pages.page_facts import CREATED, HEAD
from tests.support.peers import run_peer
from tests.support.xhtml import XhtmlPage, bare

FINDINGS = Table(
    "Findings",
    ("Severity", "File", "Message"),
    (
        ("ISO 9660",),
        ("error", "DICOM/PT000001/IM000001", "3 sectors cannot be read"),
        ("note", "A", "B"),
    ),
)
REPORT = ReportFacts(
    title="Verification of a medium",
    created=CREATED,
    verdict="The medium differs from what was written.",
    passed=False,
    institution="St. Elsewhere",
    rows=(("Drive", "/dev/sr0"), ("Ledger head", HEAD)),
    tables=(FINDINGS, Table("Compatibility", ("Reader", "Result"), ())),
)


class TestHtml:
    def test_it_tells_everything_that_it_was_given(self) -> None:
        page = XhtmlPage(render_report(REPORT))

        assert page.headings == ["Verification of a medium", "Findings", "Compatibility"]
        assert ["Drive", "/dev/sr0"] in page.rows
        assert ["Ledger head", HEAD] in page.rows
        assert ["ISO 9660"] in page.rows
        assert ["error", "DICOM/PT000001/IM000001", "3 sectors cannot be read"] in page.rows
        for said in (
            "differs from what was written",
            "St. Elsewhere",
            "2024-02-29 23:59:58",
            "None.",
        ):
            assert said in page.text

    @pytest.mark.parametrize(("passed", "look"), [(True, b"care good"), (False, b"care bad")])
    def test_good_and_bad_look_different(self, passed: bool, look: bytes) -> None:
        assert b'class="%b"' % look in render_report(replace(REPORT, passed=passed))

    def test_no_verdict_looks_neither_good_nor_bad(self) -> None:
        page = render_report(replace(REPORT, passed=None))

        assert b'class="care"' in page

    @settings(deadline=None)
    @given(st.text(max_size=60))
    def test_whatever_it_is_told_it_is_text_in_its_cell(self, said: str) -> None:
        table = Table(said, (said, "B"), ((said, "x"), (said,)))
        page = XhtmlPage(render_report(replace(REPORT, title=said, verdict=said, tables=(table,))))

        assert [len(row) for row in page.rows[-3:]] == [2, 2, 1]
        assert bare(page.rows[-2][0]) == bare(page.rows[-1][0])

    def test_a_huge_table_is_bounded_and_says_so(self) -> None:
        table = Table("Files", ("A",), tuple((str(n),) for n in range(MOST_ROWS + 7)))

        page = XhtmlPage(render_report(replace(REPORT, tables=(table,))))

        assert "And 7 more." in page.text
        assert len(page.rows) == len(REPORT.rows) + 1 + MOST_ROWS


class TestPdf:
    def test_it_says_the_same(self, tmp_path: Path) -> None:
        (tmp_path / "r.pdf").write_bytes(render_report_pdf(REPORT, FontShelf([])).content)

        text = run_peer("pdftotext", "-layout", tmp_path / "r.pdf", "-").stdout

        for said in (
            *("Verification of a medium", "differs from what was written", "/dev/sr0", HEAD),
            *("ISO 9660", "DICOM/PT000001/IM000001", "3 sectors cannot be read", "None."),
            *("St. Elsewhere", "Page 1 of 1"),
        ):
            assert said in text

    def test_a_long_table_goes_over_pages_under_its_headings(self, tmp_path: Path) -> None:
        rows = tuple(("error", f"IM{n:06d}", "damaged") for n in range(120))
        facts = replace(REPORT, tables=(replace(FINDINGS, rows=rows),))
        (tmp_path / "r.pdf").write_bytes(render_report_pdf(facts, FontShelf([])).content)

        pages = run_peer("pdftotext", "-layout", tmp_path / "r.pdf", "-").stdout.split("\f")[:-1]

        assert len(pages) > 1
        assert all("Severity" in page for page in pages)
        for row in rows:
            assert sum(row[1] in page for page in pages) == 1
        assert f"Page {len(pages)} of {len(pages)}" in pages[-1]

    def test_a_very_long_table_is_bounded_and_says_so(self, tmp_path: Path) -> None:
        table = Table("Files", ("A",), tuple((str(n),) for n in range(507)))
        facts = replace(REPORT, tables=(table,))
        (tmp_path / "r.pdf").write_bytes(render_report_pdf(facts, FontShelf([])).content)

        assert "And 7 more." in run_peer("pdftotext", tmp_path / "r.pdf", "-").stdout

    def test_what_no_font_has_is_written_out_and_found(self, tmp_path: Path) -> None:
        facts = replace(REPORT, verdict="The name 山 differs.")
        printed = render_report_pdf(facts, FontShelf([]))
        (tmp_path / "r.pdf").write_bytes(printed.content)

        assert "The name U+5C71 differs." in run_peer("pdftotext", tmp_path / "r.pdf", "-").stdout
        assert [(one.rule, one.subject) for one in printed.findings] == [("font-missing", "report")]

    def test_the_same_facts_give_the_same_bytes(self) -> None:
        assert render_report_pdf(REPORT).content == render_report_pdf(REPORT).content

    def test_hostile_cells_stay_on_the_page(self) -> None:
        table = Table("T" * 9999, ("A", "B"), (("x" * 9999, "\x00\u202e" * 999),))

        assert (
            render_report_pdf(replace(REPORT, tables=(table,)), FontShelf([])).content[:5]
            == b"%PDF-"
        )


def test_a_naive_date_is_a_mistake() -> None:
    facts = replace(REPORT, created=datetime(2024, 1, 1))

    with pytest.raises(ValueError, match="time zone"):
        render_report(facts)
    with pytest.raises(ValueError, match="time zone"):
        render_report_pdf(facts)


def test_no_page_loads_the_pdf_library_before_it_is_printed() -> None:
    script = (
        "import sys\n"
        "import mediastation.pages.index, mediastation.pages.readme, mediastation.pages.report\n"
        "print(sorted({'fpdf', 'segno', 'uharfbuzz', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
