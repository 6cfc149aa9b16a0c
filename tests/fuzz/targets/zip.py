"""ZIP files: central directory and local headers that agree, overlap, or lead away."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from random import Random

from mediastation.reading.contract import Volume
from mediastation.reading.zip_volume import DEFLATE_RATIO, ZipVolume
from tests.fuzz.mutation import HOSTILE_TEXTS, Spot, boundary, havoc, set_number
from tests.fuzz.targets.images import FILES, made_by, opened

_LOCAL = ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))
_CENTRAL = ((4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2),
            (34, 2), (38, 4), (42, 4))  # fmt: skip
_END = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))
_END64 = ((4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8))
_LOCATOR = ((4, 4), (8, 8), (16, 4))
_KINDS = {
    b"PK\3\4": _LOCAL, b"PK\1\2": _CENTRAL, b"PK\5\6": _END, b"PK\6\6": _END64, b"PK\6\7": _LOCATOR,
}  # fmt: skip
_METHODS = (0, 1, 8, 9, 12, 14, 99)


def _archive(method: int, *, wide: bool = False, comment: bytes = b"") -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for path, data in {**FILES, "D/": b"", "ZEROS": bytes(40_000)}.items():
            info = zipfile.ZipInfo(path, (2026, 11, 23, 10, 0, 0))
            info.compress_type, info.external_attr = method, 0o100644 << 16
            with archive.open(info, "w", force_zip64=wide) as file:
                file.write(data)
        archive.comment = comment
    return stream.getvalue()


class _Stream(BytesIO):
    """A stream that cannot be gone back in, so that sizes stand behind the content."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError


