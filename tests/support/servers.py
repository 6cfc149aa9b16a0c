"""PostgreSQL and Redis of this machine, started for a session of tests and ended with it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.config import load_settings
from tests.support.peers import peer

PASSWORD = "wort: @/geheim"  # noqa: S105 - of a server that lives for a test  # noqa: S105
"""Of the databases' owner. What it needs to be written in a URL, and in no message."""

_ACCOUNT = "postgres"


@dataclass
class PostgresServer:
    """A server on a socket of its own."""

    folder: Path
    process: subprocess.Popen[str] | None = None

    def url(self, database: str) -> str:
        """Return what the settings `database` and `queue` take."""
        where = quote(str(self.folder), safe="")
        return f"postgresql://{_ACCOUNT}:{quote(PASSWORD, safe='')}@/{database}?host={where}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = url.rpartition("@/")[2].partition("?")[0]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def start(self, *words: str) -> None:
        """Run the server; it is ready when this returns."""
        self.process = _run_until(
            "ready to accept connections",
            _program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder),
            "-c", "listen_addresses=", "-c", "max_connections=200", *words,
        )  # fmt: skip

    def stop(self) -> None:
        """End the server as a power cut would; what was committed is there when it starts."""
        if self.process is not None:
            self.process.send_signal(subprocess.signal.SIGQUIT)  # type: ignore[attr-defined]
            self.process.wait(60)
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


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis that keeps nothing on disk; give its URL."""
    with tempfile.TemporaryDirectory(prefix="ms-redis-") as name:
        socket = Path(name) / "redis.sock"
        process = _run_until(
            "ready to accept connections",
            peer("redis-server"), "--port", "0", "--unixsocket", str(socket), "--dir", name,
            "--save", "", "--appendonly", "no",
        )  # fmt: skip
        try:
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the session; it need not survive a power cut."""
    with postgres_server("-c", "fsync=off") as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis for the session."""
    with redis_server() as url:
        yield url


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database, as the setting `database` names it; parametrise with ENGINES."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop_database(url)


ENGINES = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
"""Has the tests run on either database; they take `database`, or what is made of it."""


def configure(home: Path, **settings: str) -> Path:
    """Write the settings of `home`, which is made, and return it."""
    home.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = '{value}'\n" for name, value in settings.items() if value]
    (home / "config.toml").write_text("".join(lines), encoding="utf-8")
    return home


def open_catalog(home: Path) -> Catalog:
    """Open the catalog of `home` where its settings say that it is."""
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


def _run_until(ready: str, program: str, *words: str) -> subprocess.Popen[str]:
    account = _as_account() if Path(program).name == "postgres" else []
    # Should the tests be killed, the server goes with them.
    with_us = [shutil.which("setpriv") or "", "--pdeathsig=QUIT"]
    process = subprocess.Popen(
        [*account, *(with_us if with_us[0] else []), program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
    )
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if ready in line.lower():
            # Whatever it says afterwards would fill the pipe and stop it.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process
    raise AssertionError(f"{program} ended: {''.join(told)}")
