"""Jobs in the queue: claimed once, taken over, asked, answered, given back."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.generate import write_series
from mediastation.catalog.job_queue import LEASE_S, MOST_ATTEMPTS, JobQueue
from mediastation.errors import ConfigError
from mediastation.model.job import JobState
from mediastation.station import lease
from mediastation.station.burning.request import BurnRequest
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import failure_text, worker_name
from mediastation.station.serving import worker
from mediastation.station.serving.job_kinds import KINDS, as_row, kind_of, placed, read_request
from mediastation.station.serving.queue import JobTransport
from mediastation.station.serving.submitting import answer, cancel, prioritise, retry, submit
from mediastation.station.serving.worker import Share, Worker, run_claimed
from mediastation.station.station import Station
from tests.support.objects import write_ct
from tests.support.servers import configure


@pytest.fixture
def home(tmp_path: Path, database: str) -> Path:
    return configure(tmp_path / "home", database=database, queue=database)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    write_series(tmp_path / "series", 3, 16)
    return tmp_path / "series"


HERE = socket.gethostname()


def export_of(*sources: Path, output: Path) -> ExportRequest:
    return ExportRequest(tuple(map(str, sources)), "STD-GEN-CD", output)


def work(home: Path) -> None:
    """Let a worker take jobs until there are none."""
    Worker(home, threading.Event(), idle_s=0).run()


def state_of(station: Station, job: int) -> JobState:
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record.state


def test_a_queued_export_is_what_a_command_would_have_made(
    home: Path, series: Path, tmp_path: Path
) -> None:
    output = tmp_path / "disc.iso"
    with Station(home) as station:
        job = submit(station, export_of(series, output=output))
        assert state_of(station, job) is JobState.QUEUED
        work(home)
        record = station.jobs.get(job, station.clock.now())
        told = [event.text for event in station.jobs.events(job=job)]
    assert record is not None
    assert record.state is JobState.DONE, record.message
    assert record.result["volumes"][0]["verified"]
    assert output.exists()
    assert record.moment
    assert told == ["submitted", "started", "done"]


@pytest.mark.parametrize("kind", KINDS)
def test_requests_come_back_from_the_table_as_they_went_in(kind: str, tmp_path: Path) -> None:
    words = {
        "export": {"sources": ("study:1.2", "x"), "profile": "P", "output": tmp_path / "o"},
        "update": {"source": Path("medium"), "output": tmp_path / "o", "add": ("series:1",)},
        "burn": {"image": Path("i.iso"), "drives": ("stdio:disc",)},
        "verify": {"medium": Path("m.iso")},
        "reprint": {"of": 7, "output": Path("o")},
        "blank": {"drive": "/dev/sr0", "content": ("patient A",)},
        "send": {"sources": ("study:1.2", "x"), "peer": "pacs", "again": True},
        "fetch": {"peer": "pacs", "studies": ("1.2", "1.3")},
        "import": {
            "medium": Path("stick"),
            "patient_id": "4711",
            "people": ("a", "b"),
            "key": (tmp_path / "k.pem",),
            "report_file": tmp_path / "report.pdf",
        },
        "reconcile": {"sources": ("import:3",), "patient_id": "4711", "confirm_identity": True},
    }[kind]
    request = placed(KINDS[kind].request(**words))

    assert kind_of(request) == kind
    assert read_request(kind, as_row(request)) == request


def test_what_the_queue_does_not_run_is_refused_by_name(home: Path) -> None:
    with pytest.raises(ConfigError, match="no jobs called 'sweep'"):
        read_request("sweep", {})
    with Station(home) as station, pytest.raises(ConfigError, match="one drive"):
        submit(station, BurnRequest(Path("i"), ("a", "b")))


class TestClaims:
    @pytest.fixture
    def station(self, home: Path) -> Iterator[Station]:
        with Station(home) as opened:
            yield opened

    @pytest.fixture
    def job(self, station: Station, tmp_path: Path) -> int:
        return submit(station, export_of(tmp_path / "nothing", output=tmp_path / "o.iso"))

    def test_only_one_worker_gets_it(self, station: Station, job: int) -> None:
        claims = [station.queue.claim(job, f"w{n}", HERE, 100.0) for n in range(3)]

        assert claims == [True, False, False]

    def test_an_expired_lease_is_queued_again_and_the_old_worker_may_write_no_more(
        self, station: Station, job: int
    ) -> None:
        assert station.queue.claim(job, "dead", HERE, 100.0)
        assert station.queue.requeue_lost(100.0 + LEASE_S) == []
        assert station.queue.requeue_lost(100.1 + LEASE_S) == [job]
        assert station.queue.claim(job, "alive", HERE, 200.0)

        assert not station.queue.renew(job, "dead", 201.0)
        assert station.jobs.report(job, "dead", 0, 1, 2, 201.0)
        assert not station.jobs.end(job, "dead", JobState.DONE, {}, "", (), 202.0)
        assert station.queue.renew(job, "alive", 203.0)
        assert not station.jobs.report(job, "alive", 0, 1, 2, 203.0)

    def test_a_disc_in_a_drive_elsewhere_is_left_to_that_host(
        self, station: Station, job: int, tmp_path: Path
    ) -> None:
        """It may lose its database for a while, and go on with its disc all the same."""
        burn = submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/disc",)))
        shared = station.catalog.is_shared
        assert station.queue.claim(burn, "w", HERE, 100.0)
        assert station.queue.claim(job, "w", HERE, 100.0)

        lost = station.queue.requeue_lost(101.0 + LEASE_S, place="elsewhere")
        assert lost == ([job] if shared else [job, burn])
        if shared:
            assert station.queue.renew(burn, "w", 102.0 + LEASE_S)
            station.queue.cancel(burn, "me", 103.0)
            assert station.queue.requeue_lost(1000.0, place="elsewhere") == []
            assert state_of(station, burn) is JobState.CANCELLED

    def test_the_lease_is_renewed_before_the_work_itself_is_gone_on_with(
        self, home: Path, station: Station, job: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What killed processes left is looked at first, and images of 100 GB are read for it."""
        renewed = threading.Event()
        monkeypatch.setattr(lease, "_BEAT_S", 0.001)
        monkeypatch.setattr(JobQueue, "renew", lambda *_: renewed.set() or True)
        seen: list[bool] = []
        monkeypatch.setattr(worker, "run_request", lambda *_: seen.append(renewed.wait(60)))
        assert station.queue.claim(job, worker_name(), HERE, station.clock.now())
        record = station.jobs.get(job, station.clock.now())
        assert record is not None

        run_claimed(home, record)

        assert seen == [True]

    def test_a_job_that_kills_its_workers_is_given_up(self, station: Station, job: int) -> None:
        for attempt in range(MOST_ATTEMPTS):
            assert state_of(station, job) is JobState.QUEUED, attempt
            assert station.queue.claim(job, "w", HERE, 100.0)
            station.queue.requeue_lost(101.0, worker="w")

        record = station.jobs.get(job, 102.0)
        assert record is not None
        assert record.state is JobState.FAILED
        assert f"{MOST_ATTEMPTS} times" in record.message

    def test_one_drive_has_one_job_at_a_time(self, station: Station, tmp_path: Path) -> None:
        image = tmp_path / "i.iso"
        first, second = (
            submit(station, BurnRequest(image, (f"stdio:{tmp_path}/disc",))) for _ in range(2)
        )
        other = submit(station, BurnRequest(image, (f"stdio:{tmp_path}/disc2",)))

        assert station.queue.claim(first, "w", HERE, 100.0)
        assert not station.queue.claim(second, "w", HERE, 100.0)
        assert station.queue.claim(other, "w", HERE, 100.0)
        station.jobs.end(first, "w", JobState.DONE, {}, "", (), 101.0)
        assert station.queue.claim(second, "w", HERE, 102.0)

    def test_who_has_no_part_in_drives_leaves_them_alone_and_the_other_way_round(
        self, station: Station, job: int, tmp_path: Path
    ) -> None:
        burn = submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/disc",)))

        assert station.queue.claimable(HERE, 100.0, on_drives=True, limit=9) == [burn]
        assert station.queue.claimable(HERE, 100.0, on_drives=False, limit=9) == [job]
        assert not station.queue.claim(burn, "w", HERE, 100.0, on_drives=False)
        assert not station.queue.claim(job, "w", HERE, 100.0, on_drives=True)

    @pytest.mark.parametrize("shares", [False, True])
    def test_another_host_takes_a_job_only_where_folders_are_shared_and_never_one_on_a_drive(
        self, shares: bool, station: Station, tmp_path: Path
    ) -> None:
        changed = {"share_jobs": shares}
        station.settings = station.settings.model_copy(update=changed)
        export = submit(station, export_of(tmp_path, output=tmp_path / "o.iso"))
        burn = submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/disc",)))

        # A catalog in the home has one host, whatever that is called from one day to the next.
        alone = not station.catalog.is_shared
        assert station.queue.claim(export, "w", "elsewhere", 100.0) is (shares or alone)
        assert station.queue.claim(burn, "w", "elsewhere", 100.0) is alone

    def test_the_more_urgent_comes_first(self, station: Station, tmp_path: Path) -> None:
        jobs = [
            submit(station, export_of(tmp_path, output=tmp_path / f"{n}.iso"), priority=priority)
            for n, priority in enumerate((0, 5, 0))
        ]
        prioritise(station, jobs[2], 9)

        assert station.queue.claimable(HERE, 100.0, limit=9) == [jobs[2], jobs[1], jobs[0]]

    def test_who_waits_is_cancelled_at_once_and_who_runs_is_asked(
        self, station: Station, job: int
    ) -> None:
        assert station.queue.claim(job, "w", HERE, 100.0)
        cancel(station, job)
        assert state_of(station, job) is not JobState.CANCELLED
        assert station.jobs.report(job, "w", 0, 1, 2, 101.0)
        assert station.queue.give_back(job, "w", "the station stops just then", 101.0)

        assert state_of(station, job) is JobState.CANCELLED
        with pytest.raises(ConfigError, match="it is cancelled"):
            cancel(station, job)

    def test_a_cancel_is_taken_back_and_what_is_done_is_not_done_again(
        self, station: Station, job: int
    ) -> None:
        cancel(station, job)
        retry(station, job)
        assert state_of(station, job) is JobState.QUEUED
        assert station.queue.claim(job, "w", HERE, 100.0)
        station.jobs.end(job, "w", JobState.DONE, {}, "", (), 101.0)

        with pytest.raises(ConfigError, match="it is done"):
            retry(station, job)

    def test_a_command_s_job_is_nobody_else_s(self, station: Station) -> None:
        number = station.jobs.create("export", {}, "me", worker_name(), 100.0)

        assert station.queue.requeue_lost(10_000.0) == []
        with pytest.raises(ConfigError, match="give the command again"):
            retry(station, number)


