"""STD-GEN-CD against real files, whole and broken."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mediastation.conformance.check import InstanceVerdict, check_instance
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.load import find_profile
from mediastation.conformance.report import CheckReport, check_members
from mediastation.dicom.header import NotDicom, read_header
from tests.support.corpus import corpus_file, corpus_files, corpus_id

GEN_CD = find_profile("STD-GEN-CD")

NOTHING = "NONE"
FILE_META = "FILE_META"
VR = "FILE_META|VR"
DECODE = "FILE_META|DECODE"

# Rules of the check itself and of a cut file; what reading merely tolerated is held elsewhere.
RULES = {
    "dicomdir",
    "directory-keys",
    "file-meta",
    "incomplete",
    "no-patient-id",
    "pixel-data",
    "pixel-encoding",
    "preamble-cleared",
    "signature",
    "sop-class",
    "sop-class-retired",
    "transfer-syntax",
    "truncated",
    "uid",
}

# Typed from what dcmdump says of the files and what PS3.11 Annex D asks.
EXPECTED = {
    "broken/2026-05-26-oob-monochrome-46341.dcm": ("refused", NOTHING, "directory-keys incomplete"),
    "broken/2026-05-26-oob-monochrome-65535.dcm": ("refused", NOTHING, "directory-keys incomplete"),
    "broken/3gb-bulk-data-truncated": ("refused", NOTHING, "truncated"),
    "broken/CTImageStorage_bad_meta.dcm": ("accepted", FILE_META, "preamble-cleared"),
    "broken/ExplVR_BigEndNoMeta.dcm": (
        "accepted",
        VR,
        "directory-keys no-patient-id transfer-syntax",
    ),
    "broken/GH1146.dcm": ("refused", NOTHING, "incomplete"),
    "broken/Issue111.dcm": ("refused", NOTHING, "sop-class"),
    "broken/J2K_pixelrep_mismatch.dcm": ("accepted", DECODE, "transfer-syntax"),
    "broken/MR_truncated.dcm": ("refused", NOTHING, "truncated"),
    "broken/MultiframeWindowing.dcm": ("accepted", NOTHING, "directory-keys no-patient-id"),
    "broken/OT-PAL-8-face.dcm": ("accepted", VR, "directory-keys no-patient-id transfer-syntax"),
    "broken/UN_sequence.dcm": ("refused", NOTHING, "directory-keys no-patient-id uid"),
    "broken/badVR.dcm": ("accepted", FILE_META, "directory-keys file-meta"),
    "broken/bad_sequence.dcm": ("refused", NOTHING, "uid"),
    "broken/empty_charset_LEI.dcm": ("refused", NOTHING, "sop-class"),
    "broken/emri_small_jpeg_2k_lossless_too_short.dcm": ("refused", NOTHING, "truncated"),
    "broken/invalid-vr-length-test.dcm": ("accepted", VR, "transfer-syntax"),
    "broken/meta_missing_tsyntax.dcm": ("refused", NOTHING, "sop-class"),
    "broken/nested_priv_SQ.dcm": ("refused", NOTHING, "sop-class"),
    "broken/no_meta_group_length.dcm": ("refused", NOTHING, "directory-keys no-patient-id uid"),
    "broken/no_preamble_dicm_in_data": ("refused", NOTHING, "sop-class"),
    "broken/priv_SQ.dcm": ("refused", NOTHING, "directory-keys no-patient-id uid"),
    "broken/rtplan_truncated.dcm": ("refused", NOTHING, "truncated"),
    "broken/rtstruct.dcm": ("accepted", VR, "directory-keys transfer-syntax"),
    "enhanced/Issue22-NoPixelData.dcm": ("accepted", NOTHING, "directory-keys pixel-data"),
    "enhanced/jpeg2000-multiframe-multifragments.dcm": ("refused", NOTHING, "uid"),
    "media/nema_wg04_rle_disc/IMAGES/RLE/CT1_RLE": (
        "accepted",
        DECODE,
        "preamble-cleared transfer-syntax",
    ),
    "media/philips_ct_disc/DICOM/S21610/S1000/I10": ("accepted", NOTHING, ""),
    "media/pydicom_dicomdirtests/DICOMDIR-bigEnd": ("ignored", NOTHING, "dicomdir"),
    "media/truncated_dicomdir/DICOMDIR": ("ignored", NOTHING, "dicomdir"),
    "mr/MR_small.dcm": ("accepted", FILE_META, "preamble-cleared"),
    "mr/MR_small_jpeg_ls_lossless.dcm": ("accepted", DECODE, "transfer-syntax"),
    "spectroscopy/SVS_30.IMA": ("refused", NOTHING, "sop-class"),
    "transfer_syntaxes/image_dfl.dcm": (
        "accepted",
        VR,
        "directory-keys no-patient-id transfer-syntax",
    ),
    "us/US-RGB-8-esopecho": (
        "accepted",
        NOTHING,
        "directory-keys no-patient-id sop-class-retired",
    ),
    "us/gdcm-US-ALOKA-16_big.dcm": ("accepted", VR, "transfer-syntax"),
    "xa_rf/jpeg_baseline_8bit.dcm": (
        "accepted",
        DECODE,
        "directory-keys preamble-cleared transfer-syntax",
    ),
}


def verdict_on(path: Path) -> InstanceVerdict:
    """Read and check one file."""
    return check_instance(
        read_header(path), GEN_CD, subject=path.name, size_bytes=path.stat().st_size
    )


def check_folder(folder: str, *, several_patients: bool = False) -> CheckReport:
    """Check all files of a corpus folder as one set; skip where there is none."""
    corpus_file(folder)
    members = (
        SetMember(
            corpus_id(path),
            read_header(path),
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_size,
        )
        for path in corpus_files(folder)
    )
    return check_members(members, GEN_CD, several_patients=several_patients)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_gets_the_verdict_that_its_faults_deserve(name: str) -> None:
    outcome, preparation, rules = EXPECTED[name]

    verdict = verdict_on(corpus_file(name))

    assert verdict.outcome == outcome
    assert verdict.preparation.name == preparation
    assert {finding.rule for finding in verdict.findings} & RULES == set(rules.split())


@pytest.mark.parametrize("path", corpus_files(), ids=corpus_id)
def test_every_file_is_checked_and_every_refusal_says_why(path: Path) -> None:
    try:
        verdict = verdict_on(path)
    except NotDicom:
        return
    for finding in verdict.findings:
        assert finding.subject
        assert finding.message
        assert finding.reference
        if finding.severity == "error" and finding.rule in RULES:
            assert finding.hint
    assert (verdict.outcome == "refused") == any(
        finding.severity == "error" for finding in verdict.findings
    )


class TestSets:
    def test_three_people_under_one_patient_id_are_three(self) -> None:
        """A collection of them goes onto as many volumes."""
        report = check_folder("series/same_patient_id_different_names", several_patients=True)

        (shared,) = [f for f in report.findings if f.rule == "shared-patient-id"]
        (several,) = [f for f in report.findings if f.rule == "several-patients"]
        assert shared.severity == "warning"
        assert "3 people" in shared.message
        assert "3 people" in several.message
        assert report.passed
        assert not check_folder("series/same_patient_id_different_names").passed

    @pytest.mark.parametrize(
        "folder",
        ["series/ct_ge_hispeed_28slices", "series/mr_ge_signa_16slices", "series/rt_breast_boost"],
    )
    def test_a_study_of_one_patient_passes(self, folder: str) -> None:
        report = check_folder(folder)

        assert report.passed, [f for f in report.findings if f.severity == "error"]
        assert report.accepted == report.instances == len(corpus_files(folder))

    def test_two_studies_of_one_patient_are_one_person(self) -> None:
        report = check_folder("series/one_patient_two_studies")

        assert "several-patients" not in {finding.rule for finding in report.findings}

    def test_a_disc_with_twenty_patients_is_stopped(self) -> None:
        report = check_folder("media/nema_wg04_rle_disc")

        assert {"several-patients"} <= {finding.rule for finding in report.findings}
        assert not report.passed

    def test_the_same_object_in_several_encodings_is_a_conflict(self) -> None:
        """Six files of one MR image, all under one SOP Instance UID."""
        report = check_folder("mr")

        conflicts = [f for f in report.findings if f.rule == "conflict"]
        assert len(conflicts) == 5
