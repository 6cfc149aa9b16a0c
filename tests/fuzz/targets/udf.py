"""UDF volumes: descriptors spoiled and signed again, so that the reader believes them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from random import Random

from mediastation.errors import MediaError
from mediastation.reading.contract import Volume
from mediastation.reading.udf import UdfVolume
from mediastation.reading.udf_recognition import looks_udf
from tests.fuzz.mutation import HOSTILE_TEXTS, Spot, boundary, havoc, set_number
from tests.fuzz.oracles import require, require_harmless
from tests.fuzz.targets.images import made_by, opened
from tests.support.damaged import MemoryAccess
from tests.support.udf_images import (
    BLOCK,
    DIRECTORY,
    KINDS,
    META_REFERENCE,
    amend,
    built,
    entry,
    long_ad,
    name,
    short_ad,
    tagged,
)  # fmt: skip

_TAGS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 256, 257, 258, 259, 261, 266}
_FIELDS: dict[int, tuple[tuple[int, int], ...]] = {
    0: ((48, 2), (52, 4), (56, 4), (60, 4)),
    1: ((16, 4), (56, 2), (58, 2), (60, 2)),
    2: ((16, 4), (20, 4), (24, 4), (28, 4)),
    3: ((20, 4), (24, 4)),
    5: ((22, 2), (56, 4), (60, 4), (184, 4), (188, 4), (192, 4)),
    6: ((212, 4), (240, 2), (248, 4), (252, 4), (256, 2), (264, 4), (268, 4), (432, 4), (436, 4),
        (440, 1), (441, 1), (444, 2), (478, 2), (480, 4), (484, 4), (486, 2), (488, 1), (492, 4),
        (496, 4)),
    9: ((28, 4), (32, 4), (36, 4), (72, 4), (76, 4)),
    256: ((40, 4), (44, 4), (400, 4), (404, 4), (408, 2), (448, 4), (452, 4)),
    257: ((16, 2), (18, 1), (19, 1), (20, 4), (24, 4), (28, 2), (36, 2), (38, 1)),
    258: ((20, 4), (24, 4), (28, 4), (32, 4)),
    259: ((36, 4), (40, 4), (44, 2)),
    261: ((20, 2), (27, 1), (34, 2), (48, 2), (56, 8), (168, 4), (172, 4), (176, 4), (180, 4),
          (184, 4)),
    266: ((20, 2), (27, 1), (34, 2), (48, 2), (56, 8), (152, 4), (208, 4), (212, 4), (216, 4),
          (220, 4), (224, 4), (232, 4)),
}  # fmt: skip
_TYPES = (0, 4, 5, 12, 248, 249, 250, 251)
_TEXT_PLACES = {1: (24, 32), 6: (84, 128), 257: (38, 16)}


@dataclass(frozen=True, slots=True)
class _Found:
    """A descriptor: where, what, and the block that it says it is in."""

    at: int
    tag: int
    location: int
    length: int


def _tree(kind: str) -> dict[int, bytes]:
    """Files in one and two pieces, inside their entry, behind a continuation; a link."""
    ref = META_REFERENCE[kind]
    top = name("", 2, ref, 3, traits=10)
    for text, block, traits in (
        ("DICOMDIR", 6, 0), ("D", 4, 2), ("LINK", 9, 0), ("\u0416", 10, 0), ("HIDDEN", 6, 1),
        ("GONE", 6, 4),
    ):  # fmt: skip
        top += name(text, block, ref, 3, traits=traits)
    below = name("", 2, ref, 5, traits=10) + name("LARGE", 7, ref, 5) + name("INSIDE", 8, ref, 5)
    more = struct.pack("<II", 0, 16) + long_ad(100, 71)
    return {
        2: entry(2, short_ad(len(top), 3), len(top), kind=DIRECTORY, ads=0),
        3: top,
        4: entry(4, short_ad(len(below), 5), len(below), kind=DIRECTORY, ads=0),
        5: below,
        6: entry(6, long_ad(12, 68), 12),
        7: entry(7, long_ad(2 * BLOCK, 70) + long_ad(3000, 64, kind=2), 2 * BLOCK + 3000),
        8: entry(8, b"twelve bytes", 12, ads=3),
        9: entry(9, long_ad(12, 68), 12, kind=12),
        10: entry(10, long_ad(BLOCK, 72) + long_ad(BLOCK, 11, ref, kind=3), BLOCK + 100),
        11: tagged(258, 11, more),
    }


class UdfTarget:
    """The volume by every partition map, its names, its spans."""

    name = "udf"
    roots: tuple[str, ...] = (
        "reading/udf",
        "reading/overlaps.py",
        "reading/iso_spans.py",
        "reading/random_access.py",
    )
    most_bytes = 3 << 20

    def seeds(self, folder: Path | None) -> list[bytes]:
        """One of every partition map; those of genisoimage, mkudffs and xorriso."""
        data = {68: b"twelve bytes", 70: bytes(range(256)) * 16}
        made = [built(_tree(kind), data, kind) for kind in KINDS]
        made.append(built(_tree("metadata"), data, "metadata", access_type=4))
        if folder is not None:
            made += made_by(folder, "genisoimage", "-quiet", "-udf", "-o", "IMAGE", "TREE")
            for revision, block in (("1.50", 2048), ("2.01", 512), ("2.50", 2048)):
                image = folder / f"mkudffs-{block}-{revision}.img"
                image.write_bytes(bytes(1 << 20))
                made_by(folder, "mkudffs", "-b", str(block), "-r", revision, image)
                made.append(image.read_bytes())
        return made

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil fields of descriptors and sign them again; move, double and plant descriptors."""
        raw = bytearray(data)
        if rng.random() < 0.06:
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        found = list(_descriptors(raw))
        if not found:
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        by_tag: dict[int, list[_Found]] = {}
        for one in found:
            by_tag.setdefault(one.tag, []).append(one)
        one = rng.choice(by_tag[rng.choice(list(by_tag))])
        pick = rng.randrange(15)
        if pick == 0:
            _plant(rng, raw, one, found)
        elif pick == 12:
            _indirect(rng, raw, found)
        elif pick == 13:
            _point_on(rng, raw, found)
        elif pick == 1:
            _many_names(rng, raw, found)
        elif pick == 2:
            _set_text(rng, raw, one)
        elif pick == 3:
            _continue(rng, raw, found)
        elif pick == 4:
            raw[one.at : one.at + 16] = bytes(16)
            return bytes(raw)
        else:
            _set_field(rng, raw, one, found)
        if rng.random() < 0.92:
            amend(raw, one.at, {})
        return bytes(raw)

    def run(self, data: bytes) -> set[str]:
        """Open it, read all of it, and its names once more."""
        looks_udf(MemoryAccess(data))
        return opened(UdfVolume, data, _look)


