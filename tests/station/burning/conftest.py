"""Images that are made once, a station that has made them, and a drive of the imagination."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.station.station import Station
from tests.support.burners import MemoryDrive, MemoryEngine
from tests.support.burning import SR0
from tests.support.discs import Images, make_images


@pytest.fixture(scope="package")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return make_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def station(tmp_path: Path, images: Images) -> Iterator[Station]:
    """A station of its own that has made the images."""
    shutil.copytree(images.home, tmp_path / "home")
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def drive(tmp_path: Path) -> MemoryDrive:
    return MemoryDrive(tmp_path / "disc")


@pytest.fixture
def engine(drive: MemoryDrive) -> MemoryEngine:
    return MemoryEngine({SR0: drive})
