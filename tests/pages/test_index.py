"""INDEX.HTM, against XHTML Basic, what IHE PDI asks of it, and hostile names."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mediastation.pages.facts import IndexFacts, IndexPatient, SiblingDisc, Viewer
from mediastation.pages.index import MOST_SERIES, index_size_bound, link_to, render_index
from tests.pages import page_facts
from tests.pages.page_facts import DISCS, INDEX, PATIENT, STUDY, UID
from tests.support.xhtml import XhtmlPage, bare


def page(**changes: object) -> XhtmlPage:
    return XhtmlPage(render_index(replace(INDEX, **changes)))  # type: ignore[arg-type]


class TestContents:
    def test_the_manifest_lists_patient_studies_and_series(self) -> None:
        shown = page()

        assert shown.headings[0] == "Medical images"
        assert bare(shown.headings[3]) == "Müller, Dr. Jürgen"
        assert shown.headings[4] == "2024-02-29 CT Thorax"
        assert bare(shown.headings[5]) == "2019-12-31 Röntgen <Thorax>"
        assert ["Patient ID", "4711"] in shown.rows
        assert ["Birth date", "1950-01-02"] in shown.rows
        assert ["Sex", "male"] in shown.rows
        assert ["SR", "99", "Dose & report", "1,234"] in shown.rows
        assert shown.rows.count(["CT", "1", "Scout", "2"]) == 2
        assert "Accession number A0001" in shown.text
        assert "1 patient, 2 studies, 3 series, 1,238 instances in the folder DICOM" in shown.text
        assert "More of this study is on disc 2." in shown.text

    def test_it_says_who_made_it_when_and_which_it_is(self) -> None:
        shown = page()

        for said in (
            *("St. Elsewhere, Radiology", "1 Main Street", "Tel. +1 555 0100"),
            *("2024-02-29 23:59, UTC+0100", "MUELLER_1", UID, "STD-GEN-CD", "Confidential"),
            *("DICOMDIR", "DICOM viewer", "Nothing on this medium starts by itself"),
        ):
            assert said in shown.text
        assert shown.links == ["README.TXT", "SHA256.TXT"]

    def test_the_institutions_own_disclaimer_stands_in_for_the_general_one(self) -> None:
        shown = page(disclaimer="Call us & ask.")

        assert "Call us & ask." in shown.text
        assert "Confidential" not in shown.text

    def test_links_lead_to_what_is_there_and_to_nothing_else(self) -> None:
        shown = page(
            web_page="IHE_PDI/INDEX.HTM",
            viewer=Viewer("Viewer 4.5", "VIEWER/START.EXE", "Windows", "Not for diagnosis."),
            other_folders=("DOCS",),
            digest_list="",
        )

        assert shown.links == ["VIEWER/START.EXE", "IHE_PDI/INDEX.HTM", "DOCS/", "README.TXT"]
        for said in ("Viewer 4.5", "Windows", "Not for diagnosis."):
            assert said in shown.text

    def test_the_discs_of_the_set_are_told_where_there_are_several(self) -> None:
        shown = page(volume=1, volumes=2, siblings=DISCS)

        assert "Disc 1 of 2" in shown.text
        assert ["1 (this one)", "2019-12-31 to 2024-02-29", "2", "3", "1,238"] in shown.rows
        assert ["2", "2018-01-01", "1", "1", "17"] in shown.rows
        assert "Disc" not in page().text

    def test_all_component_groups_of_a_name_are_shown(self) -> None:
        shown = page(patients=(replace(PATIENT, name=page_facts.JAPANESE),))

        assert bare(shown.headings[3]) == "Yamada, Tarou · 山田 太郎 · やまだ たろう"

    def test_instances_without_a_patient_are_counted(self) -> None:
        shown = page(without_patient=3)

        assert "1,241 instances" in shown.text
        assert "3 of them belong to no patient" in shown.text

    def test_what_is_missing_is_said_or_left_out(self) -> None:
        nobody = IndexPatient("", "", "", "", ())

        shown = page(patients=(nobody,), institution="", profile="", file_set_id="")

        assert "no name" in shown.headings
        assert "Institution not stated" in shown.text
        assert "Application Profile" not in shown.text
        assert "File-set ID" not in shown.text


class TestForm:
    def test_it_is_one_file_without_scripts_or_anything_from_outside(self) -> None:
        text = render_index(
            replace(INDEX, web_page="IHE_PDI/INDEX.HTM", viewer=Viewer("V", "V/V.EXE"))
        ).decode()

        assert re.findall(r"[a-z]+://[^\"]*", text) == [
            "http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd",  # names of the language,
            "http://www.w3.org/1999/xhtml",  # which no browser fetches
        ]
        for word in (
            "<script",
            "<img",
            "<link",
            "<iframe",
            "url(",
            "@import",
            "javascript",
            "src=",
        ):
            assert word not in text

    def test_the_charset_is_declared_where_browsers_look_for_it(self) -> None:
        assert b"charset=utf-8" in render_index(INDEX)[:1024]

    def test_it_prints_and_fits_a_phone(self) -> None:
        text = render_index(INDEX).decode()

        assert "@media print" in text
        assert 'name="viewport"' in text

    def test_text_and_background_contrast_as_wcag_asks_for_the_highest_level(self) -> None:
        style = render_index(INDEX).decode().partition("<style")[2].partition("</style>")[0]
        pairs = [("#14181f", "#ffffff"), ("#3c4654", "#ffffff"), ("#0b4a6f", "#ffffff")]
        pairs += [("#14181f", tone) for tone in ("#fdf5e6", "#ecf6ef", "#fcedee", "#eef2f5")]

        for one, other in pairs:
            assert one in style
            assert other in style
            assert _contrast(one, other) >= 7
        assert set(re.findall(r"(?<![-a-z])color: (#[0-9a-f]{6})", style)) <= {
            *(one for one, _ in pairs),
            "#ffffff",
        }

    @pytest.mark.parametrize(
        "name",
        [
            *(page_facts.ARABIC, page_facts.HEBREW, page_facts.THAI, page_facts.DEVANAGARI),
            *(page_facts.GREEK, page_facts.CYRILLIC, page_facts.KOREAN, page_facts.LONG),
        ],
    )
    def test_a_name_of_any_script_is_isolated_from_what_surrounds_it(self, name: str) -> None:
        said = page(patients=(replace(PATIENT, name=name),)).headings[3]

        groups = said.split(" · ")
        assert len(groups) == name.count("=") + 1
        assert all(group[0] == "\u2068" and group[-1] == "\u2069" for group in groups)
        assert {*said} >= {*name} - {"^", "="}

    def test_a_name_cannot_turn_the_page_round(self) -> None:
        text = render_index(
            replace(INDEX, patients=(replace(PATIENT, name="a\u202eb\u2067^c\u200f\u2069d"),))
        ).decode()

        assert not set("\u202e\u2067\u200f") & set(text)
        assert text.count("\u2068") == text.count("\u2069")

    @given(st.lists(page_facts.patients, max_size=3).map(tuple), page_facts.words)
    @example(
        (replace(PATIENT, name="]]><script>alert(1)</script>&\"'\x00\ufffe\ud800"),), "{{ 7*7 }}"
    )
    def test_whatever_the_facts_are_it_is_xhtml_with_nothing_of_theirs(
        self, patients: tuple[IndexPatient, ...], said: str
    ) -> None:
        shown = page(patients=patients, institution=said, disclaimer=said, contact=(said,))

        assert shown.links == ["README.TXT", "SHA256.TXT"]
        assert shown.headings.count("Identification") >= 1
        assert len(shown.rows) == 3 + sum(
            3 + sum(1 + len(study.series) for study in patient.studies) for patient in patients
        ) + (1 if INDEX.digest_list else 0)

    @given(st.text(max_size=40))
    @example("javascript:alert(1)")
    @example("//host/x")
    @example("C:\\x\\..\\..\\y")
    def test_no_path_links_anywhere_else(self, path: str) -> None:
        link = link_to(path)

        assert re.fullmatch(r"[A-Za-z0-9_.~%/-]*", link)
        assert not link.startswith("/")
        assert ".." not in link.split("/")

    def test_the_same_facts_give_the_same_bytes(self) -> None:
        assert render_index(INDEX) == render_index(INDEX)

    def test_a_naive_date_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            page(created=datetime(2024, 1, 1))


class TestSize:
    def test_a_long_manifest_is_bounded_and_says_so(self) -> None:
        studies = (STUDY,) * (MOST_SERIES // 2) + (STUDY,) * 500
        shown = page(patients=(replace(PATIENT, studies=studies), PATIENT))

        assert sum(row[:2] == ["SR", "99"] for row in shown.rows) == MOST_SERIES // 2
        assert "And 1,003 more series with 619,238 instances" in shown.text
        assert "Studies not listed here: 502; patients: 1." in shown.text

    def test_a_study_that_does_not_fit_is_listed_as_far_as_it_does(self) -> None:
        study = replace(STUDY, series=STUDY.series * MOST_SERIES)

        shown = page(patients=(replace(PATIENT, studies=(study,)),))

        assert f"And {MOST_SERIES:,} more series" in shown.text

    def test_a_value_of_ten_thousand_characters_takes_two_hundred(self) -> None:
        study = replace(STUDY, description="x" * 10_000)

        assert (
            len(render_index(replace(INDEX, patients=(replace(PATIENT, studies=(study,)),)))) < 9000
        )

    def test_many_discs_are_bounded_and_said(self) -> None:
        discs = tuple(SiblingDisc(n, 1, 1, 1) for n in range(1, 301))

        assert "And 100 more discs." in page(volumes=300, siblings=discs).text

    @settings(max_examples=150, deadline=None)
    @given(st.lists(page_facts.patients, max_size=4), st.integers(1, 12), st.data())
    def test_no_volume_of_a_split_set_needs_more_than_the_bound(
        self, patients: list[IndexPatient], volumes: int, data: st.DataObject
    ) -> None:
        whole = replace(INDEX, patients=tuple(patients), without_patient=2)
        bound = index_size_bound(whole, volumes)
        of = data.draw(st.integers(1, volumes))
        others = tuple(range(1, of + 1))
        split = tuple(
            replace(
                patient,
                studies=tuple(
                    replace(
                        study,
                        series=tuple(one for one in study.series if data.draw(st.booleans())),
                        also_on=data.draw(st.sampled_from([(), others[:-1]])),
                    )
                    for study in patient.studies
                    if data.draw(st.booleans())
                ),
            )
            for patient in patients
            if data.draw(st.booleans())
        )
        volume = replace(
            whole,
            patients=split,
            file_set_id="W" * 16,
            file_set_uid="2." + "9" * 62,
            without_patient=data.draw(st.sampled_from([0, 2])),
            volume=data.draw(st.integers(1, of)),
            volumes=of,
            siblings=_siblings(whole, of) if of > 1 else (),
        )

        assert len(render_index(volume)) <= bound

    def test_the_bound_of_a_plain_set_is_close(self) -> None:
        """What is reserved for nothing stays small beside a disc."""
        studies = tuple(replace(STUDY, description=f"Study {n}") for n in range(200))
        whole = replace(INDEX, patients=(replace(PATIENT, studies=studies),))

        assert index_size_bound(whole, 1) < 1.2 * len(render_index(whole))


def _siblings(whole: IndexFacts, count: int) -> tuple[SiblingDisc, ...]:
    studies = [study for patient in whole.patients for study in patient.studies]
    series = [one for study in studies for one in study.series]
    dates = sorted(study.date for study in studies) or [""]
    instances = sum(one.instances for one in series) + whole.without_patient
    return tuple(
        SiblingDisc(n, len(studies), len(series), instances, dates[0], dates[-1])
        for n in range(1, count + 1)
    )


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
