"""A File-set as a plain folder: for what is copied onto a mounted medium, or has no image."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mediastation.errors import ConfigError, MediaError, RefusedError
from mediastation.media.contract import PendingMedium, Progress, WrittenImage
from mediastation.media.disk import (
    disk_errors,
    is_still,
    locked,
    require_space,
    sync_folder,
)
from mediastation.media.folder_tree import FolderTree
from mediastation.media.left_over import open_folder, part_path, remove_left_folder
from mediastation.media.level1 import MediumFile, parents_of
from mediastation.media.mounted import open_mounted
from mediastation.media.source_reader import SourceReader
from mediastation.model.finding import Finding, error

__all__ = ["FolderMedium", "PartFolder", "check_folder_names", "open_part_folder"]

DEEPEST_COMPONENTS = 32
"""File IDs have at most eight; a viewer that lies beside the images may go deeper."""
LONGEST_NAME_BYTES = 255

_DIRECTORY = "DICOMDIR"
_ATTEMPTS = 8
_CHUNK_BYTES = 1 << 20
_CONTROL = {*map(chr, range(32)), "\x7f"}


def check_folder_names(files: Iterable[MediumFile]) -> list[Finding]:
    """Check that `files` can lie in one folder of any file system; nothing is opened.

    File IDs pass. Names that are no File IDs are taken as they are, as long as
    none leads out of the folder and no two are one where letter case does not
    count, as on FAT.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: ``"folder-name"``, ``"folder-depth"``,
        ``"folder-duplicate"``. Empty if all of it may be written.
    """
    paths = Counter(file.path for file in files)
    findings = [finding for path in paths for finding in _check_path(path)]
    findings += [
        error("folder-duplicate", path, f"Two files would lie at {path}.", "", "PS3.10 8.2")
        for path, count in paths.items()
        if count > 1
    ]
    directories: dict[str, None] = {}
    for path in paths:
        directories.update(dict.fromkeys(parents_of(path)))
    names: dict[str, str] = {}
    for path in directories:
        names.setdefault(path.casefold(), path)
        if names[path.casefold()] != path:
            findings.append(_clash(path, names[path.casefold()]))
    for path in paths:
        other = names.setdefault(path.casefold(), path)
        if other != path or path in directories:
            findings.append(_clash(path, other))
    return findings


class FolderMedium:
    """A folder of `files`: names exactly as planned, contents as their sources hold them.

    Everything is decided here and nothing is opened; `write` only performs.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order; they are written in the order of their paths, the
        DICOMDIR last.

    Attributes
    ----------
    size_bytes : int
        Sum of the files' sizes; what a file system adds is not in it.

    Raises
    ------
    RefusedError
        If names lead out of the folder or fall together; with the findings of
        `check_folder_names`.
    """

    def __init__(self, files: Iterable[MediumFile]) -> None:
        self._files = sorted(files, key=lambda file: (file.path == _DIRECTORY, file.path))
        if findings := check_folder_names(self._files):
            raise RefusedError(f"{findings[0].message} No folder was made.", findings)
        self._closed = False
        self.size_bytes = sum(file.size_bytes for file in self._files)

    def close(self) -> None:
        """Forget the plan. Nothing can be written afterwards; closing again does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def write(self, output: Path, *, progress: Progress | None = None) -> Iterator[PendingMedium]:
        """Write the folder beside `output`; give it that name only by `commit`.

        Leaving the block without `commit`, for whatever reason, removes what
        was written.

        Parameters
        ----------
        output : Path
            The final name: nothing, or an empty folder, which is replaced. If
            a medium is mounted there, it is written in place (see
            `mediastation.media.mounted`), and has to be empty but for what
            systems leave behind.
        progress : callable
            Is told bytes done and bytes in all, about once a mebibyte. What
            it raises ends the writing and comes out here.

        Raises
        ------
        ConfigError
            If something has that name and is no empty folder.
        MediaError
            If the disk is full or fails, or if a source is missing, cannot be
            read, or is not as long as it was planned.
        ValueError
            After `close`.
        """
        if self._closed:
            raise ValueError("the plan is closed")
        with self._open(output) as part:
            self._write_into(part, progress)
            yield PendingMedium(part, WrittenImage(self.size_bytes, "", ()))

    def _open(self, output: Path) -> AbstractContextManager[FolderTree]:
        if os.path.ismount(output):
            return open_mounted(output, self._files)
        return open_part_folder(output, self.size_bytes)

    def _write_into(self, part: FolderTree, progress: Progress | None) -> None:
        done = 0
        reader = SourceReader(self._files)
        try:
            for file in self._files:
                if file.path == _DIRECTORY:
                    part.settle()
                with part.new_file(file.path) as append:
                    reader.open(file)
                    left = file.size_bytes
                    while left:
                        data = reader.read(min(left, _CHUNK_BYTES))
                        append(data)
                        left -= len(data)
                        done += len(data)
                        if progress:
                            progress(done, self.size_bytes)
        finally:
            reader.close()


