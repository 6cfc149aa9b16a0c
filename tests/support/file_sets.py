"""Small File-sets built byte by byte, so that tests can spoil any byte and know which."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from mediastation.model.manifest import Manifest, ManifestFile, SectorDigest
from tests.support.peers import run_peer

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DIRECTORY = "1.2.840.10008.1.3.10"
FILE_SET_UID = "1.2.826.0.1.3680043.8.498.77"
SECTOR = 2048
_LONG = {b"OB", b"OW", b"SQ", b"UN"}


def element(tag: int, vr: str, value: bytes | str) -> bytes:
    """One element in Explicit VR Little Endian, padded to even length."""
    raw = value.encode("latin-1") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\0" if vr in {"UI", "OB"} else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr.encode() in _LONG:
        return head + struct.pack("<HI", 0, len(raw)) + raw
    return head + struct.pack("<H", len(raw)) + raw


def file_meta(sop_class: str, sop_instance: str, syntax: str = EXPLICIT_LE) -> bytes:
    """Preamble, prefix and group 0002."""
    body = (
        element(0x00020001, "OB", b"\0\1")
        + element(0x00020002, "UI", sop_class)
        + element(0x00020003, "UI", sop_instance)
        + element(0x00020010, "UI", syntax)
        + element(0x00020012, "UI", "1.2.3.4")
    )
    length = element(0x00020000, "UL", struct.pack("<I", len(body)))
    return bytes(128) + b"DICM" + length + body


def instance(
    uid: str,
    *,
    patient_id: str = "PID1",
    study: str = "1.2.3",
    series: str = "1.2.3.1",
    pixels: int = 600,
) -> bytes:
    """A CT image as far as headers go."""
    return (
        file_meta(CT, uid)
        + element(0x00080016, "UI", CT)
        + element(0x00080018, "UI", uid)
        + element(0x00100020, "LO", patient_id)
        + element(0x0020000D, "UI", study)
        + element(0x0020000E, "UI", series)
        + element(0x7FE00010, "OW", bytes(i % 251 for i in range(pixels)))
    )


@dataclass
class Record:
    """One Directory Record to be written; every field can be spoiled."""

    type: str
    keys: bytes = b""
    children: list[Record] = field(default_factory=list)
    file_id: str = ""
    uid: str = ""
    sop_class: str = CT
    syntax: str = EXPLICIT_LE
    in_use: int = 0xFFFF
    next_to: int | None = None
    child_to: int | None = None


def patient(patient_id: str, *children: Record, name: str = "Doe^Jane") -> Record:
    """A PATIENT record."""
    keys = element(0x00100010, "PN", name) + element(0x00100020, "LO", patient_id)
    return Record("PATIENT", keys, list(children))


def study(uid: str, *children: Record) -> Record:
    """A STUDY record."""
    keys = (
        element(0x00080020, "DA", "20240102")
        + element(0x00080030, "TM", "101112")
        + element(0x00080050, "SH", "")
        + element(0x00081030, "LO", "")
        + element(0x0020000D, "UI", uid)
        + element(0x00200010, "SH", "1")
    )
    return Record("STUDY", keys, list(children))


def series(uid: str, *children: Record) -> Record:
    """A SERIES record."""
    keys = (
        element(0x00080060, "CS", "CT")
        + element(0x0020000E, "UI", uid)
        + element(0x00200011, "IS", "1")
    )
    return Record("SERIES", keys, list(children))


def image(path: str, uid: str, number: int = 1) -> Record:
    """An IMAGE record; `path` has slashes."""
    return Record("IMAGE", element(0x00200013, "IS", str(number)), [], path.replace("/", "\\"), uid)


def _item(record: Record, next_offset: int, child_offset: int, *, undefined: bool) -> bytes:
    body = (
        element(0x00041400, "UL", struct.pack("<I", next_offset))
        + element(0x00041410, "US", struct.pack("<H", record.in_use))
        + element(0x00041420, "UL", struct.pack("<I", child_offset))
        + element(0x00041430, "CS", record.type)
    )
    if record.file_id:
        body += (
            element(0x00041500, "CS", record.file_id)
            + element(0x00041510, "UI", record.sop_class)
            + element(0x00041511, "UI", record.uid)
            + element(0x00041512, "UI", record.syntax)
        )
    body += record.keys
    if undefined:
        return b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + body + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body


def _flatten(records: list[Record]) -> Iterator[Record]:
    for record in records:
        yield record
        yield from _flatten(record.children)


def dicomdir(
    roots: list[Record],
    *,
    file_set_id: str = "TESTSET",
    consistency: int = 0,
    last: int | None = None,
    shift: int = 0,
    undefined: bool = False,
    syntax: str = EXPLICIT_LE,
    extra: tuple[Record, ...] = (),
) -> bytes:
    """A DICOMDIR of `roots`; `shift` is added to every offset, `extra` hangs nowhere."""
    front = file_meta(DIRECTORY, FILE_SET_UID, syntax) + element(0x00041130, "CS", file_set_id)
    tail = element(0x00041212, "US", struct.pack("<H", consistency))
    start = len(front) + 24 + len(tail) + 12
    flat = [*_flatten(roots), *extra]
    place: dict[int, int] = {}
    at = start
    for record in flat:
        place[id(record)] = at
        at += len(_item(record, 0, 0, undefined=undefined))
    follows: dict[int, int] = {}

    def chain(siblings: list[Record]) -> None:
        for left, right in pairwise(siblings):
            follows[id(left)] = place[id(right)] + shift
        for record in siblings:
            chain(record.children)

    chain(roots)
    items = b"".join(
        _item(
            record,
            record.next_to if record.next_to is not None else follows.get(id(record), 0),
            record.child_to
            if record.child_to is not None
            else (place[id(record.children[0])] + shift if record.children else 0),
            undefined=undefined,
        )
        for record in flat
    )
    first_root = place[id(roots[0])] + shift if roots else 0
    last_root = place[id(roots[-1])] + shift if roots else 0
    head = element(0x00041200, "UL", struct.pack("<I", first_root)) + element(
        0x00041202, "UL", struct.pack("<I", last_root if last is None else last)
    )
    if undefined:
        sequence = b"\x04\x00\x20\x12SQ\0\0\xff\xff\xff\xff" + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    else:
        sequence = element(0x00041220, "SQ", items)
    return front + head + tail + sequence


def record_places(content: bytes) -> list[int]:
    """Where the items of a DICOMDIR built here with undefined lengths begin."""
    places, at = [], content.find(b"\xfe\xff\x00\xe0")
    while at >= 0:
        places.append(at)
        at = content.find(b"\xfe\xff\x00\xe0", at + 4)
    return places


PATHS = tuple(f"DICOM/S{s}/I{i}" for s in (1, 2) for i in (1, 2, 3))


def uid_of(path: str) -> str:
    """The SOP Instance UID of the instance at one of `PATHS`."""
    return f"1.2.3.{path[7]}.{path[10]}"


def records() -> list[Record]:
    """The records of `good_file_set`: one patient, one study, two series of three images."""
    return [
        patient(
            "PID1",
            study(
                "1.2.3",
                *(
                    series(
                        f"1.2.3.{s}",
                        *(image(path, uid_of(path)) for path in PATHS if path[7] == str(s)),
                    )
                    for s in (1, 2)
                ),
            ),
        )
    ]


def good_file_set() -> dict[str, bytes]:
    """A File-set that nothing is wrong with; each test spoils one thing."""
    return {
        "DICOMDIR": dicomdir(records()),
        "README.TXT": b"A test disc.\r\n",
        **{
            path: instance(
                uid_of(path), series=f"1.2.3.{path[7]}", pixels=600 + 700 * int(path[10])
            )
            for path in PATHS
        },
    }


def manifest_of(files: Mapping[str, bytes], **more: object) -> Manifest:
    """The manifest of files as they are."""
    return Manifest(
        files=tuple(
            ManifestFile(path, len(content), hashlib.sha256(content).hexdigest())
            for path, content in files.items()
        ),
        **more,  # type: ignore[arg-type]
    )


def write_folder(files: Mapping[str, bytes], root: Path) -> Path:
    """The files below `root`."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def write_image(files: Mapping[str, bytes], folder: Path, *options: str) -> Path:
    """An ISO 9660 Level 1 image as genisoimage makes it, with the options PS3.12 asks for."""
    root = write_folder(files, folder / "tree")
    path = folder / "disc.iso"
    plain = ("-iso-level", "1", "-sysid", "", "-V", "TESTSET")
    run_peer("genisoimage", "-quiet", *(options or plain), "-o", path, root)
    return path


def manifest_of_image(
    path: Path, files: Mapping[str, bytes], places: Mapping[str, int], **more: object
) -> Manifest:
    """The manifest of an image: files, whole image, and each sector that belongs to no file.

    `places` has each file's first sector, as another program tells it.
    """
    content = path.read_bytes()
    owned = {
        places[name] + n for name, data in files.items() for n in range(-(-len(data) // SECTOR))
    }
    structure = tuple(
        SectorDigest(n, hashlib.sha256(content[n * SECTOR : (n + 1) * SECTOR]).hexdigest())
        for n in range(len(content) // SECTOR)
        if n not in owned
    )
    return manifest_of(
        files,
        file_set_uid=FILE_SET_UID,
        file_set_id="TESTSET",
        profile="STD-GEN-CD",
        image_sha256=hashlib.sha256(content).hexdigest(),
        image_size_bytes=len(content),
        structure=structure,
        **more,
    )
