"""What reaches a terminal or a program, whatever strangers put into names."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from mediastation.cli import output
from mediastation.cli.app import run
from mediastation.cli.log_lines import HarmlessFormatter
from mediastation.cli.output import Words, print_error, print_findings, print_json, print_table, say
from mediastation.errors import RefusedError
from mediastation.model.finding import error
from mediastation.reading.findings import FindingLog
from tests.support.objects import write_ct

EVIL = "Doe\x1b[2J^Jane\x07\x9b31m\u202egnp.\x1b]0;title\x07"
STEERING = set("\x1b\x07\x9b\u202e")


def test_nothing_from_outside_steers_the_terminal(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    words = Words(tmp_path)  # type: ignore[arg-type]
    finding = error("rule", EVIL, EVIL, EVIL)
    print_findings(words, [finding])
    print_error(words, RefusedError(EVIL, [finding], EVIL))
    print_table([{"name": EVIL, "several": [EVIL]}], {"name": "Name", "several": "Several"})
    say(EVIL)

    told = "".join(capsys.readouterr())
    assert told.count("Doe") == 11
    assert not STEERING & set(told)


def test_a_path_that_is_no_text_can_be_printed_for_people_and_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = os.fsdecode(b"/out/\xff.iso")
    strict = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", write_through=True)
    monkeypatch.setattr(output.sys, "stdout", strict)

    print_json({"path": path})
    assert json.loads(strict.buffer.getvalue()) == {"path": path}  # type: ignore[attr-defined]
    say(path)


def test_a_name_of_several_lines_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a.iso\nb.iso: verified")

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_a_peer_sends_steers_no_log() -> None:
    record = logging.LogRecord("scp", logging.INFO, "", 0, "%s: added", (EVIL + "\nforged",), None)

    told = HarmlessFormatter("%(message)s").format(record)

    assert not STEERING & set(told)
    assert len(told.splitlines()) == 1


def test_a_fault_while_serving_is_one_line_of_the_log() -> None:
    try:
        raise ZeroDivisionError("seven by nothing")
    except ZeroDivisionError:
        record = logging.LogRecord("scp", logging.ERROR, "", 0, "no", (), sys.exc_info())

    told = HarmlessFormatter("%(message)s").format(record)

    assert len(told.splitlines()) == 1
    assert "seven by nothing" in told
    assert "Traceback" not in told


def test_every_person_is_shown_however_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [error("several-patients", f"patient:{number}", "is one") for number in range(30)]
    print_findings(Words(tmp_path), findings)
    assert capsys.readouterr().err.count("patient:") == 30


def test_what_a_log_only_counted_counts_in_the_number_of_the_rest(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    log = FindingLog(limit=10)
    log.extend(error("missing-file", f"I{number}", "it is not there") for number in range(407))

    print_findings(Words(tmp_path), list(log))  # type: ignore[arg-type]

    assert "and 402 more of missing-file" in capsys.readouterr().err


RUN = "import sys; from mediastation.cli.app import run; sys.exit(run(sys.argv[1:]))"


def started(
    words: str, streams: str, home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with its streams redirected by a shell."""
    command = f'exec "$0" -c "$1" {words} --home "$2" {streams}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable, RUN, str(home)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("station")
    write_ct(folder / "in" / "image", PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 192")
    assert run(["add", str(folder / "in"), "--home", str(folder / "home"), "--quiet"]) == 0
    return folder / "home"


@pytest.mark.parametrize("words", ["list", "list --json"])
def test_a_closed_standard_output_ends_nothing(home: Path, words: str) -> None:
    ended = started(words, ">&-", home)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", ["list", "list --json"])
def test_a_full_standard_output_is_told_in_one_line(home: Path, words: str) -> None:
    ended = started(words, ">/dev/full", home)
    assert ended.returncode == 3
    assert ended.stderr.startswith("error: The result cannot be written")
    assert "Traceback" not in ended.stderr


def test_a_closed_standard_error_leaves_the_exit_code(home: Path) -> None:
    assert started("add /nowhere", "2>&-", home).returncode == 2


def test_who_stops_reading_changes_no_exit_code(home: Path, tmp_path: Path) -> None:
    """The pipe's reader has gone before anything is written."""
    (tmp_path / "letter.dcm").write_text("Dear colleague" * 100)
    reader, writer = os.pipe()
    os.close(reader)
    words = ["add", str(tmp_path / "letter.dcm"), "--json", "--home", str(home)]
    with os.fdopen(writer, "w") as gone:
        ended = subprocess.run(
            [sys.executable, "-c", RUN, *words],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "Broken pipe" not in ended.stderr


@pytest.mark.parametrize("words", ["list patients", "list patients --json"])
def test_a_stream_that_is_not_unicode_gets_what_it_can_hold(home: Path, words: str) -> None:
    ended = started(words, "", home, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    if words.endswith("--json"):
        assert json.loads(ended.stdout)["rows"][0]["patient_name"] == "Müller^Jörg"
    else:
        assert "M\\xfcller^J\\xf6rg" in ended.stdout


def test_bars_on_80_columns_cut_neither_the_steps_nor_the_proof(tmp_path: Path) -> None:
    write_ct(tmp_path / "in" / "a")
    screen, terminal = os.openpty()
    words = ["--home", str(tmp_path / "home"), "export", str(tmp_path / "in"),
             "--profile", "STD-GEN-CD", "--output", str(tmp_path / "o.iso")]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "mediastation", *words],
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env=os.environ | {"COLUMNS": "80", "TERM": "xterm"},
    ) as done:
        os.close(terminal)
        shown = b""
        # Reading fails, on Linux, when the last writer has gone.
        with suppress(OSError):
            while piece := os.read(screen, 65536):
                shown += piece
        os.close(screen)
    told = shown.decode()

    assert done.returncode == 0
    for step in ("collect", "check", "file-set", "image", "verify"):
        assert f"{step} " in told
    assert "every link between it and the files agree." in told