class PartFolder(FolderTree):
    """A folder that nobody can take for finished before `commit`.

    It is called ``.NAME.part``, open to its owner only and locked: what a
    killed run left behind is replaced, what another run is writing is not.
    """

    _committed = False

    def settle(self) -> None:
        """Do nothing: nobody takes it for finished, in whatever order it is written."""

    def commit(self) -> Path:
        """Make the folder durable and give it its final name. Raises `MediaError`."""
        if self._committed:
            return self.output
        self.sync()
        if not is_still(self.path, self._descriptor):
            raise MediaError(f"{self.path} was moved or replaced by another program")
        with self._errors():
            os.fchmod(self._descriptor, 0o755 & ~self._mask)
            # Onto nothing, or onto an empty folder: what appeared meanwhile stays.
            self.path.replace(self.output)
            self._committed = True
            sync_folder(self.output.parent)
        return self.output

    def close(self) -> None:
        """Let go of the folder, and remove it unless it was committed."""
        try:
            if not self._committed and is_still(self.path, self._descriptor):
                shutil.rmtree(self.path, ignore_errors=True)
        finally:
            os.close(self._descriptor)


@contextmanager
def open_part_folder(
    output: Path, size_bytes: int, *, private: bool = False
) -> Iterator[PartFolder]:
    """Make the folder that becomes `output` by its `commit`; else it goes with all it holds.

    What is `private` stays open to its owner only.

    Raises
    ------
    ConfigError
        If something has that name and is no empty folder.
    MediaError
        If the disk fails, or has less room than `size_bytes`.
    """
    with disk_errors(output, size_bytes):
        _require_free(output)
        path = part_path(output)
        part = PartFolder(output, path, _create(path), size_bytes, private=private)
    try:
        require_space(output, size_bytes)
        yield part
    finally:
        part.close()


def _require_free(output: Path) -> None:
    """Raise `ConfigError` unless `output` is nothing or an empty folder."""
    try:
        if not stat.S_ISDIR(output.lstat().st_mode):
            raise ConfigError(
                f"{output} is there already and is no folder; it was left as it is.",
                "Give the folder another name.",
            )
    except FileNotFoundError:
        return
    with os.scandir(output) as entries:
        if next(entries, None) is not None:
            raise ConfigError(
                f"The folder {output} is not empty; it was left as it is.",
                "Name a folder that does not exist yet: nothing is mixed with what is there.",
            )


def _create(path: Path) -> int:
    for _ in range(_ATTEMPTS):
        try:
            path.mkdir(0o700)
        except FileExistsError:
            remove_left_folder(path)
            continue
        descriptor = open_folder(path)
        if descriptor is not None:
            if locked(descriptor) and is_still(path, descriptor):
                return descriptor
            os.close(descriptor)
    raise MediaError(f"{path} cannot be had for this run", "Is another program writing there?")


def _check_path(path: str) -> Iterator[Finding]:
    parts = path.split("/")
    for part in parts:
        if part in {"", ".", ".."} or not _CONTROL.isdisjoint(part) or "\\" in part:
            message = f"{path!r} is no path inside a folder."
            yield error("folder-name", path, message, reference="PS3.10 8.2")
            return
        if len(os.fsencode(part)) > LONGEST_NAME_BYTES:
            message = f"{part[:40]!r}… is longer than {LONGEST_NAME_BYTES} bytes."
            yield error("folder-name", path, message)
            return
    if len(parts) > DEEPEST_COMPONENTS:
        message = f"{len(parts)} components; at most {DEEPEST_COMPONENTS} are written."
        yield error("folder-depth", path, message)


def _clash(path: str, other: str) -> Finding:
    if path == other:
        message = f"{path} would be a file and a directory."
    else:
        message = f"{path} and {other} are one name where letter case does not count."
    return error("folder-duplicate", path, message, "Rename one of them.", "PS3.10 8.2")
