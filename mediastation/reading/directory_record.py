"""One Directory Record of a DICOMDIR (PS3.3, F.3.2.2) as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MAX_KEY_BYTES = 1 << 16

NEXT, IN_USE, CHILD = 0x00041400, 0x00041410, 0x00041420
TYPE, PRIVATE_UID = 0x00041430, 0x00041432
FILE_ID, CLASS_UID, INSTANCE_UID, SYNTAX_UID = 0x00041500, 0x00041510, 0x00041511, 0x00041512


@dataclass(slots=True)
class DirectoryRecord:
    """One Directory Record (PS3.3, F.3.2.2).

    `offset` is that of its item tag from the start of the file, `end` the byte
    behind it. Offsets and flag are None where the record lacks them; text is
    empty. `file_id` has the components as recorded, blanks at their ends left
    off.
    """

    offset: int
    end: int = 0
    body: int = 0
    next_offset: int | None = None
    child_offset: int | None = None
    in_use: int | None = None
    type: str = ""
    file_id: tuple[str, ...] = ()
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    private_uid: str = ""

    @property
    def path(self) -> str:
        """The File ID with ``/`` between its components; not safe to open."""
        return "/".join(self.file_id)

    @property
    def label(self) -> str:
        """What findings call the record."""
        return self.path or f"{self.type or 'record'} at byte {self.offset}"


class Key(NamedTuple):
    """One key of a record; `value` is cut at `MAX_KEY_BYTES`, `vr` empty in Implicit VR."""

    vr: str
    length: int
    value: bytes
