"""What went wrong, and what to do: for whoever stands at the drive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mediastation.burn.explain import explain, trouble
from mediastation.burn.holders import holders
from mediastation.burn.trouble import SPOILING, Cause


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("device", ["/dev/sr0", "stdio:/tmp/{odd}/disc"])
def test_every_cause_has_its_sentence_and_what_to_do(cause: Cause, device: str) -> None:
    told = trouble(cause, device, "the drive's {own} words.")

    assert told.message.endswith(".")
    assert ".." not in told.message
    assert told.hint
    assert told.exit_code == 3


@pytest.mark.parametrize("cause", Cause)
def test_a_disc_that_was_being_written_is_to_be_destroyed(cause: Cause) -> None:
    assert ("spoiled" in trouble(cause, "/dev/sr0", wrote=True).hint) is (cause in SPOILING)
    assert "spoiled" not in trouble(cause, "/dev/sr0").hint


def test_what_nobody_understands_is_a_write_failure_once_writing_had_begun() -> None:
    """Better a good disc destroyed than a bad one handed out."""
    lines = ["xorriso : FAILURE : The moon is full"]

    assert explain("/dev/sr0", lines).cause is Cause.OTHER
    assert explain("/dev/sr0", lines, wrote=True).cause is Cause.WRITE_FAILED
    assert "The moon is full" in explain("/dev/sr0", lines, wrote=True).message


def test_who_keeps_a_drive_busy_is_named(tmp_path: Path) -> None:
    path = tmp_path / "disc"
    path.touch()
    code = f"import sys; file = open({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        other.stdout.readline()

        told = trouble(Cause.BUSY, f"stdio:{path}")

        assert f"process {other.pid}" in told.message
        assert holders(path) == [f"process {other.pid} ({_name(other.pid)}) has it open"]
    finally:
        other.communicate()


def _name(number: int) -> str:
    return Path(f"/proc/{number}/comm").read_text().strip()


def test_nobody_is_blamed_where_nobody_is_found(tmp_path: Path) -> None:
    (tmp_path / "disc").touch()

    assert holders(tmp_path / "disc") == []
    assert holders(tmp_path / "missing") == []


def test_a_mounted_disc_is_told_with_how_to_unmount_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = next(
        (line.split()[:2] for line in Path("/proc/self/mounts").read_text().splitlines()
         if line.startswith("/dev/") and Path(line.split()[0]).exists()),
        None,
    )  # fmt: skip
    if mounted is None:
        pytest.skip("nothing is mounted from a device here")
    told = trouble(Cause.BUSY, mounted[0])

    assert "mounted at" in told.message
    assert f"umount {mounted[0]}" in told.hint
