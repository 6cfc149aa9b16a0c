"""A thousand flipped bits in an image of each format: each found, and laid at the right door."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator

import pytest

from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.reading.volume import open_volume
from mediastation.verify import verify_volume
from tests.support.damaged import MemoryAccess
from tests.support.written_media import IMAGE_FORMATS, SECTOR, WrittenMedium, write_medium

FLIPS = 1000


@pytest.fixture(scope="module", params=IMAGE_FORMATS, ids=str)
def medium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> WrittenMedium:
    return write_medium(tmp_path_factory.mktemp("medium"), request.param)


def reread(medium: WrittenMedium, access: MemoryAccess) -> list[Finding]:
    with open_volume(medium.path, opener=access) as volume:
        return verify_volume(volume, medium.manifest).findings


def bits(medium: WrittenMedium, chance: random.Random) -> Iterator[int]:
    """Half of them anywhere, half where something was written: most of an image is blank."""
    sectors = [
        at
        for at in range(0, len(medium.content), SECTOR)
        if medium.content[at : at + SECTOR].strip(b"\0")
    ]
    for number in range(FLIPS):
        if number % 2:
            yield chance.randrange(len(medium.content) * 8)
        else:
            at = chance.choice(sectors)
            used = len(medium.content[at : at + SECTOR].rstrip(b"\0"))
            yield at * 8 + chance.randrange(used * 8)


def check_flip(medium: WrittenMedium, bit: int) -> str:
    """Return what the flip was laid at; fail where that is wrong."""
    offset = bit // 8
    sector = offset // SECTOR
    owner, inside = medium.owner(offset)
    try:
        findings = reread(medium, MemoryAccess(medium.content, flipped=bit))
    except MediaError:
        assert not owner, f"bit {bit}: in {owner}, and nothing can be read"
        return "unreadable"
    told = {(finding.rule, finding.subject) for finding in findings if finding.severity == "error"}
    differing = {subject for rule, subject in told if rule == "differs"}
    if owner and inside:
        assert differing == {owner}, f"bit {bit} of {owner}: {findings}"
        return "file"
    if owner:
        (finding,) = [finding for finding in findings if finding.rule == "not-zero"]
        assert finding.subject == f"padding after {owner}", f"bit {bit}: {findings}"
        assert f"sector {sector})" in finding.message
        assert not differing, f"bit {bit} behind {owner}: {findings}"
        return "padding"
    named = [finding.message for finding in findings if finding.rule == "structure-differs"]
    assert named == [f"sector {sector} is not what was written"], f"bit {bit}: {findings}"
    return "structure"


def test_each_of_a_thousand_flipped_bits_is_laid_at_the_right_file_or_sector(
    medium: WrittenMedium,
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    doors = [check_flip(medium, bit) for bit in bits(medium, chance)]

    counted = {door: doors.count(door) for door in set(doors)}
    print(medium.format, counted)
    assert {"file", "structure", "padding"} <= counted.keys()
