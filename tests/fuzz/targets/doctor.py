"""A medium whose directory and files contradict each other, held against each other."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from mediastation.conformance.identity import comparable_text, patient_identity
from mediastation.importing.diagnosis import Diagnosis
from mediastation.importing.doctor import examine
from mediastation.importing.look import FileKind, Looked, look
from mediastation.model.importing import ArrivedFile
from mediastation.reading.memory import MemoryVolume
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.fuzz.targets.data_set import mutate_file
from tests.fuzz.targets.dicomdir import DicomdirTarget
from tests.fuzz.targets.recovery import require_repairs
from tests.support.file_sets import dicomdir, image, instance, patient, series, study

_LENGTH = struct.Struct("<I")
_NAMES = ("DICOMDIR", "dicomdir.;1", "DICOM/DICOMDIR", "DICOMDIR.BAK", "ELSE")
_PATHS = ("DICOM/I1", "DICOM/I2", "dicom/i3.dcm;1", "OTHER/I1")


def packed(directory: bytes, file: bytes) -> bytes:
    """A directory and an instance as one input."""
    return _LENGTH.pack(len(directory)) + directory + file


def unpacked(data: bytes) -> tuple[bytes, bytes]:
    """The directory and the instance of an input, whatever became of it."""
    length = _LENGTH.unpack(data[:4].ljust(4, b"\0"))[0]
    return data[4 : 4 + length], data[4 + length :]


class Lookup:
    """What the scan would have found, in memory."""

    def __init__(self, files: Sequence[ArrivedFile]) -> None:
        self._files = files

    def by_path(self, path: str) -> ArrivedFile | None:
        return next((file for file in self._files if file.path == path), None)

    def by_uid(self, sop_instance_uid: str) -> Sequence[ArrivedFile]:
        return [file for file in self._files if file.sop_instance_uid == sop_instance_uid]

    def __iter__(self) -> Iterator[ArrivedFile]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def arrived(looked: Looked) -> ArrivedFile:
    """An instance as the scan hands it on."""
    header = looked.header
    assert header is not None
    return ArrivedFile(
        looked.path, looked.size_bytes, looked.sha256, looked.data_sha256, looked.pixel_key,
        header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid,
        comparable_text(header, 0x0020000D), comparable_text(header, 0x0020000E),
        patient_identity(header),
    )  # fmt: skip


class DoctorTarget:
    """The directory doctor over a directory, a good file, and one that is spoiled too."""

    name = "doctor"
    roots: tuple[str, ...] = ("importing/", "reading/record_", "reading/dicomdir.py")
    most_bytes = 1 << 15

    def __init__(self) -> None:
        self._directories = DicomdirTarget()

    def seeds(self, folder: Path | None) -> list[bytes]:
        """Every directory of the parser's seeds, beside an instance that is listed or not."""
        listed = dicomdir(
            [patient("PID1", study("1.2.3", series("1.2.3.1", image("DICOM/I1", "1.2.3.4"))))]
        )
        files = [instance("1.2.3.4", pixels=40), instance("1.2.3.9", patient_id="P2", pixels=40)]
        directories = [listed, *self._directories.seeds(folder)]
        return [packed(one, files[number % 2]) for number, one in enumerate(directories)]

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil the directory, or the file."""
        directory, file = unpacked(data)
        if rng.random() < 0.75:
            borrowed = unpacked(other)[0] if other else b""
            directory = self._directories.mutate(rng, directory, borrowed)
        else:
            file = mutate_file(rng, file, 1 << 15)
        return packed(directory, file)

    def run(self, data: bytes) -> set[str]:
        """Look at all files, then let the doctor examine the medium."""
        directory, file = unpacked(data)
        chance = Random(len(data))
        paths = {chance.choice(_PATHS): file, "DICOM/I2": instance("1.2.3.1.2", pixels=8)}
        volume = MemoryVolume({chance.choice(_NAMES): directory, **paths})
        looks = [look(volume, one) for one in volume.iter_files()]
        said: set[str] = set()
        for one in looks:
            said |= require_findings(one.findings)
        instances = [arrived(one) for one in looks if one.kind is FileKind.INSTANCE]
        recognised = {one.path for one in looks if one.kind is FileKind.DIRECTORY}
        diagnosis = examine(volume, Lookup(instances), recognised=recognised)
        return said | _require_diagnosis(diagnosis, len(instances))


def _require_diagnosis(diagnosis: Diagnosis, instances: int) -> set[str]:
    said = require_findings(diagnosis.findings) | require_repairs(diagnosis.repairs)
    require(0 <= diagnosis.found <= instances, f"{diagnosis.found} of {instances} files found")
    require(diagnosis.missing + diagnosis.unusable <= diagnosis.listed, "more lost than listed")
    for tree in (diagnosis.before, diagnosis.after):
        for line in tree.lines:
            require_harmless(line.text, "tree line")
        require(min(tree.patients, tree.studies, tree.series, tree.unnamed) >= 0, "negative")
    for one in diagnosis.directories:
        require_harmless(one.file_set_id + one.file_set_uid, "File-set")
        said.add(f"directory {min(one.listed, 3)} {min(one.missing, 3)} {min(one.mismatched, 3)}")
    return said
