"""The habits of readers, played on what was read once: what each of them would reach.

Nothing is read here again but a second file system of a bridge disc, and of
that only what does not lie in the very bytes whose digest is known already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mediastation.errors import MediaError
from mediastation.model.finding import Severity
from mediastation.model.medium import Format
from mediastation.reading.contract import Extent, Found, Volume, VolumeFile
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.file_meta import HEAD_BYTES, read_file_front
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.record_rules import escapes
from mediastation.reading.record_tree import UNREACHED
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import FileSystem
from mediastation.verify.compatibility import CompatibilityRow, Goal, ReaderKind, Verdict
from mediastation.verify.contents import FileFacts, fold_path
from mediastation.verify.read_ahead import CHUNK

DICOMDIR = "DICOMDIR"
_STRICT = re.compile(r"[A-Z0-9_]{1,8}")
_STRICT_FILE = re.compile(r"[A-Z0-9_]{1,8}(?:\.[A-Z0-9_]{0,3})?(?:;1)?")
_MOST_COMPONENTS = 8
_EXTENTS_OF: Mapping[str, frozenset[FileSystem]] = {
    Format.ISO9660: frozenset({FileSystem.ISO9660}),
    Format.BRIDGE: frozenset({FileSystem.ISO9660, FileSystem.UDF}),
    **{form: frozenset({FileSystem.UDF}) for form in Format if form.udf_revision},
}


@dataclass(frozen=True, slots=True)
class View:
    """A medium as one file system shows it: its files, and the directory that it leads to."""

    files: Mapping[str, FileFacts]
    find: Callable[[Sequence[str]], Found | None]
    directory: Dicomdir | None

    def exactly(self, file_id: Sequence[str]) -> str:
        """Return the path of the file of exactly this name; empty if there is none."""
        found = self.find(file_id)
        return found.file.path if found is not None and not found.tolerated else ""


def play_personas(
    volume: Volume, view: View, goal: Goal, written: str, open_as: Callable[[FileSystem], Volume]
) -> Iterator[CompatibilityRow]:
    """Yield the row of each persona.

    Parameters
    ----------
    volume : Volume
        The medium, open; what it shows is `view`.
    view : View
        What was read.
    goal : Goal
        What should be reached.
    written : str
        The format that the medium was written in, empty if nobody knows: a
        file system that was written has to be there.
    open_as : callable
        Opens the medium again by one file system alone.
    """
    for system in _NAMES:
        yield _by_file_system(system, volume, view, goal, written, open_as)
    for name, habit in _HABITS:
        directory = view.directory
        if directory is not None and directory.enveloped:
            yield _not_applicable(name, "the File-set lies in secure envelopes")
        elif habit is not _scan and directory is None:
            yield _not_applicable(name, "there is no DICOMDIR to go by")
        else:
            seen = [one.sha256 for one in view.files.values()]
            absent = [] if habit is _scan else _absent(view)
            yield goal.row(name, ReaderKind.PERSONA, seen, set(habit(view)), absent=absent)


def _not_applicable(name: str, why: str) -> CompatibilityRow:
    return CompatibilityRow(name, ReaderKind.PERSONA, Verdict.NOT_APPLICABLE, detail=why)


def _by_file_system(
    system: FileSystem,
    volume: Volume,
    view: View,
    goal: Goal,
    written: str,
    open_as: Callable[[FileSystem], Volume],
) -> CompatibilityRow:
    """Read as somebody who knows one file system of discs and nothing else."""
    name = _NAMES[system]
    label = _LABELS[system]
    is_main = isinstance(volume, IsoVolume if system is FileSystem.ISO9660 else UdfVolume)
    beside = (isinstance(volume, IsoVolume) and volume.has_udf) or (
        isinstance(volume, UdfVolume) and volume.has_iso9660
    )
    wanted = _EXTENTS_OF.get(written, frozenset())
    if not is_main and not beside and system not in wanted:
        return _not_applicable(name, f"there is no {label} on it")
    seen, reached, detail = [one.sha256 for one in view.files.values()], _follow(view), ""
    absent = _absent(view)
    if not is_main:
        try:
            with open_as(system) as other:
                shown = _second_view(other, view)
                seen, reached = [one.sha256 for one in shown.files.values()], _follow(shown)
                absent = _absent(shown)
                # What is only readable because much is forgiven here is not to others.
                if faults := [one for one in other.findings if one.severity is Severity.ERROR]:
                    first = faults[0]
                    detail = f"its {label} is damaged: {first.subject} {first.message}"
                    reached = iter(())
        except (MediaError, OSError) as fault:
            seen, reached, detail = [], iter(()), f"its {label} cannot be read: {fault}"
    return goal.row(name, ReaderKind.PERSONA, seen, set(reached), detail, absent)


def _second_view(other: Volume, view: View) -> View:
    """Return what another file system of the same medium shows; bytes once read are known."""
    known: dict[tuple[Extent, ...], FileFacts] = {
        joined(one.file): one for one in view.files.values() if one.file.size_bytes
    }
    budget = max(1 << 20, 2 * sum(one.file.size_bytes for one in view.files.values()))
    files = {}
    for file in other.iter_files():
        facts = known.get(joined(file))
        if facts is None or facts.size_bytes != file.size_bytes:
            facts = FileFacts(file, 0, "", False, "")
            if file.size_bytes <= budget:
                budget -= file.size_bytes
                facts = _read(other, file)
        files[file.path] = facts
    directory = None
    found = other.find([DICOMDIR])
    if found is not None:
        with suppress(OSError, MediaError), other.open(found.file.path) as stream:
            directory = read_dicomdir(stream)
    return View(files, other.find, directory)


def joined(file: VolumeFile) -> tuple[Extent, ...]:
    """Return a file's extents with neighbours joined: file systems cut them differently."""
    runs: list[Extent] = []
    for extent in file.extents:
        last = runs[-1] if runs else None
        if last is not None and last.offset >= 0 and last.offset + last.length == extent.offset:
            runs[-1] = Extent(last.offset, last.length + extent.length)
        elif extent.length:
            runs.append(extent)
    return tuple(runs)


