"""jobs, and what puts work into the queue: words in, the table's words out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.generate import write_series
from mediastation.cli.app import run
from mediastation.model.job import Question
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.password_question import password_needed
from mediastation.station.serving.submitting import submit
from mediastation.station.station import Station
from tests.support.commands import Ask
from tests.support.kept_secrets import KeptSecrets


@pytest.fixture
def job(ask: Ask, tmp_path: Path) -> int:
    """An export in the queue."""
    write_series(tmp_path / "in", 1, 16)
    code, told = ask(*export_words(tmp_path), "--queue")
    assert (code, told["state"]) == (0, "queued")
    return int(told["job"])


def export_words(tmp_path: Path) -> tuple[object, ...]:
    return ("export", tmp_path / "in", "--profile", "STD-GEN-CD", "--output", tmp_path / "o.iso")


def test_an_export_in_the_queue_is_not_begun_here(ask: Ask, job: int, tmp_path: Path) -> None:
    code, told = ask("jobs", job)

    assert code == 0
    (one,) = told["jobs"]
    assert (one["id"], one["kind"], one["state"], one["attempts"]) == (job, "export", "queued", 0)
    assert one["started_at"] is one["ended_at"] is one["question"] is None
    assert (one["priority"], one["place"], one["worker"]) == (0, "", "")
    assert one["request"]["output"] == str(tmp_path / "o.iso")
    assert [event["text"] for event in one["events"]] == ["submitted"]
    assert not (tmp_path / "o.iso").exists()


def test_who_runs_it_is_shown(ask: Ask, job: int, home: Path) -> None:
    with Station(home) as station:
        assert station.queue.claim(job, "w", "", station.clock.now())
    (one,) = ask("jobs", job)[1]["jobs"]
    assert (one["state"], one["worker"], one["attempts"]) == ("running", "w", 1)
    assert one["started_at"]


def test_a_burn_in_the_queue_is_for_its_drive(ask: Ask, tmp_path: Path) -> None:
    code, told = ask("burn", tmp_path / "i.iso", "--drive", f"stdio:{tmp_path}/d", "--queue")

    assert code == 0
    (one,) = ask("jobs", told["job"])[1]["jobs"]
    assert (one["kind"], one["state"]) == ("burn", "queued")
    assert one["request"]["drives"] == [f"stdio:{tmp_path}/d"]


@pytest.mark.parametrize(
    "words", [("--plan",), ("--timestamp", "2026-01-31T12:00:00Z")], ids=["plan", "timestamp"]
)
def test_what_a_job_in_the_queue_cannot_keep_is_not_promised(
    ask: Ask, tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, told = ask(*export_words(tmp_path), "--queue", *words)

    assert code == 2
    assert words[0] in told["error"]


def test_a_person_is_told_that_nobody_serves(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    assert run([*map(str, export_words(tmp_path)), "--queue", "--home", str(home)]) == 0

    out, err = capsys.readouterr()
    assert out == "job 1: queued\n"
    assert "mediastation serve" in err


def test_cancel_retry_and_priority(ask: Ask, job: int) -> None:
    def state(*words: object) -> tuple[str, int]:
        code, told = ask("jobs", job, *words)
        assert code == 0, told
        return told["jobs"][0]["state"], told["jobs"][0]["priority"]

    assert state("--cancel") == ("cancelled", 0)
    assert state("--retry") == ("queued", 0)
    assert state("--priority", "-3") == ("queued", -3)
    told = [event["text"] for event in ask("jobs", job)[1]["jobs"][0]["events"]]
    assert told == ["submitted", "cancel asked for", "retried", "priority -3"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cancel",), "needs the number"),
        (("1", "--cancel", "--retry"), "do not go together"),
        (("1", "--retry"), "cannot be retried: it is queued"),
        (("1", "--answer", "confirm"), "asks nothing"),
        (("1", "--priority", "10"), "no priority"),
        (("7", "--retry"), "no job 7"),
        (("7", "--cancel"), "no job 7"),
    ],
)
@pytest.mark.usefixtures("job")
def test_what_cannot_be_is_said(ask: Ask, words: tuple[str, ...], said: str) -> None:
    code, told = ask("jobs", *words)

    assert code == 2
    assert said in told["error"]


@pytest.fixture
def waiting(home: Path, job: int) -> int:
    """The job, asking whether two people are one."""
    people = [
        {"patient_id": "1", "patient_name": "Doe^Jane", "instances": 3},
        {"patient_id": "2", "patient_name": "Doe^Jayne", "instances": 4},
    ]
    question = Question(
        "identity", "Are these one person?", "Compare them.", {"people": people}, ("confirm",)
    )
    with Station(home) as station:
        now = station.clock.now()
        assert station.queue.claim(job, "w", "", now)
        station.queue.ask(job, "w", question, now)
    return job


def test_a_question_is_shown_with_what_to_type(
    home: Path, waiting: int, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for words in (["jobs"], ["jobs", str(waiting)]):
        assert run([*words, "--home", str(home)]) == 0
        out, err = capsys.readouterr()
        assert "Are these one person?" in out
        assert "Doe^Jane" in out
        assert "Doe^Jayne" in out
        assert f"mediastation jobs {waiting} --answer confirm" in err
        assert f"mediastation jobs {waiting} --answer cancel" in err


def test_an_answer_lets_it_go_on(ask: Ask, waiting: int) -> None:
    (one,) = ask("jobs", waiting)[1]["jobs"]
    assert one["state"] == "waiting"
    assert one["question"]["kind"] == "identity"
    assert one["question"]["answers"] == ["confirm"]

    code, told = ask("jobs", waiting, "--answer", "perhaps")
    assert code == 2
    assert "'perhaps'" in told["error"]
    (one,) = ask("jobs", waiting, "--answer", "confirm")[1]["jobs"]

    assert one["state"] == "queued"
    assert one["question"] is None
    assert one["request"]["confirm_identity"] is True


class TestPasswordForAnExport:
    """Nothing proves it: what is given is on the medium, and the sheet may tell another."""

    @pytest.fixture
    def asking(self, home: Path, tmp_path: Path) -> int:
        """An export in the queue that waits for its password."""
        write_series(tmp_path / "in", 1, 16)
        request = ExportRequest(
            (str(tmp_path / "in"),), "STD-GEN-SEC-CD", tmp_path / "o.iso", with_password=True
        )
        with Station(home) as station:
            job, now = submit(station, request), station.clock.now()
            question = password_needed("What is it?", "Look at the sheet.").question
            assert question is not None
            assert station.queue.claim(job, "w", "", now)
            station.queue.ask(job, "w", question, now)
        return job

    @pytest.fixture
    def kept(self, monkeypatch: pytest.MonkeyPatch) -> KeptSecrets:
        secrets = KeptSecrets()
        secrets.put_in_place(monkeypatch)
        return secrets

    def give(self, ask: Ask, job: int, file: Path, text: str) -> tuple[int, dict[str, Any]]:
        file.write_text(f"{text}\n")
        file.chmod(0o600)
        return ask("jobs", job, "--answer", "password", "--password-file", file)

    def test_a_slip_is_told_at_once_and_the_job_goes_on_waiting(
        self, ask: Ask, asking: int, kept: KeptSecrets, tmp_path: Path
    ) -> None:
        given = "zoo zone zero youth young park you"

        code, told = self.give(ask, asking, tmp_path / "secret", given)

        assert code == 4
        assert "does not fit the others" in told["error"]
        assert kept.secrets == {}
        assert ask("jobs", asking)[1]["jobs"][0]["state"] == "waiting"

    def test_it_is_kept_as_the_sheet_tells_it(
        self, ask: Ask, asking: int, kept: KeptSecrets, tmp_path: Path
    ) -> None:
        given = "Zoo, zone, zero, YOUTH, young, you, park"

        code, told = self.give(ask, asking, tmp_path / "secret", given)

        assert code == 0
        assert kept.secrets == {asking: "zoo zone zero youth young you park"}
        assert told["jobs"][0]["state"] == "queued"
