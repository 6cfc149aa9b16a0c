"""The doctor over directories that other programs wrote, and over every damage with a name."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import tests.support.outside.directory_damage  # noqa: F401 - it registers the damages
from mediastation.importing.diagnosis import Diagnosis
from mediastation.importing.doctor import examine
from mediastation.reading.memory import MemoryVolume
from tests.support.file_sets import write_folder
from tests.support.outside.damage import DAMAGES, Kind, Tree, good_tree
from tests.support.outside.patients import COUNT, instance_files
from tests.support.outside.writers import OutsideMedia
from tests.support.real_file_set import write_file_set
from tests.support.scanned_files import ScannedFiles, contents_of

DIRECTORY_DAMAGES = sorted(name for name, one in DAMAGES.items() if one.kind is Kind.DIRECTORY)

# What comes of each damage where it is not that all twelve files are found, none is missing, none
# unlisted and none says otherwise: (found, missing, unlisted, mismatched).
COUNTS = {
    "parent-escape": (12, 1, 0, 0),
    "absolute-escape": (12, 1, 0, 0),
    "components-too-long": (12, 1, 0, 0),
    "too-many-components": (12, 1, 0, 0),
    "file-id-of-64k": (12, 1, 0, 0),
    "no-file-ids": (0, 0, 12, 0),
    "windows-text": (12, 0, 0, 12),
    "cut-in-the-meta": (0, 0, 12, 0),
    "cut-before-the-records": (0, 0, 12, 0),
    "cut-at-a-quarter": (2, 0, 10, 0),
    "cut-at-half": (6, 0, 6, 0),
    "cut-at-three-quarters": (9, 0, 3, 0),
    "zeroed-in-the-middle": (10, 0, 2, 1),
    "no-records": (0, 0, 12, 0),
    "head-alone": (0, 0, 12, 0),
    "of-another-disc": (12, 0, 0, 12),
    "stale": (3, 0, 9, 0),
    "lists-what-is-not-there": (12, 34, 0, 0),
    "wrong-uids": (12, 0, 0, 12),
    "swapped-uids": (12, 0, 0, 2),
    "uids-with-letters": (12, 0, 0, 12),
    "wrong-classes": (12, 0, 0, 12),
    "wrong-syntaxes": (12, 0, 0, 12),
    "wrong-study-uid": (12, 0, 0, 12),
    "wrong-patient-name": (12, 0, 0, 12),
    "wrong-patient-id": (12, 0, 0, 12),
    "two-patients-merged": (13, 0, 0, 1),
    "absent": (0, 0, 0, 0),
    "zero-bytes": (0, 0, 12, 0),
    "only-zeros": (0, 0, 12, 0),
    "is-a-jpeg": (0, 0, 12, 0),
    "is-an-instance": (0, 0, 12, 0),
}

# Damages of the offsets, the lengths and the levels: the tree itself has to come back whole, so
# that no place of a record contradicts its file.
TREES = {
    "shift-plus", "shift-minus", "random-offsets", "drifting-offsets", "zero-offsets",
    "no-offset-elements", "no-root-offsets", "wrong-first-root", "wrong-last-root",
    "sibling-loop", "child-loop", "self-reference", "two-parents", "chain-cut", "study-cut-off",
    "orphan-records", "reversed-records", "shuffled-records", "lower-case-types", "no-types",
    "item-too-long", "item-too-short", "items-of-4-gib", "garbage-behind", "zeros-behind",
    "elements-out-of-order", "no-preamble", "big-endian", "implicit-vr",
}  # fmt: skip


# What the doctor says where it finds more than others would.
RULES = {"is-a-folder": {"directory-place"}}


def diagnosis_of(tree: Tree) -> Diagnosis:
    there = ScannedFiles.of(tree)
    return examine(MemoryVolume(tree), there, recognised=there.directories)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> OutsideMedia:
    return OutsideMedia(tmp_path_factory.mktemp("media"))


def by_pydicom(folder: Path) -> Tree:
    """The File-set that pydicom writes, in a process of its own: it leaves a folder behind."""
    program = (
        "import sys; from pydicom.fileset import FileSet; made = FileSet(); made.ID = 'PYDICOM'\n"
        "for path in sys.argv[2:]: made.add(path)\n"
        "made.write(sys.argv[1])"
    )
    root = write_folder(instance_files(), folder / "files")
    sources = [root / path for path in instance_files()]
    subprocess.run([sys.executable, "-c", program, folder / "set", *sources], check=True)
    return contents_of(folder / "set")


@pytest.mark.parametrize("writer", ["ours", "dcmtk", "pydicom", "the package"])
def test_a_directory_that_was_written_well_needs_nothing(
    media: OutsideMedia, writer: str, tmp_path: Path
) -> None:
    match writer:
        case "pydicom":
            tree = by_pydicom(tmp_path)
        case "the package":
            root = write_folder(instance_files(), tmp_path / "files")
            sources = [root / path for path in instance_files()]
            made = write_file_set(sources, tmp_path / "set")
            tree = contents_of(made.folder)
        case _:
            tree = media.tree(writer)

    diagnosis = diagnosis_of(tree)

    assert diagnosis.findings == ()
    assert diagnosis.repairs == ()
    assert (diagnosis.listed, diagnosis.found) == (COUNT, COUNT)
    assert diagnosis.before == diagnosis.after


def test_what_gdcm_leaves_out_is_named(media: OutsideMedia) -> None:
    """gdcmgendir names the last item for the last root record, and no character set."""
    diagnosis = diagnosis_of(media.tree("gdcm"))

    told = Counter(finding.rule for finding in diagnosis.findings)
    assert told == {"last-root-offset": 1, "character-set": 2, "unreferenced": 1}
    assert (diagnosis.found, diagnosis.missing, diagnosis.mismatched) == (COUNT - 1, 0, 0)


@pytest.mark.parametrize("name", DIRECTORY_DAMAGES)
def test_a_damage_is_named_and_costs_what_it_has_to(name: str) -> None:
    damage = DAMAGES[name]
    tree = damage.tree()
    if any(path.startswith("DICOMDIR/") for path in tree):
        tree.pop("DICOMDIR", None)

    diagnosis = diagnosis_of(tree)

    told = {finding.rule for finding in diagnosis.findings}
    done = {repair.what for repair in diagnosis.repairs}
    if rules := RULES.get(name, damage.expects.rules):
        assert (told | done) & rules
    assert diagnosis.repaired >= damage.expects.repairs
    if name in COUNTS:
        found, missing, unlisted, mismatched = COUNTS[name]
        counted = (diagnosis.found, diagnosis.missing, diagnosis.unlisted, diagnosis.mismatched)
        assert counted == (found, missing, unlisted, mismatched)
    elif "/" not in "".join(one.path for one in diagnosis.directories):
        assert (diagnosis.found, diagnosis.missing) == (COUNT, 0)
        assert (diagnosis.unlisted, diagnosis.mismatched) == (0, 0)
    if name in TREES:
        assert not {"study-uid", "series-uid", "patient", "missing-level"} & done


def test_the_good_tree_is_good() -> None:
    """Else nothing above would say anything."""
    diagnosis = diagnosis_of(good_tree())

    assert diagnosis.findings == ()
    assert diagnosis.repairs == ()
