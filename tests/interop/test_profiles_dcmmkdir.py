"""Dcmmkdir and the check draw the same line through real and made-up objects, profile by profile.

Each of dcmmkdir's profiles is given every file at once. What lies in the
directory that it writes it has accepted; what the check accepts as it is, without
preparation, it has to find there, and nothing else. Where the two differ, a
reason is written down here, with the page that decides.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pydicom.config
import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

from mediastation.conformance.check import InstanceCheck, InstanceVerdict
from mediastation.conformance.load import find_profile
from mediastation.dicom.header import NotDicom, read_header
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.model.instance import InstanceHeader
from mediastation.model.preparation import Preparation
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from tests.fileset.building import MOMENT
from tests.support.corpus import corpus_files
from tests.support.peers import run_peer
from tests.support.profile_variants import write_variants

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
OPTIONS = {
    "-Pgp": "STD-GEN-CD",
    "-Pdv": "STD-GEN-DVD-JPEG",
    "-Pd2": "STD-GEN-DVD-J2K",
    "-Pbd": "STD-GEN-BD-JPEG",
    "-Pb2": "STD-GEN-BD-J2K",
    "-Pbm": "STD-GEN-BD-MPEG2-MPML",
    "-Pbh": "STD-GEN-BD-MPEG2-MPHL",
    "-Pba": "STD-GEN-BD-MPEG4-HPLV41",
    "-Pbb": "STD-GEN-BD-MPEG4-HPLV41BD",
    "--general-bd-mpeg4-hp2d": "STD-GEN-BD-MPEG4-HPLV42-2D",
    "--general-bd-mpeg4-hp3d": "STD-GEN-BD-MPEG4-HPLV42-3D",
    "--general-bd-mpeg4-hpst": "STD-GEN-BD-MPEG4-SHPLV42",
    "-Pfl": "STD-GEN-USB-JPEG",
    "-Pf2": "STD-GEN-SD-J2K",
    "-Pmi": "STD-GEN-MIME",
    "-Pmp": "STD-DVD-MPEG2-MPML",
    "-Pbc": "STD-XABC-CD",
    "-Pxa": "STD-XA1K-CD",
    "-Pxd": "STD-XA1K-DVD",
    "-Pde": "STD-DEN-CD",
    "-Pcm": "STD-CTMR-MOD41",
    "-Pus": "STD-US-ID-SF-CDR",
    "--ultrasound-sc-sf": "STD-US-SC-SF-DVD",
    "--ultrasound-cc-sf": "STD-US-CC-SF-MOD23-90",
    "-Pum": "STD-US-ID-MF-DVD-RAM",
    "--ultrasound-sc-mf": "STD-US-SC-MF-CDR",
    "--ultrasound-cc-mf": "STD-US-CC-MF-DVD",
}
"""All profiles of dcmmkdir but the two of Annex F, which is retired: nothing is written there."""


@dataclass(frozen=True)
class Given:
    """All files, under names that are legal File IDs in one folder D."""

    root: Path
    headers: dict[str, tuple[InstanceHeader, int]]
    told: dict[str, str]


@dataclass
class Directory:
    """What dcmmkdir wrote, and what it said of what it left out."""

    instances: dict[str, list[Dataset]] = field(default_factory=dict)
    """Records from the root down to the file, by its name."""
    said: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Corpus, pydicom's test files and made-up variants; of copies of one instance only one."""
    root = tmp_path_factory.mktemp("given")
    told = write_variants(root / "D")
    own = Path(pydicom.data.__file__).parent / "test_files"
    real = [*corpus_files(), *sorted(path for path in own.rglob("*") if path.is_file())]
    for number, path in enumerate(real):
        name = f"F{number:05d}"
        (root / "D" / name).symlink_to(path)
        told[name] = str(path)
    headers: dict[str, tuple[InstanceHeader, int]] = {}
    seen: set[str] = set()
    for name in sorted(told, reverse=True):
        path = root / "D" / name
        try:
            header = read_header(path)
        except NotDicom:
            header = None
        if header is None or header.sop_instance_uid in seen:
            path.unlink()
            continue
        seen.add(header.sop_instance_uid)
        headers[name] = header, path.stat().st_size
    return Given(root, headers, told)


