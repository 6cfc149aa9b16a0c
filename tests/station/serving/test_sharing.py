"""Several processes, and several stations, on one catalog at once."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from benchmarks.generate import write_series
from mediastation.catalog.ledger import Ledger
from mediastation.catalog.listing import list_rows
from mediastation.errors import MediaError
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEvent
from mediastation.station import job
from mediastation.station.exporting.export import export
from mediastation.station.exporting.reprint import reprint
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import worker_name
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.serving.job_kinds import VerifyRequest
from mediastation.station.serving.submitting import submit
from mediastation.station.serving.worker import Worker
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.servers import PostgresServer, configure, postgres_server

JOBS = 200
ROOT = Path(__file__).parents[3]

# Runs jobs until there are none; says when it begins one and when that has ended.
_WORKER = """
import sys
from pathlib import Path
from mediastation.station.serving import worker
from mediastation.station.serving import working
real = worker.run_claimed
def told(home, record, *words):
    print("begins", record.id, flush=True)
    real(home, record, *words)
    print("ended", record.id, flush=True)
worker.run_claimed = told
working.work(Path(sys.argv[1]), idle_s=0)
"""


@contextmanager
def python(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process, ended with the block however that ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def home(tmp_path: Path, database: str) -> Path:
    return configure(tmp_path / "home", database=database, queue=database)


def export_of(source: Path, output: Path) -> ExportRequest:
    return ExportRequest((str(source),), "STD-GEN-CD", output)


def test_two_workers_share_the_jobs_and_one_is_killed_among_them(
    home: Path, tmp_path: Path
) -> None:
    """Each job is completed once; what the killed one had goes on with the other."""
    folder = tmp_path / "medium"
    write_series(tmp_path / "series", 1, 8)
    with Station(home) as station:
        export(station, ExportRequest((str(tmp_path / "series"),), "STD-GEN-USB-JPEG", folder))
        jobs = [submit(station, VerifyRequest(folder)) for _ in range(JOBS)]
        with (
            python(_WORKER, str(home)) as first,
            python(_WORKER, str(home)) as second,
        ):
            assert first.stdout is not None
            begun = 0
            for line in first.stdout:
                begun += line.startswith("begins")
                if begun == JOBS // 8:
                    break
            first.send_signal(signal.SIGKILL)
            killed_at = int(line.split()[1])
            told, faults = second.communicate(timeout=280)
        assert second.returncode == 0, faults
        # What the killed one had is found by whoever comes next, if not by the other.
        Worker(home, threading.Event(), idle_s=0).run()
        now = station.clock.now()
        records = [record for job in jobs if (record := station.jobs.get(job, now))]
        events = station.jobs.events(limit=10 * JOBS)

    assert Counter(record.state for record in records) == {JobState.DONE: JOBS}
    done = Counter(event.job for event in events if event.text == "done")
    assert {done[job] for job in jobs} == {1}
    started = Counter(event.job for event in events if event.text == "started")
    assert {job for job in jobs if started[job] != 1} == {killed_at}
    assert started[killed_at] == 2
    assert told.count("ended") > JOBS // 4


def test_no_job_is_given_to_two_who_ask_at_once(home: Path, tmp_path: Path) -> None:
    with Station(home) as station:
        jobs = [submit(station, VerifyRequest(tmp_path / "nothing")) for _ in range(20)]
        gate, got = threading.Barrier(4), Counter[int]()

        def take(name: str) -> None:
            gate.wait()
            for job in jobs:
                if station.queue.claim(job, name, socket.gethostname(), 100.0):
                    got[job] += 1

        asking = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(4)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()

    assert got == Counter(jobs)


class TestTwoStations:
    """Two homes with one database and one store."""

    @pytest.fixture
    def homes(self, tmp_path: Path, shared_database: str) -> list[Path]:
        store = tmp_path / "store"
        return [
            configure(tmp_path / name, database=shared_database, store=str(store), aet=name)
            for name in ("EAST", "WEST")
        ]

    @pytest.fixture
    def series(self, tmp_path: Path) -> Path:
        write_series(tmp_path / "series", 3, 16)
        return tmp_path / "series"

    def test_what_one_has_made_the_other_knows_proves_and_makes_again(
        self, homes: list[Path], series: Path, tmp_path: Path
    ) -> None:
        image = tmp_path / "disc.iso"
        with Station(homes[0]) as east, Station(homes[1]) as west:
            made = export(east, export_of(series, image))
            assert len(list_rows(west.catalog, "instances")) == 3

            found = verify(west, image)
            again = reprint(west, made.job, tmp_path / "again.iso")

            assert found.ok
            assert found.manifest
            assert again.volumes[0].sha256 == made.volumes[0].sha256
            for station in (east, west):
                report = audit_ledger(station)
                assert report.ok, report.findings
                assert not report.findings
            names = [entry.station["aet"] for entry in Ledger(east.catalog).entries()]
        assert set(names) == {"EAST", "WEST"}
        for home in homes:
            assert not list(home.glob("ledger*"))
            assert not list(home.glob("catalog.sqlite*"))

    def test_both_write_the_ledger_at_once(self, homes: list[Path]) -> None:
        program = (
            "import sys; from pathlib import Path\n"
            "from mediastation.station.station import Station\n"
            "from mediastation.station.recording.ledger import record_application\n"
            "with Station(Path(sys.argv[1])) as station:\n"
            "    for n in range(20):\n"
            "        record_application(station, started=True, address=str(n))\n"
        )
        with python(program, str(homes[0])) as east, python(program, str(homes[1])) as west:
            told = [process.communicate(timeout=280)[1] for process in (east, west)]
            assert (east.returncode, west.returncode) == (0, 0), told

        with Station(homes[0]) as station:
            report = audit_ledger(station)
            assert report.ok, report.findings
            hosts = Counter(entry.station["aet"] for entry in Ledger(station.catalog).entries())
        assert hosts == {"EAST": 20, "WEST": 20}

    def test_what_another_host_left_half_made_is_its_own_to_settle(
        self, homes: list[Path], series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other one's paths are not here, and that says nothing of its media."""
        image = tmp_path / "disc.iso"
        with Station(homes[0]) as east:
            export(east, export_of(series, image))
            job = east.jobs.latest(east.clock.now(), 1)[0]
            result = {key: value for key, value in job.result.items() if key != "entries"}
            east.jobs.end(job.id, job.worker, JobState.FAILED, result, "", (), 0.0)
        image.rename(tmp_path / "as-seen-from-elsewhere")
        with Station(homes[1]) as west, monkeypatch.context() as patch:
            patch.setattr("socket.gethostname", lambda: "elsewhere")
            assert audit_ledger(west).findings == []
        with Station(homes[1]) as west:
            assert [one.rule for one in audit_ledger(west).findings] == ["medium-withdrawn"]
            events = [entry.event for entry in Ledger(west.catalog).entries()]
        assert events[-1] is LedgerEvent.WITHDRAWN


