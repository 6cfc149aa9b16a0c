"""What ISO 9660 Level 1 lets onto a disc (ECMA-119; PS3.12, F.1.2 and F.2.2)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mediastation import __version__
from mediastation.model.finding import Finding, error

SECTOR_BYTES = 2048

VOLUME_ID = re.compile(r"[A-Z0-9_]{0,16}")
"""A File-set ID, which is a disc's Volume Identifier (PS3.12, F.1.1)."""

MAKER = re.sub(r"[^A-Z0-9_ .\-]", "_", f"MEDIASTATION {__version__}".upper())
"""Publisher, Data Preparer and Application of all discs, in a-characters."""

DEEPEST_COMPONENTS = 7
"""Components of a path, the file's name included.

PS3.12, F.1.2 would allow one more (eight directory levels, root first), but
widespread programs drop such a directory.
"""

LARGEST_FILE_BYTES = 2**32 - SECTOR_BYTES
"""Level 1 records a file as one extent, with a length of 32 bits.

One sector less than the field would hold: above it, writers split the file.
"""

MOST_DIRECTORIES = 2**16 - 1
"""Parent numbers in the path table have 16 bits."""

MOST_SECTORS = 2**32 - 1
"""Sector numbers and the size of the volume have 32 bits."""

_DIRECTORY = re.compile(r"[A-Z0-9_]{1,8}")
_FILE = re.compile(r"([A-Z0-9_]{1,8})(?:\.([A-Z0-9_]{1,3}))?")
_NAMES = "Use 1 to 8 of A-Z, 0-9 and _; a file may add a point and up to 3 more."


@dataclass(frozen=True, slots=True)
class MediumFile:
    """One file that is to lie on a medium.

    `path` is relative to the root, with ``/`` between components and without
    a version number. `size_bytes` is what `source` held when the medium was
    planned; writing stops if it holds something else by then.
    """

    path: str
    source: Path
    size_bytes: int


def check_level1(files: Iterable[MediumFile]) -> list[Finding]:
    """Check names, depth, sizes and uniqueness; nothing is opened.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: those of `check_level1_names`,
        ``"iso-file-size"``, ``"iso-order"``. Empty if all of it may be written.
    """
    files = tuple(files)
    findings = check_level1_names(files)
    for file in files:
        if not 0 <= file.size_bytes <= LARGEST_FILE_BYTES:
            message = f"{file.size_bytes} bytes; one extent holds {LARGEST_FILE_BYTES}."
            hint = "Use a medium with UDF."
            findings.append(error("iso-file-size", file.path, message, hint, "PS3.12 F.2.2"))
    return findings or list(_check_order(file.path for file in files))


def check_level1_names(files: Iterable[MediumFile]) -> list[Finding]:
    """Check names, depth and uniqueness, and that all has a number; not how long a file is.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: ``"iso-name"``, ``"iso-depth"``,
        ``"iso-volume-size"``, ``"iso-duplicate"``, ``"iso-directories"``.
    """
    files = tuple(files)
    paths = Counter(file.path for file in files)
    directories = {parent for path in paths for parent in parents_of(path)}
    findings = [finding for file in files for finding in _check_file(file)]
    findings += [
        error("iso-duplicate", path, f"Two files would lie at {path}.", reference="PS3.10 8.2")
        for path, count in paths.items()
        if count > 1
    ]
    findings += [
        error("iso-duplicate", path, f"{path} would be a file and a directory.")
        for path in paths
        if path in directories
    ]
    if len(directories) >= MOST_DIRECTORIES:
        message = f"{len(directories)} directories; the path table numbers {MOST_DIRECTORIES - 1}."
        findings.append(error("iso-directories", "", message, reference="ECMA-119 9.4"))
    # Generous to what describes the files: no record takes more than a sector.
    sectors = sum(2 - file.size_bytes // -SECTOR_BYTES for file in files)
    if sectors + 4 * len(directories) > MOST_SECTORS - 64:
        message = f"{sectors} sectors; a volume holds {MOST_SECTORS}."
        findings.append(error("iso-volume-size", "", message, reference="ECMA-119 8.4.8"))
    return findings


def parents_of(path: str) -> Iterator[str]:
    """Yield the directories above `path`, the topmost first, without the root."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def level1_identifier(path: str) -> str:
    """Return a legal `path` as the file system spells it: rooted, with ``.`` and ``;1``."""
    return f"/{path};1" if "." in path else f"/{path}.;1"


def _check_file(file: MediumFile) -> Iterator[Finding]:
    *directories, name = file.path.split("/")
    if not all(map(_DIRECTORY.fullmatch, directories)) or not _FILE.fullmatch(name):
        message = f"{file.path!r} is no Level 1 name."
        yield error("iso-name", file.path, message, _NAMES, "PS3.12 F.1.2")
    if len(directories) >= DEEPEST_COMPONENTS:
        message = f"{len(directories) + 1} components; at most {DEEPEST_COMPONENTS} are written."
        yield error("iso-depth", file.path, message, reference="PS3.12 F.1.2")


def _check_order(paths: Iterable[str]) -> Iterator[Finding]:
    """Find neighbours that pycdlib would record in the wrong order.

    It compares bytes, and 9.3 compares names and extensions filled with
    spaces: the two differ where one extension goes on with a digit where the
    other ends.
    """
    ordered = sorted((path.rpartition("/")[0], level1_identifier(path), path) for path in paths)
    for (directory, _, path), (next_directory, _, following) in pairwise(ordered):
        if directory == next_directory and _recorded_as(following) < _recorded_as(path):
            message = f"{path} and {following} cannot be recorded in the order of ISO 9660."
            yield error("iso-order", path, message, "Rename one of them.", "ECMA-119 9.3")


def _recorded_as(path: str) -> tuple[str, str]:
    base, _, extension = path.rpartition("/")[2].partition(".")
    return base, extension
