"""What may lie on a FAT volume: names, depth and sizes (PS3.12 A, R to U; Microsoft FAT 1.03)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from mediastation.media.level1 import MediumFile, parents_of
from mediastation.model.file_id import MAX_COMPONENTS
from mediastation.model.finding import Finding, error

LARGEST_FAT32_FILE_BYTES = 2**32 - 2**16
"""Less than the field holds: with all its clusters, too, a file's length fits into 32 bits.

Programs that add those up (fsck.fat for one) take a longer file for a damaged one.
"""

LARGEST_FAT16_FILE_BYTES = 2**31 - 1
"""The field would hold more; systems that know FAT16 alone count in signed numbers."""

ROOT_ENTRIES = 512
"""Entries of a root directory that is no chain of clusters (PS3.12 A.2)."""
MOST_ENTRIES = 2**16
"""Entries of any other directory: 2 MiB."""

_LABEL = re.compile(r"[A-Z0-9_ ]{0,11}", re.ASCII)
_LONGEST_LABEL = 11
_NAME = re.compile(r"[A-Z0-9_!#$%&'()@^`{}~-]{1,8}(?:\.[A-Z0-9_!#$%&'()@^`{}~-]{1,3})?", re.ASCII)
# With and without an extension these are devices to Windows, which then cannot open the file.
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|CLOCK\$|(?:COM|LPT)[0-9])(?:\..*)?")
_NAMES = "Use 1 to 8 of A-Z, 0-9 and _; a file that is not DICOM may add a point and up to 3 more."


def check_fat_names(
    files: Iterable[MediumFile], kind: str, *, label: bool = False
) -> list[Finding]:
    """Check names, depth, sizes, uniqueness and how much is in a directory; nothing is opened.

    All names are 8.3 and in upper case, so that none needs a long name beside
    it: PS3.12 S to U speak of all file names. Names that are devices to
    Windows are refused.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    kind : str
        ``"fat16"`` or ``"fat32"``.
    label : bool
        Whether the root directory has a volume label besides.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: ``"fat-name"``, ``"fat-depth"``,
        ``"fat-file-size"``, ``"fat-duplicate"``, ``"fat-directory"``. Empty if
        all of it may be written.
    """
    files = tuple(files)
    findings = [finding for file in files for finding in _check_file(file, kind)]
    paths = Counter(file.path for file in files)
    directories = {directory for path in paths for directory in parents_of(path)}
    for path in sorted(directories):
        findings += _check_name(path)
    for path, count in paths.items():
        if count > 1:
            message = f"Two files would lie at {path}."
            findings.append(error("fat-duplicate", path, message, reference="PS3.10 8.2"))
        if path in directories:
            message = f"{path} would be a file and a directory."
            findings.append(error("fat-duplicate", path, message, reference="PS3.10 8.2"))
    return findings + list(_check_room([*paths, *directories], kind, label=label))


def check_fat_room(files: Iterable[MediumFile], kind: str) -> Iterator[Finding]:
    """Yield what a FAT file system cannot hold of `files`, whatever their names.

    ``"fat-file-size"`` and ``"fat-directory"``, as `check_fat_names` has them.
    """
    files = tuple(files)
    for file in files:
        yield from _check_size(file, kind)
    paths = {file.path for file in files}
    paths.update(directory for file in files for directory in parents_of(file.path))
    yield from _check_room(paths, kind, label=False)


def fat_label(file_set_id: str) -> str:
    """Return what of a File-set ID fits into a volume label: its first 11 characters.

    PS3.12 maps the File-set ID to nothing on FAT; A.1.1 lets a label show it
    to people, and the DICOMDIR alone has it whole.
    """
    return file_set_id[:_LONGEST_LABEL].rstrip(" ")


def require_label(label: str) -> None:
    """Raise `ValueError` unless `label` can be a volume label; empty means none."""
    if not _LABEL.fullmatch(label) or label != label.strip(" "):
        raise ValueError(f"{label!r} is no volume label")


def short_name(name: str) -> bytes:
    """Return a legal 8.3 name as a directory entry has it.

    Filled with spaces. PS3.12 A.1.3 speaks of null characters, but a null in
    a name is no FAT at all: readers compare eleven characters with spaces.
    """
    base, _, extension = name.partition(".")
    return base.ljust(8).encode("ascii") + extension.ljust(3).encode("ascii")


def _check_file(file: MediumFile, kind: str) -> Iterator[Finding]:
    yield from _check_name(file.path)
    components = file.path.count("/") + 1
    if components > MAX_COMPONENTS:
        message = f"{components} components; a path has at most {MAX_COMPONENTS}."
        yield error("fat-depth", file.path, message, reference="PS3.12 A.1.2, R.1.1 to U.1.1")
    yield from _check_size(file, kind)


def _check_size(file: MediumFile, kind: str) -> Iterator[Finding]:
    largest = LARGEST_FAT32_FILE_BYTES if kind == "fat32" else LARGEST_FAT16_FILE_BYTES
    if not 0 <= file.size_bytes <= largest:
        message = f"{file.size_bytes} bytes; a file on this volume has at most {largest}."
        hint = "Use a medium with UDF." if largest > 2**31 else "Use FAT32, or a medium with UDF."
        yield error("fat-file-size", file.path, message, hint, "Microsoft FAT 1.03")


def _check_name(path: str) -> Iterator[Finding]:
    """Check the last component."""
    name = path.rpartition("/")[2]
    if not _NAME.fullmatch(name):
        message = f"{name!r} is no 8.3 name in upper case."
        yield error("fat-name", path, message, _NAMES, "PS3.12 A.1.2, R.1.1 to U.1.1")
    elif _DEVICES.fullmatch(name):
        message = f"{name!r} is the name of a device to Windows, which cannot open the file."
        yield error("fat-name", path, message, "Give it another name.")


def _check_room(paths: Iterable[str], kind: str, *, label: bool) -> Iterator[Finding]:
    counts = Counter(path.rpartition("/")[0] for path in paths)
    for path, count in sorted(counts.items()):
        # The root has its label, others have "." and "..".
        held = count + (2 if path else label)
        most = ROOT_ENTRIES if kind != "fat32" and not path else MOST_ENTRIES
        if held > most:
            message = f"{held} entries in directory /{path}; it holds {most}."
            hint = "Put the files into more directories."
            yield error("fat-directory", path, message, hint, "Microsoft FAT 1.03; PS3.12 A.2")
