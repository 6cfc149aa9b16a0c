"""A catalog, opened: the index and the store it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, CursorResult, Select, delete, insert, select

from mediastation.catalog.database import open_index, trouble_told
from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.catalog.schema import catalog_meta
from mediastation.catalog.store import InstanceStore
from mediastation.dicom.header import INDEX_VERSION


class Catalog:
    """An index and the store that it speaks of.

    Safe to share between threads; several processes may open one.

    Parameters
    ----------
    home : Path
        Folder of the store, the ledger and, without `database`, the index: the
        home of one station, or what several share. Created, private to its
        owner, if it does not exist.
    database : str, optional
        URL of a PostgreSQL database that holds the index.
    """

    def __init__(self, home: Path, database: str = "") -> None:
        self.home = home
        self.is_shared = bool(database)
        with disk_trouble_told(home.parent):
            make_private_folder(home)
            self.store = InstanceStore(home)
        self._index = open_index(home, database, self._new_index_version)
        self._engine = self._index.engine

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
        with trouble_told(self._index), self._index.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the write lock; commits at the end, or not at all."""
        with trouble_told(self._index), self._index.writing() as connection:
            yield connection

    def checkpoint(self) -> None:
        """Make every committed row survive a power cut."""
        with trouble_told(self._index):
            self._index.checkpoint()

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
def streamed(
    connection: Connection, query: Select[*tuple[Any, ...]], batch: int
) -> Iterator[CursorResult[*tuple[Any, ...]]]:
    """Give the rows of `query`, a batch at a time in memory; whoever reads them may leave off."""
    with connection.execute(query, execution_options={"yield_per": batch}) as rows:
        yield rows
