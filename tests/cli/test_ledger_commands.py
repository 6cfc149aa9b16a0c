"""The commands audit and reprint: words, exit codes, JSON keys, and what an operator reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mediastation.cli.app import run
from mediastation.station.recording.ledger import record_made, record_withdrawn
from mediastation.station.station import Station
from tests.station.recording.test_audit_messages import MEDIUM
from tests.support.commands import Ask
from tests.support.ledgers import lines_of, unguarded, write_lines
from tests.support.objects import write_series

Read = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three entries: a medium, its withdrawal, another medium."""
    with Station(tmp_path / "home") as station:
        job = station.job("export", {})
        with job:
            head = record_made(station, job.id, MEDIUM)
            record_withdrawn(station, job.id, head, "the disk is full")
            record_made(station, job.id, MEDIUM)
    return tmp_path / "home"


@pytest.fixture
def read(home: Path, capsys: pytest.CaptureFixture[str]) -> Read:
    def run_plain(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*map(str, words), "--home", str(home)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run_plain


class TestAudit:
    def test_events_are_listed_oldest_first(self, ask: Ask) -> None:
        code, told = ask("audit")

        assert code == 0
        assert set(told) == {"events", "ok"}
        assert told["ok"] is None
        assert [event["event"] for event in told["events"]] == ["made", "withdrawn", "made"]
        assert [event["number"] for event in told["events"]] == [1, 2, 3]
        assert told["events"][1]["facts"]["reason"] == "the disk is full"

    def test_a_whole_ledger_is_proved(self, ask: Ask, read: Read) -> None:
        code, told = ask("audit", "--verify")

        assert (code, told["ok"], told["entries"], told["findings"]) == (0, True, 3, [])
        assert told["head"].startswith("3:")
        code, out, _ = read("audit", "--verify")
        assert code == 0
        assert "whole: 3 entries" in out
        assert told["head"] in out

    def test_a_printed_head_is_placed(self, ask: Ask, read: Read) -> None:
        head = ask("audit", "--verify")[1]["head"]
        with_more = ask("audit", "--head", head[:20])

        assert with_more[0] == 0
        assert with_more[1]["head_found_at"] == 3
        assert "entry 3 was the last" in read("audit", "--head", head)[1]
        assert ask("audit", "--head", "0" * 64)[0] == 1

    def test_a_broken_chain_says_from_where_and_what_it_means(
        self, ask: Ask, read: Read, home: Path
    ) -> None:
        lines = lines_of(home)
        write_lines(home, [lines[0], lines[1].replace(b"full", b"fine"), lines[2]])

        code, told = ask("audit", "--verify")

        assert (code, told["ok"], told["broken_from"]) == (1, False, 2)
        assert {"rule", "severity", "subject", "message", "hint", "reference"} == set(
            told["findings"][0]
        )
        code, out, err = read("audit", "--verify")
        assert code == 1
        assert "BROKEN from entry 2" in out
        assert "copy in the index is whole" in out
        assert told["whole_copy"] == "table"
        assert "ledger-changed" in err

    def test_where_both_copies_are_spoiled_nothing_is_proved(self, read: Read, home: Path) -> None:
        lines = lines_of(home)
        write_lines(home, [lines[0].replace(b"iso", b"img"), *lines[1:]])
        with unguarded(home) as connection:
            connection.execute("UPDATE ledger SET mac='00' WHERE position=3")

        code, out, _ = read("audit", "--verify")

        assert code == 1
        assert "BROKEN from entry 1" in out
        assert "proves nothing" in out

    def test_words_of_no_entry_are_told(self, read: Read) -> None:
        code, out, _ = read("audit", "nobody", "of", "this", "name")

        assert code == 0
        assert "no entry with 'nobody of this name'" in out

    def test_a_lost_key_is_no_breach(self, read: Read, home: Path) -> None:
        (home / "ledger.key").unlink()

        code, out, err = read("audit", "--verify")

        assert code == 1
        assert "BROKEN" not in out
        assert "could not be proved" in out
        assert "backup" in err

    @pytest.mark.parametrize(
        ("words", "number"),
        [(("yamada",), 3), (("山田",), 3), (("withdrawn",), 1), (("nobody",), 0),
         (("--since", "2999-01-01"), 0), (("--since", "2000-01-01T00:00:00Z"), 3)],
    )  # fmt: skip
    def test_entries_are_searched(self, ask: Ask, words: tuple[str, ...], number: int) -> None:
        code, told = ask("audit", *words)

        assert (code, len(told["events"])) == (0, number)

    @pytest.mark.parametrize("words", [("--head", "abc"), ("--since", "yesterday")])
    def test_words_that_mean_nothing_are_usage(self, ask: Ask, words: tuple[str, ...]) -> None:
        code, told = ask("audit", *words)

        assert code == 2
        assert told["error"]

    def test_people_see_who_and_where(self, read: Read) -> None:
        _, out, _ = read("audit")

        assert "Yamada^Tarou=山田^太郎 (4711)" in out
        assert "/out/a b.iso" in out
        assert "the disk is full" in out

    def test_names_do_not_steer_the_terminal(self, read: Read, home: Path) -> None:
        with Station(home) as station:
            job = station.job("export", {})
            with job:
                head = record_made(station, job.id, MEDIUM)
                record_withdrawn(station, job.id, head, "\x1b[2J\u202e")

        out = read("audit")[1]

        assert "\x1b" not in out
        assert "\u202e" not in out

    def test_a_medium_whose_job_was_killed_is_shown_as_uncertain(
        self, read: Read, home: Path
    ) -> None:
        with Station(home) as station:
            job = station.job("export", {})
            record_made(station, job.id, MEDIUM)

        assert "still running" in read("audit")[1]

    def test_an_empty_ledger(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["audit", "--verify", "--json", "--home", str(tmp_path / "new")]) == 0
        assert json.loads(capsys.readouterr().out)["ok"] is True


class TestReprint:
    def test_the_same_image_again(self, ask: Ask, tmp_path: Path) -> None:
        write_series(tmp_path / "in", 2)
        image = tmp_path / "one.iso"
        code, first = ask("export", tmp_path / "in", "--profile", "STD-GEN-CD", "--output", image)
        assert code == 0

        code, again = ask(
            "reprint", first["job"], "--output", tmp_path / "two.iso", "--reason", "lost"
        )

        assert code == 0
        assert set(again) == set(first)
        assert again["volumes"][0]["sha256"] == first["volumes"][0]["sha256"]
        assert (tmp_path / "two.iso").read_bytes() == image.read_bytes()
        assert ask("audit", "--verify")[1]["ok"] is True
        assert ask("audit")[1]["events"][-1]["facts"]["disclosure"]["reason"] == "lost"

    def test_the_reason_why_not(self, ask: Ask, read: Read, tmp_path: Path) -> None:
        write_series(tmp_path / "in", 2)
        words = ("--profile", "STD-GEN-CD", "--output", tmp_path / "one.iso")
        _, first = ask("export", tmp_path / "in", *words)
        ask("forget", "instance:1.2.3.1.1")

        code, told = ask("reprint", first["job"], "--output", tmp_path / "two.iso")

        assert code == 1
        assert [finding["rule"] for finding in told["findings"]] == ["reprint-forgotten"]
        assert told["volumes"] == []
        assert not (tmp_path / "two.iso").exists()
        assert (
            "reprint-forgotten"
            in read("reprint", first["job"], "--output", tmp_path / "two.iso")[2]
        )

    def test_no_such_job(self, ask: Ask, tmp_path: Path) -> None:
        assert ask("reprint", "99", "--output", tmp_path / "two.iso")[0] == 2