class TestQuestions:
    @pytest.fixture
    def two_people(self, tmp_path: Path) -> Path:
        folder = tmp_path / "two"
        write_series(folder, 1, 16)
        for path in list(folder.iterdir()):
            content = path.read_bytes().replace(b"BENCH-0001", b"BENCH-0002")
            content = content.replace(b"2.25.", b"2.26.")
            path.with_name("OTHER").write_bytes(content)
        return folder

    def test_a_job_waits_for_the_answer_and_goes_on_with_it(
        self, home: Path, two_people: Path, tmp_path: Path
    ) -> None:
        output = tmp_path / "disc.iso"
        with Station(home) as station:
            job = submit(station, export_of(two_people, output=output))
            work(home)
            record = station.jobs.get(job, station.clock.now())
            assert record is not None
            assert record.state is JobState.WAITING, record.message
            assert record.question is not None
            assert record.question.kind == "identity"
            people = record.question.facts["people"]
            assert {one["patient_id"] for one in people} == {"BENCH-0001", "BENCH-0002"}
            assert not output.exists()
            with pytest.raises(ConfigError, match="no answer 'perhaps'"):
                answer(station, job, "perhaps")

            answer(station, job, "confirm")
            work(home)

            record = station.jobs.get(job, station.clock.now())
            assert record is not None
            assert record.state is JobState.DONE, record.message
            assert record.request["confirm_identity"]
            assert record.question is None
            assert record.attempts == 1
            assert "answered: confirm" in [e.text for e in station.jobs.events(job=job)]
            with pytest.raises(ConfigError, match="asks nothing"):
                answer(station, job, "confirm")
        assert output.exists()

    @pytest.mark.parametrize("flag", ["confirm_identity", "several_patients"])
    def test_a_decision_covers_nobody_who_was_not_there_when_it_was_made(
        self, flag: str, home: Path, two_people: Path, tmp_path: Path
    ) -> None:
        with Station(home) as station:
            asked = submit(station, export_of(two_people, output=tmp_path / "first.iso"))
            work(home)
            question = station.jobs.get(asked, station.clock.now()).question  # type: ignore[union-attr]
            assert question is not None
            seen = question.facts["keys"]
            assert len(seen) == 2
            request = replace(export_of(two_people, output=tmp_path / "second.iso"), **{flag: True})
            job = submit(station, replace(request, people=tuple(seen[:1])))
            work(home)
            assert state_of(station, job) is JobState.WAITING

            answer(station, job, {"confirm_identity": "confirm"}.get(flag, "several-patients"))
            work(home)
            record = station.jobs.get(job, station.clock.now())
        assert record is not None
        assert record.state is JobState.DONE, record.message
        assert record.request["people"] == seen

    def test_no_ends_it(self, home: Path, two_people: Path, tmp_path: Path) -> None:
        with Station(home) as station:
            job = submit(station, export_of(two_people, output=tmp_path / "disc.iso"))
            work(home)
            answer(station, job, "cancel")
            assert state_of(station, job) is JobState.CANCELLED


