"""ISO 9660 as PS3.12 Annex F wants it on CD-R, and as any ISO 9660 volume must be.

What every reader relies on (both path tables, the root's DICOMDIR) is an error
on anybody's medium. What Annex F alone forbids is an error where the manifest
says that the medium is a CD of ours, and a warning otherwise: DVD-R, for one,
may carry Rock Ridge and Joliet (Annex P).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mediastation.model.finding import Finding, Severity, error, warning
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.iso_structures import (
    PARENT,
    SECTOR,
    SELF,
    DescriptorKind,
    FileFlag,
    IsoRecord,
)
from mediastation.reading.names import safe_name

LARGEST_CD_SECTORS = 450_000
"""A 99-minute disc has 445,500; what is larger is no CD."""

_DIRECTORY = re.compile(rb"[A-Z0-9_]{1,8}")
_FILE = re.compile(rb"[A-Z0-9_]{0,8}\.[A-Z0-9_]{0,3};1")
_FILE_SET_ID = re.compile(r"[A-Z0-9_]{0,16}")
_CD_BRIDGE = b"CD-RTOS CD-BRIDGE"


def applies_annex_f(volume: IsoVolume) -> bool:
    """Tell whether a volume of unknown origin may be a CD: small enough, and no UDF on it."""
    return volume.volume_bytes <= LARGEST_CD_SECTORS * SECTOR and not volume.has_udf


def check_iso9660(volume: IsoVolume, *, file_set_id: str | None, strict: bool) -> Iterator[Finding]:
    """Check descriptors, path tables and the names and fields of every directory record.

    Parameters
    ----------
    volume : IsoVolume
        Opened; its own findings are not repeated.
    file_set_id : str or None
        As the DICOMDIR has it; None if there is no DICOMDIR to tell.
    strict : bool
        Whether Annex F is the law, because the medium is a CD of ours.
    """
    for name in ("path table L", "path table M", "optional path table L", "optional path table M"):
        if name.startswith("optional") and not volume.primary.path_tables[name]:
            continue
        yield from _check_path_table(volume, name)
    if strict or applies_annex_f(volume):
        severity = Severity.ERROR if strict else Severity.WARNING
        for rule, subject, message, reference in _annex_f(volume, file_set_id):
            yield Finding(
                rule,
                severity,
                subject,
                message,
                "strict CD readers may refuse it; make the disc again" if strict else "",
                reference,
            )


def _check_path_table(volume: IsoVolume, name: str) -> Iterator[Finding]:
    """Compare one path table with the directories that the tree leads to."""
    reference = "ECMA-119 9.4"
    hint = "some readers find files by the path table: make the disc again"
    found: dict[str, int] = {}
    paths: list[str] = []
    expected = {directory.path: directory.block for directory in volume.directories}
    for number, record in enumerate(volume.iter_path_table(name), start=1):
        if number > 2 * len(expected) + 100:
            yield error(
                "path-table", name, "has far more directories than the tree", hint, reference
            )
            return
        if record.parent < 1 or record.parent > max(1, number - 1):
            yield error("path-table", name, f"its record {number} has no parent", hint, reference)
            return
        if number == 1:
            path = ""
            if record.identifier != SELF:
                yield error("path-table", name, "does not begin with the root", hint, reference)
        else:
            above = paths[record.parent - 1]
            own = safe_name(record.identifier.decode("latin-1"))
            path = f"{above}/{own}" if above else own
            if len(path) > 1024:
                yield error("path-table", name, "leads ever deeper", hint, reference)
                return
        paths.append(path)
        found[path] = record.block
        if record.extended_attribute_length:
            yield warning(
                "extended-attributes", f"directory /{path}", f"{name} claims them", "", reference
            )
    for path, block in expected.items():
        if path not in found:
            yield error("path-table", name, f"directory /{path} is missing in it", hint, reference)
        elif found[path] != block:
            message = f"places directory /{path} at block {found[path]}, the tree at {block}"
            yield error("path-table", name, message, hint, reference)
    for path in found.keys() - expected.keys():
        yield error("path-table", name, f"has /{path}, which is not in the tree", hint, reference)


_Fault = tuple[str, str, str, str]


def _annex_f(volume: IsoVolume, file_set_id: str | None) -> Iterator[_Fault]:
    primary = volume.primary
    subject = "primary volume descriptor"
    if primary.system_identifier.strip(b" ") not in {b"", _CD_BRIDGE}:
        shown = primary.system_identifier.decode("latin-1").strip(" ")
        yield (
            "system-identifier",
            subject,
            f"System Identifier is {safe_name(shown)}, must be blank",
            "PS3.12 F.2.2.1",
        )
    if file_set_id is not None and _FILE_SET_ID.fullmatch(file_set_id):
        wanted = file_set_id.encode("ascii").ljust(32)
        if primary.volume_identifier != wanted:
            shown = primary.volume_identifier.decode("latin-1").rstrip(" ")
            yield (
                "volume-identifier",
                subject,
                f"Volume Identifier is {safe_name(shown)}, the File-set ID is {file_set_id}",
                "PS3.12 F.1.1",
            )
    if (primary.version, primary.file_structure_version) != (1, 1):
        yield (
            "descriptor-version",
            subject,
            f"versions are {primary.version} and {primary.file_structure_version}, must be 1",
            "ECMA-119 8.4.2, 8.4.31",
        )
    for descriptor in volume.descriptors:
        if descriptor.kind == DescriptorKind.SUPPLEMENTARY:
            yield (
                "supplementary-descriptor",
                descriptor.region,
                "a second tree (Joliet or its like) lies beside the primary one",
                "PS3.12 F.2.2",
            )
        elif descriptor.raw[6] != 1:
            yield "descriptor-version", descriptor.region, "its version is not 1", "ECMA-119 8.1.3"
    if any(finding.rule == "given-up" for finding in volume.findings):
        return
    for directory in volume.directories:
        if directory.level > 8:
            yield "depth", directory.shown, f"lies on level {directory.level} of 8", "PS3.12 F.1.2"
        for record in volume.iter_directory_records(directory):
            if record.identifier in {SELF, PARENT}:
                name = directory.shown
            else:
                own = safe_name(record.identifier.decode("latin-1"))
                name = f"{directory.path}/{own}" if directory.path else own
                yield from _check_name(record, name)
            yield from _check_fields(record, name)
    if volume.find(["DICOMDIR"]) and not _has_exact_dicomdir(volume):
        yield "level-1-name", "DICOMDIR", "is not recorded as DICOMDIR.;1", "PS3.12 F.1.3"


def _has_exact_dicomdir(volume: IsoVolume) -> bool:
    root: Iterable[IsoRecord] = (
        volume.iter_directory_records(volume.directories[0]) if volume.directories else ()
    )
    return any(record.identifier == b"DICOMDIR.;1" for record in root)


def _check_name(record: IsoRecord, name: str) -> Iterator[_Fault]:
    pattern = _DIRECTORY if record.is_directory else _FILE
    if not pattern.fullmatch(record.identifier) or record.identifier == b".;1":
        yield "level-1-name", name, "is no name of ISO 9660 Level 1", "PS3.12 F.2.2"


def _check_fields(record: IsoRecord, name: str) -> Iterator[_Fault]:
    if record.extended_attribute_length:
        yield "extended-attributes", name, "has an extended attribute record", "PS3.12 F.2.2.1"
    if record.flags & (FileFlag.RECORD | FileFlag.PROTECTION):
        yield (
            "file-flags",
            name,
            f"file flags are {record.flags:02X}H: record and protection bits must be 0",
            "PS3.12 F.2.2.1",
        )
    elif record.flags & ~FileFlag.DIRECTORY:
        yield (
            "file-flags",
            name,
            f"file flags are {record.flags:02X}H: hidden, associated or of several extents",
            "ECMA-119 10.1",
        )
    if record.system_use_length:
        yield (
            "system-use",
            name,
            f"{record.system_use_length} bytes of system use (Rock Ridge or its like)",
            "PS3.12 F.2.2",
        )
    _, month, day, hour, minute, second, _ = record.recorded_at
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        yield "recording-date", name, "has no recording date and time", "PS3.12 F.2.2.1"
    if record.volume_sequence != 1:
        yield "volume-set", name, "says that it lies on another volume", "ECMA-119 9.1.9"
