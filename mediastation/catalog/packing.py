"""How an instance's header lies in one column: a table of elements, then their values.

Records and checks look at a few of the eighty-odd elements, so unpacking reads
the table only and makes an `Element` when it is asked for.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from mediastation.model.finding import Finding, Severity
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding, Preamble

_HEAD = struct.Struct("<II")
_ROW = struct.Struct("<I2sII")
_FLAGS = ("has_file_meta", "file_meta_conformant", "signed", "complete")


class _Codes(dict[str, bytes]):
    """VRs as bytes, each encoded once."""

    def __missing__(self, vr: str) -> bytes:
        code = self[vr] = vr.encode("ascii")
        return code


_CODES = _Codes()


class PackedElements(Mapping[int, Element]):
    """The elements of one header, read from their packed form."""

    __slots__ = ("_blob", "_rows")

    def __init__(self, blob: bytes, start: int, count: int) -> None:
        end = start + count * _ROW.size
        self._blob = blob
        self._rows = {
            tag: (vr, end + offset, length)
            for tag, vr, offset, length in _ROW.iter_unpack(blob[start:end])
        }

    def __getitem__(self, tag: int) -> Element:
        vr, offset, length = self._rows[tag]
        return Element(vr.decode("ascii"), self._blob[offset : offset + length])

    def get(self, key: int, /, default: Any = None) -> Any:
        """Return an element; most of what is asked for is not there, and `Mapping` would raise."""
        return self[key] if key in self._rows else default

    def __contains__(self, tag: object) -> bool:
        return tag in self._rows

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def pack_header(header: InstanceHeader) -> bytes:
    """Return the column's bytes for everything of `header` that has no column of its own."""
    facts = {
        "preamble": header.preamble,
        "pixels": header.pixels,
        "dataset_offset": header.dataset_offset,
        "flags": [int(getattr(header, name)) for name in _FLAGS],
        "findings": [list(finding.as_dict().values()) for finding in header.findings],
    }
    if header.pixel_length:
        facts["span"] = [header.pixel_offset, header.pixel_length]
    text = json.dumps(facts, separators=(",", ":")).encode()
    # Every instance comes through here: names are local.
    rows, values, offset = [], [], 0
    pack, codes = _ROW.pack, _CODES
    for tag, element in header.elements.items():
        value = element.value
        length = len(value)
        rows.append(pack(tag, codes[element.vr], offset, length))
        values.append(value)
        offset += length
    return b"".join((_HEAD.pack(len(text), len(rows)), text, *rows, *values))


def unpack_header(
    blob: bytes, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str
) -> InstanceHeader:
    """Return the header that `pack_header` packed, with the UIDs from their columns."""
    text_length, count = _HEAD.unpack_from(blob)
    start = _HEAD.size + text_length
    facts = json.loads(blob[_HEAD.size : start])
    flags = dict(zip(_FLAGS, map(bool, facts["flags"]), strict=True))
    pixel_offset, pixel_length = facts.get("span", (0, 0))
    return InstanceHeader(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=transfer_syntax_uid,
        elements=PackedElements(blob, start, count),
        preamble=Preamble(facts["preamble"]),
        pixels=PixelEncoding(facts["pixels"]),
        dataset_offset=facts["dataset_offset"],
        findings=tuple(
            Finding(rule, Severity(severity), subject, message, hint, reference)
            for rule, severity, subject, message, hint, reference in facts["findings"]
        ),
        pixel_offset=pixel_offset,
        pixel_length=pixel_length,
        **flags,
    )
