"""Exports and additions that are killed, cancelled, or run out of disk."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.commands import CommandNursery, in_mount_namespace
from tests.support.objects import write_series

PIXELS = {"Rows": 256, "Columns": 512, "PixelData": bytes(256 * 512 * 2)}
KILLS = 25


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 instances, 30 MB: long enough to be caught in the middle."""
    folder = tmp_path_factory.mktemp("source")
    write_series(folder, 120, **PIXELS)
    return folder


@pytest.fixture(scope="module")
def nursery() -> Iterator[CommandNursery]:
    with CommandNursery() as running:
        yield running


def export_words(home: Path, source: Path | str, image: Path) -> list[str]:
    return ["--home", str(home), "export", str(source), "--profile", "STD-GEN-CD",
            "--output", str(image)]  # fmt: skip


def test_a_killed_export_leaves_no_image_that_is_not_whole(
    tmp_path: Path, source: Path, nursery: CommandNursery
) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    nursery.start(log, "--home", home, "add", source)
    assert nursery.end() == 0
    killed = whole = 0
    chance = random.Random(20261123)
    for number in range(KILLS):
        image = tmp_path / f"image{number % 2}.iso"
        image.unlink(missing_ok=True)
        child = nursery.start(log, *export_words(home, "study:1.2.3", image))
        killer = nursery.signal_later(child, signal.SIGKILL, chance.uniform(0.02, 0.5))
        code = nursery.end()
        killer.join()
        killed += code == -signal.SIGKILL
        if image.exists():
            whole += 1
            with Station(home) as station:
                assert verify(station, image).ok
        else:
            assert code == -signal.SIGKILL, log.read_text()
    assert killed > 0

    # What was killed blocks nobody: the same output can be made again.
    image = tmp_path / "image0.iso"
    nursery.start(log, *export_words(home, "study:1.2.3", image))
    assert nursery.end() == 0, log.read_text()
    assert [path.name for path in tmp_path.glob(".*.part")] in ([], [".image1.iso.part"])


def test_a_cancelled_export_says_so_and_leaves_nothing_half_made(
    tmp_path: Path, source: Path, nursery: CommandNursery
) -> None:
    home, log, image = tmp_path / "home", tmp_path / "log", tmp_path / "image.iso"
    child = nursery.start(log, *export_words(home, source, image))
    wait_for(log, "collect:")
    os.kill(child, signal.SIGINT)

    assert nursery.end() == 130
    assert "Traceback" not in log.read_text()
    assert list(tmp_path.glob("*.iso")) == []
    assert list(tmp_path.glob(".*.part")) == []
    with Station(home) as station:
        (job, *_) = station.jobs.latest(station.clock.now())
    assert (job.kind, job.state) == ("export", "cancelled")


def test_a_cancelled_addition_keeps_whole_files_only(
    tmp_path: Path, source: Path, nursery: CommandNursery
) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    child = nursery.start(log, "--home", home, "add", source)
    incoming = home / "incoming"
    while not list(incoming.glob("*/*")):
        pass
    os.kill(child, signal.SIGINT)
    code = nursery.end()

    assert code in {0, 130}
    assert list(incoming.iterdir()) == []
    nursery.start(log, "--home", home, "reindex", "--json", "--quiet")
    assert nursery.end() == 0
    assert json.loads(log.read_text())["findings"] == []


def wait_for(log: Path, text: str) -> None:
    while not log.exists() or text not in log.read_text():
        pass


# Runs in its own mount namespace; prints one JSON object.
_FULL_DISK = """
import json, subprocess, sys
from pathlib import Path
folder, source = Path(sys.argv[1]), sys.argv[2]
small = folder / "small"
small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", small], check=True)

def mediastation(*words):
    command = [sys.executable, "-m", "mediastation", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"code": done.returncode, "out": json.loads(done.stdout), "err": done.stderr}

home = ["--home", str(small / "home")]
# Somebody frees a little room afterwards: less than an image, more than rows take.
ballast = small / "ballast"
ballast.write_bytes(bytes(1 << 20))
added = mediastation(*home, "add", source)
rows = mediastation(*home, "list", "instances")["out"]["rows"]
ballast.unlink()
checked = mediastation(*home, "reindex")
export = ["export", "study:1.2.3", "--profile", "STD-GEN-CD", "--output"]
full = mediastation(*home, *export, str(small / "image.iso"))
left = [path.name for path in small.iterdir() if path.is_file()]
elsewhere = mediastation(*home, *export, str(folder / "image.iso"))
print(json.dumps({"added": added, "rows": len(rows), "checked": checked, "full": full,
                  "left": left, "elsewhere": elsewhere}))
"""


def test_a_full_disk_is_said_clearly_and_leaves_the_catalog_whole(
    tmp_path: Path, source: Path
) -> None:
    done = subprocess.run(
        [*in_mount_namespace(), sys.executable, "-c", _FULL_DISK, str(tmp_path), str(source)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"MEDIASTATION_DISK_RESERVE_BYTES": "0"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    for step in ("added", "full"):
        assert result[step]["code"] == 3, result[step]
        assert "Traceback" not in result[step]["err"]
        said = result[step]["out"]["error"]
        assert "is full" in said or "bytes left" in said or "are free" in said
        assert result[step]["out"]["hint"]
    assert 0 < result["rows"] < 120
    assert result["checked"]["code"] == 0, result["checked"]
    assert result["checked"]["out"] == {"indexed": result["rows"], "findings": []}
    assert result["left"] == []
    assert result["elsewhere"]["code"] == 0
    assert result["elsewhere"]["out"]["volumes"][0]["instances"] == result["rows"]
