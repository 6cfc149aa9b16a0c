"""A medium as the operating system mounts it, or a folder that holds a File-set."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.system_files import is_system_file
from mediastation.reading.contract import MAX_DEPTH, MAX_FILES, FileIndex, Found, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.reading.names import safe_name


class FolderVolume:
    """The regular files below a folder; links are not followed, devices not opened.

    The list is taken when the volume is opened. Files that appear later are
    not seen; files that vanish are found missing when they are opened.

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
        real = os.path.join(os.fspath(self._root), self._real.get(path, path))  # noqa: PTH118
        try:
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as fault:
            raise MediaError(f"{path} cannot be opened: {fault.strerror}") from fault
        stream = os.fdopen(handle, "rb")
        inside = Path(os.path.realpath(real)).is_relative_to(os.path.realpath(self._root))
        if not stat.S_ISREG(os.fstat(handle).st_mode) or not inside:
            stream.close()
            raise MediaError(f"{path} is no longer a file of this folder")
        return stream

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._index.find(components)

    def close(self) -> None:
        """Do nothing: no handle is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _list(self) -> None:
        waiting: list[tuple[str, str, int]] = [("", "", 1)]
        while waiting:
            real, shown, level = waiting.pop()
            try:
                with os.scandir(self._root / real) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError as fault:
                # A system's own folders are closed to others, and hold nothing of the medium's.
                make = note if is_system_file(shown) else error
                self._log.add(make("unreadable", shown, f"cannot be listed: {fault.strerror}"))
                continue
            below: list[tuple[str, str, int]] = []
            for entry in listed:
                inner = f"{real}/{entry.name}" if real else entry.name
                path = f"{shown}/{safe_name(entry.name)}" if shown else safe_name(entry.name)
                if entry.is_symlink():
                    self._log.add(note("symbolic-link", path, "a symbolic link; not followed"))
                elif entry.is_dir(follow_symlinks=False):
                    if level >= MAX_DEPTH:
                        self._log.add(
                            error("too-deep", path, f"more than {MAX_DEPTH} levels; not entered")
                        )
                    else:
                        below.append((inner, path, level + 1))
                elif not entry.is_file(follow_symlinks=False):
                    self._log.add(warning("special-file", path, "no regular file; not opened"))
                elif len(self._index) >= MAX_FILES:
                    self._log.add(error("too-many-files", "", f"more than {MAX_FILES} files"))
                    return
                else:
                    self._enter(entry, inner, path)
            waiting.extend(reversed(below))

    def _enter(self, entry: os.DirEntry[str], real: str, path: str) -> None:
        while path in self._index:
            path += "%"
        if path != real:
            self._real[path] = real
            self._log.add(
                warning("unsafe-name", path, "the name has characters that no File ID may have")
            )
        try:
            size_bytes = entry.stat(follow_symlinks=False).st_size
        except OSError as fault:
            self._log.add(error("unreadable", path, f"cannot be read: {fault.strerror}"))
            return
        self._index.add(VolumeFile(path, size_bytes, recorded=safe_name(entry.name)))
