"""Fill an empty file system of mkudffs, for nothing that may be used without mounting does it.

Only what a medium of a few files needs: one extent each, one partition, names
in 8 bits. The structures are the published ones (ECMA-167, UDF 2.01), the
bitmap and the integrity descriptor are kept true.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from tests.support.udf_images import amend, fields, long_ad, short_ad, tagged

BLOCK = 2048
_FILE, _FILE_SET, _IDENTIFIER, _BITMAP, _INTEGRITY = 261, 256, 257, 264, 9
_DIRECTORY, _PLAIN = 4, 5
_STAMP = struct.pack("<HhBBBBBBBB", 0x1000, 2026, 1, 3, 9, 0, 0, 0, 0, 0)


class _Filler:
    def __init__(self, path: Path) -> None:
        self.image = bytearray(path.read_bytes())
        anchor = self._at(256)
        _, sequence = struct.unpack_from("<II", self.image, anchor + 16)
        self.start = integrity = self.bitmap = root_set = -1
        for number in range(16):
            at = self._at(sequence + number)
            (tag,) = struct.unpack_from("<H", self.image, at)
            if tag == 5:
                _, self.bitmap = struct.unpack_from("<II", self.image, at + 64)
                (self.start,) = struct.unpack_from("<I", self.image, at + 188)
            elif tag == 6:
                _, root_set, _ = struct.unpack_from("<IIH", self.image, at + 248)
                _, integrity = struct.unpack_from("<II", self.image, at + 432)
            elif tag == 8:
                break
        self.integrity = self._at(integrity)
        _, self.root = struct.unpack_from("<II", self.image, self._in(root_set) + 400)
        old = self._in(self.root)
        self.tag, self.version = struct.unpack_from("<HH", self.image, old)
        # Attributes and where they end differ between File Entries and Extended ones.
        self.head = 176 if self.tag == _FILE else 216
        self.unique = 16
        self.files = self.folders = 0

    def _at(self, sector: int) -> int:
        return sector * BLOCK

    def _in(self, block: int) -> int:
        return self._at(self.start + block)

    def put(self, block: int, raw: bytes) -> None:
        at = self._in(block)
        self.image[at : at + len(raw)] = raw

    def room(self, size: int) -> int:
        """Take blocks for `size` bytes that follow each other; return the first."""
        wanted = max(1, -(-size // BLOCK))
        at = self._in(self.bitmap)
        (bits,) = struct.unpack_from("<I", self.image, at + 16)
        run = 0
        for block in range(bits):
            free = self.image[at + 24 + block // 8] >> block % 8 & 1
            run = run + 1 if free else 0
            if run == wanted:
                first = block - wanted + 1
                for taken in range(first, block + 1):
                    self.image[at + 24 + taken // 8] &= ~(1 << taken % 8)
                return first
        raise AssertionError("the file system is full")

    def entry(self, block: int, kind: int, place: int, size: int, links: int) -> None:
        where = short_ad(size, place) if size else b""
        head = self.head
        values = {
            16: struct.pack("<IHHHBBIHH", 0, 4, 0, 1, 0, kind, 0, 0, 0),
            36: struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, 0x14A5),
            48: struct.pack("<H", links),
            56: struct.pack("<Q", size),
        }
        blocks = struct.pack("<Q", -(-size // BLOCK))
        if self.tag == _FILE:
            values |= {64: blocks, 72: _STAMP * 3, 108: b"\1\0\0\0"}
            values[160] = struct.pack("<Q", self.unique)
        else:
            values |= {64: struct.pack("<Q", size), 72: blocks, 80: _STAMP * 4, 128: b"\1\0\0\0"}
            values[200] = struct.pack("<Q", self.unique)
        values[head - 8] = struct.pack("<II", 0, len(where))
        values[head] = where or b""
        self.unique += 1
        raw = fields(head + len(where), {at: value for at, value in values.items() if value})
        self.put(block, tagged(self.tag, block, raw, self.version))

    def identifier(self, name: str, block: int, at: int, traits: int) -> bytes:
        raw = b"\x08" + name.encode("latin-1") if name else b""
        body = struct.pack("<HBB", 1, traits, len(raw)) + long_ad(BLOCK, block)
        body += struct.pack("<H", 0) + raw
        return tagged(_IDENTIFIER, at, body + bytes(-len(body) % 4), self.version)

    def folder(self, block: int, parent: int, tree: Mapping[str, object]) -> None:
        self.folders += 1
        members = []
        for name, content in tree.items():
            icb = self.room(BLOCK)
            members.append((name, content, icb))
        length = sum(-(-(38 + (len(name) + 1 if name else 0)) // 4) * 4 for name in ("", *tree))
        place = self.room(length)
        raw = self.identifier("", parent, place, 0x0A)
        for name, content, icb in members:
            is_folder = isinstance(content, dict)
            raw += self.identifier(name, icb, place + len(raw) // BLOCK, 0x02 if is_folder else 0)
        assert len(raw) == length
        self.put(place, raw)
        below = sum(isinstance(content, dict) for content in tree.values())
        self.entry(block, _DIRECTORY, place, len(raw), 1 + below)
        for _, content, icb in members:
            if isinstance(content, dict):
                self.folder(icb, block, content)
                continue
            assert isinstance(content, bytes)
            self.files += 1
            data = self.room(len(content)) if content else 0
            self.put(data, content)
            self.entry(icb, _PLAIN, data, len(content), 1)

    def close(self) -> None:
        at = self._in(self.bitmap)
        bits, size = struct.unpack_from("<II", self.image, at + 16)
        free = sum(byte.bit_count() for byte in self.image[at + 24 : at + 24 + size])
        assert free < bits
        amend(self.image, at, {})
        # Behind one partition's two numbers and the writer's identifier stand the counts.
        values = {
            80: struct.pack("<I", free),
            88 + 32: struct.pack("<II", self.files, self.folders),
        }
        amend(self.image, self.integrity, values)


def fill(path: Path, tree: Mapping[str, bytes]) -> None:
    """Put the files of `tree` into the empty file system at `path`, of blocks of 2048 bytes."""
    nested: dict[str, object] = {}
    for name, content in tree.items():
        *above, last = name.split("/")
        here = nested
        for part in above:
            here = here.setdefault(part, {})  # type: ignore[assignment]
        here[last] = content
    filler = _Filler(path)
    filler.folder(filler.root, filler.root, nested)
    filler.close()
    path.write_bytes(filler.image)
