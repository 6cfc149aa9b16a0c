"""Which images are offered for a disc."""

from __future__ import annotations

from pathlib import Path

from mediastation.station.burning.drive_view import read_burnable, recent_images
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station
from tests.support.objects import write_ct


def test_under_one_name_the_image_of_the_latest_job_is_offered(tmp_path: Path) -> None:
    """The one before lies there no more, and its patient would stand beside the wrong image."""
    output = tmp_path / "cd.iso"
    with Station(tmp_path / "home") as station:
        for number, name in enumerate(("Doe^Jane", "Roe^Richard")):
            source = write_ct(
                tmp_path / f"{number}.dcm", PatientName=name, StudyInstanceUID=f"1.{number}",
                SeriesInstanceUID=f"1.{number}.1", SOPInstanceUID=f"1.{number}.1.1",
            )  # fmt: skip
            [volume] = export(station, ExportRequest((str(source),), "STD-GEN-CD", output)).volumes
        ((record, image, people),) = recent_images(station)
        burnable = read_burnable(station, output, record)

    assert people == ("Roe^Richard",)
    assert image.sha256 == burnable.image_sha256 == volume.sha256
