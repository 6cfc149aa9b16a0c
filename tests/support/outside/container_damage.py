"""Damages of sticks, archives and folders."""

from __future__ import annotations

import os
import random
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.support.file_sets import write_folder
from tests.support.outside.damage import Seen, Tree
from tests.support.outside.directory_damage import JPEG
from tests.support.outside.medium_damage import FIRST, LESS_ONE, NOTHING, make, put, spoil, start_of
from tests.support.outside.patients import COUNT, CT_PATHS, instance_files
from tests.support.outside.writers import PARTITION_SECTORS, OutsideMedia, plain_folder, run_in


# FAT (Microsoft FAT 1.03): the first file allocation table begins behind the reserved sectors.
def _fat(image: bytes, start: int = 0) -> tuple[int, int, int, int]:
    """Where the first FAT lies, how long it is, where the data begin, and bytes of a cluster."""
    sector, per, reserved, fats, entries = struct.unpack_from("<HBHBH", image, start + 11)
    (length,) = struct.unpack_from("<H", image, start + 22)
    if not length:
        (length,) = struct.unpack_from("<I", image, start + 36)
    data = start + (reserved + fats * length) * sector + entries * 32
    return start + reserved * sector, length * sector, data, per * sector


def _cluster(image: bytes, path: str) -> int:
    """The first cluster of an instance's file, by where its bytes lie."""
    _, _, data, unit = _fat(image)
    return 2 + (start_of(image, instance_files()[path]) - data) // unit


def _links(*links: tuple[int, int], both: bool = True) -> Callable[[bytes], bytes]:
    """Entries of the FAT16 of the first instance's chain: (n-th cluster, n-th one or a number)."""

    def change(image: bytes) -> bytes:
        at, length, _, _ = _fat(image)
        first = _cluster(image, FIRST)
        for place, value in links:
            entry = struct.pack("<H", value if value >= 0xFFF0 or not value else first + value - 1)
            for table in (at, at + length) if both else (at,):
                image = put(table + 2 * (first + place), entry)(image)
        return image

    return change


def _first_table(image: bytes) -> bytes:
    at, length, _, _ = _fat(image)
    return put(at + 4, random.Random(2).randbytes(length - 4))(image)


