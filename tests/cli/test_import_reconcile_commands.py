"""candidates and reconcile: both sides shown, copies counted, and nobody taken for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.brought import ELSEWHERE, OUTSIDE
from tests.support.commands import Ask, Say
from tests.support.objects import write_ct, write_series


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