def test_a_failure_says_what_to_do_next() -> None:
    assert failure_text(ConfigError("No room.", "Make some.")) == "No room. → Make some."
    assert failure_text(ConfigError("No room.")) == "No room."


class TestWorker:
    def test_a_request_that_cannot_be_met_ends_the_job_with_the_reason(
        self, home: Path, tmp_path: Path
    ) -> None:
        request = ExportRequest((str(tmp_path),), "STD-NO-SUCH", tmp_path / "o.iso")
        with Station(home) as station:
            job = submit(station, request)
            work(home)
            record = station.jobs.get(job, station.clock.now())
        assert record is not None
        assert record.state is JobState.FAILED
        assert "STD-NO-SUCH" in record.message
        assert " → Did you mean STD-" in record.message, "what to do next"

    def test_what_the_queue_lost_is_found_in_the_table(
        self, home: Path, series: Path, tmp_path: Path
    ) -> None:
        with Station(home) as station:
            job = submit(station, export_of(series, output=tmp_path / "o.iso"))
            with JobTransport(home, station.settings.queue) as transport:
                assert job in {transport.take(), transport.take(HERE)}
            work(home)
            assert state_of(station, job) is JobState.DONE

    def test_general_workers_leave_drives_alone(self, home: Path, tmp_path: Path) -> None:
        with Station(home) as station:
            job = submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/d",)))
            Worker(home, threading.Event(), share=Share.GENERAL, idle_s=0).run()
            assert state_of(station, job) is JobState.QUEUED
            Worker(home, threading.Event(), share=Share.DRIVES, idle_s=0).run()
            assert state_of(station, job) is JobState.FAILED


