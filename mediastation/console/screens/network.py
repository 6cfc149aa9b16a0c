"""*Network*: who listens here, who is connected, and what came of those who were."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.network_words import (
    COLUMNS,
    association_row,
    association_text,
    listener_text,
    mean_rate,
    modality_words,
)
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.network.association_log import AssociationFacts
    from mediastation.station.listening import Listener
    from mediastation.station.station import Station

_RATE_OVER = 5
"""Looks, one a second, that the rate of a live association is taken over."""
_MOST_PEERS = 12
_STOPPED_BUSY = (
    "Senders have to send again what was not acknowledged. Jobs go back to the queue "
    "and go on when it is started; a disc that is being burned is finished first."
)
_STOPPED_IDLE = (
    "Nobody can send to this station, and no job goes on, until it is started again (s, or u)."
)


class NetworkScreen(ConsoleScreen):
    """The listener of this home, and its associations."""

    PLACE = "network"
    FIRST_FOCUS = "#associations"
    CSS_PATH = "network.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "Start", tooltip="Listen, and work on jobs, in the background"),
        Binding("x", "stop", "Stop", tooltip="Listen no more; asks first"),
        Binding("c", "copy", "Copy", tooltip="Copy what has to be set on a modality"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._listener: Listener | None = None
        self._facts: dict[Key, AssociationFacts] = {}
        self._measured: dict[Key, list[tuple[float, int]]] = {}
        self._hosts: tuple[str, tuple[str, ...]] = ("", ())
        self._busy = ""
        self._now = 0.0

    def body(self) -> ComposeResult:
        """Give the listener, the associations, and words about one of them."""
        yield Static("", id="listener")
        yield PageTable(COLUMNS, empty="Nobody has called yet.", id="associations")
        with VerticalScroll(id="association-pane", can_focus=False):
            yield Static("", id="association-words", markup=False)

    @property
    def table(self) -> PageTable:
        """The associations."""
        return self.query_one("#associations", PageTable)

    # Reading

    async def look(self) -> None:
        """Ask the listener; a socket tells at once."""
        from mediastation.station.listening import hosts_of, read_listener  # noqa: PLC0415

        listener = await self.desk.call(read_listener)
        if self._hosts[0] != listener.address:
            self._hosts = (
                listener.address,
                await self.desk.call(lambda _: hosts_of(listener.address)),
            )
        self._listener = listener
        self._now = self.desk.station.clock.now()
        self._show()

    def _show(self) -> None:
        listener = self._listener
        if listener is None:
            return
        self._facts = {
            f"{one.since} {one.peer}": one for one in (*listener.live[::-1], *listener.ended)
        }
        rows: dict[Key, PageRow] = {}
        for key, facts in self._facts.items():
            rows[key] = association_row(facts, self._rate(key, facts), self._now)
        self._measured = {key: self._measured[key] for key in self._facts if key in self._measured}
        self.table.empty = (
            "Nobody has called yet. Send from the modality, or try its C-ECHO."
            if listener.answers
            else "Nobody can call: nobody listens. s starts it."
        )
        self.table.show_rows(rows)
        self._show_listener()
        self._describe(self.table.cursor_key)

    def _show_listener(self) -> None:
        self.query_one("#listener", Static).update(
            listener_text(self._listener, self._hosts[1], self._busy, self._now)
        )
        self.refresh_bindings()

    def _rate(self, key: Key, facts: AssociationFacts) -> float:
        """Return bytes a second: of late where it lives, else over its life."""
        if facts.ended_at is not None:
            return mean_rate(facts)
        looks = self._measured.setdefault(key, [])
        looks.append((self._now, facts.bytes))
        del looks[:-_RATE_OVER]
        (begin, before), (end, after) = looks[0], looks[-1]
        return (after - before) / (end - begin) if end > begin else mean_rate(facts)

    def _describe(self, key: Key | None) -> None:
        facts = self._facts.get(key)
        told = association_text(facts, self._now) if facts is not None else ""
        self.query_one("#association-words", Static).update(told)

    @on(PageTable.Moved)
    def show_words(self, event: PageTable.Moved) -> None:
        """Tell all about the association under the cursor."""
        self._describe(event.key)

    # Start and stop

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to start what is not there, and to stop what is."""
        listener = self._listener
        if action in {"start", "stop"} and listener is not None:
            return not self._busy and listener.is_served is (action == "stop")
        return super().check_action(action, parameters)

    def action_start(self) -> None:
        """Begin to listen, in a process that stays when the console goes."""
        self._act("Starting", _start, "start of the listener", self.action_stop)

    def action_stop(self) -> None:
        """End the listener; asks first, as nothing arrives and no job runs without it."""
        listener = self._listener
        if listener is None:
            return
        stop = partial(self._act, "Stopping", _stop, "stop of the listener", self.action_start)
        busy = [number_text(len(listener.live), "live association")] if listener.live else []
        busy += [number_text(listener.running, "running job")] if listener.running else []
        peers = [
            f"{one.calling_ae} at {one.peer}: {number_text(one.instances, 'image')} so far"
            for one in listener.live[:_MOST_PEERS]
        ]
        if len(listener.live) > _MOST_PEERS:
            peers.append(f"and {len(listener.live) - _MOST_PEERS} more")
        self.app.push_screen(
            Confirm(
                f"Stop listening, with {' and '.join(busy)}?" if busy else "Stop listening?",
                peers,
                _STOPPED_BUSY if busy else _STOPPED_IDLE,
                yes="Stop",
                no="Go on",
            ),
            lambda sure: stop() if sure else None,
        )

    def _act(
        self,
        words: str,
        act: Callable[[Station], object],
        undo: str,
        undoing: Callable[[], None],
    ) -> None:
        if self._busy:
            self.console.tell(f"Wait: {self._busy}")
            return
        self._busy = f"{words} …"
        self._show_listener()
        self.run_worker(self._go_through(words, act, undo, undoing), group="serve")

    async def _go_through(
        self,
        words: str,
        act: Callable[[Station], object],
        undo: str,
        undoing: Callable[[], None],
    ) -> None:
        try:
            await self.desk.work(f"{words.lower()} the listener", act)
            self.console.can_take_back(undo, undoing)
        except MediastationError as fault:
            self.console.tell_fault(fault)
        finally:
            self._busy = ""
        self.look_again()

    def action_copy(self) -> None:
        """Copy AE title, host and port."""
        listener = self._listener
        if listener is not None:
            self.app.copy_to_clipboard(modality_words(listener, self._hosts[1]))
            self.console.tell("Copied: AE title, host and port, for the modality.")


def _start(station: Station) -> object:
    from mediastation.station.serving_process import start_serving  # noqa: PLC0415

    return start_serving(station.home)


def _stop(station: Station) -> object:
    from mediastation.station.serving_process import stop_serving  # noqa: PLC0415

    return stop_serving(station.home)
