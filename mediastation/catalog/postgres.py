"""The index in PostgreSQL, which stations on several hosts share.

Writers take turns under one advisory lock, as SQLite has them do: whoever holds
it may look first and write then, and numbers of rows grow in the order in which
the rows can be seen. A connection may be lost together with that lock while its
process is at work on files. So the process holds a lock in the folder of the
store as well, until it knows how its transaction ended.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
)

from mediastation.catalog.durable import disk_trouble_told, write_text_durably
from mediastation.catalog.schema import catalog_meta, metadata
from mediastation.errors import ConfigError, MediaError

ID_NAME = "catalog.id"
"""In the folder of the store: names the database that speaks of it."""

LARGEST_SKEW_S = 15.0
"""Leases of jobs are told in each host's own time; two clocks may be apart by twice this."""

_DRIVER = "postgresql+psycopg"
_FENCE = "write.lock"
_ID_KEY = "catalog_id"
_LOCK = 0x4D65646961537461  # "MediaSta"
_BUSY_S = 30
_FENCE_EVERY_S = 0.02
_OLDEST = 14
_NETWORK = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "mediastation",
}
# The server, too, has to find out that a host is gone which held the lock.
_SESSION = (
    f"SET lock_timeout = '{_BUSY_S}s'; SET tcp_keepalives_idle = 30; "
    "SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    "SET client_min_messages = error"
)
_LOCK_TIMED_OUT, _DISK_FULL, _FORBIDDEN, _READ_ONLY = "55P03", "53100", "42501", "25006"


