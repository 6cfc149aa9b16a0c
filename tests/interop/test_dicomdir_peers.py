"""DICOMDIRs of real files, read by DCMTK, dicom3tools, GDCM and pydicom.

The corpus and pydicom's own test files go in as they are, defects included: the
directory has to be sound whatever the objects are.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.support.corpus import CORPUS, corpus_files
from tests.support.dicomdir_walk import WalkedRecord, elements_of, items_of, walk
from tests.support.peers import peer, run_peer
from tests.support.real_file_set import RealFileSet, value, write_file_set

ANNOTATION = "1.2.840.10008.5.1.4.1.1.91.1"
PYDICOM_FILES = Path(pydicom.__file__).parent / "data"

# What dciodvfy says of these directories for reasons that are not theirs.
ALLOWED = {
    # UIDs of the objects, which the records have to repeat.
    r"Illegal root for UID": "roots that do not exist, in test objects",
    r"Leading zeroes in embedded numeric component": "UIDs of test objects",
    r"Dicom dataset contains invalid data values": "sums up the above",
    # dciodvfy's own tables.
    r"Unrecognized enumerated value <ANNOTATION>": "a record type newer than its table (F.5.47)",
    r"Module=<SOPInstanceReferenceMacro>": (
        "takes Referenced Image Evidence Sequence for a plain reference; F.5.27 has the "
        "hierarchical macro, and it says the same of dcmmkdir's records"
    ),
}


@pytest.fixture(scope="module", params=["pydicom", "corpus"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RealFileSet:
    """All files of one collection as a File-set."""
    if request.param == "corpus":
        if not CORPUS.is_dir():
            pytest.skip("the corpus is not here")
        sources = corpus_files()
    else:
        sources = sorted(path for path in PYDICOM_FILES.rglob("*") if path.is_file())
    return write_file_set(sources, tmp_path_factory.mktemp(request.param))


LIST_INSTANCES = """
import sys
from pydicom.fileset import FileSet
for instance in FileSet(sys.argv[1]):
    print(instance.SOPInstanceUID, instance.path)
"""


def leaves(real: RealFileSet) -> dict[tuple[str, ...], WalkedRecord]:
    """The records that refer to a file, by File ID."""
    records = walk((real.folder / "DICOMDIR").read_bytes()).records()
    return {
        tuple(record.text(0x00041500).split("\\")): record
        for record in records
        if 0x00041500 in record.elements
    }


def test_every_instance_is_there_once_and_its_record_tells_the_file(real: RealFileSet) -> None:
    """Against the files themselves, read by pydicom."""
    found = leaves(real)

    assert set(found) == set(real.members)
    assert len(real.members) > 40
    for file_id, record in found.items():
        ds = dcmread(real.folder.joinpath(*file_id), force=True, stop_before_pixels=True)
        assert record.text(0x00041511) == ds.SOPInstanceUID.rstrip()
        assert record.text(0x00041510) == ds.SOPClassUID
        syntax = ds.file_meta.get("TransferSyntaxUID")
        if syntax:
            assert record.text(0x00041512) == syntax


def test_only_what_no_record_can_hold_is_kept_out(real: RealFileSet) -> None:
    rules = {str(error.findings[0].rule) for error in real.refused.values()}

    assert rules <= {
        "duplicate-instance",
        "illegal-identifier",
        "missing-identifier",
        "no-record-type",
    }


def test_numbers_and_names_are_the_objects_own(real: RealFileSet) -> None:
    """Instance Number and Patient's Name against the header; supplied ones are in a finding."""
    supplied = {one.subject for one in real.summary.findings if one.rule == "key-supplied"}
    directory = walk((real.folder / "DICOMDIR").read_bytes())
    headers = {header.sop_instance_uid: header for _, header in real.members.values()}
    compared = 0
    for patient in directory.root:
        for record in patient.below():
            if 0x00041511 not in record.elements or 0x00200013 not in record.elements:
                continue
            header = headers[record.text(0x00041511)]
            own = value(header, 0x00200013)
            if header.sop_instance_uid not in supplied and own:
                assert int(record.text(0x00200013)) == int(own)
                compared += 1
            name = header.elements.get(0x00100010)
            if name is not None and patient.type == "PATIENT":
                assert patient.elements[0x00100010][1].rstrip(b" ") == name.value.rstrip(b" \0")
    assert compared > 20


def test_every_type_1_key_has_a_value(real: RealFileSet) -> None:
    required = {
        "PATIENT": (0x00100020,),
        "STUDY": (0x00080020, 0x00080030, 0x0020000D, 0x00200010),
        "SERIES": (0x00080060, 0x0020000E, 0x00200011),
        "IMAGE": (0x00200013,),
        "SR DOCUMENT": (0x00080023, 0x00080033, 0x00200013, 0x0040A043, 0x0040A491, 0x0040A493),
        "RT PLAN": (0x00200013, 0x300A0002),
    }
    records = walk((real.folder / "DICOMDIR").read_bytes()).records()
    for record in records:
        for tag in required.get(record.type, ()):
            assert record.elements[tag][1].strip(b" \0"), (record.type, hex(tag))
    for tag, type_ in ((0x00100020, "PATIENT"), (0x0020000D, "STUDY"), (0x0020000E, "SERIES")):
        values = [record.text(tag) for record in records if record.type == type_]
        assert len(set(values)) == len(values)


