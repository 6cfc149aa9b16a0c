"""What the operator's screens show of this station; every function is quick and reads only.

A screen is painted before the catalog is loaded: importing this module loads
neither SQLAlchemy nor what reads objects; the first call, in a thread, does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediastation.model.browsing import (
    CatalogState,
    InstanceRow,
    SeriesRow,
    StudyOrder,
    StudyRow,
    Totals,
)
from mediastation.station.process_lock import SERVE_LOCK, lock_is_held
from mediastation.station.serving.process import ask_serving
from mediastation.station.status import StationStatus

if TYPE_CHECKING:
    from mediastation.station.station import Station

_PER_INSTANCE_BYTES = 2048 + 1024
"""What a file costs besides its content: the rest of its last sector, its Directory Records."""
_PER_VOLUME_BYTES = 1 << 20
"""File system, pages and padding of one volume, roughly."""


def station_status(station: Station) -> StationStatus:
    """Return how this station stands."""
    from mediastation.catalog.browsing import count_unfinished_jobs, jobs_that_ask  # noqa: PLC0415

    counts = count_unfinished_jobs(station.catalog, station.clock.now())
    asking = jobs_that_ask(station.catalog) if counts.get("waiting") else []
    settings = station.settings
    told = ask_serving(station.home, "ping")
    serving = told or {"aet": settings.aet, "address": settings.bind, "port": settings.port}
    return StationStatus(
        ae_title=str(serving.get("aet", "")),
        institution=settings.institution,
        address=f"{serving.get('address', '')}:{serving.get('port', '')}",
        is_served=told is not None or lock_is_held(station.home / SERVE_LOCK),
        answers=told is not None,
        associations=int(serving.get("associations", 0)),
        asking=tuple(asking),
        running=counts.get("running", 0),
        waiting=counts.get("waiting", 0),
        queued=counts.get("queued", 0),
        unindexed=not station.catalog.index_is_current,
    )


@dataclass(frozen=True, slots=True)
class StudyList:
    """The numbers of the studies that match, and the state of the catalog before they were read."""

    state: CatalogState
    keys: list[int]


def state_of_studies(station: Station) -> CatalogState:
    """Return what to compare with `StudyList.state`, in order to know whether to read again."""
    from mediastation.catalog.browsing import catalog_state  # noqa: PLC0415

    return catalog_state(station.catalog)


def list_studies(
    station: Station, typed: str = "", order: StudyOrder = StudyOrder.ARRIVAL
) -> StudyList:
    """Return the studies that match every word of `typed`."""
    from mediastation.catalog.browsing import catalog_state, study_keys  # noqa: PLC0415

    state = catalog_state(station.catalog)
    return StudyList(state, study_keys(station.catalog, typed, order))


def read_studies(station: Station, keys: Sequence[int]) -> dict[int, StudyRow]:
    """Return studies by number; those that are still here."""
    from mediastation.catalog.browsing import study_rows  # noqa: PLC0415

    return study_rows(station.catalog, keys)


def read_outside(station: Station, keys: Sequence[int]) -> set[int]:
    """Return those of some studies that came on an outside medium, and are not reconciled."""
    from mediastation.catalog.browsing import studies_from  # noqa: PLC0415
    from mediastation.station.reconciling.reconciled import OUTSIDE_MEDIUM  # noqa: PLC0415

    return studies_from(station.catalog, keys, OUTSIDE_MEDIUM)


def read_series(station: Station, keys: Sequence[int]) -> dict[int, list[SeriesRow]]:
    """Return the series of studies, by the number of the study."""
    from mediastation.catalog.browsing import series_of_studies  # noqa: PLC0415

    return series_of_studies(station.catalog, keys)


def read_instances(station: Station, series: int) -> list[InstanceRow]:
    """Return the instances of a series."""
    from mediastation.catalog.browsing import instance_rows  # noqa: PLC0415

    return instance_rows(station.catalog, series)


def read_studies_of_patient(station: Station, patient: int) -> list[StudyRow]:
    """Return the studies of one patient identity."""
    from mediastation.catalog.browsing import studies_of_patient, study_rows  # noqa: PLC0415

    return list(study_rows(station.catalog, studies_of_patient(station.catalog, patient)).values())


def add_up(station: Station, study_uids: Sequence[str], series_uids: Sequence[str]) -> Totals:
    """Return what the marked studies and series add up to."""
    from mediastation.catalog.browsing import totals  # noqa: PLC0415

    return totals(station.catalog, study_uids, series_uids)


def media_needed(marked: Totals, capacity_bytes: int) -> int:
    """Return about how many media of `capacity_bytes` hold what is marked; the plan is exact."""
    room = max(capacity_bytes - _PER_VOLUME_BYTES, 1)
    return -(-(marked.size_bytes + marked.instances * _PER_INSTANCE_BYTES) // room)
