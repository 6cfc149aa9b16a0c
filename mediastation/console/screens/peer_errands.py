"""What is done with the peer under the cursor: tried, asked for studies, sent to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mediastation.console.marks import Marks
from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.peer_studies import PeerStudies
from mediastation.console.screens.peer_words import Try, keys_of_query, peer_row
from mediastation.console.screens.study_rows import patient_text
from mediastation.console.widgets.choose import AskWords, Field
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.station.traffic.query import QueryResult

_TRIES = "network.tries"
_MOST_ROWS = 500
_MOST_NAMES = 12


class PeerErrands(ConsoleScreen):
    """The peers of the Network screen, and what is done with them."""

    def __init__(self) -> None:
        super().__init__()
        self.peers: dict[Key, dict[str, Any]] = {}
        self._trying: set[str] = set()
        self._asking = ""

    @property
    def peer_table(self) -> PageTable:
        """The peers."""
        return self.query_one("#peers", PageTable)

    @property
    def peer(self) -> dict[str, Any] | None:
        """The peer under the cursor."""
        return self.peers.get(self.peer_table.cursor_key)

    async def read_peers(self) -> None:
        """Read the peers of the settings."""
        from mediastation.station.traffic.peers import peers  # noqa: PLC0415 - not for the first paint

        self.peers = {row["name"]: row for row in await self.desk.call(peers)}

    def show_peers(self, now: float) -> None:
        """Draw the peers anew."""
        rows: dict[Key, PageRow] = {
            name: peer_row(row, self.last_try(str(name)), now, trying=name in self._trying)
            for name, row in self.peers.items()
        }
        self.peer_table.show_rows(rows)

    def last_try(self, name: str) -> Try | None:
        """Return what came of trying a peer last, in whichever console."""
        kept = self.desk.recall(_TRIES)
        return Try.from_memory(kept.get(name)) if isinstance(kept, dict) else None

    # Trying

    def action_try(self) -> None:
        """Ask the peer under the cursor whether it answers (C-ECHO)."""
        peer = self.peer
        if peer is None or peer["name"] in self._trying:
            return
        self._trying.add(peer["name"])
        self.in_background(partial(self._try, peer["name"]), "peer")
        self.look_again()

    async def _try(self, name: str) -> None:
        from mediastation.station.traffic.peers import echo  # noqa: PLC0415

        try:
            seconds = await self.desk.work(f"trying {name}", echo, name)
            found = Try(self.desk.station.clock.now(), seconds)
        except MediastationError as fault:
            said = f"{fault.message} {fault.hint}".strip()
            found = Try(self.desk.station.clock.now(), -1.0, said)
            self.console.tell_fault(fault)
        finally:
            self._trying.discard(name)
        kept = self.desk.recall(_TRIES)
        known = kept if isinstance(kept, dict) else {}
        still = {one: told for one, told in known.items() if one in self.peers}
        self.desk.remember(_TRIES, {**still, name: found.as_memory()}, by_entry=True)
        self.look_again()

    # Finding and fetching

    def action_find(self) -> None:
        """Ask for words, then the peer under the cursor for studies that have them."""
        peer = self.peer
        if peer is None:
            return
        if "find" not in peer["services"]:
            self.console.tell(f"{peer['title']} is not there to be queried.")
            return
        fields = [
            Field("patient_id", "Patient ID"),
            Field("name", "Name", told="DOE* or DOE^JANE"),
            Field("accession", "Accession no."),
            Field("date", "Date", told="20260131, or 20260101-20260131"),
        ]
        self.app.push_screen(
            AskWords(f"Which studies of {peer['title']}?", fields, "At least one of these."),
            partial(self._find, peer),
        )

    def _find(self, peer: dict[str, Any], words: dict[str, str] | None) -> None:
        if words is None:
            return
        keys = keys_of_query(words)
        if not keys:
            self.console.tell("Nothing was asked for: an archive has too many studies for that.")
            return
        self.console.tell(f"Asking {peer['title']} …")
        self.in_background(partial(self._ask_peer, peer, keys), "find", exclusive=True)

    async def _ask_peer(self, peer: dict[str, Any], keys: list[str]) -> None:
        from mediastation.station.traffic.query import find  # noqa: PLC0415

        try:
            told = f"asking {peer['title']}"
            found = await self.desk.work(told, find, peer["name"], "studies", keys, _MOST_ROWS)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        if not self.is_current or self.desk.is_closing:
            return
        can_fetch = bool({"get", "move"} & set(peer["services"]))
        self.app.push_screen(
            PeerStudies(f"Studies of {peer['title']}", found.rows, _told_of(found, can_fetch),
                        can_fetch=can_fetch),
            partial(self._fetch, peer),
        )  # fmt: skip

    def _fetch(self, peer: dict[str, Any], rows: list[dict[str, str]] | None) -> None:
        if rows:
            studies = tuple(row["study_instance_uid"] for row in rows)
            self.in_background(partial(self._queue_fetch, peer, studies), "errand")

    async def _queue_fetch(self, peer: dict[str, Any], studies: tuple[str, ...]) -> None:
        from mediastation.station.traffic.requests import FetchRequest  # noqa: PLC0415

        count = number_text(len(studies), "study", "studies")
        await self._queue(FetchRequest(peer["name"], studies), f"fetches {count}", "fetching")

    # Sending

    def action_send_marked(self) -> None:
        """Ask, naming the patients, then send what is marked in Studies to the peer."""
        peer = self.peer
        if peer is None:
            return
        if "store" not in peer["services"]:
            self.console.tell(f"{peer['title']} is not there to take images.")
            return
        marks = Marks.from_dict(self.desk.recall("studies.marks"))
        if not marks:
            self.console.tell("Nothing is marked: in Studies (1), space marks a study.")
            return
        self.in_background(partial(self._confirm_sending, peer, marks), "errand")

    async def _confirm_sending(self, peer: dict[str, Any], marks: Marks) -> None:
        from mediastation.station.browse import add_up  # noqa: PLC0415

        found = await self.ask(add_up, list(marks.studies), list(marks.series))
        if found is None:
            return
        marks.drop(found.gone)
        if not marks:
            self.console.tell("What was marked is gone already.")
            return
        people = [patient_text(person) for person in found.people]
        if len(people) > _MOST_NAMES:
            people = [*people[:_MOST_NAMES], f"and {len(people) - _MOST_NAMES} more"]
        several = "! These are several patients. " if len(found.people) > 1 else ""
        self.app.push_screen(
            Confirm(
                f"Send {number_text(found.instances, 'image')} to {peer['title']} ({peer['aet']})?",
                people,
                f"{several}What came from outside goes only where it was reconciled.",
                yes="Send",
                no="Not now",
            ),
            partial(self._sure_to_send, peer, tuple(marks.sources)),
        )

    def _sure_to_send(
        self, peer: dict[str, Any], sources: tuple[str, ...], sure: bool | None
    ) -> None:
        if sure:
            self.in_background(partial(self._queue_send, peer, sources), "errand")

    async def _queue_send(self, peer: dict[str, Any], sources: tuple[str, ...]) -> None:
        from mediastation.station.traffic.requests import SendRequest  # noqa: PLC0415

        if await self._queue(SendRequest(sources, peer["name"]), "sends it", "sending"):
            self.console.unmark(sources, "taking away the marks of what was sent")

    async def _queue(self, request: Any, does: str, undo: str) -> int | None:
        from mediastation.station.serving.submitting import cancel, submit  # noqa: PLC0415

        job = await self.ask(submit, request)
        if job is None:
            return None

        async def take_back() -> bool:
            try:
                await self.desk.call(cancel, job)
            except MediastationError as fault:
                self.console.tell_fault(fault)
                return False
            return True

        self.console.can_take_back(f"{undo}, job {job}", take_back)
        self.console.tell(f"Job {job} {does}. 3 shows it; u cancels it.")
        return job


def _told_of(found: QueryResult, can_fetch: bool) -> str:
    words = [f"! {finding.message}" for finding in found.findings[:3]]
    if not found.complete:
        words.append(f"! There are more than {_MOST_ROWS}: ask for less.")
    if not can_fetch:
        words.append("Nothing is fetched from it: its services have neither get nor move.")
    return " ".join(words)
