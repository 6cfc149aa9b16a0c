"""Find the Volume Descriptor Set that describes the disc as it now is.

A disc may hold several sessions, and the last one alone gives access to all of
it (PS3.12, F.2.2.2). A drive tells where it begins; an image file does not,
but each session lies beyond the volume space of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.errors import MediaError
from mediastation.model.finding import error, note, warning
from mediastation.reading.findings import FindingLog
from mediastation.reading.iso_rescue import find_lost_primary
from mediastation.reading.iso_structures import (
    FIRST_DESCRIPTOR,
    SECTOR,
    STANDARD_IDENTIFIER,
    DescriptorKind,
    VolumeDescriptor,
    looks_primary,
    read_primary,
)
from mediastation.reading.random_access import RandomAccess

MAX_DESCRIPTORS = 64
MAX_SESSIONS = 99
_RAW_SYNC = b"\x00" + b"\xff" * 10 + b"\x00"
_SCAN_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Session:
    """One session: its first sector and its Volume Descriptor Set."""

    first_sector: int
    descriptors: tuple[VolumeDescriptor, ...]
    primary: VolumeDescriptor


def choose_session(
    access: RandomAccess, name: str, log: FindingLog, *, search: bool = False
) -> Session:
    """Return the session to read, or raise `MediaError` where there is no ISO 9660.

    A `search` also takes a disc whose primary descriptor is destroyed.
    """
    told = access.last_session_sector()
    session = None
    if told:
        session = _read_session(access, told, log)
        if session is None:
            log.add(
                warning(
                    "last-session",
                    name,
                    f"the drive names a session at sector {told}, which has no file system",
                    "an older session was read: compare with what was burned last",
                    "PS3.12 F.2.2.2",
                )
            )
        else:
            log.add(note("several-sessions", name, f"read the session at sector {told}"))
    if session is None:
        session = _read_session(access, 0, log) or _read_session(access, 0, log, lenient=True)
    if session is None and search:
        found = find_lost_primary(access, log)
        if found is not None:
            return Session(0, *found)
    if session is None:
        raise _no_iso(access, name)
    if not access.is_device:
        session = _last_in_file(access, session, name, log)
    return session


def _no_iso(access: RandomAccess, name: str) -> MediaError:
    start = access.read_at(0, 12)
    if start == _RAW_SYNC:
        return MediaError(
            f"{name} has raw sectors of 2352 bytes",
            "convert it to an image of 2048-byte sectors, or read the disc again",
        )
    if access.is_device and not start:
        return MediaError(f"{name} has nothing to read", "put a disc in and wait until it is ready")
    if access.size_bytes < (FIRST_DESCRIPTOR + 1) * SECTOR:
        hint = "it is too small to hold any file system: name the image, folder or drive itself"
    elif access.is_device:
        hint = "it may be blank, damaged or of another kind: look at it in another drive"
    else:
        hint = "it is damaged, or of another kind: ask the sender what it is, or copy it again"
    return MediaError(f"{name} is no ISO 9660 image", hint)


def _read_session(
    access: RandomAccess, first_sector: int, log: FindingLog, *, lenient: bool = False
) -> Session | None:
    """Read the descriptor set of the session at `first_sector`; None if it has no primary one.

    A lenient reading takes a descriptor whose first bytes are damaged for the
    primary one; Joliet's looks just like it, so that is the second try.
    """
    found: list[VolumeDescriptor] = []
    primary: VolumeDescriptor | None = None
    terminated = False
    for sector in range(first_sector + FIRST_DESCRIPTOR, first_sector + 80):
        raw = access.read_at(sector * SECTOR, SECTOR)
        if len(raw) < SECTOR or len(found) >= MAX_DESCRIPTORS:
            break
        damaged = (
            lenient
            and primary is None
            and looks_primary(raw)
            and (raw[0] != DescriptorKind.PRIMARY or raw[1:6] != STANDARD_IDENTIFIER)
        )
        if raw[1:6] != STANDARD_IDENTIFIER and not damaged:
            if raw[1:6] in {b"CDI  ", b"CDTV "}:
                continue
            break
        kind = int(DescriptorKind.PRIMARY) if damaged else raw[0]
        descriptor = VolumeDescriptor(sector, kind, raw)
        found.append(descriptor)
        if kind == DescriptorKind.PRIMARY and primary is None:
            primary = descriptor
            if damaged:
                log.add(
                    error(
                        "descriptor-identifier",
                        descriptor.region,
                        "its type or standard identifier is damaged",
                        "other readers may not see the disc at all; make it again",
                        "ECMA-119 8.4.1",
                    )
                )
        if kind == DescriptorKind.TERMINATOR:
            terminated = True
            break
    if primary is None:
        return None
    if not terminated:
        log.add(
            error(
                "no-terminator",
                "volume descriptor set terminator",
                "the Volume Descriptor Set does not end",
                reference="ECMA-119 8.3",
            )
        )
    return Session(first_sector, tuple(found), primary)


def _last_in_file(access: RandomAccess, first: Session, name: str, log: FindingLog) -> Session:
    """Look beyond the volume space for later sessions, as images of appended discs have them."""
    last = first
    position = read_primary(first.primary).space_blocks
    sessions = 1
    while sessions < MAX_SESSIONS:
        found = _next_session(access, position, name, log)
        if found is None:
            break
        last, sessions = found, sessions + 1
        # Writers give the later volume space either from the disc's start or the session's.
        claimed = read_primary(found.primary).space_blocks
        end = claimed if claimed > found.first_sector else found.first_sector + claimed
        position = max(found.primary.sector + 1, end)
    if sessions > 1:
        log.add(
            note(
                "several-sessions",
                name,
                f"the image has {sessions} sessions; read the one at sector {last.first_sector}",
                reference="PS3.12 F.2.2.2",
            )
        )
    return last


def _next_session(access: RandomAccess, sector: int, name: str, log: FindingLog) -> Session | None:
    """Return the first session whose descriptors lie at or after `sector`.

    Only a set whose root directory names itself, in a place that belongs to
    that session, counts: image files that lie on a disc have descriptors too,
    but their numbers count from their own start.
    """
    marker = bytes([DescriptorKind.PRIMARY]) + STANDARD_IDENTIFIER + b"\x01"
    offset = sector * SECTOR
    while offset < access.size_bytes:
        chunk = access.read_at(offset, _SCAN_BYTES)
        if not chunk:
            return None
        at = chunk.find(marker)
        while at >= 0:
            if at % SECTOR == 0 and at + SECTOR <= len(chunk):
                first = (offset + at) // SECTOR - FIRST_DESCRIPTOR
                # The root first: a disc full of descriptors would cost a hundred reads for each.
                root, raw = _root_of(access, first, chunk[at : at + SECTOR])
                if root > 0 and raw[2:6] == root.to_bytes(4, "little") and raw[33:] == b"\0":
                    return _read_session(access, first, FindingLog())
                if root > 0 and not raw.strip(b"\0"):
                    log.add(
                        warning(
                            "unfinished-session",
                            name,
                            f"a session begins at sector {first}, and its files "
                            "are not there; the one before was read",
                            "ask where the disc was burned: what was added last is missing",
                            "PS3.12 F.2.2.2",
                        )
                    )
            at = chunk.find(marker, at + 1)
        offset += _SCAN_BYTES
    return None


def _root_of(access: RandomAccess, first_sector: int, descriptor: bytes) -> tuple[int, bytes]:
    """Return block and first bytes of the root that a session's descriptor names.

    Block 0 where it names none that belongs to a session from `first_sector` on.
    """
    primary = VolumeDescriptor(first_sector + FIRST_DESCRIPTOR, DescriptorKind.PRIMARY, descriptor)
    root = read_primary(primary).root
    if root is None or root.block < first_sector:
        return 0, b""
    return root.block, access.try_read_at(root.block * SECTOR, 34)
