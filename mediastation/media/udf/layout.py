"""Where everything goes on a UDF medium: decided from names and sizes, nothing is opened.

::

    sector 16 recognition · 32 main sequence · 64 integrity · 256 anchor
    288    partition      with a metadata partition: entry of the Metadata File, at 32 the
                          Metadata File, files, Mirror File, entry of the Mirror File;
                          without: File Set, entries and directories, files
    end    + 31 anchor · + 32 reserve sequence · + 287 anchor, the last sector

The mirrors of what a reader cannot do without lie as far behind as possible.
Where another file system lies beside, its structures come between the first
anchor and the partition, which then begins later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mediastation.errors import RefusedError
from mediastation.media.level1 import MediumFile, parents_of
from mediastation.media.udf.encoding import LONGEST_EXTENT_BYTES, block_count
from mediastation.media.udf.entry import DIRECTORY, FILE, Identifier, Stored, directory_bytes
from mediastation.media.udf.revision import Revision
from mediastation.media.udf.volume import ECC_BLOCKS
from mediastation.model.finding import error

RECOGNITION, MAIN_SEQUENCE, INTEGRITY, FIRST_ANCHOR, PARTITION = 16, 32, 64, 256, 288
SEQUENCE_BLOCKS = 32
_TAIL_BLOCKS = 288
_ANCHOR_BEHIND, _RESERVE_BEHIND = 31, 32
_FIRST_UNIQUE_ID = 16
_FILE_SET_BLOCKS = 2
_MOST_SECTORS = 2**32 - 1


@dataclass(slots=True)
class Directory:
    """One directory: what its identifiers and its entry say.

    `block` is that of its entry; its identifiers follow, and then the entries
    of its files in the order of their names. `data_block` is where the first
    of those files lies, in blocks behind the first of all. Unique ids of the
    files follow one another from `file_ids`.
    """

    path: str
    parent: Directory | None
    files: list[MediumFile] = field(default_factory=list)
    children: list[Directory] = field(default_factory=list)
    unique_id: int = 0
    size_bytes: int = 0
    block: int = 0
    file_ids: int = 0
    data_block: int = 0

    @property
    def name(self) -> str:
        """The last component; empty for the root."""
        return self.path.rpartition("/")[2]

    @property
    def first_entry(self) -> int:
        """Block of the first file's entry."""
        return self.block + 1 + block_count(self.size_bytes)

    def stored(self) -> Stored:
        """Return what its own entry tells."""
        links = 1 + len(self.children)
        return Stored(DIRECTORY, self.block, self.unique_id, links, self.size_bytes, self.block + 1)

    def identifiers(self) -> Iterator[Identifier]:
        """Yield what leads from here: up, down, to the files."""
        above = self.parent or self
        yield Identifier.of_parent(above.block, above.unique_id)
        for child in self.children:
            yield Identifier.of_directory(child.name, child.block, child.unique_id)
        for number, file in enumerate(self.files):
            name = file.path.rpartition("/")[2]
            yield Identifier.of_file(name, self.first_entry + number, self.file_ids + number)

    def stored_files(self, data: int) -> Iterator[Stored]:
        """Yield what the entries of its files tell; all data begin at block `data`."""
        block = data + self.data_block
        for number, file in enumerate(self.files):
            location, unique_id = self.first_entry + number, self.file_ids + number
            yield Stored(FILE, location, unique_id, 1, file.size_bytes, block)
            block += block_count(file.size_bytes)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes: sectors where the name says so, else blocks of the partition.

    `structure_blocks` are those in use for File Set, directories and entries;
    with a metadata partition, `metadata_blocks` has them and what fills the
    last unit. The files' data begin at `data`, in the order of `directories`.
    `partition` is the partition's first sector.
    """

    directories: tuple[Directory, ...]
    file_count: int
    next_unique_id: int
    structure_blocks: int
    metadata: int
    metadata_blocks: int
    data: int
    data_blocks: int
    mirror: int
    mirror_entry: int
    partition_blocks: int
    partition: int = PARTITION

    @property
    def end_sector(self) -> int:
        """The first sector behind the partition."""
        return self.partition + self.partition_blocks

    @property
    def late_anchor(self) -> int:
        """Sector of the anchor that lies 256 before the last one."""
        return self.end_sector + _ANCHOR_BEHIND

    @property
    def reserve_sequence(self) -> int:
        """First sector of the Reserve Volume Descriptor Sequence."""
        return self.end_sector + _RESERVE_BEHIND

    @property
    def size_sectors(self) -> int:
        """The whole image, a multiple of 32 sectors."""
        return self.end_sector + _TAIL_BLOCKS


def plan_layout(files: Iterable[MediumFile], revision: Revision) -> Layout:
    """Give everything its place.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order, in which `check_udf` found nothing.

    Raises
    ------
    RefusedError
        If entries and directories take more than one extent can hold
        (``"udf-structure-size"``), or all of it more sectors than can be
        numbered (``"udf-volume-size"``).
    """
    directories = _directories(files)
    block, unique_id, data_blocks, file_count = _FILE_SET_BLOCKS, _FIRST_UNIQUE_ID, 0, 0
    for directory in directories:
        if directory.parent is not None:
            directory.unique_id = unique_id
            unique_id += 1
        names = [child.name for child in directory.children]
        names += (file.path.rpartition("/")[2] for file in directory.files)
        directory.size_bytes = directory_bytes(revision, names)
        directory.block = block
        directory.file_ids = unique_id
        directory.data_block = data_blocks
        count = len(directory.files)
        block, unique_id = directory.first_entry + count, unique_id + count
        data_blocks += sum(block_count(file.size_bytes) for file in directory.files)
        file_count += count
    if revision.metadata:
        metadata, metadata_blocks = ECC_BLOCKS, whole_units(block)
        data = metadata + metadata_blocks
        mirror = whole_units(data + data_blocks)
        mirror_entry = mirror + metadata_blocks
        end = mirror_entry + ECC_BLOCKS
    else:
        metadata, metadata_blocks, data = 0, block, block
        mirror = mirror_entry = 0
        end = whole_units(data + data_blocks)
    layout = Layout(
        tuple(directories),
        file_count,
        unique_id,
        block,
        metadata,
        metadata_blocks,
        data,
        data_blocks,
        mirror,
        mirror_entry,
        end,
    )
    require_addressable(layout)
    return layout


def _directories(files: Iterable[MediumFile]) -> list[Directory]:
    """Return the tree, every directory behind the one above it, with names in order."""
    root = Directory("", None)
    made = {"": root}
    for file in files:
        directory = root
        for path in parents_of(file.path):
            if path not in made:
                made[path] = Directory(path, directory)
                directory.children.append(made[path])
            directory = made[path]
        directory.files.append(file)
    for directory in made.values():
        directory.files.sort(key=lambda file: file.path)
        directory.children.sort(key=lambda child: child.path)
    return [made[path] for path in sorted(made)]


def require_addressable(layout: Layout) -> None:
    """Raise `RefusedError` as `plan_layout` does."""
    largest = LONGEST_EXTENT_BYTES // (ECC_BLOCKS * 2048) * ECC_BLOCKS
    if layout.metadata_blocks > largest:
        message = (
            f"{layout.metadata_blocks} blocks for entries and directories; "
            f"one extent holds {largest}."
        )
        hint = "Put fewer files on one medium."
        found = error("udf-structure-size", "", message, hint, "OSTA UDF 2.2.13")
    elif layout.size_sectors > _MOST_SECTORS:
        message = f"{layout.size_sectors} sectors; a volume holds {_MOST_SECTORS}."
        found = error("udf-volume-size", "", message, reference="ECMA-167 3/7.1")
    else:
        return
    raise RefusedError(f"{found.message} No image was made.", [found])


def whole_units(blocks: int) -> int:
    """Return `blocks` rounded up to what is recorded together."""
    return -(blocks // -ECC_BLOCKS) * ECC_BLOCKS
