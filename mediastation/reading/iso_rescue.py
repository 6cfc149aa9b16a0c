"""What an ISO 9660 image still tells of files when its primary tree is damaged.

Most of a disc's structures are there twice: path tables list the directories
that the tree leads to (ECMA-119, 6.9), Joliet has a tree of its own over the
same files, and a directory's first two records say what it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice

from mediastation.model.finding import error, note, warning
from mediastation.reading.contract import MAX_DEPTH, MAX_FILES, FileIndex
from mediastation.reading.findings import FindingLog
from mediastation.reading.iso_structures import (
    FIRST_DESCRIPTOR,
    PARENT,
    SECTOR,
    SELF,
    STANDARD_IDENTIFIER,
    DescriptorKind,
    IsoRecord,
    PathTableRecord,
    VolumeDescriptor,
    read_iso_record,
    read_primary,
)
from mediastation.reading.iso_tree import MAX_DIRECTORIES, TreeWalk
from mediastation.reading.names import safe_name
from mediastation.reading.random_access import RandomAccess

JOLIET_ENCODING = "utf-16-be"
MAX_SEARCHED_BYTES = 32 << 20
"""A lost root directory is looked for so far; writers put directories in front of the files."""

_ESCAPES = (b"%/@", b"%/C", b"%/E")
_DESCRIPTORS = 16
_CHUNK = 1 << 20


def is_joliet(descriptor: VolumeDescriptor) -> bool:
    """Tell whether a descriptor is that of a Joliet tree."""
    return descriptor.kind == DescriptorKind.SUPPLEMENTARY and descriptor.raw[88:91] in _ESCAPES


def adopt_from_path_table(
    access: RandomAccess,
    tables: Callable[[str], Iterator[PathTableRecord]],
    walk: TreeWalk,
    index: FileIndex,
    log: FindingLog,
) -> None:
    """Enter the files of directories that a path table knows and the tree did not lead to.

    A directory counts only if its first record names itself.
    """
    for name in ("path table L", "path table M"):
        listed: list[PathTableRecord] = []
        try:
            for record in islice(tables(name), MAX_DIRECTORIES):
                listed.append(record)
                if len(listed) < 2 or walk.path_of(record.block) is not None:
                    continue
                own = _own_record(access, record.block, walk.block_size)
                path = _path_to(listed, walk) if own is not None else None
                if own is not None and path is not None and walk.adopt(own, path, index):
                    log.add(
                        warning(
                            "lost-directory",
                            f"directory /{path}",
                            "nothing leads to it any more; found by the path table",
                            "other readers do not see its files: copy what can be read",
                            "ECMA-119 6.9",
                        )
                    )
        except OSError:
            continue


def _path_to(listed: list[PathTableRecord], walk: TreeWalk) -> str | None:
    """Return the path of the last directory of a path table; None if it is too deep.

    A table of a megabyte can tell of paths that together have gigabytes, so that
    none is made before it is known to lead to a directory.
    """
    parts: list[str] = []
    position = len(listed) - 1
    while position > 0:
        record = listed[position]
        known = walk.path_of(record.block) if parts else None
        if known is not None:
            parts.append(known)
            break
        parts.append(safe_name(record.identifier.decode("latin-1")))
        if len(parts) > MAX_DEPTH:
            return None
        # A parent comes before its children, and the root is the first.
        position = record.parent - 1 if 0 < record.parent <= position else 0
    return "/".join(part for part in reversed(parts) if part)


def _own_record(access: RandomAccess, block: int, block_size: int) -> IsoRecord | None:
    """Return the first record of the directory in a block; None unless it names that block."""
    offset = block * block_size
    record = read_iso_record(access.try_read_at(offset, 255), 0, offset)
    if record is None or record.identifier != SELF or record.block != block:
        return None
    return record if record.is_directory else None


def add_from_joliet(
    access: RandomAccess, descriptor: VolumeDescriptor, index: FileIndex, log: FindingLog
) -> None:
    """Enter the files that Joliet's tree has and the primary one has not."""
    found, quiet = FileIndex(), FindingLog()
    walk = TreeWalk(access, read_primary(descriptor), SECTOR, quiet, JOLIET_ENCODING)
    walk.run(found)
    if walk.is_damaged:
        log.add(
            note(
                "joliet-damaged",
                "Joliet tree",
                "is damaged; systems that go by it miss files that are read here",
            )
        )
    starts = {extent.offset for file in index for extent in file.extents}
    # What hides a viewer from other systems is common; a disc without any primary file is broken.
    make = warning if len(index) else error
    added = 0
    for file in found:
        if not file.extents or file.extents[0].offset in starts or file.path in index:
            continue
        if file.extents[0].offset >= access.size_bytes or len(index) >= MAX_FILES:
            continue
        index.add(file)
        added += 1
    if added:
        log.add(
            make(
                "joliet-only",
                "Joliet tree",
                f"{added} of the files are in the Joliet tree alone, and were read from there",
                "readers of DICOM media do not see them: copy what can be read",
                "PS3.12 F.1.2",
            )
        )


