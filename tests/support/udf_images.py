"""UDF images built block by block from the published layouts, so that tests can spoil any of them.

Nothing is shared with the writer or the reader. Structures (`meta`) and file
data are given by block number; `built` wraps them into one of the partition
maps. Block 0 of `meta` gets the File Set Descriptor, the root's ICB is block 2.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping

BLOCK = 2048
START = 288
"""First sector of the partition."""
LENGTH = 300
"""Blocks of the partition."""
DIRECTORY, FILE = 4, 5
KINDS = ("plain", "metadata", "virtual-1.50", "virtual-2.00", "sparable")
META_REFERENCE = {"plain": 0, "metadata": 1, "virtual-1.50": 1, "virtual-2.00": 1, "sparable": 0}
_LAST = START + LENGTH + 287
_SPARE = 24


def tagged(identifier: int, location: int, body: bytes, version: int = 3) -> bytes:
    """A descriptor: `body` is what follows the 16 bytes of the tag."""
    crc = binascii.crc_hqx(body, 0)
    head = struct.pack("<HHBBHHHI", identifier, version, 0, 0, 1, crc, len(body), location)
    return head[:4] + bytes([sum(head) & 0xFF]) + head[5:] + body


def fields(size: int, values: Mapping[int, bytes]) -> bytes:
    """The bytes of a descriptor after its tag; offsets count from the tag."""
    raw = bytearray(size)
    for at, value in values.items():
        raw[at : at + len(value)] = value
    return bytes(raw[16:])


def long_ad(length: int, block: int, partition: int = 0, kind: int = 0) -> bytes:
    return struct.pack("<IIH6x", length | kind << 30, block, partition)


def short_ad(length: int, block: int, kind: int = 0) -> bytes:
    return struct.pack("<II", length | kind << 30, block)


def regid(name: bytes, suffix: bytes = b"") -> bytes:
    return b"\0" + name.ljust(23, b"\0") + suffix.ljust(8, b"\0")


def dstring(text: str, size: int) -> bytes:
    raw = b"\x08" + text.encode("latin-1")
    return raw.ljust(size - 1, b"\0") + bytes([len(raw)])


def entry(
    block: int,
    content: bytes,
    size: int,
    *,
    kind: int = FILE,
    ads: int = 1,
    flags: int = 0,
    strategy: int = 4,
    links: int = 1,
    streams: bytes = b"",
) -> bytes:
    """An Extended File Entry; `content` are allocation descriptors, or data if `ads` is 3."""
    values = {
        16: struct.pack("<IHHHBBIHH", 0, strategy, 0, 1, 0, kind, 0, 0, ads | flags),
        44: struct.pack("<IH", 0x7BDE, links),
        56: struct.pack("<QQ", size, size),
        152: streams,
        208: struct.pack("<II", 0, len(content)),
        216: content,
    }
    return tagged(266, block, fields(216 + len(content), values))


def name(text: str, block: int, reference: int, at: int, *, traits: int = 0) -> bytes:
    """A File Identifier Descriptor that begins in block `at`; the empty name is the parent."""
    raw = b""
    if text:
        wide = any(ord(character) > 255 for character in text)
        raw = b"\x10" + text.encode("utf-16-be") if wide else b"\x08" + text.encode("latin-1")
    icb = long_ad(BLOCK, block, reference)
    body = struct.pack("<HBB", 1, traits, len(raw)) + icb + struct.pack("<H", 0) + raw
    return tagged(257, at, body + bytes(-len(body) % 4))


def built(
    meta: Mapping[int, bytes],
    data: Mapping[int, bytes] | None = None,
    kind: str = "plain",
    *,
    mirror: Mapping[int, bytes] | None = None,
    access_type: int = 1,
) -> bytes:
    """An image with `meta` and `data` in a partition of the given kind; see `KINDS`."""
    reference = META_REFERENCE[kind]
    root = {400: long_ad(BLOCK, 2, reference), 416: regid(b"*OSTA UDF Compliant", b"\x50\x02")}
    meta = {
        0: tagged(256, 0, fields(512, {28: b"\3\0\3\0", **root})),
        1: tagged(8, 1, bytes(496)),
        **meta,
    }
    image = bytearray((_LAST + 1) * BLOCK)

    def put(sector: int, raw: bytes) -> None:
        image[sector * BLOCK : sector * BLOCK + len(raw)] = raw

    for block, raw in (data or {}).items():
        put(START + block, raw)
    maps = b"\x01\x06\x01\0\0\0"
    if kind == "plain":
        for block, raw in meta.items():
            put(START + block, raw)
    elif kind == "metadata":
        for icb, first, file_type in ((0, 32, 250), (128, 96, 251)):
            where = short_ad(32 * BLOCK, first)
            put(START + icb, entry(icb, where, 32 * BLOCK, kind=file_type, ads=0, links=0))
            source = meta if file_type == 250 or mirror is None else {**meta, **mirror}
            for block, raw in source.items():
                put(START + first + block, raw)
        maps += struct.pack("<BBH", 2, 64, 0) + regid(b"*UDF Metadata Partition", b"\x50\x02")
        maps += struct.pack("<HHIIIIHB5x", 1, 0, 0, 128, 0xFFFFFFFF, 32, 32, 1)
    elif kind.startswith("virtual"):
        table = []
        for block in range(max(meta) + 1):
            table.append(LENGTH - 40 - block if block in meta else 0xFFFFFFFF)
        for block, raw in meta.items():
            put(START + LENGTH - 40 - block, raw)
        body = struct.pack(f"<{len(table)}I", *table)
        if kind == "virtual-1.50":
            body += regid(b"*UDF Virtual Alloc Tbl") + struct.pack("<I", 0xFFFFFFFF)
        else:
            body = fields(168, {16: struct.pack("<HH", 152, 0)}) + body
        at = LENGTH - 2
        put(START + at - 1, body)
        file_type = 0 if kind == "virtual-1.50" else 248
        where = short_ad(len(body), at - 1)
        put(START + at, entry(at, where, len(body), kind=file_type, ads=0))
        del image[(START + at + 1) * BLOCK :]
        maps += struct.pack("<BBH", 2, 64, 0) + regid(b"*UDF Virtual Partition")
        maps += struct.pack("<HH24x", 1, 0)
    elif kind == "sparable":
        for block, raw in meta.items():
            put(_SPARE + block if block < 8 else START + block, raw)
        table = regid(b"*UDF Sparing Table") + struct.pack("<HHI", 1, 0, 1)
        table += struct.pack("<II", 0, _SPARE)
        put(20, tagged(0, 20, table))
        put(21, tagged(0, 21, table))
        maps = struct.pack("<BBH", 2, 64, 0) + regid(b"*UDF Sparable Partition")
        maps += struct.pack("<HHHBBIII8x", 1, 0, 8, 2, 0, len(table) + 16, 20, 21)
    for sector, identifier in ((16, b"BEA01"), (17, b"NSR03"), (18, b"TEA01")):
        put(sector, b"\0" + identifier + b"\1")
    anchor = struct.pack("<IIII", 32 * BLOCK, 32, 32 * BLOCK, 257)
    anchors = (256,) if kind.startswith("virtual") else (256, _LAST - 256, _LAST)
    for sector in anchors:
        put(sector, tagged(2, sector, fields(512, {16: anchor})))
    for first in (32, 257):
        for number, (identifier, body) in enumerate(_sequence(maps, reference, access_type)):
            put(first + number, tagged(identifier, first + number, body))
    count = len(maps) // 6 if kind == "plain" else 1 + (kind != "sparable")
    tables = struct.pack("<II", count, 46) + bytes(8 * count + 46)
    put(64, tagged(9, 64, fields(80 + 8 * count + 46, {28: b"\1", 72: tables})))
    put(65, tagged(8, 65, bytes(496)))
    return bytes(image)


def amend(image: bytearray, at: int, changes: Mapping[int, bytes], location: int = -1) -> None:
    """Change the descriptor at byte `at` and make checksum and CRC fit again.

    Offsets count from the tag. The CRC covers as much as before unless that is
    changed; a `location` makes it a descriptor of another block.
    """
    for offset, value in changes.items():
        image[at + offset : at + offset + len(value)] = value
    if location >= 0:
        image[at + 12 : at + 16] = struct.pack("<I", location)
    (length,) = struct.unpack_from("<H", image, at + 10)
    crc = binascii.crc_hqx(bytes(image[at + 16 : at + 16 + length]), 0)
    image[at + 8 : at + 10] = struct.pack("<H", crc)
    image[at + 4] = (sum(image[at : at + 4]) + sum(image[at + 5 : at + 16])) & 0xFF


def _sequence(maps: bytes, reference: int, access_type: int) -> list[tuple[int, bytes]]:
    count = 1 if maps[0] == 2 or len(maps) == 6 else 2
    primary = {
        24: dstring("DICOMTEST", 32), 56: b"\1\0\1\0\2\0\2\0", 72: dstring("0123456789ABCDEF", 128)
    }  # fmt: skip
    partition = {
        16: struct.pack("<IHH", 2, 1, 0),
        24: regid(b"+NSR03"),
        184: struct.pack("<III", access_type, START, LENGTH),
    }
    logical = {
        16: struct.pack("<I", 3),
        84: dstring("DICOMTEST", 128),
        212: struct.pack("<I", BLOCK),
        216: regid(b"*OSTA UDF Compliant", b"\x50\x02"),
        248: long_ad(2 * BLOCK, 0, reference),
        264: struct.pack("<II", len(maps), count),
        432: struct.pack("<II", 8 * BLOCK, 64),
        440: maps,
    }
    return [
        (1, fields(512, primary)),
        (4, fields(512, {16: b"\1", 20: regid(b"*UDF LV Info")})),
        (5, fields(512, partition)),
        (6, fields(440 + len(maps), logical)),
        (7, bytes(8)),
        (8, bytes(496)),
    ]
