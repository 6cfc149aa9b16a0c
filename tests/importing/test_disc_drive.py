"""A block device with bad sectors, as the kernel gives it: sector by sector, nothing else lost."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.importing import disc_drive
from mediastation.importing.disc_copy import copy_disc
from mediastation.importing.disc_drive import open_drive
from mediastation.reading.contract import Extent
from mediastation.reading.fresh import DirectAccess
from mediastation.reading.random_access import RandomAccess
from tests.support.damaged import MemoryAccess

SECTOR = 2048
SECTORS = 1600


@pytest.fixture
def device(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A loop device with the sectors of a disc, and the file that it stands on."""
    backing = tmp_path / "backing"
    backing.write_bytes(random.Random(1).randbytes(SECTORS * SECTOR))
    program = shutil.which("losetup") if os.geteuid() == 0 else None
    if program is None:
        pytest.skip("only root makes loop devices")
    made = subprocess.run(
        [program, "--find", "--show", "--sector-size", str(SECTOR), str(backing)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    try:
        yield Path(made.stdout.strip()), backing
    finally:
        subprocess.run([program, "--detach", made.stdout.strip()], check=True)


@pytest.mark.parametrize("lost", [1, 2, 37, 150])
def test_bad_sectors_of_a_device_take_no_neighbour_along(
    device: tuple[Path, Path], tmp_path: Path, lost: int
) -> None:
    """A page of memory has two sectors: whoever reads through it loses both."""
    drive, backing = device
    data = backing.read_bytes()
    os.truncate(backing, (SECTORS - lost) * SECTOR)

    copy = copy_disc(drive, tmp_path / "disc.img")

    assert copy.bad == (Extent((SECTORS - lost) * SECTOR, lost * SECTOR),)
    assert copy.path.read_bytes() == data[: (SECTORS - lost) * SECTOR] + bytes(lost * SECTOR)


def test_a_device_is_read_past_the_cache(device: tuple[Path, Path]) -> None:
    access = open_drive(device[0], RandomAccess)
    try:
        assert isinstance(access, DirectAccess)
        assert access.read_at(3 * SECTOR, 10) == device[1].read_bytes()[3 * SECTOR :][:10]
    finally:
        access.close()


def test_where_that_is_not_supported_the_cache_has_to_do(
    device: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(DirectAccess):
        def read_at(self, *_: int) -> bytes:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(disc_drive, "DirectAccess", Refused)
    access = open_drive(device[0], RandomAccess)
    try:
        assert type(access) is RandomAccess
    finally:
        access.close()


def test_files_and_other_openers_are_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(b"x" * SECTOR)
    memory = MemoryAccess(b"x" * SECTOR, is_device=True)

    access = open_drive(tmp_path / "a.iso", RandomAccess)
    try:
        assert type(access) is RandomAccess
    finally:
        access.close()
    assert open_drive(tmp_path / "a.iso", memory) is memory