def test_text_reads_in_the_record_as_in_the_object(real: RealFileSet) -> None:
    """pydicom decodes both sides; each record stands on its own character set."""
    ds = dcmread(real.folder / "DICOMDIR")
    uids = {header.sop_instance_uid: path for path, header in real.members.values()}
    compared, patient = 0, None
    for item in ds.DirectoryRecordSequence:
        if item.DirectoryRecordType == "PATIENT":
            patient = item
        elif "ReferencedSOPInstanceUIDInFile" in item and item.OffsetOfTheNextDirectoryRecord == 0:
            source = dcmread(
                uids[item.ReferencedSOPInstanceUIDInFile],
                force=True,
                specific_tags=["PatientName", "SpecificCharacterSet", "SOPClassUID"],
            )
            declared = source.get("SpecificCharacterSet") or ""
            known = not isinstance(declared, str) or declared.startswith(("ISO_IR", "GB"))
            if patient is not None and known and source.get("PatientName"):
                assert str(patient.PatientName) == str(source.PatientName).rstrip("\0")
                compared += 1
    assert compared > 10


def test_dcmdump_reads_it_without_complaint(real: RealFileSet) -> None:
    said = run_peer("dcmdump", "+P", "0004,1500", real.folder / "DICOMDIR")

    assert said.stderr == ""
    assert said.stdout.count("(0004,1500)") == len(real.members)


def test_dcmtk_takes_it_up_and_goes_on_writing(real: RealFileSet, tmp_path: Path) -> None:
    """Its updater follows our links, checks every file behind them, and adds one of its own."""
    folder = tmp_path / "set"
    shutil.copytree(real.folder, folder)
    added = ct_slice("1.2.826.0.1.3680043.8.498.4711")
    added.save_as(folder / "ADDED", enforce_file_format=True)
    subprocess.run(
        [peer("dcmmkdir"), "-Pgp", "-nb", "+I", "-Nxc", "+Nrs", "--append", "ADDED"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = run_peer("dcmdump", "-Un", "+P", "0004,1511", folder / "DICOMDIR").stdout
    referenced = set(re.findall(r"\[([0-9.]+)\]", found))

    assert referenced >= {header.sop_instance_uid for _, header in real.members.values()}
    assert "1.2.826.0.1.3680043.8.498.4711" in referenced


def test_dicom3tools_walks_the_tree_to_every_file(real: RealFileSet) -> None:
    said = run_peer("dcdirdmp", real.folder / "DICOMDIR")
    paths = re.findall(r"-> (\S+)", said.stdout + said.stderr)

    assert {tuple(path.split("\\")) for path in paths} == set(real.members)
    assert len(paths) == len(real.members)


def test_dciodvfy_finds_no_error_of_ours(real: RealFileSet) -> None:
    said = run_peer("dciodvfy", real.folder / "DICOMDIR", check=False)
    errors = [line for line in (said.stdout + said.stderr).splitlines() if "Error" in line]

    assert "BasicDirectory" in said.stdout + said.stderr
    assert [line for line in errors if not any(re.search(one, line) for one in ALLOWED)] == []


def test_gdcm_reads_it(real: RealFileSet) -> None:
    assert "Media Storage Directory" in run_peer("gdcminfo", real.folder / "DICOMDIR").stdout
    said = run_peer("gdcmdump", real.folder / "DICOMDIR")

    assert said.stdout.count("(0004,1500)") == len(real.members)


def test_pydicom_s_file_set_finds_every_instance(real: RealFileSet) -> None:
    """All but the record type that it does not know: those are laid out without."""
    sources = [path for path, header in real.members.values() if header.sop_class_uid != ANNOTATION]
    without = write_file_set(sources, real.folder.parent / f"{real.folder.name}-without")
    # In a process of its own: a FileSet leaves temporary folders to the garbage collector.
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIST_INSTANCES, without.folder / "DICOMDIR"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line.split(" ", 1) for line in said.stdout.splitlines()]
    uids, paths = [line[0] for line in lines], [Path(line[1]) for line in lines]

    assert len(uids) == len(without.members) == len(sources)
    assert set(uids) == {header.sop_instance_uid for _, header in without.members.values()}
    assert all(path.is_file() for path in paths)


def test_the_objects_of_structured_reports_give_their_titles(real: RealFileSet) -> None:
    """Concept Name Code Sequence against the object, item by item, as pydicom reads it."""
    compared = 0
    for file_id, record in leaves(real).items():
        if record.type not in ("SR DOCUMENT", "KEY OBJECT DOC"):
            continue
        ds = dcmread(real.folder.joinpath(*file_id))
        (item,) = items_of(record.elements[0x0040A043][1])
        title = ds.get("ConceptNameCodeSequence")
        if title:
            assert elements_of(item)[0x00080100][1].decode().strip() == title[0].CodeValue
            compared += 1
        modifiers = [
            one
            for one in ds.get("ContentSequence") or []
            if one.RelationshipType == "HAS CONCEPT MOD"
        ]
        written = record.elements.get(0x0040A730)
        assert len(items_of(written[1]) if written else []) == len(modifiers)
    assert compared > 0 or not any(record.type == "SR DOCUMENT" for record in leaves(real).values())


def ct_slice(uid: str) -> Dataset:
    """A small CT slice that DCMTK accepts."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.StudyDate, ds.StudyTime, ds.StudyID = "20240229", "101010", "1"
    ds.AccessionNumber, ds.Modality = "", "CT"
    ds.PatientName, ds.PatientID = "Added^One", "ADDED-1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    ds.SeriesNumber = ds.InstanceNumber = 1
    ds.Rows = ds.Columns = 2
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.SamplesPerPixel, ds.PixelRepresentation = 7, 1, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = bytes(4)
    return ds
