"""PostgreSQL and Redis of this machine, started for a session of tests and ended with it."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.support.peers import peer

if TYPE_CHECKING:
    from mediastation.catalog.catalog import Catalog

PASSWORD = "wort: @/geheim"  # noqa: S105 - of a server that lives for a test  # noqa: S105
"""Of the databases' owner. What it needs to be written in a URL, and in no message."""

_ACCOUNT = "postgres"


@dataclass
class PostgresServer:
    """A server on a socket of its own."""

    folder: Path
    process: _Running | None = None

    def url(self, database: str) -> str:
        """Return what the settings `database` and `queue` take."""
        where = quote(str(self.folder), safe="")
        return f"postgresql://{_ACCOUNT}:{quote(PASSWORD, safe='')}@/{database}?host={where}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        self._say(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = url.rpartition("@/")[2].partition("?")[0]
        self._say(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _say(self, statement: str) -> None:
        import psycopg  # noqa: PLC0415 - most tests need no server

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self, *words: str) -> None:
        """Run the server; it is ready when this returns."""
        self.process = _Running(
            "ready to accept connections",
            _program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder),
            "-c", "listen_addresses=", "-c", "max_connections=200", *words,
        )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server with every connection; SIGQUIT is nearest to a power cut."""
        if self.process is not None:
            self.process.end(how)
            self.process = None


@contextmanager
def postgres_server(*words: str) -> Iterator[PostgresServer]:
    """Make and run a server; `words` go to its command line.

    It sorts by a locale: what has to be sorted by code points must say so.
    """
    # Its account cannot enter pytest's folder, and the path of a socket has 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ms-pg-") as name:
        folder = Path(name)
        (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
        if os.geteuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            for path in (folder, folder / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        subprocess.run(
            [*_as_account(), _program("initdb"), "-D", str(folder / "data"), "-U", _ACCOUNT,
             "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US",
             "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"],
            check=True, capture_output=True, cwd="/", timeout=120,
        )  # fmt: skip
        server = PostgresServer(folder)
        server.start(*words)
        try:
            yield server
        finally:
            server.stop()


@dataclass
class RedisServer:
    """A server on a socket of its own; what it holds is gone when it stops."""

    folder: Path
    process: _Running | None = None

    @property
    def url(self) -> str:
        """What the setting `queue` takes."""
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> None:
        """Run the server; it is ready when this returns."""
        self.process = _Running(
            "ready to accept connections",
            peer("redis-server"), "--port", "0", "--unixsocket", str(self.folder / "redis.sock"),
            "--dir", str(self.folder), "--save", "", "--appendonly", "no",
        )  # fmt: skip

    def stop(self) -> None:
        """End the server with every connection."""
        if self.process is not None:
            self.process.end(signal.SIGTERM)
            self.process = None


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a Redis."""
    with tempfile.TemporaryDirectory(prefix="ms-redis-") as name:
        server = RedisServer(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the session; it need not survive a power cut."""
    with postgres_server("-c", "fsync=off") as server:
        yield server


@pytest.fixture
def shared_database(postgres: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis for the session."""
    with redis_server() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """What the setting `database` names: SQLite in the home, then an empty PostgreSQL database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("shared_database"))


@pytest.fixture
def catalog(tmp_path: Path, database: str) -> Iterator[Catalog]:
    """An empty catalog on either database."""
    from mediastation.catalog.catalog import Catalog  # noqa: PLC0415

    with Catalog(tmp_path / "home", database) as opened:
        yield opened


def configure(home: Path, **settings: str) -> Path:
    """Write the settings of `home`, which is made, and return it."""
    home.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = '{value}'\n" for name, value in settings.items() if value]
    (home / "config.toml").write_text("".join(lines), encoding="utf-8")
    return home


def open_catalog(home: Path) -> Catalog:
    """Open the catalog of `home` where its settings say that it is."""
    from mediastation.catalog.catalog import Catalog  # noqa: PLC0415
    from mediastation.config import load_settings  # noqa: PLC0415

    return Catalog(home, load_settings(home).database)


def _program(name: str) -> str:
    """Return a program of PostgreSQL: Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    return str(found[-1]) if found else peer(name)


def _version(path: Path) -> float:
    return float(path.parts[-3])


def _as_account() -> list[str]:
    """Return what runs a program as PostgreSQL's account: as root it refuses to."""
    if os.geteuid() != 0:
        return []
    return [peer("setpriv"), f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups"]


class _Running:
    """A server's process; whatever it says after it was ready is read and dropped."""

    def __init__(self, ready: str, program: str, *words: str) -> None:
        account = _as_account() if Path(program).name == "postgres" else []
        # Should the tests be killed, the server goes with them.
        with_us = [peer("setpriv"), "--pdeathsig=QUIT"]
        self._process = subprocess.Popen(
            [*account, *with_us, program, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
        )
        assert self._process.stdout is not None
        told = []
        for line in self._process.stdout:
            told.append(line)
            if ready in line.lower():
                break
        else:
            raise AssertionError(f"{program} ended: {''.join(told)}")
        # A full pipe would stop it.
        self._reader = threading.Thread(target=self._process.stdout.read)
        self._reader.start()

    def end(self, how: signal.Signals) -> None:
        """End it, and wait until it has ended."""
        self._process.send_signal(how)
        self._process.wait(60)
        self._reader.join(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
