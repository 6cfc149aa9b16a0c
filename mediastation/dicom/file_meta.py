"""File Meta Information as it goes onto a medium (PS3.10, 7.1)."""

from __future__ import annotations

import re

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.dicom.reencode import element
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.walk import Encoding, Kind, MalformedError, Walk, Window
from mediastation.model.transfer_syntax import EXPLICIT_LE

PREAMBLE_BYTES = 128
MAX_CARRIED_BYTES = 1 << 16
"""Private Information longer than this is not carried on; no Type 1 element comes near it."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_AE_TITLE = re.compile(rb"[ -\[\]-~]{1,16}")
_TITLES = (0x00020016, 0x00020017, 0x00020018)
_PRIVATE_CREATOR, _PRIVATE = 0x00020100, 0x00020102


def read_carried_elements(window: Window, dataset_offset: int) -> dict[int, tuple[str, bytes]]:
    """Return the elements of a received file's meta information that a new one keeps.

    These are the Application Entity titles that are valid (PS3.5 6.2, AE),
    and the Private Information if both its elements are there. Whatever else
    is wrong with the group costs nothing but what follows it.
    """
    kept: dict[int, tuple[str, bytes]] = {}
    if dataset_offset < PREAMBLE_BYTES + 4:
        return kept
    try:
        for token in Walk(window, PREAMBLE_BYTES + 4, dataset_offset, Encoding(explicit=True)):
            if token.kind is not Kind.ELEMENT or token.length > MAX_CARRIED_BYTES:
                continue
            value = window.read(token.value, token.length)
            if token.tag in _TITLES and token.vr == "AE":
                title = value.strip(b" \0")
                if _AE_TITLE.fullmatch(title):
                    kept[token.tag] = ("AE", title)
            elif token.tag == _PRIVATE_CREATOR and token.vr == "UI":
                uid = value.rstrip(b"\0 ")
                if is_uid(uid.decode("ascii", "replace")):
                    kept[token.tag] = ("UI", uid)
            elif token.tag == _PRIVATE and token.vr == "OB":
                kept[token.tag] = ("OB", value)
    except MalformedError:
        pass
    if not {_PRIVATE_CREATOR, _PRIVATE} <= kept.keys():
        kept.pop(_PRIVATE_CREATOR, None)
        kept.pop(_PRIVATE, None)
    return kept


def is_uid(text: str) -> bool:
    """Tell whether `text` can be written as a UID (PS3.5 9.1), leading zeros forgiven."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def write_file_meta(
    sop_class_uid: str, sop_instance_uid: str, carried: dict[int, tuple[str, bytes]]
) -> bytes:
    """Return prefix and group 0002 of an Explicit VR Little Endian instance, preamble excluded.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid : str
        The data set's.
    carried : dict
        VR and value by tag, from `read_carried_elements`.

    Raises
    ------
    RefusalError
        ``"uid"`` if the data set lacks one of them or it is none.
    """
    for name, uid in (("SOP Class UID", sop_class_uid), ("SOP Instance UID", sop_instance_uid)):
        if not is_uid(uid):
            raise RefusalError(
                "uid",
                f"the {name} is {'missing' if not uid else 'no UID'}",
                "A medium cannot hold an instance without identity; ask the sender to correct it.",
            )
    values = {
        0x00020001: ("OB", b"\0\1"),
        0x00020002: ("UI", sop_class_uid.encode()),
        0x00020003: ("UI", sop_instance_uid.encode()),
        0x00020010: ("UI", EXPLICIT_LE.encode()),
        0x00020012: ("UI", IMPLEMENTATION_CLASS_UID.encode()),
        0x00020013: ("SH", IMPLEMENTATION_VERSION_NAME.encode()),
        **carried,
    }
    group = b"".join(element(tag, *values[tag]) for tag in sorted(values))
    return b"DICM" + element(0x00020000, "UL", len(group).to_bytes(4, "little")) + group