class TestOutage:
    """The database goes while a job is at work, and comes back."""

    @pytest.fixture
    def server(self) -> Iterator[PostgresServer]:
        with postgres_server("-c", "fsync=off") as own:
            yield own

    @pytest.fixture
    def station(self, server: PostgresServer, tmp_path: Path) -> Iterator[Station]:
        home = configure(tmp_path / "home", database=server.new_database())
        with Station(home) as opened:
            yield opened

    @pytest.fixture(autouse=True)
    def _every_report_is_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(job, "_TABLE_EVERY_S", 0)

    def test_what_is_at_work_goes_on(self, server: PostgresServer, station: Station) -> None:
        with station.job("burn", {}) as running, running.step("write", 3) as step:
            step.report(1, 3)
            server.stop(signal.SIGQUIT)
            step.report(2, 3)
            server.start()
            step.report(3, 3)
        record = station.jobs.get(running.id, station.clock.now())
        assert record is not None
        assert record.state is JobState.DONE
        assert record.steps[0].done == 3

    def test_what_others_may_have_taken_over_by_then_is_left(
        self, server: PostgresServer, station: Station, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = submit(station, VerifyRequest(Path("/nothing")))
        assert station.queue.claim(number, worker_name(), socket.gethostname(), station.clock.now())
        record = station.jobs.get(number, station.clock.now())
        with Station(station.home, claimed=record) as claimed:

            def work() -> None:
                with claimed.job("verify", {}) as running, running.step("read", 3) as step:
                    server.stop(signal.SIGQUIT)
                    step.report(1, 3)
                    monkeypatch.setattr(job, "LEASE_S", 0.0)
                    step.report(2, 3)

            with pytest.raises(MediaError, match="cannot be reached"):
                work()
            server.start()
        station.queue.requeue_lost(station.clock.now(), worker_name())
        Worker(station.home, threading.Event(), idle_s=0).run()
        record = station.jobs.get(number, station.clock.now())
        assert record is not None
        assert record.state is JobState.FAILED
        assert record.attempts == 2


# Reads what a console shows, again and again, until its input ends.
_CONSOLE = """
import sys, threading
from pathlib import Path
from mediastation.catalog.browsing import catalog_state, study_keys, study_rows
from mediastation.station.browse import station_status
from mediastation.station.station import Station
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
with Station(Path(sys.argv[1])) as station:
    print("ready", flush=True)
    while True:
        last = ended.is_set()
        keys = study_keys(station.catalog)
        catalog_state(station.catalog), station_status(station)
        rows = study_rows(station.catalog, keys[:50])
        station.jobs.latest(station.clock.now()), station.jobs.events()
        if last:
            break
print("saw", len(keys), sum(row.instances for row in rows.values()))
"""
_ADD = "import sys; from mediastation.cli.app import run; sys.exit(run(sys.argv[1:]))"


def test_two_consoles_two_adds_and_a_worker_on_one_home(home: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for number, folder in enumerate(folders):
        write_series(folder, 60, 8)
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes().replace(b"2.25.", b"2.%02d." % (30 + number)))
    made = [tmp_path / f"{number}.iso" for number in range(4)]
    write_series(tmp_path / "series", 2, 8)
    with Station(home) as station:
        jobs = [submit(station, export_of(tmp_path / "series", output)) for output in made]
        with (
            python(_CONSOLE, str(home)) as left,
            python(_CONSOLE, str(home)) as right,
            python(_WORKER, str(home)) as worker,
            python(_ADD, "--home", str(home), "add", str(folders[0])) as one,
            python(_ADD, "--home", str(home), "add", str(folders[1])) as two,
        ):
            for process in (one, two, worker, left, right):
                _, faults = process.communicate(timeout=280)
                assert process.returncode == 0, faults
        now = station.clock.now()
        ended = [record.state for job in jobs if (record := station.jobs.get(job, now))]
        assert ended == [JobState.DONE] * len(made)
        assert len(list_rows(station.catalog, "instances")) == 122
        report = audit_ledger(station)
        assert report.ok
        assert report.entries == len(made)
        is_sqlite = not station.settings.database
    assert all(output.exists() for output in made)
    if is_sqlite:
        with closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
