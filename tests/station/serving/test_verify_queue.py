"""A queued verify of a sealed medium: it asks for no key by itself, and for one that was meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.secrecy import Password
from mediastation.station.serving.job_kinds import VerifyRequest
from mediastation.station.serving.job_password import give_password
from mediastation.station.serving.submitting import submit
from mediastation.station.station import Station
from tests.support.certificates import issue
from tests.support.desk_home import work_off
from tests.support.file_sets import write_folder
from tests.support.kept_secrets import KeptSecrets
from tests.support.outside.damage import good_tree
from tests.support.sealed_media import WORDS, sealed_tree


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
def stick(tmp_path: Path) -> Path:
    return write_folder(sealed_tree(good_tree()), tmp_path / "stick")


def queued(station: Station, stick: Path, password: str = "", **more: Any) -> JobRecord:
    """Submit a verify, give what there is to give, and let it run."""
    job = submit(station, VerifyRequest(stick, **more))
    return answered(station, job, password)


def answered(station: Station, job: int, password: str, keys: tuple[Path, ...] = ()) -> JobRecord:
    if password or keys:
        assert give_password(station, job, Password(password) if password else None, keys=keys)
    work_off(station.home)
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record


def test_without_any_key_it_asks_nothing(station: Station, stick: Path) -> None:
    record = queued(station, stick)

    assert record.state is JobState.DONE
    assert record.result["opened"] == 0


def test_with_the_password_what_is_in_it_is_proved(station: Station, stick: Path) -> None:
    record = queued(station, stick, WORDS, with_password=True)

    assert record.state is JobState.DONE
    assert record.result["opened"] > 0


def test_a_password_that_is_not_there_is_asked_for(station: Station, stick: Path) -> None:
    """As after a restart: a reread without it would prove less than was asked for."""
    record = queued(station, stick, with_password=True)
    assert record.state is JobState.WAITING
    assert record.question is not None
    assert record.question.kind == PASSWORD
    assert str(stick) in record.question.text

    assert answered(station, record.id, WORDS).result["opened"] > 0


def test_a_wrong_one_is_told_and_asked_for_again(station: Station, stick: Path) -> None:
    record = queued(station, stick, "wrong words", with_password=True)
    assert record.state is JobState.WAITING
    assert record.question is not None
    assert "What was given opens nothing" in record.question.text

    record = answered(station, record.id, WORDS)
    assert record.state is JobState.DONE
    assert record.result["opened"] > 0


def test_a_key_is_named_by_its_path_in_the_request(station: Station, tmp_path: Path) -> None:
    identity = issue("Anna")
    _, key = identity.write(tmp_path, "anna")
    _, other = issue("Other", number=1).write(tmp_path, "other")
    tree = sealed_tree(good_tree(), password=None, certificates=[identity.certificate])
    stick = write_folder(tree, tmp_path / "for anna")

    record = queued(station, stick, key=(other,))
    assert record.state is JobState.WAITING
    assert record.question is not None
    assert "No password opens it" in record.question.hint

    record = answered(station, record.id, "", (key,))
    assert record.state is JobState.DONE
    assert record.result["opened"] > 0
    assert record.request["key"] == [str(key)]


def test_the_password_lies_nowhere(station: Station, stick: Path) -> None:
    queued(station, stick, "wrong words of mine", with_password=True)
    record = queued(station, stick, WORDS, with_password=True)

    assert record.state is JobState.DONE
    files = [path for path in station.home.rglob("*") if path.is_file()]
    secrets = WORDS.encode(), b"wrong words of mine"
    assert not [path for path in files if any(one in path.read_bytes() for one in secrets)]
