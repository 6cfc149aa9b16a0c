"""The doctor over real directories; numbers typed from what dcmdump and find say of them."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from mediastation.importing.diagnosis import Diagnosis, TreeSummary
from mediastation.importing.doctor import examine
from mediastation.reading.memory import MemoryVolume
from tests.support.corpus import corpus_file
from tests.support.scanned_files import ScannedFiles, contents_of


class Expected(NamedTuple):
    """Counts, then patients, studies, series and instances before and after."""

    listed: int
    found: int
    missing: int = 0
    unlisted: int = 0
    mismatched: int = 0
    before: tuple[int, int, int, int] = (2, 6, 13, 31)
    after: tuple[int, int, int, int] = (2, 6, 13, 31)
    findings: dict[str, int] = {}  # noqa: RUF012
    repairs: dict[str, int] = {}  # noqa: RUF012


ALONE = (0, 0, 0, 0)
MEDIA = {
    "philips_ct_disc": Expected(
        433, 26, missing=407, before=(1, 2, 9, 433), after=(1, 1, 3, 26),
        findings={"missing-file": 51},
    ),
    "nema_wg04_rle_disc": Expected(
        20, 16, missing=4, before=(20, 20, 20, 20), after=(16, 16, 16, 16),
        findings={"missing-file": 4},
    ),
    "lowercase_mount": Expected(
        31, 31, findings={"name-differs": 32}, repairs={"file-name": 31},
    ),
    "truncated_dicomdir": Expected(
        15, 0, missing=15, before=(2, 4, 7, 15), after=ALONE,
        findings={"missing-file": 15, "truncated-directory": 1, "offset-no-record": 2,
                  "record-element": 1},
        repairs={"offset-no-record": 2, "cut-record": 1,
                 "record-element": 1},
    ),
}  # fmt: skip

_UNREFERENCED = {"unreferenced": 31, "empty-directory": 1}
DIRECTORIES = {
    "DICOMDIR": Expected(31, 31),
    "DICOMDIR-bigEnd": Expected(31, 31, findings={"transfer-syntax": 1}, repairs={"encoding": 1}),
    "DICOMDIR-implicit": Expected(31, 31, findings={"transfer-syntax": 1}, repairs={"encoding": 1}),
    "DICOMDIR-empty.dcm": Expected(
        0, 0, unlisted=31, before=ALONE, findings=_UNREFERENCED, repairs={"unreferenced": 31}
    ),
    "DICOMDIR-nooffset": Expected(
        31, 31, findings={"truncated-directory": 1, "record-element": 2},
        repairs={"cut-record": 1, "record-element": 2},
    ),
    "DICOMDIR-nopatient": Expected(
        31, 31, before=(0, 0, 0, 1),
        findings={"orphan-record": 51, "last-root-offset": 1, "unknown-record": 2},
        repairs={"record-type": 2, "two-parents": 1, "orphan-record": 1},
    ),
    "DICOMDIR-reordered": Expected(31, 31),
}  # fmt: skip
"""One File-set under seven directories."""


def numbers(summary: TreeSummary) -> tuple[int, int, int, int]:
    return summary.patients, summary.studies, summary.series, summary.instances


def check(diagnosis: Diagnosis, expected: Expected) -> None:
    assert diagnosis.listed == expected.listed
    assert diagnosis.found == expected.found
    assert diagnosis.missing == expected.missing
    assert diagnosis.unlisted == expected.unlisted
    assert diagnosis.mismatched == expected.mismatched
    assert diagnosis.unusable == 0
    assert numbers(diagnosis.before) == expected.before
    assert numbers(diagnosis.after) == expected.after
    assert Counter(finding.rule for finding in diagnosis.findings) == Counter(expected.findings)
    assert Counter(repair.what for repair in diagnosis.repairs) == Counter(expected.repairs)


@pytest.mark.parametrize("name", MEDIA)
def test_a_real_medium_has_what_it_has(name: str) -> None:
    files = contents_of(corpus_file(f"media/{name}"))
    scanned = ScannedFiles.of(files)

    check(examine(MemoryVolume(files), scanned, recognised=scanned.directories), MEDIA[name])


@pytest.mark.parametrize("name", DIRECTORIES)
def test_one_file_set_under_directories_of_many_kinds(name: str) -> None:
    files = contents_of(corpus_file("media/pydicom_dicomdirtests"))
    instances = {path: content for path, content in files.items() if "/" in path}
    under = {**instances, "DICOMDIR": files[name]}

    check(examine(MemoryVolume(under), ScannedFiles.of(under)), DIRECTORIES[name])


def test_directories_beside_the_one_in_use_are_named_and_not_used() -> None:
    files = contents_of(corpus_file("media/pydicom_dicomdirtests"))
    scanned = ScannedFiles.of(files)

    diagnosis = examine(MemoryVolume(files), scanned, recognised=scanned.directories)

    check(diagnosis, Expected(31, 31, findings={"directory-copy": 6}))
    assert [one.path for one in diagnosis.directories] == ["DICOMDIR"]


def test_a_medium_without_its_directory_has_one_finding() -> None:
    files = contents_of(corpus_file("media/pydicom_dicomdirtests"))
    instances = {path: content for path, content in files.items() if "/" in path}

    diagnosis = examine(MemoryVolume(instances), ScannedFiles.of(instances))

    check(diagnosis, Expected(0, 0, before=ALONE, findings={"no-dicomdir": 1}))
