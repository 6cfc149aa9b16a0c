"""*Network*: who listens here, the peers of the site, and who is or was connected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from mediastation.console.screens.network_words import (
    COLUMNS,
    association_row,
    association_text,
    listener_text,
    mean_rate,
    modality_words,
)
from mediastation.console.screens.peer_errands import PeerErrands
from mediastation.console.screens.peer_words import PEER_COLUMNS, peer_text
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.network.association_log import AssociationFacts
    from mediastation.station.serving.listening import Listener
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


class NetworkScreen(PeerErrands):
    """The listener of this home, its peers, and its associations."""

    PLACE = "network"
    FIRST_FOCUS = "#associations"
    CSS_PATH = "network.tcss"
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-low"),
        (18, "-middle"),
        (36, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "Start", tooltip="Listen, and work on jobs, in the background"),
        Binding("x", "stop", "Stop", tooltip="Listen no more; asks first"),
        Binding("c", "copy", "Copy", tooltip="Copy what has to be set on a modality"),
        Binding("t", "try", "Try", tooltip="Ask the peer whether it answers (C-ECHO)"),
        Binding("f", "find", "Find", tooltip="Find studies at the peer, and fetch them"),
        Binding("m", "send_marked", "Send", tooltip="Send what is marked to the peer; asks first"),
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
        """Give the listener, the peers, the associations, and words about one of them."""
        yield Static("", id="listener")
        yield PageTable(PEER_COLUMNS, id="peers")
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
        from mediastation.station.serving.listening import hosts_of, read_listener  # noqa: PLC0415

        listener = await self.desk.call(read_listener)
        if self._hosts[0] != listener.address:
            self._hosts = (
                listener.address,
                await self.desk.call(lambda _: hosts_of(listener.address)),
            )
        await self.read_peers()
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
        # Without peers there is nothing to be done with them: the room is for those who call.
        self.peer_table.display = bool(self.peers)
        self.show_peers(self._now)
        self._show_listener()
        self._describe()

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

    def _describe(self) -> None:
        facts, peer = self._facts.get(self.table.cursor_key), self.peer
        told = association_text(facts, self._now) if facts is not None else ""
        if self.peer_table.has_focus and peer is not None:
            told = peer_text(peer, self.last_try(str(peer["name"])))
        self.query_one("#association-words", Static).update(told)

    @on(PageTable.Moved)
    @on(events.DescendantFocus)
    def show_words(self) -> None:
        """Tell all about the association, or the peer, under the cursor."""
        self._describe()

    # Start and stop

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to start what is not there, and to stop what is."""
        listener = self._listener
        if action in {"start", "stop"} and listener is not None:
            return not self._busy and listener.is_served is (action == "stop")
        if action in {"try", "find", "send_marked"}:
            return bool(self.peers)
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
    from mediastation.station.serving.process import start_serving  # noqa: PLC0415

    return start_serving(station.home)


def _stop(station: Station) -> object:
    from mediastation.station.serving.process import stop_serving  # noqa: PLC0415

    return stop_serving(station.home)
