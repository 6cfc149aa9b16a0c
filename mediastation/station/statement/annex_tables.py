"""The tables of the annexes: what the station writes, by attribute (PS3.2, N.9 to N.13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.elements import tag_text
from mediastation.fileset.icons import ICON
from mediastation.fileset.keys import NO_CODE
from mediastation.model.document import Table
from mediastation.model.profile import Role
from mediastation.model.record import AdditionalKey, Condition, Key, RecordType, Supply
from mediastation.model.transfer_syntax import EXPLICIT_LE, transfer_syntax_name
from mediastation.station.statement.claims import ENCODED_SYNTAXES
from mediastation.station.statement.facts import StatementFacts, storage_name, uid_order

_COLUMNS: Final = (
    "Attribute", "Tag", "VR", "Type", "Source", "Presence of Attribute", "Presence of Value",
    "Value", "Conditions and Comments",
)  # fmt: skip

_WHEN: Final = {
    Condition.PRESENT: "where the instance has it",
    Condition.NON_EMPTY: "where the instance has a value",
    Condition.SUBORDINATE: "where any instance below the record has it",
    Condition.BIPLANE: "of biplane images; of others where they have it",
    Condition.VERIFIED: "where Verification Flag is VERIFIED; the latest verification",
    Condition.CONCEPT_MODIFIERS: "the items of the root whose relationship is HAS CONCEPT MOD",
    Condition.RELATED_IMAGES: "where the IOD has the Presentation State Relationship Module",
    Condition.HL7_DOCUMENT: "where the document is an HL7 structured document",
    Condition.WITH_REGION: "where the item has an Anatomic Region Sequence",
}
_SUPPLIED: Final = {
    Supply.NUMBER: "one more than the highest of the siblings so far",
    Supply.STUDY_ID: "a number within the File-set",
    Supply.DATE: "the study's date, or that of writing",
    Supply.TIME: "the time that belongs to the date, or midnight",
    Supply.DATETIME: "date and time of the content, or of writing",
    Supply.CODE: "one item that says that there is no code (Annex E)",
    Supply.INSTANCE_UID: "the SOP Instance UID",
    Supply.MIME_TYPE: "what the SOP Class stands for",
}
_PATIENT_ID: Final = 0x00100020


def annex_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of Annexes A and E; those of the directory only if one is written."""
    tables = {"file-meta": _file_meta(facts), "prepared": _prepared()}
    if facts.record_types:
        codes = {tag: one.value.decode() for tag, one in NO_CODE.items()}
        tables |= {
            "directory": Table(
                "Basic Directory: File-set and directory information",
                _COLUMNS,
                _DIRECTORY,
                wide=True,
            ),
            "record": Table("Every Directory Record", _COLUMNS, _RECORD, wide=True),
            "keys": _keys(facts.record_types),
            "profile-keys": _profile_keys(facts),
            "icons": Table("Icon Image Sequence", _COLUMNS, _ICON, wide=True),
            "codes": Table(
                "Local codes",
                ("Code Value", "Coding Scheme Designator", "Code Meaning", "Where"),
                ((codes[0x00080100], codes[0x00080102], codes[0x00080104],
                  "Directory records whose table asks for a code that the instance lacks"),),
            ),
        }  # fmt: skip
    return tables


def _row(
    name: str, tag: str, vr: str, type_: str, value: str, comment: str, *,
    source: str = "GENERATED", attribute: str = "ALWAYS", present: str = "ALWAYS",
) -> tuple[str, ...]:  # fmt: skip
    return name, tag, vr, type_, source, attribute, present, value, comment


