"""Read the front of a DICOM file: preamble, file meta, and who the data set says it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from mediastation.model.transfer_syntax import DEFLATED_LE
from mediastation.model.transfer_syntax import EXPLICIT_BE as EXPLICIT_BE_UID
from mediastation.model.transfer_syntax import IMPLICIT_LE as IMPLICIT_LE_UID
from mediastation.reading.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    UNDEFINED,
    ElementCursor,
    Encoding,
    Window,
    plain_elements,
    show_tag,
    text_value,
)

HEAD_BYTES = 1 << 16
"""As much of a file's front as is looked at while its bytes pass by."""

META_AT = 132
_MAX_META_VALUE = 1 << 16
_MAX_UID_BYTES = 256
"""A UID has 64 (PS3.5, 9.1); more than this of one is not shown to anybody."""
_MAX_NAME_BYTES = 16
_TYPE_1 = (0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012)
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")

SOP_CLASS, SOP_INSTANCE = 0x00080016, 0x00080018
PATIENT_ID, STUDY_UID, SERIES_UID = 0x00100020, 0x0020000D, 0x0020000E
_IDENTITY = frozenset({SOP_CLASS, SOP_INSTANCE, PATIENT_ID, STUDY_UID, SERIES_UID})


@dataclass(frozen=True, slots=True)
class FileMeta:
    """The File Meta Information of one file (PS3.10, 7.1).

    `has_prefix` is false where ``DICM`` is missing; the other fields are then
    empty. `faults` says in words what breaks Table 7.1-1; `writer` is the
    Implementation Version Name of whoever wrote the file.
    """

    has_prefix: bool
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    dataset_offset: int = 0
    faults: tuple[str, ...] = ()
    writer: str = ""


@dataclass(frozen=True, slots=True)
class FileFront:
    """Meta and identity of one file, from its first bytes.

    `identity` has the raw values of those of SOP Class, SOP Instance, Patient
    ID, Study and Series Instance UID that were seen before the front or the
    patience ended; what is missing from it is unknown, not absent.
    """

    meta: FileMeta
    identity: dict[int, bytes] = field(default_factory=dict)


def is_enveloped(front: bytes) -> bool:
    """Tell whether a file is a CMS envelope, as Secure DICOM Files are (PS3.10, 7.4)."""
    return front[:1] == b"\x30" and _ENVELOPED_DATA in front[:32]


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how a transfer syntax encodes its data set; every unknown one is explicit."""
    return {IMPLICIT_LE_UID: IMPLICIT_LE, EXPLICIT_BE_UID: EXPLICIT_BE}.get(
        transfer_syntax_uid, EXPLICIT_LE
    )


def read_file_meta(window: Window) -> FileMeta:
    """Read group 0002 as it stands, by its elements rather than by its length field."""
    if window.read(128, 4) != b"DICM":
        return FileMeta(has_prefix=False)
    faults: list[str] = []
    values: dict[int, bytes] = {}
    cursor = ElementCursor(window, META_AT, window.size_bytes, EXPLICIT_LE)
    group_end = first_end = META_AT
    while True:
        header = cursor.header()
        if header is None or header.tag >> 16 != 2:
            break
        if header.length == UNDEFINED or header.length > _MAX_META_VALUE:
            faults.append(f"{show_tag(header.tag)} is too long")
            break
        element = cursor.next()
        if element is None:
            break
        values[element.tag] = window.read(element.value_at, element.length)
        group_end = cursor.at
        if element.tag == 0x00020000:
            first_end = cursor.at
    if cursor.fault and group_end == META_AT:
        faults.append(cursor.fault)
    faults.extend(
        f"{show_tag(tag)} is missing or empty" for tag in _TYPE_1 if not values.get(tag, b"")
    )
    stated = values.get(0x00020000, b"")
    if len(stated) == 4 and int.from_bytes(stated, "little") != group_end - first_end:
        faults.append(
            f"group length says {int.from_bytes(stated, 'little')}, is {group_end - first_end}"
        )
    version = values.get(0x00020001, b"")
    if version and (len(version) != 2 or not version[1] & 1):
        faults.append("file meta information version is not 1")
    return FileMeta(
        True,
        text_value(values.get(0x00020002, b"")[:_MAX_UID_BYTES]),
        text_value(values.get(0x00020003, b"")[:_MAX_UID_BYTES]),
        text_value(values.get(0x00020010, b"")[:_MAX_UID_BYTES]),
        group_end,
        tuple(faults),
        text_value(values.get(0x00020013, b"")[:_MAX_NAME_BYTES]),
    )


def read_file_front(front: bytes) -> FileFront:
    """Read meta and identity from the first bytes of a file.

    Parameters
    ----------
    front : bytes
        Up to `HEAD_BYTES` from the start of the file.
    """
    window = Window(front)
    meta = read_file_meta(window)
    if not meta.has_prefix or meta.transfer_syntax_uid == DEFLATED_LE:
        return FileFront(meta)
    identity: dict[int, bytes] = {}
    encoding = encoding_of(meta.transfer_syntax_uid)
    at = meta.dataset_offset
    if encoding is EXPLICIT_LE:
        # Nearly every file of a medium, and each element costs a tenth this way.
        plain, at = plain_elements(front, at, len(front), SERIES_UID >> 16)
        for tag, _, value_at, length in plain:
            if tag in _IDENTITY and length <= 1024:
                identity[tag] = front[value_at : value_at + length]
    cursor = ElementCursor(window, at, len(front), encoding)
    while element := cursor.next():
        if element.tag in _IDENTITY and element.length <= 1024:
            identity[element.tag] = window.read(element.value_at, element.length)
        if element.tag >= SERIES_UID:
            break
    return FileFront(meta, identity)
