"""A complete file, read and digested, before it has a place or a row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from mediastation.dicom.header import read_header
from mediastation.dicom.pixel_key import pixel_key_of
from mediastation.model.entry import Kind, Source
from mediastation.model.instance import InstanceHeader

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Staged:
    """A complete file, read and digested, on its way into the store.

    `pixel_key` is that of an original (`mediastation.dicom.pixel_key`); copies
    that are made here have none, since nothing is compared with their pixels.
    """

    path: Path
    header: InstanceHeader
    sha256: str
    data_sha256: str
    size_bytes: int
    source: Source
    kind: Kind = Kind.ORIGINAL
    derived_from: int | None = None
    recipe: str = ""
    pixel_key: str = ""


def stage_file(
    path: Path,
    source: Source,
    kind: Kind = Kind.ORIGINAL,
    derived_from: int | None = None,
    recipe: str = "",
) -> Staged:
    """Read the header of `path` and digest it; `NotDicom` if it is none, `OSError` as it comes.

    Findings name the source where the object has no UID: the name under which
    it lies here tells nobody anything.
    """
    header = read_header(path)
    findings = tuple(
        replace(finding, subject=source.detail) if finding.subject == path.name else finding
        for finding in header.findings
    )
    sha256, data_sha256, size_bytes = digest_file(path, header.dataset_offset)
    return Staged(
        path=path,
        header=replace(header, findings=findings),
        sha256=sha256,
        data_sha256=data_sha256,
        size_bytes=size_bytes,
        source=source,
        kind=kind,
        derived_from=derived_from,
        recipe=recipe,
        pixel_key=pixel_key_of(path, header) if kind is Kind.ORIGINAL else "",
    )


def digest_file(path: Path, dataset_offset: int) -> tuple[str, str, int]:
    """Return SHA-256 of the whole file, SHA-256 of its data set, and its size in bytes."""
    whole, data, size = hashlib.sha256(), hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        buffer = memoryview(bytearray(_CHUNK))
        while count := file.readinto(buffer):
            chunk = buffer[:count]
            whole.update(chunk)
            data.update(chunk[max(0, dataset_offset - size) :])
            size += count
    return whole.hexdigest(), data.hexdigest(), size