@pytest.fixture(scope="module")
def directories(given: Given, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Directory]:
    """What dcmmkdir made of the files, by option; filled as the tests come by."""
    return {}


def directory_of(option: str, given: Given, known: dict[str, Directory]) -> Directory:
    if option not in known:
        known[option] = made_by_dcmmkdir(option, given)
    return known[option]


def made_by_dcmmkdir(option: str, given: Given) -> Directory:
    """Let dcmmkdir take what it takes; ``+I`` and ``+Nrs`` as the check does (PS3.11 D.3.2)."""
    output = given.root / option.strip("-")
    found = run_peer(
        *("dcmmkdir", "-v", option, "+I", "+Nrs", "+r", "+id", given.root, "+D", output, "D"),
        check=False,
    )
    directory = Directory()
    name = ""
    for line in found.stderr.splitlines():
        if checked := re.match(r"I: checking file: .*/(\w+)$", line):
            name = checked[1]
        elif name and line.startswith("E:"):
            directory.said.setdefault(name, line)
    if output.exists():
        for path in _paths(pydicom.dcmread(output)):
            directory.instances[path[-1].ReferencedFileID[-1]] = path
    return directory


def _paths(directory: Dataset) -> Iterator[list[Dataset]]:
    """Yield the records of each instance with those above it, which come before it."""
    above: list[Dataset] = []
    levels = ("PATIENT", "STUDY", "SERIES")
    by_offset = {record.seq_item_tell: record for record in directory.DirectoryRecordSequence}

    def below(offset: int) -> Iterator[tuple[int, Dataset]]:
        waiting = [(offset, 0)]
        while waiting:
            at, depth = waiting.pop()
            if record := by_offset.get(at):
                yield depth, record
                waiting.append((record.OffsetOfTheNextDirectoryRecord, depth))
                waiting.append((record.OffsetOfReferencedLowerLevelDirectoryEntity, depth + 1))

    first = directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity
    for depth, record in below(first):
        above[depth:] = [record]
        if record.DirectoryRecordType not in levels:
            yield list(above)


# Differences, each with its reason

_NEWER = {
    *(f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in (
        "6.3", "9.1.4", "9.100.1", "9.100.2", "11.12", "66.7", "66.8", "77.1.8", "77.1.9",
        "88.77", "104.4", "104.5", "201.1", "481.14", "481.15", "481.16", "481.17", "481.18",
        "481.19", "481.20", "481.21", "481.22", "481.23", "481.24", "481.25",
    )),
}  # fmt: skip
"""SOP Classes of PS3.4 2024c and later that dcmmkdir 3.6.7 does not know."""
_NOT_ON_ITS_LIST = {
    *(f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in (
        "2.2", "4.4", "128.1", "30", "66.4", "77.1.6", "481.2", "3",
    )),
}  # fmt: skip
"""SOP Classes whose IODs have several frames (PS3.3 A.1.4), and which dcmmkdir leaves out."""
_MPEG_AND_OTHERS = ("-Pbm", "-Pbh", "-Pba", "-Pbb")
# Type 1 in records, and no attribute of the profiles: the directory supplies it (PS3.3 F.5).
_SUPPLIED = (
    "Modality|InstanceNumber|PatientName|CompletionFlag|ConceptNameCodeSequence|ContentLabel|"
    "DoseSummationType|HangingProtocolName|ImplantAssemblyTemplateName|ImplantName|"
    "ImplantTemplateGroupName|InstanceCreationDate|MIMETypeOfEncapsulatedDocument|NumberOfFrames|"
    "RTPlanLabel|StructureSetLabel"
)


