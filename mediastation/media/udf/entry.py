"""File entries and file identifiers (ECMA-167 4/14.4, 14.9, 14.17; UDF 2.3.4 to 2.3.6)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mediastation.media.udf.encoding import (
    BLOCK_BYTES,
    IMPLEMENTATION,
    LONGEST_EXTENT_BYTES,
    block_count,
    cs0,
    entity,
    extent,
    long_ad,
    tagged,
    whole_blocks,
)
from mediastation.media.udf.revision import Revision

DIRECTORY, FILE, METADATA, MIRROR = 4, 5, 250, 251

MOST_EXTENTS = (BLOCK_BYTES - 216) // 16
"""Long allocation descriptors that the block of an Extended File Entry has room for."""

_FILE_ENTRY, _IDENTIFIER, _EXTENDED_FILE_ENTRY = 261, 257, 266
_EVERYBODY = 0xFFFFFFFF
_ARCHIVE, _LONG = 0x20, 1

# PS3.12 J, P and X: all users may read, write and delete files, and access directories.
_PERMISSIONS = {DIRECTORY: 0x7FFF, FILE: 0x7BDE, METADATA: 0, MIRROR: 0}

# ICB tag: strategy 4, one entry.
_HEAD = struct.Struct("<IHHHBB6xHIIIHBBIQ")
_TAIL = struct.Struct("<QII")
_IDENTIFIER_HEAD = struct.Struct("<HBB16sH")
_IS_DIRECTORY, _IS_PARENT = 0x02, 0x08
_TAG_BYTES = 16
_FILLER = entity(IMPLEMENTATION)


@dataclass(frozen=True, slots=True)
class Stored:
    """One file, directory or special file as its entry tells it.

    `location` is the block of the entry itself, `block` that of its data,
    which lie in one run; `links` counts the identifiers that lead to it.
    """

    kind: int
    location: int
    unique_id: int
    links: int
    size_bytes: int
    block: int


class EntryWriter:
    """Makes the entries of one volume; what they share is put together once."""

    def __init__(self, revision: Revision, time: bytes) -> None:
        self._revision = revision
        implementation = entity(IMPLEMENTATION)
        if revision.extended:
            middle = time * 4 + struct.pack("<II", 1, 0) + bytes(32) + implementation
        else:
            middle = time * 3 + struct.pack("<I", 1) + bytes(16) + implementation
        self._middle = middle

    def entry(self, stored: Stored) -> bytes:
        """Return the block of the File Entry or Extended File Entry for `stored`."""
        revision, size = self._revision, stored.size_bytes
        # In a volume with a metadata partition a short descriptor would point into that one.
        long = revision.metadata and stored.kind == FILE
        descriptors = b"".join(
            long_ad(length, block, 0) if long else extent(length, block)
            for length, block in _iter_extents(size, stored.block)
        )
        body = b"".join(
            (
                _HEAD.pack(
                    *(0, 4, 0, 1, 0, stored.kind, _ARCHIVE | (_LONG if long else 0)),
                    *(_EVERYBODY, _EVERYBODY, _PERMISSIONS[stored.kind], stored.links, 0, 0, 0),
                    size,
                ),
                struct.pack("<Q", size) if revision.extended else b"",
                struct.pack("<Q", block_count(size)),
                self._middle,
                _TAIL.pack(stored.unique_id, 0, len(descriptors)),
                descriptors,
            )
        )
        kind = _EXTENDED_FILE_ENTRY if revision.extended else _FILE_ENTRY
        return whole_blocks(tagged(kind, stored.location, revision, body))

    def directory(self, start: int, identifiers: Iterable[Identifier]) -> Iterator[bytes]:
        """Yield the blocks of a directory that lies from block `start` on."""
        run, offset = b"", 0
        for identifier in identifiers:
            size, filler = identifier_bytes(self._revision, offset, identifier.name)
            run += self._identifier(identifier, start + offset // BLOCK_BYTES, size, filler)
            offset += size
            while len(run) >= BLOCK_BYTES:
                yield run[:BLOCK_BYTES]
                run = run[BLOCK_BYTES:]
        if run:
            yield whole_blocks(run)

    def _identifier(self, of: Identifier, location: int, size: int, filler: bytes) -> bytes:
        revision = self._revision
        unique_id = of.unique_id if revision.extended else 0
        body = _IDENTIFIER_HEAD.pack(
            *(1, of.characteristics, len(of.name)),
            long_ad(BLOCK_BYTES, of.block, revision.partition, unique_id),
            len(filler),
        )
        body = (body + filler + of.name).ljust(size - _TAG_BYTES, b"\0")
        return tagged(_IDENTIFIER, location, revision, body)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name in a directory, and the block of the entry that it leads to.

    `name` is in CS0; the parent has none.
    """

    name: bytes
    characteristics: int
    block: int
    unique_id: int

    @classmethod
    def of_file(cls, name: str, block: int, unique_id: int) -> Identifier:
        """Return the identifier of a file."""
        return cls(cs0(name), 0, block, unique_id)

    @classmethod
    def of_directory(cls, name: str, block: int, unique_id: int) -> Identifier:
        """Return the identifier of a directory."""
        return cls(cs0(name), _IS_DIRECTORY, block, unique_id)

    @classmethod
    def of_parent(cls, block: int, unique_id: int) -> Identifier:
        """Return the identifier that leads up; it is a directory's first."""
        return cls(b"", _IS_DIRECTORY | _IS_PARENT, block, unique_id)


def identifier_bytes(revision: Revision, offset: int, name: bytes) -> tuple[int, bytes]:
    """Return the size of an identifier at `offset` of its directory, and its implementation use.

    From 2.00 on no tag may lie across two blocks (UDF 2.3.4.4): an identifier
    behind which less than a tag would be left in the block is made longer.
    """
    size = _aligned(38 + len(name))
    if revision.extended and 0 < -(offset + size) % BLOCK_BYTES < _TAG_BYTES:
        return _aligned(38 + len(_FILLER) + len(name)), _FILLER
    return size, b""


def directory_bytes(revision: Revision, names: Iterable[str]) -> int:
    """Return the length of a directory with these names in this order."""
    offset, _ = identifier_bytes(revision, 0, b"")
    for name in names:
        offset += identifier_bytes(revision, offset, cs0(name))[0]
    return offset


def _aligned(size_bytes: int) -> int:
    return -(size_bytes // -4) * 4


def _iter_extents(size_bytes: int, block: int) -> Iterator[tuple[int, int]]:
    while size_bytes > 0:
        length = min(size_bytes, LONGEST_EXTENT_BYTES)
        yield length, block
        size_bytes -= length
        block += length // BLOCK_BYTES
