"""Find a UDF volume: its recognition sequence, its anchors, its Volume Descriptor Sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mediastation.errors import MediaError
from mediastation.model.finding import error, warning
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.udf_structures import Descriptor, TagId, read_tagged, u16, u32

VRS_SECTOR = 2048
_FIRST_VRS = 16
_MAX_VRS = 64
_MAX_BLANK = 3
"""Where sectors are larger than 2048 bytes, each descriptor begins a sector of its own."""
_BLOCK_SIZES = (2048, 512, 4096, 1024, 8192)
_MAX_SEQUENCE_BLOCKS = 128
_MAX_POINTERS = 16
_PADDING = (0, 1, 2, 150, 151, 152)
"""What burners and drives add behind the last sector of a volume."""
_AGAIN = "other readers may not see the disc at all; make it again"

DESCRIPTOR_NAMES = {
    TagId.PRIMARY: "primary volume descriptor",
    TagId.IMPLEMENTATION_USE: "implementation use volume descriptor",
    TagId.PARTITION: "partition descriptor",
    TagId.LOGICAL_VOLUME: "logical volume descriptor",
    TagId.UNALLOCATED_SPACE: "unallocated space descriptor",
    TagId.TERMINATOR: "terminating descriptor",
    TagId.POINTER: "volume descriptor pointer",
}
"""What may stand in a Volume Descriptor Sequence (ECMA-167, 3/8.4.1), by tag identifier."""


@dataclass(slots=True)
class Sequence:
    """The prevailing descriptors of one Volume Descriptor Sequence, and where all of them lie.

    `found` has them by tag identifier and, for partitions, by number; `label`
    is ``"main"`` or ``"reserve"``.
    """

    label: str = ""
    found: dict[tuple[int, int], Descriptor] = field(default_factory=dict)
    places: list[tuple[int, str]] = field(default_factory=list)

    def prefer(self, descriptor: Descriptor) -> None:
        """Keep `descriptor` if it prevails: whole before damaged, then the higher number."""
        number = u16(descriptor.raw, 22) if descriptor.identifier == TagId.PARTITION else 0
        key = (descriptor.identifier, number)
        other = self.found.get(key)
        if other is None or _weight(descriptor) >= _weight(other):
            self.found[key] = descriptor


@dataclass(slots=True)
class Recognised:
    """A UDF volume as its first structures describe it; `places` are (sector, name).

    `anchors` are those that can be used, `identifiers` those of the recognition
    sequence from `recognition` on, and `sequences` the copies that the anchors
    lead to: one main and one reserve sequence, where nothing is wrong.
    """

    block_size: int
    anchors: tuple[Descriptor, ...]
    primary: Descriptor | None
    logical: Descriptor
    partitions: dict[int, Descriptor]
    recognition: tuple[int, ...]
    identifiers: tuple[bytes, ...]
    places: list[tuple[int, str]]
    sequences: tuple[Sequence, ...]

    @property
    def has_iso9660(self) -> bool:
        """Whether ISO 9660 lies beside it."""
        return b"CD001" in self.identifiers


def _weight(descriptor: Descriptor) -> tuple[bool, int]:
    return not descriptor.faults, u32(descriptor.raw, 16)


def iter_recognition(access: RandomAccess, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the byte offset and identifier of each Volume Structure Descriptor (ECMA-167, 2/8)."""
    blank = 0
    for number in range(_MAX_VRS):
        offset = first + (_FIRST_VRS + number) * VRS_SECTOR
        raw = access.try_read_at(offset, 7)
        identifier = raw[1:6]
        if len(raw) == 7 and not any(raw) and blank < _MAX_BLANK:
            blank += 1
            continue
        blank = 0
        if len(raw) < 7 or identifier not in {
            b"BEA01", b"NSR02", b"NSR03", b"TEA01", b"BOOT2", b"CD001", b"CDW02"
        }:  # fmt: skip
            return
        yield offset, identifier


def looks_udf(access: RandomAccess) -> bool:
    """Tell whether there is a UDF file system to try, be it damaged."""
    if any(identifier.startswith(b"NSR") for _, identifier in iter_recognition(access)):
        return True
    return any(True for _ in _iter_anchors(access, 2048))


def recognise(access: RandomAccess, name: str, log: FindingLog) -> Recognised:
    """Read everything up to the Logical Volume Descriptor, or raise `MediaError`."""
    told = (access.last_session_sector() or 0) * VRS_SECTOR
    structures = list(iter_recognition(access, told)) or list(iter_recognition(access))
    names = [identifier for _, identifier in structures]
    anchors: list[tuple[int, Descriptor]] = []
    block_size = _BLOCK_SIZES[0]
    for block_size in _BLOCK_SIZES:
        anchors = list(_iter_anchors(access, block_size))
        if anchors:
            break
    has_nsr = b"NSR02" in names or b"NSR03" in names
    if not anchors:
        if has_nsr:
            raise MediaError(
                f"{name} has a UDF file system without an anchor",
                "it is cut off, damaged or not closed: copy or burn it again",
            )
        raise MediaError(f"{name} has no UDF file system", "it may be of another kind")
    if not has_nsr or b"BEA01" not in names or b"TEA01" not in names:
        log.add(
            error("recognition-sequence", name, "its UDF recognition sequence is not whole",
                  _AGAIN, "ECMA-167 2/8")
        )  # fmt: skip
    anchors.sort(key=lambda pair: bool(pair[1].faults))
    for sector, anchor in anchors:
        if anchor.faults:
            log.add(
                error("descriptor", "anchor volume descriptor pointer",
                      f"at sector {sector} has a wrong {' and '.join(anchor.faults)}", _AGAIN,
                      "ECMA-167 3/10.2")
            )  # fmt: skip
    if len(anchors) == 1:
        log.add(
            warning("anchors", name, f"has only one anchor, at sector {anchors[0][0]}",
                    "strict readers want two of three", "UDF 2.2.3")
        )  # fmt: skip
    return _read_sequences(access, block_size, anchors, structures, name, log)


