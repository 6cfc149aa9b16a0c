"""FAT volumes: boot sectors, chains, directory entries and long names."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from mediastation.reading.contract import Volume
from mediastation.reading.fat import FatVolume
from mediastation.reading.fat_boot import looks_fat
from tests.fuzz.mutation import HOSTILE_TEXTS, Spot, boundary, havoc, set_number
from tests.fuzz.oracles import require, require_harmless
from tests.fuzz.targets.images import FILES, made_by, opened
from tests.support.damaged import MemoryAccess
from tests.support.fat_images import DIRECTORY, HIDDEN, LABEL, Fat, dots, entry, long_name, named
from tests.support.file_sets import write_folder

_BOOT = ((11, 2), (13, 1), (14, 2), (16, 1), (17, 2), (19, 2), (21, 1), (22, 2), (32, 4), (36, 4),
         (40, 2), (44, 4), (48, 2), (50, 2), (37, 1), (65, 1), (510, 2), (0, 1))  # fmt: skip
_ENTRY = ((0, 1), (11, 1), (12, 1), (20, 2), (26, 2), (28, 4), (13, 1))
_PARTITION = ((446, 1), (450, 1), (454, 4), (458, 4), (462, 1), (466, 1), (470, 4), (510, 2))
_ATTRIBUTES = (0, 1, 2, 4, 8, 0x0F, 0x10, 0x18, 0x20, 0x3F, 0x40, 0xFF)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things lie by the boot sector's word; nothing of it is believed by the reader."""

    boot: int
    kind: int
    fats: int
    fat: int
    fat_bytes: int
    root: int
    root_bytes: int
    data: int
    cluster: int


def _layout(raw: bytearray) -> _Layout | None:
    start = 0
    if raw[0] not in (0xEB, 0xE9):
        start = struct.unpack_from("<I", raw, 454)[0] * 512
        if start + 512 > len(raw):
            return None
    sector, per, reserved, fats, entries = struct.unpack_from("<HBHBH", raw, start + 11)
    sectors = struct.unpack_from("<H", raw, start + 22)[0]
    wide = not sectors
    sectors = sectors or struct.unpack_from("<I", raw, start + 36)[0]
    if sector not in (512, 1024, 2048, 4096) or not per or fats > 8 or not sectors:
        return None
    fat = start + reserved * sector
    root = fat + fats * sectors * sector
    data = root + entries * 32
    if data >= len(raw):
        return None
    clusters = (len(raw) - data) // (sector * per)
    kind = 32 if wide else 12 if clusters < 4085 else 16
    return _Layout(start, kind, fats, fat, sectors * sector, root, entries * 32, data, sector * per)


def _tree(kind: int, **changes: object) -> Fat:
    """Files of one and three pieces, long names, an empty one, a label, a folder in a folder."""
    short = entry("LONGNA~1.DCM", 10, 700)
    root = entry("TESTDISK", 0, 0, LABEL) + entry("DICOMDIR", 3, 12) + entry("D", 4, 0, DIRECTORY)
    root += long_name("A long name.dcm", short) + short
    root += named("lower", "LOWER", 12, 3, HIDDEN) + b"\xe5" + entry("GONE", 3, 9)[1:]
    inside = dots(4, 0) + entry("LARGE", 9, 1300) + entry("EMPTY") + entry("E", 13, 0, DIRECTORY)
    deep = dots(13, 4) + named("\u00e4\u0416\U0001f642", "X~1", 14, 20)
    data = {3: b"twelve bytes", 4: inside, 9: bytes(512), 7: b"a" * 512, 8: b"b" * 276,
            10: b"c" * 512, 11: b"d" * 188, 12: b"abc", 13: deep, 14: b"e" * 20}  # fmt: skip
    chains = [[3], [4], [9, 7, 8], [10, 11], [12], [13], [14]]
    if kind == 32:
        chains.append([2])
    return Fat(kind, root, chains, data=data, **changes)  # type: ignore[arg-type]


