"""Small volumes for the tests of the writers and of the peers that read them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediastation.media.bridge import BridgeImage
from mediastation.media.fat import CARD, FatImage, Shape
from mediastation.media.image_digest import ImageDigest
from mediastation.media.iso9660 import Iso9660Image, MediumFile, WrittenImage
from mediastation.media.part_file import PartFile
from mediastation.media.udf import UdfImage

MOMENT = datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=UTC)

# Lengths around a sector's; the last component of DEEP is the seventh.
DEEP = "A/B2/C_3/DDDDDDDD/E/F/IM000001"
CONTENTS = {
    "DICOMDIR": b"directory" * 700,
    "README.TXT": b"read me\r\n",
    "DICOM/PT000001/ST000001/SE000001/IM000001": bytes(range(256)) * 8,
    "DICOM/PT000001/ST000001/SE000001/IM000002": b"x" * 2049,
    "DICOM/PT000001/ST000001/SE000001/IM000003": b"",
    "DICOM/PT000001/ST000002/SE000001/IM000001": b"\xff" * 2047,
    "DICOM/LARGE": random.Random(1).randbytes((3 << 20) + 1),
    DEEP: b"deep",
}


def medium_files(folder: Path, contents: Mapping[str, bytes]) -> list[MediumFile]:
    """Write `contents` below `folder`, under other names, and plan them for a medium."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (path, content) in enumerate(contents.items()):
        source = folder / f"source {number}"
        source.write_bytes(content)
        files.append(MediumFile(path, source, len(content)))
    return files


def write_image(
    output: Path,
    files: list[MediumFile],
    volume_id: str = "CT_2024",
    moment: datetime = MOMENT,
) -> WrittenImage:
    """Write and commit an image of `files`."""
    with (
        Iso9660Image(files, volume_id=volume_id, moment=moment) as image,
        image.write(output) as pending,
    ):
        pending.commit()
        return pending.image


UDF_REVISIONS = ("1.02", "1.50", "2.01", "2.50", "2.60")


def write_udf(
    output: Path,
    files: list[MediumFile],
    revision: str = "2.50",
    volume_id: str = "CT_2024",
    moment: datetime = MOMENT,
) -> WrittenImage:
    """Write and commit a UDF image of `files`."""
    with (
        UdfImage(files, revision=revision, volume_id=volume_id, moment=moment) as image,
        image.write(output) as pending,
    ):
        pending.commit()
        return pending.image


def write_bridge(
    output: Path,
    files: list[MediumFile],
    volume_id: str = "CT_2024",
    moment: datetime = MOMENT,
) -> WrittenImage:
    """Write and commit an image of `files` with both file systems."""
    with (
        BridgeImage(files, volume_id=volume_id, moment=moment) as image,
        image.write(output) as pending,
    ):
        pending.commit()
        return pending.image


@contextmanager
def sparse_disk() -> Iterator[None]:
    """Zeros that are appended become holes, and are not digested: large images in little time."""
    append = PartFile.append

    def append_or_skip(part: PartFile, data: bytes | bytearray) -> None:
        if data != bytes(len(data)):
            append(part, data)
            return
        part.written_bytes += len(data)
        os.ftruncate(part._descriptor, part.written_bytes)
        os.lseek(part._descriptor, part.written_bytes, os.SEEK_SET)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PartFile, "append", append_or_skip)
        patched.setattr(ImageDigest, "update", lambda *_: None)
        patched.setattr("mediastation.media.part_file.require_space", lambda *_: None)
        yield


def write_fat(
    output: Path,
    files: list[MediumFile],
    kind: str = "fat16",
    shape: Shape = CARD,
    *,
    volume_label: str = "CT_2024",
    capacity_bytes: int | None = None,
    moment: datetime = MOMENT,
) -> WrittenImage:
    """Write and commit a FAT image of `files`."""
    with (
        FatImage(
            files,
            kind=kind,
            shape=shape,
            volume_label=volume_label,
            capacity_bytes=capacity_bytes,
            moment=moment,
        ) as image,
        image.write(output) as pending,
    ):
        pending.commit()
        return pending.image


def absent(source: Path) -> None:
    source.unlink()


def longer(source: Path) -> None:
    source.write_bytes(source.read_bytes() + b"x")


def shorter(source: Path) -> None:
    os.truncate(source, 1)


def folder(source: Path) -> None:
    source.unlink()
    source.mkdir()


def pipe(source: Path) -> None:
    source.unlink()
    os.mkfifo(source)


SPOILED = (absent, longer, shorter, folder, pipe)
"""What may have become of a source between the plan and the writing."""
