"""Real media and broken files, imported: nothing readable is lost, and the counts are typed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread

from mediastation.dicom.header import NotDicom, read_header
from mediastation.model.finding import Finding
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.station import Station
from tests.support.corpus import corpus_file, corpus_files, corpus_id


@dataclass(frozen=True)
class Counts:
    """What has to come of a folder of the corpus.

    `missing` files are listed and not there; at least `repaired` things of
    the directory are put right; `rules` are all that may and must be told.
    """

    imported: int
    held: int = 0
    missing: int = 0
    duplicates: int = 0
    repaired: int = 0
    exit_code: int = 0
    rules: tuple[str, ...] = ()


# Typed from what the corpus's own page says of each folder, and checked with dcmdump.
TABLE = {
    "media/lowercase_mount": Counts(31, repaired=1, rules=("name-differs", "preamble")),
    "media/nema_wg04_rle_disc": Counts(
        16, missing=4, exit_code=1, rules=("missing-file",)
    ),
    "media/philips_ct_disc": Counts(
        26, missing=407, exit_code=1, rules=("missing-file",)
    ),
    # Six further directories lie beside the good one.
    "media/pydicom_dicomdirtests": Counts(31, rules=("directory-copy", "preamble")),
    # Nothing but a directory that is cut off: every file that it can still name is missing.
    "media/truncated_dicomdir": Counts(
        0, missing=15, repaired=1, exit_code=1,
        rules=("no-instances", "truncated-directory", "missing-file", "record-element",
               "offset-no-record"),
    ),
    # Two of the thirty are no DICOM; one has the UID of another and fewer pixels, and of two
    # without a UID the data sets are equal.
    "broken": Counts(
        26, held=1, duplicates=1, exit_code=1,
        rules=("bad-uid", "bad-vr", "meta-disagrees", "meta-incomplete", "no-dicomdir",
               "no-file-meta", "no-instance", "no-patient-id", "no-preamble", "no-series-uid",
               "no-study-uid", "not-dicom", "other-left", "other-pixels", "pictures-left",
               "pixels-short", "placeholder-patient-id", "transfer-syntax-guessed", "truncated"),
    ),
}  # fmt: skip

# It holds the data set of meta_missing_tsyntax.dcm, and neither has a UID: one file does for both.
SAME = {"broken/nested_priv_SQ.dcm"}

# What is wrong with each broken file, by its name there: one of these rules has to be told of it.
BROKEN = {
    "no_meta.dcm": "not-dicom",
    "ExplVR_BigEndNoMeta.dcm": "no-preamble",
    "rtstruct.dcm": "no-preamble",
    "OT-PAL-8-face.dcm": "no-preamble",
    "meta_missing_tsyntax.dcm": "transfer-syntax-guessed",
    "no_meta_group_length.dcm": "meta-incomplete",
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    "empty_charset_LEI.dcm": "no-instance",
    "bad_sequence.dcm": "bad-uid",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "CTImageStorage_bad_meta.dcm": "meta-incomplete",
    "3gb-bulk-data-truncated": "truncated",
    "no_preamble_dicm_in_data": "no-preamble",
    "2026-05-26-oob-monochrome-46341.dcm": "pixels-short",
    "2026-05-26-oob-monochrome-65535.dcm": "pixels-short",
    "MultiframeWindowing.dcm": "no-patient-id",
    "BadDicomFile.dcm": "not-dicom",
}


def take_in(medium: Path, home: Path) -> tuple[ImportResult, set[str]]:
    """Import into a fresh home; the digests of every file that the home then keeps."""
    with Station(home) as station:
        result = import_medium(station, ImportRequest(medium=medium))
    kept = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("store", "quarantine")
        for path in (home / folder).rglob("*")
        if path.is_file()
    }
    return result, kept


def readable(medium: Path, folder: str) -> dict[str, str]:
    """Digest and name of each file of the corpus that holds an instance."""
    found = {}
    for path in corpus_files(folder):
        try:
            header = read_header(path)
        except NotDicom:
            continue
        if header.sop_class_uid != MEDIA_STORAGE_DIRECTORY:
            found[hashlib.sha256(path.read_bytes()).hexdigest()] = corpus_id(path)
    assert found or not TABLE[folder].imported, medium
    return found


@pytest.mark.parametrize("folder", TABLE)
def test_everything_readable_comes_in_and_every_defect_is_named(
    folder: str, tmp_path: Path
) -> None:
    medium = corpus_file(folder)
    counts = TABLE[folder]

    result, kept = take_in(medium, tmp_path / "home")

    assert (result.imported, result.held, result.duplicates, result.missing) == (
        counts.imported, counts.held, counts.duplicates, counts.missing,
    )  # fmt: skip
    assert result.repaired >= counts.repaired
    assert result.exit_code == counts.exit_code
    assert {finding.rule for finding in result.findings} == set(counts.rules)
    lost = {name for digest, name in readable(medium, folder).items() if digest not in kept}
    assert lost <= SAME


def about(findings: list[Finding], path: Path) -> set[str]:
    """The rules of what is told of a file, by its name or by its instance's UID."""
    uid = ""
    if path.name not in ("no_meta.dcm", "BadDicomFile.dcm"):
        ds = dcmread(path, force=True, stop_before_pixels=True)
        meant = ds.file_meta.get("MediaStorageSOPInstanceUID", "")
        uid = str(ds.get("SOPInstanceUID", "") or meant)
    return {f.rule for f in findings if path.name in f.subject or (uid and f.subject == uid)}


def test_each_broken_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    medium = corpus_file("broken")

    result, _ = take_in(medium, tmp_path / "home")

    told = {name: about(result.findings, medium / name) for name in BROKEN}
    assert {name: rule for name, rule in BROKEN.items() if rule not in told[name]} == {}