class PostgresIndex:
    """The index in a database of its own.

    Parameters
    ----------
    url : str
        ``postgresql+psycopg://…``, or ``postgresql://…`` for the same.
    folder : Path
        Holds the store that the index speaks of; every station has the same one.

    Raises
    ------
    ConfigError
        If the URL is none, or what it needs is not installed.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._url = _read_url(url)
        try:
            self.engine: Engine = create_engine(
                self._url,
                pool_pre_ping=True,
                use_native_hstore=False,
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                connect_args={
                    name: value for name, value in _NETWORK.items() if name not in self._url.query
                },
            )
        except (ImportError, NoSuchModuleError) as fault:
            raise ConfigError(
                "The driver for PostgreSQL is not installed.",
                "Install Mediastation with its extra [postgres].",
            ) from fault
        self._snapshots = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        event.listen(self.engine, "connect", _configure)

    def __str__(self) -> str:
        return "The catalog's database"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state throughout."""
        with self._snapshots.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the write lock; commits at the end, or not at all."""
        with ExitStack() as until_ended, self.engine.connect() as connection, connection.begin():
            # Each statement sees what was committed before it, so nothing is read too early.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            until_ended.enter_context(self._fence())
            yield connection

    def is_new(self, connection: Connection) -> bool:
        """Tell whether there is no index yet; `ConfigError` where none can be made."""
        self._require_fit(connection)
        inspector = inspect(connection)
        if inspector.has_table(catalog_meta.name):
            return False
        strange = sorted(set(inspector.get_table_names()) & set(metadata.tables))
        if strange:
            raise ConfigError(
                f"The database has a table {strange[0]!r} of something else.",
                "Make a database for Mediastation alone, and name it in the setting `database`.",
            )
        return True

    def settle_place(self, connection: Connection, *, is_new: bool) -> None:  # noqa: ARG002
        """Bind database and folder to each other; `ConfigError` where either has another.

        Rows that speak of files elsewhere would look like lost instances, and
        the ledger of one folder would be filled with the other's entries.
        """
        path = self._folder / ID_NAME
        with disk_trouble_told(self._folder):
            there = path.read_text(encoding="ascii").strip() if path.exists() else ""
            query = select(catalog_meta.c.value).where(catalog_meta.c.key == _ID_KEY)
            known = connection.execute(query).scalar()
            if known is None:
                known = there or str(uuid.uuid4())
                connection.execute(delete(catalog_meta).where(catalog_meta.c.key == _ID_KEY))
                connection.execute(insert(catalog_meta), {"key": _ID_KEY, "value": known})
                if not there:
                    write_text_durably(path, f"{known}\n", 0o600)
            elif known != there:
                raise ConfigError(
                    f"The database speaks of another store than that in {self._folder}.",
                    "Stations that share a database share its store: give each the same folder in "
                    f"the setting `store`, the one whose {ID_NAME} is {known}.",
                )

    def checkpoint(self) -> None:
        """Do nothing: what PostgreSQL has committed survives a power cut."""

    def trouble(self, fault: DatabaseError) -> MediaError | None:
        """Return what a fault means to whoever works with the index; None for one of ours."""
        code = getattr(fault.orig, "sqlstate", None)
        if code == _LOCK_TIMED_OUT:
            return _busy()
        if code == _DISK_FULL:
            return MediaError(
                "The disk of the catalog's database is full.",
                "Have its administrator free some space; what was kept is safe.",
            )
        if code == _FORBIDDEN:
            return MediaError(
                f"The catalog's database forbids it: {self._reason(fault)}",
                "Let the account that the setting `database` names own the database.",
            )
        if code == _READ_ONLY:
            return MediaError(
                "The catalog's database takes no writes just now; it may be a standby.",
                "Have its administrator look, then repeat the command.",
            )
        if not isinstance(fault, OperationalError) and not fault.connection_invalidated:
            return None
        return MediaError(
            f"The catalog's database cannot be reached: {self._reason(fault)}",
            "Check that the server runs and what the setting `database` says, then repeat the "
            "command; nothing was half done.",
        )

    def _reason(self, fault: DBAPIError) -> str:
        said = str(fault.orig).strip().partition("\n")[0]
        password = self._url.password
        return said.replace(str(password), "***") if password else said

    def _require_fit(self, connection: Connection) -> None:
        encoding, version, now = connection.exec_driver_sql(
            "SELECT current_setting('server_encoding'), current_setting('server_version_num'), "
            "extract(epoch from clock_timestamp())"
        ).one()
        if encoding != "UTF8":
            raise ConfigError(
                f"The catalog's database holds text in {encoding}; names need UTF8.",
                "Make it anew with ENCODING 'UTF8' TEMPLATE template0.",
            )
        if int(version) // 10_000 < _OLDEST:
            raise ConfigError(
                f"PostgreSQL {int(version) // 10_000} is too old.",
                f"It has to be {_OLDEST} or later.",
            )
        skew_s = time.time() - float(now)
        if abs(skew_s) > LARGEST_SKEW_S:
            raise ConfigError(
                f"The clock of this host is {abs(skew_s):.0f} s "
                f"{'ahead of' if skew_s > 0 else 'behind'} that of the catalog's database: jobs "
                "would be taken from workers that are alive.",
                "Set both clocks by NTP.",
            )

    @contextmanager
    def _fence(self) -> Iterator[None]:
        """Hold the lock in the folder: it is free, but where somebody lost the other one."""
        with disk_trouble_told(self._folder):
            descriptor = os.open(
                self._folder / _FENCE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)


def _read_url(text: str) -> URL:
    scheme = text.partition(":")[0]
    if scheme not in {_DRIVER, "postgresql", "postgres"}:
        # Not all of it is shown, here or elsewhere: it may hold a password.
        raise ConfigError(
            f"The setting `database` begins with {scheme[:20]!r}.",
            "It is a postgresql+psycopg:// URL, or empty for SQLite.",
        )
    try:
        return make_url(text).set(drivername=_DRIVER)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "The setting `database` is no URL.",
            "It has the form postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; in a password, "
            "write @ : / % as %40 %3A %2F %25.",
        ) from None


def _configure(connection: Any, _record: object) -> None:
    connection.autocommit = True
    connection.execute(_SESSION)
    connection.autocommit = False


def _lock(descriptor: int) -> None:
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise _busy() from None
            time.sleep(_FENCE_EVERY_S)
        else:
            return


def _busy() -> MediaError:
    return MediaError(
        "The catalog's database is busy: another command has been writing for long.",
        "Wait until it has ended, then repeat the command.",
    )
