"""Ledgers for tests, and ways to spoil one behind the program's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.ledger import Ledger
from mediastation.catalog.ledger_check import LedgerReport, verify_ledger
from mediastation.model.ledger import LedgerEntry, LedgerEvent

TRIGGERS = ("update", "delete", "insert")


def draft(number: int = 0, name: str = "Müller^Änne") -> LedgerEntry:
    """An entry to be appended; `number` tells it from others."""
    facts = {"medium": {"path": f"/out/{number}.iso"}, "patients": [{"name": name}]}
    station = {"aet": "MEDIASTATION", "host": "station"}
    return LedgerEntry(
        0, "2026-11-23T09:30:00+00:00", LedgerEvent.MADE, "operator", number, station, facts
    )


def fill(home: Path, entries: int, database: str = "") -> None:
    """Append `entries` to the ledger of `home`."""
    with Catalog(home, database) as catalog:
        for number in range(entries):
            Ledger(catalog).append(draft(number))


def report_of(home: Path, database: str = "") -> LedgerReport:
    """Verify the ledger of `home` in a catalog opened anew."""
    with Catalog(home, database) as catalog:
        return verify_ledger(Ledger(catalog))


@contextmanager
def unguarded(home: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody who may change the schema, and puts it back."""
    with closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
        kept = [
            row[0]
            for row in connection.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")
        ]
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER ledger_guards_{name}")
        yield connection
        for statement in kept:
            connection.execute(statement)
        connection.commit()


def lines_of(home: Path) -> list[bytes]:
    """The lines of the file, with their ends."""
    return (home / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def write_lines(home: Path, lines: list[bytes]) -> None:
    """Write the file anew."""
    (home / "ledger.jsonl").write_bytes(b"".join(lines))