def find_lost_primary(
    access: RandomAccess, log: FindingLog
) -> tuple[tuple[VolumeDescriptor, ...], VolumeDescriptor] | None:
    """Return the descriptors that are left, and one that stands for the primary one.

    None if there is neither a root directory nor a Joliet descriptor.
    """
    left = []
    for sector in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + _DESCRIPTORS):
        raw = access.try_read_at(sector * SECTOR, SECTOR)
        if raw[1:6] == STANDARD_IDENTIFIER and len(raw) == SECTOR:
            left.append(VolumeDescriptor(sector, raw[0], raw))
    root = _find_root(access)
    if root is not None:
        raw = _invented(root, access.size_bytes // SECTOR)
        primary = VolumeDescriptor(FIRST_DESCRIPTOR, DescriptorKind.PRIMARY, raw)
        said = f"the root directory was found at sector {int.from_bytes(root[2:6], 'little')}"
        left = [one for one in left if one.kind != DescriptorKind.PRIMARY]
        left.insert(0, primary)
    else:
        joliet = next(filter(is_joliet, left), None)
        if joliet is None:
            return None
        primary, said = joliet, "the Joliet tree was read"
    log.add(
        error(
            "descriptor-lost",
            "primary volume descriptor",
            f"is destroyed or missing; {said}",
            "other readers do not see the disc at all: copy what can be read",
            "ECMA-119 8.4",
        )
    )
    return tuple(left), primary


def _find_root(access: RandomAccess) -> bytes | None:
    """Return the own record of the first root directory whose names are not Joliet's."""
    end = min(access.size_bytes, MAX_SEARCHED_BYTES)
    for offset in range(0, end, _CHUNK):
        chunk = access.try_read_at(offset, _CHUNK)
        for at in range(0, len(chunk) - SECTOR + 1, SECTOR):
            if chunk[at + 2 : at + 6] != struct.pack("<I", (offset + at) // SECTOR):
                continue
            sector = chunk[at : at + SECTOR]
            own = read_iso_record(sector, 0, offset + at)
            above = read_iso_record(sector, own.length, 0) if own is not None else None
            if own is None or above is None or not own.is_directory or own.disagreeing:
                continue
            if (own.identifier, above.identifier) != (SELF, PARENT) or own.block != above.block:
                continue
            first = read_iso_record(sector, own.length + above.length, 0)
            if first is None or b"\0" not in first.identifier:
                return sector[:33] + SELF
    return None


def _invented(root: bytes, sectors: int) -> bytes:
    """Return a Primary Volume Descriptor that leads to `root` and says no more."""
    raw = bytearray(SECTOR)
    raw[:7] = b"\x01" + STANDARD_IDENTIFIER + b"\x01"
    raw[40:72] = b" " * 32
    raw[80:88] = struct.pack("<I", sectors) + struct.pack(">I", sectors)
    for at, number in ((120, 1), (124, 1), (128, SECTOR)):
        raw[at : at + 4] = struct.pack("<H", number) + struct.pack(">H", number)
    raw[156:190] = bytes([34]) + root[1:34]
    raw[881] = 1
    return bytes(raw)
