"""Assignment of File IDs: short, legal on every medium, a thousand to a directory.

``DICOM/PT000001/ST000001/SE000001/IM000001``: counters per parent, in the order
of the tree. Nobody may read a meaning into the names (PS3.10, 8.2), so where a
directory is full, the next one goes on in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mediastation.errors import RefusedError
from mediastation.model.file_id import FileId
from mediastation.model.finding import error

FULL = 1000
"""Entries of one kind in a directory; some file systems and viewers slow down beyond."""


@dataclass(slots=True)
class _Directory:
    """One directory that is being filled: how many subdirectories and files it has."""

    path: FileId = ()
    directories: int = 0
    files: int = 0


class TakenNames:
    """Names that are on the medium already; letter case does not count.

    Parameters
    ----------
    paths : iterable of str
        Files, with ``/`` between components.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._files: set[str] = set()
        self._directories: dict[str, str] = {}
        for path in paths:
            self._files.add(path.upper())
            end = path.find("/")
            while end >= 0:
                self._directories.setdefault(path[:end].upper(), path[:end])
                end = path.find("/", end + 1)

    def is_free(self, path: FileId) -> bool:
        """Tell whether neither a file nor a directory has this name."""
        name = "/".join(path)
        return name not in self._files and name not in self._directories

    def may_hold(self, path: FileId) -> bool:
        """Tell whether there is, or may be made, a directory of exactly this name."""
        name = "/".join(path)
        return name not in self._files and self._directories.get(name, name) == name


@dataclass(slots=True)
class FileIdAssigner:
    """Hands out the File IDs of one File-set in tree order.

    The same calls give the same names. A series with more than a thousand
    files keeps the first thousand in its own directory and opens a
    subdirectory (``G0000001`` …) for each thousand more: at most six
    components. Where names are taken, a patient gets a directory that is new.
    """

    _taken: TakenNames = field(default_factory=TakenNames)
    _tops: int = 0
    _top: _Directory = field(default_factory=lambda: _Directory(("DICOM",)))
    _patient: _Directory = field(default_factory=_Directory)
    _study: _Directory = field(default_factory=_Directory)
    _series: _Directory = field(default_factory=_Directory)
    _root_group: FileId = ()
    _root_groups: int = 0
    _root_objects: int = 0

    def begin_patient(self) -> None:
        """Open the directory of the next patient."""
        while True:
            if self._top.directories == FULL or not self._taken.may_hold(self._top.path):
                self._top = self._next_top()
                continue
            self._patient = self._below(self._top, "PT")
            if self._taken.is_free(self._patient.path):
                return

    def begin_study(self) -> None:
        """Open the directory of the patient's next study."""
        if self._patient.directories == FULL:
            self.begin_patient()
        self._study = self._below(self._patient, "ST")

    def begin_series(self) -> None:
        """Open the directory of the study's next series."""
        if self._study.directories == FULL:
            self.begin_study()
        self._series = self._below(self._study, "SE")

    def next_instance(self) -> FileId:
        """Return the File ID of the series' next instance."""
        if self._series.files == FULL * FULL:
            self.begin_series()
        number, position = divmod(self._series.files, FULL)
        self._series.files += 1
        group = (f"G{number:07d}",) if number else ()
        return (*self._series.path, *group, f"IM{position + 1:06d}")

    def next_root_object(self) -> FileId:
        """Return the File ID of the next instance that belongs to no patient."""
        position = self._root_objects % FULL
        if position == 0:
            self._root_group = self._next_root_group()
        self._root_objects += 1
        return (*self._root_group, f"OB{position + 1:06d}")

    def _next_top(self) -> _Directory:
        self._tops += 1
        if self._tops == FULL:
            message = "A File-set cannot hold more than 1,000,000 patient folders."
            finding = error("directory-full", "DICOM", message, "Write several File-sets.")
            raise RefusedError(message, [finding], finding.hint)
        return _Directory((f"DICOM{self._tops:03d}",))

    def _next_root_group(self) -> FileId:
        while True:
            if not self._taken.may_hold(self._top.path):
                self._top = self._next_top()
                continue
            group = (*self._top.path, f"RT{self._root_groups:06d}")
            self._root_groups += 1
            if self._taken.is_free(group):
                return group

    @staticmethod
    def _below(parent: _Directory, prefix: str) -> _Directory:
        parent.directories += 1
        return _Directory((*parent.path, f"{prefix}{parent.directories:06d}"))
