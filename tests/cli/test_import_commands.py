"""import, candidates, reconcile, quarantine: words in, exit codes and promised keys out."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from mediastation.station.gather import add
from mediastation.station.intake import import_medium as module
from mediastation.station.station import Station
from tests.support.commands import Ask
from tests.support.objects import write_ct, write_series
from tests.support.pacs import archive, write_peer

# The keys that DESIGN.md promises; more may be there.
PROMISED = {"job", "found", "imported", "duplicates", "refused", "repaired", "patients", "findings"}
FINDING = {"rule", "severity", "subject", "message", "hint", "reference"}
OUTSIDE: dict[str, Any] = {
    "PatientID": "EXT-1",
    "PatientName": "Roe^Jane",
    "PatientBirthDate": "19610203",
    "PatientSex": "F",
    "InstitutionName": "Elsewhere",
    "AccessionNumber": "X99",
}
OURS = {**OUTSIDE, "PatientID": "4711", "InstitutionName": "Here"}
ELSEWHERE: dict[str, Any] = {"StudyInstanceUID": "1.2.50", "SeriesInstanceUID": "1.2.50.1"}

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    write_series(tmp_path / "stick", 3, **OUTSIDE)
    return tmp_path / "stick"


@pytest.fixture
def known(home: Path, tmp_path: Path) -> None:
    """The station knows Jane Roe, as 4711, from its own scanner."""
    add_ours(home, tmp_path / "ours" / "a.dcm", "1.2.50.1.1", **OURS)


def add_ours(home: Path, path: Path, uid: str, **facts: Any) -> None:
    write_ct(path, SOPInstanceUID=uid, **{**ELSEWHERE, **facts})
    with Station(home) as station:
        add(station, [str(path)])


@pytest.fixture
def say(home: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command for a person: its exit code, standard output, standard error."""

    def run_words(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*map(str, words), "--home", str(home)])
        out, err = capsys.readouterr()
        return code, out, err

    return run_words


@pytest.fixture
def contradiction(ask: Ask, tmp_path: Path, home: Path) -> dict[str, Any]:
    """An import that holds one file: its UID is here, with other pixels."""
    write_ct(tmp_path / "ours" / "a.dcm", **OUTSIDE)
    with Station(home) as station:
        add(station, [str(tmp_path / "ours")])
    write_ct(tmp_path / "other" / "a.dcm", **OUTSIDE, PixelData=bytes(32))
    code, told = ask("import", tmp_path / "other")
    assert (code, told["held"]) == (1, 1), told
    return told


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


class TestCandidates:
    @pytest.mark.usefixtures("known")
    def test_both_sides_are_shown(self, ask: Ask, stick: Path) -> None:
        job = ask("import", stick)[1]["job"]

        code, told = ask("candidates", f"import:{job}")

        assert code == 0
        assert set(told) == {"outside", "candidates", "asked", "findings"}
        assert (told["outside"]["patient_id"], told["outside"]["instances"]) == ("EXT-1", 3)
        (one,) = told["candidates"]
        assert (one["patient_id"], one["origin"], one["remembered"]) == ("4711", "catalog", False)
        assert (one["name"], one["birth_date"], one["sex"]) == ("same", "agrees", "agrees")
        assert told["asked"] == ["catalog"]

    def test_nobody_is_told_with_who_was_asked(self, ask: Ask, say: Say, stick: Path) -> None:
        ask("import", stick)

        code, out, err = say("candidates", "import:1")

        assert code == 0
        assert "EXT-1" in out
        assert "asked: catalog" in err

    @pytest.mark.parametrize("source", ["import:9", "study:9.9", "nonsense", ""])
    def test_what_names_nothing_from_outside_is_wrong_usage(self, ask: Ask, source: str) -> None:
        code, told = ask("candidates", source)

        assert code == 2
        assert told["error"]

    def test_several_people_are_looked_for_one_at_a_time(self, ask: Ask, tmp_path: Path) -> None:
        write_ct(tmp_path / "stick" / "a.dcm", **OUTSIDE)
        write_ct(
            tmp_path / "stick" / "b.dcm", SOPInstanceUID="1.9.1", **ELSEWHERE,
            **{**OUTSIDE, "PatientID": "EXT-2", "PatientName": "Moe^Max", "PatientSex": "M"},
        )  # fmt: skip
        ask("import", tmp_path / "stick")

        code, told = ask("candidates", "import:1")

        assert code == 1
        assert {finding["rule"] for finding in told["findings"]} == {"several-outside-patients"}
        assert ask("candidates", "patient:EXT-2")[1]["outside"]["instances"] == 1


