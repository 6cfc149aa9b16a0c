"""A thousand flipped bits in an image of each format: each found, and laid at the right door."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator

import pytest

from mediastation.model.finding import Finding
from mediastation.verify.reread import reread
from tests.support.damaged import MemoryAccess
from tests.support.written_media import IMAGE_FORMATS, SECTOR, WrittenMedium, write_medium

FLIPS = 1000
FLIPS_OF_FAT = 150
"""A FAT16 volume has 32 MiB at least, and all of it is read each time."""


@pytest.fixture(scope="module", params=IMAGE_FORMATS, ids=str)
def medium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> WrittenMedium:
    return write_medium(tmp_path_factory.mktemp("medium"), request.param)


def reading(medium: WrittenMedium, access: MemoryAccess) -> list[Finding]:
    return reread(medium.path, medium.manifest, lambda _: [], opener=access).findings


def bits(medium: WrittenMedium, chance: random.Random) -> Iterator[int]:
    """A third anywhere, one where something was written, one in the room behind files."""
    sectors = [
        at
        for at in range(0, len(medium.content), SECTOR)
        if medium.content[at : at + SECTOR].strip(b"\0")
    ]
    behind = [(end, medium.room(start, end)) for start, end, _ in medium.places]
    behind = [(end, room) for end, room in behind if room > end]
    for number in range(FLIPS_OF_FAT if medium.format.is_fat else FLIPS):
        if number % 3 == 0:
            yield chance.randrange(len(medium.content) * 8)
        elif number % 3 == 1:
            at = chance.choice(sectors)
            used = len(medium.content[at : at + SECTOR].rstrip(b"\0"))
            yield at * 8 + chance.randrange(used * 8)
        else:
            end, room = chance.choice(behind)
            yield chance.randrange(end * 8, room * 8)


def check_flip(medium: WrittenMedium, bit: int) -> str:
    """Return what the flip was laid at; fail where that is wrong."""
    offset = bit // 8
    sector = offset // SECTOR
    owner, inside = medium.owner(offset)
    findings = reading(medium, MemoryAccess(medium.content, flipped=bit))
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
    if told <= {("image-differs", str(medium.path)), ("not-zero", "unused")}:
        (finding,) = [finding for finding in findings if finding.rule == "not-zero"]
        assert f"sector {sector})" in finding.message
        return "free"
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
