"""What an export stops at: what is left behind, what vanishes meanwhile, what cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pydicom
import pytest
from sqlalchemy import delete, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.jobs import JobTable
from mediastation.catalog.schema import instances
from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import forget
from mediastation.model.entry import Source
from mediastation.model.event import Event, StepStarted
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.gather import add
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_ct, write_series

PROFILE = "STD-GEN-CD"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


def at_step(name: str, act: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that acts once a step starts, as another process might."""

    def listen(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == name:
            act()

    return listen


def test_a_file_of_the_source_that_cannot_be_taken_stops_the_export(
    station: Station, tmp_path: Path
) -> None:
    write_series(tmp_path / "in", 2)
    (tmp_path / "in" / "lost.dcm").write_bytes(b"scratched" * 100)
    source, image = (str(tmp_path / "in"),), tmp_path / "out.iso"

    stopped = export(station, ExportRequest(source, PROFILE, image))
    assert "1 of 3" in stopped.stopped
    assert (stopped.refused, stopped.volumes, image.exists()) == (1, [], False)

    written = export(station, ExportRequest(source, PROFILE, image, drop_refused=True))
    assert (written.stopped, written.refused) == ("", 1)
    assert [volume.instances for volume in written.volumes] == [2]


@pytest.mark.parametrize("step", ["check", "prepare", "file-set"])
def test_what_is_forgotten_meanwhile_stops_the_export(
    station: Station, tmp_path: Path, step: str
) -> None:
    """A medium with fewer instances than were checked must not pass for the whole."""
    write_series(tmp_path / "in", 2)
    write_ct(tmp_path / "in" / "three", implicit=True, SOPInstanceUID="1.2.3.1.3")
    write_ct(tmp_path / "in" / "four", implicit=True, SOPInstanceUID="1.2.3.1.4")
    add(station, [str(tmp_path / "in")])

    def forget_one() -> None:
        with Catalog(tmp_path / "home") as other:
            forget(other, find_entries(other, "instance:1.2.3.1.3"))

    request = ExportRequest(("study:1.2.3",), PROFILE, tmp_path / "out.iso", drop_refused=True)
    result = export(station, request, at_step(step, forget_one))

    assert "forgotten" in result.stopped
    assert (result.volumes, request.output.exists()) == ([], False)


def test_an_image_is_known_though_its_export_was_killed_at_the_very_end(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not held against the manifest of an older image that had the same name."""
    write_series(tmp_path / "in", 2)
    request = ExportRequest((str(tmp_path / "in"),), PROFILE, tmp_path / "out.iso")
    export(station, request)
    with monkeypatch.context() as patch:
        patch.setattr(JobTable, "end", lambda *_: None)
        export(station, request)

    report = verify(station, request.output)

    assert (report.ok, report.manifest) == (True, "job")


def test_a_prepared_copy_of_another_instance_stops_the_export(
    station: Station, tmp_path: Path
) -> None:
    """Whatever put it there: a stranger's image must not go out under this one's name."""
    path = write_ct(tmp_path / "in", implicit=True)
    original = station.intake.keep(path.rename(station.intake.new_path()), Source("file", "in"))
    request = ExportRequest(("study:1.2.3",), PROFILE, tmp_path / "out.iso")
    assert export(station, request).stopped == ""
    with station.catalog.writing() as connection:
        (recipe,) = connection.execute(
            select(instances.c.recipe).where(instances.c.derived_from == original.entry_id)
        ).scalars()
        connection.execute(delete(instances).where(instances.c.recipe == recipe))
    stranger = write_ct(station.intake.new_path(), SOPInstanceUID="9.9", PatientID="9")
    station.intake.commit([station.intake.stage_prepared(stranger, original.entry_id, recipe, ())])
    request.output.unlink()

    result = export(station, request)

    assert "9.9" in result.stopped
    assert not request.output.exists()


def test_a_collection_of_many_people_keeps_each_ones_studies_together(
    station: Station, tmp_path: Path
) -> None:
    """Two spellings of one person interleave in the catalog; in the directory they are one."""
    for number in range(12):
        write_ct(
            tmp_path / "in" / str(number),
            SOPInstanceUID=f"1.2.{number}.1.1",
            StudyInstanceUID=f"1.2.{number // 2}",
            SeriesInstanceUID=f"1.2.{number // 2}.1",
            PatientID=str(number // 4),
            PatientName=("doe^jane", "Doe^Jane")[number % 2] + str(number // 4),
        )
    request = ExportRequest(
        (str(tmp_path / "in"),), PROFILE, tmp_path / "out.iso", several_patients=True
    )

    result = export(station, request)

    assert (result.stopped, [volume.instances for volume in result.volumes]) == ("", [12])
    directory = pydicom.dcmread(station.job_folder(result.job) / "DICOMDIR")
    records = [record.DirectoryRecordType for record in directory.DirectoryRecordSequence]
    assert (records.count("PATIENT"), records.count("STUDY")) == (3, 6)


@pytest.mark.parametrize("other", ["AB  1", "ab 1"])
def test_one_person_whose_id_is_spelt_in_two_ways_goes_out_as_one(
    station: Station, tmp_path: Path, other: str
) -> None:
    write_ct(tmp_path / "in" / "one", PatientID="AB 1")
    write_ct(tmp_path / "in" / "two", PatientID=other, SOPInstanceUID="1.2.3.1.2")
    request = ExportRequest((str(tmp_path / "in"),), PROFILE, tmp_path / "out.iso")

    result = export(station, request)

    assert (result.stopped, [volume.instances for volume in result.volumes]) == ("", [2])
    assert "identity-spelling" in {finding.rule for finding in result.findings}


def test_the_directory_is_read_once_for_pages_labels_and_ledger(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DICOMDIR of 40,000 instances takes seconds to read."""
    write_series(tmp_path / "in", 2)
    read: list[object] = []

    def counting(stream: BinaryIO) -> Dicomdir:
        read.append(stream)
        return read_dicomdir(stream)

    monkeypatch.setattr("mediastation.station.exporting.contents.read_dicomdir", counting)
    request = ExportRequest((str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "x.iso")

    assert export(station, request).volumes
    assert len(read) == 1
