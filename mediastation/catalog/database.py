"""Opening the index: SQLite beside the store, or the PostgreSQL that several stations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, bindparam, insert, inspect, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.schema import CreateColumn

from mediastation.catalog.parent_rows import fill_studies
from mediastation.catalog.schema import (
    SCHEMA_VERSION,
    catalog_meta,
    metadata,
    patients,
)
from mediastation.catalog.sqlite import SqliteIndex
from mediastation.errors import ConfigError, MediaError
from mediastation.model.name_order import name_order

_OLDER = frozenset({"1", "2", "3", "4", "5"})
"""Schema versions that grow into this one when they are opened."""


class Index(Protocol):
    """A database that holds the index; its name is what people are told."""

    engine: Engine

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one state throughout."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection that holds the write lock; commits at the end, or not at all."""

    def is_new(self, connection: Connection) -> bool:
        """Tell whether there is no index yet; `ConfigError` where none can be made."""

    def settle_place(self, connection: Connection, *, is_new: bool) -> None:
        """Bind the index, which has its tables, to the folder that it speaks of."""

    def checkpoint(self) -> None:
        """Make every committed row survive a power cut."""

    def trouble(self, fault: DatabaseError) -> MediaError | None:
        """Return what a fault means to whoever works with the index; None for one of ours."""


def open_index(folder: Path, url: str, new_index_version: Callable[[], str]) -> Index:
    """Open the index of what lies in `folder`, creating it where there is none.

    Parameters
    ----------
    url : str
        A PostgreSQL database; empty for SQLite in the folder.
    new_index_version : callable
        Says, asked while nobody else can write, of which version an index is
        that was made just now.

    Raises
    ------
    ConfigError
        If a newer Mediastation wrote it, or the URL cannot be used.
    MediaError
        If it is damaged, the disk refuses or the server cannot be reached.
    """
    index: Index
    if url:
        from mediastation.catalog.postgres import PostgresIndex  # noqa: PLC0415 - most need it not

        index = PostgresIndex(url, folder)
    else:
        index = SqliteIndex(folder)
    try:
        with trouble_told(index):
            # On a full disk what is there can still be read, if nothing is written first.
            if url or not _is_current(index):
                with index.writing() as connection:
                    _prepare_schema(connection, index, new_index_version)
    except BaseException:
        index.engine.dispose()
        raise
    return index


@contextmanager
def trouble_told(index: Index) -> Iterator[None]:
    """Turn faults of the database into words for the operator; faults of ours stay as they are."""
    try:
        yield
    except IntegrityError as fault:
        raise MediaError(
            "The catalog changed meanwhile: instances that this command works with were forgotten.",
            "Give the command again if it is to go on without them.",
        ) from fault
    except DatabaseError as fault:
        told = index.trouble(fault)
        if told is None:
            raise
        raise told from fault


def _is_current(index: Index) -> bool:
    with index.reading() as connection:
        if index.is_new(connection):
            return False
        query = select(catalog_meta.c.value).where(catalog_meta.c.key == "schema_version")
        return bool(connection.execute(query).scalar() == str(SCHEMA_VERSION))


def _prepare_schema(
    connection: Connection, index: Index, new_index_version: Callable[[], str]
) -> None:
    is_new = index.is_new(connection)
    if is_new:
        metadata.create_all(connection)
        meta = {"schema_version": str(SCHEMA_VERSION), "index_version": new_index_version()}
        rows = [{"key": key, "value": value} for key, value in meta.items()]
        connection.execute(insert(catalog_meta), rows)
    version = connection.execute(
        select(catalog_meta.c.value).where(catalog_meta.c.key == "schema_version")
    ).scalar()
    if version in _OLDER:
        _grow(connection)
    elif version != str(SCHEMA_VERSION):
        raise ConfigError(
            f"{index} has schema version {version}; this Mediastation knows {SCHEMA_VERSION}.",
            "Use the Mediastation that wrote it, or move the index aside and run "
            "`mediastation reindex`.",
        )
    index.settle_place(connection, is_new=is_new)


def _grow(connection: Connection) -> None:
    """Add what an older version lacks; what it holds stays."""
    metadata.create_all(connection)
    for table in metadata.tables.values():
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                words = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {words}"))
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    names = connection.execute(select(patients.c.id, patients.c.patient_name)).all()
    if names:
        connection.execute(
            update(patients)
            .where(patients.c.id == bindparam("row"))
            .values(name_key=bindparam("to")),
            [{"row": row, "to": name_order(name)} for row, name in names],
        )
    fill_studies(connection)
    connection.execute(text("DROP INDEX IF EXISTS patients_by_name"))
    connection.execute(
        update(catalog_meta)
        .where(catalog_meta.c.key == "schema_version")
        .values(value=str(SCHEMA_VERSION))
    )