spoil("fat16", "fat-first-table-broken", "fat-copy-used fat-copies", _first_table)
spoil(
    "fat16",
    "fat-second-table-broken",
    "fat-copies",
    lambda image: put(sum(_fat(image)[:2]) + 4, bytes(_fat(image)[1] - 4))(image),
)
spoil(
    "fat16",
    "fat-loop-in-a-chain",
    "chain-loop",
    _links((4, 1)),
    lost=(FIRST,),
    found=COUNT,
    imported=COUNT,
)
spoil("fat16", "fat-chain-too-short", "chain-short", _links((2, 0xFFFF)), lost=(FIRST,))
spoil("fat16", "fat-chain-to-free-cluster", "chain-broken", _links((2, 0)), lost=(FIRST,))
spoil(
    "fat16",
    "fat-dirty",
    "dirty-volume",
    lambda image: put(_fat(image)[0] + 3, b"\x7f")(put(sum(_fat(image)[:2]) + 3, b"\x7f")(image)),
)
spoil("fat32", "fat32-bad-boot-sector", "boot-sector", put(PARTITION_SECTORS * 512, bytes(512)))
spoil(
    "fat32", "fat32-bad-partition-table", "partition-table", put(446, b"\0" * 64), seen=Seen.BYTES
)
spoil(
    "fat16",
    "fat-cut",
    "truncated-image",
    lambda image: image[: start_of(image, instance_files()[FIRST]) + (5 << 20) // 10],
    seen=Seen.TOOL,
)
spoil(
    "fat16",
    "fat-bad-sector-in-a-header",
    "not-dicom missing-file",
    lambda image: put(start_of(image, instance_files()[FIRST]), bytes(512))(image),
    seen=Seen.BYTES,
    lost=(FIRST,),
    **LESS_ONE,
)


# ZIP (APPNOTE 4.3).
def _directory(content: bytes) -> int:
    """Where the central directory begins."""
    (at,) = struct.unpack_from("<I", content, content.rindex(b"PK\5\6") + 16)
    return int(at)


def _local(content: bytes, path: str) -> int:
    """Where the local header of a file begins."""
    return content.index(path.encode()) - 30


def _entry(content: bytes, path: str) -> int:
    return content.index(path.encode(), _directory(content)) - 46


def _in_data(path: str, at: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        local = _local(content, path)
        name, extra = struct.unpack_from("<HH", content, local + 26)
        place = local + 30 + name + extra + at
        return put(place, bytes([content[place] ^ 0x55]))(content)

    return change


_DAMAGED = "zip-directory zip-salvaged"
spoil("zip-deflated", "zip-without-its-end", _DAMAGED, lambda c: c[: c.rindex(b"PK\5\6")])
spoil("zip-deflated", "zip-without-its-directory", _DAMAGED, lambda c: c[: _directory(c)])
spoil(
    "zip-deflated",
    "zip-with-zeroed-directory",
    _DAMAGED,
    lambda c: put(_directory(c), bytes(300))(c),
)
spoil(
    "zip-stored",
    "zip-with-damaged-directory",
    _DAMAGED,
    lambda c: put(_directory(c) + 200, random.Random(1).randbytes(400))(c),
)
spoil("zip-bsdtar", "streamed-zip-without-its-directory", _DAMAGED, lambda c: c[: _directory(c)])
spoil(
    "zip-stored",
    "zip-cut-in-the-last-file",
    _DAMAGED,
    lambda c: c[: c.rindex(b"PK\3\4") + 300],
    found=COUNT,
    imported=COUNT,
)
spoil(
    "zip-stored",
    "zip-with-a-wrong-checksum",
    "unreadable",
    _in_data(FIRST, 2000),
    lost=(FIRST,),
    **LESS_ONE,
)
spoil(
    "zip-deflated",
    "zip-with-damaged-data",
    "unreadable",
    _in_data(FIRST, 200),
    lost=(FIRST,),
    **LESS_ONE,
)
spoil("zip-stored", "zip-with-bytes-in-front", "zip-prefix", lambda c: b"PK\3\4" + bytes(500) + c)
spoil("zip-stored", "zip-with-bytes-behind", "zip-tail", lambda c: c + bytes(500))
spoil(
    "zip-stored",
    "zip-headers-disagree",
    "unreadable",
    lambda c: put(_local(c, FIRST) + 22, b"\1\0\0\0")(c),
    lost=(FIRST,),
    **LESS_ONE,
)


def _zip(change: Callable[[zipfile.ZipFile, Tree], None]) -> Callable[[OutsideMedia, Path], Path]:
    def pack(media: OutsideMedia, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "disc.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            tree = media.tree("dcmtk")
            change(archive, tree)
            for name, content in tree.items():
                archive.writestr(zipfile.ZipInfo(name, (2026, 1, 3, 9, 0, 0)), content)
        return path

    return pack


def _encrypted(media: OutsideMedia, folder: Path) -> Path:
    """One file has a password."""
    tree = media.tree("dcmtk")
    root, path = write_folder(tree, folder / "tree"), folder / "disc.zip"
    others = sorted(name for name in tree if name != FIRST)
    run_in(root, "zip", "-q", str(path.absolute()), *others)
    run_in(root, "zip", "-q", "-P", "geheim", str(path.absolute()), FIRST)
    return path


def _bomb(media: OutsideMedia, folder: Path) -> Path:
    """One file of 1.6 MB unpacks to 1.6 GB; the others are as always."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    path = _zip(lambda archive, _: archive.writestr("BOMB", block * 1600 + b"\3\0", 0))(
        media, folder
    )
    content = bytearray(path.read_bytes())
    for at, method, size in ((0, 8, 22), (_directory(bytes(content)), 10, 24)):
        content[at + method] = 8
        content[at + size : at + size + 4] = (1600 << 20).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def _nested(archive: zipfile.ZipFile, tree: Tree) -> None:
    inner = Path(str(archive.filename)).with_suffix(".inner")
    with zipfile.ZipFile(inner, "w") as within:
        within.writestr("DICOM/IM9", tree[FIRST])
    archive.write(inner, "OLD/BACKUP.ZIP")
    inner.unlink()


def _climbing(archive: zipfile.ZipFile, _: Tree) -> None:
    archive.writestr("../../../../tmp/climbed", b"hostile")
    archive.writestr("/etc/cron.d/climbed", b"hostile")


def _linked(archive: zipfile.ZipFile, _: Tree) -> None:
    info = zipfile.ZipInfo("DICOM/LINK")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    archive.writestr(info, b"/etc/passwd")


def _duplicate(archive: zipfile.ZipFile, tree: Tree) -> None:
    archive.writestr(FIRST.lower(), tree[FIRST])


make(
    "zip-with-an-encrypted-file",
    "encrypted",
    _encrypted,
    lost=(FIRST,),
    **LESS_ONE,
    base="zip-deflated",
)
# To unpack it, as a check would, takes its time.
make("zip-bomb", "archive-bomb", _bomb, base="zip-deflated", seen=Seen.BYTES)
make("zip-in-zip", "archive-left", _zip(_nested), base="zip-deflated")
make("zip-that-climbs", "climbing-name", _zip(_climbing), base="zip-deflated")
make("zip-with-a-link", "symbolic-link", _zip(_linked), base="zip-deflated")
make(
    "zip-with-names-that-clash",
    "case-clash",
    _zip(_duplicate),
    found=COUNT + 1,
    duplicates=1,
    base="zip-deflated",
)


# Folders.
def _folder(change: Callable[[Path], None]) -> Callable[[OutsideMedia, Path], Path]:
    def spoiled(media: OutsideMedia, folder: Path) -> Path:
        root = plain_folder(folder, media.tree("dcmtk"))
        change(root)
        return root

    return spoiled


def _links_out(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "IM0001").write_bytes(instance_files()[FIRST])
    (root / "DICOM" / "LINK").symlink_to(outside / "IM0001")
    (root / "SECRETS").symlink_to("/etc")


def _loop(root: Path) -> None:
    (root / "DICOM" / "AGAIN").symlink_to(root / "DICOM")


def _fifo(root: Path) -> None:
    os.mkfifo(root / "DICOM" / "PIPE")


def _autorun(root: Path) -> None:
    """A viewer of 200 files that starts itself."""
    (root / "autorun.inf").write_bytes(b"[autorun]\r\nopen=VIEWER\\setup.exe\r\nicon=x.ico\r\n")
    viewer = root / "VIEWER"
    viewer.mkdir()
    program = b"MZ" + random.Random(8).randbytes(300)
    (viewer / "setup.exe").write_bytes(program)
    for number in range(199):
        (viewer / f"module{number}.dll").write_bytes(program[: 100 + number])


def _litter(root: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._DICOMDIR", "DICOM/.DS_Store"):
        (root / name).write_bytes(b"\0\0\0\1Bud1" + bytes(200))
    (root / "System Volume Information").mkdir()
    (root / "System Volume Information" / "WPSettings.dat").write_bytes(bytes(12))


def _proprietary(root: Path) -> None:
    shutil.rmtree(root / "DICOM")
    (root / "DICOMDIR").unlink()
    for number in range(20):
        (root / f"IMAGE{number:03}.VOX").write_bytes(
            b"VOXAR" + random.Random(number).randbytes(400)
        )
    (root / "PREVIEW.JPG").write_bytes(JPEG)


def _emptied(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def _deep(root: Path) -> None:
    deep = root / "/".join(["D"] * 40)
    deep.mkdir(parents=True)
    (deep / "IM1").write_bytes(instance_files()[FIRST])


def _without(root: Path) -> None:
    for path in CT_PATHS[1:]:
        (root / path).unlink()


def _own_archive(root: Path) -> None:
    """A disc image and an archive lie among the files."""
    with zipfile.ZipFile(root / "BACKUP.ZIP", "w") as archive:
        archive.writestr("IM1", b"anything")


make("folder-with-links", "symbolic-link", _folder(_links_out), base="folder")
make("folder-loop-by-link", "symbolic-link", _folder(_loop), base="folder")
make("folder-with-pipe", "special-file", _folder(_fifo), base="folder")
make("autorun-and-viewer", "autostart-left", _folder(_autorun), base="folder")
make("system-litter", "", _folder(_litter), base="folder")
make(
    "proprietary-only",
    "no-instances no-dicomdir nothing-found",
    _folder(_proprietary),
    **NOTHING,
    base="folder",
)
make(
    "empty-folder",
    "no-instances no-dicomdir nothing-found",
    _folder(_emptied),
    **NOTHING,
    base="folder",
)
make("folders-too-deep", "too-deep", _folder(_deep), base="folder")
make(
    "missing-files",
    "missing-file",
    _folder(_without),
    found=COUNT - 4,
    imported=COUNT - 4,
    lost=CT_PATHS[1:],
    base="folder",
)
make("archive-among-the-files", "archive-left", _folder(_own_archive), base="folder")
