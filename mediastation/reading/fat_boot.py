"""Find a FAT volume on an image or device, and what its boot sector claims (Microsoft FAT 1.03)."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.errors import MediaError
from mediastation.model.finding import error, warning
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import RandomAccess

SECTOR_SIZES = (512, 1024, 2048, 4096)
FIRST_CLUSTER = 2
_BACKUP = 6
_MOST_FATS = 8
_MOST_CLUSTERS = 0x0FFFFFF5
_SIGNATURE = b"\x55\xaa"
_MEDIA = {0xF0, *range(0xF8, 0x100)}
_FAT_TYPES = {0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E, 0x11, 0x14, 0x16, 0x1B, 0x1C, 0x1E}
_PROTECTIVE = 0xEE
_FIRST_SECTORS = (63, 128, 2048, 8192, 32768)
_NAMES = {0x07: "exFAT or NTFS", 0x83: "a Linux file system", 0x05: "more partitions",
          0x0F: "more partitions", 0xAF: "HFS", 0xEF: "a boot partition"}  # fmt: skip
_MOUNT = "mount it and give the folder; a conforming device has FAT in its first partition"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of a partition table: its place in the table, counted from 0, and on the device."""

    number: int
    type: int
    flags: int
    sector: int
    sectors: int


@dataclass(frozen=True, slots=True)
class BootSector:
    """What a boot sector says, and where the volume lies by it; all offsets in bytes, absolute.

    `clusters` is what both the volume's size and its FAT have room for;
    `stated_clusters` goes by the size alone. `kind` is 12, 16 or 32.
    """

    raw: bytes
    offset: int
    sector_bytes: int
    cluster_bytes: int
    fats: int
    fat_offset: int
    fat_bytes: int
    root_offset: int
    root_bytes: int
    root_cluster: int
    data_offset: int
    volume_bytes: int
    stated_clusters: int
    clusters: int
    kind: int

    @property
    def media_byte(self) -> int:
        """Kind of medium."""
        return self.raw[21]

    @property
    def active_fat(self) -> int:
        """The FAT that counts, where they are not kept equal; else 0."""
        flags = u16(self.raw, 40) if self.kind == 32 else 0
        return flags & 0xF if flags & 0x80 and flags & 0xF < self.fats else 0

    @property
    def is_mirrored(self) -> bool:
        """Whether all FATs are meant to be equal."""
        return not (self.kind == 32 and u16(self.raw, 40) & 0x80)

    @property
    def state(self) -> int:
        """The byte in which systems note that the volume is in use."""
        return self.raw[65 if self.kind == 32 else 37]

    @property
    def label(self) -> str:
        """The label in the boot sector, which systems seldom show."""
        at = 71 if self.kind == 32 else 43
        return self.raw[at : at + 11].decode("latin-1").rstrip(" \0")

    def sector_offset(self, number: int) -> int:
        """Return where a sector of the volume lies."""
        return self.offset + number * self.sector_bytes

    def cluster_offset(self, cluster: int) -> int:
        """Return where a cluster lies."""
        return self.data_offset + (cluster - FIRST_CLUSTER) * self.cluster_bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A FAT volume that was found; without a partition where the whole medium is one."""

    boot: BootSector
    partition: Partition | None
    partitions: tuple[Partition, ...]


def u16(raw: bytes, at: int) -> int:
    """Return the number in two bytes."""
    return int.from_bytes(raw[at : at + 2], "little")


def u32(raw: bytes, at: int) -> int:
    """Return the number in four bytes."""
    return int.from_bytes(raw[at : at + 4], "little")


def looks_fat(access: RandomAccess) -> bool:
    """Tell whether a FAT volume may be tried, at the beginning or in a partition."""
    return _find(access, access.try_read_at(0, 512), FindingLog()) is not None


def find_volume(access: RandomAccess, name: str, log: FindingLog) -> Place:
    """Return the FAT volume that a reader of PS3.12 R to U takes: the medium, or a partition.

    Raises
    ------
    MediaError
        If there is none; says what there is instead, and what to do.
    OSError
        If the first sector cannot be read.
    """
    place = _find(access, access.try_read_at(0, 512), log)
    if place is not None:
        return place
    front = access.read_at(0, 512)
    if front[3:11] in {b"EXFAT   ", b"NTFS    "}:
        what = "exFAT" if front[3:4] == b"E" else "NTFS"
        raise MediaError(f"{name} is formatted with {what}, not FAT16 or FAT32", _MOUNT)
    partitions = _partitions(front)
    if any(partition.type == _PROTECTIVE for partition in partitions):
        raise MediaError(f"{name} has a GUID partition table, which is not read here", _MOUNT)
    if partitions:
        held = {_NAMES.get(one.type, f"type {one.type:02X}H") for one in partitions}
        if any(one.type in _FAT_TYPES for one in partitions):
            raise MediaError(
                f"{name} has a FAT partition whose boot sector is damaged",
                "copy it again; a tool such as testdisk may find its copy",
            )
        listed = ", ".join(sorted(held))
        raise MediaError(f"{name} has no FAT partition, but {listed}", _MOUNT)
    raise MediaError(f"{name} has no FAT file system", "check the path; or copy it again")


def find_lost_volume(access: RandomAccess, name: str, log: FindingLog) -> Place:
    """Return the FAT volume in a first partition of which the table says nothing at all.

    Raises
    ------
    MediaError
        If none begins where partitioning tools put the first one.
    """
    searched = () if _partitions(access.try_read_at(0, 512)) else _FIRST_SECTORS
    for sector in searched:
        raw = access.try_read_at(sector * 512, 512)
        boot = read_boot_sector(raw, sector * 512)
        named = raw[54:57] == b"FAT" or raw[82:85] == b"FAT"
        if boot is None or not named or raw[510:512] != _SIGNATURE:
            continue
        log.add(
            error("partition-table", "partition table",
                  f"names no FAT partition; one was found at sector {sector}",
                  "other systems do not see it: copy what can be read")
        )  # fmt: skip
        partition = Partition(0, 0, 0, sector, boot.volume_bytes // 512)
        return Place(_told(boot, log), partition, (partition,))
    raise MediaError(f"{name} has no FAT file system", "check the path; or copy it again")


def read_boot_sector(raw: bytes, offset: int) -> BootSector | None:
    """Return what a boot sector says; None if it cannot be one."""
    if len(raw) < 512:
        return None
    size, per_cluster, reserved, fats = u16(raw, 11), raw[13], u16(raw, 14), raw[16]
    plausible = (
        size in SECTOR_SIZES
        and per_cluster in {1, 2, 4, 8, 16, 32, 64, 128}
        and reserved >= 1
        and 1 <= fats <= _MOST_FATS
        and raw[21] in _MEDIA
        and (raw[510:512] == _SIGNATURE or raw[0] in {0xEB, 0xE9, 0x90})
    )
    sectors, fat_sectors = u16(raw, 19) or u32(raw, 32), u16(raw, 22) or u32(raw, 36)
    if not plausible or not sectors or not fat_sectors:
        return None
    wide = not u16(raw, 22)
    root_bytes = 0 if wide else -(u16(raw, 17) * 32 // -size) * size
    fat_offset = offset + reserved * size
    root_offset = fat_offset + fats * fat_sectors * size
    data_offset = root_offset + root_bytes
    stated = (offset + sectors * size - data_offset) // (size * per_cluster)
    if stated < 1:
        return None
    # What a writer takes for FAT32 has no size in 16 bits; the count tells the others apart.
    kind = 32 if wide else 12 if stated < 4085 else 16
    held = fat_sectors * size * 8 // kind - FIRST_CLUSTER
    return BootSector(
        raw=raw,
        offset=offset,
        sector_bytes=size,
        cluster_bytes=size * per_cluster,
        fats=fats,
        fat_offset=fat_offset,
        fat_bytes=fat_sectors * size,
        root_offset=root_offset,
        root_bytes=root_bytes,
        root_cluster=u32(raw, 44) if wide else 0,
        data_offset=data_offset,
        volume_bytes=sectors * size,
        stated_clusters=stated,
        clusters=max(0, min(stated, held, _MOST_CLUSTERS)),
        kind=kind,
    )


def _find(access: RandomAccess, front: bytes, log: FindingLog) -> Place | None:
    boot = read_boot_sector(front, 0)
    if boot is not None:
        return Place(_told(boot, log), None, ())
    partitions = _partitions(front)
    for partition in partitions:
        if partition.type not in _FAT_TYPES:
            continue
        for unit in (512, 4096, 2048):
            start = partition.sector * unit
            boot = read_boot_sector(access.try_read_at(start, 512), start)
            boot = boot or _backup(access, start, log)
            if boot is not None:
                return Place(_told(boot, log), partition, partitions)
    if not partitions and (boot := _backup(access, 0, log)) is not None:
        return Place(boot, None, ())
    return None


def _backup(access: RandomAccess, start: int, log: FindingLog) -> BootSector | None:
    """Return the copy that FAT32 keeps of its boot sector."""
    for size in SECTOR_SIZES:
        boot = read_boot_sector(access.try_read_at(start + _BACKUP * size, 512), start)
        if boot is not None and boot.kind == 32 and boot.sector_bytes == size:
            log.add(
                error("boot-sector", "boot sector", "is damaged; read from its copy",
                      "other readers may refuse it: copy it again", "Microsoft FAT 1.03")
            )  # fmt: skip
            return boot
    return None


def _told(boot: BootSector, log: FindingLog) -> BootSector:
    if boot.raw[510:512] != _SIGNATURE:
        log.add(
            error("boot-sector", "boot sector", "does not end in 55H AAH",
                  "other readers may refuse it", "PS3.12 A.2")
        )  # fmt: skip
    if boot.clusters < boot.stated_clusters:
        log.add(
            error("fat-size", "boot sector",
                  f"the FAT describes {boot.clusters} of {boot.stated_clusters} clusters")
        )  # fmt: skip
    if (boot.kind == 32) != (boot.stated_clusters >= 65525):
        log.add(
            warning("fat-clusters", "boot sector",
                    f"{boot.stated_clusters} clusters are not what FAT{boot.kind} has",
                    "some readers take it for another kind of FAT", "Microsoft FAT 1.03")
        )  # fmt: skip
    return boot


def _partitions(front: bytes) -> tuple[Partition, ...]:
    """Return the used entries of a partition table; none if there is none."""
    if front[510:512] != _SIGNATURE:
        return ()
    found = []
    for number in range(4):
        raw = front[446 + 16 * number : 462 + 16 * number]
        if raw[0] & 0x7F:
            return ()
        if raw[4] and u32(raw, 8):
            found.append(Partition(number, raw[4], raw[0], u32(raw, 8), u32(raw, 12)))
    return tuple(found)
