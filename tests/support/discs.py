"""A File-set, its update with one image more, and their images: made once, burned often."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mediastation.model.manifest import Manifest
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.gather import add
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from tests.support.objects import write_ct


@dataclass(frozen=True)
class Images:
    """Where the images lie, and the home that made them."""

    home: Path
    first: Path
    updated: Path
    manifest: Manifest
    updated_manifest: Manifest


def make_images(folder: Path) -> Images:
    """Export three images of one patient to a CD image, and update it with a fourth."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [
        write_ct(
            folder / ("later" if number == 4 else "all") / f"ct{number}",
            SOPInstanceUID=f"1.2.3.1.{number}",
            InstanceNumber=str(number),
        )
        for number in range(1, 5)
    ]
    first, updated = folder / "first.iso", folder / "updated.iso"
    with Station(folder / "home") as station:
        add(station, [str(folder / "all")])
        made = export(station, ExportRequest((str(folder / "all"),), "STD-GEN-CD", first))
        assert made.volumes, made.stopped
        again = update(
            station, UpdateRequest(source=first, output=updated, add=(str(sources[-1]),))
        )
        assert again.volumes, again.stopped
        manifests = [
            Manifest.from_json((station.job_folder(job) / MANIFEST_NAME).read_text())
            for job in (made.job, again.job)
        ]
    return Images(folder / "home", first, updated, *manifests)
