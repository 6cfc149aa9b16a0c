"""Media of the corpus, good and bad: each defect is named, and nothing else is."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pydicom
import pytest

from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.elements import text_value
from mediastation.reading.file_meta import HEAD_BYTES, read_file_front
from mediastation.reading.record_rules import check_records
from mediastation.reading.volume import open_volume
from mediastation.verify import verify_medium
from tests.support.corpus import corpus_file, corpus_files, corpus_id
from tests.support.peers import run_peer

# Errors and warnings of each medium as a whole: rule, severity, how many.
MEDIA: dict[str, dict[tuple[str, str], int]] = {
    "lowercase_mount": {("name-differs", "warning"): 32},
    # Four of twenty and 407 of 433 files are not there.
    "nema_wg04_rle_disc": {("missing-file", "error"): 4},
    "philips_ct_disc": {("missing-file", "error"): 407},
    # Six variants of the DICOMDIR lie in the root beside the one that counts.
    "pydicom_dicomdirtests": {("unreferenced", "error"): 6},
    "truncated_dicomdir": {
        ("truncated-directory", "error"): 1,
        ("offset-no-record", "error"): 2,
        ("record-element", "error"): 1,
        ("missing-file", "error"): 15,
    },
}

# The variants as DICOMDIR of the same files: what the reader says, records, reached.
VARIANTS: dict[str, tuple[dict[str, int], int, int]] = {
    "DICOMDIR": ({}, 52, 52),
    "DICOMDIR-bigEnd": ({"transfer-syntax": 1}, 52, 52),
    "DICOMDIR-empty.dcm": ({}, 0, 0),
    "DICOMDIR-implicit": ({"transfer-syntax": 1}, 52, 52),
    "DICOMDIR-nooffset": ({"truncated-directory": 1, "record-element": 2}, 52, 52),
    "DICOMDIR-nopatient": (
        {"orphan-record": 51, "last-root-offset": 1, "record-place": 1, "unknown-record": 2},
        52,
        1,
    ),
    "DICOMDIR-reordered": ({}, 52, 52),
}


def counted(findings: list[tuple[str, str, str, str]]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for rule, severity, subject, message in findings:
        more = message.split(" ", 1)[0] if not subject and "more findings" in message else "1"
        counts[rule, severity] += int(more)
    return counts


@pytest.mark.parametrize("name", MEDIA)
def test_the_defects_of_each_medium_are_named(name: str) -> None:
    report = verify_medium(corpus_file(f"media/{name}"))

    told = [(f.rule, f.severity.value, f.subject, f.message) for f in report.findings]
    assert counted(told) == MEDIA[name]
    assert report.ok is not any(severity == "error" for _, severity in MEDIA[name])


@pytest.mark.parametrize("name", VARIANTS)
def test_the_defects_of_each_dicomdir_are_named(name: str) -> None:
    with corpus_file(f"media/pydicom_dicomdirtests/{name}").open("rb") as stream:
        directory = read_dicomdir(stream)
        found = Counter(f.rule for f in (*directory.findings, *check_records(directory)))

    rules, records, reached = VARIANTS[name]
    assert found == rules
    assert (len(directory.records), len(directory.tree.order)) == (records, reached)


def test_every_missing_file_of_a_damaged_disc_is_named_once() -> None:
    medium = corpus_file("media/philips_ct_disc")
    with (medium / "DICOMDIR").open("rb") as stream:
        paths = [record.path for record in read_dicomdir(stream).records if record.file_id]
    gone = [path for path in paths if not (medium / path).exists()]

    report = verify_medium(medium)

    missing = [f.subject for f in report.findings if f.rule == "missing-file"]
    assert missing == [*gone[:100], ""]
    assert len(gone) == 407


def test_a_disc_of_the_corpus_as_an_image_is_the_same_disc(tmp_path: Path) -> None:
    medium = corpus_file("media/nema_wg04_rle_disc")
    path = tmp_path / "disc.iso"
    run_peer(
        "genisoimage", "-quiet", "-iso-level", "1", "-sysid", "", "-V", "RLE_COMPRESSION",
        "-o", path, medium,
    )  # fmt: skip

    folder, image = verify_medium(medium), verify_medium(path)

    assert image.findings == folder.findings
    assert (image.files, image.instances) == (folder.files, folder.instances)


def test_a_whole_disc_of_the_corpus_passes_as_image(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(
        corpus_file("media/pydicom_dicomdirtests"),
        root,
        ignore=shutil.ignore_patterns("DICOMDIR-*"),
    )
    path = tmp_path / "disc.iso"
    run_peer(
        "genisoimage", "-quiet", "-iso-level", "1", "-sysid", "", "-V", "PYDICOM_TEST",
        "-o", path, root,
    )  # fmt: skip

    report = verify_medium(path)

    assert report.findings == []
    assert (report.ok, report.instances) == (True, 31)


@pytest.mark.parametrize("path", corpus_files(), ids=corpus_id)
def test_no_file_of_the_corpus_upsets_a_reader(path: Path) -> None:
    with path.open("rb") as stream:
        front = read_file_front(stream.read(HEAD_BYTES))
        directory = read_dicomdir(stream)
        findings = [*directory.findings, *check_records(directory)]

    assert front.meta.has_prefix or not front.identity
    assert findings or directory.sop_class_uid == "1.2.840.10008.1.3.10"


@pytest.mark.parametrize("path", corpus_files(), ids=corpus_id)
def test_fronts_say_what_pydicom_reads(path: Path) -> None:
    with path.open("rb") as stream:
        front = read_file_front(stream.read(HEAD_BYTES))
    if not front.meta.has_prefix:
        pytest.skip("no DICOM prefix")
    ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)

    meta = front.meta
    assert meta.sop_class_uid == ds.file_meta.get("MediaStorageSOPClassUID", "")
    assert meta.sop_instance_uid == ds.file_meta.get("MediaStorageSOPInstanceUID", "")
    assert meta.transfer_syntax_uid == ds.file_meta.get("TransferSyntaxUID", "")
    for tag, raw in front.identity.items():
        # What is not text of the default repertoire is escaped, which is no concern here.
        text = str(ds[tag].value or "")
        assert text_value(raw) == text.strip() or not text.isascii()


@pytest.mark.parametrize("name", ["broken", "inputs", "charsets"])
def test_folders_that_are_no_media_say_so(name: str) -> None:
    report = verify_medium(corpus_file(name))

    assert not report.ok
    assert "no-dicomdir" in {f.rule for f in report.findings}
    with open_volume(corpus_file(name)) as volume:
        assert report.files == len(list(volume.iter_files()))
