"""File Meta Information of a prepared copy: the original's, as far as it is worth keeping."""

from __future__ import annotations

import re

from mediastation.dicom.elements import Encoding
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.walk import Kind, MalformedError, Walk, Window
from mediastation.model.file_meta import PREAMBLE_BYTES, PREFIX
from mediastation.model.uid import is_usable_uid

MAX_CARRIED_BYTES = 1 << 16
"""Private Information longer than this is not carried on; no Type 1 element comes near it."""

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
    start = PREAMBLE_BYTES + len(PREFIX)
    if dataset_offset < start:
        return kept
    try:
        for token in Walk(window, start, dataset_offset, Encoding()):
            if token.kind is not Kind.ELEMENT or token.length > MAX_CARRIED_BYTES:
                continue
            value = window.read(token.value, token.length)
            if token.tag in _TITLES and token.vr == "AE":
                title = value.strip(b" \0")
                if _AE_TITLE.fullmatch(title):
                    kept[token.tag] = ("AE", title)
            elif token.tag == _PRIVATE_CREATOR and token.vr == "UI":
                uid = value.rstrip(b"\0 ")
                if is_usable_uid(uid.decode("ascii", "replace")):
                    kept[token.tag] = ("UI", uid)
            elif token.tag == _PRIVATE and token.vr == "OB":
                kept[token.tag] = ("OB", value)
    except MalformedError:
        pass
    if not {_PRIVATE_CREATOR, _PRIVATE} <= kept.keys():
        kept.pop(_PRIVATE_CREATOR, None)
        kept.pop(_PRIVATE, None)
    return kept


def require_identity(sop_class_uid: str, sop_instance_uid: str) -> None:
    """Refuse a data set whose SOP Class or SOP Instance cannot be named.

    Raises
    ------
    RefusalError
        ``"uid"`` if one of them is missing or is none.
    """
    for name, uid in (("SOP Class UID", sop_class_uid), ("SOP Instance UID", sop_instance_uid)):
        if not is_usable_uid(uid):
            raise RefusalError(
                "uid",
                f"the {name} is {'missing' if not uid else 'no UID'}",
                "A medium cannot hold an instance without identity; ask the sender to correct it.",
            )
