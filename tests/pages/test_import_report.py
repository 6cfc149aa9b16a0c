"""The report on an import: one sheet as a rule, readable at the worst, whatever it is told."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import ConfigError
from mediastation.model.finding import Severity
from mediastation.pages.fonts import FontShelf
from mediastation.pages.import_facts import (
    Fault,
    Identities,
    ImportReportFacts,
    LeftBehind,
    Listed,
    OpenedFiles,
    Repaired,
    SentOn,
    SidesRow,
)
from mediastation.pages.import_report import (
    MOST_ROWS,
    render_import_report,
    render_import_report_pdf,
)
from tests.pages.page_facts import ARABIC, CREATED, HEAD, HEBREW, JAPANESE, PATIENT, patients
from tests.support.pdf import pdf_text, pdf_words
from tests.support.peers import run_peer
from tests.support.xhtml import XhtmlPage, bare

SHA256 = "ab" * 32
FAULT = Fault("id-case", Severity.WARNING, 12, "dicom/im01", "The File ID is in capitals.")
SIDES = Identities(
    (
        SidesRow("Patient ID", "OUT1", "4711", "differs"),
        SidesRow("Name", "DOE^JANE", "Doe^Jane", "agrees"),
        SidesRow("Birth date", "1970-01-01", "", "missing on one side"),
    ),
    "28 instances. The identity here is from the worklist of ris; decided by mta.",
)
REPORT = ImportReportFacts(
    created=CREATED,
    verdict="28 of 28 instances imported; 2 things repaired; no instance left behind.",
    passed=True,
    job=12,
    institution="St. Elsewhere, Radiology",
    station="DISCS on station7",
    operator="mta",
    counts=(("found", 28), ("imported", 28), ("refused", 0)),
    medium=(("Kind", "Disc"), ("Label", "MRI_2024"), ("SHA-256", SHA256)),
    patients=Listed((PATIENT,)),
    faults=Listed((FAULT,)),
    repairs=Listed((Repaired("file-id-case", 2, "RECORD 7", "DICOM\\IM01", "dicom/im01"),)),
    left=Listed((LeftBehind("Program", "Never started, never copied.", 3, "VIEWER/RUN.EXE"),)),
    identities=Listed((SIDES,)),
    sent=Listed((SentOn("pacs", "PACS@10.0.0.9:104", 27, 1, 0),)),
    ledger_head=f"17:{HEAD[:24]}",
)
SAID = (
    *("Import of an outside medium", "St. Elsewhere, Radiology", "station DISCS on station7"),
    *("operator mta", "Job 12", "2024-02-29 23:59:58", "28 of 28 instances imported"),
    *("MRI_2024", SHA256, "Müller, Dr. Jürgen", "4711", "1950-01-02", "2024-02-29", "CT Thorax"),
    *("A0001", "1,236", "Warning", "The File ID is in capitals.", "dicom/im01", "12"),
    *("File id case", "DICOM\\IM01", "VIEWER/RUN.EXE", "Never started, never copied."),
    *("OUT1", "DOE^JANE", "worklist of ris", "missing on one side", "PACS@10.0.0.9:104", "27"),
    f"17:{HEAD[:24]}",
)
NOTHING = ImportReportFacts(CREATED, "No DICOM instance was found.", None, 1)


def printed(facts: ImportReportFacts, folder: Path, shelf: FontShelf | None = None) -> Path:
    """Where the sheet lies."""
    path = folder / "report.pdf"
    path.write_bytes(render_import_report_pdf(facts, shelf).content)
    return path


def sheets(path: Path) -> int:
    found = re.search(r"Pages: +(\d+)", run_peer("pdfinfo", path).stdout)
    assert found is not None
    return int(found[1])


def many(number: int) -> ImportReportFacts:
    """`number` of everything, each as long as it gets."""
    long = "x " * 400
    return replace(
        REPORT,
        verdict=f"STOPPED: {long}",
        patients=Listed(tuple(replace(PATIENT, patient_id=f"P{n}") for n in range(number))),
        faults=Listed(tuple(replace(FAULT, message=f"M{n} {long}") for n in range(number))),
        repairs=Listed(tuple(Repaired(f"r{n}", n, long, long, long) for n in range(number))),
        left=Listed(tuple(LeftBehind(f"L{n}", long, n, long) for n in range(number))),
        identities=Listed((SIDES,) * number),
        sent=Listed(tuple(SentOn(f"peer{n}", long, n) for n in range(number))),
    )


class TestSheet:
    def test_an_ordinary_import_fits_one_and_says_everything(self, tmp_path: Path) -> None:
        path = printed(REPORT, tmp_path)
        text = " ".join(pdf_text(path).split())

        assert sheets(path) == 1
        for said in (*SAID, "Page 1 of 1", "Read and filed by"):
            assert said in text, said

    def test_nothing_lies_outside_the_paper_or_over_the_foot(self, tmp_path: Path) -> None:
        for facts in (REPORT, many(30)):
            for word in pdf_words(printed(facts, tmp_path)):
                assert word.left > 10
                assert word.right < 200
                assert 10 < word.top < word.bottom < 290

    @pytest.mark.parametrize("number", [6, 10])
    def test_a_long_import_is_shortened_until_it_fits_one_and_says_what_is_left_out(
        self, number: int, tmp_path: Path
    ) -> None:
        faults = tuple(
            replace(FAULT, rule=f"r{n}", message=f"Fault {n}.") for n in range(3 * number)
        )
        left = tuple(LeftBehind(f"Kind {n}", "Why.", n) for n in range(3 * number))
        facts = replace(REPORT, faults=Listed(faults), left=Listed(left))

        path = printed(facts, tmp_path)
        text = pdf_text(path)

        assert sheets(path) == 1
        for word in ("Fault", "Kind"):
            shown = len(re.findall(rf"{word} \d+", text))
            assert 3 <= shown < 3 * number
            assert f"And {3 * number - shown:,} more kinds." in text

    def test_the_worst_takes_two_and_names_the_first_of_everything(self, tmp_path: Path) -> None:
        path = printed(many(412), tmp_path)
        text = pdf_text(path)

        assert sheets(path) == 2
        assert "Page 2 of 2" in text
        for said in ("M0 x", "R0", "L0", "peer0", "And 405 more kinds.", "more patients."):
            assert said in text, said

    def test_no_heading_stands_alone_at_the_foot(self, tmp_path: Path) -> None:
        first, second = pdf_text(printed(many(412), tmp_path)).split("\f")[:2]

        for page in (first, second):
            rows = [line for line in page.splitlines() if line.strip()]
            headings = [at for at, line in enumerate(rows) if re.match(r" *[1-6] +W", line)]
            assert headings
            assert all(at + 2 < len(rows) - 1 for at in headings)

    def test_every_patient_is_named_before_anybodys_second_study(self, tmp_path: Path) -> None:
        several = tuple(
            replace(PATIENT, patient_id=f"P{n}", studies=PATIENT.studies * 20) for n in range(7)
        )
        text = pdf_text(printed(replace(REPORT, patients=Listed(several)), tmp_path))

        assert all(f"ID P{n} " in text for n in range(7))

    @pytest.mark.parametrize("name", [HEBREW, ARABIC])
    def test_a_name_from_right_to_left_turns_nothing_else_round(
        self, name: str, tmp_path: Path
    ) -> None:
        people = Listed((replace(PATIENT, name=name, patient_id="X4711Y"),))
        words = pdf_words(printed(replace(REPORT, patients=people), tmp_path))

        line = sorted(
            (word for word in words if abs(word.top - next(
                one.top for one in words if one.text == "X4711Y")) < 1),
            key=lambda word: word.left,
        )  # fmt: skip
        texts = [word.text for word in line]
        assert texts[-5:] == ["X4711Y", "·", "born", "1950-01-02", "·"] or texts[-6:-1] == [
            "X4711Y", "·", "born", "1950-01-02", "·",
        ]  # fmt: skip

    def test_what_no_font_has_is_found(self) -> None:
        people = Listed((replace(PATIENT, name=JAPANESE),))
        made = render_import_report_pdf(replace(REPORT, patients=people), FontShelf([]))

        assert {one.rule for one in made.findings} == {"font-missing"}

    def test_the_same_facts_give_the_same_bytes(self) -> None:
        first, second = (render_import_report_pdf(REPORT).content for _ in range(2))
        assert first == second

    def test_an_empty_medium_is_told_too(self, tmp_path: Path) -> None:
        text = pdf_text(printed(NOTHING, tmp_path))

        assert "No DICOM instance was found." in text
        assert "Nothing came in." in text


class TestPage:
    def test_it_says_everything(self) -> None:
        page = XhtmlPage(render_import_report(REPORT))

        for said in SAID:
            assert said in bare(page.text), said
        assert page.links == []
        assert ["Name", "DOE^JANE", "Doe^Jane", "agrees"] in page.rows

    def test_envelopes_are_told_where_there_were_any(self) -> None:
        ann = OpenedFiles("password", "AES-256", "its digest (SHA-256)", 28)
        some = XhtmlPage(render_import_report(replace(REPORT, opened=Listed((ann,)))))

        assert ["Password", "AES-256", "its digest (SHA-256)", "28"] in some.rows
        assert "2 Secure envelopes" in some.text
        assert "Secure envelopes" not in XhtmlPage(render_import_report(REPORT)).text

    def test_it_refers_to_nothing_outside(self) -> None:
        page = render_import_report(many(3)).decode()

        assert not re.search(r"src=|url\(|<link|<script|@import|href=", page)

    @pytest.mark.parametrize(
        ("passed", "look"), [(True, b"care good"), (False, b"care bad"), (None, b'"care"')]
    )
    def test_good_and_bad_look_different(self, passed: bool | None, look: bytes) -> None:
        assert look in render_import_report(replace(REPORT, passed=passed))

    def test_long_lists_are_bounded_and_say_so(self) -> None:
        faults = tuple(replace(FAULT, rule=f"r{n}") for n in range(MOST_ROWS + 5))
        page = XhtmlPage(render_import_report(replace(REPORT, faults=Listed(faults, 612))))

        assert "And 412 more kinds." in page.text
        assert sum(row[0] == "Warning" for row in page.rows) == MOST_ROWS

    @settings(deadline=None, max_examples=40)
    @given(st.text(max_size=60), patients)
    def test_whatever_it_is_told_it_is_text_in_its_cell(self, said: str, patient: object) -> None:
        facts = replace(
            REPORT,
            verdict=said,
            institution=said,
            operator=said,
            medium=((said, said),),
            patients=Listed((patient,)),  # type: ignore[arg-type]
            faults=Listed((replace(FAULT, subject=said, message=said),)),
            left=Listed((LeftBehind(said, said, 1, said),)),
            identities=Listed((Identities((SidesRow(said, said, said, said),), said),)),
        )
        rows = XhtmlPage(render_import_report(facts)).rows

        left = next(at for at, row in enumerate(rows) if row[:2] == ["What", "Why"])
        assert [len(row) for row in rows[left : left + 2]] == [4, 4]
        what, why, example = map(bare, rows[left + 1][:3])
        assert what == example
        assert why in {what, what.capitalize()[:1] + what[1:]}

    def test_markup_in_a_name_is_text(self) -> None:
        people = Listed((replace(PATIENT, name="<script>alert(1)</script>^&"),))
        page = render_import_report(replace(REPORT, patients=people))

        assert b"<script" not in page
        assert "<script>alert(1)</script>" in XhtmlPage(page).text

    @pytest.mark.parametrize("name", [HEBREW, ARABIC])
    def test_names_are_isolated(self, name: str) -> None:
        people = Listed((replace(PATIENT, name=name),))
        page = render_import_report(replace(REPORT, patients=people)).decode()

        for part in name.split("^"):
            assert re.search(rf"\u2068[^\u2069]*{part}[^\u2068]*\u2069", page)

    def test_the_site_may_have_its_own_and_a_faulty_one_is_named(self, tmp_path: Path) -> None:
        template = tmp_path / "IMPORT.HTM"
        template.write_text('{% extends "standard/IMPORT.HTM" %}', encoding="utf-8")
        assert render_import_report(REPORT, tmp_path) == render_import_report(REPORT)

        template.write_text("{{ facts.nobody }}", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"IMPORT\.HTM, line 1"):
            render_import_report(REPORT, tmp_path)


def test_a_naive_date_is_a_mistake() -> None:
    facts = replace(REPORT, created=datetime(2024, 1, 1))

    with pytest.raises(ValueError, match="time zone"):
        render_import_report(facts)
    with pytest.raises(ValueError, match="time zone"):
        render_import_report_pdf(facts)


def test_the_page_loads_no_pdf_library() -> None:
    script = (
        "import sys, mediastation.pages.import_report\n"
        "print(sorted({'fpdf', 'segno', 'uharfbuzz', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
