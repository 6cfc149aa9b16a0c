"""One import as it is shown: whose its images are, what names them, what lies open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.model.importing import Verdict
from mediastation.station.gather import add
from mediastation.station.intake.folder import survey_path
from mediastation.station.intake.held_view import view_held
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.media_here import mounted_media
from mediastation.station.intake.quarantine_desk import decide
from mediastation.station.intake.request import ImportRequest, ReconcileRequest
from mediastation.station.intake.view import (
    ImportView,
    list_imports,
    read_contents,
    read_import,
)
from mediastation.station.keeping import forget_sources
from mediastation.station.reconciling.reconcile import reconcile
from mediastation.station.station import Station
from tests.support.objects import write_ct, write_series


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    write_series(tmp_path / "own", 1, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    with Station(tmp_path / "home") as opened:
        add(opened, [str(tmp_path / "own")])
        yield opened


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    write_series(tmp_path / "stick", 3, PatientID="EXT-1")
    return tmp_path / "stick"


def take(station: Station, medium: Path) -> int:
    return import_medium(station, ImportRequest(medium)).job


def view_of(station: Station, job: int) -> ImportView:
    view = read_import(station, job)
    assert view is not None
    return view


class TestPatients:
    def test_what_was_reconciled_is_told_with_the_identity_that_copies_bear(
        self, station: Station, stick: Path
    ) -> None:
        job = take(station, stick)
        (before,) = view_of(station, job).patients
        assert (before.instances, before.reconciled, before.sources) == (3, 0, (f"import:{job}",))

        reconciled = reconcile(station, ReconcileRequest((f"import:{job}",), "4711"))

        view = view_of(station, job)
        ((local, number),) = view.patients[0].local
        assert (local.patient_id, number) == ("4711", 3)
        assert [one.id for one in view.later] == [reconciled.job]

    def test_only_the_newest_copy_counts(self, station: Station, stick: Path) -> None:
        write_ct(stick.parent / "twin", PatientID="4712", StudyInstanceUID="1.8",
                 SeriesInstanceUID="1.8.1", SOPInstanceUID="1.8.1.1")  # fmt: skip
        add(station, [str(stick.parent / "twin")])
        job = take(station, stick)
        for patient_id in ("4712", "4711"):
            done = reconcile(station, ReconcileRequest((f"import:{job}",), patient_id))
            assert done.reconciled == 3

        (patient,) = view_of(station, job).patients

        assert [(one.patient_id, number) for one, number in patient.local] == [("4711", 3)]
        assert patient.instances == 3

    def test_a_study_that_another_import_brought_in_part_is_one_patients_still(
        self, station: Station, stick: Path, tmp_path: Path
    ) -> None:
        take(station, stick)
        write_ct(tmp_path / "more" / "A", PatientID="EXT-1", SOPInstanceUID="1.2.3.1.9")
        job = take(station, tmp_path / "more")

        (patient,) = view_of(station, job).patients

        assert patient.instances == 1
        assert patient.sources == (f"import:{job}",)

    def test_a_study_of_two_patients_is_named_by_series(
        self, station: Station, tmp_path: Path
    ) -> None:
        disc = tmp_path / "disc"
        write_series(disc / "A", 2, PatientID="EXT-1")
        write_series(disc / "B", 1, PatientID="X-9", PatientName="Poe^Bob", PatientSex="M",
                     PatientBirthDate="19600606", SeriesInstanceUID="1.2.3.2")  # fmt: skip
        job = take(station, disc)
        decide(station, [f"import:{job}"], Verdict.KEEP)

        patients = view_of(station, job).patients

        assert {one.identity.patient_id: one.sources for one in patients} == {
            "EXT-1": ("series:1.2.3.1",),
            "X-9": ("series:1.2.3.2",),
        }


class TestContents:
    def test_without_its_survey_an_import_says_so_and_is_listed_all_the_same(
        self, station: Station, stick: Path
    ) -> None:
        job = take(station, stick)
        survey_path(station, job).unlink()

        (view,) = list_imports(station)
        contents = read_contents(station, view.record)

        assert view.record.id == job
        assert contents.series == ()
        assert "is not known" in contents.told

    def test_a_broken_survey_is_told_and_breaks_nothing(
        self, station: Station, stick: Path
    ) -> None:
        job = take(station, stick)
        survey_path(station, job).write_bytes(b"no database at all, but long enough" * 100)

        contents = read_contents(station, view_of(station, job).record)

        assert contents.told

    def test_another_job_is_no_import(self, station: Station) -> None:
        assert read_import(station, 1) is None
        assert read_import(station, 99) is None


class TestHeld:
    def test_a_file_is_held_for_every_import_that_brought_it(
        self, station: Station, stick: Path, tmp_path: Path
    ) -> None:
        take(station, stick)
        write_ct(tmp_path / "o" / "A", PatientID="EXT-1", SOPInstanceUID="1.2.3.1.2",
                 PixelData=bytes(32))  # fmt: skip
        jobs = [take(station, tmp_path / "o") for _ in range(2)]

        listed = {view.record.id: view.waiting for view in list_imports(station)}
        for job in jobs:
            assert view_of(station, job).waiting == 1
            assert listed[job] == 1

    def test_a_file_whose_counterpart_was_forgotten_is_shown_alone(
        self, station: Station, stick: Path, tmp_path: Path
    ) -> None:
        take(station, stick)
        write_ct(tmp_path / "o" / "A", PatientID="EXT-1", SOPInstanceUID="1.2.3.1.2",
                 PixelData=bytes(32))  # fmt: skip
        job = take(station, tmp_path / "o")
        (file,) = view_of(station, job).held
        both = view_held(station, file.sha256)
        assert both.laid is not None
        assert both.laid.pixels == "other pixels"

        forget_sources(station, ["study:1.2.3"])

        alone = view_held(station, file.sha256)
        assert alone.here is None
        assert alone.laid is None
        assert not list((station.home / "quarantine").glob("compare-*"))


class TestMountedMedia:
    def test_folders_with_a_directory_are_found_two_levels_deep(self, tmp_path: Path) -> None:
        (tmp_path / "user" / "STICK").mkdir(parents=True)
        (tmp_path / "user" / "STICK" / "dicomdir").touch()
        (tmp_path / "user" / "other").mkdir()
        (tmp_path / "deep" / "a" / "b").mkdir(parents=True)
        (tmp_path / "deep" / "a" / "b" / "DICOMDIR").touch()
        (tmp_path / "link").symlink_to(tmp_path / "user" / "STICK")

        found = mounted_media(None, (tmp_path, tmp_path / "nowhere"))  # type: ignore[arg-type]

        assert [(one.path, one.has_directory) for one in found] == [
            (tmp_path / "user" / "STICK", True)
        ]
