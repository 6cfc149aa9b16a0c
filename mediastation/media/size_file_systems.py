"""What file systems take for files and folders: ISO 9660, UDF, and none at all.

Exact to the block, or never below it; `mediastation.media.sizes` says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from mediastation.media.level1 import (
    LARGEST_FILE_BYTES,
    SECTOR_BYTES,
    MediumFile,
    level1_identifier,
    parents_of,
)
from mediastation.media.size_layout import Contents, SizeLayout, in_lanes, lane
from mediastation.media.udf.encoding import BLOCK_BYTES, block_count, cs0
from mediastation.media.udf.entry import directory_bytes
from mediastation.media.udf.layout import FIRST_ANCHOR, PARTITION, plan_layout, whole_units
from mediastation.media.udf.revision import REVISIONS, Revision
from mediastation.media.udf.volume import ECC_BLOCKS

_DESCRIPTOR_SECTORS: Final = 19
"""System area, primary descriptor, version descriptor and terminator, as they are written."""

# ECMA-119 9.1: a record has 33 bytes and the name, made even, and does not go
# over the end of a sector. 9.4: in a path table 8 and the name, made even;
# written twice, each in steps of two sectors.
_HEADS_BYTES: Final = 68
_FILE_ENTRY_BYTES: Final = 44
_FOLDER_ENTRY_BYTES: Final = 42
_LONGEST_ENTRY_BYTES: Final = 48
_PATH_ENTRY_BYTES: Final = 16
_PATH_STEP_BYTES: Final = 2 * SECTOR_BYTES
_PATH_STEP_SECTORS: Final = 4

_LONGEST_NAME: Final = "\u0100" * 127


@dataclass(frozen=True, slots=True, eq=False)
class FolderLayout(SizeLayout):
    """The files alone, to the byte: the file system is there already."""

    fixed_bytes: int
    block_bytes: int = 1
    entry_blocks: int = 0

    @classmethod
    def of(cls, files: Mapping[str, int]) -> FolderLayout:
        """Return the layout where each volume carries `files`."""
        return cls(sum(files.values()))

    def total_blocks(self, contents: Contents) -> int:
        """Return the bytes of all files."""
        named = contents.directory_bytes + contents.listed_bytes
        return self.fixed_bytes + contents.blocks + named


@dataclass(frozen=True, slots=True, eq=False)
class Iso9660Layout(SizeLayout):
    """Images of `mediastation.media.iso9660`; `of` counts what is the same on each volume."""

    fixed_sectors: int
    fixed_path_bytes: int
    root_bytes: int
    block_bytes: int = SECTOR_BYTES
    entry_blocks: int = 0

    @classmethod
    def of(cls, files: Mapping[str, int], digest_list: str) -> Iso9660Layout:
        """Return the layout where each volume carries `files`, and a list in the root."""
        names = [*files, *([digest_list] if digest_list else [])]
        folders = {parent for path in names for parent in parents_of(path)}
        entries: dict[str, set[tuple[str, int]]] = {"": {("DICOMDIR", _FILE_ENTRY_BYTES)}}
        for path in names:
            folder, _, name = path.rpartition("/")
            length = 33 + len(level1_identifier(name)) - 1
            entries.setdefault(folder, set()).add((name, length + length % 2))
        for path in folders:
            folder, _, name = path.rpartition("/")
            length = 33 + len(name)
            entries.setdefault(folder, set()).add((name, length + length % 2))
        root = [length for _, length in entries.pop("")]
        bare = (path.rpartition("/")[2] for path in folders)
        return cls(
            fixed_sectors=sum(-(-size // SECTOR_BYTES) for size in files.values())
            + sum(_iso_entries_sectors(sorted(listed)) for listed in entries.values()),
            # The root's own entry has ten bytes; the one of DICOM is two shorter than the others.
            fixed_path_bytes=10 - 2 + sum(8 + len(name) + len(name) % 2 for name in bare),
            root_bytes=_HEADS_BYTES + 38 + sum(root),
        )

    def folder_blocks(self, folders: int, files: int, /) -> int:
        """Return the sectors of its extent."""
        return _iso_folder_sectors(folders, files)

    def total_blocks(self, contents: Contents) -> int:
        """Return the sectors of the image."""
        total = _DESCRIPTOR_SECTORS + self.fixed_sectors + contents.blocks + contents.structure
        total += self.file_blocks(contents.directory_bytes)
        total += self.file_blocks(contents.listed_bytes)
        total += self.root_sectors(contents.top_folders)
        path_bytes = self.path_table_bytes(contents.folders)
        return total + -(-path_bytes // _PATH_STEP_BYTES) * _PATH_STEP_SECTORS

    def root_sectors(self, top_folders: int) -> int:
        """Return the sectors of the root folder; more than one is an upper bound."""
        root_bytes = self.root_bytes
        if top_folders > 1:
            # So much may stay empty in each sector.
            root_bytes += (top_folders - 1) * (_FOLDER_ENTRY_BYTES + _LONGEST_ENTRY_BYTES)
        return -(-root_bytes // (SECTOR_BYTES - _LONGEST_ENTRY_BYTES))

    def path_table_bytes(self, folders: int) -> int:
        """Return the bytes of a path table with so many folders of the File-set."""
        return self.fixed_path_bytes + folders * _PATH_ENTRY_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class UdfLayout(SizeLayout):
    """Images of `mediastation.media.udf`, whose partition grows by whole units.

    With a metadata partition, structure lies there twice, each time in units
    of its own. `around_blocks` are those of an image beside all that.
    """

    revision: Revision
    root_folders: tuple[str, ...]
    root_files: tuple[str, ...]
    fixed_data: int
    fixed_structure: int
    around_blocks: int
    block_bytes: int = BLOCK_BYTES
    entry_blocks: int = 1

    @classmethod
    def of(cls, revision: str, files: Mapping[str, int], digest_list: str) -> UdfLayout:
        """Return the layout where each volume carries `files`, and a list in the root."""
        kind = REVISIONS[revision]
        sizes = {_recordable(path): size for path, size in files.items()}
        sizes |= dict.fromkeys(["DICOMDIR", *([digest_list] if digest_list else [])], 0)
        unopened = (MediumFile(path, Path(), size) for path, size in sizes.items())
        fixed = plan_layout(unopened, kind)
        root = fixed.directories[0]
        units = 2 * fixed.metadata_blocks if kind.metadata else 0
        units += whole_units(fixed.data_blocks + (0 if units else fixed.structure_blocks))
        return cls(
            revision=kind,
            root_folders=tuple(child.name for child in root.children),
            root_files=tuple(file.path for file in root.files),
            fixed_data=fixed.data_blocks,
            fixed_structure=fixed.structure_blocks - block_count(root.size_bytes),
            around_blocks=fixed.size_sectors - units,
        )

    def folder_blocks(self, folders: int, files: int, /) -> int:
        """Return the blocks of its entry and of its identifiers, all of one length."""
        return 1 + _udf_directory_blocks(self.revision, folders + files)

    def total_blocks(self, contents: Contents) -> int:
        """Return the blocks of structure and data; those of a metadata partition in whole units."""
        data = self.fixed_data + contents.blocks
        data += block_count(contents.directory_bytes) + block_count(contents.listed_bytes)
        structure = self.fixed_structure + contents.structure
        structure += self._root_blocks(contents.top_folders)
        return data + (2 * whole_units(structure) if self.revision.metadata else structure)

    def least_growth(self, blocks: int, structure: int) -> int:
        """Return the sum; where there is a mirror, less what units that are there may take in."""
        if self.revision.metadata:
            structure = max(2 * (structure - ECC_BLOCKS + 1), 0)
        return blocks + structure

    def size_bytes(self, blocks: int) -> int:
        """Return the bytes of the image."""
        return (self.around_blocks + whole_units(blocks)) * BLOCK_BYTES

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return what whole units have room for."""
        room = capacity_bytes // BLOCK_BYTES - self.around_blocks
        return room // ECC_BLOCKS * ECC_BLOCKS

    def _root_blocks(self, top_folders: int) -> int:
        tops = ("DICOM", *(f"DICOM{number:03d}" for number in range(1, top_folders)))
        names = (*sorted({*self.root_folders, *tops}), *self.root_files)
        return block_count(directory_bytes(self.revision, names))