_DIRECTORY = (
    ("File-set Identification",),
    _row("File-set ID", "(0004,1130)", "CS", "2", "see section 6.4",
         "Empty where neither label, name nor Patient ID has a letter that it can hold",
         source="USER; GENERATED", present="CONDITIONAL"),
    ("Directory Information",),
    _row("Offset of the First Directory Record of the Root Directory Entity", "(0004,1200)", "UL",
         "1", "byte offset", "From the first byte of the file"),
    _row("Offset of the Last Directory Record of the Root Directory Entity", "(0004,1202)", "UL",
         "1", "byte offset", "Likewise"),
    _row("File-set Consistency Flag", "(0004,1212)", "US", "1", "0000H",
         "A directory gets its name only when it is whole"),
    _row("Directory Record Sequence", "(0004,1220)", "SQ", "2", "one item a record",
         "Items of defined length, each in front of those below it"),
)  # fmt: skip

_RECORD = (
    _row("Offset of the Next Directory Record", "(0004,1400)", "UL", "1", "byte offset",
         "0 for the last of its level"),
    _row("Record In-use Flag", "(0004,1410)", "US", "1", "FFFFH", "No record is inactive"),
    _row("Offset of Referenced Lower-Level Directory Entity", "(0004,1420)", "UL", "1",
         "byte offset", "0 where nothing lies below"),
    _row("Directory Record Type", "(0004,1430)", "CS", "1", "the types of the next table",
         "PRIVATE and MRDR are never written"),
    _row("Referenced File ID", "(0004,1500)", "CS", "1C", "see section 5.4.1",
         "Records of instances", attribute="CONDITIONAL"),
    _row("Referenced SOP Class UID in File", "(0004,1510)", "UI", "1C", "-",
         "Records of instances", source="SRC_INSTANCE", attribute="CONDITIONAL"),
    _row("Referenced SOP Instance UID in File", "(0004,1511)", "UI", "1C", "-",
         "Records of instances", source="SRC_INSTANCE", attribute="CONDITIONAL"),
    _row("Referenced Transfer Syntax UID in File", "(0004,1512)", "UI", "1C", "-",
         "Records of instances; that of the file on the medium", attribute="CONDITIONAL"),
    _row("Referenced Related General SOP Class UID in File", "(0004,151A)", "UI", "1C", "-",
         "Where the instance has Related General SOP Class UID (0008,001A)",
         source="SRC_INSTANCE", attribute="CONDITIONAL"),
    _row("Specific Character Set", "(0008,0005)", "CS", "1C", "see section 5.7",
         "Where a key leaves the default repertoire; also in items that have a set of their own",
         source="SRC_INSTANCE; GENERATED", attribute="CONDITIONAL"),
)  # fmt: skip


_ICON = (
    _row(attribute_name(ICON.tag), tag_text(ICON.tag), ICON.vr, "1; 3", "1 item",
         "IMAGE records: Type 1 where the profile demands it; otherwise where the operator asks "
         "for icons", attribute="CONDITIONAL"),
    _row(">Samples per Pixel", "(0028,0002)", "US", "1", "1", "-", source="FIXED"),
    _row(">Photometric Interpretation", "(0028,0004)", "CS", "1", "MONOCHROME2", "-",
         source="FIXED"),
    _row(">Rows", "(0028,0010)", "US", "1", "64, or what the profile demands", "-"),
    _row(">Columns", "(0028,0011)", "US", "1", "64, or what the profile demands", "-"),
    _row(">Bits Allocated", "(0028,0100)", "US", "1", "8", "-", source="FIXED"),
    _row(">Bits Stored", "(0028,0101)", "US", "1", "8", "-", source="FIXED"),
    _row(">High Bit", "(0028,0102)", "US", "1", "7", "-", source="FIXED"),
    _row(">Pixel Representation", "(0028,0103)", "US", "1", "0", "-", source="FIXED"),
    _row(">Pixel Data", "(7FE0,0010)", "OB", "1", "-",
         "From the windowed frame that stands for the image, native"),
)  # fmt: skip


