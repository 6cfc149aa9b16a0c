"""FAT as PS3.12 Annexes M, Q and R to U want it on MO disks, USB devices and cards.

What no system could read is an error on anybody's medium, and the reader says
it. What the annexes ask for besides is an error where the medium is ours, and
a warning where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.file_id import MAX_COMPONENTS
from mediastation.model.finding import Finding, Severity
from mediastation.reading.fat import FatVolume
from mediastation.reading.fat_boot import u16, u32
from mediastation.reading.fat_entries import Attribute, FatEntry
from mediastation.reading.names import safe_name

_NAME = re.compile(r"[A-Z0-9_]{1,8}", re.ASCII)
_OTHER_NAME = re.compile(
    r"[A-Z0-9_!#$%&'()@^`{}~-]{1,8}(\.[A-Z0-9_!#$%&'()@^`{}~-]{1,3})?", re.ASCII
)
_LARGEST_CLUSTER = 32 << 10
_TYPES = {0x01: 12, 0x04: 16, 0x06: 16, 0x0E: 16, 0x0B: 32, 0x0C: 32}
_DICOMDIR = b"DICOMDIR   "
_AGAIN = "strict readers may refuse it; make the medium again"


@dataclass(frozen=True, slots=True)
class _Annex:
    """What one annex says; empty sets leave the matter open."""

    kinds: frozenset[int]
    partitioned: bool = True
    by_annex_a: bool = False
    sector_bytes: frozenset[int] = frozenset()
    sectors_per_cluster: frozenset[int] = frozenset()
    media_bytes: frozenset[int] = frozenset()


# PS3.12 2024c A.2, M, Q, R to U.
_DEVICE = _Annex(frozenset({16, 32}))
_CARD = _Annex(frozenset({16}), by_annex_a=True)
_ANNEXES = {
    "A": _Annex(frozenset({12, 16}), partitioned=False, by_annex_a=True),
    "M": _Annex(
        frozenset({16}), False, True, frozenset({512}), frozenset({64, 128}), frozenset({0xF8})
    ),
    "Q": _Annex(
        frozenset({16}), False, True, frozenset({2048}), frozenset({8, 16, 32, 64}),
        frozenset({0xF8}),
    ),
    "R": _DEVICE,
    "S": _DEVICE,
    "T": _CARD,
    "U": _CARD,
}  # fmt: skip

_Fault = tuple[str, str, str, str]


def check_fat(volume: FatVolume, *, annex: str, strict: bool) -> Iterator[Finding]:
    """Check kind, place, boot sector, counts and every directory entry.

    Parameters
    ----------
    volume : FatVolume
        Opened; its own findings are not repeated.
    annex : str
        Letter of the annex of PS3.12; an unknown one is taken for R, which
        allows the most.
    strict : bool
        Whether the medium is ours, so that the annex is the law.

    Yields
    ------
    Finding
        Errors if `strict`, else warnings: ``"fat-kind"``, ``"partition"``,
        ``"boot-sector"``, ``"cluster-size"``, ``"fs-information"``,
        ``"lost-clusters"``, ``"bad-clusters"``, ``"fat-name"``, ``"depth"``,
        ``"hidden-file"``, ``"recording-date"``.

    Raises
    ------
    OSError
        If a directory cannot be read.
    """
    severity = Severity.ERROR if strict else Severity.WARNING
    known = annex if annex in _ANNEXES else "R"
    rules = _ANNEXES[known]
    reference = f"PS3.12 Annex {known}"
    for check in (
        _kind(volume, rules, reference),
        _partition(volume, rules, reference, strict=strict),
        _boot_sector(volume, rules, reference),
        _counts(volume, strict=strict),
        _entries(volume, reference, strict=strict),
    ):
        for rule, subject, message, source in check:
            yield Finding(rule, severity, subject, message, _AGAIN if strict else "", source)


def _kind(volume: FatVolume, rules: _Annex, reference: str) -> Iterator[_Fault]:
    if volume.boot.kind not in rules.kinds:
        wanted = " or ".join(f"FAT{kind}" for kind in sorted(rules.kinds))
        yield "fat-kind", volume.name, f"has {volume.kind}, must have {wanted}", reference


def _partition(
    volume: FatVolume, rules: _Annex, reference: str, *, strict: bool
) -> Iterator[_Fault]:
    partition, subject = volume.partition, "partition table"
    if partition is None:
        return
    if not rules.partitioned:
        yield "partition", subject, "there may be none on this medium", reference
    if partition != volume.partitions[0]:
        message = f"the first FAT volume lies in partition {partition.number + 1}, not the first"
        yield "partition", subject, message, reference
    if strict and len(volume.partitions) > 1:
        yield "partition", subject, f"has {len(volume.partitions)} partitions", reference
    if _TYPES.get(partition.type) != volume.boot.kind:
        message = f"partition {partition.number + 1} has type {partition.type:02X}H"
        yield "partition", subject, f"{message} and holds {volume.kind}", reference


def _boot_sector(volume: FatVolume, rules: _Annex, reference: str) -> Iterator[_Fault]:
    boot = volume.boot
    raw, subject = boot.raw, "boot sector"
    partition = volume.partition
    wanted: list[tuple[str, int, frozenset[int]]] = [
        ("sectors per cluster", raw[13], rules.sectors_per_cluster),
        ("bytes per sector", u16(raw, 11), rules.sector_bytes),
        ("number of FATs", raw[16], frozenset({2})),
        ("media byte", raw[21], rules.media_bytes),
    ]
    if partition is None:
        wanted.append(("hidden sectors", u32(raw, 28), frozenset({0})))
    else:
        wanted.append(("hidden sectors", u32(raw, 28), frozenset({partition.sector})))
    if rules.by_annex_a:
        wanted += [
            ("reserved sectors", u16(raw, 14), frozenset({1})),
            ("root entries", u16(raw, 17), frozenset({512})),
            ("number at bytes 19 and 20", u16(raw, 19), frozenset({0})),
            ("number at bytes 36 and 37", u16(raw, 36), frozenset({0})),
            ("mark at byte 38", raw[38], frozenset({0x29})),
        ]
    for what, value, allowed in wanted:
        if allowed and value not in allowed:
            numbers = " or ".join(map(str, sorted(allowed)))
            source = "PS3.12 A.2" if rules.by_annex_a else reference
            yield "boot-sector", subject, f"the {what} is {value}, must be {numbers}", source
    if boot.kind == 32 and (u16(raw, 48), u16(raw, 50), u16(raw, 42)) != (1, 6, 0):
        message = "FSInfo is not at sector 1, its copy not at 6, or its version is not 0"
        yield "boot-sector", subject, message, "Microsoft FAT 1.03"
    if boot.cluster_bytes > _LARGEST_CLUSTER and not rules.sectors_per_cluster:
        message = f"clusters of {boot.cluster_bytes} bytes are not read everywhere"
        yield "cluster-size", subject, message, "Microsoft FAT 1.03"


def _counts(volume: FatVolume, *, strict: bool) -> Iterator[_Fault]:
    information, free = volume.information, volume.free_clusters
    if volume.boot.kind == 32:
        if information is None or not information.is_valid:
            yield "fs-information", "FSInfo", "is missing or damaged", "Microsoft FAT 1.03"
        elif free >= 0 and information.free_clusters not in {free, -1}:
            message = f"says that {information.free_clusters} clusters are free, the FAT {free}"
            yield "fs-information", "FSInfo", message, "Microsoft FAT 1.03"
        elif information.next_cluster >= volume.boot.clusters + 2:
            message = f"sends writers to cluster {information.next_cluster}, outside the volume"
            yield "fs-information", "FSInfo", message, "Microsoft FAT 1.03"
    if volume.lost_clusters:
        message = f"{volume.lost_clusters} clusters are in use and belong to no file"
        yield "lost-clusters", "FAT 1", message, "Microsoft FAT 1.03"
    if strict and volume.bad_clusters > 0:
        message = f"{volume.bad_clusters} clusters are marked bad"
        yield "bad-clusters", "FAT 1", message, "Microsoft FAT 1.03"


def _entries(volume: FatVolume, reference: str, *, strict: bool) -> Iterator[_Fault]:
    if any(finding.rule == "given-up" for finding in volume.findings):
        return
    for directory in volume.directories:
        for entry in volume.iter_entries(directory):
            if entry.deleted or entry.is_label or entry.is_dots:
                continue
            name = safe_name(entry.shown_name)
            path = f"{directory.path}/{name}" if directory.path else name
            if strict or _is_of_file_set(entry):
                yield from _check_entry(entry, path, directory.level, reference, strict=strict)


def _is_of_file_set(entry: FatEntry) -> bool:
    """Tell whether an entry of a foreign medium may be DICOM's: systems leave files of their own.

    They have an extension or begin with a point; a DICOM file has neither.
    """
    return not entry.short[8:].strip(b" \0") and "." not in entry.shown_name


def _check_entry(
    entry: FatEntry, path: str, level: int, reference: str, *, strict: bool
) -> Iterator[_Fault]:
    pattern = _OTHER_NAME if strict and entry.short[8:].strip() else _NAME
    if entry.shown_name != entry.short_name or not pattern.fullmatch(entry.short_name):
        if strict or not entry.attributes & Attribute.SYSTEM:
            message = f"is recorded as {safe_name(entry.short_name)}"
            if entry.shown_name == entry.short_name:
                message = "is no File ID: 1 to 8 of A-Z, 0-9 and _"
            yield "fat-name", path, message, reference
    elif entry.attributes & Attribute.HIDDEN:
        yield "hidden-file", path, "is marked hidden: readers may not show it", reference
    if level > MAX_COMPONENTS:
        yield "depth", path, f"lies on level {level} of {MAX_COMPONENTS}", reference
    if entry.short == _DICOMDIR and level == 1 and entry.is_directory:
        yield "fat-name", path, "is a directory", reference
    date, time = entry.written
    month, day = date >> 5 & 15, date & 31
    valid = 1 <= month <= 12 and day and time >> 11 < 24 and (time >> 5 & 63) < 60
    if not valid or (time & 31) >= 30:
        yield "recording-date", path, "has no date and time of its writing", "PS3.12 A.1"
