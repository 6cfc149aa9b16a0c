"""The conformance statement: its form, and that it says what the tables of the program say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import dictionary_description, dictionary_VR

from mediastation import IMPLEMENTATION_CLASS_UID, __version__
from mediastation.cli.app import run
from mediastation.errors import ConfigError
from mediastation.model.character_set import CHARACTER_SETS
from mediastation.model.document import Document, Form
from mediastation.model.profile import Role
from mediastation.model.record import Key
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.network.storage_scp import StoreAnswer
from mediastation.pages.document import render_document
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.statement import (
    StatementFacts,
    gather_facts,
    statement_document,
    write_statement,
)
from mediastation.station.statement.network_tables import STATUS_WORDS
from mediastation.station.station import Station
from tests.support.rendered import HtmlPage, markdown_words
from tests.support.site_profiles import private_profile

MOMENT = "2026-11-23T12:00:00Z"
# PS3.2, Annex N: the sections that a statement has to have, by number.
TOP = {
    "1": "Overview",
    "2": "Table of Contents",
    "3": "Introduction",
    "4": "Implementation Model",
    "5": "Service and Interoperability Description",
    "6": "Configuration",
    "7": "Network and Media Communication Details",
    "8": "Security",
    "A": "Information Object Definitions",
    "B": "Structured Report Content Encoding - N/A",
    "C": "Security Details - N/A",
    "D": "Mapping of Attributes",
    "E": "Code Set Usage",
}


def facts_of(home: Path) -> StatementFacts:
    with Station(home, Clock(read_timestamp(MOMENT))) as station:
        return gather_facts(station)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> StatementFacts:
    return facts_of(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def document(facts: StatementFacts) -> Document:
    return statement_document(facts)


@pytest.fixture(scope="module")
def page(document: Document) -> HtmlPage:
    return HtmlPage(render_document(document, Form.HTML))


def order(number: str) -> list[tuple[int, str, int]]:
    """What section numbers ascend by: sections, then annexes; component by component."""
    return [(1, part, 0) if part.isalpha() else (0, "", int(part)) for part in number.split(".")]


class TestForm:
    def test_the_outline_is_that_of_annex_n(self, document: Document) -> None:
        assert {section.number: section.title for section in document.sections} == TOP

    def test_section_numbers_are_unique_and_ascend(self, document: Document) -> None:
        numbers = [section.number for section in document.iter_sections()]

        assert len(set(numbers)) == len(numbers)
        assert [order(number) for number in numbers] == sorted(map(order, numbers))

    def test_what_does_not_apply_carries_the_suffix_and_nothing_else(
        self, document: Document
    ) -> None:
        titles = {section.number: section.title for section in document.iter_sections()}

        assert titles["1.3"] == "DICOM Web Services - N/A"
        assert titles["5.2.8"] == "Print Management - N/A"
        assert titles["8.4.3"] == "Media Storage Security"
        assert titles["8.4.5"] == "Digital Signatures - N/A"
        assert "1.3.1" not in titles
        for section in document.iter_sections():
            if not section.title.endswith(" - N/A"):
                assert section.blocks or section.sections

    def test_every_table_is_numbered_in_sequence_has_headings_and_no_empty_cell(
        self, page: HtmlPage
    ) -> None:
        numbers = []
        for table in page.tables:
            label = re.fullmatch(r"Table ([0-9A-Z])-([0-9]+): \S.*", table.caption)
            assert label, table.caption
            numbers.append((label[1], int(label[2])))
            assert all(table.headings)
            assert any(len(row) == len(table.headings) for row in table.rows), table.caption
            assert all(cell for row in table.rows for cell in row), table.caption
        for major in {one for one, _ in numbers}:
            counted = [count for one, count in numbers if one == major]
            assert counted == list(range(1, len(counted) + 1))

    def test_html_and_markdown_say_the_same(self, document: Document, page: HtmlPage) -> None:
        assert page.words == markdown_words(render_document(document, Form.MARKDOWN))
        assert len(page.words) > 5000

    def test_html_stands_alone_and_its_links_lead_somewhere(self, page: HtmlPage) -> None:
        assert page.references == []
        assert len(page.ids) == len(set(page.ids))
        assert {link.removeprefix("#") for link in page.links} == set(page.ids)
        levels = [level for level, _, _ in page.headings]
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))

    def test_tables_and_sections_that_the_text_mentions_exist(
        self, document: Document, page: HtmlPage
    ) -> None:
        said = " ".join(page.words)
        sections = {section.number for section in document.iter_sections()}
        tables = {table.number for table in document.tables()}

        assert set(re.findall(r"\bTable ([0-9A-E]-[0-9]+)", said)) == tables
        assert set(re.findall(r"\bsections? ([1-8A-E](?:\.[0-9]+)+)", said)) <= sections

    def test_it_says_that_the_fixed_wording_is_missing(self, page: HtmlPage) -> None:
        said = " ".join(page.words)

        assert "The fixed sentences of that template were not at hand" in said
        assert "It is confirmed that the content of what the station creates follows DICOM" in said

    def test_the_same_station_and_moment_give_the_same_bytes(self, tmp_path: Path) -> None:
        texts = {write_statement(facts_of(tmp_path / home), Form.HTML) for home in ("one", "two")}

        assert len(texts) == 1


class TestFacts:
    def test_version_and_date_are_the_products_and_the_clocks(self, page: HtmlPage) -> None:
        assert f"Mediastation {__version__}" in " ".join(page.words)
        assert page.rows("Revision history")[0][1:3] == ["2026-11-23", __version__]

    def test_table_1_1_lists_every_class_in_numerical_order(self, page: HtmlPage) -> None:
        rows = page.rows("Storage SOP Classes")
        uids = [row[1] for row in rows]

        assert uids[0] == "1.2.840.10008.1.3.10"
        assert rows[0][2] == "NI"
        assert rows[0][8] == "S"
        assert set(uids[1:]) == set(SOP_CLASSES)
        keys = [tuple(map(int, uid.split("."))) for uid in uids[1:]]
        assert keys == sorted(keys)
        assert all(row[3] == "N" for row in rows)  # no command sends
        assert all(row[8] == "N" for row in rows[1:])  # nothing else is created

    def test_classes_on_media_are_those_that_claimed_profiles_let_there(
        self, facts: StatementFacts, page: HtmlPage
    ) -> None:
        for column, role in ((5, Role.CREATOR), (6, Role.UPDATER), (7, Role.READER)):
            for row in page.rows("Storage SOP Classes")[1:]:
                carried = any(
                    profile.transfer_syntaxes(row[1], role) for profile in facts.claimed(role)
                )
                assert row[column] == ("Y" if carried else "N"), row

    def test_the_set_of_media_syntaxes_is_that_of_claimed_creators(
        self, facts: StatementFacts, page: HtmlPage
    ) -> None:
        named = {row[2] for row in page.rows("Transfer Syntaxes") if row[0] == "M"}
        carried = {
            profile.name: {
                uid
                for rule in profile.objects
                if rule.creator != "-"
                for uid in rule.transfer_syntaxes
            }
            for profile in facts.claimed(Role.CREATOR)
        }

        assert named == set().union(*carried.values())
        # PS3.11 G.3.2: a MIME entity alone takes objects in any Transfer Syntax.
        assert {name for name, uids in carried.items() if "1.2.840.10008.1.2" in uids} == {
            "STD-GEN-MIME"
        }

    def test_record_types_and_keys_are_exactly_those_of_the_tables(self, page: HtmlPage) -> None:
        table = page.table("Selection keys of the Directory Records")
        stated: dict[str, list[tuple[str, ...]]] = {}
        current = ""
        for row in filter(None, table.rows):
            if len(row) == 1:
                current = row[0].partition(" (")[0]
                stated[current] = []
            else:
                stated[current].append(tuple(row[:4]))

        assert stated == {
            record.name: [one for key in record.keys for one in key_cells(key)]
            for record in RECORD_TYPES.values()
        }

    def test_keys_of_claimed_profiles_are_all_there(
        self, facts: StatementFacts, page: HtmlPage
    ) -> None:
        caption = "Keys that claimed Application Profiles add or make stricter"
        stated: dict[str, set[tuple[str, str, str]]] = {}
        names: list[str] = []
        record = ""
        for row in filter(None, page.table(caption).rows):
            if len(row) == 1:
                record, _, listed = row[0].partition(": ")
                names = listed.split("; ")
            elif not row[0].startswith(">"):
                for name in names:
                    stated.setdefault(name, set()).add((record, row[1], row[3]))

        assert stated == {
            profile.name: {
                (key.record_type, f"({key.tag >> 16:04X},{key.tag & 0xFFFF:04X})", key.type)
                for key in profile.keys
            }
            for profile in facts.claimed(Role.CREATOR)
            if profile.keys
        }

    def test_every_status_has_its_meaning_and_is_listed(self, page: HtmlPage) -> None:
        rows = page.rows("Status codes of the Storage and Verification SCP")

        assert set(STATUS_WORDS) == set(StoreAnswer)
        assert [row[2] for row in rows] == [
            "0000", "0110", "0117", "0211", "A700", "A900", "C000",
        ]  # fmt: skip

    def test_character_sets_are_those_that_the_program_knows(self, page: HtmlPage) -> None:
        rows = page.rows("Specific Character Sets")

        assert {row[0] for row in rows} == {term or "none" for term in CHARACTER_SETS}

    def test_every_known_role_is_claimed_or_has_a_reason(
        self, facts: StatementFacts, page: HtmlPage
    ) -> None:
        claimed = {
            (row[0], role)
            for row in page.rows("Media Application Profiles")
            for role, cell in zip(("FSC", "FSR", "FSU"), row[1:], strict=True)
            if cell == "Y"
        }
        withheld = {
            (name, row[0])
            for row in page.rows("Roles of known profiles that are not claimed")
            for name in row[1].split("; ")
        }
        known = {
            (one.profile.name, str(role)) for one in facts.claims for role in one.profile.roles
        }

        assert claimed | withheld == known
        assert not claimed & withheld
        summary = page.rows("Supported Application Profiles, activities and roles")
        assert {(row[0], row[2]) for row in summary} == claimed


def key_cells(key: Key, depth: int = 0) -> list[tuple[str, ...]]:
    """The first cells of a key's row, names and VRs from the data dictionary."""
    tag = f"({key.tag >> 16:04X},{key.tag & 0xFFFF:04X})"
    vr = key.vr
    assert vr in re.split(" or ", dictionary_VR(key.tag))
    rows = [(">" * depth + dictionary_description(key.tag), tag, vr, key.type)]
    for inner in key.nested:
        rows += key_cells(inner, depth + 1)
    return rows


