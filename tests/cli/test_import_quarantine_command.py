"""quarantine: what is held is shown, and a decision about it lasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Ask, Say


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

    @pytest.mark.usefixtures("contradiction")
    def test_every_import_that_brought_it_shows_it(self, ask: Ask, tmp_path: Path) -> None:
        _, again = ask("import", tmp_path / "other")

        (row,) = ask("quarantine", f"import:{again['job']}")[1]["held"]

        assert again["held"] == 1
        assert row["path"] == "a.dcm"

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
