"""Sets of real files, sorted so that each may lie in one File-set, and exported once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediastation.catalog.listing import list_rows
from mediastation.model.manifest import Manifest
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.gather import add
from mediastation.station.station import Station

_IDENTITY = (
    "patient_id",
    "issuer_of_patient_id",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
)


@dataclass
class Exported:
    """One image, what was meant to be on it, and where the originals lie in the store."""

    image: Path
    result: ExportResult
    manifest: Manifest
    originals: dict[str, Path] = field(default_factory=dict)

    @property
    def instances(self) -> dict[str, str]:
        """SOP Instance UID by path, the DICOMDIR left out."""
        return {
            file.path: file.sop_instance_uid
            for file in self.manifest.files
            if file.sop_instance_uid and file.path != "DICOMDIR"
        }


def export_all(folder: Path, sources: Iterable[Path]) -> list[Exported]:
    """Take `sources` in and export all of it, in as few File-sets as its identities allow."""
    clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
    done = []
    with Station(folder / "home", clock) as station:
        add(station, [str(source) for source in sources])
        for number, rows in enumerate(_compatible_sets(station)):
            image = folder / f"set{number}.iso"
            selectors = tuple(f"sha256:{row['sha256']}" for row in rows)
            request = ExportRequest(
                selectors, "STD-GEN-CD", image, several_patients=True, drop_refused=True
            )
            result = export(station, request)
            if not result.volumes:
                assert result.refused == len(rows), result.stopped
                continue
            path = station.job_folder(result.job) / MANIFEST_NAME
            manifest = Manifest.from_json(path.read_text())
            originals = {
                row["sop_instance_uid"]: station.catalog.store.path(row["sha256"]) for row in rows
            }
            done.append(Exported(image, result, manifest, originals))
    return done


def _compatible_sets(station: Station) -> list[list[dict[str, Any]]]:
    """Sort instances into sets: no SOP Instance UID twice, no Patient ID for two identities."""
    identity = {
        (row["study_instance_uid"], row["series_instance_uid"], row["patient_id"]): tuple(
            row[key] for key in _IDENTITY
        )
        for row in list_rows(station.catalog, "series")
    }
    sets: list[tuple[list[dict[str, Any]], dict[str, object]]] = []
    for row in list_rows(station.catalog, "instances"):
        who = identity[row["study_instance_uid"], row["series_instance_uid"], row["patient_id"]]
        nameless = not row["patient_id"] and not row["patient_name"]
        claims = {
            f"sop {row['sop_instance_uid']}": row["sha256"],
            f"patient {row['patient_id']}": row["study_instance_uid"] if nameless else who,
            f"study {row['study_instance_uid']}": who,
            f"series {row['series_instance_uid']}": row["study_instance_uid"],
            # One person under two IDs stops even a collection's reader for a moment.
            f"name {row['patient_name']}": who,
        }
        fitting = (
            one
            for one in sets
            if all(one[1].get(key, value) == value for key, value in claims.items())
        )
        rows, taken = next(fitting, ([], {}))
        if not rows:
            sets.append((rows, taken))
        rows.append(row)
        taken |= claims
    return [rows for rows, _ in sets]


def digests_below(folder: Path) -> dict[str, str]:
    """Return SHA-256 by path of every file below `folder`, names as PS3.10 has them."""
    return {
        str(path.relative_to(folder)).removesuffix(";1").removesuffix("."): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
