"""The tolerant DICOMDIR parser, its tree, its rules, its keys."""

from __future__ import annotations

import struct
import subprocess
from io import BytesIO
from pathlib import Path
from random import Random

from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.file_meta import HEAD_BYTES, read_file_front
from mediastation.reading.findings import until_given_up
from mediastation.reading.record_rules import check_records, escapes
from mediastation.reading.record_tree import MAX_LEVEL, NO_PARENT, SUBJECT, UNREACHED
from tests.fuzz.mutation import havoc
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.fuzz.targets.data_set import mutate_file
from tests.fuzz.targets.objects import encoded_directories
from tests.support.file_sets import (
    Record,
    dicomdir,
    element,
    image,
    patient,
    records,
    series,
    study,
)  # fmt: skip
from tests.support.objects import write_ct

ICONS = 0x00880200
SEQUENCES = ((ICONS,), (0x0040A043,), (0x00081140,), (0x0040A043, 0x00081140))


def _rich() -> list[Record]:
    """Records with sequences in them, icons too, and private ones."""
    code = element(0x00080100, "SH", "113000") + element(0x00080102, "SH", "DCM")
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(code)) + code
    pixels = element(0x00280010, "US", b"\2\0") + element(0x7FE00010, "OW", b"\1\2\3\4")
    icon = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + pixels + b"\xfe\xff\x0d\xe0\0\0\0\0"
    keys = element(0x0040A043, "SQ", item) + element(ICONS, "SQ", icon)
    document = Record("KEY OBJECT DOC", keys, [], "DICOM\\KO1", "1.2.3.9")
    private = Record("PRIVATE", element(0x00091010, "UN", b"abcd"), [])
    one = image("DICOM/I1", "1.2.3.1.1")
    one.keys += element(ICONS, "SQ", icon)
    return [
        patient("P1", study("1.2.3", series("1.2.3.1", one, document)), name="D\xf6e"),
        patient("P2", study("1.2.4", series("1.2.4.1", image("DICOM/I2", "1.2.4.1.1"), private))),
    ]


class DicomdirTarget:
    """Every record walked, every key and item read, every rule checked."""

    name = "dicomdir"
    roots: tuple[str, ...] = (
        "reading/dicomdir.py", "reading/rec", "reading/elem", "reading/items.py",
        "reading/file_meta.py", "reading/directory_record.py",
    )  # fmt: skip
    most_bytes = 1 << 18

    def seeds(self, folder: Path | None) -> list[bytes]:
        """Explicit, undefined, shifted, implicit and big-endian ones, and one of DCMTK's."""
        made = [
            dicomdir(records()), dicomdir(records(), undefined=True), dicomdir(_rich()),
            dicomdir(_rich(), undefined=True), dicomdir(records(), shift=12), dicomdir([]),
        ]  # fmt: skip
        made += encoded_directories(made[2])
        if folder is not None:
            for number in range(1, 4):
                write_ct(
                    folder / f"IM{number}", SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=number
                )
            command = ["dcmmkdir", "+I", "-Nec", "+r", "+id", str(folder), "+D", "DICOMDIR"]
            subprocess.run(command, cwd=folder, check=False, capture_output=True)
            if (folder / "DICOMDIR").exists():
                made.append((folder / "DICOMDIR").read_bytes())
        return made

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil the tree of the data set, seldom the bytes."""
        if rng.random() < 0.08:
            raw = bytearray(data)
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        return mutate_file(rng, data, self.most_bytes)

    def run(self, data: bytes) -> set[str]:
        """Read everything there is."""
        directory = read_dicomdir(BytesIO(data))
        said = require_findings(directory.findings)
        said |= require_findings(list(until_given_up(check_records(directory), SUBJECT)))
        for text in (directory.file_set_id, directory.file_set_uid, directory.transfer_syntax_uid):
            require_harmless(text, "directory")
        _require_tree(directory, len(data))
        for record in directory.records:
            _read_record(directory, record, said)
        try:
            require(sum(len(raw.encoded) for raw in directory.raw_head()) <= len(data), "head")
        except ValueError:
            said.add("raw head")
        front = read_file_front(data[:HEAD_BYTES])
        said.update(f"identity {tag:08x}" for tag in front.identity)
        return said


def _require_tree(directory: Dicomdir, size: int) -> None:
    tree, records = directory.tree, directory.records
    require(len(set(tree.order)) == len(tree.order), "a record is walked twice")
    require(len(list(directory.iter_tree())) == len(tree.order), "the walk is not the order")
    last = -1
    for record in records:
        require(last < record.offset <= record.body <= record.end <= size, "records out of place")
        last = record.offset
    for index in tree.order:
        parent = tree.parents[index]
        require(parent == NO_PARENT or 0 <= parent < len(records), "a parent that is none")
        require(tree.levels[index] <= MAX_LEVEL, "too deep")
        above = -1 if parent == NO_PARENT else tree.levels[parent]
        require(tree.levels[index] == above + 1, "a level that is not its parent's and one")
    reached = set(tree.order)
    for index in range(len(tree.parents)):
        require((tree.parents[index] != UNREACHED) == (index in reached), "reached and not")


def _read_record(directory: Dicomdir, record: DirectoryRecord, said: set[str]) -> None:
    require_harmless(record.label, "label")
    escapes(record)
    for text in (record.type, record.sop_class_uid, record.sop_instance_uid, *record.file_id):
        require_harmless(text, "record")
    keys = directory.keys(record)
    said.update(f"key {key.vr}" for key in keys.values())
    for path in SEQUENCES:
        if path[0] not in keys:
            continue
        try:
            for item in directory.items(record, *path):
                said.update(f"item {key.vr}" for key in item.values())
        except ValueError as fault:
            said.add(f"items: {' '.join(word for word in str(fault).split() if word.isalpha())}")
    try:
        total = sum(len(raw.encoded) for raw in directory.raw_elements(record))
    except ValueError:
        said.add("raw record")
        return
    require(total <= record.end - record.body, "raw elements are longer than their record")