def _keys(records: Iterable[RecordType]) -> Table:
    rows: list[tuple[str, ...]] = []
    for record in records:
        parent = record.parent or "the root"
        rows.append((f"{record.name} (PS3.3 {record.section}, below {parent})",))
        for key in record.keys:
            rows += _key_rows(key, 0)
    return Table("Selection keys of the Directory Records", _COLUMNS, tuple(rows), wide=True)


def _profile_keys(facts: StatementFacts) -> Table:
    by_key: dict[AdditionalKey, list[str]] = {}
    for profile in facts.claimed(Role.CREATOR):
        for key in profile.keys:
            by_key.setdefault(key, []).append(profile.name)
    rows: list[tuple[str, ...]] = []
    for (record_type, names), keys in _grouped(by_key):
        rows.append((f"{record_type}: {'; '.join(names)}",))
        for key in keys:
            rows += _key_rows(key.as_key(), 0, _classes(key))
    return Table(
        "Keys that claimed Application Profiles add or make stricter",
        _COLUMNS,
        tuple(rows),
        wide=True,
    )


def _grouped(
    by_key: dict[AdditionalKey, list[str]],
) -> Iterator[tuple[tuple[str, tuple[str, ...]], list[AdditionalKey]]]:
    groups: dict[tuple[str, tuple[str, ...]], list[AdditionalKey]] = {}
    for key, names in by_key.items():
        groups.setdefault((key.record_type, tuple(names)), []).append(key)
    for group in sorted(groups):
        yield group, sorted(groups[group], key=lambda key: key.tag)


def _classes(key: AdditionalKey) -> str:
    if not key.sop_classes:
        return ""
    names = "; ".join(storage_name(uid) for uid in sorted(key.sop_classes, key=uid_order))
    return f"of {names}; of others where they have it"


def _key_rows(key: Key, depth: int, classes: str = "") -> Iterator[tuple[str, ...]]:
    """Yield the row of a key and those of what its items hold; as deep as the table of keys."""
    name = attribute_name(key.tag, key.keyword)
    attribute, present = {
        "1": ("ALWAYS", "ALWAYS"),
        "1C": ("CONDITIONAL", "ALWAYS"),
        "2": ("ALWAYS", "SRC_COPY"),
        "2C": ("CONDITIONAL", "SRC_COPY"),
    }.get(key.type, ("CONDITIONAL", "ALWAYS"))
    comments = [classes] if classes else []
    if key.type.endswith("C") or key.type == "3":
        comments.append(_WHEN[key.condition])
    if key.tag == _PATIENT_ID and not depth:
        comments.append("the confirmed identity's; supplied where the instances have none")
    if key.in_shared_groups:
        comments.append("also from the Shared Functional Groups Sequence")
    if key.rest:
        comments.append("what else its items hold is copied")
    if key.fallback:
        comments.append(f"otherwise from {'; '.join(map(tag_text, key.fallback))}")
    supplied = _supplied(key)
    if supplied:
        comments.append(f"otherwise {supplied}")
    generated = supplied or (key.tag == _PATIENT_ID and not depth)
    yield (
        f"{'>' * depth}{name}", tag_text(key.tag), key.vr, key.type,
        "SRC_INSTANCE; GENERATED" if generated else "SRC_INSTANCE",
        attribute, present, _items(key), "; ".join(comments) or "-",
    )  # fmt: skip
    for inner in key.nested:
        yield from _key_rows(inner, depth + 1)


def _supplied(key: Key) -> str:
    if key.supply == Supply.NOTHING:
        return ""
    return _SUPPLIED.get(key.supply) or f"the value {key.supply}"  # type: ignore[call-overload]


def _items(key: Key) -> str:
    if key.vr != "SQ":
        return "-"
    fewest, most = key.items
    if fewest == most:
        return f"{fewest or 'no'} item{'s' * (fewest != 1)}"
    return f"[{fewest} … {most}] items" if most else f"[{fewest} … ] items"


