"""What was meant to be written: the measure that a medium is reread against."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

DIGEST_LIST_NAME = "SHA256.TXT"
"""Name of the digest list on a medium: 8.3, in the root, outside the DICOM tree."""

_LISTS = {"files", "structure"}
"""Fields of a manifest with a value for each file or sector."""

_DIGEST_LINE = re.compile(r"([0-9a-f]{64}) [ *]([!-~][ -~]*)")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of the medium.

    `path` is relative to the root with ``/`` between components and carries no
    version number. `sop_instance_uid` is empty for files that are no
    instances; for the DICOMDIR it is the File-set UID. `size_bytes` is
    negative where a list does not tell it. `content_sha256` is that of the
    DICOM file in a secure envelope, which `sha256` and `size_bytes` are of;
    empty for what lies there plain.
    """

    path: str
    size_bytes: int
    sha256: str
    sop_instance_uid: str = ""
    content_sha256: str = ""


@dataclass(frozen=True, slots=True)
class SectorDigest:
    """Digest of one 2048-byte sector that belongs to no file."""

    sector: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that can be proved of one volume.

    A digest list from the medium gives only `files`; the other fields are
    empty then, and so is what they could prove. `confirmed_ids` are the
    Patient IDs of each person who has several: the directory has one of them,
    the objects keep theirs. `inherited` says that records of the directory were
    taken over from another writer's: their lapses are not ours. `made_from` is
    the SHA-256 of the DICOMDIR that the File-set had before it was updated.
    `medium` and `format` are names of `mediastation.model.medium`, empty where
    an older manifest does not tell, `moment` is what the medium bears as ISO
    8601, and the volume is one of `volumes` of its job. `filled_bytes` is the
    device that a FAT volume fills; 0 where it is as small as can be.
    `undated_studies` are the Study Instance UIDs that the directory dates with
    the day of writing, because nothing tells theirs.
    """

    files: tuple[ManifestFile, ...]
    file_set_uid: str = ""
    file_set_id: str = ""
    profile: str = ""
    image_sha256: str = ""
    image_size_bytes: int = 0
    structure: tuple[SectorDigest, ...] = ()
    confirmed_ids: tuple[tuple[str, ...], ...] = ()
    inherited: bool = False
    made_from: str = ""
    medium: str = ""
    format: str = ""
    filled_bytes: int = 0
    moment: str = ""
    volume: int = 1
    volumes: int = 1
    undated_studies: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the manifest as the job folder keeps it."""
        return "".join(self.iter_json())

    def iter_json(self) -> Iterator[str]:
        """Yield the text of `to_json` piece by piece: some media have 100,000 files and sectors."""
        separator = '{\n "version": 1'
        for field in fields(self):
            value = getattr(self, field.name)
            yield f"{separator},\n {json.dumps(field.name)}: "
            separator = ""
            if field.name in _LISTS:
                yield from _iter_list(value)
            else:
                yield json.dumps(value)
        yield "\n}"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote; `ValueError` for anything else."""
        try:
            data = json.loads(text)
            if data.pop("version") != 1:
                raise ValueError("the manifest has another version")
            files = tuple(ManifestFile(**item) for item in data.pop("files"))
            structure = tuple(SectorDigest(**item) for item in data.pop("structure"))
            confirmed = tuple(map(tuple, data.pop("confirmed_ids", ())))
            undated = tuple(data.pop("undated_studies", ()))
            read = cls(
                files=files,
                structure=structure,
                confirmed_ids=confirmed,
                undated_studies=undated,
                **data,
            )
        except (AttributeError, KeyError, TypeError, RecursionError, json.JSONDecodeError) as fault:
            raise ValueError(f"not a manifest: {fault}") from fault
        for part in (read, *files, *structure):
            _require_types(part)
        if not all(isinstance(one, str) for ids in read.confirmed_ids for one in ids):
            raise ValueError("not a manifest: confirmed_ids are no texts")
        if not all(isinstance(one, str) for one in read.undated_studies):
            raise ValueError("not a manifest: undated_studies are no texts")
        return read


def _iter_list(parts: Iterable[ManifestFile | SectorDigest]) -> Iterator[str]:
    separator = "["
    for part in parts:
        yield f"{separator}\n  {json.dumps({name: getattr(part, name) for name in part.__slots__})}"
        separator = ","
    yield "[]" if separator == "[" else "\n ]"


def _require_types(part: Any) -> None:
    for field in fields(part):
        value = getattr(part, field.name)
        wanted = {"str": str, "int": int, "bool": bool}.get(str(field.type), tuple)
        if type(value) is not wanted:
            raise ValueError(f"not a manifest: {field.name} is {value!r}"[:200])


def write_digest_list(files: Iterable[ManifestFile]) -> str:
    """Return the digest list in the form that ``sha256sum -c`` reads."""
    return "".join(f"{file.sha256}  {file.path}\n" for file in files)


def read_digest_list(text: str) -> Manifest:
    """Read a digest list; `ValueError` if a line is none.

    Both separators of ``sha256sum`` (text and binary) are taken.
    """
    files = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _DIGEST_LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is no digest line")
        files.append(ManifestFile(match[2], -1, match[1]))
    return Manifest(tuple(files))