# Runs the queue's jobs; is killed when it comes to a volume it was told.
_DYING = """
import os, signal, sys, threading
from pathlib import Path
from mediastation.station.exporting import export
from mediastation.station.serving.worker import Worker

home, fatal = Path(sys.argv[1]), sys.argv[2]
write = export.write_volume

def dying(work, volume):
    if volume.plan.output.name == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(work, volume)

export.write_volume = dying
Worker(home, threading.Event(), idle_s=0).run()
"""


class TestGoingOn:
    """A job that lost its process goes on with what it had finished."""

    @pytest.fixture
    def request_of_three(self, tmp_path: Path) -> ExportRequest:
        for number in range(3):
            write_series(tmp_path / "source" / str(number), 2, 256, series=str(number))
        return ExportRequest(
            (str(tmp_path / "source"),), "STD-GEN-CD", tmp_path / "discs", capacity_bytes=460_000
        )

    def test_volumes_that_were_finished_are_not_made_again(
        self, home: Path, request_of_three: ExportRequest, tmp_path: Path
    ) -> None:
        discs = tmp_path / "discs"
        with Station(home) as station:
            job = submit(station, request_of_three)
            for fatal in ("DISC2.ISO", "DISC3.ISO"):
                child = subprocess.run(
                    [sys.executable, "-c", _DYING, str(home), fatal], check=False
                )
                assert child.returncode == -signal.SIGKILL
                record = station.jobs.get(job, station.clock.now())
                assert record is not None
                assert station.queue.requeue_lost(station.clock.now(), worker=record.worker) == [
                    job
                ]
            before = {path.name: path.stat().st_mtime_ns for path in discs.glob("*.ISO")}
            work(home)

            ended = station.jobs.get(job, station.clock.now())
            assert ended is not None
            assert ended.state is JobState.DONE, ended.message
        after = {path.name: path.stat().st_mtime_ns for path in discs.glob("*.ISO")}
        assert before.keys() == {"DISC1.ISO", "DISC2.ISO"}
        assert {name: after[name] for name in before} == before
        assert [Path(one["path"]).name for one in ended.result["volumes"]] == sorted(after)
        assert len(after) == 3

    def test_a_job_that_goes_on_makes_the_bytes_it_would_have_made(
        self, home: Path, request_of_three: ExportRequest, tmp_path: Path
    ) -> None:
        with Station(home) as station:
            job = submit(station, request_of_three)
            subprocess.run([sys.executable, "-c", _DYING, str(home), "DISC2.ISO"], check=False)
            record = station.jobs.get(job, station.clock.now())
            assert record is not None
            station.queue.requeue_lost(station.clock.now(), worker=record.worker)
            work(home)

            other = replace(request_of_three, output=tmp_path / "undisturbed")
            clock = Clock(datetime.fromisoformat(record.moment), record.seed)
            with Station(home, clock) as undisturbed:
                export(undisturbed, other)

        for name in ("DISC1.ISO", "DISC2.ISO", "DISC3.ISO"):
            assert (tmp_path / "discs" / name).read_bytes() == (other.output / name).read_bytes()

    def test_a_volume_that_was_taken_away_meanwhile_is_made_again(
        self, home: Path, request_of_three: ExportRequest, tmp_path: Path
    ) -> None:
        with Station(home) as station:
            job = submit(station, request_of_three)
            subprocess.run([sys.executable, "-c", _DYING, str(home), "DISC2.ISO"], check=False)
            (tmp_path / "discs" / "DISC1.ISO").unlink()
            record = station.jobs.get(job, station.clock.now())
            assert record is not None
            station.queue.requeue_lost(station.clock.now(), worker=record.worker)
            work(home)

            assert state_of(station, job) is JobState.DONE
        assert len(list((tmp_path / "discs").glob("*.ISO"))) == 3


