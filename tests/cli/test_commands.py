"""Words in, exit codes and JSON keys out: the contract of the commands."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mediastation.__main__ import main
from mediastation.cli.app import run
from tests.support.objects import write_ct, write_series

EXPORT_KEYS = {"job", "profile", "volumes", "transcoded", "refused", "findings"}
VOLUME_KEYS = {
    "label",
    "path",
    "file_set_id",
    "file_set_uid",
    "sealed_directory_sha256",
    "instances",
    "size_bytes",
    "sha256",
    "verified",
}
FINDING_KEYS = {"rule", "severity", "subject", "message", "hint", "reference"}

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command with --json in a home of its own; give its exit code and its object."""

    def run_json(*words: object, home: str = "home") -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*map(str, words), "--json", "--home", str(tmp_path / home)])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return run_json


def export(ask: Ask, source: object, image: Path, *words: object, **more: str) -> Any:
    return ask("export", source, "--profile", "STD-GEN-CD", "--output", image, *words, **more)


def rules(answer: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in answer["findings"]}


def test_add_list_forget_and_reindex_speak_the_contracts_words(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 3)

    code, added = ask("add", tmp_path / "in")
    assert (code, set(added)) == (0, {"added", "duplicates", "refused", "findings"})
    assert (added["added"], added["duplicates"], added["refused"]) == (3, 0, 0)
    assert ask("add", tmp_path / "in")[1]["duplicates"] == 3

    for level, key in [
        ("patients", "patient_id"),
        ("studies", "study_instance_uid"),
        ("series", "series_instance_uid"),
        ("instances", "sop_instance_uid"),
    ]:
        code, listed = ask("list", level)
        assert code == 0
        assert all(key in row for row in listed["rows"])
    assert len(ask("list", "instances", "jane")[1]["rows"]) == 3
    assert ask("list", "instances", "john")[1] == {"rows": []}

    assert ask("reindex") == (0, {"indexed": 3, "findings": []})
    assert ask("forget", "study:1.2.3") == (0, {"removed": 3, "findings": []})
    assert ask("list", "patients")[1] == {"rows": []}


def test_forgetting_leaves_a_job_that_says_so(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 1)
    ask("add", tmp_path / "in")
    ask("forget", "patient:4711")

    latest = ask("jobs")[1]["jobs"][0]

    assert (latest["kind"], latest["state"]) == ("forget", "done")
    assert latest["request"] == {"sources": ["patient:4711"]}


def test_common_words_stand_before_or_after_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(tmp_path / "home")
    for words in (
        ["--json", "--home", home, "list"],
        ["list", "--json", f"--home={home}"],
        ["--home", home, "list", "--json"],
    ):
        assert run(words) == 0
        assert json.loads(capsys.readouterr().out) == {"rows": []}


