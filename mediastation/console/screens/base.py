"""What every place has: the head, the keys of the moment, and looking again once a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Footer, Input

from mediastation.console.desk import Desk
from mediastation.console.widgets.status_line import PlaceBar, StatusLine
from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.console.app import ConsoleApp
    from mediastation.station.station import Station

_Words = ParamSpec("_Words")
_Answer = TypeVar("_Answer")


class ConsoleScreen(Screen[None]):
    """A place of the console.

    A place gives its widgets in `body`, its `PLACE` (the name in
    `mediastation.console.places`), what it reads in `look`, and takes in
    `receive` what another screen brings along.
    """

    PLACE: ClassVar[str]
    AUTO_FOCUS: ClassVar[str | None] = ""
    FIRST_FOCUS: ClassVar[str] = ""
    """Selector of the widget that has the focus at first."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._looking = self._is_stale = False
        self._offered: tuple[object, ...] = ()

    @property
    def console(self) -> ConsoleApp:
        """The app."""
        return cast("ConsoleApp", self.app)

    @property
    def desk(self) -> Desk:
        """The way to the station."""
        return self.console.desk

    def compose(self) -> ComposeResult:
        """Give head, body and keys."""
        yield StatusLine()
        yield PlaceBar(self.PLACE)
        yield from self.body()
        yield Footer(show_command_palette=False)

    def body(self) -> ComposeResult:
        """Give the widgets of this place."""
        yield from ()

    def receive(self, **words: Any) -> None:
        """Take what `app.go` brings along; called after the screen is shown."""

    async def look(self) -> None:
        """Read what is shown; called when the place is shown, and once a second while it is."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer the search only where there is something to search with, and not in it."""
        if action == "search":
            return bool(self.query("Input.search")) and not isinstance(self.focused, Input)
        return True

    def refresh_bindings(self) -> None:
        """Draw the keys of the moment anew, where others are offered than before.

        That takes Textual longer than all the rest of what a key does.
        """
        offered = tuple(
            (key, id(active.node), active.binding.action, active.enabled)
            for key, active in self.active_bindings.items()
            if active.binding.show
        )
        if offered != self._offered:
            self._offered = offered
            super().refresh_bindings()

    def on_mount(self) -> None:
        """Begin to look once a second."""
        self.set_interval(1.0, self._begin_to_look)
        if self.FIRST_FOCUS:
            self.query_one(self.FIRST_FOCUS).focus()

    def on_screen_resume(self) -> None:
        """Look at once."""
        self.look_again()

    def look_again(self) -> None:
        """Look now; where that is going on, once more after it: it may have read what is past."""
        if self._looking:
            self._is_stale = True
        self._begin_to_look()

    def _begin_to_look(self) -> None:
        if self._looking or not self.desk.is_open or not (self.is_mounted and self.is_current):
            return
        self._looking, self._is_stale = True, False
        self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        try:
            await self.look()
        except MediastationError as fault:
            self.console.tell_fault(fault)
        except NoMatches:
            # On leaving, the widgets go while this still reads.
            if self.is_attached and self.console.is_running:
                raise
        finally:
            self._looking = False
            if self._is_stale and self.is_attached and self.console.is_running:
                self._begin_to_look()

    async def ask(
        self,
        function: Callable[Concatenate[Station, _Words], _Answer],
        *words: _Words.args,
        **named: _Words.kwargs,
    ) -> _Answer | None:
        """Ask the station; what stops it is told to the operator, and None is returned."""
        try:
            return await self.desk.call(function, *words, **named)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return None

    def in_background(
        self, work: Callable[[], Awaitable[object]], group: str, *, exclusive: bool = False
    ) -> None:
        """Begin work that the keys do not wait for.

        It is handed over as a function: where the console is being left it is
        not begun at all.
        """
        self.run_worker(work, group=group, exclusive=exclusive)

    def action_search(self) -> None:
        """Go to the line that is searched with."""
        self.query_one("Input.search", Input).focus()
