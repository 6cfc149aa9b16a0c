"""Every kind of object in its record, with the keys of three tables of PS3.11.

The keys that are written come from the profiles; what is expected is typed from
the tables here, and taken from the object by pydicom, which reads the directory
as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from mediastation.conformance.load import find_profile
from tests.interop.test_dicomdir_peers import ALLOWED
from tests.support.corpus import CORPUS, corpus_files
from tests.support.file_sets import file_meta
from tests.support.peers import run_peer
from tests.support.real_file_set import RealFileSet, write_file_set
from tests.support.record_headers import COMPLETE, Values, encoded
from tests.support.record_objects import OBJECTS, ROOT_TYPES

PROFILES = {"K-D": "STD-GEN-CD", "K-E": "STD-CTMR-CD", "K-H": "STD-GEN-DVD-JPEG"}
# Instance records. "!" is Type 1, "+" looks into the Shared Functional Groups Sequence.
IMAGE_KEYS = {
    "K-D": "ImageType ReferencedImageSequence",
    "K-E": "ReferencedImageSequence ImagePositionPatient ImageOrientationPatient "
    "FrameOfReferenceUID Rows! Columns! PixelSpacing",
    "K-H": "ImageType CalibrationImage ReferencedImageSequence+ LossyImageCompressionRatio "
    "Rows! Columns! FrameOfReferenceUID SynchronizationFrameOfReferenceUID NumberOfFrames "
    "AcquisitionTimeSynchronized AcquisitionDateTime ImagePositionPatient+ "
    "ImageOrientationPatient+ PixelSpacing+",
}
SPECTROSCOPY_KEYS = {
    "K-H": "ReferencedImageSequence+ Rows! Columns! FrameOfReferenceUID "
    "SynchronizationFrameOfReferenceUID NumberOfFrames AcquisitionTimeSynchronized "
    "AcquisitionDateTime ImagePositionPatient+ ImageOrientationPatient+ PixelSpacing+",
}
# Of any object below.
UPPER_KEYS = {
    "PATIENT": "PatientBirthDate PatientSex",
    "SERIES": "InstitutionName InstitutionAddress PerformingPhysicianName",
}

MADE_IMAGE: Values = {
    0x00280010: ("US", 4),
    0x00280011: ("US", 4),
    0x00500004: ("CS", "YES"),
    0x00282112: ("DS", "10\\3.5"),
}


def made_objects(folder: Path) -> list[Path]:
    """One file for each record type, by hand."""
    folder.mkdir()
    paths = []
    for number, (name, (sop_class, values, _)) in enumerate(OBJECTS.items()):
        uid = f"1.2.3.4.5.{number}"
        elements = {
            **COMPLETE,
            **(MADE_IMAGE if name == "IMAGE" else {}),
            **values,
            0x00080016: ("UI", sop_class),
            0x00080018: ("UI", uid),
            0x00080080: ("LO", "St. Elsewhere"),
        }
        if name in ROOT_TYPES:
            elements = {tag: one for tag, one in elements.items() if tag >> 16 not in (0x10, 0x20)}
        path = folder / name.replace(" ", "_")
        path.write_bytes(file_meta(sop_class, uid) + encoded(elements))
        paths.append(path)
    return paths


class Checked:
    """A File-set with the keys of one table, and what pydicom reads of it."""

    def __init__(self, table: str, folder: Path) -> None:
        self.table = table
        keys = find_profile(PROFILES[table]).record_keys
        sources = [*corpus_files(), *made_objects(folder / "made")]
        self.real: RealFileSet = write_file_set(sources, folder / "set", keys)
        self.objects = {
            path.resolve(): dcmread(path, force=True, stop_before_pixels=True)
            for path, _ in self.real.members.values()
        }
        # Of these, values are not the object's own.
        self.told = {
            finding.subject
            for finding in self.real.summary.findings
            if finding.rule in {"key-changed", "key-supplied"}
        }
        self.directory = dcmread(self.real.folder / "DICOMDIR")

    def leaves(self) -> Iterator[tuple[Dataset, Dataset]]:
        """Yield each record of an instance with its object."""
        for record in self.directory.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                yield record, self.object_of(record)

    def object_of(self, record: Dataset) -> Dataset:
        file_id = record["ReferencedFileID"].value
        parts = (file_id,) if isinstance(file_id, str) else tuple(file_id)
        return self.objects[self.real.members[parts][0].resolve()]


@pytest.fixture(scope="module", params=list(PROFILES))
def checked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return Checked(request.param, tmp_path_factory.mktemp(request.param.replace("-", "")))


def value_of(ds: Dataset, keyword: str, *, shared: bool) -> Any:
    """The value that the table means; None where the object has none."""
    if ds.get(keyword) not in (None, "", [], b""):
        return ds[keyword].value
    groups = ds.get("SharedFunctionalGroupsSequence") if shared else None
    if not groups:
        return None
    if groups[0].get(keyword):
        return groups[0][keyword].value
    for element in groups[0]:
        for item in element.value if element.VR == "SQ" else ():
            if item.get(keyword) not in (None, "", []):
                return item[keyword].value
    return None


def plain(value: Any) -> Any:
    """A value without padding, a sequence without group lengths: neither means anything."""
    if isinstance(value, str):
        return value.strip(" ")
    if isinstance(value, Sequence):
        return [[(one.tag, plain(one.value)) for one in item if one.tag.element] for item in value]
    if isinstance(value, MultiValue):
        return [plain(one) for one in value]
    return value


def references(sequence: Any) -> list[tuple[str, str]]:
    """The items that have what the table requires of them."""
    return [
        (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
        for item in sequence
        if item.get("ReferencedSOPClassUID") and item.get("ReferencedSOPInstanceUID")
    ]


def test_every_kind_of_object_lies_in_its_own_record_type(checked: Checked) -> None:
    types = {record.ReferencedSOPClassUIDInFile: record.DirectoryRecordType
             for record, _ in checked.leaves()}  # fmt: skip

    for name, (sop_class, _, _) in OBJECTS.items():
        assert types[sop_class] == name
    # From files of the field, where those are here.
    if CORPUS.is_dir():
        uids = "1.2.840.10008.5.1.4.1.1."
        for number, name in {
            "4.1": "IMAGE", "7": "IMAGE", "66.4": "IMAGE", "77.1.6": "IMAGE", "3.1": "IMAGE",
            "88.33": "SR DOCUMENT", "11.1": "PRESENTATION", "481.5": "RT PLAN",
            "481.2": "RT DOSE", "481.3": "RT STRUCTURE SET", "9.1.1": "WAVEFORM",
            "104.1": "ENCAP DOC", "4.2": "SPECTROSCOPY",
        }.items():  # fmt: skip
            assert types[uids + number] == name


def test_the_keys_of_the_table_are_the_objects_own(checked: Checked) -> None:
    compared: dict[str, int] = defaultdict(int)
    for record, ds in checked.leaves():
        table = {"IMAGE": IMAGE_KEYS, "SPECTROSCOPY": SPECTROSCOPY_KEYS}.get(
            record.DirectoryRecordType, {}
        )
        for word in table.get(checked.table, "").split():
            keyword = word.rstrip("!+")
            expected = value_of(ds, keyword, shared=word.endswith("+"))
            found = record.get(keyword)
            told = record.ReferencedSOPInstanceUIDInFile in checked.told
            if word.endswith("!"):
                assert found is not None
            if keyword == "ReferencedImageSequence":
                usable = references(expected or [])
                assert references(found or []) == usable
                if checked.table == "K-H" and expected and not told:
                    assert plain(found) == plain(expected)
            elif told:
                continue
            elif expected is None:
                assert keyword not in record, (keyword, record.ReferencedSOPInstanceUIDInFile)
            else:
                assert plain(record[keyword].value) == plain(expected)
            compared[keyword] += expected is not None
    if CORPUS.is_dir():
        least = {"K-D": 100, "K-E": 200, "K-H": 300}[checked.table]
        assert sum(compared.values()) > least, compared
        assert compared["ReferencedImageSequence"] > 0


def test_objects_that_lack_a_type_1_key_are_refused_and_no_others(checked: Checked) -> None:
    required = {"K-D": (), "K-E": ("Rows", "Columns"), "K-H": ("Rows", "Columns")}[checked.table]
    for path, fault in checked.real.refused.items():
        if fault.findings[0].rule == "key-missing":
            ds = dcmread(path, force=True, stop_before_pixels=True)
            assert any(ds.get(keyword) in (None, "") for keyword in required)


@pytest.mark.parametrize("checked", ["K-H"], indirect=True)
def test_upper_records_have_what_any_object_below_has(checked: Checked) -> None:
    """Table H.3-2: of the first object with a value, if any has one."""
    above: dict[str, Dataset] = {}
    below: dict[tuple[str, int], list[Dataset]] = defaultdict(list)
    for record in checked.directory.DirectoryRecordSequence:
        if "ReferencedFileID" not in record:
            above[record.DirectoryRecordType] = record
        elif record.DirectoryRecordType not in ROOT_TYPES:
            for level in UPPER_KEYS:
                below[level, id(above[level])].append(checked.object_of(record))
    by_id = {id(one): one for one in checked.directory.DirectoryRecordSequence}
    compared = 0
    for (level, number), objects in below.items():
        for keyword in UPPER_KEYS[level].split():
            values = [str(one[keyword].value).strip() for one in objects if one.get(keyword)]
            if not any(values):
                assert keyword not in by_id[number]
            elif keyword in by_id[number]:
                assert str(by_id[number][keyword].value).strip() in values
                compared += 1
            else:
                # Nothing of what the objects have is legal.
                assert keyword in {"PatientBirthDate", "PatientSex"}
    assert compared > (100 if CORPUS.is_dir() else 2)


def test_dciodvfy_finds_no_error_of_ours(checked: Checked) -> None:
    said = run_peer("dciodvfy", checked.real.folder / "DICOMDIR", check=False)
    errors = [line for line in (said.stdout + said.stderr).splitlines() if "Error" in line]

    assert [line for line in errors if not any(re.search(one, line) for one in ALLOWED)] == []
