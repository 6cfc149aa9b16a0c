"""The list of the Import screen: media that are here, and the last imports with what is open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mediastation.burn.drive import DiscStatus, is_stdio
from mediastation.console.screens.drive_choice import typed_drives
from mediastation.console.screens.import_words import drive_row, import_row, mounted_row, open_words
from mediastation.console.widgets.page_table import Key, PageRow
from mediastation.console.words import number_text
from mediastation.errors import MediastationError
from mediastation.model.job import Step

if TYPE_CHECKING:
    from mediastation.console.screens.import_screen import ImportScreen
    from mediastation.station.burning.drive_view import DriveView
    from mediastation.station.intake.media_here import MountedMedium
    from mediastation.station.intake.view import ImportView

_NOTHING_ON_IT = (DiscStatus.NONE, DiscStatus.BLANK)
_READ_IN_FULL = 25
"""Imports of which the patients are read: so many fit on a screen."""


class ImportList:
    """What the list shows, and when it is read."""

    def __init__(self) -> None:
        self.views: dict[Key, ImportView] = {}
        self._drives: dict[str, DriveView] = {}
        self._mounted: list[MountedMedium] = []
        self._steps: Mapping[int, Step] = {}
        self._now = 0.0
        self._is_looking = False
        self._looked = False
        self._fault = ""

    async def read(
        self, screen: ImportScreen, now: float, steps: Mapping[int, Step], *, changed: bool
    ) -> None:
        """Read the imports, if anything changed, and how far those are that run."""
        from mediastation.station.intake.view import list_imports, read_import  # noqa: PLC0415

        self._now, self._steps = now, steps
        if not self._looked:
            self.look_at_media(screen)
        if not changed:
            return
        found = await screen.desk.call(list_imports)
        views: dict[Key, ImportView] = {}
        for number, view in enumerate(found):
            job = view.record.id
            wanted = number < _READ_IN_FULL and not view.record.state.is_open
            read = await screen.desk.call(read_import, job, view.held) if wanted else None
            views[job] = read or view
        self.views = views

    def look_at_media(self, screen: ImportScreen) -> None:
        """Look at drives and mounted media in the background, unless that is going on."""
        if not self._is_looking and screen.desk.is_open:
            self._is_looking = self._looked = True
            screen.in_background(partial(self._look_at_media, screen), "media")

    async def _look_at_media(self, screen: ImportScreen) -> None:
        from mediastation.station.burning.drive_view import look_at_drives  # noqa: PLC0415
        from mediastation.station.intake.media_here import mounted_media  # noqa: PLC0415

        desk = screen.desk
        try:
            self._mounted = await desk.call(mounted_media)
            screen.show_media()
            self._drives = await desk.call(
                look_at_drives, typed_drives(desk), dict(self._drives), desk.engine
            )
            self._fault = ""
        except MediastationError as fault:
            # Most computers that import from sticks alone have no drive to be asked.
            self._fault = fault.message
        finally:
            self._is_looking = False
        screen.show_media()

    def media_rows(self) -> dict[Key, PageRow]:
        """Return the media that may be imported: drives with a disc, and what is mounted."""
        rows: dict[Key, PageRow] = {}
        for device, view in self._drives.items():
            if not is_stdio(device):
                rows[device] = drive_row(view)
        for one in self._mounted:
            rows[str(one.path)] = mounted_row(one)
        return rows

    def why_not(self, key: Key) -> str:
        """Return why a medium cannot be imported now; empty if it can be tried."""
        view = self._drives.get(str(key))
        if view is None or view.drive.trouble or view.disc.status not in _NOTHING_ON_IT:
            return ""
        return f"{view.drive.device}: {view.disc.words}. Put the disc in, and press r."

    @property
    def media_empty(self) -> str:
        """What to say where no medium is here."""
        if self._is_looking:
            return "Looking at the drives …"
        return "No disc or stick is here. Put one in and press r; o takes a path."

    def media_words(self) -> str:
        """Return the line above the media."""
        looking = " · looking …" if self._is_looking else ""
        fault = f" · ! {self._fault}" if self._fault else ""
        return f"What somebody brought: Enter imports it, o another path{looking}{fault}"

    def import_rows(self, width: int) -> dict[Key, PageRow]:
        """Return the imports, the newest first; `width` is that of the column for what is open."""
        return {
            job: import_row(view, self._steps.get(view.record.id), self._now, width)
            for job, view in self.views.items()
        }

    def imports_words(self, width: int) -> str:
        """Return the line above the imports."""
        some = sum(bool(open_words(view)) for view in self.views.values())
        told = f"{number_text(len(self.views), 'import')}, {some:,} with something open"
        return f"{told} · Tab goes here, Enter opens" if width >= 60 else told
