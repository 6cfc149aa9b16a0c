"""Anchors at the end of a disc that is larger than its image."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.burn.anchors import TAIL_SECTORS, read_tail
from mediastation.burn.drive import Disc, DiscStatus
from mediastation.burn.plan import BurnOptions, ImageFacts, plan_burn
from mediastation.errors import MediaError
from mediastation.reading.udf import UdfVolume
from tests.support.peers import run_peer

SECTOR = 2048
CAPACITY = 4096


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A UDF volume that somebody else made."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "FILE").write_bytes(b"content" * 1000)
    path = tmp_path / "volume.iso"
    run_peer("genisoimage", "-quiet", "-udf", "-o", path, tree)
    return path


def disc_of(image: Path, tail: bytes) -> Path:
    """Return a disc of `CAPACITY` sectors with the image at its front."""
    disc = image.with_name("disc")
    front = image.read_bytes()
    disc.write_bytes(front + bytes(CAPACITY * SECTOR - len(front) - len(tail)) + tail)
    return disc


def test_a_strict_reader_finds_its_anchors(image: Path) -> None:
    disc = disc_of(image, read_tail(image, CAPACITY))

    with UdfVolume(disc) as volume:
        assert "anchors" not in [finding.rule for finding in volume.findings]


def test_without_them_it_would_not(image: Path) -> None:
    disc = disc_of(image, b"")

    with UdfVolume(disc) as volume:
        assert "anchors" in [finding.rule for finding in volume.findings]


def test_they_alone_lead_to_the_volume(image: Path) -> None:
    """With sector 256 scratched, another program still finds everything."""
    disc = disc_of(image, read_tail(image, CAPACITY))
    raw = bytearray(disc.read_bytes())
    raw[256 * SECTOR : 257 * SECTOR] = bytes(SECTOR)
    disc.write_bytes(raw)

    said = run_peer("udfinfo", "-b", "2048", disc).stdout

    assert "numfiles=" in said


def test_an_image_without_an_anchor_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    path.write_bytes(bytes(300 * SECTOR))

    with pytest.raises(MediaError):
        read_tail(path, CAPACITY)


@pytest.mark.parametrize(
    ("kind", "random_access", "revision", "tail"),
    [
        ("BD-RE", True, "2.50", True),
        ("DVD-RAM", True, "1.50", True),
        ("DVD+RW", True, "1.02", True),
        ("DVD-R", False, "1.02", False),
        ("BD-R", False, "2.60", False),
        ("DVD+RW", True, "", False),
        ("file", True, "2.50", False),
    ],
)
def test_only_discs_that_are_written_anywhere_need_them(
    kind: str, random_access: bool, revision: str, tail: bool
) -> None:
    disc = Disc(kind, DiscStatus.BLANK, 100_000, 100_000, is_random_access=random_access)
    image = ImageFacts("i", 700 * SECTOR, not revision, revision)

    plan = plan_burn(disc, image, BurnOptions())

    assert plan.tail_sector == (100_000 - TAIL_SECTORS if tail else 0)
    assert plan.padding_sectors == (150 if kind == "file" and not revision else 0)