def _file_meta(facts: StatementFacts) -> Table:
    written = facts.file_meta
    kept = "SRC_INSTANCE"
    return Table(
        "File meta information that the station writes",
        _COLUMNS,
        (
            _row("File Meta Information Group Length", "(0002,0000)", "UL", "1", "-", "-"),
            _row("File Meta Information Version", "(0002,0001)", "OB", "1",
                 written["(0002,0001)"], "-", source="FIXED"),
            _row("Media Storage SOP Class UID", "(0002,0002)", "UI", "1", "-",
                 "Of the C-STORE request or the data set", source=kept),
            _row("Media Storage SOP Instance UID", "(0002,0003)", "UI", "1", "-",
                 "Likewise; in the DICOMDIR, the File-set UID", source=f"{kept}; GENERATED"),
            _row("Transfer Syntax UID", "(0002,0010)", "UI", "1", "-",
                 "As accepted; in prepared copies, that of the copy"),
            _row("Implementation Class UID", "(0002,0012)", "UI", "1",
                 written["(0002,0012)"], "-", source="FIXED"),
            _row("Implementation Version Name", "(0002,0013)", "SH", "3",
                 written["(0002,0013)"], "-", source="FIXED"),
            *(
                _row(name, tag, vr, type_, "-", "Kept in prepared copies where the received file "
                     "has it and it is valid", source=kept, attribute="CONDITIONAL")
                for name, tag, vr, type_ in (
                    ("Source Application Entity Title", "(0002,0016)", "AE", "3"),
                    ("Sending Application Entity Title", "(0002,0017)", "AE", "3"),
                    ("Receiving Application Entity Title", "(0002,0018)", "AE", "3"),
                    ("Private Information Creator UID", "(0002,0100)", "UI", "3"),
                    ("Private Information", "(0002,0102)", "OB", "1C"),
                )
            ),
        ),
        wide=True,
    )  # fmt: skip


def _prepared() -> Table:
    names = sorted(transfer_syntax_name(uid) for uid in ENCODED_SYNTAXES - {EXPLICIT_LE})
    encoded = f"{', '.join(names[:-1])} or {names[-1]}"
    return Table(
        "What changes in a copy that is prepared for media",
        ("What", "Tag", "When", "Change"),
        (
            ("Preamble", "-", "it is not zero, or the file is written anew", "zeroed"),
            ("File meta information", "(0002,xxxx)",
             "it is missing, incomplete or wrong, or anything below changes",
             "written anew, see section A.3"),
            ("Encoding of every element", "-",
             "the profile does not carry the Transfer Syntax, or the operator asks for compression",
             "Explicit VR Little Endian, or what carries the compression"),
            ("Group lengths; groups that a data set may not have", "(gggg,0000)",
             "the elements are encoded anew", "left out"),
            ("Group lengths", "(gggg,0000)", "the pixels are decoded or compressed",
             "left out where an image changes"),
            ("Pixel Data", "(7FE0,0010)",
             "compressed in a Transfer Syntax that the profile does not carry",
             "decoded; every sample equal to what the codestream holds"),
            ("Pixel Data", "(7FE0,0010)",
             "the profile carries no other Transfer Syntax, or the operator asks for compression",
             f"compressed without loss in {encoded}; every sample equal after decoding"),
            ("Extended Offset Table; its Lengths", "(7FE0,0001); (7FE0,0002)",
             "the pixels are decoded or compressed", "left out"),
            ("Photometric Interpretation; Planar Configuration", "(0028,0004); (0028,0006)",
             "the pixels are decoded or compressed", "as the samples then are"),
            ("Lossy Image Compression; its Ratio and Method",
             "(0028,2110); (0028,2112); (0028,2114)",
             "the codestream has lost something",
             "01, and ratio and method where both are missing"),
            ("SOP Instance UID", "(0008,0018)", "never", "kept"),
            ("Everything else", "-", "never", "kept, private elements included"),
        ),
    )  # fmt: skip
