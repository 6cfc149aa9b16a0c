"""What the statement says of outside media is what an import and a reconciliation do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.tag import Tag

from mediastation.importing.decide import Action
from mediastation.importing.read_directory import _RECOVERED, _TOLD_OF_FILES
from mediastation.model.coercion import CoercingSite
from mediastation.model.document import Form
from mediastation.model.importing import MediumKind, Standing
from mediastation.model.ledger import LedgerEvent
from mediastation.model.reconciliation import Candidate, CodedEntry, Order
from mediastation.pages.document import render_document
from mediastation.reading.volume import FileSystem
from mediastation.station.statement import gather_facts, statement_document
from mediastation.station.statement.audit_tables import EVENT_WORDS
from mediastation.station.statement.coercion_tables import coerced_tags, coercion_tables
from mediastation.station.statement.import_tables import (
    ACTION_WORDS,
    DEFECTS,
    FILE_SYSTEM_WORDS,
    KIND_WORDS,
    STANDING_WORDS,
)
from mediastation.station.station import Station
from tests.support.coercing import ORDER, candidate, coerced
from tests.support.objects import ct_dataset, write_ct
from tests.support.orders import dataset
from tests.support.outside.registry import ALL
from tests.support.pacs import write_peer
from tests.support.rendered import HtmlPage

Ask = Callable[..., HtmlPage]

# Everything that IHE RAD, RAD-61 names, and what only qualifies it, as another institution has it.
OUTSIDE: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "InstanceCoercionDateTime": "20200101000000",
    "PatientName": "Roe^Jane",
    "PatientID": "EXT-1",
    "IssuerOfPatientID": "FARTHER",
    "TypeOfPatientID": "BARCODE",
    "IssuerOfPatientIDQualifiersSequence": [{"UniversalEntityID": "1.2.9"}],
    "PatientBirthDate": "19610204",
    "PatientBirthTime": "120000",
    "PatientBirthDateInAlternativeCalendar": "13391114",
    "PatientSex": "M",
    "OtherPatientIDs": "EXT-0",
    "OtherPatientIDsSequence": [{"PatientID": "EXT-0", "TypeOfPatientID": "TEXT"}],
    "AccessionNumber": "X99",
    "IssuerOfAccessionNumberSequence": [{"LocalNamespaceEntityID": "FAR"}],
    "ProcedureCodeSequence": [
        {"CodeValue": "X", "CodingSchemeDesignator": "99X", "CodeMeaning": "x"}
    ],
    "ReferencedStudySequence": [
        {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1", "ReferencedSOPInstanceUID": "1.2.7"}
    ],
    "RequestAttributesSequence": [{"ScheduledProcedureStepID": "X1"}],
    "ContributingEquipmentSequence": [{"Manufacturer": "Others"}],
    "OriginalAttributesSequence": [
        {"ModifyingSystem": "OTHERS", "ReasonForTheAttributeModification": "CORRECT"}
    ],
    "InstanceOriginStatus": "LOCAL",
    "InstitutionName": "Elsewhere",
}
# Of the patient and the order, typed: what the cells of the table promise of them.
VALUES = {
    "Patient's Name": "Loc\N{LATIN SMALL LETTER C WITH CARON}al^Patient",
    "Patient ID": "L-1",
    "Issuer of Patient ID": "HERE",
    "Patient's Birth Date": "19600203",
    "Patient's Sex": "F",
    "Accession Number": "ACC77",
}


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """The same with sequences as pydicom has them."""
    return {
        keyword: [dataset(**item) for item in value] if isinstance(value, list) else value
        for keyword, value in values.items()
    }


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """The statement of a station with these settings, as a page."""

    def page(settings: str = "", **peers: list[str]) -> HtmlPage:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(settings + "\n")
        for name, services in peers.items():
            write_peer(home, 104, name=name, services=services)
        with Station(home) as station:
            return HtmlPage(render_document(statement_document(gather_facts(station)), Form.HTML))

    return page


def local(order: Order | None, *, bare: bool = False) -> Candidate:
    name, other = VALUES["Patient's Name"], (("L-0", "HERE"),)
    if bare:
        return candidate(name, birth_date="", sex="", order=order, other_patient_ids=other)
    return candidate(name, issuer="HERE", order=order, other_patient_ids=other)


_VERSIONED = replace(ORDER, procedure_codes=(CodedEntry("IMP", "99LOCAL", "Import", "1.0"),))
SCENARIOS = {
    2: local(_VERSIONED),
    3: local(Order(), bare=True),
    4: local(None),
}


class TestCoercion:
    @pytest.mark.parametrize("column", SCENARIOS, ids=["scheduled", "bare-order", "unscheduled"])
    def test_a_copy_is_what_the_table_says_attribute_by_attribute(
        self, tmp_path: Path, column: int
    ) -> None:
        source = write_ct(tmp_path / "a.dcm", **nested(OUTSIDE))
        before = ct_dataset(**nested(OUTSIDE))
        site = CoercingSite("Klinik am See", "IMPORT1")
        copy, _, _ = coerced(source, SCENARIOS[column], site)
        rows = [row for row in coercion_tables()["coercion"].rows if not row[0].startswith(">")]

        for row in rows:
            tag = Tag(row[1].strip("()").replace(",", ""))
            told, (was, now) = row[column], (before.get(tag), copy.get(tag))
            assert was is not None, row[0]
            match told.partition(": "):
                case ("REMOVED", *_):
                    assert now is None, row[0]
                case ("EMPTY", *_):
                    assert now.is_empty, row[0]
                case ("kept", *_):
                    assert now == was, row[0]
                case ("one item", *_):
                    assert len(now.value) == 1, row[0]
                    assert now != was, row[0]
                case ("ADDED", _, "one item"):
                    assert len(now.value) == len(was.value) + 1, row[0]
                    assert now.value[0] == was.value[0]
                case ("ADDED", *_):
                    assert len(now.value) >= 2, row[0]
                case (("MWL" | "QUERY"), _, what):
                    assert str(now.value) == VALUES[what], row[0]
                case ("FIXED", _, text):
                    assert now.value == text
                case _:
                    assert now != was, row[0]
        changed = {one.tag for one in before if copy.get(one.tag) != one}
        changed |= {one.tag for one in copy if one.tag not in before}
        assert changed <= {Tag(tag) for tag in coerced_tags()}

    def test_inside_the_sequences_of_an_order_stands_what_the_table_lists(
        self, tmp_path: Path
    ) -> None:
        copy, _, _ = coerced(write_ct(tmp_path / "a.dcm", **nested(OUTSIDE)), SCENARIOS[2])
        inside: dict[str, set[str]] = {}
        current = ""
        for row in coercion_tables()["coercion"].rows:
            if not row[0].startswith(">"):
                current = row[1]
            elif not row[0].startswith(">>"):
                inside.setdefault(current, set()).add(row[1])

        for tag, listed in inside.items():
            item = copy[Tag(tag.strip("()").replace(",", ""))].value[-1]
            assert {tag_words(one.tag) for one in item} == listed, tag

    def test_the_items_that_tell_of_it_have_what_their_tables_list(self, tmp_path: Path) -> None:
        source = write_ct(tmp_path / "a.dcm", **nested(OUTSIDE | {"PatientBirthDate": "1961.02"}))
        copy, _, _ = coerced(source)
        tables = coercion_tables()

        for name, sequence in (
            ("contribution", copy.ContributingEquipmentSequence),
            ("original-attributes", copy.OriginalAttributesSequence),
        ):
            listed = {row[1] for row in tables[name].rows if not row[0].startswith(">")}
            there = {tag_words(one.tag) for one in sequence[-1]}
            # A model and a serial number may be absent; nothing may be there that is not listed.
            assert there <= listed, name
            assert listed - there <= {"(0400,0551)"}, name

    def test_no_uid_and_nothing_of_a_performed_step_is_among_what_is_coerced(self) -> None:
        """The gap that section 5.8 writes down: RAD-61 asks for (0008,1111), (0040,0253), ..."""
        untouched = {0x00080018, 0x0020000D, 0x0020000E, 0x7FE00010, 0x00081111, 0x00400253,
                     0x00400254}  # fmt: skip

        assert coerced_tags() & untouched == set()
        assert {0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00080050} <= coerced_tags()


def tag_words(tag: Any) -> str:
    return f"({tag.group:04X},{tag.element:04X})"


class TestReading:
    def test_every_kind_has_its_words(self) -> None:
        assert set(KIND_WORDS) == set(MediumKind)
        assert set(FILE_SYSTEM_WORDS) == set(FileSystem)
        assert set(STANDING_WORDS) == set(Standing)
        assert set(ACTION_WORDS) == set(Action)
        assert set(EVENT_WORDS) == set(LedgerEvent)

    def test_every_defect_is_one_that_an_import_is_tested_with(self) -> None:
        told = {rule for rules, _, _ in DEFECTS for rule in rules}
        tested = {rule for damage in ALL for rule in damage.expects.rules}

        assert told <= tested
        assert told >= _RECOVERED | _TOLD_OF_FILES

    def test_contradictions_wait_and_everything_else_comes_in(self, ask: Ask) -> None:
        rows = ask().rows("Instances that are known, or contradict what is known")
        stated = dict(zip(Standing, (tuple(row[1:]) for row in rows), strict=True))
        waits = (
            "held in quarantine, until somebody decides",
            "taken into the catalog",
            "held in quarantine, for good",
        )

        assert stated[Standing.NEW] == ("taken into the catalog",) * 3
        assert stated[Standing.DUPLICATE] == ("counted; one copy is kept",) * 3
        for standing in (Standing.OTHER_HEADER, Standing.OTHER_PIXELS, Standing.OTHER_PATIENT):
            assert stated[standing] == waits
        assert stated[Standing.COPIED_PIXELS][0] == "taken into the catalog, with a warning"
        assert stated[Standing.COPIED_PIXELS][2] == "held in quarantine, for good"

    def test_imports_have_their_audit_messages(self, ask: Ask) -> None:
        rows = ask().rows("Audit messages")
        imports = [row for row in rows if row[2] == "110107, DCM"]

        assert all(row[1] == "Import" and row[3] == "C" for row in imports)
        assert {row[0] for row in imports} >= {
            "Instances of an outside medium were taken in",
            "Instances of an outside medium were not taken in, or are held",
        }


class TestReconciliation:
    def parts(self, page: HtmlPage) -> dict[str, tuple[str, str]]:
        (caption,) = (one.caption for one in page.tables if "IRWF.b" in one.caption)
        rows = page.rows(caption.partition(": ")[2])
        return {row[0].partition(" (")[0].partition(",")[0]: (row[1], row[2]) for row in rows}

    def test_without_peers_only_what_is_done_here_is_done(self, ask: Ask) -> None:
        parts = self.parts(ask())

        assert parts["Query Modality Worklist"][0] == "N"
        assert parts["Imported Objects Stored"][0] == "N"
        assert parts["UIDs are kept"][0] == "Y"
        assert "the patients of the catalog" in parts["Patient Demographics Query"][1]

    def test_the_gaps_are_written_down_whatever_is_configured(self, ask: Ask) -> None:
        parts = self.parts(ask(ris=["worklist"], pacs=["store", "find"]))

        for gap in (
            "Patient Demographics Query",
            "Import Procedure Step in Progress",
            "Storage Commitment",
        ):
            assert parts[gap][0] == "N"

    def test_with_peers_orders_are_asked_for_and_copies_are_sent(self, ask: Ask) -> None:
        page = ask('[reconcile]\npatients = "pacs"', ris=["worklist"], pacs=["store", "find"])
        parts = self.parts(page)

        assert parts["Query Modality Worklist"][0] == "Y"
        assert parts["Imported Objects Stored"][0] == "Y"
        assert "C-FIND at a configured peer" in parts["Patient Demographics Query"][1]
        assert {row[1] for row in page.rows("Workflow management: SOP Classes used")} == {
            "1.2.840.10008.5.1.4.31"
        }
        assert {row[1] for row in page.rows("Query/Retrieve: SOP Classes used")} == {
            "1.2.840.10008.5.1.4.1.2.2.1"
        }

    def test_a_worklist_that_nobody_is_to_ask_is_not_claimed(self, ask: Ask) -> None:
        parts = self.parts(ask('[reconcile]\nworklist = "-"', ris=["worklist"]))

        assert parts["Query Modality Worklist"][0] == "N"

    def test_rules_that_leave_the_person_out_are_confessed(self, ask: Ask) -> None:
        careful = self.parts(ask())
        loose = self.parts(ask("[reconcile]\ntyped = true\nautomatic = true"))

        for part in ("Values from a worklist or a query", "A person confirms the match"):
            assert (careful[part][0], loose[part][0]) == ("Y", "N")

    def test_the_parameters_are_those_in_force(self, ask: Ask) -> None:
        page = ask('[reconcile]\nissuer = "HOSPITAL"\ntyped = true')
        values = {row[0]: row[2] for row in page.rows("Parameters of import and reconciliation")}

        assert values["reconcile.issuer"] == "HOSPITAL"
        assert values["reconcile.typed"] == "yes"
        assert values["reconcile.automatic"] == "no"
        assert values["stopped_import_days"] == "7"
