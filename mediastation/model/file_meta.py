"""What every file that this station writes begins with (PS3.10, 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.model.element_encoding import encode_element

PREAMBLE_BYTES: Final = 128
PREFIX: Final = b"DICM"


def encode_file_meta(
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    carried: Mapping[int, tuple[str, bytes]] | None = None,
) -> bytes:
    """Return a zero preamble, the prefix and the File Meta Information of Table 7.1-1.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax_uid : str
        What the data set is, and how it is encoded. They are written as they are.
    carried : mapping of int to (str, bytes), optional
        VR and value of elements beyond the required ones, by tag.

    Raises
    ------
    UnicodeEncodeError
        If a UID is not ASCII.
    """
    values = {
        0x00020001: ("OB", b"\0\1"),
        0x00020002: ("UI", sop_class_uid.encode("ascii")),
        0x00020003: ("UI", sop_instance_uid.encode("ascii")),
        0x00020010: ("UI", transfer_syntax_uid.encode("ascii")),
        0x00020012: ("UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
        0x00020013: ("SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
        **(carried or {}),
    }
    group = b"".join(encode_element(tag, *values[tag]) for tag in sorted(values))
    length = encode_element(0x00020000, "UL", len(group).to_bytes(4, "little"))
    return bytes(PREAMBLE_BYTES) + PREFIX + length + group
