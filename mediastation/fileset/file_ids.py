"""Assignment of File IDs: short, legal on every medium, a thousand to a directory.

``DICOM/PT000001/ST000001/SE000001/IM000001``: counters per parent, in the order
of the tree. Nobody may read a meaning into the names (PS3.10, 8.2), so where a
directory is full, the next one goes on in its place.
"""

from __future__ import annotations

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


@dataclass(slots=True)
class FileIdAssigner:
    """Hands out the File IDs of one File-set in tree order.

    The same calls give the same names. A series with more than a thousand
    files keeps the first thousand in its own directory and opens a
    subdirectory (``G0000001`` …) for each thousand more: at most six
    components.
    """

    _tops: int = 0
    _top: _Directory = field(default_factory=lambda: _Directory(("DICOM",)))
    _patient: _Directory = field(default_factory=_Directory)
    _study: _Directory = field(default_factory=_Directory)
    _series: _Directory = field(default_factory=_Directory)
    _root_objects: int = 0

    def begin_patient(self) -> None:
        """Open the directory of the next patient."""
        if self._top.directories == FULL:
            self._tops += 1
            if self._tops == FULL:
                message = "A File-set cannot hold more than 1,000,000 patient folders."
                finding = error("directory-full", "DICOM", message, "Write several File-sets.")
                raise RefusedError(message, [finding], finding.hint)
            self._top = _Directory((f"DICOM{self._tops:03d}",))
        self._patient = self._below(self._top, "PT")

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
        number, position = divmod(self._root_objects, FULL)
        self._root_objects += 1
        return ("DICOM", f"RT{number:06d}", f"OB{position + 1:06d}")

    @staticmethod
    def _below(parent: _Directory, prefix: str) -> _Directory:
        parent.directories += 1
        return _Directory((*parent.path, f"{prefix}{parent.directories:06d}"))
