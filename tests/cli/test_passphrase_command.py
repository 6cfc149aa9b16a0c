"""`passphrase`: one on standard output and nothing else; checked ones are never shown."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mediastation.cli.app import run
from mediastation.model.secrecy import Password
from mediastation.secure.passphrase import Form, read_words
from tests.support.commands import Ask
from tests.support.pdf import pdf_text

OURS = "zoo zone zero youth young you park"
Said = tuple[int, str, str]
Say = Callable[..., Said]


class Typed(io.TextIOWrapper):
    """Standard input with these octets in it, and no keyboard."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")


@pytest.fixture
def say(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run `passphrase` with these words; give its exit code and what it said on both streams."""
    monkeypatch.delenv("MEDIASTATION_PASSWORD", raising=False)

    def run_passphrase(*words: object, typed: str | bytes = b"") -> Said:
        data = typed.encode() if isinstance(typed, str) else typed
        monkeypatch.setattr(sys, "stdin", Typed(data))
        capsys.readouterr()
        code = run(["passphrase", *map(str, words), "--home", str(home)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_passphrase


class TestMaking:
    def test_standard_output_has_the_passphrase_and_nothing_else(self, say: Say) -> None:
        code, out, err = say()

        assert code == 0
        checked = read_words(Password(out.removesuffix("\n")))
        assert (checked.form, checked.words) == (Form.FITS, 6)
        assert "66 bits" in err
        assert "apart from the medium" in err
        assert out.strip() not in err

    def test_each_is_another(self, say: Say) -> None:
        assert say()[1] != say()[1]

    def test_json_has_the_promised_keys(self, ask: Ask) -> None:
        code, told = ask("passphrase", "--words", 9)

        assert code == 0
        assert (told["words"], told["bits"]) == (9, 99)
        assert set(told) == {"passphrase", "words", "bits"}
        assert read_words(Password(told["passphrase"])).words == 9

    def test_without_a_number_it_has_as_many_words_as_the_site_asks_for(
        self, say: Say, home: Path
    ) -> None:
        home.mkdir()
        (home / "config.toml").write_text("[secure]\nleast_bits = 80\n")

        assert read_words(Password(say()[1].strip())).words == 8
        assert "less than 80 bits" in say("--words", 6)[2]
        assert "warning" not in say("--words", 8)[2]

    @pytest.mark.parametrize("number", [3, 25, 0, "many"])
    def test_a_number_out_of_range_is_refused(self, say: Say, number: object) -> None:
        code, out, _ = say("--words", number)

        assert (code, out) == (2, "")

    def test_making_one_makes_no_home(self, say: Say, home: Path) -> None:
        say()

        assert not home.exists()

    def test_quiet_says_nothing_else(self, say: Say) -> None:
        assert say("--quiet")[2] == ""


class TestFiles:
    def test_a_file_gets_it_and_the_screen_does_not(self, say: Say, tmp_path: Path) -> None:
        path = tmp_path / "password.txt"
        code, out, err = say("--output", path)
        made = path.read_text()

        assert code == 0
        assert out == f"{path}\n"
        assert made.endswith("\n")
        assert read_words(Password(made.removesuffix("\n"))).form is Form.FITS
        assert made.strip() not in out + err
        assert path.stat().st_mode & 0o777 == 0o600

    def test_json_of_a_file_does_not_have_it(self, ask: Ask, tmp_path: Path) -> None:
        path = tmp_path / "password.txt"
        _, told = ask("passphrase", "--output", path)

        assert told == {"words": 6, "bits": 66, "output": str(path)}

    @pytest.mark.parametrize("option", ["--output", "--sheet"])
    def test_a_file_that_is_there_stays(self, say: Say, option: str, tmp_path: Path) -> None:
        path = tmp_path / "there.pdf"
        path.write_text("kept")
        code, out, err = say(option, path)

        assert (code, out) == (2, "")
        assert "is there already" in err
        assert path.read_text() == "kept"

    def test_a_sheet_tells_the_same_passphrase(self, say: Say, home: Path, tmp_path: Path) -> None:
        home.mkdir()
        (home / "config.toml").write_text(
            'institution = "St. Elsewhere"\ncontact = ["Telephone 1234"]\n'
        )
        code, out, err = say("--sheet", tmp_path / "sheet.pdf")
        text = " ".join(pdf_text(tmp_path / "sheet.pdf").split())

        assert code == 0
        assert out.strip() in text
        assert "St. Elsewhere" in text
        assert "Telephone 1234" in text
        assert "sheet.pdf" in err
        assert (tmp_path / "sheet.pdf").stat().st_mode & 0o777 == 0o600

    def test_a_page_and_a_file_have_the_same_one(self, say: Say, tmp_path: Path) -> None:
        say("--output", tmp_path / "secret", "--sheet", tmp_path / "sheet.HTML")

        assert (tmp_path / "secret").read_text().strip() in (tmp_path / "sheet.HTML").read_text()

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["--output", "{}/one", "--sheet", "{}/sheet.doc"], "says not what"),
            (["--output", "{}/one.pdf", "--sheet", "{}/one.pdf"], "cannot be both"),
            (["--output", "{}/one", "--sheet", "{}/no/sheet.pdf"], "does not exist"),
            (["--output", "{}/no/one"], "does not exist"),
        ],
    )
    def test_what_cannot_be_written_leaves_nothing(
        self, say: Say, words: list[str], why: str, tmp_path: Path
    ) -> None:
        code, out, err = say(*(word.format(tmp_path) for word in words))

        assert (code, out) == (2, "")
        assert why in err
        assert list(tmp_path.iterdir()) == []

    def test_where_the_sheet_fails_the_file_goes_too(
        self, say: Say, home: Path, tmp_path: Path
    ) -> None:
        (home / "templates").mkdir(parents=True)
        (home / "templates" / "SHEET.HTM").write_text("{{ nothing }}")
        code, out, _ = say("--output", tmp_path / "one", "--sheet", tmp_path / "sheet.html")

        assert (code, out) == (2, "")
        assert [path.name for path in tmp_path.iterdir()] == ["home"]


class TestChecking:
    @pytest.mark.parametrize(
        "typed", [OURS, f"{OURS}\n", OURS.upper() + "\r\n", "zoo  " + OURS[4:]]
    )
    def test_one_that_fits_is_told_and_not_shown(self, say: Say, typed: str) -> None:
        code, out, err = say("--check", typed=typed)

        assert code == 0
        assert out == "The words fit each other: 6 words, 66 bits.\n"
        assert ("small letters" in err) == (typed.strip() != OURS)
        assert "zone" not in (out + err).lower()

    @pytest.mark.parametrize(
        ("typed", "told"),
        [
            ("zoo zone zreo youth young you park", "Word 3 of"),
            ("zone zoo zero youth young you park", "does not fit"),
            ("correct horse", "no passphrase of words"),
        ],
    )
    def test_one_that_does_not_is_told_where_and_not_shown(
        self, say: Say, typed: str, told: str
    ) -> None:
        code, out, err = say("--check", typed=typed)

        assert code == 4
        assert told in out
        assert not any(word in out + err for word in ("zone", "zreo", "park", "correct", "horse"))

    def test_the_nearest_word_is_offered_to_who_typed_it(self, say: Say) -> None:
        assert "Word 3: is it “zero”?" in say("--check", typed=OURS.replace("zero", "zreo"))[2]

    def test_json_says_it_without_the_words(self, say: Say) -> None:
        code, out, _ = say("--check", "--json", typed=OURS)
        assert (code, json.loads(out)) == (
            0,
            {"fits": True, "form": "fits", "words": 6, "bits": 66, "unknown": []},
        )

        code, out, _ = say("--check", "--json", typed=OURS.replace("zero", "zreo"))
        told = json.loads(out)
        assert (code, told["fits"], told["form"]) == (4, False, "unknown word")
        assert told["unknown"] == [{"place": 3, "nearest": "zero"}]

    @pytest.mark.parametrize("typed", [b"", b"\n", "é".encode(), b"\x00\n", b"x" * 5000])
    def test_what_is_no_password_is_refused(self, say: Say, typed: bytes) -> None:
        code, out, err = say("--check", typed=typed)

        assert (code, out) == (4, "")
        assert err.startswith("error: ")

    @pytest.mark.parametrize("other", [["--words", "6"], ["--output", "x"], ["--sheet", "x.pdf"]])
    def test_checking_makes_nothing(self, say: Say, other: list[str]) -> None:
        assert say("--check", *other, typed=OURS)[0] == 2
