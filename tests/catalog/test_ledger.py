"""The ledger: what is recorded stays, and whatever is done to it afterwards shows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.catalog import ledger_file
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.ledger import Ledger
from mediastation.catalog.ledger_check import mend_ledger, verify_ledger
from mediastation.errors import MediaError
from mediastation.model.ledger import (
    LedgerEntry,
    LedgerEvent,
    LedgerHead,
    key_name,
    sealed_line,
)
from tests.support.ledgers import draft, fill, lines_of, report_of, unguarded, write_lines

ENTRIES = 6
READ = {
    "body": "SELECT CAST(body AS BLOB) FROM ledger WHERE position=?",
    "mac": "SELECT CAST(mac AS BLOB) FROM ledger WHERE position=?",
}
WRITE = {
    "body": "UPDATE ledger SET body=CAST(? AS TEXT) WHERE position=?",
    "mac": "UPDATE ledger SET mac=CAST(? AS TEXT) WHERE position=?",
}
EMPTY = b'{"mac":"' + b"0" * 64 + b'","entry":{'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("ledger") / "home"
    fill(home, ENTRIES)
    return home


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    """A ledger that every check accepts; each test spoils one thing."""
    return copy_of(whole, tmp_path / "home")


def copy_of(whole: Path, home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    return shutil.copytree(whole, home)


def rules(home: Path) -> set[str]:
    return {finding.rule for finding in report_of(home).findings}


class TestAppending:
    def test_a_whole_ledger_is_proved_and_its_head_is_that_of_the_last_line(
        self, home: Path
    ) -> None:
        report = report_of(home)

        assert report.ok
        assert report.findings == []
        assert report.entries == ENTRIES
        last = lines_of(home)[-1].removesuffix(b"\n")
        assert report.head == LedgerHead(ENTRIES, hashlib.sha256(last).hexdigest())

    def test_an_empty_ledger_is_proved(self, tmp_path: Path) -> None:
        report = report_of(tmp_path / "home")

        assert report.ok
        assert (report.entries, str(report.head)) == (0, "0:" + "0" * 64)

    def test_appending_gives_the_head_that_verification_finds(self, home: Path) -> None:
        with Catalog(home) as catalog:
            log = Ledger(catalog)
            (written,), head = log.append(draft(99))
            assert log.head() == head
            assert verify_ledger(log).head == head

        assert written.number == head.count == ENTRIES + 1
        assert written.before == hashlib.sha256(lines_of(home)[-2][:-1]).hexdigest()

    def test_what_was_recorded_is_read_back_in_either_direction(self, home: Path) -> None:
        with Catalog(home) as catalog:
            forth = list(Ledger(catalog).entries())
            back = list(Ledger(catalog).entries(newest_first=True))
            late = [entry.number for entry in Ledger(catalog).entries(after=4)]

        assert [entry.job for entry in forth] == list(range(ENTRIES))
        assert back == forth[::-1]
        assert late == [5, 6]
        assert forth[0].facts["patients"] == [{"name": "Müller^Änne"}]

    def test_a_line_is_json_and_its_code_is_hmac_over_the_entry_as_it_stands(
        self, home: Path
    ) -> None:
        """So that the file can be checked without this program."""
        key = (home / "ledger.key").read_bytes()
        before = "0" * 64
        for raw in lines_of(home):
            line = raw.decode().removesuffix("\n")
            body = line[len('{"mac":"","entry":') + 64 : -1]
            mac = subprocess.run(
                ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}"],
                input=body.encode(), capture_output=True, check=True,
            ).stdout.split()[-1].decode()  # fmt: skip
            whole = json.loads(line)
            assert whole["mac"] == mac
            assert whole["entry"]["before"] == before
            before = hashlib.sha256(line.encode()).hexdigest()

    def test_key_and_file_are_their_owners_alone_and_the_key_is_in_neither_copy(
        self, home: Path
    ) -> None:
        key = (home / "ledger.key").read_bytes()

        assert len(key) == 32
        for name in ("ledger.key", "ledger.jsonl"):
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
        for name in ("ledger.jsonl", "catalog.sqlite"):
            content = (home / name).read_bytes()
            assert key not in content
            assert key.hex().encode() not in content

    @pytest.mark.parametrize("text", ["\udcff.iso", 'a"b\\', "line\nbreak\u2028", "\0", "𝄞"])
    def test_any_text_can_be_recorded(self, home: Path, text: str) -> None:
        with Catalog(home) as catalog:
            Ledger(catalog).append(draft(1, text))

        assert report_of(home).ok
        with Catalog(home) as catalog:
            last = next(Ledger(catalog).entries(newest_first=True))
        assert last.facts["patients"][0]["name"] in {text, r"\xff.iso"}

    def test_several_processes_append_at_once_without_forking_the_chain(self, home: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from tests.support.ledgers import fill; "
            "print('ready', flush=True); sys.stdin.readline(); "
            f"fill(Path({str(home)!r}), 15)"
        )
        started = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                cwd=Path(__file__).parents[2],
            )
            for _ in range(4)
        ]  # fmt: skip
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        for process in started:
            process.communicate("go\n", timeout=60)
            assert process.returncode == 0

        report = report_of(home)
        assert report.ok
        assert report.entries == ENTRIES + 60


class TestSpoiling:
    """Whatever is done to either copy is found."""

    @settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture],
              deadline=None)  # fmt: skip
    @given(st.data())
    def test_one_changed_byte_anywhere_in_the_file(
        self, whole: Path, tmp_path: Path, data: st.DataObject
    ) -> None:
        home = copy_of(whole, tmp_path / "home")
        spoiled = bytearray((home / "ledger.jsonl").read_bytes())
        place = data.draw(st.integers(0, len(spoiled) - 1))
        spoiled[place] ^= data.draw(st.integers(1, 255))
        (home / "ledger.jsonl").write_bytes(spoiled)

        assert not report_of(home).ok

    @settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture],
              deadline=None)  # fmt: skip
    @given(st.data())
    def test_one_changed_byte_in_any_row(
        self, whole: Path, tmp_path: Path, data: st.DataObject
    ) -> None:
        home = copy_of(whole, tmp_path / "home")
        row = data.draw(st.integers(1, ENTRIES))
        column = data.draw(st.sampled_from(["body", "mac"]))
        with unguarded(home) as connection:
            found = connection.execute(READ[column], [row]).fetchone()
            spoiled = bytearray(found[0])
            place = data.draw(st.integers(0, len(spoiled) - 1))
            spoiled[place] ^= data.draw(st.integers(1, 255))
            connection.execute(WRITE[column], [bytes(spoiled), row])

        assert not report_of(home).ok

    @pytest.mark.parametrize("gone", range(ENTRIES))
    def test_a_line_taken_out_of_the_file(self, home: Path, gone: int) -> None:
        lines = lines_of(home)
        del lines[gone]
        write_lines(home, lines)

        report = report_of(home)

        assert not report.ok
        assert f"entry {gone + 1}" in {finding.subject for finding in report.findings}

    @pytest.mark.parametrize("gone", range(1, ENTRIES))
    def test_a_row_taken_out_of_the_table(self, home: Path, gone: int) -> None:
        with unguarded(home) as connection:
            connection.execute("DELETE FROM ledger WHERE position=?", [gone])

        subjects = {finding.subject for finding in report_of(home).findings}

        assert f"entry {gone} (table)" in subjects

    def test_a_row_taken_out_of_both(self, home: Path) -> None:
        with unguarded(home) as connection:
            connection.execute("DELETE FROM ledger WHERE position=3")
            connection.execute("UPDATE ledger SET position=position-1 WHERE position>3")
        lines = lines_of(home)
        del lines[2]
        write_lines(home, lines)

        assert {"ledger-missing", "ledger-order"} <= rules(home)

    @pytest.mark.parametrize("first", range(ENTRIES - 1))
    def test_two_lines_exchanged(self, home: Path, first: int) -> None:
        lines = lines_of(home)
        lines[first : first + 2] = lines[first : first + 2][::-1]
        write_lines(home, lines)

        assert not report_of(home).ok

    def test_two_rows_exchanged(self, home: Path) -> None:
        with unguarded(home) as connection:
            connection.execute("UPDATE ledger SET position=99 WHERE position=2")
            connection.execute("UPDATE ledger SET position=2 WHERE position=3")
            connection.execute("UPDATE ledger SET position=3 WHERE position=99")

        assert "ledger-order" in rules(home)

    def test_a_line_written_twice(self, home: Path) -> None:
        lines = lines_of(home)
        write_lines(home, [*lines, lines[2]])

        assert "ledger-order" in rules(home)

    @pytest.mark.parametrize("left", range(ENTRIES))
    def test_a_cut_tail_of_the_file_shows_against_the_table(self, home: Path, left: int) -> None:
        write_lines(home, lines_of(home)[:left])

        report = report_of(home)

        assert not report.ok
        assert report.entries == ENTRIES

    def test_looking_at_what_was_spoiled_changes_nothing(self, home: Path) -> None:
        """A line that the table has is no half of one, whatever happened to its end."""
        spoiled = (home / "ledger.jsonl").read_bytes()[:-1] + b" "
        (home / "ledger.jsonl").write_bytes(spoiled)

        assert not report_of(home).ok
        assert (home / "ledger.jsonl").read_bytes() == spoiled
        fill(home, 1)
        assert (home / "ledger.jsonl").read_bytes().startswith(spoiled + b"\n")
        with Catalog(home) as catalog:
            events = [entry.event for entry in Ledger(catalog).entries(after=ENTRIES)]
        assert events == [LedgerEvent.ALERT, LedgerEvent.MADE]

    @given(cut=st.integers(1, 400))
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture],
              deadline=None)  # fmt: skip
    def test_a_file_cut_at_any_byte_shows(self, whole: Path, tmp_path: Path, cut: int) -> None:
        home = copy_of(whole, tmp_path / "home")
        os.truncate(home / "ledger.jsonl", (home / "ledger.jsonl").stat().st_size - cut)

        assert not report_of(home).ok

    def test_a_cut_tail_of_the_table_is_filled_from_the_file_and_told(self, home: Path) -> None:
        with unguarded(home) as connection:
            connection.execute("DELETE FROM ledger WHERE position>3")

        report = report_of(home)

        assert [finding.rule for finding in report.findings] == ["ledger-filled"]
        assert report.findings[0].severity == "warning"
        assert report_of(home).findings == []

    def test_a_tail_cut_off_both_shows_against_a_printed_head(self, home: Path) -> None:
        with Catalog(home) as catalog:
            printed = Ledger(catalog).head()
        write_lines(home, lines_of(home)[:4])
        with unguarded(home) as connection:
            connection.execute("DELETE FROM ledger WHERE position>4")

        with Catalog(home) as catalog:
            report = verify_ledger(Ledger(catalog), printed)

        assert [finding.rule for finding in report.findings] == ["ledger-head"]

    def test_a_history_written_anew_by_somebody_with_the_key_shows_against_a_printed_head(
        self, home: Path
    ) -> None:
        with Catalog(home) as catalog:
            printed = LedgerHead.parse(Ledger(catalog).head().short)
        key = (home / "ledger.key").read_bytes()
        for name in ("ledger.jsonl", "catalog.sqlite"):
            (home / name).unlink()
        fill(home, ENTRIES - 1)
        with Catalog(home) as catalog:
            Ledger(catalog).append(draft(4711))
            report = verify_ledger(Ledger(catalog), printed)

        assert (home / "ledger.key").read_bytes() == key
        assert [finding.rule for finding in report.findings] == ["ledger-head"]

    def test_an_entry_by_somebody_without_the_key(self, home: Path) -> None:
        with Catalog(home) as catalog:
            head = Ledger(catalog).head()
        own = bytes(32)
        forged = replace(draft(), number=ENTRIES + 1, key=key_name(own), before=head.sha256)
        with (home / "ledger.jsonl").open("a") as file:
            file.write(sealed_line(forged.body(), own) + "\n")

        report = report_of(home)

        assert {finding.rule for finding in report.findings} >= {"ledger-key"}
        assert not report.ok

    def test_two_histories_of_one_key_in_two_copies(self, whole: Path, tmp_path: Path) -> None:
        """A home that was restored and went on, then got the other's index."""
        one, other = copy_of(whole, tmp_path / "one"), copy_of(whole, tmp_path / "other")
        fill(one, 1)
        with Catalog(other) as catalog:
            Ledger(catalog).append(draft(4711))
        shutil.copy(other / "ledger.jsonl", one / "ledger.jsonl")

        assert "ledger-copies-differ" in rules(one)

    def test_what_is_wrong_with_one_entry_is_not_blamed_on_the_next(self, home: Path) -> None:
        lines = lines_of(home)
        lines[2] = lines[2].replace(b"/out/2.iso", b"/out/7.iso")
        write_lines(home, lines)

        (finding,) = report_of(home).findings

        assert (finding.rule, finding.subject) == ("ledger-changed", "entry 3 (file)")

    def test_a_thousand_faults_are_counted_not_listed(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.catalog.ledger_check._MOST_FINDINGS", 3)
        write_lines(home, [b"x\n"] * 20)

        report = report_of(home)

        assert len(report.findings) == 4
        assert report.findings[-1].rule == "ledger-more"

    @pytest.mark.parametrize(
        "line",
        [
            b"\n",
            b"{}\n",
            b"\xff\xfe\n",
            EMPTY + b"}}\n",
            EMPTY + b'"a":[' * 20000 + b"}}\n",
            EMPTY + b'"number":' + b"9" * 5000 + b"}}\n",
            b"[" * 70000 + b"\n",
        ],
    )
    def test_a_line_of_anything(self, home: Path, line: bytes) -> None:
        lines = lines_of(home)
        write_lines(home, [*lines[:2], line, *lines[3:]])

        assert "ledger-unreadable" in rules(home)

    def test_a_line_without_end_is_not_taken_into_memory(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledger_file, "MOST_LINE_BYTES", 1000)
        lines = lines_of(home)
        write_lines(home, [*lines[:2], b"x" * 100_000 + b"\n", *lines[3:]])

        assert [finding.rule for finding in report_of(home).findings] == ["ledger-unreadable"]


class TestHead:
    @pytest.mark.parametrize("number", range(1, ENTRIES + 1))
    def test_every_printed_head_is_found_where_it_was_printed(
        self, home: Path, number: int
    ) -> None:
        digest = hashlib.sha256(lines_of(home)[number - 1][:-1]).hexdigest()
        grouped = " ".join(digest[at : at + 4].upper() for at in range(0, 16, 4))
        for text in (f"{number}:{digest}", digest, digest[:16], grouped, f"{number}:{grouped}"):
            with Catalog(home) as catalog:
                report = verify_ledger(Ledger(catalog), LedgerHead.parse(text))
            assert (report.ok, report.found_at) == (True, number)

    def test_a_head_under_another_number_is_told(self, home: Path) -> None:
        digest = hashlib.sha256(lines_of(home)[2][:-1]).hexdigest()
        with Catalog(home) as catalog:
            report = verify_ledger(Ledger(catalog), LedgerHead(4, digest))

        assert report.found_at == 3
        assert not report.ok

    @pytest.mark.parametrize(
        "text", ["", "17", "17:", "17:abc", "x" * 64, "0" * 65, "-1:" + "0" * 64]
    )
    def test_what_is_no_head_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="head"):
            LedgerHead.parse(text)


