"""Orders asked of DCMTK's worklist, which matches by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.model.identity import PatientIdentity
from mediastation.station.reconciling.candidates import find_matches
from mediastation.station.reconciling.worklist import find_orders
from mediastation.station.station import Station
from mediastation.station.traffic.query import read_keys
from tests.support.orders import wlmscpfs, worklist_entry
from tests.support.pacs import write_peer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("worklist")
    later: dict[str, object] = {
        "ScheduledStationAETitle": "OTHER",
        "ScheduledProcedureStepStartDate": "20261201",
    }
    those = [
        worklist_entry(),
        worklist_entry(
            SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg", PatientID="5",
            PatientBirthDate="19800304", PatientSex="M", AccessionNumber="A2",
            step=later,
        ),
    ]  # fmt: skip
    with wlmscpfs(folder / "files", those) as port:
        yield write_peer(folder / "home", port, services=["worklist"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], {"A1", "A2"}),
        (["PatientID=4711"], {"A1"}),
        (["PatientID=471"], set()),
        (["AccessionNumber=A2"], {"A2"}),
        (["PatientName=M*ller*"], {"A2"}),
        (["PatientBirthDate=19700102"], {"A1"}),
        (["ScheduledStationAETitle=OTHER"], {"A2"}),
        (["ScheduledProcedureStepStartDate=20261101-20261130"], {"A1"}),
        (["ScheduledProcedureStepStartDate=20261202-"], set()),
    ],
)
def test_it_finds_the_orders_that_the_keys_mean(
    home: Path, words: list[str], found: set[str]
) -> None:
    with Station(home) as station:
        result = find_orders(station, "pacs", read_keys(words))

    assert {one.order.accession_number for one in result.orders if one.order} == found
    assert result.complete


def test_names_come_in_the_character_set_of_the_entry_and_codes_with_their_scheme(
    home: Path,
) -> None:
    with Station(home) as station:
        (order,) = find_orders(station, "pacs", read_keys(["PatientID=5"])).orders

    assert order.identity.name == "Müller^Jörg"
    assert (order.identity.birth_date, order.identity.sex) == ("19800304", "M")
    assert order.order is not None
    assert order.order.scheduled_at == "20261201101500"
    assert [(code.value, code.scheme) for code in order.order.procedure_codes] == [
        ("IMP", "99SITE")
    ]


@pytest.mark.parametrize(
    ("outside", "found"),
    [
        (PatientIdentity("9", "", "DOE^JANE", "19700102", "F"), {"A1"}),
        (PatientIdentity("9", "", "MUELLER^JOERG", "19800304", "M"), {"A2"}),
        (PatientIdentity("4711", "", "Roe^Rita", "19700102", "F"), set()),
        (PatientIdentity("9", "", "Doe^Jane", "19700103", "F"), set()),
    ],
)
def test_an_outside_patient_is_found_among_its_orders(
    home: Path, outside: PatientIdentity, found: set[str]
) -> None:
    with Station(home) as station:
        result = find_matches(station, outside)

    assert {
        match.candidate.order.accession_number for match in result.matches if match.candidate.order
    } == found
    assert result.findings == ()
