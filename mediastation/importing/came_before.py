"""What came before on the same medium: a scratch index on disk, so that memory stays flat."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from mediastation.errors import MediaError
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE arrived (
  uid TEXT NOT NULL, data_sha256 TEXT NOT NULL, pixel_key TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE INDEX by_content ON arrived (uid, data_sha256);
CREATE INDEX by_pixels ON arrived (pixel_key) WHERE pixel_key != '';
CREATE TABLE people (
  study TEXT NOT NULL, identity TEXT NOT NULL, facts TEXT NOT NULL,
  PRIMARY KEY (study, identity)
) WITHOUT ROWID;
"""
_MOST = 8


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
        """Note an instance; its patient is one whom its study belongs to if `person_counts`."""
        facts = json.dumps(asdict(arrived))
        key = "" if arrived.pixel_key.startswith("=") else arrived.pixel_key
        self._ask(
            "INSERT INTO arrived VALUES (?, ?, ?, ?)",
            arrived.sop_instance_uid,
            arrived.data_sha256,
            key,
            facts,
        )
        if person_counts and arrived.study_instance_uid:
            self._ask(
                "INSERT OR IGNORE INTO people VALUES (?, ?, ?)",
                arrived.study_instance_uid,
                arrived.identity.key,
                facts,
            )

    def equal(self, uid: str, data_sha256: str) -> ArrivedFile | None:
        """Return the first instance with this UID and data set."""
        found = self._ask(
            "SELECT facts FROM arrived WHERE uid = ? AND data_sha256 = ? ORDER BY rowid LIMIT 1",
            uid,
            data_sha256,
        )
        return found[0] if found else None

    def with_uid(self, uid: str) -> list[ArrivedFile]:
        """Return the first instances with this UID, eight at most."""
        return self._ask(
            f"SELECT facts FROM arrived WHERE uid = ? ORDER BY rowid LIMIT {_MOST}",  # noqa: S608
            uid,
        )

    def with_pixels(self, key: str) -> list[ArrivedFile]:
        """Return the first instances with this pixel key, eight at most."""
        return self._ask(
            f"SELECT facts FROM arrived WHERE pixel_key = ? AND pixel_key != '' "  # noqa: S608
            f"ORDER BY rowid LIMIT {_MOST}",
            key,
        )

    def of_study(self, study: str) -> list[ArrivedFile]:
        """Return an instance of each identity that a study belongs to, eight at most."""
        return self._ask(
            f"SELECT facts FROM people WHERE study = ? LIMIT {_MOST}",  # noqa: S608
            study,
        )

    def _ask(self, statement: str, *words: str) -> list[ArrivedFile]:
        try:
            rows = self._database.execute(statement, words).fetchall()
        except sqlite3.Error as fault:
            raise _trouble(self._path, fault) from fault
        return [_arrived(facts) for (facts,) in rows]


def _arrived(facts: str) -> ArrivedFile:
    fields = json.loads(facts)
    return ArrivedFile(**{**fields, "identity": PatientIdentity(**fields["identity"])})


def _trouble(path: Path, fault: Exception) -> MediaError:
    return MediaError(
        f"{path}: {str(fault).rstrip('.')}.",
        "See to the disk of the home (room, permissions), and import again.",
    )
