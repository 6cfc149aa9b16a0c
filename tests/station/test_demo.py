"""The demo, in a home that was used before."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import update

from mediastation.catalog.schema import catalog_meta
from mediastation.station.demo import demo
from mediastation.station.station import Station


def test_it_runs_where_an_older_mediastation_left_its_index(tmp_path: Path) -> None:
    with Station(tmp_path / "home") as station:
        assert demo(station).volumes[0].verified
        older = update(catalog_meta).where(catalog_meta.c.key == "index_version")
        with station.catalog.writing() as connection:
            connection.execute(older.values(value="1"))

    with Station(tmp_path / "home") as station:
        (volume,) = demo(station).volumes

    assert volume.verified
    assert volume.instances == 24