class FatTarget:
    """The volume, its entries, its spans."""

    name = "fat"
    roots: tuple[str, ...] = ("reading/fat", "reading/iso_spans.py", "reading/random_access.py")
    most_bytes = 3 << 20

    def seeds(self, folder: Path | None) -> list[bytes]:
        """All three widths, in a partition too; one of mkfs.fat and mcopy."""
        made = [
            _tree(12, clusters=80).build(), _tree(16).build(), _tree(32, clusters=100).build(),
            _tree(12, clusters=60, partition=63).build(),
            _tree(32, clusters=60, links={20: 0x0FFFFFF7}, first={30: 31}).build(),
        ]  # fmt: skip
        if folder is not None:
            tree = write_folder(FILES, folder / "tree")
            for kind in ("12", "16", "32"):
                done = made_by(
                    folder, "mkfs.fat", "-C", "-F", kind, "-s", "1", "IMAGE",
                    "300" if kind != "16" else "2200",
                )  # fmt: skip
                for image in done:
                    path = folder / f"fat{kind}.img"
                    path.write_bytes(image)
                    made_by(folder, "mcopy", "-s", "-i", path, tree / "DICOM", "::")
                    made.append(path.read_bytes())
        return made

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil the boot sector, links of chains, entries and names."""
        raw = bytearray(data)
        layout = _layout(raw) if len(raw) >= 1024 else None
        if layout is None or rng.random() < 0.05:
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        pick = rng.randrange(12)
        if pick < 2:
            at, width = rng.choice(_BOOT)
            spot = Spot(layout.boot + at, width)
            set_number(raw, spot, boundary(rng, spot, raw))
        elif pick == 2:
            at, width = rng.choice(_PARTITION)
            spot = Spot(at, width)
            set_number(raw, spot, boundary(rng, spot, raw, (layout.boot // 512,)))
        elif pick < 7:
            _relink(rng, raw, layout)
        else:
            _entries(rng, raw, layout, pick)
        return bytes(raw[: self.most_bytes])

    def run(self, data: bytes) -> set[str]:
        """Open it, read all of it, and its entries once more."""
        looks_fat(MemoryAccess(data))
        return opened(FatVolume, data, _look)


def _look(volume: Volume, said: set[str]) -> None:
    assert isinstance(volume, FatVolume)
    require_harmless(volume.label, "label")
    require(volume.free_clusters >= -1, "fewer than no free clusters")
    require(0 <= volume.lost_clusters <= volume.boot.clusters, "lost clusters")
    said.add(f"{volume.kind} {volume.copies_are_equal} {volume.information is None}")
    for directory in volume.directories:
        require_harmless(directory.short, "short path")
        try:
            for one in volume.iter_entries(directory):
                said.add(f"entry {one.attributes & 0x1F} {one.deleted} {one.stray}")
        except OSError:
            said.add("entries unreadable")


def _relink(rng: Random, raw: bytearray, layout: _Layout) -> None:
    """Change a few links of the table, in all copies or in the first."""
    last = {12: 0xFFF, 16: 0xFFFF, 32: 0x0FFFFFFF}[layout.kind]
    count = min(layout.fat_bytes * 8 // layout.kind, (len(raw) - layout.data) // layout.cluster + 2)
    all_copies = rng.random() < 0.8
    if count <= 2:
        return
    changes: dict[int, int] = {}
    pick = rng.randrange(5)
    if pick == 0:
        begin, length = rng.randrange(2, count), rng.choice((10, 100, 4000))
        changes = {n: n + 1 for n in range(begin, min(begin + length, count))}
        if rng.random() < 0.5:
            changes[min(begin + length, count) - 1] = begin
    elif pick == 1:
        order = list(range(2, count))
        rng.shuffle(order)
        changes = dict(pairwise(order))
    else:
        near = rng.randrange(2, min(count, 40))
        value = rng.choice((
            0, 1, 2, near, near + 1, near - 1, rng.randrange(2, min(count, 40)), last, last - 8,
            last & ~7, count, count - 1, last - 1, rng.randrange(count),
        ))  # fmt: skip
        changes = {near: value & last}
    for number in range(layout.fats if all_copies else 1):
        for cluster, value in changes.items():
            _set_link(raw, layout, number, cluster, value)


def _set_link(raw: bytearray, layout: _Layout, number: int, cluster: int, value: int) -> None:
    base = layout.fat + number * layout.fat_bytes
    if layout.kind == 12:
        at = base + cluster * 3 // 2
        pair = int.from_bytes(raw[at : at + 2], "little")
        pair = pair & 0xF | value << 4 if cluster & 1 else pair & 0xF000 | value
        raw[at : at + 2] = (pair & 0xFFFF).to_bytes(2, "little")
    else:
        width = layout.kind // 8
        at = base + cluster * width
        raw[at : at + width] = value.to_bytes(width, "little")


def _entries(rng: Random, raw: bytearray, layout: _Layout, pick: int) -> None:
    """Change entries of a directory: fields, names, their number, their order."""
    areas = [layout.root] if layout.root_bytes else []
    end = min(len(raw), layout.data + 64 * layout.cluster)
    areas += [
        at for at in range(layout.data, end, layout.cluster)
        if raw[at : at + 11] == b".          " or (at == layout.data and layout.kind == 32)
    ]  # fmt: skip
    if not areas:
        return
    area = rng.choice(areas)
    used = [at for at in range(area, min(area + 512, len(raw) - 32), 32) if raw[at]]
    if not used:
        return
    at = rng.choice(used)
    if pick < 9:
        offset, width = rng.choice(_ENTRY)
        spot = Spot(at + offset, width)
        value = boundary(rng, spot, raw, (2, 3, 4, 9, 13))
        if offset == 11:
            value = rng.choice(_ATTRIBUTES)
        elif offset in (26, 20) and rng.random() < 0.6:
            value = rng.choice((0, 1, 2, 3, 4, 9, 13)) if offset == 26 else 0
        set_number(raw, spot, value)
    elif pick == 9:
        text = rng.choice(HOSTILE_TEXTS)
        if rng.random() < 0.5:
            raw[at : at + 11] = text[:11].ljust(11, rng.choice((b" ", b"\0", b".")))
        else:
            own = bytes(raw[at : at + 32])
            made = long_name(text.decode("latin-1")[:120] or "x", own) + own
            raw[at : at + len(made)] = made
    elif pick == 10:
        piece = bytes(raw[at : at + 32])
        for number in range(rng.choice((2, 16, 400))):
            place = area + len(used) * 32 + number * 32
            if place + 32 > len(raw):
                break
            raw[place : place + 32] = piece[:7] + bytes([65 + number % 26]) + piece[8:]
    else:
        other = rng.choice(used)
        one, two = bytes(raw[at : at + 32]), bytes(raw[other : other + 32])
        raw[at : at + 32], raw[other : other + 32] = two, one
