"""File-sets of another maker, with things in their directories that we never write."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.station.exporting.request import ExportResult
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from tests.support.file_sets import Record, dicomdir, element, image, patient, series, study
from tests.support.objects import write_ct

ICON = element(
    0x00880200,
    "SQ",
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    + element(0x00280002, "US", b"\1\0")
    + element(0x00280004, "CS", "MONOCHROME2")
    + element(0x00280010, "US", b"\2\0")
    + element(0x00280011, "US", b"\2\0")
    + element(0x00280100, "US", b"\x08\0")
    + element(0x00280101, "US", b"\x08\0")
    + element(0x00280102, "US", b"\x07\0")
    + element(0x00280103, "US", b"\0\0")
    + element(0x7FE00010, "OB", b"\1\2\3\4")
    + b"\xfe\xff\x0d\xe0\0\0\0\0",
)
"""An icon whose item has undefined length, as other writers have it."""


def foreign_records() -> list[Record]:
    """One patient, one study, two series of two images, and a private record below an image."""
    first = image("MAKER/A1", "1.2.3.1.1", 1)
    first.keys += element(0x00291001, "UN", b"\1\2\3\4") + ICON
    first.children = [
        Record("PRIVATE", element(0x00091001, "LO", "below")),
    ]
    one = series("1.2.3.1", first, image("MAKER/A2", "1.2.3.1.2", 2))
    one.keys = (
        element(0x00080060, "CS", "CT")
        + element(0x00091001, "LO", "odd")
        + (element(0x0020000E, "UI", "1.2.3.1") + element(0x00200011, "IS", "1"))
    )
    two = series("1.2.3.2", image("MAKER/B1", "1.2.3.2.1", 1), image("MAKER/B2", "1.2.3.2.2", 2))
    return [patient("4711", study("1.2.3", one, two))]


def write_foreign(folder: Path, directory: bytes | None = None) -> Path:
    """Write the File-set of `foreign_records`, and files beside it that are no DICOM."""
    for name, series_uid in (("A", "1.2.3.1"), ("B", "1.2.3.2")):
        for number in (1, 2):
            write_ct(
                folder / "MAKER" / f"{name}{number}",
                SOPInstanceUID=f"{series_uid}.{number}",
                SeriesInstanceUID=series_uid,
                SeriesNumber=series_uid[-1],
                InstanceNumber=str(number),
            )
    (folder / "VIEWER.EXE").write_bytes(b"MZ of another maker")
    (folder / "README.TXT").write_bytes(b"Read me first.\r\n")
    content = foreign_directory() if directory is None else directory
    (folder / "DICOMDIR").write_bytes(content)
    return folder


def foreign_directory() -> bytes:
    """The DICOMDIR of `foreign_records`."""
    roots = foreign_records()
    below = roots[0].children[0].children[0].children[0].children[0]
    below.keys = element(0x00041432, "UI", "1.2.3.4.5") + below.keys
    return dicomdir(roots)


def updated(station: Station, source: Path, output: Path, **changes: object) -> ExportResult:
    """Update `source`, which has to succeed."""
    result = update(station, request(source, output, **changes))
    assert result.stopped == "", (result.stopped, result.findings)
    return result


def request(source: Path, output: Path, **changes: object) -> UpdateRequest:
    return UpdateRequest(source, output, **changes)  # type: ignore[arg-type]


def digests(medium: Path) -> dict[str, str]:
    """SHA-256 of every file of a medium by its path."""
    found = {}
    with open_volume(medium) as volume:
        for file in volume.iter_files():
            with volume.open(file.path) as stream:
                found[file.path] = hashlib.sha256(stream.read()).hexdigest()
    return found


def record_bytes(medium: Path) -> dict[str, bytes]:
    """What each record holds behind its offsets, by File ID or by the type and its place."""
    with open_volume(medium) as volume, volume.open("DICOMDIR") as stream:
        directory = read_dicomdir(stream)
        found = {}
        for place, (_, record) in enumerate(directory.iter_tree()):
            elements = [one for one in directory.raw_elements(record) if one.tag > 0x00041420]
            name = record.path or f"{record.type} {place}"
            found[name] = b"".join(one.encoded for one in elements)
    return found


def tree(medium: Path) -> list[tuple[int, str, str]]:
    """Level, type and SOP Instance UID of each record, in the order of the tree."""
    with open_volume(medium) as volume, volume.open("DICOMDIR") as stream:
        directory = read_dicomdir(stream)
        assert directory.findings == ()
        return [
            (level, record.type, record.sop_instance_uid) for level, record in directory.iter_tree()
        ]
