"""Where arriving instances are kept apart that must not come in unseen.

A held file lies as ``quarantine/SHA-256.held`` in the home, readable by its
owner and under a name that nothing opens; why it is there, and what was
decided, stands in ``SHA-256.json`` beside it. The words are written before the
file comes, and the words of a file that was let go stay: whatever ends the
process, a held file is never without them, and a decision is never forgotten.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from mediastation.catalog.durable import (
    disk_trouble_told,
    make_private_folder,
    sync_file,
    sync_folder,
    write_text_durably,
)
from mediastation.errors import ConfigError, MediaError, RefusedError
from mediastation.media.left_over import part_path
from mediastation.model.file_meta import PREAMBLE_BYTES, PREFIX
from mediastation.model.importing import Verdict

FOLDER = "quarantine"

MAX_RECORD_BYTES = 1 << 20
"""A longer record is none of ours: the longest part of one is a path."""

SHORTEST_PREFIX = 4

_DIGEST = re.compile(r"[0-9a-f]{64}")
_HELD = re.compile(r"([0-9a-f]{64})\.held")
_KNOWN = re.compile(r"([0-9a-f]{64})\.(?:held|json)")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class QuarantinedFile:
    """A file that is held, and what was decided about it.

    Parameters
    ----------
    sha256 : str
        Digest of the file; its name here.
    job : int
        The import that held it; 0 where the record was lost.
    medium : str
        The medium that it lay on, as a person calls it.
    path : str
        Where on the medium.
    rule : str
        Rule of the finding that says why; ``record-lost`` if nobody knows.
    held_at : str
        When, as ISO 8601.
    sop_instance_uid : str
        Of the instance; empty if it has none.
    other : int
        The catalog's number of the entry that it contradicts; 0 if none.
    origin, subject : str
        What a decision about it is remembered under (`OutsideMedium.origin`,
        `mediastation.importing.comparison.subject_of`); empty where nothing is.
    verdict : Verdict, optional
        None while it waits.
    decided_by, decided_at : str
        Who, and when as ISO 8601; empty while it waits.
    met_again : tuple of int
        Later imports that brought the same file while it was held.
    """

    sha256: str
    job: int
    medium: str
    path: str
    rule: str
    held_at: str
    sop_instance_uid: str = ""
    other: int = 0
    origin: str = ""
    subject: str = ""
    verdict: Verdict | None = None
    decided_by: str = ""
    decided_at: str = ""
    met_again: tuple[int, ...] = ()

    @property
    def imports(self) -> tuple[int, ...]:
        """The imports that brought it."""
        return (self.job, *self.met_again)

    def to_json(self) -> str:
        """Return the record as it lies beside the file."""
        return json.dumps({"version": 1, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> QuarantinedFile:
        """Read what `to_json` wrote; `ValueError` for anything else."""
        try:
            data = json.loads(text)
            if data.pop("version") != 1:
                raise ValueError("the record has another version")
            verdict = data.pop("verdict")
            met = data.pop("met_again", [])
            if not isinstance(met, list) or any(type(one) is not int for one in met):
                raise ValueError("no record of a held file: met_again")
            verdict = None if verdict is None else Verdict(verdict)
            read = cls(verdict=verdict, met_again=tuple(met), **data)
        except (AttributeError, KeyError, TypeError, RecursionError) as fault:
            raise ValueError(f"no record of a held file: {fault}") from fault
        for one in fields(read):
            wanted = {"int": int, "str": str}.get(str(one.type))
            if wanted is not None and type(getattr(read, one.name)) is not wanted:
                raise ValueError(f"no record of a held file: {one.name}")
        return read


class Quarantine:
    """The held files of one home.

    Parameters
    ----------
    home : Path
        The station's home; the folder is made, with mode 0700.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER
        with disk_trouble_told(home):
            make_private_folder(self.folder)

    def hold(self, path: Path, file: QuarantinedFile) -> QuarantinedFile:
        """Move the staged file at `path`, which has the digest of `file`, in here, durably.

        Doing it again changes nothing. A file of the same content that is held
        already keeps its verdict and its record, which notes the import; what
        was let go before comes back with the verdict that it had.

        Returns
        -------
        QuarantinedFile
            The record that now stands.

        Raises
        ------
        MediaError
            If the disk fails, or if `path` is gone and nothing is held.
        """
        target, record = self._places(file.sha256)
        with disk_trouble_told(self.folder):
            known = self._record(file.sha256)
            if known is None:
                known = file
                write_text_durably(record, file.to_json(), 0o600)
            elif file.job not in known.imports:
                known = replace(known, met_again=(*known.met_again, file.job))
                write_text_durably(record, known.to_json(), 0o600)
            if not path.exists() and not target.exists():
                raise MediaError(f"{path} is gone, and was not held.", "Import the medium again.")
            if path.exists():
                sync_file(path)
                path.chmod(0o400)
                path.replace(target)
                sync_folder(path.parent)
            sync_folder(self.folder)
        return known

    def iter_held(self) -> Iterator[QuarantinedFile]:
        """Yield every held file, by digest; one without a readable record has ``record-lost``."""
        with disk_trouble_told(self.folder):
            names = sorted(os.listdir(self.folder))  # noqa: PTH208
        for name in names:
            if match := _HELD.fullmatch(name):
                yield self._told(match[1])

    def iter_known(self) -> Iterator[QuarantinedFile]:
        """Yield every file that is held, or was until somebody decided to take it in, by digest."""
        with disk_trouble_told(self.folder):
            found = {match[1] for match in map(_KNOWN.fullmatch, os.listdir(self.folder)) if match}  # noqa: PTH208
        yield from map(self._told, sorted(found))

    def count(self, *, waiting: bool = False) -> int:
        """Return how many files are held; only those that wait for a verdict if `waiting`."""
        if waiting:
            return sum(file.verdict is None for file in self.iter_held())
        with disk_trouble_told(self.folder):
            return sum(bool(_HELD.fullmatch(name)) for name in os.listdir(self.folder))  # noqa: PTH208

    def find(self, sha256: str) -> QuarantinedFile | None:
        """Return what is known of a digest, held or let go; None if it was never here."""
        target, _ = self._places(sha256)
        with disk_trouble_told(self.folder):
            return self._record(sha256) or (self._told(sha256) if target.exists() else None)

    def get(self, prefix: str) -> QuarantinedFile:
        """Return the held file whose digest begins with `prefix`.

        Raises
        ------
        ConfigError
            If there is none, or more than one.
        """
        wanted = prefix.strip().lower()
        if len(wanted) < SHORTEST_PREFIX:
            raise ConfigError(
                f"{prefix!r} names no held file.",
                f"Give at least the first {SHORTEST_PREFIX} characters of its SHA-256.",
            )
        with disk_trouble_told(self.folder):
            names = [match[1] for match in map(_HELD.fullmatch, os.listdir(self.folder)) if match]  # noqa: PTH208
        found = sorted(name for name in names if name.startswith(wanted))
        if not found:
            raise ConfigError(f"No held file has a SHA-256 that begins with {wanted}.")
        if len(found) > 1:
            raise ConfigError(
                f"{len(found)} held files have a SHA-256 that begins with {wanted}.",
                "Give more of its characters.",
            )
        return self._told(found[0])

    def decide(self, sha256: str, verdict: Verdict, who: str, when: datetime) -> QuarantinedFile:
        """Write down what was decided about a held file, durably; return the new record.

        Raises
        ------
        ConfigError
            If no file with this digest is held.
        """
        self.path(sha256)
        decided = replace(
            self._told(sha256), verdict=verdict, decided_by=who, decided_at=when.isoformat()
        )
        with disk_trouble_told(self.folder):
            write_text_durably(self._places(sha256)[1], decided.to_json(), 0o600)
        return decided

    def path(self, sha256: str) -> Path:
        """Return where a held file lies, to be looked at; `ConfigError` if it is not held."""
        target, _ = self._places(sha256)
        if not target.is_file():
            raise ConfigError(
                f"No file with the SHA-256 {sha256} is held.",
                "It was let go, or never was: list what is held.",
            )
        return target

    def release(self, sha256: str) -> Path:
        """Return the file of a `Verdict.KEEP`, for the catalog to rename into its store.

        Until that is done it is held; its record stays.

        Raises
        ------
        ConfigError
            If no file with this digest is held.
        RefusedError
            If nobody has decided to keep it.
        """
        target = self.path(sha256)
        if self._told(sha256).verdict is not Verdict.KEEP:
            raise RefusedError(
                f"{sha256[:12]} is held, and nobody has decided to keep it.",
                hint="Decide about it first.",
            )
        return target

    def _places(self, sha256: str) -> tuple[Path, Path]:
        if not _DIGEST.fullmatch(sha256):
            raise ValueError(f"no SHA-256: {sha256!r}"[:100])
        return self.folder / f"{sha256}.held", self.folder / f"{sha256}.json"

    def _told(self, sha256: str) -> QuarantinedFile:
        return self._record(sha256) or QuarantinedFile(sha256, 0, "", "", "record-lost", "")

    def _record(self, sha256: str) -> QuarantinedFile | None:
        """Return what stands beside a file; None where nothing does that can be read."""
        try:
            with self._places(sha256)[1].open("rb") as stream:
                read = QuarantinedFile.from_json(stream.read(MAX_RECORD_BYTES).decode())
        except (FileNotFoundError, ValueError):
            return None
        return read if read.sha256 == sha256 else None


def disarm(source: Path, target: Path) -> None:
    """Copy `source` to `target` with a preamble of zeros and nothing else changed.

    PS3.10 7.5 lets an application clear what the preamble holds; the data set
    and the File Meta Information stay as they were received. The copy is
    durable and readable by its owner only.

    Raises
    ------
    ValueError
        If `source` does not have the prefix behind 128 bytes.
    MediaError
        If the disk fails.
    """
    part = part_path(target)
    with disk_trouble_told(target.parent):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with source.open("rb") as file:
            head = file.read(PREAMBLE_BYTES + len(PREFIX))
            if head[PREAMBLE_BYTES:] != PREFIX:
                raise ValueError(f"{source.name} has no preamble: the prefix is missing")
            try:
                with os.fdopen(os.open(part, flags, 0o600), "wb") as copy:
                    copy.write(bytes(PREAMBLE_BYTES) + PREFIX)
                    while chunk := file.read(_CHUNK):
                        copy.write(chunk)
                    copy.flush()
                    os.fsync(copy.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        sync_folder(target.parent)
