from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from mediastation.cli.app import run
from mediastation.errors import ConfigError, NetworkError
from mediastation.model.identity import PatientIdentity
from mediastation.model.reconciliation import Candidate, CandidateOrigin, CodedEntry, Order
from mediastation.station.reconciling.worklist import WorklistResult, find_orders
from mediastation.station.station import Station
from mediastation.station.traffic.query import read_keys
from tests.support.orders import Answer, Double, dataset, double, worklist_entry
from tests.support.pacs import archive, write_peer


@pytest.fixture(scope="module")
def running() -> Iterator[Double]:
    with double() as peer:
        yield peer


@pytest.fixture
def pacs(running: Double) -> Double:
    running.forget()
    return running


def asked_of(home: Path, *words: str, limit: int = 500) -> WorklistResult:
    with Station(home) as station:
        return find_orders(station, "pacs", read_keys(words), limit)


def home_of(tmp_path: Path, port: int, **settings: Any) -> Path:
    return write_peer(tmp_path / "home", port, **{"services": ["worklist"], **settings})


def test_an_order_is_read_whole(tmp_path: Path, pacs: Double) -> None:
    pacs.has(worklist_entry())
    result = asked_of(home_of(tmp_path, pacs.port))

    assert (result.findings, result.complete) == ([], True)
    assert result.orders == [
        Candidate(
            identity=PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700102", "F"),
            origin=CandidateOrigin.WORKLIST,
            peer="pacs",
            order=Order(
                accession_number="A1",
                accession_issuer="RIS",
                requested_procedure_id="R1",
                requested_procedure_description="CT import",
                scheduled_step_id="S1",
                scheduled_step_description="Import of a CD",
                study_instance_uid="1.2.3",
                scheduled_at="20261123101500",
                procedure_codes=(CodedEntry("IMP", "99SITE", "Import", "1"),),
                referenced_study=(("1.2.840.10008.3.1.2.3.1", "1.5"),),
            ),
            other_patient_ids=(("X9", "OLD"),),
        )
    ]


def test_all_that_an_order_has_is_asked_for_and_keys_go_where_they_belong(
    tmp_path: Path, pacs: Double
) -> None:
    asked_of(
        home_of(tmp_path, pacs.port),
        "PatientID=4711",
        "scheduled_procedure_step_start_date=20261101-20261130",
        "ScheduledStationAETitle=IMPORT",
    )

    (ds,) = pacs.asked
    assert "QueryRetrieveLevel" not in ds  # a worklist has none (PS3.4 K.4.1)
    assert ds.PatientID == "4711"
    (step,) = ds.ScheduledProcedureStepSequence
    assert step.ScheduledProcedureStepStartDate == "20261101-20261130"
    assert step.ScheduledStationAETitle == "IMPORT"
    wanted = {element.keyword for element in worklist_entry()} - {"SpecificCharacterSet"}
    assert wanted <= {element.keyword for element in ds}
    assert {e.keyword for e in worklist_entry().ScheduledProcedureStepSequence[0]} <= {
        element.keyword for element in step
    }
    assert {element.keyword for element in ds.RequestedProcedureCodeSequence[0]} == {
        "CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning",
    }  # fmt: skip


def test_an_answer_with_the_matching_keys_alone_is_an_order_with_gaps(
    tmp_path: Path, pacs: Double
) -> None:
    pacs.has(dataset(PatientID="4711", PatientName="Doe^Jane"))
    (order,) = asked_of(home_of(tmp_path, pacs.port)).orders

    assert order.identity == PatientIdentity("4711", "", "Doe^Jane")
    assert order.order == Order()
    assert order.other_patient_ids == ()


def test_empty_values_and_sequences_are_gaps_too(tmp_path: Path, pacs: Double) -> None:
    entry = worklist_entry(
        AccessionNumber="",
        PatientBirthDate="",
        StudyInstanceUID="",
        IssuerOfAccessionNumberSequence=[],
        ReferencedStudySequence=[{"ReferencedSOPInstanceUID": ""}],
        RequestedProcedureCodeSequence=[{"CodeValue": ""}],
        OtherPatientIDsSequence=[{"PatientID": ""}],
        step={"ScheduledProcedureStepStartDate": ""},
    )
    pacs.has(entry)
    (order,) = asked_of(home_of(tmp_path, pacs.port)).orders

    assert order.order is not None
    assert order.identity.birth_date == ""
    assert (order.order.accession_issuer, order.order.scheduled_at) == ("", "")
    assert (order.order.procedure_codes, order.order.referenced_study) == ((), ())
    assert order.other_patient_ids == ()


def test_an_issuer_with_a_universal_entity_is_told_whole(tmp_path: Path, pacs: Double) -> None:
    issuer = {
        "LocalNamespaceEntityID": "RIS",
        "UniversalEntityID": "1.2.40",
        "UniversalEntityIDType": "ISO",
    }
    pacs.has(worklist_entry(IssuerOfAccessionNumberSequence=[issuer]))
    (order,) = asked_of(home_of(tmp_path, pacs.port)).orders

    assert order.order is not None
    assert order.order.accession_issuer == "RIS&1.2.40&ISO"


