"""A DICOMDIR written record by record, right or wrong: every offset and element can be set.

Nothing is shared with the package: neither its writer nor its reader.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from tests.support.outside.patients import (
    CT_STUDY,
    NAME,
    PATIENT_ID,
    ROOT,
    OutsideInstance,
    instances,
)

EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
)
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
FILE_SET_UID = f"{ROOT}.100"
NEXT, IN_USE, CHILD, TYPE = 0x00041400, 0x00041410, 0x00041420, 0x00041430
FILE_ID, CLASS, INSTANCE, SYNTAX = 0x00041500, 0x00041510, 0x00041511, 0x00041512
_LONG = {"OB", "OW", "SQ", "UN", "UT"}
_NUMBERS = {"UL": "I", "US": "H"}
_UNDEFINED = 0xFFFFFFFF

Value = str | bytes | int | list[list[tuple[int, str, "Value"]]]
"""Of sequences, the items: lists of elements."""
Offsets = Callable[[str, int, int], int]
"""Given the role (``next``, ``child``, ``first``, ``last``), who points and the true offset."""


@dataclass(frozen=True)
class Encoding:
    """How elements are written."""

    explicit: bool = True
    big: bool = False

    @property
    def mark(self) -> str:
        return ">" if self.big else "<"

    def element(self, tag: int, vr: str, value: Value) -> bytes:
        """One element; numbers become binary, text ISO_IR 100, odd lengths are padded."""
        if isinstance(value, list):
            items = [b"".join(self.element(*one) for one in item) for item in value]
            raw = b"".join(self.head(0xFFFEE000, "", len(item)) + item for item in items)
        elif isinstance(value, int):
            raw = struct.pack(self.mark + _NUMBERS[vr], value)
        else:
            raw = value.encode("latin-1") if isinstance(value, str) else value
        if len(raw) % 2:
            raw += b"\0" if vr in {"UI", "OB"} else b" "
        return self.head(tag, vr, len(raw)) + raw

    def head(self, tag: int, vr: str, length: int) -> bytes:
        """Tag, VR and length."""
        front = struct.pack(self.mark + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit or tag >> 16 == 0xFFFE:
            return front + struct.pack(self.mark + "I", length)
        if vr in _LONG:
            return front + vr.encode() + struct.pack(self.mark + "HI", 0, length)
        return front + vr.encode() + struct.pack(self.mark + "H", length)


PLAIN = Encoding()


@dataclass(eq=False)
class Record:
    """One record: `keys` are (tag, VR, value), `without` are tags that are left out."""

    type: str
    keys: list[tuple[int, str, Value]] = field(default_factory=list)
    children: list[Record] = field(default_factory=list)
    file_id: str = ""
    uid: str = ""
    sop_class: str = ""
    syntax: str = EXPLICIT_LE
    in_use: int = 0xFFFF
    without: frozenset[int] = frozenset()

    def body(self, next_at: int, child_at: int, encoding: Encoding) -> bytes:
        """The elements, in order."""
        elements: list[tuple[int, str, Value]] = [
            (NEXT, "UL", next_at),
            (IN_USE, "US", self.in_use),
            (CHILD, "UL", child_at),
            (TYPE, "CS", self.type),
        ]
        if self.file_id:
            elements += [
                (FILE_ID, "CS", self.file_id),
                (CLASS, "UI", self.sop_class),
                (INSTANCE, "UI", self.uid),
                (SYNTAX, "UI", self.syntax),
            ]
        return b"".join(
            encoding.element(tag, vr, value)
            for tag, vr, value in (*elements, *sorted(self.keys, key=lambda key: key[0]))
            if tag not in self.without
        )


def walk(records: Sequence[Record]) -> Iterator[Record]:
    """Each record before its children."""
    for record in records:
        yield record
        yield from walk(record.children)


def image_record(one: OutsideInstance, **changes: object) -> Record:
    """The record of an instance."""
    keys: list[tuple[int, str, Value]] = [(0x00200013, "IS", one.uid.rsplit(".", 1)[1])]
    date = "20260103" if one.study == CT_STUDY else "20260220"
    if one.record_type == "SR DOCUMENT":
        title: list[tuple[int, str, Value]] = [(0x00080100, "SH", "121071")]
        title += [(0x00080102, "SH", "DCM"), (0x00080104, "LO", "Finding")]
        keys += [(0x00080023, "DA", date), (0x00080033, "TM", "120000")]
        keys += [(0x0040A491, "CS", "COMPLETE"), (0x0040A493, "CS", "UNVERIFIED")]
        keys += [(0x0040A043, "SQ", [title])]
    elif one.record_type == "PRESENTATION":
        keys += [(0x00700080, "CS", "WINDOW"), (0x00700081, "LO", "")]
        keys += [(0x00700082, "DA", date), (0x00700083, "TM", "090000"), (0x00700084, "PN", "")]
        keys += [(0x00081115, "SQ", [[(0x0020000E, "UI", f"{CT_STUDY}.1")]])]
    elif one.record_type == "ENCAP DOC":
        keys += [(0x00080023, "DA", date), (0x00080033, "TM", "120000")]
        keys += [(0x00420010, "ST", "Brief"), (0x0040A043, "SQ", [])]
        keys += [(0x00420012, "LO", "application/pdf")]
    record = Record(
        one.record_type, keys, [], one.path.replace("/", "\\"), one.uid, one.sop_class, one.syntax
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def roots(
    members: Sequence[OutsideInstance] | None = None,
    *,
    patient_id: str = PATIENT_ID,
    name: Value = NAME,
    charset: str = "ISO_IR 100",
) -> list[Record]:
    """The records of the outside patient: PATIENT, STUDY, SERIES and what lies below."""
    members = instances() if members is None else members
    studies: dict[str, dict[str, list[OutsideInstance]]] = {}
    for one in members:
        studies.setdefault(one.study, {}).setdefault(one.series, []).append(one)
    below = []
    for study, all_series in studies.items():
        first = study == CT_STUDY
        series_records = [
            Record(
                "SERIES",
                [
                    (0x00080060, "CS", ones[0].modality),
                    (0x0020000E, "UI", series),
                    (0x00200011, "IS", series.rsplit(".", 1)[1]),
                ],
                [image_record(one) for one in ones],
            )
            for series, ones in all_series.items()
        ]
        keys: list[tuple[int, str, Value]] = [
            (0x00080005, "CS", "ISO_IR 100"),
            (0x00080020, "DA", "20260103" if first else "20260220"),
            (0x00080030, "TM", "081500" if first else "140200"),
            (0x00080050, "SH", "E1001" if first else "E1002"),
            (0x00081030, "LO", "Schädel nativ" if first else "Abdomen"),
            (0x0020000D, "UI", study),
            (0x00200010, "SH", "CT77" if first else "RX5"),
        ]
        below.append(Record("STUDY", keys, series_records))
    person: list[tuple[int, str, Value]] = [
        (0x00100010, "PN", name),
        (0x00100020, "LO", patient_id),
    ]
    if charset:
        person.append((0x00080005, "CS", charset))
    return [Record("PATIENT", person, below)]


@dataclass
class Directory:
    """A DICOMDIR of `roots`; the defaults break no rule.

    `physical` orders the records in the file, `extra` are records that hang
    nowhere, `offsets` sets what is written for each offset. `syntax` is what
    the meta says, whatever `encoding` is. `item_lengths` changes the stated
    length of each item, by its number; None makes them undefined.
    """

    roots: list[Record] = field(default_factory=roots)
    encoding: Encoding = PLAIN
    syntax: str = EXPLICIT_LE
    extra: list[Record] = field(default_factory=list)
    physical: Callable[[list[Record]], list[Record]] = list
    offsets: Offsets = lambda _role, _who, true: true
    consistency: int = 0
    file_set_id: str = "KLINIK_SUED"
    sop_class: str = MEDIA_STORAGE_DIRECTORY
    meta_length: int = 0
    """Added to what the group length should be."""
    without: frozenset[int] = frozenset()
    """Tags of meta and head that are left out."""
    item_lengths: Callable[[int, int], int] | None = lambda _number, length: length
    preamble: bool = True

    def meta(self) -> bytes:
        """Preamble, prefix and group 0002."""
        values: list[tuple[int, str, Value]] = [
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", self.sop_class),
            (0x00020003, "UI", FILE_SET_UID),
            (0x00020010, "UI", self.syntax),
            (0x00020012, "UI", f"{ROOT}.9"),
            (0x00020013, "SH", "ELSEWHERE_1"),
        ]
        body = b"".join(PLAIN.element(*one) for one in values if one[0] not in self.without)
        length = PLAIN.element(0x00020000, "UL", len(body) + self.meta_length)
        if 0x00020000 in self.without:
            length = b""
        return bytes(128) + b"DICM" + length + body

    def build(self) -> bytes:
        """The file."""
        encoding = self.encoding
        front = self.meta() if self.preamble else b""
        tail = encoding.element(0x00041212, "US", self.consistency)
        identifier = encoding.element(0x00041130, "CS", self.file_set_id)
        heads = {0x00041130: identifier, 0x00041212: tail}
        for tag in (0x00041200, 0x00041202):
            heads[tag] = encoding.element(tag, "UL", 0)
        for tag in self.without & set(heads):
            heads[tag] = b""
        undefined = self.item_lengths is None
        sequence_head = len(encoding.head(0x00041220, "SQ", 0))
        flat = self.physical([*walk(self.roots), *self.extra])
        at = len(front) + sum(map(len, heads.values())) + sequence_head
        place: dict[int, int] = {}
        for record in flat:
            place[id(record)] = at
            at += 8 + len(record.body(0, 0, encoding)) + 8 * undefined
        # Records that are not written are pointed to at nothing.
        following: dict[int, int] = {}
        for siblings in (self.roots, *(record.children for record in walk(self.roots))):
            for left, right in pairwise(siblings):
                following[id(left)] = place.get(id(right), 0)
        offset = self.offsets
        items = []
        for number, record in enumerate(flat):
            here = place[id(record)]
            child = place.get(id(record.children[0]), 0) if record.children else 0
            body = record.body(
                offset("next", here, following.get(id(record), 0)) & _UNDEFINED,
                offset("child", here, child) & _UNDEFINED,
                encoding,
            )
            if self.item_lengths is None:
                items.append(encoding.head(0xFFFEE000, "", _UNDEFINED) + body)
                items.append(encoding.head(0xFFFEE00D, "", 0))
            else:
                length = self.item_lengths(number, len(body))
                items.append(encoding.head(0xFFFEE000, "", length) + body)
        first = place[id(self.roots[0])] if self.roots else 0
        last = place[id(self.roots[-1])] if self.roots else 0
        for tag, role, true in ((0x00041200, "first", first), (0x00041202, "last", last)):
            if heads[tag]:
                heads[tag] = encoding.element(tag, "UL", offset(role, 0, true) & _UNDEFINED)
        sequence = b"".join(items)
        length = _UNDEFINED if undefined else len(sequence)
        end = encoding.head(0xFFFEE0DD, "", 0) if undefined else b""
        head = encoding.head(0x00041220, "SQ", length)
        return front + b"".join(heads[tag] for tag in sorted(heads)) + head + sequence + end


def good_dicomdir() -> bytes:
    """The DICOMDIR of the outside patient, with nothing wrong."""
    return Directory().build()
