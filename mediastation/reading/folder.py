"""A medium as the operating system mounts it, or a folder that holds a File-set."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.system_files import is_system_file
from mediastation.reading.contract import MAX_DEPTH, MAX_FILES, FileIndex, Found, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.reading.names import safe_name

_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC

MAX_DIRECTORIES = 200_000
"""More folders are not entered: mounted file systems can be made to lead in circles for ever."""


class FolderVolume:
    """The regular files below a folder; links are not followed, devices not opened.

    The list is taken when the volume is opened. Files that appear later are
    not seen; files that vanish are found missing when they are opened. The
    folder that was read last is held open until `close`.

    Parameters
    ----------
    path : Path
        The folder; `MediaError` if it cannot be listed.
    """

    def __init__(self, path: Path) -> None:
        self._root = path
        self._log = FindingLog()
        self._index = FileIndex()
        self._real: dict[str, str] = {}
        self._entered: tuple[str, int] | None = None
        self._lock = threading.Lock()
        try:
            with os.scandir(path):
                pass
        except OSError as fault:
            raise MediaError(f"{path} cannot be listed: {fault.strerror}") from fault
        self._list()

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._root)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was left out of the list, and why."""
        return tuple(self._log)

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files, folder by folder, sorted by name."""
        return iter(self._index)

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`.

        The file is opened without following a link and without waiting for a
        pipe: between list and read the folder may have been changed.
        """
        self._index.require(path, self.name)
        folder, _, name = self._real.get(path, path).rpartition("/")
        try:
            with self._lock:
                parent = self._enter_folder(folder)
                handle = os.open(name, _FILE_FLAGS, dir_fd=parent)
        except OSError as fault:
            raise MediaError(f"{path} cannot be opened: {fault.strerror}") from fault
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise MediaError(f"{path} is no longer a file of this folder")
        return os.fdopen(handle, "rb")

    def _enter_folder(self, folder: str) -> int:
        """Return a handle of `folder`, reached from the root step by step, by no link.

        The last one is kept: files are asked for folder by folder.
        """
        if self._entered is not None and self._entered[0] == folder:
            return self._entered[1]
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for step in folder.split("/") if folder else ():
            above = handle
            try:
                handle = os.open(step, _FOLDER_FLAGS, dir_fd=above)
            finally:
                os.close(above)
        self._leave_folder()
        self._entered = folder, handle
        return handle

    def _leave_folder(self) -> None:
        if self._entered is not None:
            os.close(self._entered[1])
            self._entered = None

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._index.find(components)

    def close(self) -> None:
        """Let the folder go."""
        with self._lock:
            self._leave_folder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _list(self) -> None:
        place = self._root.stat()
        waiting = [_Folder("", "", ((place.st_dev, place.st_ino),))]
        entered = 0
        while waiting:
            folder = waiting.pop()
            entered += 1
            if entered > MAX_DIRECTORIES:
                self._log.add(
                    error(
                        "too-many-directories", folder.shown,
                        f"more than {MAX_DIRECTORIES} folders; no more were entered",
                    )
                )  # fmt: skip
                return
            below: list[_Folder] = []
            for entry in self._entries(folder):
                real = f"{folder.real}/{entry.name}" if folder.real else entry.name
                name = safe_name(entry.name)
                path = f"{folder.shown}/{name}" if folder.shown else name
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError as fault:
                    self._log.add(error("unreadable", path, f"cannot be read: {fault.strerror}"))
                    continue
                if stat.S_ISLNK(found.st_mode):
                    self._log.add(note("symbolic-link", path, "a symbolic link; not followed"))
                elif stat.S_ISDIR(found.st_mode):
                    below += self._inner(folder, _Folder(real, path), found)
                elif not stat.S_ISREG(found.st_mode):
                    self._log.add(warning("special-file", path, "no regular file; not opened"))
                elif len(self._index) >= MAX_FILES:
                    self._log.add(error("too-many-files", "", f"more than {MAX_FILES} files"))
                    return
                else:
                    self._enter(entry.name, found, real, path)
            waiting.extend(reversed(below))

    def _entries(self, folder: _Folder) -> list[os.DirEntry[str]]:
        """Return what lies in a folder, by name; what could be listed where that stops."""
        listed: list[os.DirEntry[str]] = []
        try:
            with os.scandir(self._root / folder.real) as entries:
                # One more than may be entered, so that it is told.
                listed.extend(islice(entries, MAX_FILES + 1))
        except OSError as fault:
            # A system's own folders are closed to others, and hold nothing of the medium's.
            make = note if is_system_file(folder.shown) else error
            self._log.add(make("unreadable", folder.shown, f"cannot be listed: {fault.strerror}"))
        return sorted(listed, key=lambda entry: entry.name)

    def _inner(self, above: _Folder, inner: _Folder, found: os.stat_result) -> list[_Folder]:
        """Return a folder that is to be entered, or nothing, and say why."""
        place = (found.st_dev, found.st_ino)
        if place in above.places:
            # A damaged or hostile file system, or a folder that is mounted within itself.
            self._log.add(
                error("directory-loop", inner.shown, "is a folder that it lies in; not entered")
            )
        elif len(above.places) >= MAX_DEPTH:
            self._log.add(
                error("too-deep", inner.shown, f"more than {MAX_DEPTH} levels; not entered")
            )
        else:
            return [_Folder(inner.real, inner.shown, (*above.places, place))]
        return []

    def _enter(self, name: str, found: os.stat_result, real: str, path: str) -> None:
        while path in self._index:
            path += "%"
        if path != real:
            self._real[path] = real
            self._log.add(
                warning("unsafe-name", path, "the name has characters that no File ID may have")
            )
        self._index.add(
            VolumeFile(path, found.st_size, recorded=safe_name(name), changed_at=found.st_mtime_ns)
        )


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder by its name, by the name that is shown, and by the places from the root to it."""

    real: str
    shown: str
    places: tuple[tuple[int, int], ...] = ()
