"""`mediastation update` as a process: words, JSON, exit codes, signals, a full disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import CommandNursery, in_mount_namespace
from tests.support.objects import write_series
from tests.support.updating import digests

PIXELS = {"Rows": 256, "Columns": 512, "PixelData": bytes(256 * 512 * 2)}


@pytest.fixture(scope="module")
def nursery() -> Iterator[CommandNursery]:
    with CommandNursery() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, nursery: CommandNursery) -> Path:
    """A home, and beside it a medium of 60 instances, 15 MB, and what may come."""
    folder = tmp_path_factory.mktemp("update")
    write_series(folder / "old", 60, **PIXELS)
    write_series(folder / "new", 2, SeriesInstanceUID="1.2.3.2", SeriesNumber="2")
    words = ["export", folder / "old", "--profile", "STD-GEN-CD", "--output", folder / "old.iso"]
    nursery.start(folder / "log", "--home", folder / "home", *words)
    assert nursery.end() == 0, (folder / "log").read_text()
    return folder / "home"


def run(nursery: CommandNursery, home: Path, log: Path, *words: object) -> int:
    nursery.start(log, "--home", home, "update", *words)
    return nursery.end()


def test_json_has_the_keys_of_an_export(
    nursery: CommandNursery, home: Path, tmp_path: Path
) -> None:
    image, log = tmp_path / "new.iso", tmp_path / "log"
    code = run(
        nursery, home, log, home.parent / "old.iso", "--output", image, "--add",
        home.parent / "new", "--remove", "1.2.3.1.1", "--remove", "1.2.3.1.2", "--json", "--quiet",
    )  # fmt: skip

    assert code == 0, log.read_text()
    told = json.loads(log.read_text())
    assert {"job", "profile", "volumes", "transcoded", "refused", "findings"} <= told.keys()
    (volume,) = told["volumes"]
    assert (volume["path"], volume["instances"], volume["verified"]) == (str(image), 60, True)
    assert told["profile"] == "STD-GEN-CD"
    assert len(digests(image)) == 60 + 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "nothing to change"),
        (("--remove", "1.5"), 2, "names no study, series or instance"),
        (("--remove", "4711"), 2, "is a Patient ID"),
        (("--remove", ""), 2, "names nothing"),
        (("--remove", "1.2.3"), 1, "no instance any more"),
        (("--remove", "1.2.3.1.1", "--profile", "STD-DEN-CD"), 2, "no File-set Updater"),
        (("--remove", "1.2.3.1.1", "--profile", "STD-NONE"), 2, "STD-NONE"),
        (("--add", "study:1.5"), 2, "names nothing in the catalog"),
        (("--add", "/nowhere/at/all"), 2, "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_and_writes_nothing(
    nursery: CommandNursery,
    home: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    image, log = tmp_path / "new.iso", tmp_path / "log"

    assert run(
        nursery, home, log, home.parent / "old.iso", "--output", image, *words
    ) == code, log.read_text()  # fmt: skip
    assert said in log.read_text()
    assert "Traceback" not in log.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize("step", ["read:", "keep:", "image:"])
def test_ctrl_c_leaves_nothing_half_made(
    nursery: CommandNursery, home: Path, tmp_path: Path, step: str
) -> None:
    image, log = tmp_path / "new.iso", tmp_path / "log"
    child = nursery.start(
        log, "--home", home, "update", home.parent / "old.iso", "--output", image, "--add",
        home.parent / "new",
    )  # fmt: skip
    while not log.exists() or step not in log.read_text():
        pass
    os.kill(child, signal.SIGINT)

    assert nursery.end() in {130, 0}
    assert "Traceback" not in log.read_text()
    # Where it was too late for the signal, the image is whole and has its name.
    left = {path.name for path in tmp_path.iterdir()} - {"log"}
    assert left in (set(), {"new.iso"})
    assert list((home / "incoming").iterdir()) == []


# Runs in its own mount namespace; prints one JSON object.
_FULL_DISK = """
import json, subprocess, sys
from pathlib import Path
folder, home, old, new = map(Path, sys.argv[1:5])
small = folder / "small"
small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", small], check=True)
done = subprocess.run(
    [sys.executable, "-m", "mediastation", "--home", home, "update", old, "--output",
     small / "new.iso", "--add", new, "--json"], capture_output=True, text=True, check=False)
print(json.dumps({"code": done.returncode, "out": json.loads(done.stdout), "err": done.stderr,
                  "left": [path.name for path in small.iterdir()]}))
"""


def test_a_full_disk_is_said_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*in_mount_namespace(), sys.executable, "-c", _FULL_DISK, str(tmp_path), str(home),
         str(home.parent / "old.iso"), str(home.parent / "new")],
        capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    assert result["code"] == 3
    assert "are free" in result["out"]["error"]
    assert "Traceback" not in result["err"]
    assert result["left"] == []