def _look(volume: Volume, said: set[str]) -> None:
    assert isinstance(volume, UdfVolume)
    require_harmless(repr(volume.volume_identifier), "volume identifier")
    said.update(f"kind {kind}" for kind in volume.partition_kinds)
    said.add(f"pure {volume.is_pure} {volume.integrity is None} {len(volume.file_sets)}")
    require(len(volume.directories) <= 100_000, "too many directories")
    try:
        for found in volume.iter_names():
            require_harmless(found.path, "name")
    except MediaError:
        said.add("names unreadable")


def _descriptors(raw: bytearray) -> list[_Found]:
    """Return what carries a tag whose checksum is right, the names in directories too."""
    found = []
    for at in range(0, len(raw) - 511, 512):
        if not raw[at + 2]:
            continue
        where = at
        while where + 16 <= len(raw):
            tag, _, check, _, _, _, length, location = struct.unpack_from("<HHBBHHHI", raw, where)
            if (
                tag not in _TAGS
                or (sum(raw[where : where + 4]) + sum(raw[where + 5 : where + 16])) & 0xFF != check
            ):
                break
            found.append(_Found(where, tag, location, length))
            if tag != 257:
                break
            where += (16 + length + 3) & ~3
    return found


def _set_field(rng: Random, raw: bytearray, one: _Found, found: list[_Found]) -> None:
    known = _FIELDS.get(one.tag, ())
    if known and rng.random() < 0.85:
        at, width = rng.choice(known)
    else:
        width = rng.choice((1, 2, 4, 4, 8))
        at = rng.randrange(16, max(17, 16 + one.length - width))
    if one.at + at + width > len(raw):
        return
    blocks = [rng.choice(found).location for _ in range(4)]
    spot = Spot(one.at + at, width, own=one.location)
    value = boundary(rng, spot, raw, blocks)
    if (one.tag in (261, 266) and at == 27) or (one.tag == 257 and at == 18):
        value = rng.choice(_TYPES)
    elif width == 4 and rng.random() < 0.15:
        now = int.from_bytes(raw[spot.at : spot.at + 4], "little")
        value = now & 0x3FFFFFFF | rng.randrange(4) << 30
    set_number(raw, spot, value)


def _plant(rng: Random, raw: bytearray, one: _Found, found: list[_Found]) -> None:
    """Put a descriptor where another one is, as if it had been written for that place."""
    other = rng.choice(found)
    length = 16 + one.length
    raw[other.at : other.at + length] = raw[one.at : one.at + length]
    amend(raw, other.at, {}, location=other.location)


