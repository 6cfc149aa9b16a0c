"""What an updated volume still is: a disc of its set, with what the site had put onto it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from mediastation.errors import ConfigError, MediaError
from mediastation.model.finding import Finding, note, warning
from mediastation.model.manifest import Manifest
from mediastation.pages.facts import SiblingDisc, Viewer
from mediastation.station.exporting.contents import Contents, read_contents
from mediastation.station.exporting.include import Included, IncludedFile, read_viewer
from mediastation.station.recording.known_media import MadeSet, sets_of
from mediastation.station.station import Station
from mediastation.station.updating.source import DIRECTORY_NAME, UpdateSource

_DISC = re.compile(r"(?:Disc|Volume:)\s+(\d{1,3}) of (\d{1,3})\b")
_VIEWER = "There is a viewer on the medium"
_NAME = re.compile(r"^Name: +(\S.*?) *\r?$", re.MULTILINE)
_SYSTEMS = re.compile(r"^Runs on: +(\S.*?) *\r?$", re.MULTILINE)
_START = re.compile(r"^To start it: +open +(\S.*?) *\r?$", re.MULTILINE)
_MOST_VOLUMES = 999


@dataclass(frozen=True, slots=True)
class FormerSet:
    """The set that a volume belonged to when it was made.

    Parameters
    ----------
    volume, volumes : int
        Which one of how many.
    others : dict of int to Contents
        What the other volumes hold, by their numbers, as far as that is known here.
    """

    volume: int = 1
    volumes: int = 1
    others: dict[int, Contents] = field(default_factory=dict)

    def siblings(self, own: Contents) -> tuple[SiblingDisc, ...]:
        """Return how the volumes name each other now; empty where one of them is not known."""
        if self.volumes < 2 or len(self.others) != self.volumes - 1:
            return ()
        everyone = {**self.others, self.volume: own}
        return tuple(everyone[number].as_sibling(number) for number in sorted(everyone))

    def also_on(self, own: Contents) -> dict[str, tuple[int, ...]]:
        """Return on which others each study of this volume lies, by Study Instance UID."""
        held = {uid: self._holding(uid) for uid in own.study_uids}
        return {uid: numbers for uid, numbers in held.items() if numbers}

    def _holding(self, study_uid: str) -> tuple[int, ...]:
        return tuple(
            number for number in sorted(self.others) if study_uid in self.others[number].study_uids
        )


def recall_set(
    station: Station, manifest: Manifest | None, source: UpdateSource
) -> tuple[FormerSet, list[Finding]]:
    """Find out which set the volume belongs to: by its manifest, or by its own pages.

    What the other volumes hold is known where their job was done here. It is
    told as it was made: that they name the older state of this one is a note.
    """
    volume, volumes = (manifest.volume, manifest.volumes) if manifest else _on_pages(source)
    if not 1 <= volume <= volumes <= _MOST_VOLUMES or volumes < 2:
        return FormerSet(), []
    others = _others(station, source.directory.file_set_uid, volume, volumes) if manifest else {}
    if len(others) == volumes - 1:
        finding = note(
            "siblings-older",
            f"disc {volume} of {volumes}",
            "The other discs of the set stay as they are, and their pages name the older state of "
            "this one.",
            "Hand out this disc in place of the older one.",
        )
    else:
        others = {}
        finding = warning(
            "siblings-unknown",
            f"disc {volume} of {volumes}",
            "What the other discs of the set hold is not known here, so the pages say only which "
            "disc this is.",
            "Update it at the station that made it, or export the whole set again.",
        )
    return FormerSet(volume, volumes, others), [finding]


def recall_included(
    station: Station, manifest: Manifest | None, source: UpdateSource, folders: tuple[str, ...]
) -> tuple[Included, list[Finding]]:
    """Return what the site had put onto the volume, and stays: its folders, and what they are.

    Which program in them shows images is told by the description beside the
    folder that was included, if it is still there, and else by the old README.TXT.
    """
    files = tuple(
        IncludedFile(file.path, file.source, file.size_bytes, file.sha256)
        for file in source.files
        if file.record < 0 and file.path.partition("/")[0] in folders
    )
    paths = {file.path for file in files}
    told = _on_readme(source.page_text, paths)
    known = _described(station, source.directory.file_set_uid if manifest else "", paths)
    viewer = next(chain(known, told), None)
    findings = []
    if viewer is None and _VIEWER in source.page_text:
        findings.append(
            warning(
                "viewer-unknown",
                ", ".join(folders) or "the pages",
                "The pages of the medium told of a viewer; what starts it is not known here, so "
                "the new pages do not name it. Its files stay as they are.",
                "Put its description back beside the folder that was included, and update again.",
            )
        )
    return Included(files, folders, viewer), findings


def _on_pages(source: UpdateSource) -> tuple[int, int]:
    """Return which volume of how many the pages of the medium say it is; 1 of 1 if nothing."""
    found = _DISC.search(source.page_text)
    return (int(found[1]), int(found[2])) if found else (1, 1)


def _others(station: Station, file_set_uid: str, volume: int, volumes: int) -> dict[int, Contents]:
    """Return what the other volumes hold of the set that this one was made with."""
    for made in sets_of(station, file_set_uid):
        numbers = {manifest.volume for _, manifest in made.volumes}
        if numbers != set(range(1, volumes + 1)) or not _is_in(made, file_set_uid, volume):
            continue
        with suppress(MediaError, OSError):
            return {
                manifest.volume: _contents(*_latest(station, folder, manifest))
                for folder, manifest in made.volumes
                if manifest.volume != volume
            }
    return {}


def _is_in(made: MadeSet, file_set_uid: str, volume: int) -> bool:
    return any(
        (manifest.file_set_uid, manifest.volume) == (file_set_uid, volume)
        for _, manifest in made.volumes
    )


def _contents(folder: Path, manifest: Manifest) -> Contents:
    held = read_contents(folder / DIRECTORY_NAME).without_sizes()
    return held.without_dates(manifest.undated_studies)


def _latest(station: Station, folder: Path, manifest: Manifest) -> tuple[Path, Manifest]:
    """Return folder and manifest of a volume's newest state: it may have been updated since."""
    for made in sets_of(station, manifest.file_set_uid):
        for place, one in made.volumes:
            if made.is_done and one.file_set_uid == manifest.file_set_uid:
                return place, one
    return folder, manifest


def _described(station: Station, file_set_uid: str, paths: set[str]) -> Iterator[Viewer]:
    """Yield what lay beside the folders that were included, and still does."""
    for made in sets_of(station, file_set_uid):
        for folder in map(Path, made.request.get("include") or ()):
            with suppress(ConfigError, OSError, RuntimeError):
                viewer = read_viewer(folder, folder.resolve().name, paths)
                if viewer is not None:
                    yield viewer


def _on_readme(text: str, paths: set[str]) -> Iterator[Viewer]:
    """Yield what README.TXT says of a viewer, if what it names to start is there."""
    start = _START.search(text)
    name = _NAME.search(text)
    if start is not None and name is not None and start[1] in paths:
        systems = _SYSTEMS.search(text)
        yield Viewer(name[1], start[1], systems[1] if systems else "")
