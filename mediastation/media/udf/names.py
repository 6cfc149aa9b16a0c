"""What may lie on a UDF medium: names, depth and sizes (OSTA UDF 2.3.4, 4.2; PS3.12 J, P, X)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from mediastation.media.level1 import MediumFile, parents_of
from mediastation.media.udf.encoding import LONGEST_EXTENT_BYTES, cs0
from mediastation.media.udf.entry import MOST_EXTENTS
from mediastation.model.file_id import MAX_COMPONENTS
from mediastation.model.finding import Finding, error

LARGEST_FILE_BYTES = MOST_EXTENTS * LONGEST_EXTENT_BYTES
"""What one entry describes without a continuation: 113 GiB and some."""

MOST_SUBDIRECTORIES = 2**16 - 2
"""Each counts as a link to the directory above, in 16 bits."""

_LONGEST_NAME_BYTES = 255
# Characters and endings that Windows would show as others, and names that lead elsewhere.
_MISLEADING = re.compile(r'[\x00-\x1f\x7f"*:<>?\\|]|[. ]\Z')
_NAMES = 'Use at most 254 letters, digits and signs other than " * : < > ? \\ |.'


def check_udf(files: Iterable[MediumFile]) -> list[Finding]:
    """Check names, depth, sizes and uniqueness; nothing is opened.

    Names of any script are taken as long as every system shows them as they
    are written: readers replace some characters, and those that know no case,
    or put letters and marks together, would hide one of two names that differ
    by nothing else. That a file of the
    File-set has a File ID for a name is not checked here.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: ``"udf-name"``, ``"udf-depth"``,
        ``"udf-file-size"``, ``"udf-duplicate"``, ``"udf-directories"``. Empty
        if all of it may be written.
    """
    files = tuple(files)
    findings = [finding for file in files for finding in _check_file(file)]
    directories = {directory for file in files for directory in parents_of(file.path)}
    for directory in sorted(directories):
        findings += _check_name(directory)
    findings += _check_unique([file.path for file in files], directories)
    above = Counter(directory.rpartition("/")[0] for directory in directories)
    for directory, count in sorted(above.items()):
        if count > MOST_SUBDIRECTORIES:
            message = f"{count} directories in one; at most {MOST_SUBDIRECTORIES} are counted."
            findings.append(error("udf-directories", directory, message, reference="ECMA-167 4/14"))
    return findings


def _check_file(file: MediumFile) -> Iterator[Finding]:
    yield from _check_name(file.path)
    components = file.path.count("/") + 1
    if components > MAX_COMPONENTS:
        message = f"{components} components; a path has at most {MAX_COMPONENTS}."
        yield error("udf-depth", file.path, message, reference="PS3.10 8.2; PS3.12 J, P, X")
    if not 0 <= file.size_bytes <= LARGEST_FILE_BYTES:
        message = f"{file.size_bytes} bytes; one file entry describes {LARGEST_FILE_BYTES}."
        yield error("udf-file-size", file.path, message, reference="ECMA-167 4/14.14")


def _check_name(path: str) -> Iterator[Finding]:
    """Check the last component."""
    name = path.rpartition("/")[2]
    try:
        fits = len(cs0(name)) <= _LONGEST_NAME_BYTES
    except ValueError:
        fits = False
    if not name or not fits or _MISLEADING.search(name):
        yield error("udf-name", path, f"{name!r} cannot be a name.", _NAMES, "OSTA UDF 4.2.2")


def _check_unique(paths: list[str], directories: set[str]) -> Iterator[Finding]:
    for path, count in Counter(paths).items():
        if count > 1:
            yield error("udf-duplicate", path, f"Two files would lie at {path}.")
    spelled: dict[str, str] = {}
    for path in sorted(set(paths)):
        if path in directories:
            yield error("udf-duplicate", path, f"{path} would be a file and a directory.")
    for path in sorted(directories.union(paths)):
        other = spelled.setdefault(unicodedata.normalize("NFC", path).lower(), path)
        if other != path:
            message = f"{path} and {other} are one name to some readers."
            yield error("udf-duplicate", path, message, "Rename one of them.")