def test_a_file_that_claims_to_be_dicom_and_is_not_is_refused(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("for the radiologist")
    (tmp_path / "in" / "scan.dcm").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    write_ct(tmp_path / "in" / "image")

    code, answer = ask("add", tmp_path / "in")

    assert code == 1
    assert (answer["added"], answer["refused"]) == (1, 1)
    errors = [item["subject"] for item in answer["findings"] if item["severity"] == "error"]
    assert errors == [str(tmp_path / "in" / "scan.dcm")]


def test_an_export_is_verified_and_can_be_verified_again(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 3)
    image = tmp_path / "out.iso"

    code, answer = export(ask, tmp_path / "in", image)

    assert code == 0
    assert set(answer) == EXPORT_KEYS
    (volume,) = answer["volumes"]
    assert set(volume) == VOLUME_KEYS
    assert volume["verified"] is True
    assert volume["instances"] == 3
    assert volume["size_bytes"] == image.stat().st_size
    assert volume["file_set_id"] == "DOE_JANE"
    assert all(set(finding) == FINDING_KEYS for finding in answer["findings"])

    code, proof = ask("verify", image)
    assert code == 0
    promised = {"path", "ok", "manifest", "files", "bytes", "findings"}
    assert set(proof) == promised | {"envelopes", "opened", "signatures"}
    assert (proof["ok"], proof["manifest"], proof["files"]) == (True, "job", 7)

    # Another station knows no job; the digest list on the medium still speaks.
    code, proof = ask("verify", image, home="elsewhere")
    assert (code, proof["manifest"]) == (0, "medium")


@pytest.mark.parametrize("home", ["home", "elsewhere"])
def test_a_flipped_bit_in_an_image_is_found_and_named(ask: Ask, tmp_path: Path, home: str) -> None:
    write_series(tmp_path / "in", 2)
    image = tmp_path / "out.iso"
    export(ask, tmp_path / "in", image)
    content = bytearray(image.read_bytes())
    place = content.rindex(bytes(range(32)))
    content[place] ^= 0x10
    image.write_bytes(content)

    code, proof = ask("verify", image, home=home)

    assert code == 1
    named = [item["subject"] for item in proof["findings"] if item["severity"] == "error"]
    assert [name for name in named if name.startswith("DICOM/PT000001/")] != []


def test_equal_input_and_timestamp_give_equal_bytes(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 3)
    write_ct(tmp_path / "in" / "implicit", implicit=True, SOPInstanceUID="1.2.3.1.99")
    moment = ["--timestamp", "2026-01-31T12:00:00Z"]
    answers = [
        export(ask, tmp_path / "in", tmp_path / f"{name}.iso", *moment, home=name)[1]
        for name in "ab"
    ]

    assert (tmp_path / "a.iso").read_bytes() == (tmp_path / "b.iso").read_bytes()
    assert answers[0]["volumes"][0]["sha256"] == answers[1]["volumes"][0]["sha256"]

    _, other = export(ask, tmp_path / "in", tmp_path / "c.iso", home="a")
    assert other["volumes"][0]["file_set_uid"] != answers[0]["volumes"][0]["file_set_uid"]


def test_two_people_stop_an_export_and_both_are_shown(ask: Ask, tmp_path: Path) -> None:
    write_ct(tmp_path / "in" / "a")
    write_ct(
        tmp_path / "in" / "b",
        SOPInstanceUID="1.2.9.1.1",
        StudyInstanceUID="1.2.9",
        SeriesInstanceUID="1.2.9.1",
        PatientName="Roe^Richard",
        PatientID="0815",
        PatientBirthDate="19600606",
        PatientSex="M",
    )
    image = tmp_path / "out.iso"

    code, answer = export(ask, tmp_path / "in", image)
    assert code == 1
    assert answer["volumes"] == []
    assert not image.exists()
    said = " ".join(item["message"] for item in answer["findings"])
    assert "Doe^Jane" in said
    assert "Roe^Richard" in said

    code, answer = export(ask, tmp_path / "in", image, "--several-patients")
    assert code == 0
    assert answer["volumes"][0]["instances"] == 2


def test_people_who_share_one_patient_id_never_lie_together(ask: Ask, tmp_path: Path) -> None:
    write_ct(tmp_path / "in" / "a", IssuerOfPatientID="NORTH")
    write_ct(
        tmp_path / "in" / "b",
        SOPInstanceUID="1.2.9.1.1",
        StudyInstanceUID="1.2.9",
        SeriesInstanceUID="1.2.9.1",
        PatientName="Roe^Richard",
        PatientBirthDate="19600606",
        IssuerOfPatientID="SOUTH",
    )

    code, answer = export(ask, tmp_path / "in", tmp_path / "out.iso")
    assert code == 1
    assert "patient-id-of-issuers" in rules(answer)
    assert not (tmp_path / "out.iso").exists()

    code, answer = export(ask, tmp_path / "in", tmp_path / "out", "--several-patients")
    assert code == 0
    assert [volume["instances"] for volume in answer["volumes"]] == [1, 1]


def test_a_set_that_does_not_fit_is_refused_with_the_numbers(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 2)

    code, answer = export(ask, tmp_path / "in", tmp_path / "out.iso", "--capacity", 20480)

    assert code == 1
    found = [item for item in answer["findings"] if item["rule"] == "instance-too-large"]
    assert len(found) == 2
    assert "20,480" in found[0]["message"]
    assert not (tmp_path / "out.iso").exists()


def test_refused_instances_stop_the_export_unless_they_are_dropped(
    ask: Ask, tmp_path: Path
) -> None:
    write_series(tmp_path / "in", 2)
    private = "1.2.276.0.99"
    write_ct(tmp_path / "in" / "private", SOPClassUID=private, SOPInstanceUID="1.2.3.1.77")
    image = tmp_path / "out.iso"

    code, answer = export(ask, tmp_path / "in", image)
    assert (code, answer["refused"], image.exists()) == (1, 1, False)

    code, answer = export(ask, tmp_path / "in", image, "--drop-refused")
    assert (code, answer["refused"]) == (0, 1)
    assert answer["volumes"][0]["instances"] == 2


def test_a_plan_writes_no_image_and_knows_its_size(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 2)
    image = tmp_path / "out.iso"

    _, planned = export(ask, tmp_path / "in", image, "--plan")
    assert not image.exists()
    assert planned["volumes"][0]["verified"] is False

    _, written = export(ask, tmp_path / "in", image)
    assert written["volumes"][0]["size_bytes"] == planned["volumes"][0]["size_bytes"]


def test_an_implicit_vr_instance_is_prepared_and_the_original_kept(
    ask: Ask, tmp_path: Path
) -> None:
    path = write_ct(tmp_path / "in" / "a", implicit=True)

    code, answer = export(ask, tmp_path / "in", tmp_path / "out.iso")

    assert (code, answer["transcoded"]) == (0, 1)
    (row,) = ask("list", "instances")[1]["rows"]
    assert row["transfer_syntax_uid"] == "1.2.840.10008.1.2"
    stored = [file for file in (tmp_path / "home" / "store").rglob("*") if file.is_file()]
    assert [file.read_bytes() for file in stored] == [path.read_bytes()]


def test_two_originals_under_one_uid_are_refused_until_one_is_chosen(
    ask: Ask, tmp_path: Path
) -> None:
    write_ct(tmp_path / "in" / "a")
    write_ct(tmp_path / "in" / "b", PixelData=bytes(32))
    image = tmp_path / "out.iso"

    code, answer = export(ask, tmp_path / "in", image)
    assert code == 1
    assert "conflict" in rules(answer)

    digest = ask("list", "instances")[1]["rows"][0]["sha256"]
    code, answer = export(ask, f"sha256:{digest}", image)
    assert (code, answer["volumes"][0]["instances"]) == (0, 1)


def test_check_says_what_may_go_out_without_taking_anything_in(ask: Ask, tmp_path: Path) -> None:
    write_series(tmp_path / "in", 2)

    code, answer = ask("check", tmp_path / "in", "--profile", "STD-GEN-CD")
    assert code == 0
    assert set(answer) >= {"profile", "instances", "accepted", "refused", "findings"}
    assert (answer["instances"], answer["accepted"], answer["refused"]) == (2, 2, 0)
    assert ask("list", "instances")[1] == {"rows": []}

    code, answer = ask("check", tmp_path / "in")
    assert code == 0
    choices = {item["name"]: item for item in answer["profiles"]}
    assert set(choices["STD-GEN-CD"]) == {"name", "fits", "after", "findings"}
    assert choices["STD-GEN-CD"]["fits"] is True


def test_check_with_the_iod_validator_passes_on_what_it_says(ask: Ask, tmp_path: Path) -> None:
    write_ct(tmp_path / "in" / "a", ImageType=None)

    _, answer = ask("check", tmp_path / "in", "--profile", "STD-GEN-CD", "--iod")

    said = [item["message"] for item in answer["findings"] if item["rule"] == "iod"]
    assert [line for line in said if "ImageType" in line or "Image Type" in line] != []


def test_profiles_shows_all_and_one_in_full(ask: Ask) -> None:
    code, answer = ask("profiles")
    assert code == 0
    assert "STD-GEN-CD" in {profile["name"] for profile in answer["profiles"]}

    _, answer = ask("profiles", "std-gen-cd")
    (profile,) = answer["profiles"]
    assert profile["annex"] == "D"
    assert "CD-80" in profile["media"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "study:9.9", "--profile", "STD-GEN-CD", "--output", "x.iso"], "study:9.9"),
        (["export", "study:9.9", "--profile", "STD-GEN-DC", "--output", "x.iso"], "STD-GEN-DC"),
        (["export", "nowhere", "--profile", "STD-GEN-CD", "--output", "no/such/x"], "no/such"),
        (["export", "x", "--profile", "STD-GEN-CD", "--output", "o", "--medium", "MOON"], "MOON"),
        (
            ["export", "x", "--profile", "STD-GEN-CD", "--output", "o", "--timestamp", "soon"],
            "soon",
        ),
        (["export", "x", "--profile", "STD-GEN-CD", "--output", "o" * 250], "too long"),
        (["export", "x"], "--profile"),
        (["add", "/no/such/folder"], "/no/such/folder"),
        (["check", "/no/such/folder"], "/no/such/folder"),
        (["verify", "/no/such/image"], "/no/such/image"),
        (["jobs", "999"], "999"),
        (["forget", "study:9.9"], "study:9.9"),
        (["list", "planets"], "planets"),
        (["conquer"], "conquer"),
    ],
)
def test_wrong_words_give_exit_code_2_and_say_which(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)

    code, answer = ask(*words)

    assert code == 2
    assert said in answer["error"] + answer["hint"]


