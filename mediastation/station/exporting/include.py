"""Content of the site's own on a medium: a viewer, documents, web pages (IHE PDI).

A folder that the site approved becomes a folder of the same name in the root,
outside the DICOM tree. Nothing in it is run here, and nothing on the medium
runs by itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.pages.facts import Viewer

WEB_FOLDER = "IHE_PDI"
_FOLDER = re.compile(r"[A-Z0-9_]{1,8}")
_NAME = re.compile(r"[ -\[\]-~]+")
"""Printable ASCII without a backslash."""
_STARTERS = frozenset({"AUTORUN.INF", "AUTORUN.SH", "AUTORUN", ".AUTORUN", "AUTOPLAY.INF"})
_MOST_FILES = 100_000
_MOST_DESCRIPTION_BYTES = 1 << 16
_DICOM_AT = 128


@dataclass(frozen=True, slots=True)
class IncludedFile:
    """One file of the site's: `path` is that on the medium, relative to the root."""

    path: str
    source: Path
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Included:
    """Everything that a site adds to its media.

    Parameters
    ----------
    files : tuple of IncludedFile
        In the order of their paths.
    folders : tuple of str
        The folders in the root that are the site's.
    viewer : Viewer or None
        The program among them that shows images, if a description names one.
    """

    files: tuple[IncludedFile, ...] = ()
    folders: tuple[str, ...] = ()
    viewer: Viewer | None = None

    @property
    def web_page(self) -> str:
        """Entry of the web content of IHE PDI; empty if there is none."""
        entry = f"{WEB_FOLDER}/INDEX.HTM"
        return entry if any(file.path == entry for file in self.files) else ""


def read_included(folders: Sequence[Path]) -> Included:
    """Read and digest what is to be added.

    Beside a folder ``VIEWER`` may lie ``VIEWER.toml``, which does not go onto
    the medium: ``name``, ``start`` (a path in the folder), ``systems`` and
    ``disclaimer`` of a viewer, for the pages.

    Raises
    ------
    ConfigError
        If a folder cannot go onto a medium as it is: names the file and says
        why.
    """
    files: list[IncludedFile] = []
    names: list[str] = []
    viewer = None
    for folder in folders:
        name = _require_folder(folder, names)
        names.append(name)
        there = list(_iter_files(folder))
        if not there:
            raise ConfigError(f"{folder} holds no file.", "Leave --include out, or fill it.")
        _require_names(there)
        found = [_read_file(path, f"{name}/{inner}") for inner, path in there]
        files += found
        viewer = viewer or read_viewer(folder, name, {file.path for file in found})
    return Included(tuple(sorted(files, key=lambda file: file.path)), tuple(names), viewer)


def _require_folder(folder: Path, names: Sequence[str]) -> str:
    name = folder.resolve().name
    if not folder.is_dir() or folder.is_symlink():
        raise ConfigError(f"{folder} is no folder.", "Name the folder that is to be added.")
    if not _FOLDER.fullmatch(name):
        raise ConfigError(
            f"{folder} cannot lie in the root of a medium under its name.",
            "Give the folder a name of 1 to 8 of A-Z, 0-9 and _, such as VIEWER.",
        )
    if name.startswith("DICOM") or (name.startswith("IHE") and name != WEB_FOLDER):
        raise ConfigError(
            f"The name {name} is taken: DICOM files and IHE PDI reserve it.",
            "Give the folder another name, such as VIEWER.",
        )
    if name in names:
        raise ConfigError(f"Two folders would be {name} on the medium.", "Rename one of them.")
    return name


def _iter_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path below `folder`, with ``/`` between components, and where it lies."""
    count = 0
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as fault:
            raise ConfigError(f"{here}: {fault.strerror}.", "Make it readable.") from fault
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
                raise ConfigError(
                    f"{path} is a link or no file at all; media hold files.",
                    "Put a copy of the file in its place.",
                )
            if entry.is_dir():
                waiting.append(path)
                continue
            if entry.name.upper() in _STARTERS:
                raise ConfigError(
                    f"{path} would have the medium start a program by itself.",
                    "Take it out: IHE PDI forbids it, and hospitals block such media.",
                )
            count += 1
            if count > _MOST_FILES:
                raise ConfigError(f"{folder} holds more than {_MOST_FILES:,} files.")
            yield path.relative_to(folder).as_posix(), path


def _require_names(files: Sequence[tuple[str, Path]]) -> None:
    """Raise `ConfigError` for names that no medium holds; each format has narrower rules."""
    spelt: dict[str, tuple[str, Path]] = {}
    for inner, path in files:
        if not _NAME.fullmatch(inner):
            raise ConfigError(
                f"{str(path)!r} cannot lie on a medium under its name.",
                "Rename it: letters without marks, digits and plain signs are read everywhere.",
            )
        parts = inner.split("/")
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth])
            other, there = spelt.setdefault(part.upper(), (part, path))
            if other != part or (depth == len(parts) and there != path):
                raise ConfigError(
                    f"{path} and {there} would have one name on media that know no small letters.",
                    "Rename one of them.",
                )


def _read_file(path: Path, on_medium: str) -> IncludedFile:
    try:
        with path.open("rb") as file:
            if file.read(_DICOM_AT + 4)[_DICOM_AT:] == b"DICM":
                raise ConfigError(
                    f"{path} is a DICOM file, and the directory of the medium would not name it.",
                    "Export it with the others, or take it out.",
                )
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return IncludedFile(on_medium, path.absolute(), file.tell(), digest)
    except OSError as fault:
        raise ConfigError(f"{path}: {fault.strerror}.", "Make it readable.") from fault


def read_viewer(folder: Path, name: str, paths: set[str]) -> Viewer | None:
    """Read what lies beside `folder` of the viewer in it; None if nothing does.

    `paths` are the files that go onto the medium, `name` is what the folder is
    called there. Raises `ConfigError` for a description that cannot be meant.
    """
    description = folder.resolve().with_name(f"{name}.toml")
    if not description.is_file():
        return None
    try:
        with description.open("rb") as file:
            told = tomllib.loads(file.read(_MOST_DESCRIPTION_BYTES).decode("utf-8"))
    except (OSError, ValueError) as fault:
        raise ConfigError(f"{description} cannot be read: {fault}", "It has to be TOML.") from fault
    unknown = set(told) - {"name", "start", "systems", "disclaimer"}
    if unknown or not all(isinstance(value, str) for value in told.values()):
        raise ConfigError(
            f"{description} may say name, start, systems and disclaimer, each a text.",
            "See the README of this program.",
        )
    start = f"{name}/{told.get('start', '')}"
    if not told.get("name") or start not in paths:
        raise ConfigError(
            f"{description} has to name the viewer and the file in {name} that starts it.",
            'Write name = "…" and start = "…", the path within the folder.',
        )
    return Viewer(told["name"], start, told.get("systems", ""), told.get("disclaimer", ""))
