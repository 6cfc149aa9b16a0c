"""The operator console: which place is shown, what can be taken back, what is told."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import App, SystemCommand
from textual.binding import ActiveBinding, Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from mediastation.console.desk import Desk
from mediastation.console.driver import TerminalDriver
from mediastation.console.places import PLACE_OF, PLACES
from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.help import HelpScreen
from mediastation.console.serving import BeginServing, attach, begin_serving, farewell
from mediastation.console.terminal import require_terminal
from mediastation.console.themes import DEFAULT_THEME, THEMES
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.status_line import StatusLine
from mediastation.errors import MediastationError
from mediastation.model.text import harmless
from mediastation.station.status import StationStatus

if TYPE_CHECKING:
    from mediastation.console.screens.studies import StudiesScreen

_MOST_UNDO = 200
_KEYS = {"take_back": ("u", "^z"), "help": ("?", "F1"), "leave": ("q", "^q")}
"""How keys are told that have another one where letters are typed: here, and there."""
_BASE_SCREENS = 1
"""Screens below the place that is shown: the empty one that Textual begins with."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Something that can be taken back: what it was, in words, and what takes it back."""

    words: str
    act: Callable[[], Any]


class ConsoleApp(App[MediastationError | None]):
    """The console of one station.

    Its result is what kept it from opening the station, or None.

    Parameters
    ----------
    home : Path
        Folder of the station.
    desk : Desk, optional
        The way to it.
    first : str
        Place that is shown at first.
    begin : callable, optional
        Serves the home in a process of its own; nobody does so otherwise.
    """

    CSS_PATH = "console.tcss"
    TITLE = "Mediastation"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(place.key, f"go('{place.name}')", place.title, show=False, tooltip=place.help)
            for place in PLACES
        ),
        Binding("u,ctrl+z", "take_back", "Undo"),
        Binding("question_mark,f1", "help", "Help"),
        Binding(
            "exclamation_mark",
            "decide",
            "Decide",
            key_display="!",
            show=False,
            tooltip="Go to the job that waits for a decision",
        ),
        Binding("ctrl+p", "command_palette", "Find", key_display="^p"),
        Binding("q,ctrl+q", "leave", "Quit", priority=False),
    ]

    def __init__(
        self,
        home: Path,
        desk: Desk | None = None,
        first: str = "studies",
        begin: BeginServing | None = None,
    ) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.desk = desk or Desk(home)
        self.status: StationStatus | None = None
        self.fault: Exception | None = None
        self._first = first
        self.begin = begin
        self.goes_on = False
        """Whether this console has begun a `serve`, be it still starting, that stays."""
        self._reading = False
        self._told_asking: set[int] = set()
        self._decided: int | None = None
        self._undo: list[Undo] = []
        self._told_fault = ""
        for theme in THEMES:
            self.register_theme(theme)

    # Beginning and end

    def on_mount(self) -> None:
        """Take the theme that was chosen, and open the station after the first paint."""
        self.push_screen(self._place(self._first))
        chosen = self.desk.recall("theme")
        known = {theme.name for theme in THEMES}
        self.theme = chosen if isinstance(chosen, str) and chosen in known else DEFAULT_THEME
        if not self.is_headless:
            # A terminal that goes, or a shutdown, ends the console as `q` does.
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.run_worker(self._open(), group="open")

    async def _open(self) -> None:
        try:
            if not self.desk.is_open:
                await self.desk.open()
        except MediastationError as fault:
            self.exit(fault, return_code=fault.exit_code)
            return
        self.set_interval(1.0, self._look_at_station)
        await self._read_status()
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen):
                screen.look_again()
        await attach(self)

    async def _on_exit_app(self) -> None:
        await self.desk.close()
        await super()._on_exit_app()

    def _fatal_error(self) -> None:
        # What is ours to mend is told by whoever started us, not in the middle of a screen.
        self.fault = self._exception
        self._close_messages_no_wait()

    # Places

    def _place(self, name: str) -> ConsoleScreen:
        if name not in self._installed_screens:
            self.install_screen(PLACE_OF[name].load()(), name)
        screen = self.get_screen(name)
        assert isinstance(screen, ConsoleScreen)  # noqa: S101 - only such are installed here
        return screen

    async def go(self, name: str, **words: Any) -> None:
        """Show the place called `name`; `words` are handed to its `receive`."""
        while len(self.screen_stack) > _BASE_SCREENS + 1:
            self.pop_screen()
        screen = self._place(name)
        if screen is not self.screen:
            await self.switch_screen(name)
        self._show_status()
        if words:
            screen.receive(**words)

    async def action_go(self, name: str) -> None:
        """Go to a place by its digit."""
        await self.go(name)

    def unmark(self, sources: Sequence[str], words: str) -> None:
        """Take away the marks in Studies of what went out; `words` tell what is taken back."""
        if "studies" in self._installed_screens:
            cast("StudiesScreen", self.get_screen("studies")).unmark(sources, words)

    # What everybody sees

    def _look_at_station(self) -> None:
        if not self.is_headless and not _has_terminal():
            # A line that broke without a hangup: nobody will ever press a key again.
            self.exit()
            return
        # One at a time: where whoever serves does not answer, threads would pile up.
        if not self._reading:
            self.run_worker(self._read_status(), group="status")

    async def _read_status(self) -> None:
        from mediastation.station.browse import station_status  # noqa: PLC0415 - not for the paint

        self._reading = True
        try:
            self.status = await self.desk.call(station_status)
            self._tell_asking(self.status.asking)
        except MediastationError as fault:
            self.tell_fault(fault)
        finally:
            self._reading = False
        self._show_status()

    def _tell_asking(self, asking: Sequence[int]) -> None:
        """Say once of each job that it waits for a decision."""
        new = [job for job in asking if job not in self._told_asking]
        self._told_asking = set(asking)
        if len(new) == 1:
            self.tell(f"Job {new[0]} waits for your decision. ! goes there.", grave=True)
        elif new:
            self.tell(f"{len(new)} jobs wait for your decision. ! goes there.", grave=True)

    async def action_decide(self) -> None:
        """Go to a job that waits for a decision; again, to the next one."""
        asking = self.status.asking if self.status else ()
        if not asking:
            self.tell("No job waits for a decision.")
            return
        later = [job for job in asking if self._decided is not None and job > self._decided]
        self._decided = later[0] if later else asking[0]
        await self.go("jobs", job=self._decided)

    def _show_status(self) -> None:
        # What was being read while the console was left has nothing to be drawn on.
        for line in self.screen.query(StatusLine) if self.screen_stack else ():
            line.status = self.status

    def tell(self, message: str, *, grave: bool = False) -> None:
        """Say something that the operator need not answer."""
        severity = "warning" if grave else "information"
        self.notify(harmless(message), severity=severity, markup=False)  # type: ignore[arg-type]

    def tell_fault(self, fault: MediastationError) -> None:
        """Say what stopped something, and what to do next; what lasts is told once."""
        told = f"{fault.message}\n→ {fault.hint}" if fault.hint else fault.message
        if told == self._told_fault:
            return
        self._told_fault = told
        self.set_timer(30, partial(setattr, self, "_told_fault", ""))
        self.notify(
            harmless(told.replace("\n", " ")), title="error", severity="error", timeout=15,
            markup=False,
        )  # fmt: skip

    # Taking back

    def can_take_back(self, words: str, act: Callable[[], Any]) -> None:
        """Note what was just done, in words, and what takes it back.

        `act` returns False where it could not.
        """
        self._undo.append(Undo(words, act))
        del self._undo[:-_MOST_UNDO]

    async def action_take_back(self) -> None:
        """Take back what was done last."""
        if not self._undo:
            self.tell("Nothing to take back.")
            return
        undo = self._undo.pop()
        answer = undo.act()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer is not False:
            self.tell(f"Taken back: {undo.words}.")

    # Help, palette, leaving

    def action_help(self) -> None:
        """Show the keys of the moment."""
        screen = self.screen
        if isinstance(screen, ConsoleScreen):
            self.push_screen(HelpScreen(PLACE_OF[screen.PLACE].title, self.keys_of(screen)))

    def get_key_display(self, binding: Binding) -> str:
        """Return how a key is told: always one that works where the focus is."""
        if binding.action in _KEYS:
            return _KEYS[binding.action][isinstance(self.focused, Input)]
        return super().get_key_display(binding)

    def keys_of(self, screen: Screen[Any]) -> list[tuple[str, str]]:
        """Return keys and what they do, each action once: the place's, then everybody's."""
        found: dict[str, tuple[int, list[str], str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if not _concerns_people(active):
                continue
            rank = 0 if active.node is screen else 2 if active.node is self else 1
            told = binding.tooltip or binding.description
            _, keys, _ = found.setdefault(binding.action, (rank, [], told))
            shown = binding.key_display or self.get_key_display(binding)
            if shown not in keys:
                keys.append(shown)
        ranked = sorted(found.values(), key=lambda item: item[0])
        return [(" ".join(keys), told) for _, keys, told in ranked]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Give every place, every action of the screen and every theme to the palette."""
        for place in PLACES:
            yield SystemCommand(
                f"Go to {place.title}", f"{place.key} · {place.help}", partial(self.go, place.name)
            )
        told = set()
        for active in screen.active_bindings.values():
            binding = active.binding
            of_table = active.node not in (screen, self)
            skipped = of_table or binding.action.startswith(("go(", "command_palette"))
            if skipped or not _concerns_people(active) or binding.action in told:
                continue
            told.add(binding.action)
            key = binding.key_display or self.get_key_display(binding)
            yield SystemCommand(
                binding.description,
                f"{key} · {binding.tooltip or binding.description}",
                partial(self.run_action, binding.action, active.node),
            )
        for theme in THEMES:
            yield SystemCommand(
                f"Theme: {theme.name}",
                "How the console looks",
                partial(self.choose_theme, theme.name),
            )

    def choose_theme(self, name: str) -> None:
        """Change the look, and remember it."""
        before = self.theme
        self.theme = name
        self.desk.remember("theme", name)
        self.can_take_back(f"theme {name}", partial(self._set_theme, before))

    def _set_theme(self, name: str) -> None:
        self.theme = name
        self.desk.remember("theme", name)

    async def action_leave(self) -> None:
        """Leave; ask first if something would be lost."""
        if self.desk.under_way:
            what = "; ".join(self.desk.under_way.values())
            question = f"Leave while this is under way: {what}?"
            told = "It would be stopped. Jobs in the list go on without the console."
            self.push_screen(Confirm(question, (), told, yes="Leave", no="Stay"), self._leave)
        else:
            self.exit()

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self.exit()


def _has_terminal() -> bool:
    stdin = sys.__stdin__
    try:
        return stdin is not None and os.isatty(stdin.fileno())
    except (OSError, ValueError):
        return False


def is_end_of_terminal(fault: Exception) -> bool:
    """Tell whether drawing failed only as nobody is there to see it: the line was cut."""
    return isinstance(fault, OSError) and fault.errno == errno.EIO and not _has_terminal()


def _concerns_people(active: ActiveBinding) -> bool:
    """Tell whether a key is worth telling of: not what every terminal program does with Tab."""
    binding = active.binding
    stock = binding.system or binding.action.startswith(("app.focus", "screen.", "help_quit"))
    return active.enabled and bool(binding.description) and not stock


def run_console(home: Path) -> MediastationError | None:
    """Run the console on this terminal; return what kept it from opening the station.

    Whatever else ended it is raised.

    Raises
    ------
    ConfigError
        If this terminal could not show it.
    """
    require_terminal()
    for name in ("COLUMNS", "LINES"):
        # A shell may have exported what was true once; the terminal knows its size.
        os.environ.pop(name, None)
    app = ConsoleApp(home, begin=begin_serving)
    answer = app.run()
    if app.fault is not None:
        if is_end_of_terminal(app.fault):
            return None
        raise app.fault
    if answer is None and app.status is not None and (app.status.answers or app.goes_on):
        from mediastation.config import default_home  # noqa: PLC0415 - not for the paint

        with suppress(OSError):  # its terminal may have been closed: nobody is there to read it
            print(farewell(home, home == default_home(), app.status.address), file=sys.stderr)
    return answer