class TestKey:
    def test_a_lost_key_is_no_tampering(self, home: Path) -> None:
        (home / "ledger.key").unlink()

        report = report_of(home)

        assert {finding.rule for finding in report.findings} == {"ledger-key"}
        assert not report.ok
        assert not (home / "ledger.key").exists()

    def test_without_the_key_a_printed_head_still_proves_what_was_before_it(
        self, home: Path
    ) -> None:
        with Catalog(home) as catalog:
            head = Ledger(catalog).head()
        (home / "ledger.key").unlink()
        lines = lines_of(home)
        write_lines(home, [lines[0].replace(b"0.iso", b"7.iso"), *lines[1:]])

        with Catalog(home) as catalog:
            report = verify_ledger(Ledger(catalog), head)

        assert "ledger-forked" in {finding.rule for finding in report.findings}

    def test_an_exchanged_key_is_told_as_such(self, home: Path) -> None:
        (home / "ledger.key").write_bytes(os.urandom(32))

        report = report_of(home)

        assert {finding.rule for finding in report.findings} == {"ledger-key"}

    def test_the_ledger_goes_on_under_a_new_key_and_says_so(self, home: Path) -> None:
        old = (home / "ledger.key").read_bytes()
        (home / "ledger.key").unlink()

        with Catalog(home) as catalog:
            written, _ = Ledger(catalog).append(draft(7))

        assert [entry.event for entry in written] == [LedgerEvent.ALERT, LedgerEvent.MADE]
        assert "key" in written[0].facts["findings"][0]["message"]
        assert not report_of(home).ok
        (home / "ledger.old.key").write_bytes(old)
        (home / "ledger.old.key").chmod(0o600)
        assert report_of(home).ok

    @pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
    def test_nothing_is_written_under_a_file_that_is_no_key(
        self, home: Path, content: bytes
    ) -> None:
        (home / "ledger.key").write_bytes(content)
        before = lines_of(home)

        with Catalog(home) as catalog, pytest.raises(MediaError, match="no key"):
            Ledger(catalog).append(draft())

        assert lines_of(home) == before
        assert "ledger-key" in rules(home)

    def test_a_key_that_others_can_read_is_told(self, home: Path) -> None:
        (home / "ledger.key").chmod(0o644)

        report = report_of(home)

        assert report.ok
        assert [finding.rule for finding in report.findings] == ["ledger-key"]


