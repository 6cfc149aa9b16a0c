"""Names and file entries of UDF as PS3.12 Annexes J, P and X want them."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from mediastation.model.file_id import MAX_COMPONENTS
from mediastation.reading.udf import UdfVolume
from mediastation.reading.udf_space import Entry
from mediastation.reading.udf_structures import Characteristic, FileType, u32, u64
from mediastation.reading.udf_tree import UdfDirectory, UdfName

Fault = tuple[str, str, str, str]
"""Rule, subject, message and reference; ``PS3.12 *`` stands for the annex at hand."""

_DICOMDIR = "DICOMDIR"
_COMPONENT = re.compile(r"[A-Z0-9_]{1,8}")
_READ, _ENTER = 0x1084, 0x0421
"""Permission bits that others, group and owner have (ECMA-167 4/14.9.5)."""
_FIRST_UNIQUE_ID = 16
_NSR03_FROM = 0x0200
_METADATA_FROM = 0x0250
_STRATEGY = 4
_TYPES = {FileType.UNSPECIFIED, FileType.FILE, FileType.SYMBOLIC_LINK}
_TIME = struct.Struct("<Hh8B")
_NO_ZONE = -2047


def check_entries(
    volume: UdfVolume, *, strict: bool, file_set: Collection[str] = ()
) -> Iterator[Fault]:
    """Check each file identifier and the entry that it leads to, and what they add up to.

    Parameters
    ----------
    volume : UdfVolume
        Opened; its directories are read again.
    strict : bool
        Whether that counts too which the reader has warned of already.
    file_set : collection of str
        Paths of the DICOM files; the DICOMDIR is one of them at any rate.

    Returns
    -------
    iterator of tuple
        Rules: ``"udf-dicomdir"``, ``"udf-file-id"``, ``"udf-file-version"``,
        ``"udf-hidden"``, ``"udf-deleted"``, ``"udf-file-type"``,
        ``"udf-permissions"``, ``"udf-strategy"``, ``"udf-allocation"``,
        ``"udf-unique-id"``, ``"udf-link-count"``, ``"udf-integrity"``,
        ``"udf-time"``.
    """
    yield from _EntryCheck(volume, strict, file_set).run()


@dataclass(slots=True)
class _Totals:
    """What is counted over the whole tree, to be held against what the volume says."""

    files: int = 0
    highest_id: int = 0
    latest: int = 0
    latest_raw: bytes = b""
    latest_path: str = ""
    links: dict[int, int] = field(default_factory=dict)
    """By offset of the entry: how many identifiers lead there."""
    ids: dict[int, int] = field(default_factory=dict)
    """By unique id: offset of the entry that has it."""


class _EntryCheck:
    def __init__(self, volume: UdfVolume, strict: bool, file_set: Collection[str]) -> None:
        self._volume = volume
        self._strict = strict
        self._dicom = frozenset((_DICOMDIR, *file_set))
        self._above = {
            path[:end] for path in self._dicom for end, sign in enumerate(path) if sign == "/"
        }
        self._totals = _Totals()
        self._expected_links: list[tuple[str, int, int]] = []

    def run(self) -> Iterator[Fault]:
        volume = self._volume
        if not volume.directories:
            return
        root = volume.directories[0]
        if volume.recognised.primary is not None:
            self._note_time(volume.recognised.primary.raw[376:388], "primary volume descriptor")
        for one in volume.file_sets:
            self._note_time(one.raw[16:28], "file set descriptor")
        yield from self._check_entry(root.found, "", is_directory=True)
        if root.found.entry.unique_id:
            message = f"its unique id is {root.found.entry.unique_id}, must be 0"
            yield "udf-unique-id", root.shown, message, "UDF 2.3.6.5, 3.2.1"
        subdirectories = dict.fromkeys(range(len(volume.directories)), 0)
        places = {one.found.offset: number for number, one in enumerate(volume.directories)}
        has_dicomdir = False
        for name in volume.iter_names():
            yield from self._check_name(name)
            found = name.found
            if found is None:
                continue
            has_dicomdir = has_dicomdir or name.path == _DICOMDIR
            is_directory = found.entry.file_type == FileType.DIRECTORY
            if is_directory:
                subdirectories[places[name.directory.found.offset]] += 1
            else:
                self._totals.files += 1
            links = self._totals.links
            links[found.offset] = links.get(found.offset, 0) + 1
            if links[found.offset] == 1:
                yield from self._check_entry(found, name.path, is_directory=is_directory)
                yield from self._check_id(found, name.path)
                if not is_directory:
                    count = found.entry.link_count
                    self._expected_links.append((name.path, count, found.offset))
            yield from self._check_id_in_name(name, found)
        if not has_dicomdir and volume.find([_DICOMDIR]):
            yield (
                "udf-dicomdir",
                _DICOMDIR,
                "is not recorded by this very name",
                "PS3.12 *.1, PS3.10 8.6",
            )
        yield from self._check_links(volume.directories, subdirectories)
        yield from self._check_totals()

    def _check_name(self, name: UdfName) -> Iterator[Fault]:
        identifier, subject = name.identifier, name.path or name.directory.shown
        traits = identifier.characteristics
        if identifier.version != 1:
            message = f"has file version number {identifier.version}, must be 1"
            yield "udf-file-version", subject, message, "PS3.12 *.1.3"
        if self._strict and traits & Characteristic.HIDDEN:
            yield "udf-hidden", subject, "is marked hidden", "PS3.12 *.2.1.5"
        if self._strict and traits & Characteristic.DELETED:
            yield "udf-deleted", subject, "has a deleted name", "ECMA-167 4/14.4.3"
        if name.path in self._dicom or name.path in self._above:
            components = name.path.split("/")
            if len(components) > MAX_COMPONENTS:
                message = f"has {len(components)} components, at most {MAX_COMPONENTS}"
                yield "udf-file-id", subject, message, "PS3.12 *.1.3"
            if not _COMPONENT.fullmatch(components[-1]):
                message = "is not 1 to 8 of A-Z, 0-9 and _"
                yield "udf-file-id", subject, message, "PS3.12 *.1.3, PS3.10 8.2"

    def _check_entry(self, found: Entry, path: str, *, is_directory: bool) -> Iterator[Fault]:
        entry, subject = found.entry, f"directory /{path}" if is_directory else path
        of_dicom = path in self._dicom or path in self._above or (is_directory and not path)
        if of_dicom and not is_directory and entry.file_type not in _TYPES:
            message = f"has file type {entry.file_type}, no file's"
            yield "udf-file-type", subject, message, "PS3.12 *.2.1.6, UDF 2.3.5.2"
        elif self._strict and entry.file_type == FileType.UNSPECIFIED:
            yield "udf-file-type", subject, "has file type 0, must be 5", "UDF 2.3.5.2"
        wanted = _READ | (_ENTER if is_directory else 0)
        # Where nobody tells which files are DICOM's, it is to be feared of each.
        if (of_dicom or len(self._dicom) == 1) and entry.permissions & wanted != wanted:
            message = f"its permissions {entry.permissions:04X}H keep somebody from reading it"
            yield "udf-permissions", subject, message, "PS3.12 *.2.1"
        if self._strict and entry.strategy != _STRATEGY:
            message = f"its ICB is of strategy {entry.strategy}, must be {_STRATEGY}"
            yield "udf-strategy", subject, message, "UDF 2.3.5.1"
        if self._volume.revision >= _METADATA_FROM and entry.data_length:
            # A short descriptor of a file would lead into the metadata partition.
            wrong = 1 if is_directory else 0
            if entry.ad_type == wrong:
                kind = ("short", "long")[wrong]
                message = f"has {kind} allocation descriptors beside a metadata partition"
                yield "udf-allocation", subject, message, "UDF 2.2.10, 2.3.10"
        for raw in entry.times:
            self._note_time(raw, subject)

    def _note_time(self, raw: bytes, subject: str) -> None:
        totals = self._totals
        if raw == totals.latest_raw:
            return
        moment = _instant(raw)
        if moment > totals.latest:
            totals.latest, totals.latest_raw, totals.latest_path = moment, raw, subject

    def _check_id(self, found: Entry, path: str) -> Iterator[Fault]:
        own, ids = found.entry.unique_id, self._totals.ids
        if own < _FIRST_UNIQUE_ID:
            message = f"its unique id is {own}, must be {_FIRST_UNIQUE_ID} or more"
            yield "udf-unique-id", path, message, "UDF 3.2.1"
        elif ids.setdefault(own, found.offset) != found.offset:
            message = f"shares its unique id {own} with another file"
            yield "udf-unique-id", path, message, "UDF 3.2.1"
        self._totals.highest_id = max(self._totals.highest_id, own)

    def _check_id_in_name(self, name: UdfName, found: Entry) -> Iterator[Fault]:
        if self._volume.revision < _NSR03_FROM:
            return
        told = name.identifier.unique_id
        if told != found.entry.unique_id & 0xFFFFFFFF:
            message = f"its name says unique id {told}, its entry {found.entry.unique_id}"
            yield "udf-unique-id", name.path, message, "UDF 2.3.4.3"

    def _check_links(
        self, directories: tuple[UdfDirectory, ...], subdirectories: dict[int, int]
    ) -> Iterator[Fault]:
        reference = "ECMA-167 4/14.9.6"
        for number, directory in enumerate(directories):
            wanted, found = 1 + subdirectories[number], directory.found.entry.link_count
            if found != wanted:
                message = f"its link count is {found}, {wanted} names lead to it"
                yield "udf-link-count", directory.shown, message, reference
        for path, found, offset in self._expected_links:
            wanted = self._totals.links[offset]
            if found != wanted:
                message = f"its link count is {found}, {wanted} names lead to it"
                yield "udf-link-count", path, message, reference

    def _check_totals(self) -> Iterator[Fault]:
        integrity, totals = self._volume.integrity, self._totals
        if integrity is None or integrity.faults:
            return
        raw, subject = integrity.raw, "logical volume integrity descriptor"
        closed = _instant(raw[16:28])
        if closed and totals.latest > closed:
            message = f"is earlier than a time of {totals.latest_path}"
            yield "udf-time", subject, message, "UDF 2.2.6.1"
        following = u64(raw, 40)
        if following <= totals.highest_id:
            message = f"its next unique id is {following}, {totals.highest_id} is taken"
            yield "udf-unique-id", subject, message, "UDF 3.2.1"
        maps = len(self._volume.partition_kinds)
        use = 80 + 8 * maps
        if u32(raw, 72) != maps or use + 46 > len(raw):
            return  # told where the volume is checked
        counts = u32(raw, use + 32), u32(raw, use + 36)
        found = totals.files, len(self._volume.directories)
        if counts != found:
            message = (
                f"tells of {counts[0]} files and {counts[1]} directories, "
                f"there are {found[0]} and {found[1]}"
            )
            yield "udf-integrity", subject, message, "UDF 2.2.6.4"


def _instant(raw: bytes) -> int:
    """Return a timestamp as a number that grows with time; 0 where it is none (ECMA-167 1/7.3)."""
    zone, year, month, day, hour, minute, second, centi, hundreds, micro = _TIME.unpack(raw)
    minutes = zone & 0xFFF
    minutes -= 0x1000 if minutes & 0x800 else 0
    if zone >> 12 != 1 or minutes == _NO_ZONE:
        minutes = 0
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return 0
    # Months of 31 days keep the order, and zones move by less than two days.
    days = (year * 12 + month) * 31 + day
    seconds = ((days * 24 + hour) * 60 + minute - minutes) * 60 + second
    fraction = centi * 10_000 + hundreds * 100 + micro
    return int(seconds * 1_000_000 + fraction)
