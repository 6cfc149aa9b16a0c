"""`burn`, `drives`, `blank` and `eject` as words: output, JSON, exit codes, signals."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from tests.support.discs import Images, make_images
from tests.support.peers import peer
from tests.support.xorriso_double import Script, install


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    peer("xorriso")
    return make_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def home(tmp_path: Path, images: Images) -> Path:
    return Path(shutil.copytree(images.home, tmp_path / "home"))


@pytest.fixture
def keep_signals() -> Iterator[None]:
    """`run` takes SIGTERM for itself, as a program may."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


pytestmark = pytest.mark.usefixtures("keep_signals")


class Said:
    """Runs one command in this process and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self._capsys = capsys
        self._home = home

    def __call__(self, *words: object) -> tuple[int, str, str]:
        code = run(["--home", str(self._home), *map(str, words)])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *words: object) -> tuple[int, dict[str, Any]]:
        code, out, _ = self("--json", *words)
        return code, json.loads(out)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], home: Path) -> Said:
    return Said(capsys, home)


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_a_burn_says_what_came_of_it(said: Said, images: Images, tmp_path: Path) -> None:
    code, out, err = said("burn", images.first, "--drive", f"stdio:{tmp_path}/disc")

    assert code == 0
    assert "burned and verified" in out
    assert images.manifest.image_sha256 in out
    assert [line.split(":")[0] for line in err.splitlines()[:4]] == [
        "image",
        "drive",
        "write",
        "reread",
    ]


def test_json_has_the_promised_keys(said: Said, images: Images, tmp_path: Path) -> None:
    code, told = said.json("burn", images.first, "--drive", f"stdio:{tmp_path}/disc")

    assert code == 0
    assert {"job", "drive", "image_sha256", "verified", "bad_sectors", "findings"} <= told.keys()
    assert told["drive"] == f"stdio:{tmp_path}/disc"
    assert told["image_sha256"] == images.manifest.image_sha256
    assert (told["verified"], told["bad_sectors"]) == (True, 0)


def test_several_drives_are_told_one_by_one(said: Said, images: Images, tmp_path: Path) -> None:
    words = [word for name in "ab" for word in ("--drive", f"stdio:{tmp_path}/{name}")]

    code, told = said.json("burn", images.first, *words)

    assert code == 0
    assert [(one["drive"], one["verified"]) for one in told["burns"]] == [
        (f"stdio:{tmp_path}/a", True),
        (f"stdio:{tmp_path}/b", True),
    ]


def test_keep_open_append_and_verify_as_an_operator_would(
    said: Said, images: Images, tmp_path: Path
) -> None:
    drive = f"stdio:{tmp_path}/disc"

    assert said("burn", images.first, "--drive", drive, "--keep-open")[0] == 0
    code, out, _ = said("burn", images.updated, "--drive", drive, "--append")

    assert code == 0
    assert "burned and verified" in out


def test_a_file_that_stood_for_a_drive_is_verified_by_whatever_name(
    said: Said, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, told = said.json("burn", images.first, "--drive", "stdio:disc")

    assert (code, told["drive"]) == (0, "stdio:disc")
    assert said("verify", tmp_path / "disc")[0] == 0
    assert said("verify", "disc")[0] == 0


def test_a_simulation_claims_nothing(said: Said, images: Images, tmp_path: Path) -> None:
    code, out, _ = said("burn", images.first, "--drive", f"stdio:{tmp_path}/disc", "--simulate")

    assert code == 0
    assert "nothing was written" in out
    assert "verified" not in out


def test_a_disc_that_is_not_blank_is_exit_3_and_told_once(
    said: Said, images: Images, tmp_path: Path
) -> None:
    drive = f"stdio:{tmp_path}/disc"
    said("burn", images.first, "--drive", drive)

    code, _, err = said("burn", images.first, "--drive", drive)

    assert code == 3
    assert err.count("not blank") == 1
    assert "mediastation blank" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["burn"], 2),
        (["burn", "nothing.iso", "--drive", "stdio:/tmp/x"], 2),
        (["burn", "nothing.iso"], 2),
        (["burn", "nothing.iso", "--drive", ""], 2),
        (["burn", "nothing.iso", "--drive", "x", "--copies", "0"], 2),
        (["burn", "nothing.iso", "--drive", "x", "--speed", "fast"], 2),
        (["blank"], 2),
        (["blank", "--drive", ""], 2),
        (["blank", "--drive", "/etc/passwd", "--yes"], 2),
        (["eject", "--drive", "/etc/passwd"], 2),
    ],
)
def test_wrong_words_are_exit_2(said: Said, words: list[str], code: int) -> None:
    assert said(*words)[0] == code


def test_write_failure_is_exit_3_and_names_the_disc_to_destroy(
    said: Said, images: Images, double: Path
) -> None:
    install(double, {"/dev/sr7": Script(fails={"0": ("write-error", 0.37)})})

    code, out, err = said("burn", images.first, "--drive", "/dev/sr7")

    assert code == 3
    assert "destroy this disc" in out
    assert "Medium error" in err


def test_drives_are_shown_as_a_table(said: Said, double: Path) -> None:
    install(double, {"/dev/sr0": Script("cd-r-blank"), "/dev/sr1": Script("busy")})

    code, out, err = said("drives")

    assert code == 0
    assert "blank CD-R" in out
    assert "702.8 MiB" in out
    assert "10x, 16x, 32x, 40x" in out
    assert "busy" in err


def test_drives_as_json(said: Said, double: Path) -> None:
    install(double, {"/dev/sr0": Script("cd-r-open"), "/dev/sr1": Script("no-disc")})

    code, told = said.json("drives")

    assert code == 0
    first, second = told["drives"][:2]
    assert first["device"] == "/dev/sr0"
    assert first["disc"]["kind"] == "CD-R"
    assert first["disc"]["status"] == "appendable"
    assert first["disc"]["free_sectors"] == 348_092
    assert first["disc"]["sessions"] == [
        {"number": 1, "first_sector": 0, "sectors": 98, "volume_id": "DOE_PETER"}
    ]
    assert second["disc"]["status"] == "none"


def test_blank_asks_first_where_nobody_can_answer_it_does_nothing(
    said: Said, images: Images, tmp_path: Path
) -> None:
    drive = f"stdio:{tmp_path}/disc"
    said("burn", images.first, "--drive", drive)

    code, _, err = said("blank", "--drive", drive)

    assert code == 2
    assert "Doe^Jane" in err
    assert "--yes" in err
    assert (tmp_path / "disc").stat().st_size > 0


def test_blank_yes_erases(said: Said, images: Images, tmp_path: Path) -> None:
    drive = f"stdio:{tmp_path}/disc"
    said("burn", images.first, "--drive", drive)

    code, told = said.json("blank", "--drive", drive, "--yes")

    assert code == 0
    assert told["drives"][0]["disc"]["status"] == "blank"
    assert (tmp_path / "disc").read_bytes().strip(b"\0") == b""


def test_blanking_what_is_blank_asks_nothing(said: Said, tmp_path: Path) -> None:
    assert said("blank", "--drive", f"stdio:{tmp_path}/disc")[0] == 0


def test_a_disc_that_can_be_written_once_is_not_blanked(said: Said, double: Path) -> None:
    install(double, {"/dev/sr7": Script("cd-r-closed")})

    code, _, err = said("blank", "--drive", "/dev/sr7", "--yes")

    assert code == 3
    assert "only once" in err


def test_eject(said: Said, double: Path) -> None:
    install(double, {"/dev/sr7": Script("cd-r-closed")})

    assert said("eject", "--drive", "/dev/sr7")[0] == 0


def start(home: Path, *words: object, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mediastation", "--home", str(home), *map(str, words)], **more
    )


def test_ctrl_c_says_what_to_do_with_the_disc(home: Path, images: Images, double: Path) -> None:
    """The drive hangs on purpose, so that the interrupt falls into the writing."""
    install(double, {"/dev/sr7": Script(fails={"0": ("hang", 0.37)})})
    process = start(home, "burn", images.first, "--drive", "/dev/sr7", stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        said = b""
        while b"drive: " not in said:
            said += process.stderr.readline()
        watch = os.pidfd_open(process.pid)
        while not any(double.glob("*.written")) or not _size(double):
            assert process.poll() is None
        signal.pidfd_send_signal(watch, signal.SIGINT)
        os.close(watch)
        rest = process.stderr.read()
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    assert b"destroy it" in rest
    assert b"Traceback" not in rest


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.written"))


def test_on_a_terminal_yes_has_to_be_typed(home: Path, images: Images, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    disc.write_bytes(images.first.read_bytes())

    no, shown = in_terminal(home, b"no\n", "blank", "--drive", f"stdio:{disc}")
    assert no == 2
    assert b"Doe^Jane" in shown
    assert disc.stat().st_size > 0

    yes, _ = in_terminal(home, b"yes\n", "blank", "--drive", f"stdio:{disc}")
    assert yes == 0
    assert disc.stat().st_size == 0


def test_on_a_terminal_bars_show_the_steps(home: Path, images: Images, tmp_path: Path) -> None:
    code, shown = in_terminal(home, b"", "burn", images.first, "--drive", f"stdio:{tmp_path}/disc")

    assert code == 0
    for word in (b"image", b"write", b"reread", b"burned and verified"):
        assert word in shown


def in_terminal(home: Path, typed: bytes, *words: object) -> tuple[int, bytes]:
    """Run a command on a terminal of its own; return its exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = start(home, *words, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    try:
        while piece := _read(ours):
            shown += piece
        return process.wait(60), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except OSError:  # the other side is gone
        return b""
