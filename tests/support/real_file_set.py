"""A whole File-set made from real files, for reading with somebody else's programs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mediastation.dicom.charset import decode_text
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import MediastationError, RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, FileSetSummary, Person
from mediastation.fileset.siblings import SiblingKeys
from mediastation.model.file_id import FileId
from mediastation.model.instance import InstanceHeader
from mediastation.model.record import AdditionalKey
from mediastation.model.record_types import REFERENCE

# PS3.11 Table D.3-2.
GENERAL_PURPOSE = (
    AdditionalKey("IMAGE", 0x00080008, "CS", "1C", keyword="ImageType"),
    AdditionalKey(
        "IMAGE", 0x00081140, "SQ", "1C", nested=REFERENCE, keyword="ReferencedImageSequence"
    ),
)


@dataclass(frozen=True)
class RealFileSet:
    """Where it lies, what is in it, and what was kept out."""

    folder: Path
    members: dict[FileId, tuple[Path, InstanceHeader]]
    refused: dict[Path, RefusedError]
    summary: FileSetSummary


def value(header: InstanceHeader, tag: int) -> str:
    """Return an attribute as text, empty without one."""
    element = header.elements.get(tag)
    if element is None or element.vr == "SQ":
        return ""
    return decode_text(element, header.elements.get(0x00080005)).strip()


def place_of_person(header: InstanceHeader) -> tuple[str, str]:
    """Return Patient ID and name, which tell people apart here."""
    return value(header, 0x00100020), value(header, 0x00100010)


def people(headers: list[tuple[Path, InstanceHeader]]) -> dict[tuple[str, str], Person]:
    """Return a person for each Patient ID with name; a shared or missing ID is replaced."""
    found: dict[tuple[str, str], Person] = {}
    used: set[str] = set()
    for _, header in headers:
        key = place_of_person(header)
        if key not in found:
            supplied = not key[0] or key[0] in used
            patient_id = f"NOID-{len(found)}" if supplied else key[0]
            used.add(patient_id)
            found[key] = Person("=".join(key), patient_id, supplied)
    return found


def write_file_set(
    sources: Iterable[Path],
    folder: Path,
    additional_keys: tuple[AdditionalKey, ...] = GENERAL_PURPOSE,
) -> RealFileSet:
    """Lay out what can be read of `sources` below `folder`, with a DICOMDIR."""
    headers = []
    for source in sources:
        try:
            header = read_header(source)
        except (NotDicom, MediastationError):
            continue
        if header.transfer_syntax_uid:
            headers.append((source, header))
    persons = people(headers)

    def place(one: tuple[Path, InstanceHeader]) -> tuple[str, ...]:
        tags = (0x00100020, 0x00100010, 0x0020000D, 0x0020000E)
        return tuple(value(one[1], tag) for tag in tags)

    headers.sort(key=place)
    members: dict[FileId, tuple[Path, InstanceHeader]] = {}
    refused: dict[Path, RefusedError] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "DICOMDIR").open("w+b") as output:
        builder = FileSetBuilder(
            output,
            file_set_uid="1.2.826.0.1.3680043.8.498.2024",
            file_set_id="REAL_FILES",
            moment=datetime(2024, 2, 29, 12, 30),
            additional_keys=additional_keys,
        )
        siblings = SiblingKeys(additional_keys)
        for _, header in headers:
            siblings.take(header, place_of_person(header))
        for source, header in headers:
            person = persons[place_of_person(header)]
            lent = siblings.of(header, [place_of_person(header)])
            try:
                file_id = builder.add(
                    FileSetInstance(header, header.transfer_syntax_uid, person, lent)
                )
            except RefusedError as error:
                refused[source] = error
                continue
            members[file_id] = (source, header)
            target = folder.joinpath(*file_id)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        summary = builder.close()
    return RealFileSet(folder, members, refused, summary)
