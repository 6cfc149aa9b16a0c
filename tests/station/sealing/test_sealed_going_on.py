"""Sealed exports that were killed or interrupted: nothing is left, and no set has two passwords."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.errors import MediaError, SecrecyError
from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.ledger import LedgerEvent
from mediastation.model.secrecy import Password
from mediastation.reading.volume import open_volume
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.volume import write_volume
from mediastation.station.job import worker_name
from mediastation.station.sealing.envelope_folder import SEALED
from mediastation.station.serving import submitting
from mediastation.station.serving.submitting import submit
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from tests.support.certificates import issue
from tests.support.desk_home import work_off
from tests.support.objects import write_ct, write_series

FIRST = Password("canary lobster velvet harbor tunnel quartz 7")
OTHER = Password("magnet cradle 41 pebble walnut siphon grove")

# Seals, and dies on the way at a byte that is counted.
_KILLED = """
import os, signal, sys
from pathlib import Path
from mediastation.model.secrecy import Password
from mediastation.secure.sealing.sealer import Sealer
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station

home, source, output, left = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
seal = Sealer.seal

def dying(*words):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return seal(*words)

Sealer.seal = dying
with Station(home) as station:
    request = ExportRequest((source,), "STD-GEN-SEC-CD", output, with_password=True,
                            several_patients=True)
    export(station, request, password=Password("canary lobster velvet harbor tunnel quartz 7"))
