"""Two instances beside each other, for whoever has to decide about one of them.

Everything here is text that is safe to print and of limited length. Pictures
are made elsewhere (`mediastation.dicom.preview`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.lookups import known_instance
from mediastation.dicom.attribute_differences import AttributeDifference, Differences
from mediastation.dicom.dictionary import uid_name
from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.pixel_key import PixelShape
from mediastation.dicom.values import first_value, text
from mediastation.importing.judge import Judge, PixelVerdict
from mediastation.model.entry import Kind
from mediastation.model.identity import shown
from mediastation.model.instance import InstanceHeader, PixelEncoding
from mediastation.model.text import harmless, size_text
from mediastation.model.transfer_syntax import transfer_syntax_name

_PERSON = {
    "Patient ID": 0x00100020,
    "Issuer of Patient ID": 0x00100021,
    "Patient's Name": 0x00100010,
    "Patient's Birth Date": 0x00100030,
    "Patient's Sex": 0x00100040,
}
_FACTS = {
    "Study Date": 0x00080020,
    "Study Time": 0x00080030,
    "Study Description": 0x00081030,
    "Accession Number": 0x00080050,
    "Institution": 0x00080080,
    "Study Instance UID": 0x0020000D,
    "Modality": 0x00080060,
    "Series Number": 0x00200011,
    "Series Description": 0x0008103E,
    "Series Instance UID": 0x0020000E,
    "Instance Number": 0x00200013,
    "Content Date": 0x00080023,
    "Content Time": 0x00080033,
    "Manufacturer": 0x00080070,
    "Lossy Image Compression": 0x00282110,
}
_PIXEL_WORDS = {
    PixelVerdict.SAME: "the same pixels",
    PixelVerdict.OTHER: "other pixels",
    PixelVerdict.UNTOLD: "compressed differently; whether the pixels are the same is not known",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of two instances: where its file lies, and what it says.

    `title` tells a person which one it is. `header` is None if the file cannot
    be read, `came` says when and from where it came.
    """

    title: str
    path: Path
    size_bytes: int
    header: InstanceHeader | None
    came: str = ""


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact of both sides; `differs` where they do not say the same."""

    label: str
    one: str
    other: str

    @property
    def differs(self) -> bool:
        """Whether the two sides say something else."""
        return self.one != self.other


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two instances beside each other.

    Parameters
    ----------
    titles : tuple of str
        Of the one that is here, and of the one that is held.
    people, facts : tuple of FactRow
        Whose they are, and what they are.
    pixels : str
        What their pixels are to each other, in words.
    differences : Differences
        Of all attributes, where they are of one SOP Instance UID.
    """

    titles: tuple[str, str]
    people: tuple[FactRow, ...]
    facts: tuple[FactRow, ...]
    pixels: str
    differences: Differences

    def lines(self) -> list[str]:
        """Return it as lines for a terminal."""
        one, other = self.titles
        told = [f"here:  {one}", f"held:  {other}", ""]
        for row in (*self.people, *self.facts):
            if row.one or row.other:
                told += _told(row.label, row.one, row.other)
        told += ["", f"pixels: {self.pixels}"]
        if self.differences.unread:
            told.append(f"attributes: not compared: {self.differences.unread}")
        elif self.differences.number:
            told.append(f"attributes that differ: {self.differences.number}")
            for difference in self.differences.shown:
                told += _told(
                    _attribute(difference), _value(difference.one), _value(difference.other)
                )
            more = self.differences.number - len(self.differences.shown)
            if more:
                told.append(f"  and {more} more")
        return told

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "here": self.titles[0],
            "held": self.titles[1],
            "facts": [
                {"label": row.label, "here": row.one, "held": row.other, "differs": row.differs}
                for row in (*self.people, *self.facts)
            ],
            "pixels": self.pixels,
            "attributes": [
                {
                    "tag": f"{one.tag:08X}",
                    "name": one.name,
                    "here": one.one,
                    "held": one.other,
                }
                for one in self.differences.shown
            ],
            "attributes_that_differ": self.differences.number,
            "not_compared": self.differences.unread,
        }


