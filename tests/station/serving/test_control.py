"""The control socket: one account, short lines, no secrets but to whom they are for."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ConfigError
from mediastation.model.job import Question
from mediastation.network.association_log import AssociationLog
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import worker_name
from mediastation.station.serving import control, control_socket
from mediastation.station.serving.control import Control
from mediastation.station.serving.control_socket import LONGEST_LINE, SOCKET_NAME, connect
from mediastation.station.serving.process import ask_serving, take_secret
from mediastation.station.serving.secret_shelf import LONGEST_SECRET, MOST_SECRETS, SecretShelf
from mediastation.station.serving.submitting import cancel, submit
from mediastation.station.station import Station
from mediastation.station.stop_signal import StopSignal

SECRET = "correct horse battery staple"  # noqa: S105 - nobody's


class OneWorker:
    """A supervisor that has one worker: this very process, when it is told so."""

    def __init__(self) -> None:
        self.process = 0
        self.woken = 0

    def is_worker(self, process: int) -> bool:
        return process == self.process

    def workers(self) -> list[dict[str, object]]:
        return [{"pid": self.process, "share": "general"}]

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def station(home: Path) -> Iterator[Station]:
    with Station(home) as opened:
        yield opened


@pytest.fixture
def supervisor() -> OneWorker:
    return OneWorker()


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    signal = StopSignal()
    yield signal
    signal.close()


@pytest.fixture
def shelf() -> SecretShelf:
    return SecretShelf()


@pytest.fixture
def answering(
    station: Station, supervisor: OneWorker, stop: StopSignal, shelf: SecretShelf
) -> Iterator[Control]:
    log = AssociationLog()
    log.begin("10.0.0.7:50000", "CT1", "HERE", 3, 5)
    identity = {"pid": os.getpid(), "address": "127.0.0.1", "port": 7, "aet": "HERE"}
    one = Control(station, identity, log, supervisor, stop, shelf)  # type: ignore[arg-type]
    one.start()
    yield one
    one.close()


def raw(home: Path, data: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    with connect(home, 30) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while more := sock.recv(65536):
            answer += more
        return answer


@pytest.mark.usefixtures("answering")
class TestWords:
    def test_ping_tells_who_serves(self, home: Path) -> None:
        told = ask_serving(home, "ping")

        assert told is not None
        assert (told["pid"], told["port"], told["stopping"]) == (os.getpid(), 7, False)

    def test_associations_are_told_live(self, home: Path) -> None:
        told = ask_serving(home, "associations")

        assert told is not None
        (live,) = told["live"]
        assert (live["calling_ae"], live["contexts"], live["proposed"]) == ("CT1", 3, 5)
        assert told["ended"] == []

    def test_stop_stops_once_however_often_it_is_said(self, home: Path, stop: StopSignal) -> None:
        for _ in range(3):
            assert ask_serving(home, "stop") == {"pid": os.getpid()}

        assert stop.is_set()
        assert not stop.is_urgent

    def test_wake_wakes(self, home: Path, supervisor: OneWorker) -> None:
        assert ask_serving(home, "wake") == {}
        assert supervisor.woken == 1


def test_nobody_serves(home: Path) -> None:
    assert ask_serving(home, "ping") is None


@pytest.mark.usefixtures("answering")
class TestHostileLines:
    def test_only_this_account_may_connect(self, home: Path) -> None:
        mode = (home / SOCKET_NAME).stat().st_mode

        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"", "does not end"),
            (b'{"word": "ping"}', "does not end"),
            (b"\n", "no JSON"),
            (b"\xff\xfe\n", "no JSON"),
            (b"[1]\n", "no JSON object"),
            (b"null\n", "no JSON object"),
            (b"[" * 60_000 + b"\n", "no JSON"),
            (b"{}\n", "the words are"),
            (b'{"word": ["ping"]}\n', "the words are"),
            (b'{"word": "__class__"}\n', "the words are"),
            (b'{"word": "ping"}\n{"word": "stop"}\n', "one line"),
            (b'{"word": "secret-put", "job": "1", "secret": "x"}\n', "a number"),
            (b'{"word": "secret-put", "job": true, "secret": "x"}\n', "a number"),
            (b'{"word": "secret-put", "job": 1, "secret": 5}\n', "text"),
            (b'{"word": "secret-put", "job": 1e400, "secret": "x"}\n', "a number"),
            (
                b'{"word": "secret-put", "job": 9' + b"9" * 400 + b', "secret": "x"}\n',
                "no password",
            ),
        ],
    )
    def test_a_wrong_line_is_answered_and_nothing_else(
        self, home: Path, stop: StopSignal, line: bytes, said: str
    ) -> None:
        told = json.loads(raw(home, line))

        assert told["ok"] is False
        assert said in told["error"]
        assert not stop.is_set()
        assert ask_serving(home, "ping") is not None

    def test_a_line_without_end_is_cut_short(self, home: Path) -> None:
        with connect(home, 30) as sock:
            answer = b""
            try:
                for _ in range(100):
                    sock.sendall(b"x" * LONGEST_LINE)
            except (BrokenPipeError, ConnectionResetError):
                pass
            else:
                pytest.fail("all of it was taken")
            try:
                answer = sock.recv(65536)
            except ConnectionResetError:
                answer = b""
        assert answer == b"" or "too long" in json.loads(answer)["error"]
        assert ask_serving(home, "ping") is not None

    def test_who_says_nothing_keeps_nobody_else_waiting_and_is_sent_away(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control, "TIMEOUT_S", 0.2)
        silent = [connect(home, 30) for _ in range(5)]
        try:
            assert ask_serving(home, "ping") is not None
            for sock in silent:
                assert "in time" in json.loads(sock.recv(65536))["error"]
        finally:
            for sock in silent:
                sock.close()

    def test_another_account_is_refused_by_both_ends(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control_socket.os, "geteuid", lambda: 12_345)

        with connect(home, 30) as sock:
            assert "another account" in json.loads(sock.recv(65536))["error"]
        assert ask_serving(home, "ping") is None


class TestPlaces:
    def test_the_home_may_lie_deep(self, tmp_path: Path, stop: StopSignal) -> None:
        """The kernel takes paths of 107 bytes for sockets."""
        home = tmp_path / ("deep" * 30) / "home"
        home.parent.mkdir()
        with Station(home) as station:
            one = Control(station, {"pid": 1}, AssociationLog(), None, stop, SecretShelf())
            one.start()
            try:
                told = ask_serving(home, "ping")
                assert told is not None
                assert told["pid"] == 1
                assert stat.S_IMODE((home / SOCKET_NAME).stat().st_mode) == 0o600
            finally:
                one.close()
        assert not (home / SOCKET_NAME).exists()

    def test_what_a_killed_serve_left_is_replaced(
        self, home: Path, station: Station, stop: StopSignal
    ) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(home / SOCKET_NAME))
        assert ask_serving(home, "ping") is None
        one = Control(station, {"pid": 1}, AssociationLog(), None, stop, SecretShelf())
        one.start()
        try:
            assert ask_serving(home, "ping") is not None
        finally:
            one.close()

    def test_no_file_of_somebody_is_removed_for_it(
        self, home: Path, station: Station, stop: StopSignal, caplog: pytest.LogCaptureFixture
    ) -> None:
        (home / SOCKET_NAME).write_text("mine")
        one = Control(station, {"pid": 1}, AssociationLog(), None, stop, SecretShelf())
        one.start()
        assert "no control socket" in caplog.text
        one.close()
        assert (home / SOCKET_NAME).read_text() == "mine"


@pytest.mark.usefixtures("answering")
class TestSecrets:
    @pytest.fixture
    def job(self, station: Station, tmp_path: Path) -> int:
        """A job that waits for its password."""
        number = submit(station, ExportRequest((str(tmp_path),), "STD-GEN-CD", tmp_path / "o.iso"))
        now = station.clock.now()
        assert station.queue.claim(number, "before", "", now)
        station.queue.ask(number, "before", Question("password", "Which?", answers=("go-on",)), now)
        return number

    def begin(self, station: Station, job: int) -> None:
        """Let this process be the worker that goes on with the job."""
        now = station.clock.now()
        station.queue.cancel(job, "me", now)
        assert station.queue.take_back(job, ("cancelled",), "me", "goes on", now)  # type: ignore[arg-type]
        assert station.queue.claim(job, worker_name(), "", now)

    def test_the_worker_of_the_job_gets_it_once(
        self, home: Path, station: Station, supervisor: OneWorker, job: int
    ) -> None:
        assert ask_serving(home, "secret-put", job=job, secret=SECRET) == {"missed": False}
        supervisor.process = os.getpid()
        assert take_secret(home, job) is None, "the job does not run yet"
        self.begin(station, job)

        assert take_secret(home, job) == SECRET
        assert take_secret(home, job) is None

    def test_who_brings_it_too_late_is_told_so_once(
        self, home: Path, station: Station, supervisor: OneWorker, job: int
    ) -> None:
        """The job is about to ask for what lies here already: somebody has to answer it."""
        supervisor.process = os.getpid()
        self.begin(station, job)
        assert take_secret(home, job) is None

        assert ask_serving(home, "secret-put", job=job, secret=SECRET) == {"missed": True}
        assert ask_serving(home, "secret-put", job=job, secret=SECRET) == {"missed": False}

    def test_nobody_but_a_worker_of_this_serve_gets_it(
        self, home: Path, station: Station, job: int
    ) -> None:
        ask_serving(home, "secret-put", job=job, secret=SECRET)
        self.begin(station, job)

        with pytest.raises(ConfigError, match="only a worker"):
            ask_serving(home, "secret-take", job=job)
        assert take_secret(home, job) is None

    def test_it_goes_with_its_job(
        self, home: Path, station: Station, shelf: SecretShelf, job: int
    ) -> None:
        ask_serving(home, "secret-put", job=job, secret=SECRET)
        shelf.clear_ended(station)
        assert repr(shelf) == "SecretShelf(1 kept)"
        cancel(station, job)
        shelf.clear_ended(station)

        assert repr(shelf) == "SecretShelf(0 kept)"

    def test_it_goes_with_serve(
        self, home: Path, answering: Control, shelf: SecretShelf, job: int
    ) -> None:
        ask_serving(home, "secret-put", job=job, secret=SECRET)
        answering.close()

        assert repr(shelf) == "SecretShelf(0 kept)"

    def test_jobs_that_want_none_are_refused(self, home: Path, station: Station, job: int) -> None:
        cancel(station, job)
        by_hand = station.jobs.create("export", {}, "me", worker_name(), station.clock.now())

        for number in (job, by_hand, 999, -1):
            with pytest.raises(ConfigError, match="no password"):
                ask_serving(home, "secret-put", job=number, secret=SECRET)

    @pytest.mark.parametrize("secret", ["", "x" * (LONGEST_SECRET + 1)])
    def test_its_length_is_bounded(self, home: Path, job: int, secret: str) -> None:
        with pytest.raises(ConfigError, match="characters"):
            ask_serving(home, "secret-put", job=job, secret=secret)

    def test_their_number_is_bounded(self, station: Station, shelf: SecretShelf, job: int) -> None:
        shelf._secrets = dict.fromkeys(range(10_000, 10_000 + MOST_SECRETS), "x")
        with pytest.raises(ConfigError, match="Too many"):
            shelf.put(station, job, SECRET)

    def test_nothing_of_it_is_written(
        self,
        home: Path,
        station: Station,
        supervisor: OneWorker,
        job: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level("DEBUG")
        ask_serving(home, "secret-put", job=job, secret=SECRET)
        supervisor.process = os.getpid()
        self.begin(station, job)
        assert take_secret(home, job) == SECRET

        assert SECRET not in caplog.text
        files = [path for path in home.rglob("*") if path.is_file()]
        assert files
        assert all(SECRET.encode() not in path.read_bytes() for path in files)
