"""What differs between revisions of UDF, as data (OSTA UDF 1.02, 1.50, 2.01, 2.50, 2.60)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision, as far as a read-only medium shows it.

    `suffix` is the revision in identifier suffixes. `extended` says that file
    entries are Extended File Entries and that identifiers carry a unique id;
    `metadata` that there is a metadata partition with a mirror. `read` and
    `write` are what the integrity descriptor asks of other implementations.
    """

    name: str
    suffix: int
    nsr: bytes
    tag_version: int
    extended: bool
    metadata: bool
    read: int
    write: int

    @property
    def partition(self) -> int:
        """Reference of the partition that directories and file entries lie in."""
        return int(self.metadata)


REVISIONS = {
    revision.name: revision
    for revision in (
        Revision("1.02", 0x0102, b"NSR02", 2, False, False, 0x0102, 0x0102),
        Revision("1.50", 0x0150, b"NSR02", 2, False, False, 0x0150, 0x0150),
        Revision("2.01", 0x0201, b"NSR03", 3, True, False, 0x0201, 0x0201),
        Revision("2.50", 0x0250, b"NSR03", 3, True, True, 0x0250, 0x0250),
        # A reader of 2.50 reads 2.60 unless it is pseudo-overwritable; 0260 would be illegal.
        Revision("2.60", 0x0260, b"NSR03", 3, True, True, 0x0250, 0x0260),
    )
}
"""PS3.12 asks for 1.50 at most on DVD-RAM (J), 2.50 on BD-RE and 2.60 on BD-R (X);
1.02, 1.50 and 2.01 are among those of DVD (P)."""
