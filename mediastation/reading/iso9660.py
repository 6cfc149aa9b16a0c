"""An ISO 9660 image or disc, read by its primary tree.

PS3.12 Annexes F and P give File IDs the names of the primary tree: Rock Ridge
is left aside, and Joliet's tree gives what the primary one does not have. Every
number on the image is a claim; what cannot be is a finding, and whatever is
still readable stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.model.finding import error, note, warning
from mediastation.reading.contract import Span
from mediastation.reading.findings import FindingLog
from mediastation.reading.image_base import ImageBase
from mediastation.reading.iso_rescue import (
    JOLIET_ENCODING,
    add_from_joliet,
    adopt_from_path_table,
    is_joliet,
)
from mediastation.reading.iso_sessions import choose_session
from mediastation.reading.iso_spans import iter_image_spans
from mediastation.reading.iso_structures import (
    SECTOR,
    DescriptorKind,
    IsoRecord,
    PathTableRecord,
    PrimaryDescriptor,
    iter_path_table,
    read_primary,
)
from mediastation.reading.iso_tree import IsoDirectory, TreeWalk, iter_directory

MAX_PATH_TABLE_BYTES = 16 << 20


class IsoVolume(ImageBase):
    """The primary tree of an ISO 9660 image, or of the last session of a disc.

    Parameters
    ----------
    path, opener
        See `ImageBase`. `MediaError` if it holds no ISO 9660 file system at
        all; a damaged one opens, with findings.

    Attributes
    ----------
    is_damaged : bool
        Whether the primary tree could not be read as a whole.
    """

    searches = False
    """Whether a root directory is looked for where no descriptor leads to one."""

    def _open(self) -> None:
        session = choose_session(self._access, self.name, self._log, search=self.searches)
        self.descriptors = session.descriptors
        self.has_udf = self._find_udf()
        self.session_sector = session.first_sector
        self.primary: PrimaryDescriptor = read_primary(session.primary)
        self.block_size = SECTOR
        self._check_primary()
        encoding = JOLIET_ENCODING if is_joliet(session.primary) else "latin-1"
        walk = TreeWalk(self._access, self.primary, self.block_size, self._log, encoding)
        walk.run(self._index)
        if walk.is_damaged:
            adopt_from_path_table(self._access, self.iter_path_table, walk, self._index, self._log)
        walk.check_overlaps(self._index)
        self.is_damaged = walk.is_damaged
        self.directories: tuple[IsoDirectory, ...] = tuple(walk.directories)
        if encoding != JOLIET_ENCODING:
            joliet = next(filter(is_joliet, self.descriptors), None)
            if joliet is not None:
                add_from_joliet(self._access, joliet, self._index, self._log)

    @property
    def volume_bytes(self) -> int:
        """Where the Volume Space ends, by the descriptor's word."""
        end = self.primary.space_blocks * self.block_size
        # Some writers count the space of a later session from its own start.
        start = self.session_sector * SECTOR
        return end if end > start else start + end

    @property
    def is_pure(self) -> bool:
        """Whether nothing but the primary tree can own bytes: no Joliet, boot record or UDF."""
        known = {DescriptorKind.PRIMARY, DescriptorKind.TERMINATOR}
        return all(d.kind in known for d in self.descriptors) and not self.has_udf

    def _find_udf(self) -> bool:
        """Tell whether a UDF recognition sequence follows the descriptors (a bridge disc)."""
        last = self.descriptors[-1].sector
        area = self._access.read_at((last + 1) * SECTOR, 8 * SECTOR)
        return any(area[at + 1 : at + 4] == b"NSR" for at in range(0, len(area), SECTOR))

    def iter_directory_records(self, directory: IsoDirectory) -> Iterator[IsoRecord]:
        """Yield the Directory Records of `directory` again, its own and its parent's first."""
        return iter_directory(self._access, directory, FindingLog())

    def iter_path_table(self, name: str) -> Iterator[PathTableRecord]:
        """Yield the records of one of the four path tables of the primary descriptor."""
        block = self.primary.path_tables[name]
        length = min(self.primary.path_table_bytes, MAX_PATH_TABLE_BYTES)
        raw = self._access.read_at(block * self.block_size, length)
        return iter_path_table(raw, big_endian=name.endswith("M"))

    def iter_spans(self) -> Iterator[Span]:
        """Yield the whole image as spans in physical order, without gaps or overlaps."""
        return iter_image_spans(
            self._structures(), self._index, self.size_bytes, self.volume_bytes, SECTOR
        )

    def _structures(self) -> Iterator[tuple[int, int, str]]:
        yield 0, 16 * SECTOR, "system area"
        for descriptor in self.descriptors:
            yield descriptor.sector * SECTOR, SECTOR, descriptor.region
        for name, block in self.primary.path_tables.items():
            if block:
                yield block * self.block_size, self.primary.path_table_bytes, name
        for directory in self.directories:
            yield directory.offset, directory.size_bytes, f"directory /{directory.path}"

    def _check_primary(self) -> None:
        primary = self.primary
        subject = "primary volume descriptor"
        for name in primary.disagreeing:
            self._log.add(
                error(
                    "both-endian",
                    subject,
                    f"the two byte orders of its {name} disagree",
                    "readers see different media; do not hand it out",
                    "ECMA-119 8.4",
                )
            )
        block_size = primary.block_size
        if block_size not in {512, 1024, SECTOR}:
            self._log.add(
                error(
                    "block-size",
                    subject,
                    f"logical block size {block_size} is impossible; read as {SECTOR}",
                    reference="ECMA-119 8.4.12",
                )
            )
            block_size = SECTOR
        self.block_size = block_size
        claimed = self.volume_bytes
        if claimed > self.size_bytes:
            self._log.add(
                error(
                    "truncated-image",
                    self.name,
                    f"the volume has {claimed} bytes, the image only {self.size_bytes}",
                    "copy or burn it again",
                    "ECMA-119 8.4.8",
                )
            )
        elif claimed <= (primary.sector + 1) * SECTOR:
            self._log.add(
                error("volume-space", subject, f"the volume claims to end at byte {claimed}")
            )
        elif not self.is_device and self.size_bytes - claimed >= 1 << 20:
            self._log.add(
                note("trailing-bytes", self.name, f"{self.size_bytes - claimed} bytes follow it")
            )
        if primary.set_size != 1 or primary.sequence_number != 1:
            self._log.add(
                warning("volume-set", subject, "the volume says that it is one of several")
            )


class SearchedIsoVolume(IsoVolume):
    """An image whose descriptors are destroyed; its root directory is found by what it is."""

    searches = True
