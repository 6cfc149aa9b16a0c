"""The database behind a survey: made, opened, asked, written to, all or nothing at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mediastation.errors import MediaError
from mediastation.importing.survey_rows import ADDED, SCHEMA, VERSION


class SurveyTable:
    """Rows and facts in one private file; what they mean is `mediastation.importing.survey`'s.

    Parameters
    ----------
    path : Path
        The file; made, private, where there is none.

    Raises
    ------
    MediaError
        If the disk refuses, or the file is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(SCHEMA)
            self._add_columns()
        except (sqlite3.Error, OSError) as fault:
            raise disk_trouble(path, fault) from fault
        if self.fact("version", VERSION) != VERSION:
            raise MediaError(f"{path} was written by another Mediastation.", "Import again.")
        self.set_facts({"version": VERSION})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def fact(self, key: str, default: str = "") -> str:
        """Return what is known of the whole medium under `key`."""
        row = self._one("SELECT value FROM facts WHERE key = ?", key)
        return str(row[0]) if row else default

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Remember facts of the whole medium."""
        self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def _add_columns(self) -> None:
        known = {row[1] for row in self._database.execute("PRAGMA table_info(files)")}
        for name, statement in ADDED.items():
            if name not in known:
                self._database.execute(statement)

    def _write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany(statement, rows)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as fault:
            raise disk_trouble(self.path, fault) from fault

    def _script(self, statements: str) -> None:
        try:
            self._database.executescript(statements)
        except sqlite3.Error as fault:
            raise disk_trouble(self.path, fault) from fault

    def _one(self, query: str, *words: Any) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._database.execute(query, words).fetchone()
        except sqlite3.Error as fault:
            raise disk_trouble(self.path, fault) from fault
        return row

    def _all(self, query: str, *words: Any) -> Iterator[tuple[Any, ...]]:
        try:
            with closing(self._database.execute(query, words)) as cursor:
                yield from cursor
        except sqlite3.Error as fault:
            raise disk_trouble(self.path, fault) from fault


def disk_trouble(path: Path, fault: Exception) -> MediaError:
    """Return what a database that fails comes to."""
    reason = str(fault).rstrip(".")
    return MediaError(
        f"{path}: {reason}.",
        "See to the disk of the home (room, permissions), and import again: it goes on there.",
    )
