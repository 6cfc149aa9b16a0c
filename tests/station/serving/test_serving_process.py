"""`serve` from outside: begun on its own, asked, ended, and refused with the reason."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ConfigError, NetworkError
from mediastation.network.storage_scu import echo
from mediastation.station.own_process import own_environment
from mediastation.station.process_lock import SERVE_LOCK, lock_is_held
from mediastation.station.serving.process import ask_serving, start_serving, stop_serving
from tests.support.network import RawPeer
from tests.support.served_jobs import Handle, wait_until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose `serve`, if any is begun, ends with the test."""
    monkeypatch.setenv("MEDIASTATION_DISK_RESERVE_BYTES", "0")
    folder = tmp_path / "home"
    yield folder
    stop_serving(folder)


def test_it_is_begun_asked_and_ended(home: Path) -> None:
    address = start_serving(home, "--port", "0")
    echo(*address, calling_ae="PEER", called_ae="MEDIASTATION")
    told = ask_serving(home, "ping")
    assert told is not None
    assert (told["address"], told["port"]) == address
    assert told["pid"] != os.getpid()
    assert os.getsid(told["pid"]) == told["pid"], "a session of its own"
    assert (home / "log" / "serve.log").stat().st_mode & 0o777 == 0o600

    assert stop_serving(home)

    assert ask_serving(home, "ping") is None
    assert not lock_is_held(home / SERVE_LOCK)
    assert not stop_serving(home)


def test_a_second_one_is_the_first(home: Path) -> None:
    first = start_serving(home, "--port", "0")

    assert start_serving(home, "--port", "0") == first


def test_two_at_once_come_to_one(home: Path) -> None:
    found: list[tuple[str, int]] = []
    threads = [
        threading.Thread(target=lambda: found.append(start_serving(home, "--port", "0")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 2
    assert len(set(found)) == 1


def test_it_outlives_who_began_it(home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; "
        "from mediastation.station.serving.process import start_serving; "
        "start_serving(Path(sys.argv[1]), '--port', '0')"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(home)], check=True, env=own_environment(), timeout=90
    )
    told = ask_serving(home, "ping")
    assert told is not None
    handle = Handle(told["pid"])
    try:
        assert stop_serving(home)
        handle.wait()
    finally:
        handle.close()


def test_a_taken_port_is_told_as_the_command_tells_it(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(NetworkError, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            start_serving(home, "--port", str(port))
    assert "another --port" in caught.value.hint


def test_wrong_settings_are_told_as_well(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text('port = "harbour"\n')

    with pytest.raises(ConfigError, match=r"settings are wrong.*port") as caught:
        start_serving(home)
    assert "config.toml" in caught.value.hint


def test_a_working_folder_full_of_traps_is_not_imported_from(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "stick"
    trap.mkdir()
    for name in ("mediastation", "json", "typer", "sqlalchemy"):
        (trap / f"{name}.py").write_text("raise SystemExit('trapped')\n")
    monkeypatch.chdir(trap)

    start_serving(home, "--port", "0")

    told = ask_serving(home, "ping")
    assert told is not None
    assert Path(f"/proc/{told['pid']}/cwd").readlink() == Path("/"), "a stick can be taken out"


def test_associations_are_seen_while_they_live(home: Path) -> None:
    address = start_serving(home, "--port", "0")

    def live() -> list[dict[str, object]]:
        told = ask_serving(home, "associations")
        assert told is not None
        return list(told["live"])

    with RawPeer(address) as peer:
        peer.associate()
        (one,) = live()
        assert one["called_ae"] == "STATION"
        assert one["contexts"] == 1
    wait_until(lambda: live() == [], "its end")
    told = ask_serving(home, "associations")
    assert told is not None
    assert [facts["ended"] for facts in told["ended"]] == ["connection lost or aborted"]