"""


class LateClock(Clock):
    """The clock of somebody who comes after the lease of whatever was killed."""

    def now(self) -> float:
        return time.time() + 3600


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text("[secure]\niterations = 100000\n")
    return folder


def envelopes(home: Path) -> list[Path]:
    return sorted(home.rglob(SEALED))


class TestKilled:
    def test_envelopes_of_a_killed_command_go_with_the_next_one(
        self, home: Path, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 5)
        words = [str(home), str(tmp_path / "in"), str(tmp_path / "o.iso"), "4"]
        killed = subprocess.run([sys.executable, "-c", _KILLED, *words], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len(envelopes(home)) == 1

        with Station(home) as station:
            assert settle_unfinished(station) == [], "it may be alive"
            assert len(envelopes(home)) == 1
        with Station(home, LateClock()) as station:
            told = settle_unfinished(station)
            assert [(finding.rule, "sealing" in finding.message) for finding in told] == [
                ("left-over", True)
            ]
            assert settle_unfinished(station) == []
        assert envelopes(home) == []
        assert list(tmp_path.glob("*.part")) == []

    def test_a_result_does_not_tell_of_envelopes_that_are_gone(
        self, home: Path, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 1)
        request = ExportRequest(
            (str(tmp_path / "in"),), "STD-GEN-SEC-CD", tmp_path / "o.iso", with_password=True
        )
        with Station(home, LateClock()) as station:
            export(station, request, password=FIRST)
            assert settle_unfinished(station) == []
            record = station.jobs.get(1, station.clock.now())
        assert record is not None
        assert "sealing" not in record.result


class TestSeveralVolumes:
    """The first volume is finished when `serve` is told to stop; then the rest is made."""

    @pytest.fixture
    def request_of_two(self, tmp_path: Path) -> ExportRequest:
        write_series(tmp_path / "in", 8, Rows=200, Columns=200, PixelData=bytes(200 * 200 * 2))
        return ExportRequest(
            (str(tmp_path / "in"),),
            "STD-GEN-SEC-CD",
            tmp_path / "discs",
            capacity_bytes=600_000,
            with_password=True,
        )

    @pytest.fixture
    def station(self, home: Path) -> Iterator[Station]:
        with Station(home) as opened:
            yield opened

    def attempt(
        self, station: Station, job: int, request: ExportRequest, **given: Any
    ) -> ExportResult:
        """Do what a worker does that has claimed the job."""
        now = station.clock.now()
        assert station.queue.claim(job, worker_name(), "", now)
        with working_on(station, job, is_stopping=False) as working:
            return export(working, request, **given)

    def interrupted(
        self,
        station: Station,
        request: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
        *,
        after_both: bool = False,
    ) -> int:
        """Submit the job, and have it stopped between its two volumes; it is queued again."""
        job = submit(station, request)

        def stopping(work: Any, volume: Any) -> Any:
            if volume.plan.number == 2 and not after_both:
                raise KeyboardInterrupt
            made = write_volume(work, volume)
            if volume.plan.number == 2:
                raise KeyboardInterrupt
            return made

        assert station.queue.claim(job, worker_name(), "", station.clock.now())
        with monkeypatch.context() as patched:
            patched.setattr("mediastation.station.exporting.export.write_volume", stopping)
            with (
                working_on(station, job, is_stopping=True) as working,
                pytest.raises(KeyboardInterrupt),
            ):
                export(working, request, password=FIRST)
        assert record_of(station, job).state is JobState.QUEUED
        return job

    def test_the_password_is_asked_for_again_and_what_is_finished_stays(
        self,
        station: Station,
        request_of_two: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job = self.interrupted(station, request_of_two, monkeypatch)
        first = request_of_two.output / "DISC1.ISO"
        before = first.read_bytes()

        result = self.attempt(station, job, request_of_two)
        assert result.question is not None
        assert result.question.kind == PASSWORD
        assert [one["path"] for one in record_of(station, job).result["volumes"]] == [str(first)]
        submitting.answer(station, job, PASSWORD)
        result = self.attempt(station, job, request_of_two, password=FIRST)

        assert result.stopped == "", result.findings
        assert len(result.volumes) == 2
        assert first.read_bytes() == before
        assert record_of(station, job).state is JobState.DONE
        made = [one for one in Ledger(station.catalog).entries() if one.event is LedgerEvent.MADE]
        assert len(made) == 2

    def test_another_password_is_not_taken_for_the_rest(
        self,
        station: Station,
        request_of_two: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Whoever gets the set has one password."""
        job = self.interrupted(station, request_of_two, monkeypatch)

        result = self.attempt(station, job, request_of_two, password=OTHER)

        assert result.question is not None
        assert result.question.kind == PASSWORD
        assert "DISC1.ISO is finished already" in result.stopped
        assert not (request_of_two.output / "DISC2.ISO").exists()
        submitting.answer(station, job, PASSWORD)
        assert self.attempt(station, job, request_of_two, password=FIRST).stopped == ""
        assert record_of(station, job).state is JobState.DONE

    def test_a_certificate_that_is_away_for_a_while_costs_no_volume(
        self,
        station: Station,
        request_of_two: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """It may lie on a stick that was pulled: the job fails, and is begun again with it."""
        certificate = tmp_path / "doctor.pem"
        certificate.write_bytes(issue("Doctor").pem)
        request = replace(request_of_two, recipients=(certificate,))
        job = self.interrupted(station, request, monkeypatch)
        first = request.output / "DISC1.ISO"
        before = first.read_bytes()
        certificate.rename(tmp_path / "pulled")

        with pytest.raises(SecrecyError):
            self.attempt(station, job, request, password=FIRST)
        assert record_of(station, job).state is JobState.FAILED
        (tmp_path / "pulled").rename(certificate)
        submitting.retry(station, job)
        result = self.attempt(station, job, request, password=FIRST)

        assert result.stopped == "", result.findings
        assert len(result.volumes) == 2
        assert first.read_bytes() == before
        made = [one for one in Ledger(station.catalog).entries() if one.event is LedgerEvent.MADE]
        assert len(made) == 2

    def test_what_was_finished_goes_too_where_one_that_is_made_again_fails(
        self,
        station: Station,
        request_of_two: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Half a set must not pass for the whole, whichever half it is."""
        job = self.interrupted(station, request_of_two, monkeypatch, after_both=True)
        (request_of_two.output / "DISC1.ISO").unlink()

        def full(*_words: Any) -> Any:
            raise MediaError("The disk is full.")

        monkeypatch.setattr("mediastation.station.exporting.export.write_volume", full)
        with pytest.raises(MediaError):
            self.attempt(station, job, request_of_two, password=FIRST)

        assert list(request_of_two.output.iterdir()) == []
        events = [one.event for one in Ledger(station.catalog).entries()]
        assert events.count(LedgerEvent.WITHDRAWN) == 1
        assert record_of(station, job).result["volumes"] == []

    def test_a_set_that_has_grown_meanwhile_says_so_on_every_volume(
        self,
        station: Station,
        request_of_two: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """The scanner went on sending: the first disc would say that it is one of two."""
        job = self.interrupted(station, request_of_two, monkeypatch)
        pixels = {"Rows": 200, "Columns": 200, "PixelData": bytes(200 * 200 * 2)}
        for number in range(50, 60):
            write_ct(
                tmp_path / "in" / f"late{number}",
                InstanceNumber=str(number),
                SOPInstanceUID=f"1.2.3.1.{number}",
                **pixels,
            )

        result = self.attempt(station, job, request_of_two, password=FIRST)

        assert result.stopped == "", result.findings
        number = len(result.volumes)
        assert number > 2
        for place, made in enumerate(result.volumes, 1):
            with open_volume(Path(made.path)) as medium, medium.open("README.TXT") as stream:
                assert f"{place} of {number}\r\n".encode() in stream.read()
        entries = list(Ledger(station.catalog).entries())
        withdrawn = {one.refers_to for one in entries if one.event is LedgerEvent.WITHDRAWN}
        made_now = [
            one for one in entries if one.event is LedgerEvent.MADE and one.number not in withdrawn
        ]
        assert len(made_now) == number

    def test_nobody_is_added_for_the_rest(
        self,
        home: Path,
        station: Station,
        request_of_two: ExportRequest,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        job = self.interrupted(station, request_of_two, monkeypatch)
        escrow = tmp_path / "escrow.pem"
        escrow.write_bytes(issue("Escrow").pem)
        with (home / "config.toml").open("a") as config:
            config.write(f'escrow = "{escrow}"\n')

        with pytest.raises(SecrecyError) as fault:
            self.attempt(station, job, request_of_two, password=FIRST)

        assert "sealed for others" in str(fault.value)
        assert not (request_of_two.output / "DISC2.ISO").exists()


def record_of(station: Station, job: int) -> JobRecord:
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record


def working_on(station: Station, job: int, *, is_stopping: bool) -> Station:
    """The station as a worker has it that goes on with a job: at the moment it was submitted."""
    record = record_of(station, job)
    clock = Clock(datetime.fromisoformat(record.moment), record.seed)
    return Station(station.home, clock, claimed=record, is_stopping=lambda: is_stopping)


class TestCertificates:
    """Between the asking and the sealing may lie a night, and somebody else's stick."""

    @pytest.fixture
    def request_for_one(self, tmp_path: Path) -> ExportRequest:
        write_series(tmp_path / "in", 1)
        certificate = tmp_path / "cert.pem"
        certificate.write_bytes(issue("Doctor").pem)
        return ExportRequest(
            (str(tmp_path / "in"),),
            "STD-GEN-SEC-USB-JPEG",
            tmp_path / "stick",
            recipients=(certificate,),
        )

    def test_another_one_under_the_same_name_gets_nothing(
        self, home: Path, request_for_one: ExportRequest
    ) -> None:
        (certificate,) = request_for_one.recipients
        right = certificate.read_bytes()
        with Station(home) as station:
            job = submit(station, request_for_one)
            certificate.write_bytes(issue("Somebody Else", number=1).pem)
            work_off(home)

            failed = record_of(station, job)
            assert failed.state is JobState.FAILED
            assert "Somebody Else" in failed.message
            assert not request_for_one.output.exists()
            certificate.write_bytes(right)
            submitting.retry(station, job)
            work_off(home)
            assert record_of(station, job).state is JobState.DONE, record_of(station, job).message

    def test_one_that_is_of_no_use_is_told_at_once(
        self, home: Path, request_for_one: ExportRequest
    ) -> None:
        request_for_one.recipients[0].unlink()

        with Station(home) as station:
            with pytest.raises(SecrecyError):
                submit(station, request_for_one)
            assert station.jobs.latest(station.clock.now()) == []
