"""One image in each format, and whose its bytes are: told by neither writer nor reader."""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.model.medium import MEDIA, Format
from mediastation.station.exporting.output import open_writer
from tests.media.support import medium_files
from tests.support.file_sets import (
    FILE_SET_UID,
    dicomdir,
    image,
    instance,
    patient,
    series,
    study,
)

IMAGE_FORMATS = (
    Format.ISO9660,
    Format.BRIDGE,
    Format.UDF_1_50,
    Format.UDF_2_50,
    Format.UDF_2_60,
    Format.FAT16,
)
SECTOR = 2048
MOMENT = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
_MEDIA = {
    Format.ISO9660: "CD-80", Format.UDF_1_50: "DVD-RAM", Format.UDF_2_50: "BD-RE-25",
    Format.UDF_2_60: "BD-R-25", Format.FAT16: "USB", Format.FAT32: "USB",
}  # fmt: skip


@dataclass
class WrittenMedium:
    """An image as it was written, its manifest, and the files with where their bytes lie."""

    path: Path
    format: Format
    files: dict[str, bytes]
    content: bytes
    manifest: Manifest

    def __post_init__(self) -> None:
        # Every file's content is there once: what the search finds is the file.
        places = []
        for name, data in self.files.items():
            if data:
                start = self.content.index(data)
                assert self.content.find(data, start + 1) < 0, name
                places.append((start, start + len(data), name))
        self.places = sorted(places)
        self._starts = [start for start, _, _ in self.places]
        self.unit = SECTOR
        if self.format.is_fat:
            # Bytes of a sector and sectors of a cluster, as the boot sector of the first
            # partition has them.
            boot = int.from_bytes(self.content[454:458], "little") * 512
            fields = self.content[boot : boot + 14]
            self.unit = int.from_bytes(fields[11:13], "little") * fields[13]

    def owner(self, offset: int) -> tuple[str, bool]:
        """The file in whose room `offset` lies, and whether it is one of the file's bytes."""
        index = bisect_right(self._starts, offset) - 1
        if index >= 0:
            start, end, name = self.places[index]
            if offset < self.room(start, end):
                return name, offset < end
        return "", False

    def room(self, start: int, end: int) -> int:
        """Where the last unit of a file ends."""
        return start - (start - end) // self.unit * self.unit


def random_file_set(
    seed: int = 1, *, patient_id: str = "PID1", shift: str = ""
) -> dict[str, bytes]:
    """A File-set whose files have no common bytes, of lengths around a sector's."""
    chance = random.Random(seed)
    paths = [f"DICOM/S{s}/I{i}" for s in (1, 2) for i in range(1, 7)]
    uids = {path: f"1.2.3{shift}.{path[7]}.{path[10]}" for path in paths}
    tree = [
        series(f"1.2.3{shift}.{s}", *(image(p, uids[p]) for p in paths if p[7] == str(s)))
        for s in (1, 2)
    ]
    lengths = dict(zip(paths, (10, 1700, 1701, 2048, 4096, 6000) * 2, strict=True))
    files = {
        "DICOMDIR": dicomdir([patient(patient_id, study(f"1.2.3{shift}", *tree))]),
        "README.TXT": b"A disc of random images.\r\n" + chance.randbytes(40).hex().encode(),
        "EMPTY.TXT": b"",
    }
    for path in paths:
        front = instance(
            uids[path],
            patient_id=patient_id,
            study=f"1.2.3{shift}",
            series=f"1.2.3{shift}.{path[7]}",
            pixels=0,
        )
        files[path] = (
            front[:-4] + lengths[path].to_bytes(4, "little") + chance.randbytes(lengths[path])
        )
    return files


def uids_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """SOP Instance UID by path, from the file meta; the DICOMDIR has its File-set UID."""
    found = {}
    for path, data in files.items():
        at = data.find(b"\x02\x00\x03\x00UI")
        if data[128:132] == b"DICM" and at > 0:
            length = int.from_bytes(data[at + 6 : at + 8], "little")
            found[path] = data[at + 8 : at + 8 + length].rstrip(b"\0").decode()
    return found


def write_medium(
    folder: Path,
    form: Format,
    files: Mapping[str, bytes] | None = None,
    *,
    file_set_uid: str = FILE_SET_UID,
    **more: object,
) -> WrittenMedium:
    """Write `files` (by default, `random_file_set`) in one format."""
    contents = dict(files if files is not None else random_file_set())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"medium{form.suffix.lower()}"
    sources = medium_files(folder / "sources", contents)
    medium = MEDIA[_MEDIA.get(form, "DVD-R")]
    with (
        open_writer(
            medium, form, sources, file_set_id="TESTSET", file_set_uid=file_set_uid, moment=MOMENT
        ) as writer,
        writer.write(path) as pending,
    ):
        pending.commit()
        written = pending.image
    uids = uids_of(contents)
    manifest = Manifest(
        files=tuple(
            ManifestFile(name, len(data), hashlib.sha256(data).hexdigest(), uids.get(name, ""))
            for name, data in contents.items()
        ),
        file_set_uid=file_set_uid,
        file_set_id="TESTSET",
        profile="STD-GEN-CD" if form is Format.ISO9660 else "STD-GEN-DVD-JPEG",
        image_sha256=written.sha256,
        image_size_bytes=written.size_bytes,
        structure=written.structure,
        **{"format": str(form), **more},  # type: ignore[arg-type]
    )
    return WrittenMedium(path, form, contents, path.read_bytes(), manifest)
