"""What reaches a terminal or a program, whatever strangers put into names."""

from __future__ import annotations

import io
import json
import os

import pytest

from mediastation.cli import output
from mediastation.cli.output import Words, print_error, print_findings, print_json, print_table, say
from mediastation.errors import RefusedError
from mediastation.model.finding import error

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
