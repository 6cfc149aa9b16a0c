"""Instance headers made by hand, for what takes its values from a header."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from mediastation.model.instance import Element, InstanceHeader

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

_LONG = {"OB", "OW", "SQ", "UC", "UN", "UR", "UT", "UV"}

Values = Mapping[int, tuple[str, str | bytes | int]]


def raw(vr: str, value: str | bytes | int) -> bytes:
    """Return a value field: numbers by VR, text as ASCII, padded to even length."""
    if isinstance(value, int):
        return struct.pack({"US": "<H", "UL": "<I", "UV": "<Q"}[vr], value)
    data = value.encode("ascii") if isinstance(value, str) else value
    return data + (b"\0" if vr == "UI" else b" ") * (len(data) % 2)


def encoded(values: Values) -> bytes:
    """Return elements in Explicit VR Little Endian, ascending."""
    chunks = []
    for tag, (vr, value) in sorted(values.items()):
        data = raw(vr, value)
        head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
        long = vr in _LONG
        chunks.append(head + struct.pack("<HI" if long else "<H", *((0,) * long), len(data)) + data)
    return b"".join(chunks)


def sequence(*items: Values) -> bytes:
    """Return the value of an SQ."""
    bodies = [encoded(item) for item in items]
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(body)) + body for body in bodies)


def code(value: str, meaning: str, scheme: str = "DCM") -> bytes:
    """Return an SQ with one coded item."""
    return sequence(
        {0x00080100: ("SH", value), 0x00080102: ("SH", scheme), 0x00080104: ("LO", meaning)}
    )


# A CT slice that has every value a record of its tree needs.
COMPLETE: dict[int, tuple[str, str | bytes | int]] = {
    0x00080020: ("DA", "20240131"),
    0x00080030: ("TM", "112233"),
    0x00080050: ("SH", "ACC1"),
    0x00080060: ("CS", "CT"),
    0x00081030: ("LO", "Abdomen"),
    0x00100010: ("PN", "Doe^Jane"),
    0x00100020: ("LO", "P1"),
    0x0020000D: ("UI", "1.2.3"),
    0x0020000E: ("UI", "1.2.3.4"),
    0x00200010: ("SH", "S1"),
    0x00200011: ("IS", "2"),
    0x00200013: ("IS", "7"),
}


def header(
    changes: Mapping[int, tuple[str, str | bytes | int] | None] | None = None,
    *,
    sop_class: str = CT,
    uid: str = "1.2.3.4.5",
) -> InstanceHeader:
    """Return `COMPLETE` with changes; None takes an element out."""
    values = {**COMPLETE, **(changes or {})}
    return InstanceHeader(
        sop_class,
        uid,
        EXPLICIT_LE,
        {
            tag: Element(value[0], raw(*value))
            for tag, value in sorted(values.items())
            if value is not None
        },
    )