def _piped() -> bytes:
    stream = _Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("DICOM/I1", (2026, 11, 23, 10, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, b"twelve bytes" * 30)
    return stream.getvalue()


class ZipTarget:
    """The directory, every file twice, going back inside."""

    name = "zip"
    roots: tuple[str, ...] = ("reading/zip", "reading/names.py")
    most_bytes = 1 << 17

    def seeds(self, folder: Path | None) -> list[bytes]:
        """Stored, deflated, with ZIP64 fields, with sizes behind, with a comment; Info-ZIP's."""
        made = [
            _archive(zipfile.ZIP_STORED), _archive(zipfile.ZIP_DEFLATED),
            _archive(zipfile.ZIP_DEFLATED, wide=True, comment=b"PK\5\6 made by hand"), _piped(),
            _with_end64(_archive(zipfile.ZIP_STORED)),
        ]  # fmt: skip
        if folder is not None:
            made += made_by(folder, "zip", "-q", "-r", "IMAGE", "tree")
        return made

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil fields of all headers, names, the number of entries, and what is packed."""
        raw = bytearray(data)
        found = [(at, kind) for kind in _KINDS for at in _places(raw, kind)]
        if not found or rng.random() < 0.06:
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        pick = rng.randrange(12)
        if pick < 6:
            by_kind = [kind for kind in _KINDS if any(one[1] == kind for one in found)]
            kind = rng.choice(by_kind)
            at = rng.choice([one for one, its in found if its == kind])
            offset, width = rng.choice(_KINDS[kind])
            spot = Spot(at + offset, width, own=at)
            value = boundary(rng, spot, raw, [one for one, _ in found])
            if width == 2 and rng.random() < 0.3:
                value = rng.choice(_METHODS)
            if spot.at + width <= len(raw):
                set_number(raw, spot, value)
        elif pick == 6:
            _rename(rng, raw)
        elif pick == 7:
            _many_entries(rng, raw)
        elif pick == 8:
            _repack(rng, raw)
        elif pick == 9:
            raw = bytearray(_with_end64(bytes(raw)))
        elif pick == 10:
            raw[:0] = rng.choice((b"MZ" + bytes(510), b"#!/bin/sh\n", bytes(7)))
        else:
            places = _places(raw, b"PK\1\2")
            if len(places) > 1:
                one, two = rng.sample(places, 2)
                raw[one + 42 : one + 46] = raw[two + 42 : two + 46]
        if rng.random() < 0.5:
            _close(raw)
        return bytes(raw[: self.most_bytes])

    def run(self, data: bytes) -> set[str]:
        """Open it and read all of it."""
        return opened(ZipVolume, data, _look, most_bytes=DEFLATE_RATIO * len(data))


def _look(volume: Volume, said: set[str]) -> None:
    said.add(f"files {min(sum(1 for _ in volume.iter_files()), 9)}")


def _places(raw: bytes | bytearray, kind: bytes) -> list[int]:
    found: list[int] = []
    at = raw.find(kind)
    while at >= 0 and len(found) < 300:
        found.append(at)
        at = raw.find(kind, at + 4)
    return found


def _close(raw: bytearray) -> None:
    """Make the end record say where the directory lies and how many entries it has."""
    ends, entries = _places(raw, b"PK\5\6"), _places(raw, b"PK\1\2")
    if not ends or not entries or len(entries) >= 300:
        return
    end = ends[-1]
    length = max(0, end - entries[0])
    if end + 20 <= len(raw):
        count = min(len(entries), 0xFFFF)
        raw[end + 8 : end + 20] = struct.pack("<HHII", count, count, length, entries[0])


def _rename(rng: Random, raw: bytearray) -> None:
    """Give an entry another name of the same length, in both headers or in one."""
    places = _places(raw, b"PK\1\2")
    if not places:
        return
    at = rng.choice(places)
    length = int.from_bytes(raw[at + 28 : at + 30], "little")
    text = rng.choice(HOSTILE_TEXTS).ljust(length, b"/" if rng.random() < 0.2 else b"A")[:length]
    raw[at + 46 : at + 46 + length] = text
    local = int.from_bytes(raw[at + 42 : at + 46], "little")
    if rng.random() < 0.7 and raw[local : local + 4] == b"PK\3\4":
        raw[local + 30 : local + 30 + length] = text


def _many_entries(rng: Random, raw: bytearray) -> None:
    """List an entry many times, under its own name or under others of the same length."""
    places = _places(raw, b"PK\1\2")
    if not places:
        return
    at = rng.choice(places)
    lengths = struct.unpack_from("<3H", raw, at + 28) if at + 34 <= len(raw) else (0, 0, 0)
    piece = bytes(raw[at : at + 46 + sum(lengths)])
    copies = bytearray()
    count = min(rng.choice((2, 50, 1500)), (1 << 17) // max(len(piece), 46))
    for number in range(count):
        made = bytearray(piece)
        if lengths[0] >= 4 and rng.random() < 0.7:
            made[46:50] = b"%04d" % (number % 10_000)
        copies += made
    raw[at:at] = copies
    ends = _places(raw, b"PK\5\6")
    if ends and ends[-1] + 20 <= len(raw):
        end = ends[-1]
        here, start = struct.unpack_from("<H", raw, end + 10)[0] + count, places[0]
        raw[end + 8 : end + 20] = struct.pack(
            "<HHII", here & 0xFFFF, here & 0xFFFF, end - start, start
        )


def _repack(rng: Random, raw: bytearray) -> None:
    """Put something else where a file's packed content lies, and say so in both headers."""
    places = _places(raw, b"PK\1\2")
    if not places:
        return
    at = rng.choice(places)
    if at + 46 > len(raw):
        return
    local = int.from_bytes(raw[at + 42 : at + 46], "little")
    if raw[local : local + 4] != b"PK\3\4" or local + 30 > len(raw):
        return
    name, extra = struct.unpack_from("<HH", raw, local + 26)
    start = local + 30 + name + extra
    old = int.from_bytes(raw[at + 20 : at + 24], "little")
    content = rng.choice((bytes(10_000_000), b"", b"PK\3\4" * 10, rng.randbytes(300)))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    packed = rng.choice((packed, packed[: len(packed) // 2], packed + packed, rng.randbytes(50)))
    size = rng.choice((len(content), len(content) - 1, len(content) + 1, 0))
    sizes = struct.pack("<III", zlib.crc32(content), len(packed), max(0, size))
    raw[local + 8 : local + 10] = raw[at + 10 : at + 12] = b"\x08\0"
    raw[local + 14 : local + 26] = raw[at + 16 : at + 28] = sizes
    shift = len(packed) - old
    raw[start : start + old] = packed
    for place in _places(raw, b"PK\1\2"):
        offset = int.from_bytes(raw[place + 42 : place + 46], "little")
        if offset > local and offset + shift >= 0:
            raw[place + 42 : place + 46] = ((offset + shift) & 0xFFFFFFFF).to_bytes(4, "little")
    _close(raw)


def _with_end64(data: bytes) -> bytes:
    """The archive with ZIP64 records in front of its end."""
    end = data.rfind(b"PK\5\6")
    if end < 0 or end + 20 > len(data) or data[end - 20 : end - 16] == b"PK\6\7":
        return data
    _, _, here, count, length, start = struct.unpack_from("<4H2I", data, end + 4)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, here, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    return data[:end] + record + locator + data[end:]
