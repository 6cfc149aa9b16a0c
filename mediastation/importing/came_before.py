"""What came before on the same medium: a scratch index on disk, so that memory stays flat."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from mediastation.errors import MediaError
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile

_FIELDS = (
    "path", "size_bytes", "sha256", "data_sha256", "pixel_key", "sop_class_uid",
    "sop_instance_uid", "transfer_syntax_uid", "study_instance_uid", "series_instance_uid",
)  # fmt: skip
_COLUMNS = f"{', '.join(_FIELDS)}, identity"
_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE arrived ({", ".join(f"{name} NOT NULL" for name in (*_FIELDS, "identity"))});
CREATE INDEX by_uid ON arrived (sop_instance_uid, data_sha256) WHERE sop_instance_uid != '';
CREATE INDEX by_pixels ON arrived (pixel_key) WHERE pixel_key != '';
CREATE TABLE people (
  study NOT NULL, identity NOT NULL, arrived INTEGER NOT NULL, PRIMARY KEY (study, identity)
) WITHOUT ROWID;
BEGIN;
"""
_INSERT = f"INSERT INTO arrived ({_COLUMNS}) VALUES ({', '.join('?' * (len(_FIELDS) + 1))})"  # noqa: S608
_SELECT = f"SELECT {_COLUMNS} FROM arrived"  # noqa: S608 - names of our own
MOST_TOLD = 8
"""Instances that one question is answered with."""


class CameBefore:
    """The instances of one medium that were looked at so far, found by what they are.

    Parameters
    ----------
    path : Path
        A file of its own, made anew and removed again: it is worth nothing
        after a crash.

    Raises
    ------
    MediaError
        If the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as fault:
            raise _trouble(path, fault) from fault

    def __enter__(self) -> CameBefore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def add(self, arrived: ArrivedFile, *, person_counts: bool) -> None:
        """Note an instance; its study belongs to its patient too if `person_counts`."""
        who = _key(arrived.identity)
        try:
            row = self._database.execute(
                _INSERT, (*(getattr(arrived, name) for name in _FIELDS), who)
            ).lastrowid
            if person_counts and arrived.study_instance_uid:
                self._database.execute(
                    "INSERT OR IGNORE INTO people VALUES (?, ?, ?)",
                    (arrived.study_instance_uid, who, row),
                )
        except sqlite3.Error as fault:
            raise _trouble(self._path, fault) from fault

    def equal(self, uid: str, data_sha256: str) -> ArrivedFile | None:
        """Return the first instance with this UID and data set."""
        found = self._ask(
            f"{_SELECT} WHERE sop_instance_uid = ? AND sop_instance_uid != '' "
            "AND data_sha256 = ? ORDER BY rowid LIMIT 1",
            uid,
            data_sha256,
        )
        return found[0] if found else None

    def with_uid(self, uid: str) -> list[ArrivedFile]:
        """Return the first instances with this UID, `MOST_TOLD` at most; none for no UID."""
        return self._ask(
            f"{_SELECT} WHERE sop_instance_uid = ? AND sop_instance_uid != '' "
            f"ORDER BY rowid LIMIT {MOST_TOLD}",
            uid,
        )

    def with_pixels(self, key: str) -> list[ArrivedFile]:
        """Return the first instances with this pixel key, `MOST_TOLD` at most; none for no key."""
        return self._ask(
            f"{_SELECT} WHERE pixel_key = ? AND pixel_key != '' ORDER BY rowid LIMIT {MOST_TOLD}",
            key,
        )

    def of_study(self, study: str) -> list[ArrivedFile]:
        """Return an instance of each patient that a study belongs to, `MOST_TOLD` at most."""
        return self._ask(
            f"{_SELECT} WHERE rowid IN (SELECT arrived FROM people WHERE study = ?) "  # noqa: S608
            f"ORDER BY rowid LIMIT {MOST_TOLD}",
            study,
        )

    def _ask(self, statement: str, *words: str) -> list[ArrivedFile]:
        try:
            rows = self._database.execute(statement, words).fetchall()
        except sqlite3.Error as fault:
            raise _trouble(self._path, fault) from fault
        return [_arrived(row) for row in rows]


@lru_cache(maxsize=1024)
def _key(identity: PatientIdentity) -> str:
    return identity.key


def _arrived(row: Sequence[Any]) -> ArrivedFile:
    *facts, identity = row
    named = dict(zip(_FIELDS, facts, strict=True))
    return ArrivedFile(**named, identity=PatientIdentity(*json.loads(identity)))


def _trouble(path: Path, fault: Exception) -> MediaError:
    return MediaError(
        f"{path}: {str(fault).rstrip('.')}.",
        "See to the disk of the home (room, permissions), and import again.",
    )
