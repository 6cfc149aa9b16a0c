"""A queued import of a sealed medium waits for what opens it."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest

from mediastation.catalog.selection import find_entries
from mediastation.model.job import PASSWORD, JobState
from mediastation.model.secrecy import Password
from mediastation.station.intake.request import ImportRequest
from mediastation.station.serving.job_password import give_password
from mediastation.station.serving.submitting import cancel, submit
from mediastation.station.station import Station
from tests.station.intake.sealed_sticks import (
    CANARY,
    canaries,
    digests,
    secrets_in,
    stick,
    stored,
)
from tests.support.certificates import issue
from tests.support.file_sets import write_folder
from tests.support.outside.damage import good_tree
from tests.support.outside.patients import COUNT, instance_files
from tests.support.sealed_media import WORDS, sealed_tree
from tests.support.served_jobs import Serve, job_of, wait_for_end, wait_for_step, wait_until

pytestmark = pytest.mark.usefixtures("quick")


def is_waiting(station: Station, job: int) -> bool:
    return job_of(station, job).state is JobState.WAITING


class TestQueue:
    @pytest.fixture
    def medium(self, tmp_path: Path) -> Path:
        return stick(tmp_path, sealed_tree(good_tree()))

    def test_a_job_asks_and_goes_on_with_the_answer(self, tmp_path: Path, medium: Path) -> None:
        home = tmp_path / "home"
        with Serve(home, tmp_path / "log"), Station(home) as station:
            job = submit(station, ImportRequest(medium))
            wait_until(lambda: job_of(station, job).state is JobState.WAITING, "the question")
            question = job_of(station, job).question
            assert question is not None
            assert question.kind == PASSWORD
            assert "a password" in question.text

            assert give_password(station, job, Password("wrong"))
            wait_until(
                lambda: (
                    "opens nothing" in getattr(job_of(station, job).question, "text", "")
                    and job_of(station, job).state is JobState.WAITING
                ),
                "the question again",
            )
            assert stored(station) == set()
            assert give_password(station, job, Password(WORDS))
            record = wait_for_end(station, job)

            assert record.state is JobState.DONE, record.message
            assert record.result["imported"] == COUNT
            assert stored(station) == digests(instance_files())
        assert secrets_in(home, WORDS.encode(), b'"wrong"') == []
        assert WORDS.encode() not in (tmp_path / "log").read_bytes()

    def test_what_no_password_opens_waits_for_a_key_and_may_be_cancelled(
        self, tmp_path: Path, medium: Path
    ) -> None:
        ann = issue("Ann")
        _, key = ann.write(tmp_path, "ann")
        tree = sealed_tree(good_tree(), certificates=[ann.certificate])
        home, for_ann = tmp_path / "home", write_folder(tree, tmp_path / "for ann")
        with Serve(home, tmp_path / "log"), Station(home) as station:
            for_nobody = submit(station, ImportRequest(medium))
            job = submit(station, ImportRequest(for_ann))
            for asking in (for_nobody, job):
                wait_until(partial(is_waiting, station, asking), "the question")
            question = job_of(station, job).question
            assert question is not None
            assert "--key" in question.hint
            cancel(station, for_nobody)
            assert stored(station) == set()
            assert give_password(station, job, None, keys=(key,))

            assert wait_for_end(station, job).state is JobState.DONE
            assert wait_for_end(station, for_nobody).state is JobState.CANCELLED
            assert stored(station) == digests(instance_files())

    def test_a_killed_worker_costs_the_password_and_nothing_else(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        medium = stick(tmp_path, canaries(tmp_path, 100))
        with Serve(home, tmp_path / "log") as serve, Station(home) as station:
            job = submit(station, ImportRequest(medium))
            assert give_password(station, job, Password(WORDS))
            serve.worker_of(wait_for_step(station, job, "keep")).send(signal.SIGKILL)
            wait_until(lambda: job_of(station, job).state is JobState.WAITING, "the question")
            assert secrets_in(home, CANARY, WORDS.encode()) == []
            assert give_password(station, job, Password(WORDS))
            record = wait_for_end(station, job)

            assert record.state is JobState.DONE, record.message
            assert record.result["imported"] == 101
            assert len(find_entries(station.catalog, f"import:{job}")) == 101
        assert secrets_in(home, CANARY, WORDS.encode()) == []
