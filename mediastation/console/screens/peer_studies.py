"""Studies that a peer has: marked, and fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from mediastation.console.screens.peer_words import STUDY_COLUMNS, study_row
from mediastation.console.widgets.page_table import Key, PageTable
from mediastation.console.words import number_text
from mediastation.model.text import harmless

_AROUND = 10
"""Lines of the dialog besides its table."""


class PeerStudies(ModalScreen[list[dict[str, str]] | None]):
    """Shows what a query found; gives the rows that are to be fetched, or None.

    Parameters
    ----------
    title : str
        Whose studies they are.
    rows : sequence of dict
        As `mediastation.station.traffic.query.find` returns them.
    told : str
        What else there is to say of them; why they cannot be fetched.
    can_fetch : bool
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", show=False),
        Binding("space", "mark", "Mark", show=False),
        Binding("f", "fetch", "Fetch", show=False),
    ]

    def __init__(
        self, title: str, rows: Sequence[dict[str, str]], told: str, *, can_fetch: bool
    ) -> None:
        super().__init__()
        self.heading = title
        self.rows: dict[Key, dict[str, str]] = {
            row["study_instance_uid"]: row for row in rows if row.get("study_instance_uid")
        }
        self.told = told
        self.can_fetch = can_fetch
        self.marked: set[Key] = set()

    def compose(self) -> ComposeResult:
        """Give the table, and the keys."""
        with Vertical(classes="dialog whole"):
            count = number_text(len(self.rows), "study", "studies")
            yield Static(harmless(f"{self.heading}: {count}"), classes="question", markup=False)
            yield PageTable(
                STUDY_COLUMNS, sign=self._sign, empty="Nothing there has these words.",
                id="peer-studies",
            )  # fmt: skip
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            keys = "space marks · Enter or f fetches · " if self.can_fetch else ""
            yield Static(f"{keys}Escape closes", classes="told")

    def on_mount(self) -> None:
        """Show the rows."""
        table = self.query_one("#peer-studies", PageTable)
        table.styles.height = max(min(self.app.size.height - _AROUND, 24), 4)
        table.show_rows({key: study_row(row) for key, row in self.rows.items()})
        table.focus()

    def _sign(self, key: Key) -> str:
        return "■" if key in self.marked else ""

    @on(PageTable.SignClicked)
    def action_mark(self) -> None:
        """Mark the study under the cursor, or take its mark away; go on to the next row."""
        table = self.query_one("#peer-studies", PageTable)
        if table.cursor_key is not None:
            self.marked ^= {table.cursor_key}
            table.action_move(1)
            table.refresh()

    @on(PageTable.Chosen)
    def action_fetch(self) -> None:
        """Fetch what is marked; where nothing is, the study under the cursor."""
        key = self.query_one("#peer-studies", PageTable).cursor_key
        chosen: Any = self.marked or ({key} if key is not None else set())
        if self.can_fetch and chosen:
            self.dismiss([row for key, row in self.rows.items() if key in chosen])

    def action_leave(self) -> None:
        """Fetch nothing."""
        self.dismiss(None)