def side_of_entry(catalog: Catalog, entry: int) -> Side | None:
    """Return what is here as a side; None if it was forgotten."""
    known = known_instance(catalog, entry)
    if known is None:
        return None
    path = catalog.store.path(known.sha256, known.kind)
    day = datetime.fromtimestamp(known.received_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    came = f"{day}, from {harmless(shown(known.source))}" if known.source else day
    what = "" if known.kind is Kind.ORIGINAL else f", a {known.kind.value} copy"
    title = f"instance {entry} of the catalog{what}"
    return Side(title, path, known.size_bytes, _header(path), came)


def side_of_file(title: str, path: Path, came: str = "") -> Side:
    """Return a file as a side: one that is held, or lent from a medium.

    `title` and `came` are made safe to print. A file that is gone has no header.
    """
    try:
        size_bytes = path.stat().st_size
    except OSError:
        size_bytes = 0
    return Side(harmless(title), path, size_bytes, _header(path), harmless(came))


def lay_side_by_side(here: Side, held: Side, judge: Judge) -> SideBySide:
    """Lay two instances beside each other.

    Pixels and attributes are compared in full. Of instances with different
    UIDs, or if a file cannot be read, the attributes are not.

    Raises
    ------
    MediaError
        If decoders are needed and cannot be started.
    """
    people = tuple(
        FactRow(label, _fact(here, tag), _fact(held, tag)) for label, tag in _PERSON.items()
    )
    pixels, differences = _compared(here, held, judge)
    return SideBySide(
        titles=(here.title, held.title),
        people=people,
        facts=tuple(_facts(here, held)),
        pixels=pixels,
        differences=differences,
    )


def _compared(here: Side, held: Side, judge: Judge) -> tuple[str, Differences]:
    if here.header is None or held.header is None:
        reason = "a file cannot be read"
        return f"not known: {reason}", Differences(unread=reason)
    try:
        verdict, differences = judge.judge(here.path, held.path)
    except OSError as fault:
        reason = f"a file cannot be read: {fault.strerror or fault}"
        return f"not known: {reason}", Differences(unread=reason)
    if here.header.sop_instance_uid != held.header.sop_instance_uid:
        differences = Differences()
    if PixelEncoding.ABSENT is here.header.pixels is held.header.pixels:
        return "neither has pixels", differences
    return _PIXEL_WORDS[verdict], differences


def _facts(here: Side, held: Side) -> list[FactRow]:
    rows = [FactRow(label, _fact(here, tag), _fact(held, tag)) for label, tag in _FACTS.items()]
    one, other = here.header, held.header
    rows += [
        FactRow("SOP Instance UID", _uid(one), _uid(other)),
        FactRow("SOP Class", _class(one), _class(other)),
        FactRow("Transfer Syntax", _syntax(one), _syntax(other)),
        FactRow("image", _shape(one), _shape(other)),
        FactRow("size of the file", size_text(here.size_bytes), size_text(held.size_bytes)),
        FactRow("came", here.came, held.came),
    ]
    return rows


def _fact(side: Side, tag: int) -> str:
    if side.header is None:
        return ""
    # Every value of a name or an ID counts; of the rest the first says enough.
    value = text(side.header, tag) if tag >> 16 == 0x0010 else first_value(side.header, tag)
    return harmless(shown(value))


def _uid(header: InstanceHeader | None) -> str:
    return harmless(shown(header.sop_instance_uid)) if header else ""


def _class(header: InstanceHeader | None) -> str:
    if header is None:
        return ""
    return harmless(shown(uid_name(header.sop_class_uid, header.sop_class_uid)))


def _syntax(header: InstanceHeader | None) -> str:
    return harmless(shown(transfer_syntax_name(header.transfer_syntax_uid))) if header else ""


def _shape(header: InstanceHeader | None) -> str:
    if header is None or header.pixels is PixelEncoding.ABSENT:
        return ""
    shape = PixelShape.of(header)
    frames = f", {shape.frames} frames" if shape.frames > 1 else ""
    return f"{shape.rows} x {shape.columns} pixels, {shape.bits_allocated} bits{frames}"


def _told(label: str, one: str, other: str) -> list[str]:
    if one == other:
        return [f"  {label}: {one}"]
    return [f"≠ {label}", f"    here:  {one or '(none)'}", f"    held:  {other or '(none)'}"]


def _attribute(difference: AttributeDifference) -> str:
    return f"({difference.tag >> 16:04X},{difference.tag & 0xFFFF:04X}) {difference.name}"


def _value(value: str | None) -> str:
    return "(absent)" if value is None else value or "(empty)"


def _header(path: Path) -> InstanceHeader | None:
    try:
        return read_header(path)
    except (NotDicom, OSError):
        return None
