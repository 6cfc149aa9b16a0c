"""What other readers get out of a medium: one row each, for the worksheet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mediastation.model.finding import Finding, error, warning
from mediastation.model.manifest import Manifest
from mediastation.verify.contents import FileFacts

MAX_LOST = 20
"""So many lost instances are named in a row; the rest is counted."""


class ReaderKind(StrEnum):
    """Where a row comes from."""

    PERSONA = "persona"
    """A habit of readers, played on what was read here."""
    PROGRAM = "program"
    """A program of somebody else, which read the medium itself."""


class Verdict(StrEnum):
    """What a reader made of the medium."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    NOT_APPLICABLE = "not applicable"
    NOT_INSTALLED = "not installed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CompatibilityRow:
    """One reader.

    Parameters
    ----------
    reader : str
        What it is called; for a program with its version.
    kind : ReaderKind
        Persona or program.
    verdict : Verdict
        ``"complete"`` if every instance was reached as it was meant.
    files : int
        How many files it saw.
    equal : int
        How many of those hold what was written; without a measure, what our
        own reading found.
    instances, expected : int
        How many instances it reached whole, of how many.
    detail : str
        In words what the numbers do not say.
    lost : tuple of str
        SOP Instance UIDs that it does not reach, the first `MAX_LOST`.
    """

    reader: str
    kind: ReaderKind
    verdict: Verdict
    files: int = 0
    equal: int = 0
    instances: int = 0
    expected: int = 0
    detail: str = ""
    lost: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what the JSON report keeps."""
        return {
            "reader": self.reader,
            "kind": str(self.kind),
            "verdict": str(self.verdict),
            "files": self.files,
            "equal": self.equal,
            "instances": self.instances,
            "expected": self.expected,
            "detail": self.detail,
            "lost": list(self.lost),
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """What every reader should get, by content: names differ between file systems.

    Parameters
    ----------
    contents : frozenset of str
        SHA-256 of every file.
    instances : mapping of str to str
        SOP Instance UID by SHA-256 of the file.
    ours : bool
        Whether it comes from the manifest of a job, so that a reader who gets
        less is an error.
    """

    contents: frozenset[str]
    instances: Mapping[str, str]
    ours: bool = False

    @classmethod
    def of(cls, manifest: Manifest | None, facts: Iterable[FileFacts], directory_path: str) -> Goal:
        """Return the goal by a job's manifest, else by what our own reading found."""
        stated = {
            file.sha256: file.sop_instance_uid
            for file in (manifest.files if manifest else ())
            if file.sop_instance_uid and file.path != directory_path
        }
        read = [one for one in facts if one.sha256]
        contents = {file.sha256 for file in manifest.files} if manifest else set()
        if stated:
            return cls(frozenset(contents), stated, ours=True)
        found = {
            one.sha256: one.sop_instance_uid
            for one in read
            if one.is_dicom and one.file.path != directory_path
        }
        return cls(frozenset(contents or {one.sha256 for one in read}), found)

    def row(
        self,
        reader: str,
        kind: ReaderKind,
        seen: Collection[str],
        reached: Collection[str],
        detail: str = "",
        absent: Sequence[str] = (),
    ) -> CompatibilityRow:
        """Return the row of a reader that saw files of these digests and reached those.

        `seen` has one entry a file, empty where its content is not known.
        `absent` are instances that were promised to this reader and that lie
        nowhere; a job's manifest knows of them already.
        """
        there = self.instances.keys() & set(reached)
        lost = [uid for sha256, uid in self.instances.items() if sha256 not in there]
        if absent and not self.ours:
            lost += absent
            count = f"{len(absent):,} files" if len(absent) > 1 else "a file"
            named = f"the directory names {count} that cannot be found"
            detail = f"{detail}; {named}" if detail else named
        return CompatibilityRow(
            reader,
            kind,
            Verdict.INCOMPLETE if lost else Verdict.COMPLETE,
            files=len(seen),
            equal=sum(sha256 in self.contents for sha256 in seen),
            instances=len(there),
            expected=len(there) + len(lost),
            detail=detail,
            lost=tuple(lost[:MAX_LOST]),
        )


def check_compatibility(rows: Iterable[CompatibilityRow], goal: Goal) -> Iterator[Finding]:
    """Yield a finding for each reader that does not reach everything.

    A persona that loses an instance of ours is an error: the medium was made
    for it. A program that fails is a warning, for the fault may be its own;
    one that is not installed says nothing about the medium.
    """
    for row in rows:
        if row.verdict is Verdict.INCOMPLETE:
            told = error if goal.ours and row.kind is ReaderKind.PERSONA else warning
            lost = row.expected - row.instances
            first = f", the first is {row.lost[0]}" if row.lost and row.lost[0] else ""
            why = f"; {row.detail}" if row.detail else ""
            yield told(
                "reader-loses",
                row.reader,
                f"reaches {row.instances} of {row.expected} instances and loses {lost}{first}{why}",
                "a recipient who reads like this does not see them: make the medium again"
                if goal.ours
                else "recipients who read like this do not see them",
            )
        elif row.verdict is Verdict.FAILED:
            yield warning(
                "reader-failed", row.reader, row.detail, "look whether another program reads it"
            )
