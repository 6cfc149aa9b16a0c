"""One home's catalog, opened: the index and the store it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from mediastation.catalog.database import INDEX_NAME, open_engine
from mediastation.catalog.durable import disk_trouble_told, make_private_folder, sync_file
from mediastation.catalog.schema import catalog_meta
from mediastation.catalog.store import InstanceStore
from mediastation.dicom.header import INDEX_VERSION
from mediastation.errors import MediaError


class Catalog:
    """The index and the store of one home.

    Safe to share between threads; several processes may open one home.

    Parameters
    ----------
    home : Path
        Created, private to its owner, if it does not exist.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        with disk_trouble_told(home.parent):
            make_private_folder(home)
            self.store = InstanceStore(home)
        self._engine = open_engine(home, self._new_index_version)

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the index throughout."""
        with self._trouble_told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the write lock; commits at the end, or not at all."""
        with (
            self._trouble_told(),
            self._engine.connect().execution_options(mediastation_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def checkpoint(self) -> None:
        """Make every committed row survive a power cut."""
        log = self.home / f"{INDEX_NAME}-wal"
        with disk_trouble_told(self.home):
            # SQLite's own checkpoint does not sync what a reader keeps it from moving.
            if log.exists():
                sync_file(log)
        with self.reading() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            connection.exec_driver_sql("BEGIN")

    @property
    def index_is_current(self) -> bool:
        """Whether all that is stored has a row of this version; `reindex` makes it so."""
        return self.mark("index_version") == str(INDEX_VERSION)

    def set_index_version(self) -> None:
        """Record that every row is of the current index version."""
        self.set_mark("index_version", str(INDEX_VERSION))

    def mark(self, key: str) -> str | None:
        """Return what `set_mark` kept under `key`; None if there is nothing."""
        with self.reading() as connection:
            query = select(catalog_meta.c.value).where(catalog_meta.c.key == key)
            return connection.execute(query).scalar()

    def set_mark(self, key: str, value: str) -> None:
        """Keep one value of the catalog as a whole, which goes where the index goes."""
        with self.writing() as connection:
            connection.execute(delete(catalog_meta).where(catalog_meta.c.key == key))
            connection.execute(insert(catalog_meta), {"key": key, "value": value})

    def _new_index_version(self) -> str:
        # An index that was moved aside or lost leaves its files behind.
        stored = next(self.store.iter_digests(), None)
        return str(INDEX_VERSION) if stored is None else "0"

    @contextmanager
    def _trouble_told(self) -> Iterator[None]:
        index = self.home / INDEX_NAME
        try:
            yield
        except OperationalError as fault:
            if "full" in str(fault.orig):
                raise MediaError(
                    f"The disk of {self.home} is full.",
                    "Free some space, then repeat the command; what was kept is safe.",
                ) from fault
            if "locked" in str(fault.orig):
                raise MediaError(
                    f"{index} is busy: another command has been writing for long.",
                    "Wait until it has ended, then repeat the command.",
                ) from fault
            raise MediaError(
                f"{index}: {fault.orig}",
                "Check the disk and the permissions of the home, then repeat the command.",
            ) from fault
        except IntegrityError as fault:
            raise MediaError(
                "The catalog changed meanwhile: instances that this command works with were "
                "forgotten.",
                "Give the command again if it is to go on without them.",
            ) from fault
        except (ProgrammingError, DataError, NotSupportedError):
            raise  # a fault of ours; the index is well
        except DatabaseError as fault:
            raise MediaError(
                f"{index} is damaged: {fault.orig}",
                "Move it aside and run `mediastation reindex`: the stored files hold everything.",
            ) from fault