def test_other_patient_ids_of_either_form_come_once(tmp_path: Path, pacs: Double) -> None:
    pacs.has(worklist_entry(OtherPatientIDs=["X9", "Y8"]))
    (order,) = asked_of(home_of(tmp_path, pacs.port)).orders

    assert order.other_patient_ids == (("X9", "OLD"), ("Y8", ""))


@pytest.mark.parametrize(
    "changes",
    [{"PatientID": "", "PatientName": ""}, {"PatientID": ["1", "2"]}, {"PatientName": "Doe\nJane"}],
    ids=["nobody", "two numbers", "control characters"],
)
def test_an_order_for_nobody_is_left_out_and_told(
    tmp_path: Path, pacs: Double, changes: dict[str, Any]
) -> None:
    pacs.has(worklist_entry(**changes), worklist_entry(AccessionNumber="A2"))
    result = asked_of(home_of(tmp_path, pacs.port))

    assert [one.order and one.order.accession_number for one in result.orders] == ["A2"]
    (finding,) = result.findings
    assert finding.rule == "order-without-patient"
    assert "'A1'" in finding.message


def test_an_answer_that_is_damaged_is_left_out_and_told(tmp_path: Path, pacs: Double) -> None:
    wrong = worklist_entry()
    del wrong.ScheduledProcedureStepSequence
    wrong.add_new(0x00400100, "LO", "no sequence")
    pacs.has(wrong, worklist_entry())
    result = asked_of(home_of(tmp_path, pacs.port))

    assert len(result.orders) == 1
    assert [finding.rule for finding in result.findings] == ["response-unreadable"]


def endless(last: list[int]) -> Answer:
    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        number = 0
        patience = threading.Event()
        while not event.is_cancelled:
            yield 0xFF00, worklist_entry(PatientID=str(number))
            number += 1
            patience.wait(0.001)  # lets its other thread read the cancel
        last.append(number)
        yield 0xFE00, None

    return answer


def test_more_than_the_limit_is_cancelled_and_said(tmp_path: Path, pacs: Double) -> None:
    last: list[int] = []
    pacs.worklist = endless(last)
    result = asked_of(home_of(tmp_path, pacs.port), limit=5)

    assert [one.identity.patient_id for one in result.orders] == list("01234")
    assert not result.complete
    assert last  # it heard the cancel


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["ModalitiesInStudy=CT"], "Modalities in Study"),
        (["PixelData=1"], "PixelData"),
        (["ScheduledProcedureStepSequence=x"], "ScheduledProcedureStepSequence"),
    ],
)
def test_a_key_that_no_entry_has_is_told(tmp_path: Path, words: list[str], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        asked_of(home_of(tmp_path, 104), *words)


def test_a_peer_that_is_there_for_something_else_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not there to be asked for its worklist"):
        asked_of(home_of(tmp_path, 104, services=["find"]))


def test_a_peer_without_worklist_is_told_with_what_to_do(tmp_path: Path) -> None:
    with (
        archive() as pacs,
        pytest.raises(NetworkError, match="does not serve Modality Worklist") as told,
    ):
        asked_of(home_of(tmp_path, pacs.port))

    assert "AE title" in told.value.hint


def test_the_command_shows_orders_and_its_json_has_their_keywords(
    tmp_path: Path, pacs: Double, capsys: pytest.CaptureFixture[str]
) -> None:
    pacs.has(worklist_entry())
    home = home_of(tmp_path, pacs.port)
    assert run(["--home", str(home), "--json", "worklist", "pacs", "PatientID=4711"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert run(["--home", str(home), "worklist", "pacs"]) == 0
    shown = capsys.readouterr().out

    (row,) = told["rows"]
    assert (told["complete"], told["findings"]) == (True, [])
    assert (row["patient_id"], row["accession_number"]) == ("4711", "A1")
    assert row["scheduled_procedure_step_start"] == "20261123101500"
    assert row["other_patient_ids"] == [{"patient_id": "X9", "issuer_of_patient_id": "OLD"}]
    assert row["requested_procedure_codes"][0]["code_value"] == "IMP"
    assert "Doe^Jane" in shown
    assert "CT import" in shown


def test_the_command_says_that_there_are_more(
    tmp_path: Path, pacs: Double, capsys: pytest.CaptureFixture[str]
) -> None:
    pacs.has(*(worklist_entry(PatientID=str(number)) for number in range(3)))
    home = home_of(tmp_path, pacs.port)
    assert run(["--home", str(home), "worklist", "pacs", "--limit", "2"]) == 0

    assert "more than 2" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["worklist", "pacs", "4711"], ["worklist", "ris"]])
def test_the_command_refuses_what_it_cannot_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    home = home_of(tmp_path, 104)

    assert run(["--home", str(home), *words]) == 2
    assert words[-1] in capsys.readouterr().err
