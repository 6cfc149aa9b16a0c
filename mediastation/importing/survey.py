"""What lies on an outside medium: one row a file, in a database of the import job's own.

Memory does not grow with the medium, a killed job goes on where it was, and
whoever shows the import reads the same rows. The file is private to the job,
holds patients' data, and goes with the job's folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mediastation.catalog.packing import unpack_header
from mediastation.importing.look import FileKind
from mediastation.importing.survey_rows import (
    ARRIVED,
    IDENTITY,
    INDEXES,
    INSERT,
    SHOWN,
    Course,
    Fate,
    Row,
    SurveyedInstance,
    arrived_file,
    opened_envelope,
    packed_finding,
    read_finding,
)
from mediastation.importing.survey_table import SurveyTable
from mediastation.model.finding import Finding
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile, OpenedEnvelope, Standing
from mediastation.reading.contract import VolumeFile

_PAGE = 500
_AGAIN = "again"
"""Action of what was to be taken in when an earlier attempt was stopped."""


class Survey(SurveyTable):
    """The rows of one medium. One thread uses it at a time; others open their own."""

    def add(self, rows: Iterable[Row]) -> None:
        """Enter files, as `survey_row` returns them, all or none."""
        self._write(INSERT, rows)

    def complete(self) -> None:
        """Have what comes after the scan find its rows quickly."""
        self._script(INDEXES)

    def drop(self, positions: Iterable[int]) -> None:
        """Forget files, because they are not what they were."""
        self._write("DELETE FROM files WHERE position = ?", ((one,) for one in positions))

    def drop_unread(self) -> None:
        """Forget what could not be read: next time the disc may be cleaner, or the key there."""
        kinds = (FileKind.UNREADABLE, FileKind.SEALED)
        self._write("DELETE FROM files WHERE kind = ?", ((kind.value,) for kind in kinds))

    def refuse_damaged(self, paths: Iterable[str]) -> None:
        """Take files that lost bytes for unreadable: zeros in their place would pass for pixels.

        A directory is read as far as it goes, and what begins as something else
        is no instance whatever it lost.
        """
        self._write(
            "UPDATE files SET kind = 'unreadable' WHERE path = ? AND (kind = 'instance' "
            "OR kind = 'other' AND TRIM(HEX(SUBSTR(front, 1, 2048)), '0') = '')",
            ((path,) for path in paths),
        )

    def known(self) -> Iterator[tuple[int, str, int, int]]:
        """Yield position, path, listed size and time of change of what was looked at."""
        yield from self._all(
            "SELECT position, path, listed_bytes, changed_at FROM files ORDER BY position"
        )

    def count(self, *kinds: FileKind, fate: str | None = None) -> int:
        """Count files of some kinds; of all kinds where none is named."""
        where, words = _of_kinds(kinds)
        if fate is not None:
            where, words = f"{where} AND fate = ?", [*words, fate]
        row = self._one(f"SELECT COUNT(*) FROM files WHERE {where}", *words)  # noqa: S608
        return int(row[0]) if row else 0

    def size_bytes(self, *kinds: FileKind) -> int:
        """Return how many bytes files of some kinds have."""
        where, words = _of_kinds(kinds)
        row = self._one(f"SELECT COALESCE(SUM(size_bytes), 0) FROM files WHERE {where}", *words)  # noqa: S608
        return int(row[0]) if row else 0

    def due_bytes(self, *actions: str) -> int:
        """Return how many bytes the instances have that something is still to be done with."""
        marks = ", ".join("?" * len(actions))
        row = self._one(
            "SELECT COALESCE(SUM(size_bytes), 0) FROM files WHERE kind = 'instance' "  # noqa: S608
            f"AND fate = '' AND action IN ({marks})",
            *actions,
        )
        return int(row[0]) if row else 0

    # What the doctor asks (`mediastation.importing.doctor.InstanceLookup`).

    def by_path(self, path: str) -> ArrivedFile | None:
        """Return the instance at `path`."""
        row = self._one(
            f"SELECT {ARRIVED} FROM files WHERE path = ? AND kind = 'instance'",  # noqa: S608
            path,
        )
        return arrived_file(row) if row else None

    def by_uid(self, sop_instance_uid: str, limit: int = 8) -> Sequence[ArrivedFile]:
        """Return the instances with this UID, `limit` at most."""
        rows = self._all(
            f"SELECT {ARRIVED} FROM files WHERE sop_instance_uid = ? AND kind = 'instance' "  # noqa: S608
            "ORDER BY position LIMIT ?",
            sop_instance_uid,
            limit,
        )
        return [arrived_file(row) for row in rows]

    def __iter__(self) -> Iterator[ArrivedFile]:
        """Yield the instances in the order of the medium; rows may be written meanwhile."""
        query = (
            f"SELECT {ARRIVED}, position FROM files WHERE kind = 'instance' "  # noqa: S608
            "AND position > ? ORDER BY position LIMIT ?"
        )
        last = -1
        while rows := list(self._all(query, last, _PAGE)):
            for row in rows:
                yield arrived_file(row[:-1])
            last = rows[-1][-1]

    def __len__(self) -> int:
        return self.count(FileKind.INSTANCE)

    # What the import does with them.

    @property
    def is_judged(self) -> bool:
        """Whether it is known of each instance what is to be done with it."""
        query = "SELECT 1 FROM files WHERE kind = 'instance' AND action IN ('', ?) LIMIT 1"
        return self._one(query, _AGAIN) is None

    def set_courses(self, courses: Iterable[Course]) -> None:
        """Note what is to be done with instances: before anything is done with any of them.

        With what it was done before, that stays as it was decided then. What was to be taken
        in, and is here now, is taken all the same: the attempt that was killed may have had it
        in the catalog before it could say so, and then it came with this medium.
        """
        rows = (
            (
                one.standing.value,
                one.action,
                _AGAIN,
                one.action,
                one.other,
                one.other_path,
                one.subject,
                json.dumps(packed_finding(one.told)) if one.told is not None else "",
                one.path,
            )
            for one in courses
        )
        self._write(
            "UPDATE files SET standing = ?, "
            "action = CASE WHEN ? = 'duplicate' AND action = ? THEN 'take' ELSE ? END, "
            "other = ?, other_path = ?, subject = ?, told = ? WHERE path = ? AND fate = ''",
            rows,
        )

    def told(self) -> Iterator[Finding]:
        """Yield what was said of how instances stand, in order."""
        for (told,) in self._all("SELECT told FROM files WHERE told != '' ORDER BY position"):
            yield read_finding(json.loads(told))

    def judge_anew(self) -> None:
        """Forget what is to be done with instances that nothing was done with yet.

        Duplicates and what is held among them: their counterpart may have gone meanwhile, or
        somebody may have decided, and holding it again changes nothing.
        """
        self._write(
            "UPDATE files SET action = CASE WHEN action IN ('take', ?) THEN ? ELSE '' END, "
            "told = '', fate = '', entry = 0 WHERE fate != 'kept'",
            [(_AGAIN, _AGAIN)],
        )

    def kept_entries(self) -> Iterator[tuple[int, int, str]]:
        """Yield position, entry and SOP Instance UID of what was kept, in order."""
        yield from self._all(
            "SELECT position, entry, sop_instance_uid FROM files WHERE fate = 'kept' "
            "ORDER BY position"
        )

    def samples(self, number: int) -> list[tuple[str, str]]:
        """Return path and SHA-256 of the smallest instances that were looked at."""
        rows = self._all(
            "SELECT path, sha256 FROM files WHERE kind = 'instance' AND sha256 != '' "
            "ORDER BY size_bytes, position LIMIT ?",
            number,
        )
        return [(path, sha256) for path, sha256 in rows]

    def standings_in_words(self) -> str:
        """Return how many instances stand in which way."""
        rows = self._all(
            "SELECT standing, COUNT(*) FROM files WHERE kind = 'instance' "
            "GROUP BY standing ORDER BY COUNT(*) DESC, standing"
        )
        return ", ".join(f"{number:,} {standing}" for standing, number in rows)

    def settle_duplicates(self) -> None:
        """Note that duplicates are the entries that they repeat; nothing is done with them."""
        self._write(
            "UPDATE files SET fate = 'duplicate', entry = other "
            "WHERE action = ? AND kind = 'instance' AND fate = ''",
            [("duplicate",)],
        )

    def set_fates(self, fates: Iterable[Fate]) -> None:
        """Note what became of files."""
        rows = ((one.fate, one.entry, one.position) for one in fates)
        self._write("UPDATE files SET fate = ?, entry = ? WHERE position = ?", rows)

    def due(self, action: str) -> Iterator[SurveyedInstance]:
        """Yield the instances that `action` is still to be done with, in order."""
        query = (
            "SELECT position, path, size_bytes, sha256, data_sha256, pixel_key, armed, standing, "
            "other, other_path, subject, envelope, header, sop_class_uid, sop_instance_uid, "
            "transfer_syntax_uid "
            "FROM files WHERE kind = 'instance' AND fate = '' AND action = ? "
            "AND position > ? ORDER BY position LIMIT ?"
        )
        last = -1
        while rows := list(self._all(query, action, last, _PAGE)):
            for row in rows:
                header = unpack_header(row[12], *row[13:])
                yield SurveyedInstance(
                    position=row[0],
                    path=row[1],
                    size_bytes=row[2],
                    sha256=row[3],
                    data_sha256=row[4],
                    pixel_key=row[5],
                    armed=bool(row[6]),
                    standing=Standing(row[7]),
                    other=row[8],
                    other_path=row[9],
                    subject=row[10],
                    header=header,
                    was_sealed=bool(row[11]),
                )
            last = rows[-1][0]

    def entries(self) -> Iterator[int]:
        """Yield the catalog's entries that the medium's instances are now, each once."""
        for row in self._all("SELECT DISTINCT entry FROM files WHERE entry > 0"):
            yield int(row[0])

    def entry_at(self, path: str) -> int:
        """Return the entry that the instance at `path` became; 0 if it became none."""
        row = self._one("SELECT entry FROM files WHERE path = ?", path)
        return int(row[0]) if row else 0

    def has_kept(self, entry: int) -> bool:
        """Tell whether an instance of the medium was kept as `entry`."""
        query = "SELECT 1 FROM files WHERE entry = ? AND fate = 'kept' LIMIT 1"
        return self._one(query, entry) is not None

    def kinds(self) -> Iterator[tuple[str, FileKind, int, bytes]]:
        """Yield path, kind, size and first bytes of what is no instance, in order."""
        for path, kind, size, front in self._all(
            "SELECT path, kind, size_bytes, front FROM files WHERE kind != 'instance' "
            "ORDER BY position"
        ):
            yield path, FileKind(kind), size, front

    def folders(self) -> set[str]:
        """Return the first components of paths below which instances lie."""
        rows = self._all(
            "SELECT DISTINCT substr(path, 1, instr(path, '/') - 1) FROM files "
            "WHERE kind = 'instance' AND instr(path, '/') > 0 LIMIT 10000"
        )
        return {row[0] for row in rows}

    def directories(self) -> list[str]:
        """Return the paths of what is a DICOMDIR by its content, a thousand at most."""
        rows = self._all(
            "SELECT path FROM files WHERE kind = 'directory' ORDER BY position LIMIT 1000"
        )
        return [row[0] for row in rows]

    def findings(self) -> Iterator[Finding]:
        """Yield what was found in single files, in order."""
        for (told,) in self._all(
            "SELECT findings FROM files WHERE findings != '[]' ORDER BY position"
        ):
            yield from map(read_finding, json.loads(told))

    def example(self, kind: FileKind) -> str:
        """Return the path of the first file of a kind; empty if there is none."""
        row = self._one(
            "SELECT path FROM files WHERE kind = ? ORDER BY position LIMIT 1", kind.value
        )
        return str(row[0]) if row else ""

    def sealed_files(self) -> tuple[VolumeFile, ...]:
        """Return the first envelopes, opened or not, as the medium lists them."""
        rows = self._all(
            "SELECT path, listed_bytes FROM files WHERE kind = 'sealed' OR envelope != '' "
            "ORDER BY position LIMIT 256"
        )
        return tuple(VolumeFile(path, size_bytes) for path, size_bytes in rows)

    def envelopes(self) -> list[tuple[OpenedEnvelope, int, str]]:
        """Return how files came out of envelopes: how many, and the first, the most frequent first.

        A thousand ways at most: a hostile medium has another signer for every file.
        """
        rows = self._all(
            "SELECT envelope, COUNT(*), path, MIN(position) FROM files WHERE envelope != '' "
            "GROUP BY envelope ORDER BY COUNT(*) DESC, MIN(position) LIMIT 1000"
        )
        return [(opened_envelope(packed), number, path) for packed, number, path, _ in rows]

    def count_opened(self, *kinds: FileKind) -> int:
        """Count files of some kinds, or of all, that came out of envelopes."""
        where, words = _of_kinds(kinds)
        row = self._one(f"SELECT COUNT(*) FROM files WHERE envelope != '' AND {where}", *words)  # noqa: S608
        return int(row[0]) if row else 0

    def first_plain(self) -> str:
        """Return the path of the first DICOM file that came in no envelope; empty for none."""
        row = self._one(
            "SELECT path FROM files WHERE envelope = '' AND kind IN ('instance', 'directory') "
            "ORDER BY position LIMIT 1"
        )
        return str(row[0]) if row else ""

    def identities(self) -> list[tuple[PatientIdentity, int]]:
        """Return the identities on the medium with their instances, the most frequent first."""
        query = (
            f"SELECT {', '.join(IDENTITY)}, COUNT(*) FROM files WHERE kind = 'instance' "  # noqa: S608
            f"GROUP BY {', '.join(IDENTITY)} ORDER BY COUNT(*) DESC, patient_id, patient_name "
            "LIMIT 10000"
        )
        return [(PatientIdentity(*row[:5]), row[5]) for row in self._all(query)]

    def listing_sha256(self) -> str:
        """Return the SHA-256 of a line ``SHA-256 path`` for each instance, sorted by path."""
        digest = hashlib.sha256()
        for sha256, path in self._all(
            "SELECT sha256, path FROM files WHERE kind = 'instance' ORDER BY path"
        ):
            digest.update(f"{sha256} {path}\n".encode())
        return digest.hexdigest()

    def kept_sha256(self) -> str:
        """Return the SHA-256 of the digests of the files that were kept, sorted, a line each."""
        digest = hashlib.sha256()
        for (sha256,) in self._all("SELECT sha256 FROM files WHERE fate = 'kept' ORDER BY sha256"):
            digest.update(f"{sha256}\n".encode())
        return digest.hexdigest()

    def classes(self) -> Iterator[dict[str, Any]]:
        """Yield how many instances of each class each study of each identity has, by fate."""
        names = (*IDENTITY, "study_instance_uid", "fate", "sop_class_uid")
        query = (
            f"SELECT {', '.join(names)}, MAX(study_description), COUNT(*) FROM files "  # noqa: S608
            f"WHERE kind = 'instance' GROUP BY {', '.join(names)} ORDER BY MIN(position)"
        )
        keys = (*names, "study_description", "instances")
        for row in self._all(query):
            yield dict(zip(keys, row, strict=True))

    def institution(self) -> str:
        """Return the Institution Name that most instances have; empty if none has any."""
        row = self._one(
            "SELECT institution FROM files WHERE kind = 'instance' AND institution != '' "
            "GROUP BY institution ORDER BY COUNT(*) DESC, institution LIMIT 1"
        )
        return str(row[0]) if row else ""

    def series(self) -> Iterator[dict[str, Any]]:
        """Yield one row for each series of each identity: who, which study, what, how many."""
        names = (*IDENTITY, "study_instance_uid", "series_instance_uid")
        shown = (*SHOWN,)
        cursor = self._all(
            f"SELECT {', '.join(names)}, {', '.join(f'MAX({one})' for one in shown)}, "  # noqa: S608
            "COUNT(*), SUM(size_bytes), SUM(fate = 'kept'), SUM(fate = 'duplicate'), "
            "SUM(fate = 'held') FROM files WHERE kind = 'instance' "
            f"GROUP BY {', '.join(names)} ORDER BY MIN(position)"
        )
        keys = (*names, *shown, "instances", "size_bytes", "kept", "duplicates", "held")
        for row in cursor:
            yield dict(zip(keys, row, strict=True))

    def shrink(self) -> None:
        """Drop what only the import itself needed."""
        self._script("UPDATE files SET header = x'', front = x''; VACUUM")


def _of_kinds(kinds: Sequence[FileKind]) -> tuple[str, list[str]]:
    if not kinds:
        return "1", []
    return f"kind IN ({', '.join('?' * len(kinds))})", [kind.value for kind in kinds]
