"""What the fuzzer found in the import of media, each as the smallest thing that shows it."""

from __future__ import annotations

import tracemalloc

import pytest

from mediastation.dicom.header import read_header_from
from mediastation.dicom.source import BytesSource
from mediastation.importing.doctor import examine
from mediastation.importing.look import look
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.reading.memory import MemoryVolume
from tests.fuzz.oracles import require_findings
from tests.fuzz.targets.doctor import Lookup, arrived
from tests.fuzz.targets.recovery import require_repairs
from tests.support.coercing import MOMENT, SITE, candidate
from tests.support.file_sets import (
    CT,
    Record,
    dicomdir,
    element,
    file_meta,
    image,
    patient,
    series,
    study,
)

STEERING = "1.2\x1b[2J\x07" + "9" * 40_000
LISTED = dicomdir(
    [patient("PID1", study("1.2.3", series("1.2.3.1", image("DICOM/I1", "1.2.3.4"))))]
)


@pytest.mark.parametrize(
    ("spoiled", "path", "rule"),
    [
        (0x00080018, "DICOM/I1", "wrong-link"),
        (0x00080018, "DICOM/I2", "unreferenced"),
        (0x00080016, "DICOM/I1", "meta-disagrees"),
        (0x0020000D, "DICOM/I1", "wrong-branch"),
        (0x0020000E, "DICOM/I1", "wrong-branch"),
    ],
)
def test_the_doctor_shows_of_a_files_uids_no_more_than_a_person_can_use(
    spoiled: int, path: str, rule: str
) -> None:
    uids = {0x00080016: CT, 0x00080018: "1.2.3.4", 0x0020000D: "1.2.3", 0x0020000E: "1.2.3.1"}
    uids[spoiled] = STEERING
    content = file_meta(CT, "1.2.3.4") + b"".join(
        element(tag, "UI", uid) for tag, uid in uids.items()
    )
    volume = MemoryVolume({"DICOMDIR": LISTED, path: content})
    files = [arrived(look(volume, file)) for file in volume.iter_files() if file.path == path]

    diagnosis = examine(volume, Lookup(files))

    assert rule in {finding.rule for finding in diagnosis.findings}
    assert max(len(finding.message) for finding in diagnosis.findings) < 1000
    require_findings(diagnosis.findings)
    require_repairs(diagnosis.repairs)


def test_a_file_id_of_forty_components_costs_the_doctor_no_more_than_one_of_eight() -> None:
    """Each record that waits for its file is known by the ends of its path, and these add up."""
    deep = "\\".join("ABCDEFGH"[number % 8] for number in range(40))
    records = [Record("IMAGE", b"", [], f"{deep}\\I{number}", "") for number in range(500)]
    volume = MemoryVolume({"DICOMDIR": dicomdir(records)})

    tracemalloc.start()
    try:
        diagnosis = examine(volume, Lookup([]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert diagnosis.missing == 500
    assert peak < 6_000 * len(records)


def test_warnings_about_a_copy_name_its_instance_without_what_steers_a_terminal() -> None:
    signed = element(0x00080018, "UI", "1.2\x1b[2J") + element(0xFFFAFFFA, "SQ", b"")
    header = read_header_from(BytesSource(file_meta(CT, "1.2.3") + signed), "a.dcm")

    coercion = plan_coercion(header, candidate(), SITE, MOMENT)

    assert "signature-outlived" in {one.rule for one in coercion.findings}
    require_findings(coercion.findings)
