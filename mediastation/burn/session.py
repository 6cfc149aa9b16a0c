"""A further session of a disc: an updated File-set over the files that are there already.

Whoever opens a disc of several sessions reads the last one, which has to
describe the whole File-set: a complete new set of volume descriptors, path
tables and directories, whose block addresses count from the start of the disc
(PS3.12 F.2.2.2). What has changed since is written; whatever lies on the disc
already, byte for byte, is pointed to.

The session is made from the image of the updated File-set, whose own addresses
count from zero. Its structures are taken as they are and only their addresses
are exchanged, so everything that PS3.12 F asks of them stays true.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mediastation.burn.drive import SECTOR_BYTES
from mediastation.errors import MediaError, RefusedError
from mediastation.model.finding import Finding, error
from mediastation.model.manifest import Manifest, SectorDigest
from mediastation.reading.contract import VolumeFile
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.iso_structures import FIRST_DESCRIPTOR
from mediastation.reading.random_access import RandomAccess

_CHUNK_BYTES = 1 << 20
_MOST_STRUCTURE_BYTES = 256 << 20
_REFERENCE = "PS3.12 F.2.2.2"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the session: a new file, and where its bytes lie on the image."""

    file: VolumeFile
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class AppendedSession:
    """What a further session consists of.

    Parameters
    ----------
    image : Path
        Image of the updated File-set.
    first_sector : int
        Where the session begins on the disc.
    structure : bytes
        System area, descriptors, path tables and directories.
    pieces : tuple of Piece
        New files, in the order in which they follow.
    kept : tuple of str
        Paths of the files that are pointed to where they lie.
    """

    image: Path
    first_sector: int
    structure: bytes
    pieces: tuple[Piece, ...]
    kept: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """How long the session is."""
        return len(self.structure) + sum(_padded(piece.size_bytes) for piece in self.pieces)

    def chunks(self) -> Iterator[bytes]:
        """Yield the session, in order; `OSError` or `MediaError` where the image fails."""
        yield self.structure
        access = RandomAccess(self.image)
        try:
            for piece in self.pieces:
                done = 0
                while done < piece.size_bytes:
                    wanted = min(_CHUNK_BYTES, piece.size_bytes - done)
                    data = access.read_at(piece.offset + done, wanted)
                    if len(data) != wanted:
                        raise MediaError(
                            f"{self.image} became shorter while it was read.", "Export it again."
                        )
                    done += wanted
                    yield data
                yield bytes(_padded(done) - done)
        finally:
            access.close()

    def manifest(self, updated: Manifest, sha256: str) -> Manifest:
        """Return what the disc is to be reread against, once the session's SHA-256 is known.

        `updated` is the manifest of the image. Sectors of structures count from
        the start of the session.
        """
        sectors = range(0, len(self.structure), SECTOR_BYTES)
        return replace(
            updated,
            image_sha256=sha256,
            image_size_bytes=self.size_bytes,
            structure=tuple(
                SectorDigest(
                    at // SECTOR_BYTES,
                    hashlib.sha256(self.structure[at : at + SECTOR_BYTES]).hexdigest(),
                )
                for at in sectors
            ),
        )


def find_kept(
    disc: IsoVolume, updated: Manifest, progress: Callable[[int, int], None]
) -> frozenset[str]:
    """Read the disc, and return the paths whose files are there as the update wants them.

    Every byte is read: a file is pointed to only if it can be read now, and is
    the right one.

    Raises
    ------
    MediastationError
        What `progress` raises.
    """
    wanted = {file.path: file for file in updated.files}
    candidates = [
        file
        for file in disc.iter_files()
        if file.path in wanted and file.size_bytes == wanted[file.path].size_bytes
    ]
    total = sum(file.size_bytes for file in candidates)
    kept, done = set(), 0
    for file in candidates:
        digest = hashlib.sha256()
        try:
            with disc.open(file.path) as stream:
                while data := stream.read(_CHUNK_BYTES):
                    digest.update(data)
                    done += len(data)
                    progress(min(done, total), total)
        except OSError:
            continue
        if digest.hexdigest() == wanted[file.path].sha256 and _is_plain(file):
            kept.add(file.path)
    return frozenset(kept)


