"""What the size of a medium follows from, and how one kind of medium makes it of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LANE_BITS: Final = 80
_LANE: Final = (1 << _LANE_BITS) - 1


@dataclass(frozen=True, slots=True)
class Contents:
    """What a medium is to hold, added up.

    Parameters
    ----------
    instances, path_bytes : int
        Files of the File-set but the DICOMDIR, and the length of all their paths.
    blocks : int
        The sum of `SizeLayout.file_blocks`.
    structure : int
        The sum of `SizeLayout.entry_blocks` and, for all folders below the
        root, of `SizeLayout.folder_blocks`.
    folders, top_folders : int
        All that the File-set has, and how many of them lie in the root.
    directory_bytes, listed_bytes : int
        Of the DICOMDIR, and of the list of digests if there is one.
    """

    instances: int
    path_bytes: int
    blocks: int
    structure: int
    folders: int
    top_folders: int
    directory_bytes: int
    listed_bytes: int


class SizeLayout(ABC):
    """How one kind of medium holds files and folders; here, one that knows no folders.

    What files and folders take may be any number that can be added up: only
    the layout knows what the sum means. The size in blocks need not be that
    of the medium, either: what is rounded up over the whole of it is left out,
    and lowers `capacity_blocks` instead.

    Attributes
    ----------
    block_bytes : int
        What a block of the whole medium holds.
    entry_blocks : int
        What every file adds to the structure, whatever its size.
    """

    block_bytes: int
    entry_blocks: int

    def file_blocks(self, size_bytes: int) -> int:
        """Return what the content of a file takes."""
        return -(-size_bytes // self.block_bytes)

    def folder_blocks(self, _folders: int, _files: int, /) -> int:
        """Return what a folder with so many entries adds to the structure."""
        return 0

    @abstractmethod
    def total_blocks(self, contents: Contents) -> int:
        """Return what a medium with `contents` takes, fixed files included; it only ever grows."""

    def least_growth(self, blocks: int, structure: int) -> int:
        """Return at least how much `total_blocks` grows by if so much is added to the sums."""
        return blocks + structure

    def size_bytes(self, blocks: int) -> int:
        """Return the size of a medium that takes `blocks`."""
        return blocks * self.block_bytes

    def used_bytes(self, blocks: int) -> int:
        """Return `size_bytes` without what is free."""
        return self.size_bytes(blocks)

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return the most blocks whose `size_bytes` is within `capacity_bytes`; may be negative."""
        return capacity_bytes // self.block_bytes


def in_lanes(counts: Sequence[int]) -> int:
    """Return several counts as one number, so that they can be added up as one."""
    return sum(count << (_LANE_BITS * lane) for lane, count in enumerate(counts))


def lane(number: int, lane: int) -> int:
    """Return one of the counts that `in_lanes` put into a number, or their sums into its sum."""
    return (number >> (_LANE_BITS * lane)) & _LANE


def name_bytes(name: str) -> int:
    """Return how long a name is, or a path; one that cannot be written is counted, too."""
    return len(name.encode("utf-8", "surrogatepass"))