class TestSettings:
    def test_what_the_site_decides_is_stated(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").write_text(
            'aet = "FILE_ROOM"\nport = 4242\nbind = "192.0.2.7"\nrequire_called_aet = true\n'
            'keep_tiff_preamble = true\ninstitution = "City <b>Hospital</b> | {{ 7 * 7 }}"\n'
        )
        told = facts_of(tmp_path)
        page = HtmlPage(render_document(statement_document(told), Form.HTML))
        storage = {row[0]: row[2] for row in page.rows("Parameters of the Storage Service")}
        media = {row[0]: row[2] for row in page.rows("Parameters of Media Storage")}

        assert storage["Called AE Title"] == "FILE_ROOM"
        assert storage["Port"] == "4242"
        assert storage["Address"] == "192.0.2.7"
        assert storage["Called AE Title must match"] == "yes"
        assert media["Keep a TIFF preamble"] == "yes"
        assert media["Institution"] == "City <b>Hospital</b> | {{ 7 * 7 }}"
        assert "b" not in page.tags
        said = " ".join(page.words)
        assert "Associations for another AE title are rejected" in said
        assert "no other host can reach it" not in said
        assert page.rows("TCP ports")[0][0] == "4242"

    def test_a_loopback_address_is_told_to_admit_nobody(self, page: HtmlPage) -> None:
        assert "a loopback address: no other host can reach it" in " ".join(page.words)

    def test_a_site_profile_is_described_in_full(self, tmp_path: Path) -> None:
        folder = tmp_path / "profiles"
        folder.mkdir()
        (folder / "site.toml").write_text(private_profile("PRI-SITE-CD"))

        page = HtmlPage(render_document(statement_document(facts_of(tmp_path)), Form.HTML))

        assert any(
            text == "5.4.6 Augmented and Private Application Profiles"
            for _, text, _ in page.headings
        )
        (row,) = page.rows("Augmented and private Application Profiles of this site")
        assert row[0] == "PRI-SITE-CD"
        assert row[4] == "FSC; FSR"
        assert ["PRI-SITE-CD", "Y", "Y", "N"] in page.rows("Media Application Profiles")

    def test_without_any_claim_there_is_still_a_statement(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("mediastation.station.statement.facts._profiles", lambda _: ())

        page = HtmlPage(render_document(statement_document(facts_of(tmp_path)), Form.HTML))

        titles = [text for _, text, _ in page.headings]
        assert "1.4 Media Services - N/A" in titles
        assert "Annex E Code Set Usage - N/A" in titles
        assert {row[5] for row in page.rows("Storage SOP Classes")} == {"N"}


class TestCommand:
    @pytest.fixture
    def call(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., tuple[int, str]]:
        def run_words(*words: object) -> tuple[int, str]:
            capsys.readouterr()
            home = ["--home", str(tmp_path / "home"), "--timestamp", MOMENT]
            code = run(["conformance-statement", *map(str, words), *home])
            return code, capsys.readouterr().out

        return run_words

    def test_markdown_goes_to_standard_output(self, call: Callable[..., Any]) -> None:
        code, out = call()

        assert code == 0
        assert out.startswith("# DICOM Conformance Statement\n")

    def test_a_file_gets_what_standard_output_would(
        self, call: Callable[..., Any], tmp_path: Path
    ) -> None:
        _, shown = call("--format", "html")
        (tmp_path / "statement.html").write_text("what was there")
        code, out = call("--format", "html", "--output", tmp_path / "statement.html")

        assert (code, out) == (0, "")
        assert (tmp_path / "statement.html").read_text() == shown
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    def test_json_has_the_facts(self, call: Callable[..., Any], tmp_path: Path) -> None:
        code, out = call("--json", "--output", tmp_path / "s.md")
        told = json.loads(out)

        assert code == 0
        assert {
            "product", "version", "date", "sop_classes", "transfer_syntaxes", "profiles",
            "character_sets", "status_codes", "file_meta", "association", "record_types",
            "settings", "security_profiles", "output",
        } <= set(told)  # fmt: skip
        assert (told["product"], told["version"]) == ("Mediastation", __version__)
        assert told["date"] == "2026-11-23"
        assert told["file_meta"]["(0002,0012)"] == IMPLEMENTATION_CLASS_UID
        assert "operator" not in told["settings"]
        assert (tmp_path / "s.md").read_text().startswith("# DICOM")

    @pytest.mark.parametrize("output", ["", "missing/statement.md", "."])
    def test_a_name_that_can_be_no_file_is_wrong_usage(
        self, call: Callable[..., Any], tmp_path: Path, output: str
    ) -> None:
        code, _ = call("--output", str(tmp_path / output) if output else "")

        assert code == ConfigError.exit_code

    def test_a_form_that_there_is_not_is_wrong_usage(self, call: Callable[..., Any]) -> None:
        assert call("--format", "pdf")[0] == ConfigError.exit_code
