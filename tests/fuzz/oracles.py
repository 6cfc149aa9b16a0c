"""What has to hold whatever the bytes were: each check raises `Failure` where it does not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import BinaryIO

from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.reading.contract import HOLE, ImageVolume, Volume, VolumeFile
from mediastation.reading.names import split_components

MAX_READ_BYTES = 16 << 20
"""Of all files of one medium together; what is behind it is not looked at."""

_MAX_TEXT = 8192
_CHUNK_BYTES = 1 << 18
_STEERING = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Failure(Exception):  # noqa: N818 - what the fuzzer looks for
    """A reader did what no reader may do."""


def require(holds: bool, message: str) -> None:
    """Fail with `message` unless it holds."""
    if not holds:
        raise Failure(message)


def require_harmless(text: str, what: str) -> None:
    """Fail if `text` could steer a terminal, or cannot be written at all."""
    for character in text:
        if character in _DIRECTION or unicodedata.category(character) in _STEERING:
            raise Failure(f"{what} has {character!a}: {text[:80]!a}")
    require(len(text) <= _MAX_TEXT, f"{what} has {len(text)} characters")


def require_findings(findings: Iterable[Finding]) -> set[str]:
    """Look at findings as a person would; return what they say, numbers and names left out."""
    said = set()
    for finding in findings:
        for text in (finding.subject, finding.message, finding.hint):
            require_harmless(text, f"finding {finding.rule}")
        words = [word for word in finding.message.split() if word.isalpha()]
        said.add(f"{finding.rule}: {' '.join(words)}")
    return said


def require_path(path: str) -> None:
    """Fail unless `path` can be joined to a folder and stays below it."""
    require_harmless(path, "path")
    require("\\" not in path and "\0" not in path, f"separator in {path!a}")
    parts = path.split("/")
    require(not {"", ".", ".."} & set(parts), f"unsafe path {path!a}")


def _require_once(volume: Volume) -> list[VolumeFile]:
    files = list(volume.iter_files())
    require(len({file.path for file in files}) == len(files), "a file is yielded twice")
    return files


def drain(volume: Volume, size_bytes: int, *, most_bytes: int = 0) -> set[str]:
    """List, find, open and read everything; return what was said and seen.

    Parameters
    ----------
    volume : Volume
        The medium.
    size_bytes : int
        How long its bytes are.
    most_bytes : int, optional
        No file may give more bytes than this and its holes; the medium's size
        without it.
    """
    said = require_findings(volume.findings)
    require(volume.find(["..", "etc", "passwd"]) is None, "a climbing name is found")
    require(volume.find([]) is None, "no name is found")
    left = MAX_READ_BYTES
    for file in _require_once(volume):
        require_path(file.path)
        require_harmless(file.recorded, "recorded name")
        require(file.size_bytes >= 0, f"{file.path} has {file.size_bytes} bytes")
        parts = file.path.split("/")
        if split_components(parts) is not None:  # names of blanks are never looked for
            require(volume.find(parts) is not None, f"{file.path!a} is not found")
        volume.find([part.swapcase() for part in parts])
        holes = sum(extent.length for extent in file.extents if extent.offset == HOLE)
        require(holes <= max(size_bytes, 1 << 26), f"{file.path} has {holes} bytes of holes")
        try:
            with volume.open(file.path) as stream:
                read = _read(stream, file, left, said)
        except (MediaError, OSError) as fault:
            said.add(f"open: {type(fault).__name__}")
            continue
        require(read <= file.size_bytes, f"{file.path} gives more than its {file.size_bytes} bytes")
        require(
            read <= (most_bytes or size_bytes) + holes,
            f"{file.path} gives {read} bytes out of {size_bytes}",
        )
        left -= read
        if left <= 0:
            break
    if isinstance(volume, ImageVolume):
        _require_spans(volume, size_bytes)
    return said


def _read(stream: BinaryIO, file: VolumeFile, left: int, said: set[str]) -> int:
    """Read to the end, and its beginning again; return how much there was."""
    read, front, failed = 0, b"", False
    while read < left:
        try:
            piece = stream.read(_CHUNK_BYTES)
        except OSError as fault:
            said.add(f"read: {' '.join(w for w in str(fault).split() if w.isalpha())}")
            failed = True
            break
        if not piece:
            break
        front = front or piece[:64]
        read += len(piece)
    stream.seek(0)
    try:
        again = stream.read(64)
    except OSError:
        return read
    # What a piece had before it failed is lost with it.
    require(
        again == front or (failed and not front), f"{file.path} reads otherwise the second time"
    )
    return read


def _require_spans(volume: ImageVolume, size_bytes: int) -> None:
    require(volume.volume_bytes >= 0, "a volume of negative size")
    spans = list(volume.iter_spans())
    for span in spans:
        require(span.length > 0, f"an empty span of {span.region!a}")
        require_harmless(span.region, "region")
    for left, right in pairwise(spans):
        require(left.offset + left.length == right.offset, f"a gap behind {left.region!a}")
    if spans:
        require(spans[0].offset == 0, "the spans begin late")
        require(spans[-1].offset + spans[-1].length == size_bytes, "the spans end early")
