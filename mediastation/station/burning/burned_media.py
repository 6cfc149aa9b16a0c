"""Where on a disc the image lies that a manifest speaks of, by what this station burned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediastation.errors import ConfigError
from mediastation.model.manifest import Manifest
from mediastation.reading.contract import Volume
from mediastation.reading.iso9660 import IsoVolume
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.recording.known_media import read_manifest
from mediastation.station.station import Station
from mediastation.verify.reread import BURNED
from mediastation.verify.whole_medium import AS_A_FILE, Placement

_DICOMDIR = "DICOMDIR"


def place_on_disc(
    station: Station, medium: Path, volume: Volume, manifest: Manifest | None
) -> tuple[Manifest | None, Placement]:
    """Return what `volume` is held against, and where on it that lies.

    A session that was added to a disc has the same File-set as the image it
    was made of, and other sectors: the manifest of that burn knows them. Where
    it is not at hand, the files alone are proved. A file that stood for a
    drive has the burner's padding.
    """
    first_sector = volume.session_sector if isinstance(volume, IsoVolume) else 0
    if not first_sector:
        # A drive is known as one; a file that stood for one is not.
        burned = station.jobs.with_result("burn", json.dumps(str(medium.absolute())))
        return manifest, BURNED if burned else AS_A_FILE
    if manifest is None:
        return None, AS_A_FILE
    placement = Placement(first_sector, padded=True)
    for found in _sessions(station, manifest.file_set_uid, first_sector):
        if _directory(found) == _directory(manifest):
            return found, placement
    return replace(manifest, image_sha256="", image_size_bytes=0, structure=()), placement


def _sessions(station: Station, file_set_uid: str, first_sector: int) -> Iterator[Manifest]:
    """Yield the manifests of the sessions that were added at a sector, the newest first."""
    if not file_set_uid:
        return
    for record in station.jobs.with_result("burn", file_set_uid):
        if any(disc.get("first_sector") == first_sector for disc in _discs(record.result)):
            path = station.jobs_folder / str(record.id) / MANIFEST_NAME
            with suppress(ConfigError):
                yield read_manifest(path)


def _discs(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for drive in result.get("burns", ()):
        yield from drive.get("discs", ())


def _directory(manifest: Manifest) -> str:
    return next((file.sha256 for file in manifest.files if file.path == _DICOMDIR), "")
