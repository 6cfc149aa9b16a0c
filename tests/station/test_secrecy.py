"""No secret is left anywhere: not in files, logs, jobs, arguments or what children inherit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.model.job import PASSWORD, JobState
from mediastation.station.own_process import own_environment, own_words
from mediastation.station.station import Station
from tests.support.objects import write_series
from tests.support.served_jobs import Serve, job_of, wait_for_end, wait_until

CANARY = "canary lobster velvet harbor tunnel quartz 7"
ENVIRONMENT_CANARY = "sparrow!copper!violin!meadow!anchor"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text("[secure]\niterations = 100000\n")
    write_series(tmp_path / "in", 2)
    secret = tmp_path / "secret"
    secret.write_text(f"{CANARY}\n")
    secret.chmod(0o600)
    return folder


@pytest.fixture
def serve(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("MEDIASTATION_PASSWORD", ENVIRONMENT_CANARY)
    with Serve(home, tmp_path / "serve.log") as running:
        yield running


def command(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        own_words(home, *words),
        env=own_environment() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )


def export_words(tmp_path: Path, *more: str) -> list[str]:
    return [
        *("export", str(tmp_path / "in"), "--profile", "STD-GEN-SEC-USB-JPEG"),
        *("--output", str(tmp_path / "stick"), *more),
    ]


def require_no_trace(tmp_path: Path, *secrets: str) -> None:
    """Look through every file but the one that the secret came from."""
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "secret":
            data = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in data, path


def spoken(process: int) -> bytes:
    """What other programs of the computer may see of a process."""
    seen = Path(f"/proc/{process}")
    return (seen / "cmdline").read_bytes() + (seen / "environ").read_bytes()


class TestQueue:
    def test_a_job_gets_its_password_through_memory_alone(
        self, home: Path, tmp_path: Path, serve: Serve
    ) -> None:
        words = export_words(tmp_path, "--queue", "--password-file", str(tmp_path / "secret"))
        asked = command(home, *words, "--json")

        assert asked.returncode == 0, asked.stderr
        number = json.loads(asked.stdout)["job"]
        with Station(home) as station:
            assert wait_for_end(station, number).state is JobState.DONE
        assert (tmp_path / "stick" / "DICOMDIR").is_file()
        for worker in serve.workers():
            told = spoken(worker.pid)
            assert CANARY.encode() not in told
            assert ENVIRONMENT_CANARY.encode() not in told
        require_no_trace(tmp_path, CANARY, ENVIRONMENT_CANARY)

    def test_after_a_restart_it_waits_for_it_again(self, home: Path, tmp_path: Path) -> None:
        """Nobody serves when it is put there, so that nobody can keep its password."""
        words = export_words(tmp_path, "--queue", "--password-file", str(tmp_path / "secret"))
        asked = command(home, *words, "--json")
        number = json.loads(asked.stdout)["job"]
        assert b"--answer password" in asked.stderr

        with Serve(home, tmp_path / "serve.log"), Station(home) as station:
            wait_until(lambda: job_of(station, number).state is JobState.WAITING, "the question")
            question = job_of(station, number).question
            assert question is not None
            assert question.kind == PASSWORD
            assert not (tmp_path / "stick").exists()
            answer = ("jobs", str(number), "--answer", "password")
            told = command(home, *answer, "--password-file", str(tmp_path / "secret"))
            assert told.returncode == 0, told.stderr
            assert wait_for_end(station, number).state is JobState.DONE
        require_no_trace(tmp_path, CANARY)


class TestCommand:
    def test_the_environment_gives_it_and_no_child_inherits_it(
        self, home: Path, tmp_path: Path
    ) -> None:
        program = (
            "import os, sys\n"
            "from mediastation.cli.app import run\n"
            "code = run(sys.argv[1:])\n"
            "assert 'MEDIASTATION_PASSWORD' not in os.environ\n"
            "sys.exit(code)\n"
        )
        words = ["--home", str(home), *export_words(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            env={**os.environ, "MEDIASTATION_PASSWORD": ENVIRONMENT_CANARY},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )

        assert done.returncode == 0, done.stderr
        assert ENVIRONMENT_CANARY.encode() not in done.stdout + done.stderr
        require_no_trace(tmp_path, ENVIRONMENT_CANARY)

    def test_nothing_is_told_where_it_fails(self, home: Path, tmp_path: Path) -> None:
        """A fault of our own is kept with its traceback; the password is in none of it."""
        program = (
            "import sys\n"
            "import mediastation.station.sealing.volume as sealed\n"
            "from mediastation.cli.app import run\n"
            "def fail(*words, **more):\n"
            "    raise ZeroDivisionError(repr(words) + repr(more))\n"
            "sealed.seal_files = fail\n"
            "sys.exit(run(sys.argv[1:]))\n"
        )
        words = export_words(tmp_path, "--password-file", str(tmp_path / "secret"))
        done = subprocess.run(
            [sys.executable, "-c", program, "--home", str(home), *words],
            env=own_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )

        assert done.returncode not in (0, 4)
        assert list(home.glob("fault-*.txt"))
        assert CANARY.encode() not in done.stdout + done.stderr
        require_no_trace(tmp_path, CANARY)

    def test_without_anybody_to_ask_it_is_said_what_to_give(
        self, home: Path, tmp_path: Path
    ) -> None:
        done = command(home, *export_words(tmp_path))

        assert done.returncode == 4
        assert b"--password-file" in done.stderr
        assert not (tmp_path / "stick").exists()

    def test_a_file_that_others_may_read_is_told(self, home: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").chmod(0o644)

        done = command(home, *export_words(tmp_path, "--password-file", str(tmp_path / "secret")))

        assert done.returncode == 0
        told = done.stderr.decode().splitlines()
        assert any("others may read" in line for line in told)
        assert f"  → chmod 600 {tmp_path / 'secret'}" in told

    def test_a_made_one_is_on_the_sheet_and_nowhere_else(self, home: Path, tmp_path: Path) -> None:
        sheet = tmp_path / "sheet.html"

        done = command(home, *export_words(tmp_path, "--make-password", "--sheet", str(sheet)))

        assert done.returncode == 0, done.stderr
        assert sheet.stat().st_mode & 0o777 == 0o600
        assert b"SECURE_1" in sheet.read_bytes()
        assert (tmp_path / "stick" / "OPEN.HTM").is_file()

    def test_no_sheet_lies_on_the_medium(self, home: Path, tmp_path: Path) -> None:
        sheet = tmp_path / "stick" / "sheet.html"
        (tmp_path / "stick").mkdir()

        done = command(home, *export_words(tmp_path, "--make-password", "--sheet", str(sheet)))

        assert done.returncode == 2
        assert not sheet.exists()
