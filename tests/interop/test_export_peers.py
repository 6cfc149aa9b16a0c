"""Whole exports, read by programs that nobody here wrote.

The images hold pydicom's own test files and every file of the corpus that may
go out. What the peers complain about has to be caused by an object's own
values; the allow-lists say which and why.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.fileset import FileSet

from tests.support.corpus import corpus_files
from tests.support.exporting import Exported, digests_below, export_all
from tests.support.peers import peer, run_peer

ANNOTATIONS = "1.2.840.10008.5.1.4.1.1.91.1"
SPECTROSCOPY = "1.2.840.10008.5.1.4.1.1.4.2"

# What dciodvfy says of a DICOMDIR, and why it may.
ALLOWED_OF_DIRECTORIES = {
    # The object's own UID; the directory has to copy it, and the object may not change.
    r"Illegal root for UID": None,
    r"Leading zeroes in embedded numeric component": None,
    # Its table of record types is older than PS3.3 F.5.47.
    r"DirectoryRecordType.*Unrecognized enumerated value = <ANNOTATION>": ANNOTATIONS,
    # It wants a flat reference where PS3.3 F.5.27 has the hierarchical macro of C.17-3.
    r"ReferencedImageEvidenceSequence.*Module=<SOPInstanceReferenceMacro>": SPECTROSCOPY,
}

pytestmark = pytest.mark.timeout(240)


def pydicom_files() -> list[Path]:
    directory = get_testdata_file("dicomdirtests/DICOMDIR", download=False)
    assert isinstance(directory, str)
    top = Path(directory).parent.parent
    return [path for path in top.iterdir() if path.is_dir() or path.suffix == ".dcm"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[Exported]:
    """pydicom's files on one side, the corpus on the other; pydicom knows no ANNOTATION record."""
    corpus = [path for path in corpus_files() if "annotations" not in path.name]
    annotations = [path for path in corpus_files() if "annotations" in path.name]
    return [
        exported
        for name, sources in (
            ("pydicom", pydicom_files()),
            ("corpus", corpus),
            ("annotations", annotations),
        )
        if sources
        for exported in export_all(tmp_path_factory.mktemp(name), sources)
    ]


@pytest.fixture(scope="module")
def extracted(exports: list[Exported]) -> list[tuple[Exported, Path]]:
    """Every image with the folder that bsdtar unpacked it into."""
    done = []
    for exported in exports:
        folder = exported.image.with_suffix(".bsdtar")
        folder.mkdir()
        run_peer("bsdtar", "-C", folder, "-xf", exported.image)
        done.append((exported, folder))
    return done


def test_most_of_the_input_goes_out(exports: list[Exported]) -> None:
    written = sum(len(exported.instances) for exported in exports)
    refused = sum(exported.result.refused for exported in exports)

    assert written >= 70
    assert refused < written / 4


@pytest.mark.parametrize("program", ["bsdtar", "7z", "xorriso", "isoinfo"])
def test_the_files_come_out_as_the_manifest_has_them(
    exports: list[Exported], tmp_path: Path, program: str
) -> None:
    peer(program)
    for number, exported in enumerate(exports):
        expected = {file.path: file.sha256 for file in exported.manifest.files}
        if program == "isoinfo":
            listed = run_peer("isoinfo", "-f", "-i", exported.image).stdout.split()
            found = {name.strip("/").removesuffix(";1").removesuffix(".") for name in listed}
            assert set(expected) <= found
            continue
        folder = tmp_path / f"{program}{number}"
        folder.mkdir()
        if program == "bsdtar":
            run_peer("bsdtar", "-C", folder, "-xf", exported.image)
        elif program == "7z":
            run_peer("7z", "x", f"-o{folder}", exported.image)
        else:
            run_peer("xorriso", "-osirrox", "on", "-indev", exported.image, "-extract", "/", folder)
            run_peer("chmod", "-R", "u+rwX", folder)
        assert digests_below(folder) == expected


def test_dcmdump_dcdirdmp_and_gdcm_read_every_directory(
    extracted: list[tuple[Exported, Path]],
) -> None:
    for exported, folder in extracted:
        directory = folder / "DICOMDIR"
        said = run_peer("dcmdump", directory)
        assert said.stderr == ""
        uids = re.findall(r"\(0004,1511\) UI \[([0-9.]+)\]", said.stdout)
        assert Counter(uids) == Counter(exported.instances.values())

        said = run_peer("dcdirdmp", directory)
        pointed = re.findall(r" -> (\S+)", said.stdout + said.stderr)
        assert {path.replace("\\", "/") for path in pointed} == set(exported.instances)

        assert "Media Storage Directory Storage" in run_peer("gdcminfo", directory).stdout
        assert run_peer("gdcmdump", directory).stderr == ""


def test_pydicoms_file_set_finds_every_instance(extracted: list[tuple[Exported, Path]]) -> None:
    for exported, folder in extracted:
        if ANNOTATIONS in classes_of(exported, folder):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file_set = FileSet(folder / "DICOMDIR")
            found = {
                str(Path(instance.path).relative_to(folder)): str(instance.SOPInstanceUID)
                for instance in file_set
            }
            # pydicom leaves its staging folder to the garbage collector.
            file_set._stage["t"].cleanup()
        assert found == exported.instances


def test_dciodvfy_finds_no_error_that_the_objects_did_not_bring(
    extracted: list[tuple[Exported, Path]],
) -> None:
    for exported, folder in extracted:
        said = run_peer("dciodvfy", "-new", folder / "DICOMDIR", check=False)
        classes = classes_of(exported, folder)
        allowed = [
            pattern
            for pattern, cause in ALLOWED_OF_DIRECTORIES.items()
            if cause is None or cause in classes
        ]
        errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
        strange = [
            line for line in errors if not any(re.search(pattern, line) for pattern in allowed)
        ]
        assert strange == []


def test_dcentvfy_finds_nothing_that_the_originals_did_not_have(
    extracted: list[tuple[Exported, Path]],
) -> None:
    for exported, folder in extracted:
        # dcentvfy aborts on pixels of more than 16 bits, whoever wrote them.
        chosen = {
            path: uid
            for path, uid in exported.instances.items()
            if pydicom.dcmread(folder / path, stop_before_pixels=True).get("BitsAllocated", 0) <= 16
        }
        if not chosen:
            continue
        written = complaints([folder / path for path in chosen])
        original = complaints([exported.originals[uid] for uid in chosen.values()])
        assert written - original == Counter()


def complaints(files: list[Path]) -> Counter[str]:
    said = run_peer("dcentvfy", *files, check=False)
    text = said.stderr + said.stdout
    for number, file in enumerate(files):
        text = text.replace(str(file), f"#{number}")
    lines = [line for line in text.splitlines() if "rror" in line or "ssert" in line]
    # Instances may refer to instances that are not on the medium (PS3.3 F.2.1). Of an
    # original that dcentvfy cannot read, this is only found out on the medium.
    return Counter(line for line in lines if "Missing SOPInstanceUID that was" not in line)


def classes_of(exported: Exported, folder: Path) -> set[str]:
    return {
        str(pydicom.dcmread(folder / path, stop_before_pixels=True).SOPClassUID)
        for path in exported.instances
    }
