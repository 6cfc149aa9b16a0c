"""Directory Records and the directory's head as bytes (PS3.3, F.3.2; PS3.10, 7.1 and 8.6).

Explicit VR Little Endian, sequences and items of defined length. Offsets are
written as zero and patched where they lie: the fields have fixed places.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mediastation.model.element_encoding import encode_element, encode_item
from mediastation.model.file_id import FileId
from mediastation.model.file_meta import encode_file_meta
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.model.transfer_syntax import EXPLICIT_LE

NEXT_RECORD_AT: Final = 16
"""Where in a record's item the value of (0004,1400) lies."""
LOWER_ENTITY_AT: Final = 38
"""Where in a record's item the value of (0004,1420) lies."""

_FIRST: Final = 0x00041200
_LAST: Final = 0x00041202
_CONSISTENCY: Final = 0x00041212
_RECORDS: Final = 0x00041220

_IN_USE: Final = struct.pack("<H", 0xFFFF)
_NONE: Final = struct.pack("<I", 0)


@dataclass(frozen=True, slots=True)
class Reference:
    """The instance that a record refers to; `general_classes` is the value of (0008,001A)."""

    file_id: FileId
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    general_classes: bytes = b""

    def encoded(self) -> bytes:
        """Return (0004,1500) to (0004,151A)."""
        general = self.general_classes
        return b"".join(
            (
                encode_element(0x00041500, "CS", "\\".join(self.file_id).encode("ascii")),
                encode_element(0x00041510, "UI", self.sop_class_uid.encode("ascii")),
                encode_element(0x00041511, "UI", self.sop_instance_uid.encode("ascii")),
                encode_element(0x00041512, "UI", self.transfer_syntax_uid.encode("ascii")),
                encode_element(0x0004151A, "UI", general) if general else b"",
            )
        )


_OFFSETS: Final = b"".join(
    (
        encode_element(0x00041400, "UL", _NONE),
        encode_element(0x00041410, "US", _IN_USE),
        encode_element(0x00041420, "UL", _NONE),
    )
)


@lru_cache(maxsize=64)
def _beginning(record_type: str) -> bytes:
    return _OFFSETS + encode_element(0x00041430, "CS", record_type.encode("ascii"))


def encode_record(record_type: str, keys: bytes, reference: Reference | None = None) -> bytes:
    """Return one record as an item, its offsets zero.

    Parameters
    ----------
    record_type : str
        (0004,1430).
    keys : bytes
        The encoded keys, all beyond group 0004, in ascending tag order.
    reference : Reference, optional
        The instance; none for PATIENT, STUDY and SERIES.
    """
    return encode_item(_beginning(record_type) + (reference.encoded() if reference else b"") + keys)


def encode_kept_record(elements: bytes) -> bytes:
    """Return a record of another directory as an item, its offsets zero.

    Parameters
    ----------
    elements : bytes
        Everything behind (0004,1420), byte for byte as it was.
    """
    return encode_item(_OFFSETS + elements)


@dataclass(frozen=True, slots=True)
class DirectoryHead:
    """Everything in front of the first record, and where its offsets lie in the file.

    `tail` is what comes behind the last record; next to nobody has such
    elements.
    """

    encoded: bytes
    first_record_at: int
    last_record_at: int
    sequence_length_at: int
    tail: bytes = b""


def encode_head(
    file_set_uid: str,
    file_set_id: str,
    descriptor: FileId | None = None,
    descriptor_character_set: str = "",
) -> DirectoryHead:
    """Return preamble, file meta and the data set up to the Directory Record Sequence's length.

    Parameters
    ----------
    file_set_uid : str
        (0002,0003).
    file_set_id : str
        (0004,1130), perhaps empty.
    descriptor : FileId, optional
        (0004,1141), a file for people.
    descriptor_character_set : str
        (0004,1142), if that file leaves the default repertoire.
    """
    head = bytearray(encode_file_meta(MEDIA_STORAGE_DIRECTORY, file_set_uid, EXPLICIT_LE))
    head += encode_element(0x00041130, "CS", file_set_id.encode("ascii"))
    if descriptor:
        head += encode_element(0x00041141, "CS", "\\".join(descriptor).encode("ascii"))
        if descriptor_character_set:
            head += encode_element(0x00041142, "CS", descriptor_character_set.encode("ascii"))
    head += encode_element(0x00041200, "UL", _NONE)
    first_record_at = len(head) - 4
    head += encode_element(0x00041202, "UL", _NONE)
    last_record_at = len(head) - 4
    head += encode_element(0x00041212, "US", b"\0\0")
    head += encode_element(0x00041220, "SQ", b"")
    return DirectoryHead(bytes(head), first_record_at, last_record_at, len(head) - 4)


def encode_kept_head(file_set_uid: str, elements: Mapping[int, bytes]) -> DirectoryHead:
    """Return the head of a directory that takes over what another one says of its File-set.

    Parameters
    ----------
    file_set_uid : str
        (0002,0003).
    elements : mapping of int to bytes
        The other directory's top-level elements, encoded. Offsets and flag are
        written anew; everything else stays, the File-set ID among it.
    """
    own = {
        _FIRST: encode_element(_FIRST, "UL", _NONE),
        _LAST: encode_element(_LAST, "UL", _NONE),
        _CONSISTENCY: encode_element(_CONSISTENCY, "US", b"\0\0"),
        _RECORDS: encode_element(_RECORDS, "SQ", b""),
    }
    head = bytearray(encode_file_meta(MEDIA_STORAGE_DIRECTORY, file_set_uid, EXPLICIT_LE))
    tail = b""
    ends = {}
    for tag, encoded in sorted({**elements, **own}.items()):
        if tag > _RECORDS:
            tail += encoded
        else:
            head += encoded
            ends[tag] = len(head)
    return DirectoryHead(bytes(head), ends[_FIRST] - 4, ends[_LAST] - 4, ends[_RECORDS] - 4, tail)
