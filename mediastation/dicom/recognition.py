"""What stands in front of a data set: preamble, prefix, group 0002; and how the set is written.

Files are recognised by content. Where a file does not say how its data set is
encoded, the first elements must be plausible under one of the three encodings
that have no compression of the whole; nothing else is taken for DICOM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mediastation.dicom.elements import Encoding, parse_head, tag_text
from mediastation.dicom.source import Source
from mediastation.dicom.values import uid_text
from mediastation.dicom.vr import dictionary_vr
from mediastation.model.element_encoding import LONG_VRS, SHORT_VRS, UNDEFINED
from mediastation.model.file_meta import PREAMBLE_BYTES, PREFIX
from mediastation.model.instance import Element, Preamble
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)

TYPE_1: Final = (0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012)
"""Elements that file meta must have (PS3.10, Table 7.1-1)."""
DEFLATED: Final = frozenset(
    {DEFLATED_LE, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}  # JPIP, deflated
)
"""Transfer Syntaxes whose whole data set is deflated."""
ENCODING_OF: Final = {IMPLICIT_LE: Encoding(explicit=False), EXPLICIT_BE: Encoding(big=True)}
"""Encodings of transfer syntaxes that are not written as Explicit VR Little Endian."""
SYNTAX_OF: Final = {
    Encoding(): EXPLICIT_LE,
    Encoding(explicit=False): IMPLICIT_LE,
    Encoding(big=True): EXPLICIT_BE,
}

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_META_ELEMENT_LIMIT = 1000
_META_VALUE_LIMIT_BYTES = 64 * 1024
_PLAUSIBLE_ELEMENTS = 6
_HIGHEST_FIRST_GROUP = 0x0020
_FIXED = {"US": 2, "SS": 2, "AT": 4, "UL": 4, "SL": 4, "FL": 4, "FD": 8}
_UNBOUNDED = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN", "UT", "UC", "UR", "SQ", "LT"})


@dataclass(slots=True)
class FileMeta:
    """Preamble and file meta as they were found.

    `dataset_offset` is where the data set should begin; `problems` tells, rule
    and message, what PS3.10, 7.1 would have otherwise.
    """

    preamble: Preamble
    has_prefix: bool
    elements: dict[int, Element] = field(default_factory=dict)
    dataset_offset: int = 0
    complete: bool = True
    problems: list[tuple[str, str]] = field(default_factory=list)

    def uid(self, tag: int) -> str:
        """Return a UID of group 0002 without its padding; empty if absent."""
        element = self.elements.get(tag)
        return uid_text(element) if element else ""


def preamble_of(first: bytes) -> Preamble:
    """Return what the 128 bytes in front of the prefix hold."""
    if first.startswith(_TIFF):
        return Preamble.TIFF
    return Preamble.FOREIGN if first.strip(b"\0") else Preamble.ZERO


def _is_meta(block: bytes, at: int) -> bool:
    """Tell whether group 0002 begins at `at`, as it should be or written implicitly."""
    if block[at : at + 2] != b"\x02\0":
        return False
    code = block[at + 4 : at + 6]
    return code in SHORT_VRS or code in LONG_VRS or block[at + 2 : at + 8] == b"\0\0\x04\0\0\0"


def read_file_meta(source: Source) -> FileMeta:
    """Return what precedes the data set; `dataset_offset` is 0 if nothing does.

    Parameters
    ----------
    source : Source
        The file.

    Notes
    -----
    The letters DICM at offset 128 count only if group 0002 follows them or the
    file does not read as a bare data set: a bare data set may hold them too.
    """
    block = source.window(0)
    at = PREAMBLE_BYTES
    if block[at : at + 4] == PREFIX and (
        _is_meta(block, at + 4) or guess_encoding(source, 0) is None
    ):
        meta = FileMeta(preamble_of(block[:at]), has_prefix=True)
        return _read_group_2(source, block, at + 4, meta)
    for at, has_prefix in ((0, False), (4, True), (PREAMBLE_BYTES, False)):
        if has_prefix and not block.startswith(PREFIX):
            continue
        if _is_meta(block, at):
            meta = FileMeta(Preamble.ABSENT, has_prefix=False)
            return _read_group_2(source, block, at, meta)
    return FileMeta(Preamble.ABSENT, has_prefix=False)


def _read_group_2(source: Source, block: bytes, offset: int, meta: FileMeta) -> FileMeta:
    encoding = Encoding()
    base, first_end = 0, 0
    unknown_vr = False
    for _ in range(_META_ELEMENT_LIMIT):
        at = offset - base
        if at + 12 > len(block):
            block, base, at = source.window(offset), offset, 0
        if block[at : at + 2] != b"\x02\0":
            break
        head = parse_head(block, at, encoding, source.size - offset)
        start = offset + (head.size if head else 0)
        if head is None or head.length == UNDEFINED or not source.reaches(start + head.length):
            meta.problems.append(("truncated", "the file ends inside its file meta"))
            meta.complete = False
            offset = source.size
            break
        unknown_vr = unknown_vr or not head.vr or head.vr == "UN"
        offset = start + head.length
        if head.length <= _META_VALUE_LIMIT_BYTES:
            in_block = start - base
            value = block[in_block : in_block + head.length]
            if len(value) != head.length:
                value = source.window(start, head.length)
            vr = head.vr or dictionary_vr(head.tag)
            meta.elements[head.tag] = Element(vr, value)
        if head.tag == TYPE_1[0]:
            first_end = offset
    meta.dataset_offset = offset
    _judge(meta, offset - first_end if first_end else None, unknown_vr)
    return meta


def _judge(meta: FileMeta, after_length: int | None, unknown_vr: bool) -> None:
    if not meta.elements:
        meta.problems.append(("no-file-meta", "there is no file meta after the prefix"))
        return
    missing = [
        tag for tag in TYPE_1 if (element := meta.elements.get(tag)) is None or not element.value
    ]
    names = ", ".join(tag_text(tag) for tag in missing)
    if missing:
        meta.problems.append(("meta-incomplete", f"file meta lacks {names}"))
    version = meta.elements.get(0x00020001)
    if version is not None and version.value and not (version.value[1:2] or b"\0")[0] & 1:
        meta.problems.append(("meta-incomplete", "file meta is not of version 1"))
    length = meta.elements.get(TYPE_1[0])
    if length is not None and length.value:
        stated = int.from_bytes(length.value[:4], "little")
        if stated != after_length:
            message = f"file meta says it is {stated} bytes long and is {after_length}"
            meta.problems.append(("meta-length", message))
    if unknown_vr:
        meta.problems.append(("meta-encoding", "file meta is not in Explicit VR Little Endian"))


def plausible_elements(source: Source, offset: int, encoding: Encoding) -> int:
    """Return how many of the first elements are beyond doubt under `encoding`; 0 if one is not.

    Tags must be in the dictionary and ascend, VRs must be the dictionary's,
    lengths must fit the VR and what is there, and the first group must be one
    that data sets begin with.
    """
    block = source.window(offset, 4096)
    at, last, count = 0, -1, 0
    while count < _PLAUSIBLE_ELEMENTS and at < len(block):
        room = source.size - offset - at
        head = parse_head(block, at, encoding, room)
        if head is None:
            return count if offset + len(block) < source.size else 0
        if not _is_plausible(head.tag, head.vr, head.length, room - head.size, encoding.explicit):
            return 0
        if head.tag <= last or (last < 0 and head.tag >> 16 > _HIGHEST_FIRST_GROUP):
            return 0
        last = head.tag
        count += 1
        if head.length == UNDEFINED:
            break
        at += head.size + head.length
    return count


def _is_plausible(tag: int, vr: str, length: int, room: int, explicit: bool) -> bool:
    if tag >> 16 in (0, 2, 0xFFFE) or (explicit and not vr):
        return False
    known = dictionary_vr(tag)
    private = bool(tag >> 16 & 1)
    if known == "UN" and not private:
        return False
    if explicit and not private and vr not in known and vr != "UN":
        return False
    if length == UNDEFINED:
        return "SQ" in (known, vr) or "UN" in (known, vr)
    unit = _FIXED.get(vr or known, 1)
    if length > room or length % unit:
        return False
    return length <= 0xFFFF or bool(_UNBOUNDED & set((vr or known).split(" or ")))


def guess_encoding(source: Source, offset: int) -> Encoding | None:
    """Return the encoding under which a data set begins at `offset`; None if under none.

    At least two elements must agree, or one if it is all there is beyond its
    own value.
    """
    counts = {encoding: plausible_elements(source, offset, encoding) for encoding in SYNTAX_OF}
    best = max(counts, key=lambda encoding: counts[encoding])
    return best if counts[best] >= 2 else None


def seems(source: Source, offset: int, encoding: Encoding) -> bool:
    """Tell at a glance whether a data set at `offset` is written in `encoding`."""
    block = source.window(offset, 8)
    if len(block) < 8:
        return True
    code = block[4:6]
    names_vr = code in SHORT_VRS or code in LONG_VRS
    if names_vr != encoding.explicit:
        return False
    group = int.from_bytes(block[:2], "big" if encoding.big else "little")
    return group < 0x0400 or group >> 8 == group & 0xFF