def plan_session(
    image: IsoVolume, disc: IsoVolume, kept: Collection[str], first_sector: int
) -> AppendedSession:
    """Lay out a further session.

    Parameters
    ----------
    image : IsoVolume
        The updated File-set, addressed from zero.
    disc : IsoVolume
        The disc as it is, its last session.
    kept : collection of str
        Paths of `image` whose files are on `disc` as they are; see `find_kept`.
    first_sector : int
        Where the session will begin, as the drive says.

    Raises
    ------
    RefusedError
        If one of them has something that cannot be carried over.
    """
    findings = [*_check_image(image), *_check_disc(disc, first_sector)]
    if findings:
        raise RefusedError("No session can be added to this disc.", findings, findings[0].hint)
    there = {file.path: file for file in disc.iter_files() if file.path in kept}
    layout = _Layout(image, first_sector)
    pieces = []
    for file in sorted(image.iter_files(), key=_offset):
        if file.path in there:
            layout.place(file, _offset(there[file.path]) // SECTOR_BYTES)
        else:
            layout.place(file, layout.take(file.size_bytes))
            pieces.append(Piece(file, _offset(file), file.size_bytes))
    structure = layout.structure()
    return AppendedSession(
        Path(image.name), first_sector, structure, tuple(pieces), tuple(sorted(there))
    )


def same_file_set(disc: Manifest | None, disc_uid: str, updated: Manifest) -> Finding | None:
    """Return what is wrong if `updated` is not of the File-set that lies on the disc."""
    if disc_uid and disc_uid == updated.file_set_uid:
        return None
    whose = f" ({disc.file_set_id})" if disc is not None and disc.file_set_id else ""
    return error(
        "other-file-set",
        "disc",
        f"The disc holds the File-set {disc_uid or 'without a UID'}{whose}, the image is of "
        f"{updated.file_set_uid}.",
        "Put the disc in that was updated, or burn the image onto a blank one.",
        "PS3.10 8.6",
    )


class _Layout:
    """New places for everything that an image has, beginning with its structures."""

    def __init__(self, image: IsoVolume, first_sector: int) -> None:
        self._image = image
        self._first = first_sector
        self._descriptors = image.descriptors
        self._blocks: dict[int, int] = {}
        self._next = first_sector + FIRST_DESCRIPTOR + len(self._descriptors)
        table = image.primary.path_table_bytes
        self._tables = {
            name: self.take(table) for name, block in image.primary.path_tables.items() if block
        }
        for directory in image.directories:
            self._blocks[directory.block] = self.take(directory.size_bytes)
        self._structure_end = self._next

    def take(self, size_bytes: int) -> int:
        """Reserve room and return the block where it begins."""
        block, self._next = self._next, self._next + _padded(size_bytes) // SECTOR_BYTES
        return block

    def place(self, file: VolumeFile, block: int) -> None:
        """Say where the content of a file lies."""
        if file.size_bytes:
            self._blocks[_offset(file) // SECTOR_BYTES] = block

    def structure(self) -> bytes:
        """Return the structures with their new addresses, from the session's first sector on."""
        image, first = self._image, self._first
        raw = bytearray((self._structure_end - first) * SECTOR_BYTES)
        raw[: FIRST_DESCRIPTOR * SECTOR_BYTES] = image.read_at(0, FIRST_DESCRIPTOR * SECTOR_BYTES)
        for place, descriptor in enumerate(self._descriptors):
            at = (FIRST_DESCRIPTOR + place) * SECTOR_BYTES
            raw[at : at + SECTOR_BYTES] = descriptor.raw
            if descriptor.sector == image.primary.sector:
                self._patch_primary(raw, at)
        for name, block in self._tables.items():
            self._copy_table(raw, name, (block - first) * SECTOR_BYTES)
        for directory in image.directories:
            at = (self._blocks[directory.block] - first) * SECTOR_BYTES
            data = image.read_at(directory.offset, directory.size_bytes)
            raw[at : at + len(data)] = data
            for record in image.iter_directory_records(directory):
                where = at + record.offset - directory.offset
                if record.is_directory or record.size_bytes:
                    _put_both(raw, where + 2, self._blocks[record.block])
                else:
                    _put_both(raw, where + 2, first)
        return bytes(raw)

    def _patch_primary(self, raw: bytearray, at: int) -> None:
        root = self._image.primary.root
        assert root is not None  # noqa: S101 - held by `_check_image`
        _put_both(raw, at + 80, self._next)
        _put_both(raw, at + 156 + 2, self._blocks[root.block])
        fields = {
            "path table L": ("<I", 140),
            "optional path table L": ("<I", 144),
            "path table M": (">I", 148),
            "optional path table M": (">I", 152),
        }
        for name, block in self._tables.items():
            form, offset = fields[name]
            struct.pack_into(form, raw, at + offset, block)

    def _copy_table(self, raw: bytearray, name: str, at: int) -> None:
        image = self._image
        source = image.primary.path_tables[name] * SECTOR_BYTES
        data = image.read_at(source, image.primary.path_table_bytes)
        raw[at : at + len(data)] = data
        form = ">I" if name.endswith("M") else "<I"
        for record in image.iter_path_table(name):
            struct.pack_into(form, raw, at + 2, self._blocks[record.block])
            length = len(record.identifier)
            at += 8 + length + length % 2


def _check_image(image: IsoVolume) -> Iterator[Finding]:
    whole = "Burn the image onto a blank disc."
    described = {directory.block for directory in image.directories}
    structure = sum(_padded(one.size_bytes) for one in image.directories)
    named = {record.block for table in _tables(image) for record in image.iter_path_table(table)}
    what = ""
    if image.session_sector or image.primary.root is None or image.primary.sector != 16:
        what = "does not begin at its first sector"
    elif not image.is_pure or any(one.raw[:1] not in {b"\1", b"\xff"} for one in image.descriptors):
        what = "has more than one tree of files"
    elif image.block_size != SECTOR_BYTES or image.findings:
        what = "is not in order"
    elif not all(map(_is_plain, image.iter_files())) or structure > _MOST_STRUCTURE_BYTES:
        what = "has files or directories that do not lie in one piece"
    elif not named <= described:
        what = "has path tables that speak of other directories"
    if what:
        yield error("no-appending", image.name, f"The image {what}.", whole, _REFERENCE)


def _check_disc(disc: IsoVolume, first_sector: int) -> Iterator[Finding]:
    if not disc.is_pure or disc.block_size != SECTOR_BYTES:
        yield error(
            "no-appending",
            disc.name,
            "The disc has another file system besides ISO 9660, whose readers would go on to see "
            "the old File-set.",
            "Burn the updated image onto a blank disc.",
            _REFERENCE,
        )
    end = -(-disc.volume_bytes // SECTOR_BYTES)
    if first_sector < end:
        yield error(
            "no-appending",
            disc.name,
            f"The drive would begin at sector {first_sector}, which belongs to the File-set that "
            f"is there and ends at {end}.",
            "Burn the updated image onto a blank disc.",
            _REFERENCE,
        )


def _tables(image: IsoVolume) -> list[str]:
    return [name for name, block in image.primary.path_tables.items() if block]


def _is_plain(file: VolumeFile) -> bool:
    if not file.size_bytes:
        return True
    one = file.extents[0] if len(file.extents) == 1 else None
    return one is not None and one.offset % SECTOR_BYTES == 0 and one.length == file.size_bytes


def _offset(file: VolumeFile) -> int:
    return file.extents[0].offset if file.extents else 0


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // SECTOR_BYTES) * SECTOR_BYTES


def _put_both(raw: bytearray, at: int, value: int) -> None:
    """Write a number in both byte orders (ECMA-119 7.3.3)."""
    struct.pack_into("<I", raw, at, value)
    struct.pack_into(">I", raw, at + 4, value)
