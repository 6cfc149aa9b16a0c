"""The picture beside the studies: read and rendered as the operator goes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, cast

from textual.timer import Timer

from mediastation.console.viewer import Viewer
from mediastation.console.widgets.picture_pane import PicturePane
from mediastation.errors import MediastationError
from mediastation.model.browsing import SeriesRow
from mediastation.model.finding import Finding
from mediastation.station.browse import read_instances, read_series

if TYPE_CHECKING:
    from mediastation.console.screens.base import ConsoleScreen
    from mediastation.model.picture import Picture, WindowChange
    from mediastation.station.preview import Previewer
    from mediastation.station.station import Station

_PAUSE_S = 0.12

# What each key does to the picture; the screen has the keys.
_CHANGES: Final[dict[str, Callable[[Viewer], None]]] = {
    "wider": lambda viewer: viewer.widen(),
    "narrower": lambda viewer: viewer.widen(narrower=True),
    "higher": lambda viewer: viewer.lift(),
    "lower": lambda viewer: viewer.lift(lower=True),
    "reset": lambda viewer: viewer.reset(),
}


class StudyPreview(PicturePane):
    """Shows the instances of the study or series that was named last."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.viewer = Viewer()
        self._wanted: tuple[int, int | None] | None = None
        self._timer: Timer | None = None
        self._rendering = False
        self._again = False
        self._previewer: Previewer | None = None
        self._place: ConsoleScreen

    def on_mount(self) -> None:
        """Remember the screen: while leaving, there is none to be asked for."""
        self._place = cast("ConsoleScreen", self.screen)

    def look_at(self, study: int | None, series: int | None = None) -> None:
        """Show a study's first series, or one series of it, when the cursor has come to rest."""
        if study is None:
            self.viewer = Viewer()
            self.show(None, "", ())
            return
        if (study, series) == self._wanted:
            return
        self._wanted = (study, series)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE_S, self._enter_soon)

    def act(self, what: str) -> None:
        """Go on, go back, or change the window: ``next``, ``previous``, ``wider`` and so on."""
        if what in {"next", "previous"}:
            by = 1 if what == "next" else -1
            self.run_worker(self._step(by), group="preview-step")
            return
        if what in {"next-frame", "previous-frame"}:
            if not self.viewer.step_frame(1 if what == "next-frame" else -1, self.picture):
                return
        else:
            _CHANGES[what](self.viewer)
        self.render_soon()

    def on_picture_pane_resized(self) -> None:
        """Render for the new size."""
        self.render_soon()

    async def on_unmount(self) -> None:
        """End the process that decodes."""
        if self._previewer is not None:
            await asyncio.to_thread(self._previewer.close)

    def _picture(
        self,
        station: Station,
        entry: int,
        rows: int,
        columns: int,
        frame: int | None,
        change: WindowChange,
    ) -> Picture | Finding:
        # In a thread of the desk: loads the codecs' other end and waits for it.
        from mediastation.station.preview import Previewer  # noqa: PLC0415

        if self._previewer is None:
            self._previewer = Previewer()
        return self._previewer.picture(station, entry, rows, columns, frame, change)

    def _enter_soon(self) -> None:
        if self._wanted is not None:
            self.run_worker(self._enter(*self._wanted), group="preview", exclusive=True)

    async def _enter(self, study: int, series: int | None) -> None:
        found = await self._place.ask(read_series, [study]) or {}
        rows = found.get(study, [])
        chosen = next((n for n, row in enumerate(rows) if row.id == series), 0)
        viewer = Viewer(study=study, series=rows)
        if rows:
            viewer.enter(chosen, await self._place.ask(read_instances, rows[chosen].id) or [])
        self.viewer = viewer
        self.render_soon()

    async def _step(self, by: int) -> None:
        viewer = self.viewer
        other = viewer.step(by)
        if other is not None:
            rows: Sequence[SeriesRow] = viewer.series
            instances = await self._place.ask(read_instances, rows[other].id) or []
            viewer.enter(other, instances, at_end=by < 0)
        self.render_soon()

    def render_soon(self) -> None:
        """Render what is looked at now; while one picture is made, only the last wish counts."""
        if not self.display or not self.is_attached:
            return
        if self._rendering:
            self._again = True
            return
        self._rendering = True
        self.run_worker(self._draw(), group="preview-render")

    async def _draw(self) -> None:
        try:
            self._again = True
            while self._again:
                self._again = False
                await self._draw_once()
        finally:
            self._rendering = False

    async def _draw_once(self) -> None:
        viewer, instance = self.viewer, self.viewer.instance
        if instance is None:
            told = "No image in this series." if viewer.series else ""
            self.show(None, told, viewer.caption(None))
            return
        rows, columns = self.picture_size
        try:
            found = await self._place.desk.call(
                self._picture, instance.id, rows, columns, viewer.frame, viewer.change
            )
        except MediastationError as fault:
            self.show(None, fault.message, viewer.caption(None))
            return
        if viewer is not self.viewer:
            return
        if isinstance(found, Finding):
            self.show(None, f"No picture: {found.message}", viewer.caption(None))
        else:
            self.show(found, "", viewer.caption(found))
