"""Directories that dcmmkdir writes under a profile, held against that profile and against others.

Neither the directory nor the objects are ours, so what our check accepts here it
accepts for their sake, and what it refuses is a difference of two profiles.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from mediastation.conformance.load import find_profile
from mediastation.model.finding import Finding
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.verify.profile_records import check_profile_records
from tests.support.peers import run_peer
from tests.support.profile_objects import object_for, write

WORDS = {
    "STD-XABC-CD": "-Pbc",
    "STD-XA1K-CD": "-Pxa",
    "STD-XA1K-DVD": "-Pxd",
    "STD-CTMR-CD": "-Pcm",
    "STD-CTMR-DVD": "-Pcm",
    "STD-GEN-CD": "-Pgp",
    "STD-GEN-MIME": "-Pmi",
    "STD-GEN-DVD-JPEG": "-Pdv",
    "STD-GEN-DVD-J2K": "-Pd2",
    "STD-GEN-BD-JPEG": "-Pbd",
    "STD-GEN-USB-J2K": "-Pf2",
    "STD-DVD-MPEG2-MPML": "-Pmp",
    "STD-GEN-BD-MPEG4-HPLV41": "-Pba",
    "STD-DEN-CD": "-Pde",
    "STD-US-ID-SF-CDR": "-Pus",
    "STD-US-CC-MF-CDR": "-Pum",
}


def object_on_medium(profile: str, folder: Path) -> None:
    """An object as `profile` wants it; XA in JPEG Lossless, which dcmcjpeg makes."""
    maker, syntax = object_for(profile)
    path = write(maker(), folder / "OBJECT", syntax)
    if profile.startswith("STD-XA"):
        run_peer("dcmcjpeg", "+e1", path, path)


def made_by_dcmmkdir(word: str, folder: Path, *options: str) -> Path:
    run_peer("dcmmkdir", word, "-nb", *options, "+id", folder, "+D", folder / "DICOMDIR", "OBJECT")
    return folder / "DICOMDIR"


def checked(path: Path, profile: str) -> list[Finding]:
    with path.open("rb") as file:
        directory = read_dicomdir(file)
        assert directory.findings == ()
        return list(check_profile_records(directory, find_profile(profile)))


@pytest.mark.parametrize("lengths", ["+e", "-e"])
@pytest.mark.parametrize("profile", WORDS)
def test_what_dcmmkdir_writes_under_a_profile_passes(
    profile: str, lengths: str, tmp_path: Path
) -> None:
    object_on_medium(profile, tmp_path)

    assert checked(made_by_dcmmkdir(WORDS[profile], tmp_path, lengths), profile) == []


def test_icons_of_another_size_are_told(tmp_path: Path) -> None:
    """Of 32 x 32 under the general profile, where the CT profile wants 64 x 64."""
    object_on_medium("STD-CTMR-CD", tmp_path)
    path = made_by_dcmmkdir("-Pgp", tmp_path, "+X", "-Xs", "32")

    assert checked(path, "STD-GEN-CD") == []
    findings = checked(path, "STD-CTMR-CD")
    assert any("32 x 32 pixels, not 64 x 64" in finding.message for finding in findings)


def test_a_general_directory_lacks_what_cardiology_demands(tmp_path: Path) -> None:
    """Tables A.3-2 and A.3-1: icon, Type 2 keys, and another Transfer Syntax."""
    maker, syntax = object_for("STD-XABC-CD")
    write(maker(), tmp_path / "OBJECT", syntax)
    path = made_by_dcmmkdir("-Pgp", tmp_path)
    assert checked(path, "STD-GEN-CD") == []

    findings = checked(path, "STD-XABC-CD")
    lacking = {f.message.split(" ")[0] for f in findings if f.rule == "profile-key"}

    # The object's own birth date and sex are in its record there; these are not.
    assert {"InstitutionAddress", "PerformingPhysicianName", "CalibrationImage"} <= lacking
    assert [f.message for f in findings if f.rule == "profile-icon"] == [
        "the icon (0088,0200) of its IMAGE record is missing"
    ]
    assert [f.rule for f in findings].count("profile-transfer-syntax") == 1


@pytest.mark.parametrize(
    ("keyword", "rule"),
    [
        ("PatientSex", "profile-key"),
        ("InstitutionName", "profile-key"),
        ("ImageType", "profile-key"),
        ("CalibrationImage", "profile-key"),
        ("IconImageSequence", "profile-icon"),
    ],
)
def test_each_key_taken_out_by_pydicom_is_missed(keyword: str, rule: str, tmp_path: Path) -> None:
    object_on_medium("STD-XA1K-CD", tmp_path)
    path = made_by_dcmmkdir("-Pxa", tmp_path)
    ds = dcmread(path)
    # pydicom keeps the offsets as they are: only the check of records is asked here.
    (record,) = [one for one in ds.DirectoryRecordSequence if keyword in one]
    size = path.stat().st_size
    del record[keyword]
    spoiled = tmp_path / "SPOILED"
    ds.save_as(spoiled)
    assert spoiled.stat().st_size < size
    with spoiled.open("rb") as file:
        directory = read_dicomdir(file)
        findings = list(check_profile_records(directory, find_profile("STD-XA1K-CD")))

    assert rule in {finding.rule for finding in findings}


@pytest.mark.parametrize("profile", ["STD-CTMR-CD", "STD-DEN-CD", "STD-US-ID-SF-CDR"])
def test_objects_of_other_kinds_are_told(profile: str, tmp_path: Path) -> None:
    object_on_medium("STD-XABC-CD", tmp_path)
    path = made_by_dcmmkdir("-Pbc", tmp_path)

    assert "profile-sop-class" in {finding.rule for finding in checked(path, profile)}