def test_a_wrong_word_is_told_in_the_words_of_people(ask: Ask, tmp_path: Path) -> None:
    code, answer = ask("check", tmp_path, "--compress", "zip")

    assert code == 2
    assert answer["error"] == (
        "Invalid value for '--compress': 'zip' is not one of 'jpeg-lossless', 'j2k', 'rle'."
    )


def test_the_roles_of_who_asks_are_told_apart_where_all_profiles_are_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a reader has to take is no permission to hand something out."""
    write_ct(tmp_path / "in" / "a")
    words = ["--home", str(tmp_path / "home"), "check", str(tmp_path / "in"), "--role", "reader"]

    assert run(words) == 0
    told = capsys.readouterr().out
    assert "Readers have to take all of it under:" in told
    assert "Readers need not take all of it under:" in told
    assert "go out" not in told

    write_ct(tmp_path / "in" / "b", SOPClassUID="1.2.3.4", SOPInstanceUID="1.2.3.1.2")
    assert run(words) == 0
    told = capsys.readouterr().out
    assert "go out" not in told


def test_what_has_no_uid_is_named_without_a_gap(ask: Ask, tmp_path: Path) -> None:
    source = write_ct(tmp_path / "in" / "a")
    ds = pydicom.dcmread(source)
    del ds.SOPInstanceUID, ds.file_meta.MediaStorageSOPInstanceUID
    ds.save_as(source)

    code, answer = export(ask, source, tmp_path / "a.iso")

    assert code == 1
    subjects = {finding["subject"] for finding in answer["findings"]}
    assert subjects == {subject.strip() for subject in subjects}


def test_an_interrupt_while_the_program_still_loads_is_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("mediastation.cli.app.run", interrupted)

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_a_label_that_is_written_otherwise_is_told(ask: Ask, tmp_path: Path) -> None:
    source = write_ct(tmp_path / "in" / "a")

    _, answer = export(ask, source, tmp_path / "a.iso", "--label", "Müller, Jürgen: heart")
    (label,) = [finding for finding in answer["findings"] if finding["rule"] == "label"]
    assert "MULLER_JURGEN_HE" in label["message"]
    assert answer["volumes"][0]["file_set_id"] == "MULLER_JURGEN_HE"

    _, answer = export(ask, source, tmp_path / "b.iso", "--label", "Heart_1")
    assert "label" not in rules(answer)


def test_a_label_that_cannot_be_written_is_told_before_any_work(ask: Ask, tmp_path: Path) -> None:
    source = write_ct(tmp_path / "in" / "a")

    code, answer = export(ask, source, tmp_path / "a.iso", "--label", "心")

    assert code == 2
    assert "心" in answer["error"]
    assert ask("jobs")[1]["jobs"] == []


def test_a_wrong_setting_names_file_and_key(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("port = 'harbour'\n")

    code, answer = ask("list")

    assert code == 2
    assert "port" in answer["error"]
    assert "config.toml" in answer["hint"]


@pytest.mark.parametrize(
    "moment", ["1500-01-01", "2300-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "yesterday"]
)
def test_a_moment_that_no_medium_can_bear_is_wrong_usage(
    ask: Ask, tmp_path: Path, moment: str
) -> None:
    write_ct(tmp_path / "in" / "image")

    code, answer = export(ask, tmp_path / "in", tmp_path / "x.iso", "--timestamp", moment)

    assert code == 2
    assert moment in answer["error"]


def test_an_image_replaces_an_image_and_nothing_else(ask: Ask, tmp_path: Path) -> None:
    """A slip of the hand must not cost a file; nor is a link, such as /dev/stdout, for us."""
    write_ct(tmp_path / "in" / "image")
    image, letter, link = (tmp_path / name for name in ("x.iso", "letter.txt", "link.iso"))
    letter.write_text("Dear colleague" * 5000)
    link.symlink_to(tmp_path / "elsewhere.iso")

    assert export(ask, tmp_path / "in", image)[0] == 0
    assert export(ask, tmp_path / "in", image)[0] == 0
    for output in (letter, link):
        code, answer = export(ask, tmp_path / "in", output)
        assert code == 2
        assert str(output) in answer["error"]
    assert letter.read_text().startswith("Dear")
    assert link.is_symlink()
    assert not (tmp_path / "elsewhere.iso").exists()


@pytest.mark.parametrize(
    "words",
    [["add", ""], ["check", ""], ["verify", ""],
     ["export", "in", "--profile", "STD-GEN-CD", "--output", ""],
     ["list", "--home", ""]],
)  # fmt: skip
def test_an_empty_word_is_not_the_folder_that_one_stands_in(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """A script's variable that is not set must not take in, check or write what lies around."""
    write_ct(tmp_path / "in" / "image")
    monkeypatch.chdir(tmp_path)

    code, answer = ask(*words) if "--home" not in words else (run([*words, "--json"]), {})

    assert code == 2
    assert "empty word" in answer.get("error", "empty word")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    "text", ["", "[" * 200_000, "{" + '"a":{' * 100_000, '{"version": 1, "files": [], '
             '"structure": [], "image_size_bytes": "large"}', "no digest"]
)  # fmt: skip
def test_what_is_no_manifest_is_wrong_usage(ask: Ask, tmp_path: Path, text: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "manifest.json").write_text(text)

    code, answer = ask("verify", tmp_path / "in", "--manifest", tmp_path / "manifest.json")

    assert code == 2
    assert "manifest.json" in answer["error"]


