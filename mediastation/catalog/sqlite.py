"""The index in SQLite: one file in WAL mode, in the folder of what it speaks of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, inspect
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from mediastation.catalog.durable import disk_trouble_told, sync_file, sync_folder
from mediastation.errors import MediaError

INDEX_NAME = "catalog.sqlite"
_BUSY_TIMEOUT_MS = 30_000
_LEAST_ROOM_BYTES = 64 << 10
"""The memory that readers share takes 32 KiB of the disk, before any page is written."""


class SqliteIndex:
    """The index of one folder, for the processes of one host.

    Parameters
    ----------
    folder : Path
        Holds ``catalog.sqlite``, made private where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / INDEX_NAME
        with disk_trouble_told(folder):
            self.path.touch(mode=0o600, exist_ok=True)
        self.engine = create_engine(URL.create("sqlite", database=str(self.path)))

        def sort_at_home(connection: Any, _record: object) -> None:
            # Sorting may take files, and these hold patients' data. The environment
            # variable for their place is read once, before this is known.
            quoted = str(folder).replace("'", "''")
            connection.execute(f"PRAGMA temp_store_directory='{quoted}'")

        event.listen(self.engine, "first_connect", sort_at_home)
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "handle_error", _keep_connection)
        event.listen(self.engine, "begin", _begin)

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state throughout."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the write lock; commits at the end, or not at all."""
        with (
            self.engine.connect().execution_options(mediastation_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def is_new(self, connection: Connection) -> bool:
        """Tell whether there is no index yet."""
        return not inspect(connection).get_table_names()

    def settle_place(self, connection: Connection, *, is_new: bool) -> None:  # noqa: ARG002
        """Make the file of a new index last in its folder."""
        if is_new:
            sync_folder(self.path.parent)

    def checkpoint(self) -> None:
        """Make every committed row survive a power cut."""
        log = self.path.with_name(f"{INDEX_NAME}-wal")
        with disk_trouble_told(self.path.parent):
            # SQLite's own checkpoint does not sync what a reader keeps it from moving.
            if log.exists():
                sync_file(log)
        with self.reading() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            connection.exec_driver_sql("BEGIN")

    def trouble(self, fault: DatabaseError) -> MediaError | None:
        """Return what a fault means to whoever works with the index; None for one of ours."""
        if isinstance(fault, (ProgrammingError, DataError, NotSupportedError)):
            return None
        if not isinstance(fault, OperationalError):
            return MediaError(
                f"{self.path} is damaged: {fault.orig}",
                "Move it aside and run `mediastation reindex`: the stored files hold everything.",
            )
        if "full" in str(fault.orig) or ("I/O" in str(fault.orig) and self._has_no_room()):
            return MediaError(
                f"The disk of {self.path.parent} is full.",
                "Free some space, then repeat the command; what was kept is safe.",
            )
        if "locked" in str(fault.orig):
            return MediaError(
                f"{self.path} is busy: another command has been writing for long.",
                "Wait until it has ended, then repeat the command.",
            )
        return MediaError(
            f"{self.path}: {fault.orig}",
            "Check the disk, its free space and the permissions of the home, then repeat the "
            "command.",
        )

    def _has_no_room(self) -> bool:
        """Tell whether the disk has no room for a page: SQLite calls that an I/O error, too."""
        try:
            return shutil.disk_usage(self.path.parent).free < _LEAST_ROOM_BYTES
        except OSError:
            return False


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