def why_they_refuse(option: str, header: InstanceHeader, said: str) -> str:
    """Return the reason why dcmmkdir refuses what the check accepts; empty if there is none."""
    sop_class = header.sop_class_uid
    if "invalid SOP class" in said and sop_class in _NEWER:
        return "its table of SOP Classes ends earlier"
    if re.search(rf"required attribute ({_SUPPLIED}) ", said):
        return "the creator supplies it (PS3.11 D.3.3.1), dcmmkdir does for six keys only"
    if option in _MPEG_AND_OTHERS and re.search("expected but LittleEndianExplicit found", said):
        return "Table M.3-1 has a row for it, and dcmmkdir names it as expected while refusing it"
    if "only for multi-frame" in said and sop_class in _NOT_ON_ITS_LIST:
        return "the IOD has the Multi-frame Module; dcmmkdir has a list of its own"
    if option == "-Pmp" and "invalid SOP class" in said and sop_class in _NOT_ON_ITS_LIST:
        return "the IOD has the Multi-frame Module; dcmmkdir has a list of its own"
    if option == "-Pcm" and "BitsStored" in said and sop_class.endswith(".1.1.4"):
        return "Table E.3-4 has 8 and 12 to 16, dcmmkdir 8, 12 and 16"
    if "PixelComponentMask" in said:
        return "PS3.3 C.8.5.5 asks for a mask where components are bit aligned"
    if "larger than remaining bytes" in said or "can't find SOPClassUID" in said:
        return "DCMTK does not read VR UN or an odd length there (PS3.5 6.2.2)"
    return ""


def why_they_accept(option: str, header: InstanceHeader, verdict: InstanceVerdict) -> str:
    """Return the reason why dcmmkdir accepts what the check does not take as it is."""
    capture = header.sop_class_uid == SECONDARY_CAPTURE
    rules = {finding.rule for finding in verdict.findings if finding.severity == "error"}
    words = " ".join(finding.message for finding in verdict.findings)
    if rules & {"uid", "incomplete"}:
        return "dcmmkdir looks at neither UIDs nor lengths of pixels"
    if not rules and verdict.preparation is Preparation.FILE_META:
        return "dcmmkdir looks at neither preamble nor all of the File Meta Information"
    if option == "-Pxd" and capture:
        return "Table B.3-1 has captures uncompressed, dcmmkdir looks at no syntax of theirs"
    if option == "-Pcm" and capture and re.search("BitsStored|MONOCHROME1", words):
        return "Tables E.3-5 and E.3-6: dcmmkdir does not go into its branches"
    if option.startswith(("-Pu", "--ultrasound")) and "YBR_PARTIAL_422" in words:
        return "not in Table C.3-2 any more, dcmmkdir still has it"
    if option.startswith(("-Pu", "--ultrasound")) and re.search("Planar|BitsAllocated", words):
        return "PS3.3 C.8.5.6, which dcmmkdir does not look at"
    if any(finding.rule == "codestream-lossy" for finding in verdict.findings):
        return "the frame is of a lossy process (PS3.5 A.4); dcmmkdir does not look into frames"
    if "ultrasound-cc" in option and "PixelComponentRange" in words:
        return "PS3.3 C.8.5.5 asks for a range where components are ranges, dcmmkdir for a mask"
    if option in ("-Pxa", "-Pxd") and "OverlayRows" in words:
        return "B.3.4 excludes overlays from captures; dcmmkdir does not look for them"
    return ""


@pytest.mark.parametrize("option", OPTIONS)
def test_both_take_the_same_files(
    option: str, given: Given, directories: dict[str, Directory]
) -> None:
    theirs = directory_of(option, given, directories)
    check = InstanceCheck(find_profile(OPTIONS[option]))

    differences: list[str] = []
    agreed = 0
    for name, (header, size_bytes) in given.headers.items():
        if header.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
            assert name not in theirs.instances
            continue
        verdict = check.verdict(header, size_bytes=size_bytes)
        ours = verdict.outcome == "accepted" and verdict.preparation is Preparation.NONE
        said = theirs.said.get(name, "")
        if ours == (name in theirs.instances):
            agreed += ours
        elif ours and not why_they_refuse(option, header, said):
            differences.append(f"only ours takes {given.told[name]}: {said}")
        elif not ours and not why_they_accept(option, header, verdict):
            words = "; ".join(finding.message for finding in verdict.findings)
            differences.append(f"only theirs takes {given.told[name]}: {words}")

    assert differences == [], "\n".join(differences)
    assert agreed > 0


# Keys

ICON = 0x00880200
CHARACTER_SET = 0x00080005
# dcmmkdir's tables of keys, one option for each.
TABLES = ("-Pbc", "-Pxa", "-Pxd", "-Pgp", "-Pcm", "-Pdv", "-Pd2", "-Pf2", "-Pmp", "-Pba", "-Pmi")


