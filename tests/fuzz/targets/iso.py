"""ISO 9660 volumes: descriptors and records whose numbers agree with each other, and lie."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

from mediastation.reading.contract import Volume
from mediastation.reading.iso9660 import IsoVolume
from tests.fuzz.mutation import HOSTILE_TEXTS, Spot, boundary, havoc, set_number
from tests.fuzz.oracles import require, require_harmless
from tests.fuzz.targets.images import FILES, made_by, opened
from tests.support.small_iso import SECTOR, small_iso

_PRIMARY = (
    (0, 1, 0), (6, 1, 0), (80, 4, 1), (120, 2, 1), (124, 2, 1), (128, 2, 1), (132, 4, 1),
    (140, 4, 0), (144, 4, 0), (148, 4, 2), (152, 4, 2), (156, 1, 0), (158, 4, 1), (166, 4, 1),
    (181, 1, 0), (188, 1, 0), (881, 1, 0),
)  # fmt: skip
"""Offset, width, and how: little endian, in both orders, or big endian."""
_RECORD = ((0, 1, 0), (1, 1, 0), (2, 4, 1), (2, 4, 1), (10, 4, 1), (10, 4, 1), (25, 1, 0),
           (26, 1, 0), (28, 2, 1), (32, 1, 0))  # fmt: skip


class IsoTarget:
    """The primary tree, path tables, sessions, spans."""

    name = "iso"
    roots: tuple[str, ...] = ("reading/iso", "reading/overlaps.py", "reading/random_access.py")
    most_bytes = 1 << 20

    def seeds(self, folder: Path | None) -> list[bytes]:
        """What pycdlib writes; and genisoimage and xorriso, with Joliet and Rock Ridge."""
        made = [small_iso(FILES)]
        if folder is not None:
            quiet = ("genisoimage", "-quiet")
            made += made_by(folder, *quiet, "-iso-level", "1", "-o", "IMAGE", "TREE")
            made += made_by(folder, *quiet, "-J", "-R", "-o", "IMAGE", "TREE")
            xorriso = ("xorriso", "-as", "mkisofs", "-quiet", "-J", "-o", "IMAGE", "TREE")
            made += made_by(folder, *xorriso)
        return made

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil fields in both byte orders, names, the number and the order of records."""
        raw = bytearray(data)
        primary = next(
            (at for at in range(16 * SECTOR, len(raw), SECTOR) if raw[at : at + 6] == b"\1CD001"),
            -1,
        )
        directories = [
            at for at in range(17 * SECTOR, len(raw) - 33, SECTOR)
            if raw[at] == 34 and raw[at + 32] == 1 and raw[at + 33] == 0
        ]  # fmt: skip
        if primary < 0 or not directories or rng.random() < 0.05:
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        blocks = [at // SECTOR for at in directories]
        pick = rng.randrange(13)
        if pick == 12:
            _table(rng, raw, primary, blocks)
        elif pick < 3:
            at, width, how = rng.choice(_PRIMARY)
            _set(rng, raw, primary + at, width, how, blocks)
        elif pick == 3:
            _add_session(rng, raw, primary)
        else:
            at = rng.choice(directories)
            records = _records(raw, at)
            if pick < 8:
                record = rng.choice(records)
                offset, width, how = rng.choice(_RECORD)
                _set(rng, raw, record + offset, width, how, blocks)
            elif pick == 8:
                record = rng.choice(records)
                text = rng.choice(HOSTILE_TEXTS)[: max(1, raw[record + 32])]
                raw[record + 33 : record + 33 + len(text)] = text
            elif pick == 9:
                _many_records(rng, raw, at, records, directories)
            elif pick == 10:
                place = rng.choice((18, 19, 20, rng.randrange(17, max(18, len(raw) // SECTOR))))
                raw[place * SECTOR : (place + 1) * SECTOR] = raw[primary : primary + SECTOR]
                raw[place * SECTOR] = rng.choice((0, 1, 2, 3, 255))
            else:
                target = rng.choice(directories)
                raw[target : target + SECTOR] = raw[at : at + SECTOR]
        return bytes(raw[: self.most_bytes])

    def run(self, data: bytes) -> set[str]:
        """Open it, read all of it, its path tables and its records once more."""
        return opened(IsoVolume, data, _look)


def _look(volume: Volume, said: set[str]) -> None:
    assert isinstance(volume, IsoVolume)
    said.add(
        f"pure {volume.is_pure} {volume.has_udf} {volume.block_size} {volume.session_sector > 0}"
    )
    for name in volume.primary.path_tables:
        try:
            count = sum(1 for _ in volume.iter_path_table(name))
        except OSError:
            continue
        require(count * 8 <= volume.size_bytes, "a path table longer than the image")
    for directory in volume.directories:
        require_harmless(directory.shown, "directory")
        try:
            for record in volume.iter_directory_records(directory):
                said.add(f"record {record.flags} {record.interleaved}")
        except OSError:
            said.add("records unreadable")


def _set(rng: Random, raw: bytearray, at: int, width: int, how: int, blocks: list[int]) -> None:
    """Change a number; where it stands in both orders, seldom in one alone."""
    if at + 2 * width > len(raw):
        return
    spot = Spot(at, width, "big" if how == 2 else "little", how == 1, own=at // SECTOR)
    value = boundary(rng, spot, raw, blocks)
    if width == 1 and rng.random() < 0.5:
        value = rng.choice((0, 1, 2, 4, 8, 16, 0x80, 0x82, 34, 255))
    set_number(raw, spot, value, both=rng.random() < 0.9)


def _records(raw: bytearray, at: int) -> list[int]:
    found, end = [], at + SECTOR
    while at < end and at + 34 <= len(raw) and raw[at] >= 34:
        found.append(at)
        at += raw[at]
    return found or [at - raw[at] if at >= end else at]


def _many_records(
    rng: Random, raw: bytearray, at: int, records: list[int], directories: list[int]
) -> None:
    """Let a directory have a record many times: as links, as extents of one file, as folders."""
    record = rng.choice(records)
    piece = bytearray(raw[record : record + raw[record]])
    if len(piece) < 34:
        return
    flags = rng.choice((0, 0x80, 2, piece[25]))
    piece[25] = flags
    if rng.random() < 0.5:
        size = rng.choice((len(raw), len(raw) // 2, SECTOR, (1 << 32) - 1))
        set_number(piece, Spot(10, 4, both=True), size)
        set_number(piece, Spot(2, 4, both=True), rng.choice((0, *directories)) // SECTOR)
    space = bytearray()
    for number in range(rng.choice((10, 60, 1000, 6000))):
        if len(piece) > 40 and rng.random() < 0.5:
            piece[33:37] = b"%04d" % (number % 10000)
        if SECTOR - len(space) % SECTOR < len(piece):
            space += bytes(SECTOR - len(space) % SECTOR)
        space += piece
    space += bytes(-len(space) % SECTOR)
    place = len(raw) + -len(raw) % SECTOR
    if place + len(space) > 1 << 20:
        return
    raw += bytes(place - len(raw))
    head = bytes(raw[at : at + 68])
    raw += head + space[68:] if rng.random() < 0.3 else space
    for one in directories:
        for entry in _records(raw, one):
            if raw[entry + 2 : entry + 6] == (at // SECTOR).to_bytes(4, "little"):
                set_number(raw, Spot(entry + 2, 4, both=True), place // SECTOR)
                set_number(raw, Spot(entry + 10, 4, both=True), len(space))
    if raw[16 * SECTOR + 158 : 16 * SECTOR + 162] == (at // SECTOR).to_bytes(4, "little"):
        set_number(raw, Spot(16 * SECTOR + 158, 4, both=True), place // SECTOR)
        set_number(raw, Spot(16 * SECTOR + 166, 4, both=True), len(space))


def _table(rng: Random, raw: bytearray, primary: int, blocks: list[int]) -> None:
    """Append a path table whose directories lie inside each other, and let it count."""
    raw += bytes(-len(raw) % SECTOR)
    table = bytearray()
    length = rng.choice((1, 2, 8, 31, 200))
    for number in range(1, rng.choice((3, 40, 1000, 15_000))):
        if len(raw) + len(table) > 1 << 19:
            break
        block = rng.choice(blocks) if rng.random() < 0.2 else rng.choice((0, 20, 24, 1 << 31))
        parent = max(1, number - 1) if rng.random() < 0.95 else rng.randrange(1 << 16)
        name = b"\0" if number == 1 else bytes([65 + number % 26]) * length
        table += struct.pack("<BBIH", len(name), 0, block, parent & 0xFFFF) + name
        table += bytes(len(name) % 2)
    place = len(raw) // SECTOR
    raw += table
    if rng.random() < 0.7:  # a table counts where the tree is damaged
        raw[rng.choice(blocks) * SECTOR + 68] = rng.choice((1, 33, 255))
    set_number(raw, Spot(primary + 132, 4, both=True), len(table))
    raw[primary + 140 : primary + 144] = place.to_bytes(4, "little")
    set_number(raw, Spot(primary + 80, 4, both=True), -(-len(raw) // SECTOR))


def _add_session(rng: Random, raw: bytearray, primary: int) -> None:
    """Append the descriptors again, as a later session has them."""
    raw += bytes(-len(raw) % SECTOR)
    begin = len(raw) // SECTOR
    if (begin + 20) * SECTOR > 1 << 20:
        return
    raw += bytes(16 * SECTOR) + raw[primary : primary + 2 * SECTOR]
    again = (begin + 16) * SECTOR
    if rng.random() < 0.7:
        root = int.from_bytes(raw[primary + 158 : primary + 162], "little") * SECTOR
        place = len(raw) // SECTOR
        raw += raw[root : root + SECTOR]
        set_number(raw, Spot(again + 158, 4, both=True), place)
        if len(raw) >= place * SECTOR + 34:
            set_number(raw, Spot(place * SECTOR + 2, 4, both=True), place)
    claimed = rng.choice((len(raw) // SECTOR, 20, 0, 1 << 31))
    set_number(raw, Spot(again + 80, 4, both=True), claimed)