@dataclass(frozen=True, slots=True, eq=False)
class BridgeLayout(SizeLayout):
    """Images of `mediastation.media.bridge`: the files once, and two trees in two lanes.

    The lane of ISO 9660 comes to lie in front of the UDF partition, in whole
    units of its own.
    """

    udf: UdfLayout
    iso9660: Iso9660Layout
    block_bytes: int = BLOCK_BYTES
    entry_blocks: int = 1

    @classmethod
    def of(cls, files: Mapping[str, int], digest_list: str) -> BridgeLayout:
        """Return the layout where each volume carries `files`, and a list in the root."""
        unmeasured = dict.fromkeys(files, 0)
        return cls(
            UdfLayout.of("1.02", files, digest_list), Iso9660Layout.of(unmeasured, digest_list)
        )

    def file_blocks(self, size_bytes: int) -> int:
        """Return its data, and a sector for each File Section behind the first."""
        sections = max(-(-size_bytes // LARGEST_FILE_BYTES), 1)
        return in_lanes((block_count(size_bytes), sections - 1))

    def folder_blocks(self, folders: int, files: int, /) -> int:
        """Return what it takes in UDF, and in ISO 9660."""
        udf, iso9660 = self.udf, self.iso9660
        return in_lanes((udf.folder_blocks(folders, files), iso9660.folder_blocks(folders, files)))

    def total_blocks(self, contents: Contents) -> int:
        """Return the sectors up to the end of the partition, whose last unit may not be full."""
        blocks, structure = contents.blocks, contents.structure
        udf = replace(contents, blocks=lane(blocks, 0), structure=lane(structure, 0))
        side = self.iso9660.fixed_sectors + self.iso9660.root_sectors(contents.top_folders)
        side += lane(blocks, 1) + lane(structure, 1)
        side += 2 * block_count(self.iso9660.path_table_bytes(contents.folders))
        return max(PARTITION, whole_units(FIRST_ANCHOR + 1 + side)) + self.udf.total_blocks(udf)

    def least_growth(self, blocks: int, structure: int) -> int:
        """Return what the UDF side grows by."""
        return lane(blocks, 0) + lane(structure, 0)

    def size_bytes(self, blocks: int) -> int:
        """Return the bytes of the image."""
        return self.udf.size_bytes(blocks - PARTITION)

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return what whole units have room for."""
        return self.udf.capacity_blocks(capacity_bytes) + PARTITION


@lru_cache(maxsize=1 << 14)
def _iso_folder_sectors(folders: int, files: int) -> int:
    """Return what a folder with so many entries takes, folders before files."""
    sectors, used = 1, _HEADS_BYTES
    for count, length in ((folders, _FOLDER_ENTRY_BYTES), (files, _FILE_ENTRY_BYTES)):
        here = min(count, (SECTOR_BYTES - used) // length)
        used += here * length
        if left := count - here:
            each = SECTOR_BYTES // length
            sectors += -(-left // each)
            used = (left % each or each) * length
    return sectors


def _iso_entries_sectors(entries: Iterable[tuple[str, int]]) -> int:
    """Return what a folder with exactly these entries takes."""
    sectors, used = 1, _HEADS_BYTES
    for _, length in entries:
        if used + length > SECTOR_BYTES:
            sectors, used = sectors + 1, 0
        used += length
    return sectors


@lru_cache(maxsize=1 << 14)
def _udf_directory_blocks(revision: Revision, count: int) -> int:
    """Return the blocks of a directory with so many names of eight characters."""
    return block_count(directory_bytes(revision, ["IM000001"] * count))


def _recordable(path: str) -> str:
    """Return `path`, or one as long as can be where no medium can have it."""
    try:
        cs0(path)
    except ValueError:
        return "/".join(_LONGEST_NAME for _ in path.split("/"))
    return path
