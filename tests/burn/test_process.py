"""Programs that work a drive: watched, fed, and never left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.burn.process import Patience, run_watched

SHORT = Patience(silence_s=1.0, ending_s=1.0)


class StopError(Exception):
    """Somebody has had enough."""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_gone(pidfd: int, timeout_s: float = 20) -> bool:
    """Tell whether a process has ended; a pidfd becomes readable then."""
    return bool(select.select([pidfd], [], [], timeout_s)[0])


def test_both_outputs_are_heard_line_by_line() -> None:
    heard: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"

    ended = run_watched(python(code), on_line=heard.append)

    assert (ended.code, sorted(heard)) == (0, ["one", "two"])


def test_its_words_are_in_english_whatever_the_account_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    code = "import os; print(os.environ.get('LC_ALL'), os.environ.get('LANGUAGE'))"

    assert run_watched(python(code)).lines == ["C None"]


def test_what_it_is_fed_arrives_in_order() -> None:
    code = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    chunks = [bytes([number]) * 70_000 for number in range(50)]

    ended = run_watched(python(code), source=iter(chunks))

    import hashlib  # noqa: PLC0415 - the answer, and nothing else here needs it

    assert ended.lines == [hashlib.sha256(b"".join(chunks)).hexdigest()]
    assert ended.fed_bytes == 3_500_000


def test_a_program_that_stops_listening_is_no_error_of_the_source() -> None:
    def source() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    ended = run_watched(python("print('enough')"), source=source())

    assert (ended.code, ended.source_fault) == (0, None)


def test_a_source_that_fails_is_told() -> None:
    def source() -> Iterator[bytes]:
        yield b"half"
        raise OSError(5, "Input/output error")

    ended = run_watched(python("import sys; sys.stdin.read(); sys.exit(3)"), source=source())

    assert isinstance(ended.source_fault, OSError)
    assert ended.code == 3


def test_whoever_says_nothing_for_too_long_is_ended() -> None:
    ended = run_watched(
        python("import signal; print('begun', flush=True); signal.pause()"), patience=SHORT
    )

    assert ended.silent
    assert ended.code == -signal.SIGTERM


def test_whoever_counts_on_the_same_spot_is_silent() -> None:
    code = "import time\nwhile True: print('0 of 9', flush=True); time.sleep(0.01)"

    assert run_watched(python(code), is_alive=lambda _: False, patience=SHORT).silent


def test_who_does_not_end_when_asked_to_is_ended_by_force() -> None:
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\nwhile True: signal.pause()"
    )

    ended = run_watched(python(code), patience=SHORT)

    assert ended.code == -signal.SIGKILL


def test_it_may_put_itself_in_order_before_it_ends() -> None:
    code = (
        "import signal, sys\n"
        "def bye(*_): print('drive released', flush=True); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, bye); print('writing', flush=True)\n"
        "while True: signal.pause()"
    )
    said: list[str] = []

    def stop_once_it_writes(line: str) -> None:
        said.append(line)
        raise StopError

    with pytest.raises(StopError):
        run_watched(python(code), on_line=stop_once_it_writes)


def test_a_program_that_waits_for_more_ends_when_it_is_stopped() -> None:
    """xorriso hears a signal only between two reads of its source."""
    code = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: None)\n"
        "print('reading', flush=True)\nsys.stdin.buffer.read()\nsys.exit(7)"
    )

    def source() -> Iterator[bytes]:
        while True:
            yield bytes(1000)

    def stop(line: str) -> None:
        raise StopError

    with pytest.raises(StopError):
        run_watched(python(code), source=source(), on_line=stop)


def test_what_it_started_itself_goes_with_it(tmp_path: Path) -> None:
    told = tmp_path / "child"
    code = (
        "import subprocess, sys, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"open({str(told)!r}, 'w').write(str(child.pid)); print('up', flush=True); signal.pause()"
    )
    handles: list[int] = []

    def stop(line: str) -> None:
        handles.append(os.pidfd_open(int(told.read_text())))
        raise StopError

    with pytest.raises(StopError):
        run_watched(python(code), on_line=stop)

    assert is_gone(handles[0])
    os.close(handles[0])


def test_a_killed_station_leaves_no_program_at_the_drive() -> None:
    """After a `kill -9` of ours nobody feeds it any more, and nobody would read back."""
    inner = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    outer = (
        "import sys\nfrom mediastation.burn.process import run_watched\n"
        f"run_watched([sys.executable, '-c', {inner!r}],"
        " on_line=lambda line: print(line, flush=True))"
    )
    station = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True)
    try:
        assert station.stdout is not None
        handle = os.pidfd_open(int(station.stdout.readline()))
        station.kill()
        station.wait(20)
        assert is_gone(handle)
        os.close(handle)
    finally:
        station.kill()
        station.wait()
        if station.stdout is not None:
            station.stdout.close()


def test_a_line_without_an_end_is_cut() -> None:
    code = "import sys; sys.stdout.write('x' * 1_000_000)"

    ended = run_watched(python(code))

    assert max(map(len, ended.lines)) <= 4096