def _iter_anchors(access: RandomAccess, block_size: int) -> Iterator[tuple[int, Descriptor]]:
    told = access.last_session_sector() or 0
    last = access.size_bytes // block_size - 1
    places = [256, told + 256, 512]
    places += [last - behind - more for more in (0, 256) for behind in _PADDING]
    for sector in dict.fromkeys(places):
        if sector < 16 or sector > last:
            continue
        found = read_tagged(access.try_read_at(sector * block_size, block_size)[:512], sector)
        if (
            found is not None
            and found.identifier == TagId.ANCHOR
            and len(found.faults) < 2
            and "tag location" not in found.faults
        ):
            yield sector, found


def _read_sequences(
    access: RandomAccess,
    block_size: int,
    anchors: list[tuple[int, Descriptor]],
    structures: list[tuple[int, bytes]],
    name: str,
    log: FindingLog,
) -> Recognised:
    """Read main and reserve sequence; take from each what the other does not have whole."""
    places = [(sector, "anchor volume descriptor pointer") for sector, _ in anchors]
    merged = Sequence()
    read: dict[tuple[int, int], Sequence] = {}
    for _, anchor in anchors:
        for at, label in ((16, "main"), (24, "reserve")):
            length, sector = u32(anchor.raw, at), u32(anchor.raw, at + 4)
            if (length, sector) in read:
                continue
            sequence = _read_sequence(access, block_size, sector, length, label)
            read[length, sector] = sequence
            places += sequence.places
            _check_sequence(sequence, label, log)
            for descriptor in sequence.found.values():
                key = (
                    descriptor.identifier,
                    u16(descriptor.raw, 22) if descriptor.identifier == TagId.PARTITION else 0,
                )
                held = merged.found.get(key)
                if held is None or (held.faults and not descriptor.faults):
                    merged.found[key] = descriptor
    logical = merged.found.get((TagId.LOGICAL_VOLUME, 0))
    partitions = {
        number: descriptor
        for (identifier, number), descriptor in merged.found.items()
        if identifier == TagId.PARTITION
    }
    if logical is None or not partitions:
        raise MediaError(
            f"{name} has a UDF file system without volume descriptors",
            "it is damaged beyond reading: copy or burn it again",
        )
    return Recognised(
        block_size,
        tuple(anchor for _, anchor in anchors),
        merged.found.get((TagId.PRIMARY, 0)),
        logical,
        partitions,
        tuple(offset for offset, _ in structures),
        tuple(identifier for _, identifier in structures),
        places,
        tuple(read.values()),
    )


def _read_sequence(
    access: RandomAccess, block_size: int, sector: int, length: int, label: str
) -> Sequence:
    """Read one sequence, and where Volume Descriptor Pointers continue it."""
    sequence = Sequence(label)
    seen: set[int] = set()
    while sector not in seen and len(seen) < _MAX_POINTERS:
        seen.add(sector)
        following: tuple[int, int] | None = None
        for number in range(min(length // block_size, _MAX_SEQUENCE_BLOCKS)):
            at = sector + number
            try:
                raw = access.read_at(at * block_size, block_size)
            except OSError:
                continue
            found = read_tagged(raw, at)
            if found is None or len(raw) < 512:
                # Unrecorded; a damaged sector in between does not look like this.
                break
            if found.identifier not in DESCRIPTOR_NAMES or len(found.faults) > 2:
                continue
            sequence.places.append((at, f"{DESCRIPTOR_NAMES[TagId(found.identifier)]} ({label})"))
            sequence.prefer(found)
            if found.identifier == TagId.TERMINATOR:
                break
            if found.identifier == TagId.POINTER and not found.faults:
                following = (u32(raw, 24), u32(raw, 20))
                break
        if following is None:
            break
        sector, length = following
    return sequence


def _check_sequence(sequence: Sequence, label: str, log: FindingLog) -> None:
    subject = f"{label} volume descriptor sequence"
    present = {identifier for identifier, _ in sequence.found}
    for descriptor in sequence.found.values():
        if descriptor.faults:
            what = DESCRIPTOR_NAMES[TagId(descriptor.identifier)]
            log.add(
                error("descriptor", subject,
                      f"its {what} has a wrong {' and '.join(descriptor.faults)}", _AGAIN,
                      "ECMA-167 3/7.2")
            )  # fmt: skip
    for identifier in (
        TagId.PRIMARY, TagId.LOGICAL_VOLUME, TagId.PARTITION, TagId.UNALLOCATED_SPACE,
        TagId.TERMINATOR,
    ):  # fmt: skip
        if identifier not in present:
            log.add(
                error("volume-sequence", subject, f"has no {DESCRIPTOR_NAMES[identifier]}", _AGAIN,
                      "ECMA-167 3/8.4.2")
            )  # fmt: skip