def test_an_export_is_followed_by_a_burn_of_each_volume(
    home: Path, series: Path, tmp_path: Path
) -> None:
    drive = f"stdio:{tmp_path / 'disc'}"
    with Station(home) as station:
        job = submit(station, replace(export_of(series, output=tmp_path / "o.iso"), burn_on=drive))
        work(home)
        record = station.jobs.get(job, station.clock.now())
        assert record is not None
        [burn] = record.result["burns"]
        burned = station.jobs.get(burn, station.clock.now())
    assert burned is not None
    assert burned.state is JobState.DONE, burned.message
    assert burned.result["verified"]


class TestExportsOfOneNameThatAreBurned:
    """`--output cd.iso`, patient after patient, and the discs are made when there is a blank."""

    @pytest.fixture
    def station(self, home: Path, tmp_path: Path) -> Iterator[Station]:
        for number, who in enumerate(("Doe^Jane", "Roe^Richard")):
            write_ct(
                tmp_path / f"{number}.dcm", PatientName=who, PatientID=str(number),
                StudyInstanceUID=f"1.{number + 2}", SeriesInstanceUID=f"1.{number + 2}.1",
                SOPInstanceUID=f"1.{number + 2}.1.1",
            )  # fmt: skip
        with Station(home) as opened:
            yield opened

    def export_and_follow(self, station: Station, folder: Path, number: int) -> int:
        """Export one patient, and return the number of the burn that follows."""
        request = export_of(folder / f"{number}.dcm", output=folder / "cd.iso")
        result = export(station, replace(request, burn_on=f"stdio:{folder / f'disc{number}'}"))
        assert not result.stopped
        [burn] = result.burns
        return burn

    def test_each_has_its_disc(self, station: Station, home: Path, tmp_path: Path) -> None:
        burns, images = [], []
        for number in range(2):
            burns.append(self.export_and_follow(station, tmp_path, number))
            images.append((tmp_path / "cd.iso").read_bytes())
            work(home)

        assert [state_of(station, burn) for burn in burns] == [JobState.DONE] * 2
        assert images[0] != images[1]
        for number, image in enumerate(images):
            assert (tmp_path / f"disc{number}").read_bytes().startswith(image)

    def test_nobody_gets_the_disc_of_the_next_one(
        self, station: Station, home: Path, tmp_path: Path
    ) -> None:
        burns = [self.export_and_follow(station, tmp_path, number) for number in range(2)]
        work(home)

        assert [state_of(station, one) for one in burns] == [JobState.REFUSED, JobState.DONE]
        refused = station.jobs.get(burns[0], station.clock.now())
        assert refused is not None
        assert "another image lies there" in refused.message
        assert not (tmp_path / "disc0").exists()
