"""Find the directories of a medium, by whatever name and wherever they lie (PS3.10, 8.6)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mediastation.model.finding import note, warning
from mediastation.reading.contract import Volume
from mediastation.reading.findings import FindingLog
from mediastation.reading.names import folded

DIRECTORY_NAME = "DICOMDIR"

MAX_DIRECTORIES = 64
"""More directories on one medium than this are rubbish or hostile."""

_EXACT, _SPELT, _EXTENDED, _BY_CONTENT = range(4)


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """What may be the directory of the File-set that lies in `folder`; best `rank` first."""

    folder: str
    rank: int
    path: str


def find_directories(
    volume: Volume, recognised: Collection[str], log: FindingLog
) -> list[list[DirectoryFile]]:
    """Return the candidates for the directory of each File-set, the likeliest of each first.

    Parameters
    ----------
    volume : Volume
        The medium.
    recognised : collection of str
        Paths of files whose SOP Class says that they are directories.
    log : FindingLog
        Takes what is odd about their names, places and number.
    """
    by_folder: dict[str, list[DirectoryFile]] = {}
    for file in volume.iter_files():
        folder, _, name = file.path.rpartition("/")
        rank = _rank(name)
        if rank is None:
            if file.path not in recognised:
                continue
            rank = _BY_CONTENT
        found = by_folder.get(folder)
        if found is None and len(by_folder) >= MAX_DIRECTORIES:
            log.add(
                warning(
                    "too-many-directories",
                    file.path,
                    f"the medium has more than {MAX_DIRECTORIES} directories; this one is not read",
                )
            )
        elif found is None:
            by_folder[folder] = [DirectoryFile(folder, rank, file.path)]
        elif len(found) < MAX_DIRECTORIES:
            found.append(DirectoryFile(folder, rank, file.path))
    sets = [sorted(found, key=_by_rank) for _, found in sorted(by_folder.items())]
    for first, *others in sets:
        _tell_oddities(first, others, log)
    if len(sets) > 1:
        log.add(
            note(
                "several-directories",
                sets[0][0].path,
                f"the medium has {len(sets)} File-sets; each is compared with its own folder",
                "",
                "PS3.10 8.6",
            )
        )
    return sets


def _by_rank(file: DirectoryFile) -> tuple[int, str]:
    return file.rank, file.path


def _rank(name: str) -> int | None:
    if name == DIRECTORY_NAME:
        return _EXACT
    plain = folded(name)
    if plain == DIRECTORY_NAME:
        return _SPELT
    return _EXTENDED if plain.partition(".")[0] == DIRECTORY_NAME else None


def _tell_oddities(first: DirectoryFile, others: list[DirectoryFile], log: FindingLog) -> None:
    name = first.path.rpartition("/")[2]
    if first.rank != _EXACT:
        log.add(
            warning(
                "name-differs",
                first.path,
                f"the directory is called {name}, not {DIRECTORY_NAME}",
                "readers that compare names exactly will not find it",
                "PS3.10 8.6",
            )
        )
    if first.folder:
        log.add(
            warning(
                "directory-place",
                first.path,
                f"the directory lies in the folder {first.folder}, not in the root of the medium",
                "its File IDs are taken to begin in that folder",
                "PS3.10 8.6",
            )
        )
    for other in others:
        log.add(
            note(
                "directory-copy",
                other.path,
                f"another directory lies beside {first.path}, which is used if it has records",
                "",
                "PS3.10 8.6",
            )
        )
