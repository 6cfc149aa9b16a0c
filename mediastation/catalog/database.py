"""Opening the index: SQLite in WAL mode in the home, or the URL that several stations share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    bindparam,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.schema import CreateColumn

from mediastation.catalog.durable import sync_folder
from mediastation.catalog.rows import fill_studies
from mediastation.catalog.schema import (
    SCHEMA_VERSION,
    catalog_meta,
    metadata,
    patients,
)
from mediastation.errors import ConfigError, MediaError
from mediastation.model.name_order import name_order

INDEX_NAME = "catalog.sqlite"
_BUSY_TIMEOUT_MS = 30_000
_OLDER = frozenset({"1", "2", "3", "4"})
"""Schema versions that grow into this one when they are opened."""


def _configure(connection: Any, _record: object) -> None:
    # Transactions are begun by hand below: pysqlite would otherwise begin them
    # late and deferred, and two writers would meet half-way.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # WAL with NORMAL survives a killed process; after a power cut the last rows
    # may be gone, and the next intake finds their files without a row.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA mmap_size=0")
    cursor.close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("mediastation_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _keep_connection(context: ExceptionContext) -> None:
    # A Ctrl-C within a statement would have the connection closed while its
    # cursor lives on in the traceback, and the write lock with it: whoever
    # then writes that the job was cancelled waits in vain. A rollback will do.
    if not isinstance(context.original_exception, Exception):
        context.is_disconnect = False


def open_engine(home: Path, new_index_version: Callable[[], str]) -> Engine:
    """Open the index of `home`, creating it where there is none.

    `new_index_version` says, asked while nobody else can write, of which
    version an index is that was made just now.

    Raises
    ------
    ConfigError
        If a newer Mediastation wrote it.
    MediaError
        If it is damaged or the disk refuses.
    """
    path = home / INDEX_NAME
    path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(path)))

    def sort_at_home(connection: Any, _record: object) -> None:
        # Sorting may take files, and these hold patients' data. The environment
        # variable for their place is read once, before this is known.
        quoted = str(home).replace("'", "''")
        connection.execute(f"PRAGMA temp_store_directory='{quoted}'")

    event.listen(engine, "first_connect", sort_at_home)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "handle_error", _keep_connection)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect().execution_options(mediastation_write=True) as connection:
            _prepare_schema(connection, path, new_index_version)
            connection.commit()
    except OperationalError as fault:
        raise MediaError(
            f"{path}: {fault.orig}", "Check the free space and the permissions of the home."
        ) from fault
    except DatabaseError as fault:
        raise MediaError(
            f"{path} is damaged: {fault.orig}",
            "Move it aside and run `mediastation reindex`: the stored files hold everything.",
        ) from fault
    return engine


def _prepare_schema(
    connection: Connection, path: Path, new_index_version: Callable[[], str]
) -> None:
    tables = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
    if tables == 0:
        metadata.create_all(connection)
        meta = {"schema_version": str(SCHEMA_VERSION), "index_version": new_index_version()}
        rows = [{"key": key, "value": value} for key, value in meta.items()]
        connection.execute(insert(catalog_meta), rows)
        sync_folder(path.parent)
        return
    version = connection.execute(
        select(catalog_meta.c.value).where(catalog_meta.c.key == "schema_version")
    ).scalar()
    if version in _OLDER:
        _grow(connection)
    elif version != str(SCHEMA_VERSION):
        raise ConfigError(
            f"{path} has schema version {version}; this Mediastation knows {SCHEMA_VERSION}.",
            "Use the Mediastation that wrote it, or move the index aside and run "
            "`mediastation reindex`.",
        )


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
