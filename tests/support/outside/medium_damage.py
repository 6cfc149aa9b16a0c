"""Damages of discs and their images: what lies below the files."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.outside.damage import Damage, Expects, Kind, Seen, Tree, register, rules
from tests.support.outside.iso_places import JOLIET, PRIMARY, SECTOR, places, zeroed
from tests.support.outside.patients import COUNT, CT_PATHS, instance_files
from tests.support.outside.writers import MAKERS, OutsideMedia, first_half, sessions

Spoil = Callable[[bytes], bytes]
FIRST = CT_PATHS[0]
LESS_ONE: dict[str, Any] = {"found": COUNT - 1, "imported": COUNT - 1}
NOTHING: dict[str, Any] = {"found": 0, "imported": 0, "directory": False}


def make(
    name: str,
    words: str,
    maker: Callable[[OutsideMedia, Path], Path],
    *,
    seen: Seen = Seen.TOOL,
    base: str = "iso",
    **expects: Any,
) -> None:
    """Register a damage that makes its own medium."""
    expected = Expects(**{"rules": rules(words), **expects})
    register(Damage(name, Kind.MEDIUM, expected, seen, make=maker, base=base))


def spoil(
    kind: str, name: str, words: str, change: Spoil, *, seen: Seen = Seen.TOOL, **expects: Any
) -> None:
    """Register a medium of a kind that is changed byte for byte."""

    def spoiled(media: OutsideMedia, folder: Path) -> Path:
        source = media.medium(kind)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / source.name
        target.write_bytes(change(source.read_bytes()))
        return target

    make(name, words, spoiled, seen=seen, base=kind, **expects)


def put(at: int, value: bytes) -> Spoil:
    """Bytes over others."""
    return lambda image: image[:at] + value + image[at + len(value) :]


def start_of(image: bytes, content: bytes) -> int:
    """Where a file's content begins; it is there once."""
    at = image.index(content)
    assert image.find(content, at + 1) < 0
    return at


def _sectors(path: str, descriptor: int = PRIMARY, first: int = 0, count: int = 1) -> Spoil:
    """Sectors of a file or directory that no drive reads any more."""
    return lambda image: zeroed(image, places(image, descriptor)[path].sector + first, count)


def _chain(*changes: Spoil) -> Spoil:
    def all_of_them(image: bytes) -> bytes:
        for change in changes:
            image = change(image)
        return image

    return all_of_them


def _of_record(path: str, offset: int, value: Callable[[bytes, int], bytes]) -> Spoil:
    """A field of the directory record of `path`; `value` is given image and the record's byte."""

    def change(image: bytes) -> bytes:
        record = places(image)[path].record
        return put(record + offset, value(image, record))(image)

    return change


def _both(number: int) -> bytes:
    return struct.pack("<I", number) + struct.pack(">I", number)


def _path_tables(image: bytes) -> bytes:
    for at, form in ((140, "<I"), (148, ">I")):
        image = zeroed(image, struct.unpack_from(form, image, PRIMARY * SECTOR + at)[0])
    return image


def _cut_in(path: Callable[[bytes], str], size: int) -> Spoil:
    return lambda image: image[: places(image)[path(image)].sector * SECTOR + size]


def _last(image: bytes) -> str:
    """The instance that lies last on the image."""
    return max(instance_files(), key=lambda path: places(image)[path].sector)


_OF_CT_SERIES: dict[str, Any] = {"found": COUNT - 5, "imported": COUNT - 5, "lost": CT_PATHS}
_UNREAD = "directory-self directory-record unreadable missing-file lost-directory"

# Sectors that could not be read, as copies have them: zeros.
spoil(
    "iso",
    "bad-sector-in-a-header",
    "not-dicom missing-file",
    _sectors(FIRST),
    lost=(FIRST,),
    **LESS_ONE,
    seen=Seen.BYTES,
)
spoil("iso", "bad-sector-in-pixels", "", _sectors(FIRST, first=2), seen=Seen.BYTES)
spoil(
    "iso",
    "bad-sector-in-the-dicomdir",
    "truncated-directory malformed-record",
    _sectors("DICOMDIR", first=1),
    seen=Seen.BYTES,
    repairs=1,
)
spoil("iso", "bad-sector-in-a-middle-folder", _UNREAD, _sectors("DICOM/ST1"))
spoil("iso", "bad-sector-in-a-last-folder", _UNREAD, _sectors("DICOM/ST1/SE1"), **_OF_CT_SERIES)
spoil("iso", "bad-root-folder", _UNREAD, _sectors(""), directory=False)
spoil(
    "iso",
    "bad-primary-descriptor",
    "descriptor-lost descriptor-identifier",
    put(PRIMARY * SECTOR, bytes(SECTOR)),
)
spoil(
    "iso",
    "half-a-primary-descriptor",
    "descriptor-identifier descriptor-lost",
    put(PRIMARY * SECTOR, bytes(4)),
)
spoil("iso", "bad-terminator", "no-terminator", put(17 * SECTOR, bytes(SECTOR)), seen=Seen.BYTES)
spoil("iso", "bad-path-tables", "", _path_tables, seen=Seen.BYTES)
spoil(
    "iso",
    "path-table-leads-astray",
    "",
    lambda image: put(
        struct.unpack_from("<I", image, PRIMARY * SECTOR + 140)[0] * SECTOR + 2, b"\xff\xff\0\0"
    )(image),
    seen=Seen.BYTES,
)