def why_a_key_differs(tag: int, vr: str, theirs: Any, ours: list[Any], found: list[bytes]) -> str:
    """Return the reason why theirs is none of ours; empty if there is none.

    `found` are the values of the instances below the record.
    """
    if theirs == "" and None in ours:
        return "an empty key of Type 3, which need not be there"
    if vr in ("DA", "TM") and theirs.replace(".", "").replace(":", "") in ours:
        return "old punctuation (PS3.5 6.2), which records here do not repeat"
    if not any(is_legal(vr, value) for value in found):
        return "no instance has a legal value; each makes up its own or leaves it out"
    if tag == 0x0040A730 and [without(item, tag) for item in theirs] in ours:
        return "F.5.25 asks for the concept modifiers, not for what hangs below them"
    return ""


def is_legal(vr: str, value: bytes) -> bool:
    """Let pydicom say whether there is a value, and every single one is legal."""
    text = value.decode("latin-1").strip(" \0")
    try:
        for one in text.split("\\"):
            validate_value(vr, one, pydicom.config.RAISE)
    except ValueError:
        return False
    return bool(text)


def without(item: dict[int, Any], tag: int) -> dict[int, Any]:
    return {key: value for key, value in item.items() if key != tag}


@dataclass
class Compared:
    """One key of one of their records, and what ours have for the instances below it."""

    element: Any
    told: str
    ours: list[Any] = field(default_factory=list)
    found: list[bytes] = field(default_factory=list)


def ours_of(header: InstanceHeader, option: str) -> list[Dataset]:
    """Return the records that the builder writes for one instance, from the root down."""
    output = io.BytesIO()
    builder = FileSetBuilder(
        output,
        file_set_uid="1.2.3",
        file_set_id="TEST",
        moment=MOMENT,
        additional_keys=find_profile(OPTIONS[option]).keys,
    )
    patient_id = header.elements.get(0x00100020)
    told = patient_id.value.strip(b" \0").decode("latin-1") if patient_id else ""
    person = Person("1", told or "SUPPLIED", supplied=not told)
    builder.add(FileSetInstance(header, header.transfer_syntax_uid, person))
    builder.close()
    output.seek(0)
    (path,) = _paths(pydicom.dcmread(output))
    return path


def plain(element: Any) -> Any:
    """Return a value in which nothing differs that means nothing."""
    if element.VR == "SQ":
        return [{int(one.tag): plain(one) for one in item} for item in element.value]
    values = element.value if element.VM > 1 else [element.value]
    texts = [str(value if value is not None else "").strip() for value in values]
    if element.VR in ("IS", "DS"):
        return [text and float(text) for text in texts]
    return texts if element.VM > 1 else texts[0]


@pytest.mark.parametrize("option", TABLES)
def test_our_records_have_the_keys_of_theirs(
    option: str, given: Given, directories: dict[str, Directory]
) -> None:
    """Records above an instance are made of any instance below; one of them has to agree."""
    theirs = directory_of(option, given, directories)
    check = InstanceCheck(find_profile(OPTIONS[option]))
    keys: dict[tuple[int, int], Compared] = {}
    for name, path in theirs.instances.items():
        header, size_bytes = given.headers[name]
        if check.verdict(header, size_bytes=size_bytes).outcome != "accepted":
            continue
        ours = ours_of(header, option)
        assert [one.DirectoryRecordType for one in ours] == [
            one.DirectoryRecordType for one in path
        ], given.told[name]
        for our, their in zip(ours, path, strict=True):
            for element in their:
                tag = int(element.tag)
                if element.tag.group == 0x0004 or tag in (ICON, CHARACTER_SET):
                    continue
                told = f"{their.DirectoryRecordType} {element} of {given.told[name]}"
                key = keys.setdefault((id(their), tag), Compared(element, told))
                key.ours.append(plain(our[tag]) if tag in our else None)
                if tag in header.elements:
                    key.found.append(header.elements[tag].value)

    assert keys
    differences = [
        f"{key.told}: ours {key.ours[:3]}"
        for (_, tag), key in keys.items()
        if (value := plain(key.element)) not in key.ours
        and not why_a_key_differs(tag, key.element.VR, value, key.ours, key.found)
    ]
    assert differences == [], "\n".join(differences)
