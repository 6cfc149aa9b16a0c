"""The elements of one Directory Record, stepped over and taken where they lie (PS3.3, F.3.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mediastation.reading.directory_record import (
    CHILD,
    CLASS_UID,
    FILE_ID,
    IN_USE,
    INSTANCE_UID,
    NEXT,
    PRIVATE_UID,
    SYNTAX_UID,
    TYPE,
    DirectoryRecord,
)
from mediastation.reading.elements import (
    EXPLICIT_LE,
    ITEM,
    ElementCursor,
    Window,
    plain_elements,
    show_tag,
    text_value,
)

MAX_TEXT = 1024
"""Bytes of a value of group 0004 that are looked at."""

_PLAIN_BYTES = 1 << 12

_NUMBERS = {NEXT: "next_offset", IN_USE: "in_use", CHILD: "child_offset"}
_TEXTS = {
    TYPE: "type",
    CLASS_UID: "sop_class_uid",
    SYNTAX_UID: "transfer_syntax_uid",
    PRIVATE_UID: "private_uid",
}


def iter_record_elements(
    window: Window, cursor: ElementCursor
) -> Iterator[tuple[int, str, int, int]]:
    """Yield tag, VR, place and length of a record's elements; leaves `cursor` behind them.

    The plain front of the record goes by in one stroke; whatever is left is
    stepped over with care. An item among the elements is another record that a
    wrong length has swallowed: the record ends there, with a fault.
    """
    if cursor.encoding == EXPLICIT_LE:
        start = cursor.at
        buffer, inside = window.at(start, min(_PLAIN_BYTES, max(cursor.end - start, 0)))
        end = min(len(buffer), inside + max(cursor.end - start, 0))
        plain, stopped = plain_elements(buffer, inside, end)
        shift = start - inside
        cursor.at = stopped + shift
        for tag, vr, value_at, length in plain:
            yield tag, vr, value_at + shift, length
    while element := cursor.next():
        if element.tag == ITEM:
            cursor.at = element.value_at - 8
            cursor.fault = f"{show_tag(ITEM)} where an element should be"
            return
        yield element


def read_record(
    window: Window, cursor: ElementCursor, record: DirectoryRecord, texts: dict[bytes, str]
) -> bool:
    """Take group 0004 of one record; return whether its elements are in order."""
    order: Literal["big", "little"] = "big" if cursor.encoding.big_endian else "little"
    last = 0
    ordered = True
    for tag, _, value_at, length in iter_record_elements(window, cursor):
        if tag <= last:
            ordered = False
        last = tag
        if tag >> 16 != 4:
            continue
        raw = window.read(value_at, min(length, MAX_TEXT))
        number_field = _NUMBERS.get(tag)
        if number_field is not None:
            setattr(record, number_field, int.from_bytes(raw[:4], order))
            continue
        if tag == FILE_ID:
            *parts, name = raw.split(b"\\")
            # Folders are shared by many records, names are not.
            record.file_id = (*(_shared(part, texts) for part in parts), text_value(name))
            if record.file_id == ("",):
                record.file_id = ()
        elif tag == INSTANCE_UID:
            record.sop_instance_uid = text_value(raw)
        elif tag in _TEXTS:
            setattr(record, _TEXTS[tag], _shared(raw, texts))
    return ordered


def _shared(raw: bytes, texts: dict[bytes, str]) -> str:
    """Return the text of `raw`, the same object for the same bytes."""
    text = texts.get(raw)
    if text is None:
        text = text_value(raw)
        if len(texts) < 4096:
            texts[raw] = text
    return text