# Copies that are not whole, or more than whole.
spoil(
    "iso",
    "cut-in-the-last-file",
    "truncated-image truncated-file truncated short-file",
    _cut_in(_last, 700),
)
spoil(
    "iso", "cut-before-the-last-file", "truncated-image truncated-file", _cut_in(_last, 0),
    found=COUNT - 1, imported=COUNT - 1, lost=("the last one",),
)  # fmt: skip
spoil(
    "iso",
    "cut-before-all-files",
    "truncated-image truncated-file",
    _cut_in(lambda image: min(instance_files(), key=lambda path: places(image)[path].sector), 0),
    lost=tuple(instance_files()),
    found=0,
    imported=0,
)
spoil(
    "iso",
    "garbage-behind-the-image",
    "trailing-bytes",
    lambda image: image + random.Random(7).randbytes(2 << 20),
    seen=Seen.BYTES,
)
spoil("iso", "run-out-blocks", "", lambda image: image + bytes(150 * SECTOR), seen=Seen.BYTES)
spoil(
    "iso",
    "volume-says-more",
    "truncated-image",
    put(PRIMARY * SECTOR + 80, _both(360_000)),
    seen=Seen.BYTES,
)
spoil(
    "iso",
    "byte-orders-disagree",
    "both-endian",
    put(PRIMARY * SECTOR + 80, struct.pack("<I", 100)),
    seen=Seen.BYTES,
)

# Directory records that lie.
spoil(
    "iso",
    "folder-leads-to-itself",
    "directory-loop",
    _of_record("DICOM/ST1", 2, lambda image, _: _both(places(image)["DICOM"].sector)),
)
spoil(
    "iso",
    "folder-leads-beyond-the-end",
    "truncated-image lost-directory",
    _of_record("DICOM/ST1", 2, lambda *_: _both(900_000)),
)
spoil(
    "iso",
    "file-leads-beyond-the-end",
    "truncated-file not-dicom missing-file",
    _of_record(FIRST, 2, lambda *_: _both(900_000)),
    lost=(FIRST,),
    **LESS_ONE,
)
spoil(
    "iso",
    "file-of-4-gib",
    "truncated-file short-file",
    _of_record(CT_PATHS[4], 10, lambda *_: _both(0xFFFFF000)),
    seen=Seen.BYTES,
)
spoil(
    "iso",
    "two-files-in-one-place",
    "overlap duplicate wrong-link",
    _of_record(CT_PATHS[1], 2, lambda image, _: _both(places(image)[FIRST].sector)),
    found=COUNT,
    imported=COUNT - 1,
    duplicates=1,
    lost=(CT_PATHS[1],),
)
spoil(
    "iso",
    "record-of-length-one",
    "directory-record",
    _of_record(CT_PATHS[1], 0, lambda *_: b"\1"),
    found=COUNT - 4,
    imported=COUNT - 4,
    lost=CT_PATHS[1:],
)
spoil(
    "iso",
    "name-that-climbs",
    "unsafe-name missing-file name-differs unreferenced",
    _of_record(FIRST, 33, lambda *_: b"../../X"),
    found=COUNT,
    imported=COUNT,
)

# Joliet beside, or instead.
make("only-joliet", "joliet-only", lambda media, _: media.medium("iso-joliet-only"))
spoil(
    "iso-joliet",
    "primary-folder-damaged-joliet-whole",
    f"{_UNREAD} joliet-only",
    _sectors("DICOM/ST1/SE1"),
)
spoil("iso-joliet", "primary-root-damaged-joliet-whole", f"{_UNREAD} joliet-only", _sectors(""))
spoil(
    "iso-joliet",
    "primary-descriptor-damaged-joliet-whole",
    "descriptor-lost joliet-only",
    put(PRIMARY * SECTOR, bytes(SECTOR)),
)
spoil("iso-joliet", "joliet-damaged-primary-whole", "", _sectors("DICOM", JOLIET))
spoil(
    "iso-joliet", "joliet-descriptor-damaged", "no-terminator", put(JOLIET * SECTOR, bytes(SECTOR))
)
make(
    "long-names-mangled",
    "missing-file unreferenced name-differs",
    lambda media, _: media.medium("iso-long-lower-case"),
)


