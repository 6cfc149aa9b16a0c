"""Records of an export, as pydicom reads them: what one instance lends to the record of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from mediastation.errors import ProfileError
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_ct

# Table H.3-2: keys of any object below; on a DVD, whose images are plain ISO 9660 too.
PROFILE = "STD-GEN-DVD-JPEG"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


def write(folder: Path, number: int, **facts: Any) -> None:
    """One more instance of one series; nothing is said of where and by whom it was made."""
    own = {"SOPInstanceUID": f"1.2.3.1.{number}", "InstanceNumber": str(number)}
    write_ct(folder / f"{len(list(folder.glob('*'))) if folder.exists() else 0}.dcm", **own | facts)


def exported(
    station: Station, tmp_path: Path, profile: str = PROFILE, **options: Any
) -> tuple[dict[str, Dataset], ExportResult]:
    """The first record of each type in the directory of the written medium."""
    output = tmp_path / "out.iso"
    result = export(station, ExportRequest((str(tmp_path / "in"),), profile, output, **options))
    assert result.stopped == "", result.findings
    directory = dcmread(station.job_folder(result.job) / "DICOMDIR")
    records: dict[str, Dataset] = {}
    for record in directory.DirectoryRecordSequence:
        records.setdefault(record.DirectoryRecordType, record)
    return records, result


def test_what_the_first_instance_lacks_comes_from_the_others(
    station: Station, tmp_path: Path
) -> None:
    write(tmp_path / "in", 1, PatientBirthDate=None, PatientSex="")
    write(tmp_path / "in", 2, PatientBirthDate=None, InstitutionName="St. Mary")
    write(tmp_path / "in", 3, PatientBirthDate="19700101", InstitutionName="Elsewhere")

    records, result = exported(station, tmp_path)

    assert records["PATIENT"].PatientBirthDate == "19700101"
    assert records["SERIES"].InstitutionName == "St. Mary"
    told = [finding.message for finding in result.findings if finding.rule == "key-supplied"]
    assert any("InstitutionName 'St. Mary' of another instance" in message for message in told)


def test_text_of_two_character_sets_meets_in_one_record(station: Station, tmp_path: Path) -> None:
    write(tmp_path / "in", 1, SpecificCharacterSet="ISO_IR 100", SeriesDescription="Schädel")
    write(tmp_path / "in", 2, SpecificCharacterSet="ISO_IR 144", InstitutionName="Клиника")

    records, result = exported(station, tmp_path)

    assert records["SERIES"].SpecificCharacterSet == "ISO_IR 192"
    assert records["SERIES"].SeriesDescription == "Schädel"
    assert records["SERIES"].InstitutionName == "Клиника"
    assert any("became 'ISO_IR 192'" in finding.message for finding in result.findings)


def test_what_stays_behind_lends_nothing(station: Station, tmp_path: Path) -> None:
    """Two objects under one UID are both dropped; neither may speak for those that go out."""
    write(tmp_path / "in", 1)
    for name in ("This one", "That one"):
        write(tmp_path / "in", 2, InstitutionName=name)

    records, result = exported(station, tmp_path, drop_refused=True)

    assert result.refused == 2
    assert "InstitutionName" not in records["SERIES"]


def test_a_medium_of_ours_is_held_against_the_profile_it_claims(
    station: Station, tmp_path: Path
) -> None:
    write(tmp_path / "in", 1)
    exported(station, tmp_path, "STD-GEN-CD")
    image = tmp_path / "out.iso"

    assert verify(station, image).ok
    assert verify(station, image, profile="std-gen-cd").ok
    other = verify(station, image, profile="STD-XABC-CD")
    rules = {finding.rule for finding in other.findings if finding.severity == "error"}
    assert rules == {"profile-key", "profile-icon", "profile-sop-class"}
    with pytest.raises(ProfileError):
        verify(station, image, profile="STD-NONE")