class TestReconcile:
    @pytest.mark.usefixtures("known")
    def test_the_copies_are_counted_and_told(self, ask: Ask, stick: Path) -> None:
        job = ask("import", stick)[1]["job"]

        code, told = ask("reconcile", f"import:{job}", "--patient-id", "4711")

        assert code == 0
        assert set(told) >= {"job", "reconciled", "refused", "patients", "sent", "findings"}
        assert (told["reconciled"], told["refused"]) == (3, 0)
        rows = ask("list", "instances", "Roe")[1]["rows"]
        assert {row["patient_id"] for row in rows} >= {"4711"}

    @pytest.mark.usefixtures("known")
    def test_what_differs_is_shown_side_by_side_and_has_to_be_confirmed(
        self, ask: Ask, say: Say, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick", 2, **{**OUTSIDE, "PatientName": "Roe^Jayne"})
        words = ("reconcile", f"import:{ask('import', tmp_path / 'stick')[1]['job']}",
                 "--patient-id", "4711")  # fmt: skip

        code, _, err = say(*words)
        confirmed, told = ask(*words, "--confirm-identity")

        lines = err.splitlines()
        *_, outside = (place for place, line in enumerate(lines) if "EXT-1" in line)
        assert code == 1
        assert "4711" in lines[outside + 1]
        assert "--confirm-identity" in err
        assert " | " not in err
        assert (confirmed, told["reconciled"]) == (0, 2)

    def test_somebody_has_to_be_named(self, ask: Ask, stick: Path) -> None:
        ask("import", stick)
        code, told = ask("reconcile", "import:1")

        assert code == 2
        assert "mediastation candidates" in told["hint"]

    def test_typing_needs_a_rule_of_the_site(self, ask: Ask, stick: Path) -> None:
        ask("import", stick)
        words = ("--patient-id", "1", "--name", "Roe^Jane", "--birth-date", "19610203")
        code, told = ask("reconcile", "import:1", *words)

        assert code == 2
        assert "[reconcile]" in told["hint"]

    def test_the_queue_gets_it(self, ask: Ask, stick: Path) -> None:
        ask("import", stick)
        code, told = ask("reconcile", "import:1", "--accession", "A1", "--queue")

        assert (code, told["state"]) == (0, "queued")
        (job,) = ask("jobs", told["job"])[1]["jobs"]
        assert (job["kind"], job["request"]["accession_number"]) == ("reconcile", "A1")

    @pytest.mark.usefixtures("known")
    def test_a_source_of_this_site_is_not_reconciled(self, ask: Ask) -> None:
        code, told = ask("reconcile", "patient:4711", "--patient-id", "4711")

        assert code == 2
        assert "outside medium" in told["error"]


class TestQuarantine:
    def test_what_is_held_is_listed_with_why(
        self, ask: Ask, say: Say, contradiction: dict[str, Any]
    ) -> None:
        code, told = ask("quarantine")
        (row,) = told["held"]
        shown = say("quarantine")

        assert code == 0
        assert (row["rule"], row["verdict"], row["path"]) == ("other-pixels", None, "a.dcm")
        assert row["job"] == contradiction["job"]
        assert "waits" in shown[1]

    @pytest.mark.usefixtures("contradiction")
    def test_a_file_that_is_named_is_laid_beside_what_it_contradicts(
        self, ask: Ask, say: Say
    ) -> None:
        (row,) = ask("quarantine")[1]["held"]
        word = row["sha256"][:8].upper()

        code, shown, _ = say("quarantine", word)
        told = ask("quarantine", word)[1]

        assert code == 0
        assert "other-pixels; decision: waits" in shown
        assert "pixels: other pixels" in shown
        assert told["beside"]["pixels"] == "other pixels"
        assert told["beside"]["held"].startswith("a.dcm")

    def test_nothing_held_is_said_and_no_table_is_drawn(self, say: Say) -> None:
        assert say("quarantine") == (0, "", "Nothing is held.\n")

    @pytest.mark.usefixtures("contradiction")
    @pytest.mark.parametrize("word", ["nope", "", "import:", "import:x"])
    def test_a_slip_in_a_digest_is_no_empty_answer(self, ask: Ask, word: str) -> None:
        code, told = ask("quarantine", word)

        assert code == 2
        assert repr(word) in told["error"]
        assert ask("quarantine", "import:99")[1] == {"held": []}

    def test_keeping_takes_it_in_and_the_same_is_kept_the_next_time(
        self, ask: Ask, tmp_path: Path, contradiction: dict[str, Any]
    ) -> None:
        word = f"import:{contradiction['job']}"
        code, told = ask("quarantine", word, "--keep", "--note", "seen by Dr. A")
        again, second = ask("import", tmp_path / "other")

        assert (code, told["kept"], told["left"]) == (0, 1, 0)
        assert len(ask("list", "instances")[1]["rows"]) == 2
        assert ask("quarantine")[1] == {"held": []}
        assert (again, second["held"]) == (0, 0)

    def test_leaving_is_for_good(
        self, ask: Ask, tmp_path: Path, contradiction: dict[str, Any]
    ) -> None:
        code, told = ask("quarantine", f"import:{contradiction['job']}", "--leave")
        again, second = ask("import", tmp_path / "other")

        assert (code, told["kept"], told["left"]) == (0, 0, 1)
        assert len(ask("list", "instances")[1]["rows"]) == 1
        (row,) = ask("quarantine")[1]["held"]
        assert row["verdict"] == "leave"
        assert (again, second["held"], second["imported"]) == (0, 0, 0)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--keep", "--leave"), "opposites"),
            (("--keep",), "Nothing was named"),
            (("feed", "--keep"), "feed"),
            (("import:9", "--leave"), "import:9"),
        ],
    )
    def test_a_decision_needs_one_verdict_and_something_held(
        self, ask: Ask, words: tuple[str, ...], said: str
    ) -> None:
        code, told = ask("quarantine", *words)

        assert code == 2
        assert said in told["error"]


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