# Sessions.
def _begun(count: int) -> Callable[[OutsideMedia, Path], Path]:
    """The drive stopped after some sectors of the second session: the first one is whole."""
    return lambda media, folder: sessions(folder, *_halves(media), burned=count)


def _cut_second(media: OutsideMedia, folder: Path) -> Path:
    """The second session has its structures, and not all of its files."""
    earlier, later = _halves(media)
    made = sessions(folder, earlier, later)
    image = made.read_bytes()
    at = min(start_of(image, later[path]) for path in later if path.startswith("DICOM/ST2/"))
    made.write_bytes(image[:at])
    return made


def _halves(media: OutsideMedia) -> tuple[Tree, Tree]:
    tree = media.tree("dcmtk")
    earlier = first_half(tree)
    return earlier, {p: c for p, c in tree.items() if p not in earlier or p == "DICOMDIR"}


make("two-sessions", "several-sessions", lambda media, _: media.medium("iso-two-sessions"))
_STUDY_1_ALONE: dict[str, Any] = {
    "found": 7, "imported": 7, "lost": tuple(p for p in instance_files() if "/ST2/" in p),
}  # fmt: skip
make("second-session-hardly-begun", "", _begun(4), seen=Seen.BYTES, **_STUDY_1_ALONE)
make(
    "second-session-without-folders",
    "unfinished-session",
    _begun(20),
    seen=Seen.BYTES,
    **_STUDY_1_ALONE,
)
make(
    "second-session-cut",
    "truncated-image truncated-file several-sessions",
    _cut_second,
    found=7,
    imported=7,
)


# UDF.
def _udf(change: Spoil, name: str, words: str, kind: str = "udf-2.01-dvd", **expects: Any) -> None:
    spoil(kind, name, words, change, **expects)


def _zero_metadata(image: bytes) -> bytes:
    """The Metadata File's own entry: its location stands in the partition map."""
    at = image.index(b"*UDF Metadata Partition") - 5
    (block,) = struct.unpack_from("<I", image, at + 40)
    start = 0
    for sector in range(32, 64):
        if image[sector * SECTOR : sector * SECTOR + 2] == b"\5\0":
            (start,) = struct.unpack_from("<I", image, sector * SECTOR + 188)
    assert start
    return put((start + block) * SECTOR, bytes(SECTOR))(image)


_udf(put(256 * SECTOR, bytes(SECTOR)), "udf-bad-anchor", "anchors")
_udf(
    lambda image: put(
        struct.unpack_from("<I", image, 256 * SECTOR + 20)[0] * SECTOR, bytes(16 * SECTOR)
    )(image),
    "udf-bad-main-sequence",
    "volume-sequence descriptor",
)
_udf(
    lambda image: put(
        struct.unpack_from("<I", image, 256 * SECTOR + 28)[0] * SECTOR, bytes(16 * SECTOR)
    )(image),
    "udf-bad-reserve-sequence",
    "volume-sequence descriptor",
    seen=Seen.BYTES,
)
_udf(
    lambda image: image[: len(image) - 4 * SECTOR],
    "udf-cut-at-the-end",
    "anchors truncated-image",
    seen=Seen.BYTES,
)
_udf(
    lambda image: put(start_of(image, instance_files()[FIRST]), bytes(SECTOR))(image),
    "udf-bad-sector-in-a-header",
    "not-dicom missing-file",
    seen=Seen.BYTES,
    lost=(FIRST,),
    **LESS_ONE,
)
_udf(
    lambda image: put(image.rindex(b"\x08IM0001") - 30, b"\xff")(image),
    "udf-name-with-wrong-checksum",
    "directory-record",
    found=COUNT - 1,
    imported=COUNT - 1,
    seen=Seen.BYTES,
    lost=("one",),
)
spoil("bridge", "bridge-without-udf", "", put(256 * SECTOR, bytes(SECTOR)))
spoil("bridge", "bridge-without-iso", "", put(PRIMARY * SECTOR, bytes(SECTOR)), seen=Seen.TOOL)
spoil("bridge", "bridge-with-bad-iso-folder", _UNREAD, _sectors("DICOM/ST1/SE1"))
spoil(
    "udf-2.50",
    "udf-bad-metadata-file",
    "mirror-used metadata-file descriptor",
    _zero_metadata,
    seen=Seen.TOOL,
)


# Nothing that is meant for us.
def _empty_image(_: OutsideMedia, folder: Path) -> Path:
    (folder / "tree").mkdir(parents=True)
    return MAKERS["iso"](folder, {})


make("empty-image", "no-instances no-dicomdir nothing-found", _empty_image, **NOTHING)