def _many_names(rng: Random, raw: bytearray, found: list[_Found]) -> None:
    """Let a directory have its names many times over."""
    folders = [one for one in found if one.tag in (261, 266) and raw[one.at + 27] == DIRECTORY]
    names = [one for one in found if one.tag == 257]
    if not folders or not names:
        return
    folder, block = rng.choice(folders), 80
    total = bytearray()
    chosen = [rng.choice(names) for _ in range(rng.choice((1, 3)))]
    for number in range(rng.choice((3, 50, 400))):
        one = chosen[number % len(chosen)]
        piece = bytearray(raw[one.at : one.at + (16 + one.length + 3 & ~3)])
        if rng.random() < 0.7 and len(piece) > 40:
            piece[39:] = rng.choice((b"A", b"I%04d" % number, rng.randbytes(4))).ljust(
                len(piece) - 39, b"\0"
            )
        amend(piece, 0, {}, location=block + len(total) // BLOCK)
        total += piece
    at = folder.at - folder.location * BLOCK + block * BLOCK
    if at + len(total) > len(raw):
        return
    raw[at : at + len(total)] = total
    data_at = 216 if folder.tag == 266 else 176
    fields = {56: len(total).to_bytes(8, "little"), data_at: short_ad(len(total), block)}
    fields[34] = b"\0\0"
    fields[data_at - 8] = struct.pack("<II", 0, 8)
    amend(raw, folder.at, fields)


def _continue(rng: Random, raw: bytearray, found: list[_Found]) -> None:
    """Let the allocation descriptors of a file go on in a block of their own, or in a circle."""
    files = [one for one in found if one.tag in (261, 266)]
    others = [one for one in found if one.tag == 258] or files
    if not files:
        return
    one, other = rng.choice(files), rng.choice(others)
    reference = rng.choice((0, 0, 1, 2, 0xFFFF))
    if rng.random() < 0.2:
        _extended(rng, raw, one, found)
        return
    data_at = 216 if one.tag == 266 else 176
    count = rng.choice((1, 2, 100))
    ads = b"".join(
        long_ad(rng.choice((1, 12, BLOCK, 1 << 29, (1 << 30) - 1)), rng.choice(found).location,
                reference, rng.choice((0, 0, 1, 2)))
        for _ in range(count)
    ) + long_ad(BLOCK, other.location, reference, 3)  # fmt: skip
    if one.at + data_at + len(ads) > len(raw) or len(ads) > 1800:
        return
    size = rng.choice((1, 12, 1 << 20, 1 << 31, 1 << 40, (1 << 64) - 1))
    amend(raw, one.at, {
        10: struct.pack("<H", min(data_at + len(ads) - 16, 2032)), 34: struct.pack("<H", 1),
        56: struct.pack("<Q", size), data_at - 8: struct.pack("<II", 0, len(ads)), data_at: ads,
    })  # fmt: skip
    if rng.random() < 0.5:
        body = (
            struct.pack("<II", 0, 32)
            + long_ad(BLOCK, 70, reference)
            + long_ad(BLOCK, other.location, reference, 3)
        )
        planted = tagged(258, other.location, body)
        raw[other.at : other.at + len(planted)] = planted


def _extended(rng: Random, raw: bytearray, one: _Found, found: list[_Found]) -> None:
    """Give a file extended allocation descriptors (ECMA-167, 4/14.14.3)."""
    data_at = 216 if one.tag == 266 else 176
    ads = b"".join(
        struct.pack(
            "<IIIIH2x", rng.choice((100, BLOCK, 1 << 30, 3 << 30 | 100)), 100, 100,
            rng.choice(found).location, rng.choice((0, 1)),
        )
        for _ in range(rng.choice((1, 5, 80)))
    )  # fmt: skip
    if one.at + data_at + len(ads) <= len(raw):
        amend(
            raw, one.at, {34: b"\2\0", data_at - 8: struct.pack("<II", 0, len(ads)), data_at: ads}
        )


def _indirect(rng: Random, raw: bytearray, found: list[_Found]) -> None:
    """Give an ICB strategy 4096: behind its entry stands the way to a later one, or to itself."""
    entries = [one for one in found if one.tag in (261, 266)]
    if not entries:
        return
    one, other = rng.choice(entries), rng.choice(entries)
    amend(raw, one.at, {20: struct.pack("<H", 4096)})
    body = bytes(20) + long_ad(BLOCK, other.location, rng.choice((0, 0, 1)))
    planted = tagged(259, one.location + 1, body)
    at = one.at + BLOCK
    if at + len(planted) <= len(raw):
        raw[at : at + len(planted)] = planted


def _point_on(rng: Random, raw: bytearray, found: list[_Found]) -> None:
    """Let a Volume Descriptor Sequence go on elsewhere: in the other one, in itself, nowhere."""
    volume = [one for one in found if one.tag in (1, 4, 5, 6, 7, 8)]
    if not volume:
        return
    one, other = rng.choice(volume), rng.choice(volume)
    length = rng.choice((0, 1, 6, 32, 1 << 20)) * BLOCK
    body = struct.pack("<III", 1, length, other.location) + bytes(484)
    planted = tagged(3, one.location, body)
    raw[one.at : one.at + len(planted)] = planted


def _set_text(rng: Random, raw: bytearray, one: _Found) -> None:
    at, length = _TEXT_PLACES.get(one.tag, (38, 16))
    if one.tag == 257:
        length = max(1, raw[one.at + 19])
    text = rng.choice(HOSTILE_TEXTS)
    compression = rng.choice((b"\x08", b"\x10", b"\x08", b"\xfe", b"\0"))
    if rng.random() < 0.2:
        text = rng.choice((b"\xd8\x00", b"\xdc\x00\xd8\x00", b"\x00\x1b", b"\x20\x2e", b"\x00/"))
    raw[one.at + at : one.at + at + length] = (compression + text)[:length].ljust(length, b"A")