def test_a_manifest_without_end_is_not_read_to_its_end(ask: Ask, tmp_path: Path) -> None:
    code, answer = ask("verify", tmp_path, "--manifest", "/dev/zero")

    assert code == 2
    assert "too large" in answer["error"]


@pytest.mark.parametrize("title", ["", "   ", "A\\B", "ÄRZTE", "MUCH TOO LONG A TITLE"])
def test_a_title_that_no_peer_could_call_is_refused(ask: Ask, title: str) -> None:
    code, answer = ask("serve", "--port", 0, "--aet", title)

    assert code == 2
    assert "Application Entity Title" in answer["error"]


def test_an_interrupt_is_told_to_people_and_programs(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mediastation.catalog.listing.list_rows", interrupted)

    code, answer = ask("list")
    assert (code, set(answer)) == (130, {"error", "hint", "findings"})
    assert run(["list", "--home", str(tmp_path / "home")]) == 130
    assert "Cancelled" in capsys.readouterr().err


_HUNG_UP = """
import os, signal, sys
from mediastation.catalog import listing
from mediastation.cli.app import run

def hang_up(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGHUP)
    finally:
        os.kill(os.getpid(), signal.SIGHUP)
        print("cleared away")
    return []

if sys.argv[1] == "stays":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
listing.list_rows = hang_up
raise SystemExit(run(["list", "--home", sys.argv[2]]))
"""


@pytest.mark.parametrize(("how", "code"), [("dies", 130), ("stays", 0)])
def test_a_terminal_that_goes_interrupts_what_clears_away_then(
    tmp_path: Path, how: str, code: int
) -> None:
    """The window is closed: what a command began must not lie there. `nohup` lets it go on."""
    words = [sys.executable, "-c", _HUNG_UP, how, str(tmp_path / "home")]

    done = subprocess.run(words, capture_output=True, timeout=60, check=False)

    assert done.returncode == code, done.stderr
    assert b"cleared away" in done.stdout


_PRESSED_OFTEN = """
import os, signal, sys
from mediastation.catalog import listing
from mediastation.cli import app

def press(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        print("cleared away")

app._PATIENCE_S = float(sys.argv[1])
listing.list_rows = press
raise SystemExit(app.run(["list", "--home", sys.argv[2]]))
"""


@pytest.mark.parametrize(("patience_s", "is_cleared"), [("10", True), ("0", False)])
def test_who_presses_ctrl_c_again_does_not_interrupt_what_clears_away(
    tmp_path: Path, patience_s: str, is_cleared: bool
) -> None:
    """What does not end for a long while can be interrupted again."""
    words = [sys.executable, "-c", _PRESSED_OFTEN, patience_s, str(tmp_path / "home")]

    done = subprocess.run(words, capture_output=True, timeout=60, check=False)

    assert done.returncode == 130, done.stderr
    assert (b"cleared away" in done.stdout) is is_cleared


def test_a_terminal_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    """Nobody reads what is told, and what is told must not end in a traceback."""
    own, theirs = os.openpty()
    words = [sys.executable, "-c", _HUNG_UP, "dies", str(tmp_path / "home")]
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=os.environ | {"TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(theirs)
        os.close(own)
        code = process.wait(60)

    assert code == 130
    assert not list((tmp_path / "home").glob("fault-*"))


def test_a_reindex_that_finds_losses_says_so_in_its_exit_code(ask: Ask, tmp_path: Path) -> None:
    """Whoever runs it every night reads nothing else."""
    write_series(tmp_path / "in", 2)
    ask("add", tmp_path / "in")
    lost = ask("list", "instances")[1]["rows"][0]["sha256"]
    (tmp_path / "home" / "store" / lost[:3] / lost[3:]).unlink()

    code, answer = ask("reindex")

    assert (code, answer["indexed"], rules(answer)) == (1, 1, {"lost"})


def test_a_list_from_a_lost_index_does_not_pass_for_an_empty_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ask: Ask
) -> None:
    write_ct(tmp_path / "in" / "image")
    ask("add", tmp_path / "in")
    for path in (tmp_path / "home").glob("catalog.sqlite*"):
        path.unlink()

    run(["list", "--json", "--home", str(tmp_path / "home")])
    assert "reindex" in capsys.readouterr().err
    assert ask("reindex")[1]["indexed"] == 1
    run(["list", "--json", "--home", str(tmp_path / "home")])
    assert capsys.readouterr().err == ""


def test_a_home_that_is_a_file_is_named(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")

    code, answer = ask("list")

    assert code == 2
    assert f"{tmp_path / 'home'} is no folder" in answer["error"]


@pytest.mark.parametrize("words", [["--profile", "STD-GEN-CD"], []])
def test_a_mistyped_study_does_not_pass_with_the_rest_of_a_check(
    ask: Ask, tmp_path: Path, words: list[str]
) -> None:
    image = write_ct(tmp_path / "in" / "image")

    code, answer = ask("check", image, "study:9.9", *words)

    assert code == 2
    assert "study:9.9" in answer["error"]


def test_a_check_of_a_damaged_image_does_not_pass(ask: Ask, tmp_path: Path) -> None:
    """What lies beyond the cut is refused, and the rest is still looked at."""
    write_series(tmp_path / "in", 3)
    image = tmp_path / "x.iso"
    assert export(ask, tmp_path / "in", image)[0] == 0
    with image.open("r+b") as file:
        file.truncate(image.stat().st_size - 2048)

    code, answer = ask("check", image, "--profile", "STD-GEN-CD", home="other")

    assert code == 1
    assert answer["accepted"] > 0
    assert answer["refused"] > 0


def test_a_job_bears_the_account_that_ran_it_where_no_variable_tells(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    write_ct(tmp_path / "in" / "image")
    ask("add", tmp_path / "in")

    (job,) = ask("jobs")[1]["jobs"]
    assert job["operator"] == pwd.getpwuid(os.getuid()).pw_name


def test_what_is_no_medium_gives_exit_code_3(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague" * 5000)

    code, answer = ask("verify", tmp_path / "letter.txt")

    assert code == 3
    assert "letter.txt" in answer["error"]


def test_people_read_results_on_stdout_and_the_rest_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in", 2)
    image = tmp_path / "out.iso"

    code = run(
        ["export", str(tmp_path / "in"), "--profile", "STD-GEN-CD", "--output", str(image),
         "--home", str(tmp_path / "home")]
    )  # fmt: skip

    told = capsys.readouterr()
    assert code == 0
    assert str(image) in told.out
    assert "verified" in told.out
    assert "image:" in told.err
    assert "image:" not in told.out


def test_a_fault_of_ours_shows_no_traceback_and_says_where_it_is(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("seven by nothing")

    monkeypatch.setattr("mediastation.catalog.listing.list_rows", broken)

    code, answer = ask("list")

    assert code == 1
    assert "Traceback" not in capsys.readouterr().err
    (report,) = (tmp_path / "home").glob("fault-*.txt")
    assert str(report) in answer["hint"]
    assert "Traceback" in report.read_text()


def test_nothing_is_said_twice_in_one_export(ask: Ask, tmp_path: Path) -> None:
    """Reading, checking and preparing all look at the same header."""
    write_ct(tmp_path / "in" / "a", implicit=True, preamble=b"MZ", SpecificCharacterSet="ISO_IR 99")

    _, answer = export(ask, tmp_path / "in", tmp_path / "out.iso")

    said = [tuple(finding.values()) for finding in answer["findings"]]
    assert len(said) == len(set(said))
    assert "charset-unknown" in rules(answer)


def test_the_headline_of_a_reread_promises_no_more_than_it_proved(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ct(tmp_path / "in" / "a")
    image = tmp_path / "out.iso"
    export(ask, tmp_path / "in", image)
    capsys.readouterr()

    for home, headline in (("home", "verified"), ("elsewhere", "no fault found")):
        assert run(["verify", str(image), "--home", str(tmp_path / home)]) == 0
        assert f"{image}: {headline}\n" in capsys.readouterr().out
