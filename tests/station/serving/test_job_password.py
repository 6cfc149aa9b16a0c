"""Passwords that jobs in the queue ask for: given in time, a moment too late, or to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import DecisionError
from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.secrecy import Password
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.intake.request import ImportRequest
from mediastation.station.password_question import password_needed
from mediastation.station.serving import job_password, submitting
from mediastation.station.serving.job_kinds import read_request
from mediastation.station.serving.job_password import give_password
from mediastation.station.serving.submitting import submit
from mediastation.station.station import Station
from tests.support.desk_home import work_off
from tests.support.kept_secrets import KeptSecrets
from tests.support.objects import write_ct

SECRET = Password("correct horse battery staple")
PASSWORD_OF_OURS = Password("zoo zone zero youth young you park")
WORKER = "here:1"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> KeptSecrets:
    secrets = KeptSecrets()
    secrets.put_in_place(monkeypatch)
    return secrets


@pytest.fixture
def job(station: Station, tmp_path: Path) -> int:
    """A job that runs."""
    number = submit(station, ImportRequest(tmp_path / "stick"))
    assert station.queue.claim(number, WORKER, "", station.clock.now())
    return number


def asks(station: Station, job: int) -> None:
    """Let the worker of a job stop it until somebody gives the password."""
    question = password_needed("What is it?", "Look at the sheet.").question
    assert question is not None
    station.queue.ask(job, WORKER, question, station.clock.now())


def record_of(station: Station, job: int) -> JobRecord:
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record


def test_a_job_that_asks_goes_on_with_it(station: Station, job: int, kept: KeptSecrets) -> None:
    asks(station, job)

    assert give_password(station, job, SECRET)
    assert record_of(station, job).state is JobState.QUEUED
    assert kept.secrets == {job: SECRET.octets.decode()}


def test_where_nobody_serves_it_goes_on_asking(
    station: Station, job: int, kept: KeptSecrets
) -> None:
    asks(station, job)
    kept.is_there = False

    assert not give_password(station, job, SECRET)
    assert record_of(station, job).state is JobState.WAITING


def test_one_that_comes_while_the_job_begins_to_ask_is_not_lost(
    station: Station, job: int, kept: KeptSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker came in vain, and has not got as far as asking: who gives it waits for that."""
    kept.came_in_vain.add(job)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            asks(station, job)

    monkeypatch.setattr(job_password.time, "sleep", sleep)

    assert give_password(station, job, SECRET)
    assert len(waits) == 2
    assert record_of(station, job).state is JobState.QUEUED


def test_a_job_that_has_its_password_in_time_is_left_alone(
    station: Station, job: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_password.time, "sleep", lambda _: pytest.fail("waits for nothing"))

    assert give_password(station, job, SECRET)
    assert record_of(station, job).state is JobState.RUNNING


def test_a_key_goes_into_the_request_by_its_path_and_needs_nobody_who_serves(
    station: Station, job: int, kept: KeptSecrets, tmp_path: Path
) -> None:
    asks(station, job)
    kept.is_there = False

    assert give_password(station, job, None, keys=[tmp_path / "own.pem"])
    record = record_of(station, job)
    assert record.state is JobState.QUEUED
    request = read_request(record.kind, record.request)
    assert isinstance(request, ImportRequest)
    assert request.key == (tmp_path / "own.pem",)
    assert kept.secrets == {}


def test_the_question_says_what_it_is_and_takes_one_answer() -> None:
    fault = password_needed("What is it?", "Look at the sheet.")

    assert isinstance(fault, DecisionError)
    assert fault.question is not None
    assert (fault.question.kind, fault.question.answers) == (PASSWORD, (PASSWORD,))


def test_a_job_that_asks_something_else_keeps_its_password_until_that_is_answered(
    station: Station, tmp_path: Path, kept: KeptSecrets
) -> None:
    """Asked for it once more, somebody could give another one than is on the sheet by now."""
    write_ct(tmp_path / "in" / "a")
    write_ct(
        tmp_path / "in" / "b",
        PatientID="4712",
        PatientName="Roe^Richard",
        SOPInstanceUID="1.2.9.1",
        StudyInstanceUID="1.2.9",
        SeriesInstanceUID="1.2.9.2",
    )
    (station.home / "config.toml").write_text("[secure]\niterations = 100000\n")
    request = ExportRequest(
        (str(tmp_path / "in"),), "STD-GEN-SEC-USB-JPEG", tmp_path / "stick", with_password=True
    )
    number = submit(station, request)
    give_password(station, number, PASSWORD_OF_OURS)

    work_off(station.home)
    waiting = record_of(station, number)
    assert waiting.state is JobState.WAITING, waiting.message
    assert waiting.question is not None
    assert waiting.question.kind != PASSWORD
    submitting.answer(station, number, waiting.question.answers[0])
    work_off(station.home)

    done = record_of(station, number)
    assert done.state is JobState.DONE, done.message
    assert kept.secrets == {}
