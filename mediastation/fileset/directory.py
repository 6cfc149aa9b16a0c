"""The DICOMDIR as it is written: records appended and linked by offsets (PS3.3, F.2 and F.3.2.2).

Parents come before their children, siblings in the order given. A record's
place is known only when it is appended, so its offset is filled into the record
before it, or into the one that it hangs under.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import BinaryIO, Final

from mediastation.fileset.order import refused
from mediastation.fileset.patched_output import PatchedOutput
from mediastation.fileset.records import LOWER_ENTITY_AT, NEXT_RECORD_AT, DirectoryHead

MAX_DICOMDIR_BYTES: Final = 2**32 - 2
"""Offsets and the sequence's length are 32 bits wide."""

_HIGHEST_NUMBER: Final = 2**31 - 1


@dataclass(slots=True)
class Entity:
    """One directory entity: the siblings below one record, or in the root.

    Parameters
    ----------
    record_at : int
        Where the record lies that refers to this entity; 0 for the root.
    last : int
        Where the sibling lies that was appended last; 0 while there is none.
    count, highest : int
        Number of siblings, and the highest Instance or Series Number of them.
    """

    record_at: int = 0
    first: int = 0
    last: int = 0
    count: int = 0
    highest: int = 0

    def next_number(self) -> int:
        """Return one more than the highest number, or than the count where that is not legal."""
        return (self.highest if self.highest < _HIGHEST_NUMBER else self.count) + 1


class DicomdirWriter:
    """Writes one DICOMDIR from front to back.

    Parameters
    ----------
    output : BinaryIO
        Seekable, writable; written from its beginning and left open.
    head : DirectoryHead
        From `mediastation.fileset.records.encode_head` or `encode_kept_head`.
    """

    def __init__(self, output: BinaryIO, head: DirectoryHead) -> None:
        self._head = head
        self._output = PatchedOutput(output)
        self._output.append(self._head.encoded)
        self.root = Entity()
        self.records: Counter[str] = Counter()

    def require_room(self, size_bytes: int, subject: str) -> None:
        """Refuse the instance `subject` if so many bytes more would not fit."""
        if self._output.position + size_bytes + len(self._head.tail) > MAX_DICOMDIR_BYTES:
            raise refused(
                "directory-full",
                subject,
                "The DICOMDIR would exceed 4 GiB, the reach of its offsets.",
                "Write several File-sets.",
                "PS3.3 F.3.2.2",
            )

    def append(self, entity: Entity, record_type: str, record: bytes, number: int = 0) -> Entity:
        """Append an encoded record to `entity`.

        Parameters
        ----------
        entity : Entity
            Where it belongs.
        record_type : str
            For the count.
        record : bytes
            The item, its offsets zero.
        number : int
            Its Instance or Series Number, if it has one.

        Returns
        -------
        Entity
            The entity below the record, still empty.
        """
        position = self._output.position
        if entity.last:
            self._output.patch(entity.last + NEXT_RECORD_AT, position)
        else:
            entity.first = position
            if entity.record_at:
                self._output.patch(entity.record_at + LOWER_ENTITY_AT, position)
        self._output.append(record)
        entity.last = position
        entity.count += 1
        entity.highest = max(entity.highest, number)
        self.records[record_type] += 1
        return Entity(position)

    def close(self) -> int:
        """Fill in the last offsets, write what is left, and return the size in bytes."""
        size = self._output.position
        self._output.patch(self._head.first_record_at, self.root.first)
        self._output.patch(self._head.last_record_at, self.root.last)
        self._output.patch(self._head.sequence_length_at, size - len(self._head.encoded))
        self._output.append(self._head.tail)
        return self._output.finish()
