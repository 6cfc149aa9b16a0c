"""The outside patient's media as other people's programs write them.

Directories by dcmmkdir, gdcmgendir and pydicom; media by genisoimage,
xorriso, mkudffs, mtools, dosfstools, Info-ZIP, 7-Zip and bsdtar. mkudffs makes
empty file systems only: `tests.support.outside.udf_fill` puts the files in.
UDF 2.50 and 2.60 come from our own writer, for nothing else that is free makes
them.
"""

from __future__ import annotations

import gc
import shutil
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.fileset import FileSet

from mediastation.model.medium import Format
from tests.support.file_sets import write_folder
from tests.support.outside.damage import Tree, good_tree
from tests.support.outside.directories import EXPLICIT_LE
from tests.support.outside.patients import instance_files, instances
from tests.support.outside.udf_fill import fill
from tests.support.peers import run_peer
from tests.support.written_media import write_medium

SECTOR = 2048
VOLUME = "KLINIK_SUED"
PARTITION_SECTORS = 2048
"""Where the partition of a partitioned stick begins, in sectors of 512 bytes."""

Maker = Callable[[Path, Tree], Path]
MAKERS: dict[str, Maker] = {}
"""How each kind of medium is made of a tree, by name."""


def maker(name: str) -> Callable[[Maker], Maker]:
    """Enter a function under a name."""

    def enter(make: Maker) -> Maker:
        MAKERS[name] = make
        return make

    return enter


def tree_of(root: Path) -> Tree:
    """The files below a folder."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _genisoimage(folder: Path, tree: Tree, *options: str) -> Path:
    root, path = folder / "tree", folder / "disc.iso"
    if not root.exists():
        write_folder(tree, root)
    # Version 2 of ISO 9660 knows character sets of one byte only: the bytes stay what they are.
    charset = "iso8859-1" if "4" in options else "utf-8"
    words = ("-quiet", "-V", VOLUME, "-input-charset", charset, *options)
    run_peer("genisoimage", *words, "-o", path, root)
    return path


@maker("iso")
def plain_iso(folder: Path, tree: Tree) -> Path:
    """ISO 9660 level 1; names that it cannot have get level 4."""
    parts = [part for path in tree for part in path.split("/")]
    legal = all(
        part.isascii() and part == part.upper() and len(part) <= 8 + 4 and " " not in part
        for part in parts
    )
    level = ("-iso-level", "1") if legal else ("-iso-level", "4")
    return _genisoimage(folder, tree, *level, "-sysid", "")


@maker("iso-joliet")
def _joliet(folder: Path, tree: Tree) -> Path:
    return _genisoimage(folder, tree, "-iso-level", "1", "-J")


@maker("iso-rock-ridge")
def _rock_ridge(folder: Path, tree: Tree) -> Path:
    return _genisoimage(folder, tree, "-iso-level", "1", "-R")


@maker("iso-joliet-and-rock-ridge")
def _both(folder: Path, tree: Tree) -> Path:
    return _genisoimage(folder, tree, "-iso-level", "3", "-J", "-R", "-joliet-long")


def long_names(tree: Tree) -> Tree:
    """The instances under long names in lower case, as a program on a PC calls them."""
    names = {one.path: f"patient data/{one.uid}.image.dcm" for one in instances()}
    return {names.get(path, path): content for path, content in tree.items()}


@maker("iso-long-lower-case")
def _lower(folder: Path, tree: Tree) -> Path:
    """Names that the primary tree has mangled: whole ones are Joliet's."""
    return _genisoimage(
        folder, long_names(tree), "-iso-level", "3", "-J", "-joliet-long", "-allow-lowercase"
    )


@maker("iso-joliet-only")
def _joliet_only(folder: Path, tree: Tree) -> Path:
    """The primary tree is empty: everything is Joliet's."""
    return _genisoimage(folder, tree, "-iso-level", "1", "-J", "-hide", "*")


@maker("iso-xorriso")
def _xorriso(folder: Path, tree: Tree) -> Path:
    root, path = write_folder(tree, folder / "tree"), folder / "disc.iso"
    words = ("-as", "mkisofs", "-quiet", "-iso-level", "1", "-V", VOLUME)
    run_peer("xorriso", *words, "-o", path, root)
    return path


