"""Indexes that older versions wrote are read on: `schemas/` holds what each of them had made.

Every dump was taken from an index that the program of its day made: three
originals, and a job about all of them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.icons import find_icon, keep_icons
from mediastation.catalog.job_selection import (
    assign_volumes,
    count_selection,
    iter_selection,
    remember_selection,
)
from mediastation.catalog.listing import list_rows
from mediastation.catalog.remembered import recall_identity, remember_identity
from mediastation.catalog.schema import (
    import_decisions,
    instances,
    patients,
    remembered_identities,
)
from mediastation.model.icon import IconImage
from mediastation.model.identity import PatientIdentity
from mediastation.model.reconciliation import Candidate, CandidateOrigin

SCHEMAS = Path(__file__).parent / "schemas"
OLD = sorted(path.stem for path in SCHEMAS.glob("*.sql"))


def home_of(schema: str, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    with closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
        connection.executescript((SCHEMAS / f"{schema}.sql").read_text(encoding="utf-8"))
    return home


def described(home: Path) -> dict[str, set[tuple[object, ...]]]:
    """Columns by table, and the names of indexes and triggers."""
    with closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
        made = connection.execute(
            "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        ).fetchall()
        tables = {name for kind, name in made if kind == "table"}
        columns = {
            table: {
                (name, notnull, key)
                for _, name, _, notnull, _, key in connection.execute(f"PRAGMA table_info({table})")
            }
            for table in tables
        }
    return columns | {"made": set(made)}


def test_every_version_is_here() -> None:
    assert {name.split("-")[1] for name in OLD} == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize("schema", OLD)
def test_an_older_index_becomes_what_a_new_one_is(schema: str, tmp_path: Path) -> None:
    home = home_of(schema, tmp_path)
    Catalog(tmp_path / "new").close()

    for _ in range(2):
        with Catalog(home):
            pass
        assert described(home) == described(tmp_path / "new")


@pytest.mark.parametrize("schema", OLD)
def test_what_an_older_index_holds_stays_and_the_new_parts_work(
    schema: str, tmp_path: Path
) -> None:
    home = home_of(schema, tmp_path)
    with Catalog(home) as catalog:
        names = [row["patient_name"] for row in list_rows(catalog, "patients")]
        entries = {entry.id for entry in iter_selection(catalog, 1, volume=1)}
        keep_icons(catalog, "2x3/1", [(1, IconImage(2, 3, b"abcdef"))])
        assign_volumes(catalog, 1, [(2, 2)])

        assert names == ["Anne", "Émile", "Zoë"]
        assert entries == {1, 2, 3}
        assert find_icon(catalog, 1, "2x3/1") is not None
        assert [entry.id for entry in iter_selection(catalog, 1, volume=2)] == [2]


class TestVolumes:
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Catalog:
        return Catalog(home_of("version-3", tmp_path))

    def test_an_entry_lies_on_one_volume_and_on_the_first_if_nobody_says(
        self, catalog: Catalog
    ) -> None:
        assign_volumes(catalog, 1, iter([(1, 3), (3, 2)]))

        found = {
            volume: {entry.id for entry in iter_selection(catalog, 1, volume=volume)}
            for volume in (1, 2, 3, 4)
        }
        assert found == {1: {2}, 2: {3}, 3: {1}, 4: set()}
        assert {entry.id for entry in iter_selection(catalog, 1)} == {1, 2, 3}

    def test_counting_and_the_way_by_patient_keep_to_the_volume(self, catalog: Catalog) -> None:
        assign_volumes(catalog, 1, [(1, 2)])
        everyone = {1, 2, 3}

        assert count_selection(catalog, 1, volume=1) == {2: 1, 3: 1}
        assert count_selection(catalog, 1, volume=2) == {1: 1}
        assert count_selection(catalog, 1) == {1: 1, 2: 1, 3: 1}
        chosen = iter_selection(catalog, 1, volume=2, patients_of=everyone)
        assert [entry.id for entry in chosen] == [1]

    def test_another_job_keeps_its_own(self, catalog: Catalog) -> None:
        with catalog.writing() as connection:
            connection.execute(
                text(
                    "INSERT INTO jobs (id, kind, state, operator, request, result, message,"
                    " created_at, updated_at, worker, cancel_requested) SELECT 2, kind, state,"
                    " operator, request, result, message, created_at, updated_at, worker,"
                    " cancel_requested FROM jobs"
                )
            )
        remember_selection(catalog, 2, [1, 2])

        assign_volumes(catalog, 2, [(1, 2)])

        assert count_selection(catalog, 1, volume=2) == {}
        assert count_selection(catalog, 2, volume=2) == {1: 1}

    def test_more_entries_than_one_batch_are_all_moved(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.catalog.job_selection._BATCH", 2)

        assign_volumes(catalog, 1, ((entry, 2) for entry in (1, 2, 3)))

        assert sum(count_selection(catalog, 1, volume=2).values()) == 3


class TestGuards:
    """Triggers stop slips; what shows an intruder is the chain."""

    @pytest.mark.parametrize("grown", [True, False])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger SET body='x' WHERE position=1",
            "DELETE FROM ledger",
            "INSERT OR REPLACE INTO ledger VALUES (1, 'x', 'y')",
            "INSERT INTO ledger VALUES (4, 'x', 'y')",
            "INSERT INTO ledger VALUES (0, 'x', 'y')",
            "UPDATE OR REPLACE ledger SET position=2 WHERE position=1",
        ],
    )
    def test_rows_can_be_appended_only(self, tmp_path: Path, statement: str, grown: bool) -> None:
        home = home_of("version-3", tmp_path) if grown else tmp_path / "home"
        Catalog(home).close()
        with closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
            connection.execute("INSERT INTO ledger VALUES (1, 'a', 'b')")
            connection.execute("INSERT INTO ledger VALUES (2, 'a', 'b')")

            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)

            assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (2,)


def test_an_older_index_in_postgresql_grows_too(tmp_path: Path, shared_database: str) -> None:
    """It has no dumps of its own: what version 5 lacked is taken out of an index of today."""
    home = tmp_path / "home"
    outside = PatientIdentity("1", "", "Doe^Jane")
    candidate = Candidate(outside, CandidateOrigin.CATALOG)
    with Catalog(home, shared_database) as catalog, catalog.writing() as connection:
        for words in (
            "DROP TABLE import_decisions",
            "DROP TABLE remembered_identities",
            "DROP INDEX patients_by_birth_date",
            "ALTER TABLE instances DROP COLUMN pixel_key",
            "UPDATE catalog_meta SET value='5' WHERE key='schema_version'",
        ):
            connection.execute(text(words))

    for _ in range(2):
        with Catalog(home, shared_database) as catalog, catalog.reading() as connection:
            seen = inspect(connection)
            assert {column["name"] for column in seen.get_columns("instances")} == {
                column.name for column in instances.columns
            }
            for table in (instances, patients, import_decisions, remembered_identities):
                there = {index["name"] for index in seen.get_indexes(table.name)}
                assert {index.name for index in table.indexes} <= there
    with Catalog(home, shared_database) as catalog:
        assert remember_identity(catalog, "Elsewhere", outside, candidate, "ann", 1.0)
        assert recall_identity(catalog, "Elsewhere", outside) == candidate
