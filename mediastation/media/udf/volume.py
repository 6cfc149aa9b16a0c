"""The descriptors of a volume: who it is, what partitions it has, that it is closed.

Offsets are those of ECMA-167, parts 2 to 4, as UDF narrows them (2.2, 2.3.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.media.udf.encoding import (
    BLOCK_BYTES,
    IMPLEMENTATION,
    charspec,
    dstring,
    entity,
    extent,
    long_ad,
    tagged,
    udf_entity,
    whole_blocks,
)
from mediastation.media.udf.revision import Revision

ECC_BLOCKS = 32
"""Blocks that a BD records together; the 16 of a DVD divide them."""

_DOMAIN = b"*OSTA UDF Compliant"
_NO_BITMAP_FILE = 0xFFFFFFFF
_READ_ONLY = 1
_CLOSED = 1


@dataclass(frozen=True, slots=True)
class Volume:
    """What the descriptors of one volume say.

    All addresses are in sectors or blocks of 2048 bytes. `partition_start` and
    the sequences are absolute; `metadata_entry`, `mirror_entry` lie in the
    partition and mean nothing without a metadata partition, as
    `metadata_blocks` does. `label` is the identifier of volume, logical volume
    and file set; `set_identifier` that of the volume set.
    """

    revision: Revision
    label: str
    set_identifier: str
    time: bytes
    main_sequence: int
    reserve_sequence: int
    sequence_blocks: int
    integrity: int
    partition_start: int
    partition_blocks: int
    metadata_entry: int
    mirror_entry: int
    metadata_blocks: int
    next_unique_id: int
    file_count: int
    directory_count: int


def recognition(revision: Revision) -> bytes:
    """Return the three descriptors of sectors 16 to 18."""
    return b"".join(
        whole_blocks(b"\0" + identifier + b"\x01")
        for identifier in (b"BEA01", revision.nsr, b"TEA01")
    )


def anchor(volume: Volume, sector: int) -> bytes:
    """Return the Anchor Volume Descriptor Pointer for `sector`."""
    size_bytes = volume.sequence_blocks * BLOCK_BYTES
    body = _Body(496)
    body[16] = extent(size_bytes, volume.main_sequence)
    body[24] = extent(size_bytes, volume.reserve_sequence)
    return body.block(2, sector, volume.revision)


def sequence(volume: Volume, sector: int) -> bytes:
    """Return the Volume Descriptor Sequence that begins at `sector`."""
    return b"".join(_iter_sequence(volume, sector))


def integrity(volume: Volume) -> bytes:
    """Return the Logical Volume Integrity Descriptor, closed, and its terminator."""
    revision = volume.revision
    sizes = [volume.partition_blocks]
    if revision.metadata:
        sizes.append(volume.metadata_blocks)
    maps = len(sizes)
    use = entity(IMPLEMENTATION) + struct.pack(
        "<IIHHH",
        *(volume.file_count, volume.directory_count, revision.read, revision.write, revision.write),
    )
    body = _Body(64 + 8 * maps + len(use))
    body[16] = volume.time
    body[28] = struct.pack("<I", _CLOSED)
    body[40] = struct.pack("<Q", volume.next_unique_id)
    body[72] = struct.pack("<II", maps, len(use))
    # Nothing can be allocated on a read-only medium: its free space stays zero.
    body[80 + 4 * maps] = struct.pack(f"<{maps}I", *sizes)
    body[80 + 8 * maps] = use
    sector = volume.integrity
    return body.block(9, sector, revision) + _terminator(sector + 1, revision)


def file_set(volume: Volume, root_block: int) -> bytes:
    """Return the File Set Descriptor at block 0 of its partition, and its terminator."""
    revision = volume.revision
    body = _Body(496)
    body[16] = volume.time
    body[28] = struct.pack("<HHII", 3, 3, 1, 1)
    body[48] = charspec()
    body[112] = dstring(volume.label, 128)
    body[240] = charspec()
    body[304] = dstring(volume.label, 32)
    body[400] = long_ad(BLOCK_BYTES, root_block, revision.partition)
    body[416] = udf_entity(_DOMAIN, revision)
    return body.block(256, 0, revision) + _terminator(1, revision)


def _iter_sequence(volume: Volume, sector: int) -> Iterator[bytes]:
    parts = (_primary, _implementation_use, _partition, _logical, _unallocated)
    kinds = (1, 4, 5, 6, 7)
    for number, (part, kind) in enumerate(zip(parts, kinds, strict=True)):
        body = part(volume)
        body[16] = struct.pack("<I", number)
        yield body.block(kind, sector + number, volume.revision)
    yield _terminator(sector + len(parts), volume.revision)


def _primary(volume: Volume) -> _Body:
    body = _Body(496)
    body[24] = dstring(volume.label, 32)
    # Volume 1 of 1. PS3.12 J, P and X (2.1.1): both interchange levels are 2.
    body[56] = struct.pack("<HHHHII", 1, 1, 2, 2, 1, 1)
    body[72] = dstring(volume.set_identifier, 128)
    body[200] = charspec()
    body[264] = charspec()
    body[344] = entity(IMPLEMENTATION)
    body[376] = volume.time
    body[388] = entity(IMPLEMENTATION)
    body[488] = struct.pack("<H", 1)
    return body


def _implementation_use(volume: Volume) -> _Body:
    body = _Body(496)
    body[20] = udf_entity(b"*UDF LV Info", volume.revision)
    body[52] = charspec()
    body[116] = dstring(volume.label, 128)
    body[352] = entity(IMPLEMENTATION)
    return body


def _partition(volume: Volume) -> _Body:
    body = _Body(496)
    body[20] = struct.pack("<HH", 1, 0)
    body[24] = entity(b"+" + volume.revision.nsr)
    body[184] = struct.pack("<III", _READ_ONLY, volume.partition_start, volume.partition_blocks)
    body[196] = entity(IMPLEMENTATION)
    return body


def _logical(volume: Volume) -> _Body:
    revision = volume.revision
    maps = [struct.pack("<BBHH", 1, 6, 1, 0)]
    if revision.metadata:
        maps.append(_metadata_map(volume))
    table = b"".join(maps)
    body = _Body(424 + len(table))
    body[20] = charspec()
    body[84] = dstring(volume.label, 128)
    body[212] = struct.pack("<I", BLOCK_BYTES)
    body[216] = udf_entity(_DOMAIN, revision)
    body[248] = long_ad(2 * BLOCK_BYTES, 0, revision.partition)
    body[264] = struct.pack("<II", len(table), len(maps))
    body[272] = entity(IMPLEMENTATION)
    body[432] = extent(volume.sequence_blocks * BLOCK_BYTES, volume.integrity)
    body[440] = table
    return body


def _metadata_map(volume: Volume) -> bytes:
    """Return the map of the metadata partition (UDF 2.2.10), its mirror a true duplicate."""
    return struct.pack(
        "<BBH32sHHIIIIHB5x",
        *(2, 64, 0, udf_entity(b"*UDF Metadata Partition", volume.revision), 1, 0),
        *(volume.metadata_entry, volume.mirror_entry, _NO_BITMAP_FILE),
        *(ECC_BLOCKS, ECC_BLOCKS, 1),
    )


def _unallocated(_volume: Volume) -> _Body:
    return _Body(8)


def _terminator(location: int, revision: Revision) -> bytes:
    return _Body(496).block(8, location, revision)


class _Body:
    """A descriptor behind its tag; offsets count from the tag's first byte, as the tables do."""

    __slots__ = ("_data",)

    def __init__(self, size_bytes: int) -> None:
        self._data = bytearray(size_bytes)

    def __setitem__(self, offset: int, data: bytes) -> None:
        start = offset - 16
        if start < 0 or start + len(data) > len(self._data):
            raise ValueError(f"{len(data)} bytes at {offset} are outside the descriptor")
        self._data[start : start + len(data)] = data

    def block(self, kind: int, location: int, revision: Revision) -> bytes:
        return whole_blocks(tagged(kind, location, revision, bytes(self._data)))
