"""Command Sets of DIMSE messages (PS3.7, 6.3, 9.3 and Annex E): Implicit VR Little Endian."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from struct import Struct

from mediastation.network.pdu import ProtocolError

MAX_COMMAND_BYTES = 1 << 16
NO_DATA_SET = 0x0101

AFFECTED_SOP_CLASS_UID = 0x0002
COMMAND_FIELD = 0x0100
MESSAGE_ID = 0x0110
MESSAGE_ID_RESPONDED_TO = 0x0120
MOVE_DESTINATION = 0x0600
PRIORITY = 0x0700
COMMAND_DATA_SET_TYPE = 0x0800
STATUS = 0x0900
ERROR_COMMENT = 0x0902
AFFECTED_SOP_INSTANCE_UID = 0x1000
REMAINING, COMPLETED, FAILED, WARNED = 0x1020, 0x1021, 0x1022, 0x1023
"""Numbers of sub-operations (PS3.7, 9.1.3 and 9.1.4)."""

_ELEMENT = Struct("<HHI")
_NUMBERS = frozenset(
    {
        COMMAND_FIELD,
        MESSAGE_ID,
        MESSAGE_ID_RESPONDED_TO,
        PRIORITY,
        COMMAND_DATA_SET_TYPE,
        STATUS,
    }
)
_COUNTERS = frozenset({REMAINING, COMPLETED, FAILED, WARNED})
_TEXTS = frozenset(
    {AFFECTED_SOP_CLASS_UID, AFFECTED_SOP_INSTANCE_UID, ERROR_COMMENT, MOVE_DESTINATION}
)
_UIDS = frozenset({AFFECTED_SOP_CLASS_UID, AFFECTED_SOP_INSTANCE_UID})


class CommandField(IntEnum):
    """What a message asks for or answers (PS3.7, E.1); bit 15 marks a response."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    C_CANCEL_RQ = 0x0FFF


RESPONSE = 0x8000

Command = Mapping[int, int | str]
"""The known elements of group 0000 by element number: numbers for US, text for the rest."""


def read_command(data: bytes) -> dict[int, int | str]:
    """Return the elements of a Command Set that this station understands.

    Unknown elements are passed over, whatever their group.

    Raises
    ------
    ProtocolError
        If a length passes the end, a number has not two bytes, a text is not
        ASCII, or there is no Command Field.
    """
    elements: dict[int, int | str] = {}
    offset = 0
    while offset < len(data):
        if offset + 8 > len(data):
            raise ProtocolError("a Command Set is cut off")
        group, element, length = _ELEMENT.unpack_from(data, offset)
        offset += 8
        if length > len(data) - offset:
            raise ProtocolError("an element of a Command Set is longer than the set")
        value = data[offset : offset + length]
        offset += length
        if group != 0:
            continue
        if element in _NUMBERS:
            if length != 2:
                raise ProtocolError(f"(0000,{element:04X}) of a Command Set has {length} bytes")
            elements[element] = int.from_bytes(value, "little")
        elif element in _COUNTERS:
            # They only tell how far it is; many peers send them empty.
            if length == 2:
                elements[element] = int.from_bytes(value, "little")
        elif element in _TEXTS:
            elements[element] = _text(element, value)
    if COMMAND_FIELD not in elements:
        raise ProtocolError("a Command Set has no Command Field")
    return elements


def _text(element: int, value: bytes) -> str:
    if element in _UIDS:
        try:
            return value.decode("ascii").strip(" \0")
        except UnicodeDecodeError:
            raise ProtocolError(f"(0000,{element:04X}) of a Command Set is not ASCII") from None
    text = value.decode("ascii", "replace").strip(" \0")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def write_command(elements: Command) -> bytes:
    """Return the Command Set with its group length in front; texts are padded as their VR asks."""
    body = bytearray()
    for element in sorted(elements):
        value = elements[element]
        if isinstance(value, int):
            encoded = value.to_bytes(2, "little")
        else:
            encoded = value.encode("ascii", "replace")
            encoded += (b"\0" if element in _UIDS else b" ") * (len(encoded) % 2)
        body += _ELEMENT.pack(0, element, len(encoded)) + encoded
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + bytes(body)


def number(command: Command, element: int, default: int | None = None) -> int:
    """Return a number of `command`.

    Raises
    ------
    ProtocolError
        If it is absent and there is no `default`.
    """
    value = command.get(element, default)
    if not isinstance(value, int):
        raise ProtocolError(f"a Command Set has no (0000,{element:04X})")
    return value


def text(command: Command, element: int) -> str:
    """Return a text of `command`, empty if it is absent."""
    value = command.get(element, "")
    return value if isinstance(value, str) else ""