def _read(volume: Volume, file: VolumeFile) -> FileFacts:
    digest, size, front = hashlib.sha256(), 0, b""
    try:
        with volume.open(file.path) as stream:
            while piece := stream.read(CHUNK):
                front = front or piece[:HEAD_BYTES]
                digest.update(piece)
                size += len(piece)
    except (OSError, MediaError):
        return FileFacts(file, size, "", False, "")
    sha256 = digest.hexdigest() if size == file.size_bytes else ""
    meta = read_file_front(front).meta
    return FileFacts(file, size, sha256, meta.has_prefix, meta.sop_instance_uid)


def _references(view: View) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield File ID and SOP Instance UID of each record that a walk from the root reaches."""
    directory = view.directory
    if directory is None:
        return
    for index, record in enumerate(directory.records):
        if record.file_id and directory.tree.parents[index] != UNREACHED and not escapes(record):
            yield record.file_id, record.sop_instance_uid


def _absent(view: View) -> list[str]:
    """Return the instances whose files are not there, under whatever spelling."""
    return [
        uid or "/".join(file_id) for file_id, uid in _references(view) if view.find(file_id) is None
    ]


def _content(view: View, path: str, uid: str) -> Iterator[str]:
    """Yield the digest of the file at `path` unless it holds another instance than promised."""
    facts = view.files.get(path)
    if facts is not None and uid in {"", facts.sop_instance_uid}:
        yield facts.sha256


def _follow(view: View) -> Iterator[str]:
    """Follow every reference by its exact name, and look at nothing else.

    Of a directory in an envelope nobody sees references without the key: then
    it counts what the file system shows whole.
    """
    if view.directory is not None and view.directory.enveloped:
        yield from (one.sha256 for one in view.files.values() if one.sha256)
    for file_id, uid in _references(view):
        yield from _content(view, view.exactly(file_id), uid)


def _scan(view: View) -> Iterator[str]:
    """Look into every file, and never at the DICOMDIR."""
    for path, facts in view.files.items():
        if facts.is_dicom and fold_path(path) != DICOMDIR:
            yield facts.sha256


def _fold(view: View) -> Iterator[str]:
    """Compare names without letter case and version number; of two that are one, find neither."""
    paths: dict[str, str] = {}
    for path in view.files:
        fold = fold_path(path)
        paths[fold] = "" if fold in paths else path
    for file_id, uid in _references(view):
        yield from _content(view, paths.get(fold_path("/".join(file_id)), ""), uid)


def _strict(view: View) -> Iterator[str]:
    """See names of ISO 9660 Level 1 only, at most eight components deep (PS3.10 8.2)."""
    for file_id, uid in _references(view):
        path = view.exactly(file_id)
        if path and is_strict(view.files[path].file):
            yield from _content(view, path, uid)


def is_strict(file: VolumeFile) -> bool:
    """Tell whether a file's name is one that every file system of PS3.12 can hold."""
    *folders, name = file.path.split("/")
    return (
        len(folders) < _MOST_COMPONENTS
        and all(map(_STRICT.fullmatch, folders))
        and _STRICT_FILE.fullmatch(file.recorded or name) is not None
    )


_NAMES = {FileSystem.ISO9660: "ISO 9660 only", FileSystem.UDF: "UDF only"}
_LABELS = {FileSystem.ISO9660: "ISO 9660", FileSystem.UDF: "UDF"}
_HABITS: tuple[tuple[str, Callable[[View], Iterator[str]]], ...] = (
    ("DICOMDIR only", _follow),
    ("no DICOMDIR", _scan),
    ("case-folding", _fold),
    ("strict 8.3", _strict),
)
