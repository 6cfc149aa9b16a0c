from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mediastation.catalog.listing import list_rows
from mediastation.errors import ConfigError, NetworkError
from mediastation.network.storage_scu import echo, send_files
from mediastation.station.serving.serve import hold_serve_lock, serve
from mediastation.station.station import Station
from tests.support.network import write_ct


class Served:
    """`serve` in a thread of this process."""

    def __init__(self, home: Path, **options: object) -> None:
        self.stop = threading.Event()
        self.ready = threading.Event()
        self.address = ("", 0)
        self.fault: BaseException | None = None
        self._home, self._options = home, options
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        def on_ready(address: str, port: int) -> None:
            self.address = (address, port)
            self.ready.set()

        try:
            with Station(self._home) as station:
                serve(station, stop=self.stop, on_ready=on_ready, **self._options)  # type: ignore[arg-type]
        except BaseException as fault:
            self.fault = fault
        finally:
            self.ready.set()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self.ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def test_what_it_acknowledged_is_in_the_catalog(tmp_path: Path) -> None:
    home = tmp_path / "home"
    files = [write_ct(tmp_path / str(n), f"1.2.826.0.{n + 1}") for n in range(20)]
    with Served(home, port=0) as served:
        report = send_files(*served.address, files, calling_ae="PEER", called_ae="MEDIASTATION")

    assert served.fault is None
    assert report.stored == 20
    with Station(home) as station:
        uids = {row["sop_instance_uid"] for row in list_rows(station.catalog, "instances")}
    assert uids == {f"1.2.826.0.{n + 1}" for n in range(20)}
    assert list((home / "incoming").iterdir()) == []


def test_below_the_reserve_it_takes_nothing_but_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIASTATION_DISK_RESERVE_BYTES", str(1 << 60))
    with Served(tmp_path / "home", port=0) as served:
        report = send_files(
            *served.address,
            [write_ct(tmp_path / "file", "1.2.826.0.1")],
            calling_ae="PEER",
            called_ae="MEDIASTATION",
        )
        echo(*served.address, calling_ae="PEER", called_ae="MEDIASTATION")

    assert [instance.status for instance in report.instances] == [0xA700]


def test_a_site_may_insist_on_its_own_title(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIASTATION_REQUIRE_CALLED_AET", "true")
    with Served(tmp_path / "home", port=0) as served:
        echo(*served.address, calling_ae="PEER", called_ae="MEDIASTATION")
        with pytest.raises(NetworkError):
            echo(*served.address, calling_ae="PEER", called_ae="SOMEBODY")


def test_a_second_serve_of_one_home_is_told_who_holds_it(tmp_path: Path) -> None:
    with Served(tmp_path / "home", port=0) as first:
        with Served(tmp_path / "home", port=0) as second:
            assert isinstance(second.fault, ConfigError)
            assert str(os.getpid()) in second.fault.message
        echo(*first.address, calling_ae="PEER", called_ae="MEDIASTATION")


def test_the_lock_is_free_when_it_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_serve_lock(tmp_path):
            pass


def test_a_taken_port_ends_it_with_words_and_frees_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        Served(tmp_path / "other", port=0) as other,
        Served(home, port=other.address[1]) as served,
    ):
        assert isinstance(served.fault, NetworkError)
    with Served(home, port=0) as served:
        assert served.fault is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_cleanly_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    home = tmp_path / "home"
    process = subprocess.Popen(
        [sys.executable, "-m", "mediastation", "--home", str(home), "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address, _, port = line.removeprefix("listening on ").strip().rpartition(":")
        echo(address, int(port), calling_ae="PEER", called_ae="MEDIASTATION")
        process.send_signal(number)
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert list((home / "incoming").iterdir()) == []
