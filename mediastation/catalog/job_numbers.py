"""The numbers of jobs: none is given twice, also where an index was lost with its jobs.

The ledger names jobs by their numbers, and what a job made lies in a folder of
its number: both outlive the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text

from mediastation.catalog.ledger_file import LedgerFile
from mediastation.catalog.schema import jobs

JOBS_FOLDER = "jobs"
"""In the folder of the store: has a folder for each job that left something."""

_MOST_DIGITS = 15
_IN_LEDGER = re.compile(rf'(?<!\\)"job":(\d{{1,{_MOST_DIGITS}}})\b')


def insert_job(connection: Connection, home: Path, values: Mapping[str, Any]) -> int:
    """Insert a job and return its number.

    Parameters
    ----------
    connection : Connection
        That can write.
    home : Path
        Of the store: of what lies there, the first job of a new index takes no number.
    values : mapping of str to object
        Its row, without a number.
    """
    row = dict(values)
    if connection.execute(select(jobs.c.id).limit(1)).first() is None:
        highest = max(_told_of(home), default=0)
        if highest:
            row["id"] = highest + 1
        if highest and connection.dialect.name == "postgresql":
            name = "pg_get_serial_sequence('jobs', 'id')"
            connection.execute(text(f"SELECT setval({name}, :last)"), {"last": highest + 1})
    return int(connection.execute(insert(jobs).returning(jobs.c.id), row).scalar_one())


def _told_of(home: Path) -> Iterator[int]:
    """Yield the numbers of jobs that something outside the index tells of."""
    folder = home / JOBS_FOLDER
    if folder.is_dir():
        for path in folder.iterdir():
            name = path.name
            if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS:
                yield int(name)
    ledger = LedgerFile(home)
    for line in ledger.lines(ledger.size()):
        yield from map(int, _IN_LEDGER.findall(line or ""))