class TestInterruptions:
    """Wherever a process is killed, what is recorded afterwards is true."""

    @pytest.mark.parametrize("cut", [1, 2, 40, 200])
    def test_half_a_line_was_never_recorded(self, home: Path, cut: int) -> None:
        kept = lines_of(home)
        with (home / "ledger.jsonl").open("ab") as file:
            file.write(kept[-1][:-1][:cut])

        assert report_of(home).findings == []
        assert lines_of(home) == kept

    def test_a_line_without_its_row_is_filled_in(self, home: Path) -> None:
        with unguarded(home) as connection:
            connection.execute("DELETE FROM ledger WHERE position=?", [ENTRIES])

        with Catalog(home) as catalog:
            written, head = Ledger(catalog).append(draft(7))
            numbers = [entry.number for entry in Ledger(catalog).entries()]

        assert [entry.event for entry in written] == [LedgerEvent.MADE]
        assert head.count == ENTRIES + 1
        assert numbers == list(range(1, ENTRIES + 2))
        assert report_of(home).findings == []

    @pytest.mark.parametrize("place", ["after the line", "before the line", "after the key"])
    def test_a_process_killed_on_its_way(self, tmp_path: Path, place: str) -> None:
        home = tmp_path / "home"
        if place != "after the key":
            fill(home, 2)
        spoil = {
            "after the line": "ledger.insert_lines",
            "before the line": "ledger.LedgerFile.append",
            "after the key": "ledger.LedgerFile.append",
        }[place]
        module, _, attribute = f"mediastation.catalog.{spoil}".replace(
            "ledger.Ledger", "ledger_file.Ledger"
        ).rpartition(".")
        owner = module.rpartition(".")
        holder = f"{owner[0]}.{owner[2]}" if owner[2] == "LedgerFile" else module
        program = (
            "import os, signal\n"
            "from pathlib import Path\n"
            "import mediastation.catalog.ledger, mediastation.catalog.ledger_file\n"
            "from tests.support.ledgers import fill\n"
            "def die(*_):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
            f"setattr({holder}, {attribute!r}, die)\n"
            f"fill(Path({str(home)!r}), 1)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False,
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == -9, done.stderr.decode()

        report = report_of(home)

        assert report.ok
        expected = {"after the line": 3, "before the line": 2, "after the key": 0}
        assert report.entries == expected[place]
        fill(home, 1)
        assert report_of(home).findings == []

    def test_a_full_disk_leaves_the_file_as_it_was(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = lines_of(home)
        write = os.write

        def half(descriptor: int, data: memoryview) -> int:
            if len(data) < 100:
                raise OSError(28, "No space left on device")
            return write(descriptor, data[: len(data) // 2])

        monkeypatch.setattr("mediastation.catalog.ledger_file.os.write", half)
        with Catalog(home) as catalog, pytest.raises(MediaError, match="full"):
            Ledger(catalog).append(draft())
        monkeypatch.undo()

        assert lines_of(home) == before
        assert report_of(home).findings == []

    def test_a_row_that_is_refused_takes_its_line_along(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who was told that nothing is recorded can rely on it."""
        before = lines_of(home)

        def refuse(*_: object) -> None:
            raise MediaError("The disk is full.")

        monkeypatch.setattr("mediastation.catalog.ledger.insert_lines", refuse)
        with Catalog(home) as catalog, pytest.raises(MediaError):
            Ledger(catalog).append(draft())
        monkeypatch.undo()

        assert lines_of(home) == before
        assert report_of(home).findings == []

    @pytest.mark.parametrize("index", ["lost", "set back"])
    def test_an_index_that_is_gone_is_filled_from_the_file(
        self, home: Path, tmp_path: Path, index: str
    ) -> None:
        if index == "lost":
            for path in home.glob("catalog.sqlite*"):
                path.unlink()
        else:
            shutil.copy(home / "catalog.sqlite", tmp_path / "old")
            fill(home, 3)
            for path in home.glob("catalog.sqlite*"):
                path.unlink()
            shutil.copy(tmp_path / "old", home / "catalog.sqlite")

        with Catalog(home) as catalog:
            written, _ = Ledger(catalog).append(draft(7))
            found = list(Ledger(catalog).entries())

        assert written[0].event is LedgerEvent.ALERT
        assert [entry.number for entry in found] == list(range(1, len(found) + 1))
        assert len(found) == (ENTRIES + 2 if index == "lost" else ENTRIES + 5)
        assert report_of(home).findings == []

    def test_a_lost_index_and_a_spoiled_line_leave_everything_else(self, home: Path) -> None:
        for path in home.glob("catalog.sqlite*"):
            path.unlink()
        lines = lines_of(home)
        write_lines(home, [*lines[:2], b"gone\n", *lines[3:]])

        with Catalog(home) as catalog:
            _, head = Ledger(catalog).append(draft(7))
            numbers = [entry.number for entry in Ledger(catalog).entries()]

        assert head.count == ENTRIES + 2
        assert numbers == [1, 2, 4, 5, 6, 7, 8]
        assert not report_of(home).ok


class TestMending:
    def mended(self, home: Path) -> list[str]:
        with Catalog(home) as catalog:
            return [finding.rule for finding in mend_ledger(Ledger(catalog))]

    def test_whole_copies_stay_as_they_are(self, home: Path) -> None:
        assert self.mended(home) == []

    def test_a_spoiled_table_is_made_anew_from_the_file(self, home: Path) -> None:
        with unguarded(home) as connection:
            connection.execute("UPDATE ledger SET body='{}' WHERE position=3")
            connection.execute("DELETE FROM ledger WHERE position=5")

        assert self.mended(home)[-1] == "ledger-mended"
        assert report_of(home).findings == []
        fill(home, 1)
        assert report_of(home).findings == []

    @pytest.mark.parametrize("fault", ["changed", "cut", "gone"])
    def test_a_spoiled_file_is_made_anew_from_the_table_and_set_aside(
        self, home: Path, fault: str
    ) -> None:
        lines = lines_of(home)
        spoiled: dict[str, Callable[[], object]] = {
            "changed": lambda: write_lines(home, [lines[0].replace(b"iso", b"img"), *lines[1:]]),
            "cut": lambda: write_lines(home, lines[:3]),
            "gone": (home / "ledger.jsonl").unlink,
        }
        spoiled[fault]()
        found = b"" if fault == "gone" else (home / "ledger.jsonl").read_bytes()

        assert self.mended(home)[-1] == "ledger-mended"

        assert lines_of(home) == lines
        assert report_of(home).findings == []
        aside = home / "ledger.jsonl.damaged-1"
        assert aside.exists() == (fault != "gone")
        assert not found or aside.read_bytes() == found

    def test_where_neither_copy_is_proved_both_stay(self, home: Path) -> None:
        lines = lines_of(home)
        write_lines(home, [b"x\n", *lines[1:]])
        with unguarded(home) as connection:
            connection.execute("UPDATE ledger SET mac='00' WHERE position=4")

        assert self.mended(home)[-1] == "ledger-not-mended"
        assert lines_of(home)[0] == b"x\n"

    def test_without_the_key_nothing_is_mended(self, home: Path) -> None:
        (home / "ledger.key").unlink()
        write_lines(home, lines_of(home)[:3])

        assert self.mended(home)[-1] == "ledger-not-mended"


@given(
    st.builds(
        LedgerEntry,
        number=st.integers(1, 2**53),
        at=st.text(max_size=30),
        event=st.sampled_from(LedgerEvent),
        operator=st.text(max_size=20),
        job=st.none() | st.integers(0, 2**53),
        station=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        facts=st.dictionaries(
            st.text(max_size=5), st.recursive(st.text(max_size=9) | st.integers(), st.lists)
        ),
    )
)
def test_an_entry_has_one_spelling_and_is_read_back_from_it(entry: LedgerEntry) -> None:
    body = entry.body()

    assert "\n" not in body
    assert LedgerEntry.from_body(body).body() == body