def sessions(folder: Path, first: Tree, second: Tree, *, burned: int = 0) -> Path:
    """Two sessions behind each other, as a disc has them that was burned twice.

    The second session's tree is that of both; genisoimage keeps the first
    DICOMDIR in it under another name. `burned` is the number of its sectors
    that were burned before the drive stopped, all without.
    """
    one = _genisoimage(folder / "one", first, "-iso-level", "1", "-pad")
    start = -(-one.stat().st_size // SECTOR)
    two = folder / "two.iso"
    root = write_folder(second, folder / "second")
    words = ("-quiet", "-V", VOLUME, "-iso-level", "1", "-C", f"0,{start}", "-M", one)
    run_peer("genisoimage", *words, "-o", two, root)
    content = one.read_bytes().ljust(start * SECTOR, b"\0")
    later = two.read_bytes()
    path = folder / "disc.iso"
    path.write_bytes(content + (later[: burned * SECTOR] if burned else later))
    return path


def first_half(tree: Tree) -> Tree:
    """What was burned first: the CT study, with a DICOMDIR of it."""
    kept = {p: c for p, c in tree.items() if p.startswith("DICOM/ST1/")}
    return {**kept, "DICOMDIR": dicomdir_by_dcmtk(kept)}


@maker("iso-two-sessions")
def _two_sessions(folder: Path, tree: Tree) -> Path:
    """The second session brings the other study, and a DICOMDIR of all."""
    earlier = first_half(tree)
    later = {p: c for p, c in tree.items() if p not in earlier or p == "DICOMDIR"}
    folder.mkdir(parents=True, exist_ok=True)
    return sessions(folder, earlier, later)


@maker("bridge")
def _bridge(folder: Path, tree: Tree) -> Path:
    return _genisoimage(folder, tree, "-iso-level", "1", "-udf")


def _mkudffs(medium: str, revision: str) -> Maker:
    def make(folder: Path, tree: Tree) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "disc.udf"
        with path.open("wb") as file:
            file.truncate(4 << 20)
        words = (f"--media-type={medium}", f"--udfrev={revision}", "--blocksize=2048")
        run_peer("mkudffs", *words, f"--label={VOLUME}", path)
        fill(path, tree)
        return path

    return make


for _medium, _revision in (
    ("hd", "1.02"), ("dvdram", "1.50"), ("hd", "2.00"), ("dvd", "2.01"), ("cdrw", "1.50"),
):  # fmt: skip
    MAKERS[f"udf-{_revision}-{_medium}"] = _mkudffs(_medium, _revision)


@maker("udf-2.50")
def _udf_250(folder: Path, tree: Tree) -> Path:
    return write_medium(folder, Format.UDF_2_50, tree).path


@maker("udf-2.60")
def _udf_260(folder: Path, tree: Tree) -> Path:
    return write_medium(folder, Format.UDF_2_60, tree).path


def _mcopy(image: str, tree: Tree, folder: Path) -> None:
    root = write_folder(tree, folder / "tree")
    run_peer("mcopy", "-s", "-Q", "-i", image, *sorted(root.iterdir()), "::/")


@maker("fat12")
def _fat12(folder: Path, tree: Tree) -> Path:
    """A diskette's file system, by mtools alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "disk.img"
    run_peer("mformat", "-C", "-f", "1440", "-v", VOLUME, "-i", path, "::")
    _mcopy(str(path), tree, folder)
    return path


@maker("fat16")
def _fat16(folder: Path, tree: Tree) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "stick.img"
    run_peer("mkfs.fat", "-C", "-F", "16", "-s", "2", "-n", VOLUME, path, "6000")
    _mcopy(str(path), tree, folder)
    return path


@maker("fat32")
def _fat32(folder: Path, tree: Tree) -> Path:
    """A stick with a partition table."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "stick.img"
    sectors = 66_600 + 1100
    with path.open("wb") as file:
        file.truncate((PARTITION_SECTORS + sectors) * 512)
        file.seek(446)
        where = struct.pack("<II", PARTITION_SECTORS, sectors)
        file.write(b"\0\xfe\xff\xff\x0c\xfe\xff\xff" + where)
        file.seek(510)
        file.write(b"\x55\xaa")
    words = ("--offset", str(PARTITION_SECTORS), "-F", "32", "-s", "1", "-n", VOLUME)
    run_peer("mkfs.fat", *words, path, str(sectors // 2))
    _mcopy(f"{path}@@{PARTITION_SECTORS * 512}", tree, folder)
    return path


def _archive(program: str, *words: str) -> Maker:
    """Archives know paths relative to the folder they are made in."""

    def make(folder: Path, tree: Tree) -> Path:
        root, path = write_folder(tree, folder / "tree"), folder / "disc.zip"
        tops = sorted(one.name for one in root.iterdir())
        run_in(root, program, *words, str(path.absolute()), *tops)
        return path

    return make


def run_in(folder: Path, program: str, *words: str | Path) -> None:
    """Run a peer in a folder."""
    run_peer("env", "-C", folder, program, *words)


MAKERS["zip-stored"] = _archive("zip", "-q", "-r", "-0")
MAKERS["zip-deflated"] = _archive("zip", "-q", "-r")
MAKERS["zip-7z"] = _archive("7z", "a", "-bd", "-tzip")
MAKERS["zip-bsdtar"] = _archive("bsdtar", "--format", "zip", "-cf")


@maker("folder")
def plain_folder(folder: Path, tree: Tree) -> Path:
    """As the operating system mounts it."""
    root = folder / "mounted"
    root.mkdir(parents=True, exist_ok=True)
    return write_folder(tree, root)


@maker("folder-lower-case")
def _folder_lower(folder: Path, tree: Tree) -> Path:
    """As Linux mounts ISO 9660 without extensions: lower case, ``;1`` off."""
    return plain_folder(folder, {path.lower(): content for path, content in tree.items()})


# Directories.
def dicomdir_by_dcmtk(tree: Mapping[str, bytes]) -> bytes:
    """The DICOMDIR that dcmmkdir writes over these files."""
    with _scratch() as root:
        write_folder({p: c for p, c in tree.items() if p.startswith("DICOM/")}, root)
        words = ("-Pfl", "-Nrc", "-Nxc", "-A", "+r", "+id", str(root))
        run_peer("dcmmkdir", *words, "+D", root / "DICOMDIR", "+F", VOLUME, "DICOM")
        return (root / "DICOMDIR").read_bytes()


def dicomdir_by_gdcm(tree: Mapping[str, bytes]) -> bytes:
    """The DICOMDIR that gdcmgendir writes over these files; it takes no compressed ones."""
    compressed = {one.path for one in instances() if one.syntax != EXPLICIT_LE}
    with _scratch() as root:
        taken = {path: tree[path] for path in tree if path.startswith("DICOM/")}
        write_folder({p: c for p, c in taken.items() if p not in compressed}, root)
        words = ("-r", "-i", root, "-o", root / "DICOMDIR", "--descriptor", VOLUME)
        run_peer("gdcmgendir", *words)
        return (root / "DICOMDIR").read_bytes()


def file_set_by_pydicom(folder: Path) -> Tree:
    """The File-set that pydicom writes: its own File IDs, its own DICOMDIR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file_set = FileSet()
        file_set.ID = VOLUME
        for content in instance_files().values():
            file_set.add(dcmread(BytesIO(content)))
        file_set.write(folder)
        # Its own temporary folder goes with it, and it would be told of at the end of the session.
        del file_set
        gc.collect()
    return tree_of(folder)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class OutsideMedia:
    """Good media below one folder, each made when it is first asked for, for a whole session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[str, Path] = {}
        self._directories: dict[str, Tree] = {}

    def tree(self, directory: str = "ours") -> Tree:
        """The files with the DICOMDIR of a program: dcmtk, gdcm, pydicom, or the tests' own."""
        if directory == "ours":
            return good_tree()
        if directory not in self._directories:
            tree = good_tree()
            if directory == "pydicom":
                tree = file_set_by_pydicom(self.folder / "pydicom file set")
            else:
                write = {"dcmtk": dicomdir_by_dcmtk, "gdcm": dicomdir_by_gdcm}[directory]
                tree["DICOMDIR"] = write(tree)
            self._directories[directory] = tree
        return dict(self._directories[directory])

    def medium(self, kind: str, directory: str = "dcmtk") -> Path:
        """The medium of a kind of `MAKERS`; nobody may change it."""
        name = f"{kind} {directory}"
        if name not in self._made:
            folder = self.folder / name
            folder.mkdir(parents=True)
            self._made[name] = MAKERS[kind](folder, self.tree(directory))
        return self._made[name]

    def copy(self, kind: str, folder: Path, directory: str = "dcmtk") -> Path:
        """A copy of the medium that may be spoiled."""
        source = self.medium(kind, directory)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / source.name
        if source.is_dir():
            return Path(shutil.copytree(source, target))
        return Path(shutil.copyfile(source, target))
