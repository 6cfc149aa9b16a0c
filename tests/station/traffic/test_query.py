from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyFind

from mediastation.errors import ConfigError, NetworkError
from mediastation.station.station import Station
from mediastation.station.traffic.peers import echo, peers
from mediastation.station.traffic.query import QueryResult, find
from tests.support.pacs import archive, write_peer

Answer = Callable[[Any], Iterator[tuple[int, Dataset | None]]]


@contextmanager
def queried(tmp_path: Path, answer: Answer, **settings: Any) -> Iterator[Station]:
    """A station whose peer answers C-FIND as `answer` says."""
    with archive(handlers=((evt.EVT_C_FIND, answer),), contexts=(StudyFind,)) as pacs:
        home = write_peer(tmp_path / "home", pacs.port, **settings)
        with Station(home) as station:
            yield station


def match(**values: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def test_rows_have_the_keywords_in_snake_case(tmp_path: Path) -> None:
    asked: list[Dataset] = []

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield 0xFF00, match(
            SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jörg", PatientID="4711",
            StudyInstanceUID="1.2.3", ModalitiesInStudy=["CT", "SR"], RetrieveAETitle="PACS",
        )  # fmt: skip

    with queried(tmp_path, answer) as station:
        result = find(station, "pacs", "studies", ["PatientID=4711", "patient_name=M*"])

    (row,) = result.rows
    assert row["patient_name"] == "Müller^Jörg"
    assert row["modalities_in_study"] == "CT\\SR"
    assert row["study_description"] == ""  # asked for, and not known there
    assert result.complete
    assert asked[0].QueryRetrieveLevel == "STUDY"
    assert (asked[0].PatientID, str(asked[0].PatientName)) == ("4711", "M*")


def test_text_beyond_ascii_is_asked_in_the_character_set_of_the_peer(tmp_path: Path) -> None:
    asked: list[Dataset] = []

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield 0x0000, None

    with queried(tmp_path, answer, character_set="ISO_IR 100") as station:
        find(station, "pacs", "studies", ["PatientName=Müller*"])
        with pytest.raises(ConfigError, match="cannot be said in ISO_IR 100"):
            find(station, "pacs", "studies", ["PatientName=Иванов"])

    assert asked[0].SpecificCharacterSet == "ISO_IR 100"
    assert str(asked[0].PatientName) == "Müller*"


def test_the_limit_cancels_the_query(tmp_path: Path) -> None:
    yielded: list[int] = []

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(100_000):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yielded.append(number)
            yield 0xFF00, match(StudyInstanceUID=f"1.2.{number}")

    with queried(tmp_path, answer) as station:
        result = find(station, "pacs", "studies", limit=10)

    assert [row["study_instance_uid"] for row in result.rows] == [f"1.2.{n}" for n in range(10)]
    assert not result.complete
    assert len(yielded) < 100_000


def test_exactly_as_many_as_the_limit_are_complete(tmp_path: Path) -> None:
    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(10):
            yield 0xFF00, match(StudyInstanceUID=f"1.2.{number}")

    with queried(tmp_path, answer) as station:
        result = find(station, "pacs", "studies", limit=10)

    assert (len(result.rows), result.complete) == (10, True)


@pytest.mark.parametrize(("status", "words"), [(0xA700, "out of room"), (0xC001, "C001")])
def test_a_refused_query_is_a_network_failure(tmp_path: Path, status: int, words: str) -> None:
    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        yield status, None

    with (
        queried(tmp_path, answer) as station,
        pytest.raises(NetworkError, match=words) as raised,
    ):
        find(station, "pacs", "studies")
    assert raised.value.message.startswith("pacs: ")
    assert raised.value.hint


def test_patients_by_study_root_come_once_each(tmp_path: Path) -> None:
    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(4):
            yield 0xFF00, match(StudyInstanceUID=f"1.{number}", PatientID=str(number % 2))

    with queried(tmp_path, answer) as station:
        result = find(station, "pacs", "patients")

    assert [row["patient_id"] for row in result.rows] == ["0", "1"]


@pytest.mark.parametrize(
    ("level", "words", "wrong"),
    [
        ("series", [], "Study Instance UID"),
        ("instances", ["StudyInstanceUID=1.2"], "Series Instance UID"),
        ("series", ["StudyInstanceUID=1.*"], "Study Instance UID"),
        ("studies", ["Shoe Size=44"], "Shoe Size"),
        ("studies", ["PixelData=1"], "PixelData"),
        ("studies", ["QueryRetrieveLevel=IMAGE"], "no key"),
        ("studies", ["Rows=many"], "no value of Rows"),
    ],
)
def test_words_that_ask_nothing_are_told(
    tmp_path: Path, level: str, words: list[str], wrong: str
) -> None:
    with (
        queried(tmp_path, lambda _: iter(())) as station,
        pytest.raises(ConfigError, match=wrong.replace("(", ".")),
    ):
        find(station, "pacs", level, words)


def test_a_model_that_is_not_served_is_told(tmp_path: Path) -> None:
    with (
        queried(tmp_path, lambda _: iter(()), information_model="patient") as station,
        pytest.raises(NetworkError, match="does not serve C-FIND by Patient Root"),
    ):
        find(station, "pacs", "patients")


def test_peers_are_listed_and_one_answers(tmp_path: Path) -> None:
    with archive() as pacs:
        home = write_peer(tmp_path / "home", pacs.port, title="Archive")
        with Station(home) as station:
            (row,) = peers(station)
            seconds = echo(station, "pacs")

    assert (row["name"], row["title"], row["aet"], row["calling_aet"]) == (
        "pacs", "Archive", "PACS", "MEDIASTATION",
    )  # fmt: skip
    assert 0 < seconds < 60


@pytest.mark.parametrize(
    "settings",
    [
        {"tls": True},
        {"aet": "A" * 17},
        {"port": 0},
        {"services": ["print"]},
        {"transfer_syntaxes": ["explicit"]},
        {"information_model": "series"},
        {"colour": "red"},
    ],
)
def test_wrong_settings_of_a_peer_are_told(tmp_path: Path, settings: dict[str, Any]) -> None:
    home = write_peer(tmp_path / "home", **{"port": 104, **settings})
    with pytest.raises(ConfigError, match=r"peers\.pacs"):
        Station(home)


def test_an_answer_that_does_not_parse_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hostile bytes do to the reader is in tests/network; here, what a person is told."""
    from mediastation.dicom.identifier import IdentifierError  # noqa: PLC0415

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(3):
            yield 0xFF00, match(StudyInstanceUID=f"1.2.{number}")

    calls: list[int] = []

    def read(data: bytes, syntax: str) -> dict[str, str]:
        calls.append(1)
        if len(calls) == 2:
            raise IdentifierError("it breaks off")
        return {"study_instance_uid": str(len(calls))}

    monkeypatch.setattr("mediastation.station.traffic.query.read_identifier", read)
    with queried(tmp_path, answer) as station:
        result: QueryResult = find(station, "pacs", "studies")

    assert [row["study_instance_uid"] for row in result.rows] == ["1", "3"]
    assert [finding.rule for finding in result.findings] == ["response-unreadable"]
