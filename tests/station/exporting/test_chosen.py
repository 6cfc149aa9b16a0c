"""What sources stand for before they go out, and what would come of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from mediastation.catalog.listing import list_rows
from mediastation.errors import CancelledError
from mediastation.model.event import Event
from mediastation.station.exporting.chosen import rows_of_sources
from mediastation.station.exporting.foresight import foresee
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.gather import add
from mediastation.station.station import Station
from tests.support.desk_home import JANE, TARO, TWIN, copy_home, make_home, study_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("chosen"), 2)


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return copy_home(made, tmp_path / "home")


class TestRows:
    def test_a_study_that_came_under_two_patients_is_shown_under_both(
        self, made: Path, home: Path, tmp_path: Path
    ) -> None:
        """Its UID takes both out, so whoever confirms has to see both."""
        ds = dcmread(made.parent / "source" / "IM30000")
        ds.PatientName, ds.PatientID = "OTHER^ONE", "100"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        ds.save_as(tmp_path / "other.dcm")
        source = study_of(home, TARO)
        with Station(home) as station:
            add(station, [str(tmp_path / "other.dcm")])
            rows = rows_of_sources(station, [source])

        names = {row.study.patient_name for row in rows if row.study}
        assert names == {TARO, "OTHER^ONE"}

    def test_a_series_counts_its_own_instances(self, home: Path) -> None:
        with Station(home) as station:
            found = list_rows(station.catalog, "series")
            uid = found[0]["series_instance_uid"]
            (row,) = rows_of_sources(station, [f"series:{uid}"])

        assert row.series is not None
        assert row.study is not None
        assert (row.instances, row.series.series_instance_uid) == (2, uid)

    def test_a_patient_id_names_all_studies_under_it(self, home: Path) -> None:
        with Station(home) as station:
            assert len(rows_of_sources(station, ["patient:4711"])) == 2

    def test_what_is_gone_keeps_its_place(self, home: Path) -> None:
        source = study_of(home, JANE)
        with Station(home) as station:
            rows = rows_of_sources(station, ["study:1.2.3", source, "/some/folder"])

        assert [row.study is None for row in rows] == [True, False, True]
        assert [row.source for row in rows] == ["study:1.2.3", source, "/some/folder"]


class TestForesight:
    def test_nothing_is_written_and_the_media_are_compared(self, home: Path) -> None:
        source = study_of(home, TARO)
        with Station(home) as station:
            request = ExportRequest((source,), "STD-GEN-CD", home, burn_on="/dev/sr0")
            found = foresee(station, request)

        assert [row.name for row in found.media] == ["CD-80", "CD-74"]
        assert len(found.volumes) == 1
        assert not found.volumes[0].verified
        assert not list(home.glob("*.ISO"))

    def test_a_folder_that_nobody_has_named_is_not_made(self, home: Path) -> None:
        source = study_of(home, TARO)
        with Station(home) as station:
            found = foresee(station, ExportRequest((source,), "STD-GEN-USB-JPEG", home))

        assert not found.stopped
        assert not (home / "planned").exists()

    def test_who_is_who_is_asked_with_the_people(self, home: Path) -> None:
        sources = study_of(home, TWIN, "A-1"), study_of(home, TWIN, "A-2")
        with Station(home) as station:
            found = foresee(station, ExportRequest(sources, "STD-GEN-CD", home))

        assert found.question is not None
        assert found.question.kind == "identity"
        assert [one["patient_id"] for one in found.question.facts["people"]] == ["A-1", "A-2"]

    def test_faults_of_the_request_are_told(self, home: Path) -> None:
        with Station(home) as station:
            found = foresee(station, ExportRequest(("study:1.2.3",), "STD-GEN-CD", home))

        assert "names nothing" in found.stopped
        assert found.hint

    def test_whoever_waits_no_more_ends_it(self, home: Path) -> None:
        source = study_of(home, TARO)

        def stop(event: Event) -> None:
            raise CancelledError(f"Stopped at {event}.")

        with Station(home) as station:
            found = foresee(station, ExportRequest((source,), "STD-GEN-CD", home), stop)
            job = station.jobs.latest(station.clock.now(), 1)[0]

        assert "Stopped" in found.stopped
        assert job.state == "cancelled"
