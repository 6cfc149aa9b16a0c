"""One DICOMDIR with every record type that the station writes, read by other people's programs."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pytest
from pydicom import dcmread

from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance
from tests.fileset.building import JANE, MOMENT
from tests.support.dicomdir_walk import walk
from tests.support.peers import run_peer
from tests.support.record_headers import EXPLICIT_LE, header
from tests.support.record_objects import OBJECTS, ROOT_TYPES

# Where dciodvfy's tables differ from Annex F of 2024c; none of it is said of other types.
NEWER = r"Unrecognized enumerated value <NAME>"
DIFFERENT = {
    "ANNOTATION": NEWER,
    "ASSESSMENT": NEWER,
    "PLAN": NEWER,
    "SURFACE SCAN": NEWER,
    "TRACT": NEWER,
    "WF PRESENTATION": NEWER,
    # F.5.31 allows no item in either; they are Type 2.
    "HANGING PROTOCOL": r"<(ProcedureCode|ReasonForRequestedProcedureCode)Sequence>",
    # Type 1C in F.5.27, required if the object has it.
    "SPECTROSCOPY": r"Missing .* Element=<ReferencedImageEvidenceSequence>",
    # F.5.35 asks for no key; an object without them cannot be helped either.
    "STEREOMETRIC": r"Module=<ContentIdentificationMacro>",
    # The stripped object lacks them, which a finding tells (key-missing).
    "PRESENTATION": r"Element=<(ReferencedSeries|Blending)Sequence>",
}
# Our invented UIDs.
EVERYWHERE = r"Illegal root for UID|Dicom dataset contains invalid data values"


def write(path: Path, names: Collection[str]) -> Path:
    """Write objects of these types, each as it is and stripped of all that can be supplied."""
    with path.open("w+b") as output:
        builder = FileSetBuilder(
            output, file_set_uid="1.2.826.0.1.3680043.8.498.5", file_set_id="TYPES", moment=MOMENT
        )
        for number, name in enumerate(names):
            sop_class, values, _ = OBJECTS[name]
            person = None if name in ROOT_TYPES else JANE
            for kind, changes in enumerate((values, {0x00200013: None})):
                uid = f"1.2.826.0.1.3680043.8.498.{number + 100}.{kind + 1}"
                one = header(changes, sop_class=sop_class, uid=uid)
                builder.add(FileSetInstance(one, EXPLICIT_LE, person))
        builder.close()
    return path


@pytest.fixture(scope="module")
def dicomdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("types") / "DICOMDIR", OBJECTS)


def test_every_type_is_there_twice(dicomdir: Path) -> None:
    types = [record.type for record in walk(dicomdir.read_bytes()).records()]

    assert {name: types.count(name) for name in OBJECTS} == dict.fromkeys(OBJECTS, 2)


def test_dcmdump_reads_all_of_it(dicomdir: Path) -> None:
    said = run_peer("dcmdump", "+L", dicomdir)

    assert said.stderr == ""
    assert said.stdout.count("(0004,1430)") == 2 * len(OBJECTS) + 3


@pytest.mark.parametrize("name", sorted(set(OBJECTS) - {"INVENTORY"}))
def test_dciodvfy_finds_no_key_wanting(name: str, tmp_path: Path) -> None:
    """All but INVENTORY, at whose 64-bit key (UV) it gives up."""
    said = run_peer("dciodvfy", write(tmp_path / "DICOMDIR", [name]), check=False)
    lines = (said.stdout + said.stderr).splitlines()
    allowed = DIFFERENT.get(name, EVERYWHERE).replace("NAME", name)
    errors = [
        line
        for line in lines
        if "Error" in line and not re.search(EVERYWHERE, line) and not re.search(allowed, line)
    ]

    assert "BasicDirectory" in lines
    assert errors == []


def test_gdcm_reads_all_of_it(dicomdir: Path) -> None:
    said = run_peer("gdcmdump", dicomdir)

    assert said.stdout.count("(0004,1430)") == 2 * len(OBJECTS) + 3


def test_pydicom_reads_all_of_it(dicomdir: Path) -> None:
    """Every element decodes, nested ones too."""
    ds = dcmread(dicomdir)
    seen: list[str] = []
    ds.walk(lambda _, element: seen.append(str(element.value)))

    assert len(ds.DirectoryRecordSequence) == 2 * len(OBJECTS) + 3
    assert len(seen) > 700
