"""import: words in, exit codes and promised keys out."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from mediastation.station.intake import import_medium as module
from tests.support.commands import Ask, Say
from tests.support.pacs import archive, write_peer

# The keys that DESIGN.md promises; more may be there.
PROMISED = {"job", "found", "imported", "duplicates", "refused", "repaired", "patients", "findings"}
FINDING = {"rule", "severity", "subject", "message", "hint", "reference"}


class TestImport:
    def test_the_promised_keys_are_there_and_count(self, ask: Ask, stick: Path) -> None:
        code, told = ask("import", stick)

        assert code == 0
        assert set(told) >= PROMISED
        assert [told[key] for key in ("found", "imported", "duplicates", "refused")] == [3, 3, 0, 0]
        assert all(set(finding) == FINDING for finding in told["findings"])
        (patient,) = told["patients"]
        assert patient["patient_id"] == "EXT-1"
        assert patient["instances"] == 3
        assert patient["reconciled_with"] is None

    def test_the_keys_stay_where_the_import_could_not_do_all(
        self, contradiction: dict[str, Any]
    ) -> None:
        assert set(contradiction) >= PROMISED
        assert contradiction["imported"] == 0
        assert "error" in contradiction
        assert "mediastation quarantine" in contradiction["hint"]

    @pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
    def test_common_options_stand_before_or_after(
        self, home: Path, stick: Path, capsys: pytest.CaptureFixture[str], after: bool
    ) -> None:
        common, words = ["--json", "--home", str(home)], ["import", str(stick)]

        assert run([*words, *common] if after else [*common, *words]) == 0

        out, _ = capsys.readouterr()
        assert json.loads(out)["imported"] == 3

    def test_a_person_reads_one_line_and_the_steps_stand_apart(self, say: Say, stick: Path) -> None:
        code, out, err = say("import", stick)

        assert code == 0
        assert out == "job 1: 3 of 3 instances imported, 0 here before, 0 refused\n"
        assert "scan" in err

    def test_quiet_leaves_the_result_alone(self, say: Say, stick: Path) -> None:
        code, out, err = say("import", stick, "--quiet")

        assert code == 0
        assert out.startswith("job 1: ")
        assert "note" not in err
        assert "scan" not in err

    def test_again_everything_was_here_before(self, ask: Ask, stick: Path) -> None:
        ask("import", stick)
        code, told = ask("import", stick)

        assert (code, told["imported"], told["duplicates"]) == (0, 0, 3)

    def test_a_report_is_written_where_it_is_wanted(
        self, ask: Ask, home: Path, stick: Path, tmp_path: Path
    ) -> None:
        code, told = ask("import", stick, "--report", tmp_path / "report.htm")

        assert code == 0
        assert "EXT-1" in (tmp_path / "report.htm").read_text("utf-8")
        assert Path(told["report"]).is_file()
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

    @pytest.mark.usefixtures("known")
    def test_a_patient_may_be_named_at_once(self, ask: Ask, stick: Path) -> None:
        code, told = ask("import", stick, "--patient-id", "4711")

        assert (code, told["imported"], told["reconciled"]) == (0, 3, 3)
        (patient,) = told["patients"]
        assert patient["reconciled_with"]["patient_id"] == "4711"
        assert patient["reconciled_with"]["origin"] == "catalog"

    def test_a_patient_that_nobody_knows_leaves_the_images_as_they_came(
        self, ask: Ask, stick: Path
    ) -> None:
        code, told = ask("import", stick, "--patient-id", "0815")

        assert (code, told["imported"], told["reconciled"]) == (1, 3, 0)
        assert "0815" in told["error"]

    @pytest.mark.usefixtures("known")
    def test_one_command_takes_in_reconciles_and_sends(
        self, ask: Ask, home: Path, stick: Path
    ) -> None:
        with archive() as pacs:
            write_peer(home, pacs.port)
            code, told = ask("import", stick, "--patient-id", "4711", "--to", "pacs")

        assert (code, told["sent"]) == (0, 3)
        assert len(pacs.stored) == 3

    def test_the_queue_gets_it_whole(self, ask: Ask, stick: Path) -> None:
        code, told = ask("import", stick, "--patient-id", "4711", "--queue")

        assert (code, told) == (0, {"job": 1, "state": "queued"})
        (job,) = ask("jobs", 1)[1]["jobs"]
        assert (job["kind"], job["state"]) == ("import", "queued")
        assert (job["request"]["medium"], job["request"]["patient_id"]) == (str(stick), "4711")

    def test_an_interrupted_one_says_so_and_the_next_goes_on(
        self, ask: Ask, stick: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(module, "examine", interrupted)
            code, told = ask("import", stick)
            assert code == 130
            assert "Cancelled" in told["error"]
        code, told = ask("import", stick)

        assert (code, told["imported"]) == (0, 3)
        assert "goes-on" in {finding["rule"] for finding in told["findings"]}

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            ([""], 2, "empty word"),
            (["missing"], 2, "does not exist"),
            (["."], 1, "no DICOM"),
            (["text"], 3, "text"),
            ([".", "--to", "nobody"], 2, "nobody"),
            ([".", "--report", "report.txt"], 2, "report.txt"),
            ([".", "--patient"], 2, "--patient"),
            ([], 2, "MEDIUM"),
        ],
        ids=["empty", "missing", "no-dicom", "no-medium", "peer", "report", "option", "nothing"],
    )
    def test_wrong_words_and_media_have_their_exit_codes(
        self, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str],
        code: int, said: str,
    ) -> None:  # fmt: skip
        (tmp_path / "drive").mkdir()
        (tmp_path / "drive" / "text").write_text("no medium\n" * 10_000)
        monkeypatch.chdir(tmp_path / "drive")

        done, told = ask("import", *words)

        assert done == code
        assert said in str(told)
        assert "Traceback" not in str(told)

    @pytest.mark.usefixtures("known")
    def test_a_peer_that_is_away_is_told_and_what_was_done_stays(
        self, ask: Ask, home: Path, stick: Path
    ) -> None:
        with archive() as gone:
            port = gone.port
        write_peer(home, port, retries=0)

        code, told = ask("import", stick, "--patient-id", "4711", "--to", "pacs")

        assert (code, told["imported"], told["reconciled"], told["sent"]) == (3, 3, 3, 0)


class TestHelp:
    @pytest.mark.parametrize("command", ["import", "candidates", "reconcile", "quarantine"])
    def test_every_option_and_word_says_what_it_is_for(self, say: Say, command: str) -> None:
        code, out, _ = say(command, "--help")

        assert code == 0
        assert "The same" not in out
        options = re.findall(r"^  (--[a-z-]+)(.*)$", out, re.MULTILINE)
        assert options
        lines = out.splitlines()
        for option, rest in options:
            place = next(i for i, line in enumerate(lines) if line.startswith(f"  {option}"))
            said = re.sub(r"^ +(?:[A-Z|]+|<[^>]+>)?(?: {2,}|$)", "", rest)
            assert said or lines[place + 1].startswith("     "), option

    def test_nothing_secret_is_told(
        self, ask: Ask, stick: Path, monkeypatch: pytest.MonkeyPatch, home: Path
    ) -> None:
        monkeypatch.setenv("MEDIASTATION_PASSWORD", "open-sesame")
        told = [ask("import", stick), ask("candidates", "import:1"), ask("quarantine")]
        told.append(ask("jobs", 1))

        key = (home / "ledger.key").read_bytes()
        assert "open-sesame" not in str(told)
        assert key.hex() not in str(told)
        assert key.decode("latin-1").strip() not in str(told)
