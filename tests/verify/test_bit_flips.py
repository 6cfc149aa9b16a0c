"""A thousand flipped bits in an image of each format: each found, and laid at the right door."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from mediastation.model.finding import Finding
from mediastation.model.medium import Format
from mediastation.verify.reread import reread
from tests.support.damaged import MemoryAccess
from tests.support.written_media import IMAGE_FORMATS, SECTOR, WrittenMedium, write_medium

PARTS = 4
FLIPS = 1000 // PARTS
FREE_BYTES = 2 << 20
"""More than is read at a time: what is free is told once for each read."""


@pytest.fixture(scope="session", params=(*IMAGE_FORMATS, Format.FAT32), ids=str)
def medium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> WrittenMedium:
    return write_medium(tmp_path_factory.mktemp("medium"), request.param)


def reading(medium: WrittenMedium, flipped: Iterable[int]) -> list[Finding]:
    access = MemoryAccess(medium.content, flipped=tuple(flipped))
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
    for number in range(FLIPS):
        if number % 3 == 0:
            yield chance.randrange(len(medium.content) * 8)
        elif number % 3 == 1:
            at = chance.choice(sectors)
            used = len(medium.content[at : at + SECTOR].rstrip(b"\0"))
            yield at * 8 + chance.randrange(used * 8)
        else:
            end, room = chance.choice(behind)
            yield chance.randrange(end * 8, room * 8)


def errors_of(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.subject) for finding in findings if finding.severity == "error"}


def check_flip(medium: WrittenMedium, bit: int) -> str:
    """Return what the flip was laid at; fail where that is wrong."""
    offset = bit // 8
    sector = offset // SECTOR
    owner, inside = medium.owner(offset)
    findings = reading(medium, [bit])
    told = errors_of(findings)
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


def check_flips(medium: WrittenMedium, flipped: list[int]) -> list[str]:
    """Lay each of several flips, in rooms of their own, at its door and nothing at any other."""
    findings = reading(medium, flipped)
    differing, gaps, doors = set(), set(), []
    for bit in flipped:
        owner, inside = medium.owner(bit // 8)
        if inside:
            differing.add(owner)
        else:
            gaps.add((f"padding after {owner}" if owner else "unused", bit // 8 // SECTOR))
        doors.append("file" if inside else "padding" if owner else "free")
    assert {subject for rule, subject in errors_of(findings) if rule == "differs"} == differing
    assert {
        (finding.subject, int(finding.message.partition("(sector ")[2].partition(")")[0]))
        for finding in findings
        if finding.rule == "not-zero"
    } == gaps, f"bits {flipped}: {findings}"
    assert not [finding for finding in findings if finding.rule == "structure-differs"]
    return doors


def gathered(medium: WrittenMedium, drawn: Iterable[int]) -> tuple[list[int], list[list[int]]]:
    """Return flips to be made alone, and those that can be made together.

    A FAT volume has 32 MiB at least, with FAT32 four times as much, and all of
    it is read each time. What leads to others is flipped alone.
    """
    alone: list[int] = []
    together: list[list[int]] = []
    seen: Counter[object] = Counter()
    behind_all = max(medium.room(start, end) for start, end, _ in medium.places)
    for bit in drawn:
        owner, _ = medium.owner(bit // 8)
        is_free = bit // 8 >= behind_all
        if not medium.format.is_fat or owner == "DICOMDIR" or not (owner or is_free):
            alone.append(bit)
            continue
        room = owner or bit // 8 // FREE_BYTES
        if seen[room] == len(together):
            together.append([])
        together[seen[room]].append(bit)
        seen[room] += 1
    return alone, together


@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_each_of_a_thousand_flipped_bits_is_laid_at_the_right_file_or_sector(
    medium: WrittenMedium, part: int
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    alone, together = gathered(medium, bits(medium, random.Random(seed)))

    doors = [check_flip(medium, bit) for bit in alone]
    doors += [door for flipped in together for door in check_flips(medium, flipped)]

    counted = Counter(doors)
    print(medium.format, counted)
    assert {"file", "structure", "padding"} <= counted.keys()
    assert counted.total() == FLIPS
