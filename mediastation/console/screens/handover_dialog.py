"""The dialog that hands a password over: shown once, large, or written on a sheet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from mediastation.console.widgets.dialogs import AskPath
from mediastation.model.secrecy import Password
from mediastation.model.text import harmless

_FEW_WORDS = 4
_SPACED = 3
_WORD_CELLS = 24


class HandOver(ModalScreen[None]):
    """Shows the password of a job once, large, and writes it on a sheet for the recipient.

    Parameters
    ----------
    job : int
    password : Password
    write : callable
        Writes the sheet; returns what went wrong, empty if nothing did.
    place : Path
        Where the sheet lies if nobody says otherwise.
    is_new : bool
        Whether nobody knows it yet: then it is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "sheet", "Sheet", show=False),
        Binding("d", "done", "Done", show=False),
        Binding("escape", "leave", "Done", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]

    def __init__(
        self,
        job: int,
        password: Password,
        write: Callable[[Path], Awaitable[str]],
        place: Path,
        *,
        is_new: bool,
    ) -> None:
        super().__init__()
        self._job, self._password, self._write, self._place = job, password, write, place
        self._is_new = is_new
        self._is_told = not is_new
        """Whether the password is known to somebody, or on a sheet."""

    def compose(self) -> ComposeResult:
        """Give the password, what to do with it, and the two answers."""
        with Vertical(classes="dialog wide"):
            question = f"Job {self._job} encrypts with " + (
                "this password. It is shown only now."
                if self._is_new
                else "the password you typed."
            )
            yield Static(question, classes="question", markup=False)
            if self._is_new:
                yield Static(large_words(self._password), id="large-words")
            yield Static(
                "It must travel apart from the medium: by hand, by telephone, on the sheet in an "
                "envelope of its own. Never write it on the medium or its cover.",
                classes="told",
                markup=False,
            )
            yield Static("", id="sheet-told", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Sheet to print (p)", id="sheet", variant="primary")
                yield Button("I have it (d)" if self._is_new else "No sheet (d)", id="done")

    def on_mount(self) -> None:
        """Let a hasty Enter lose nothing."""
        self.query_one("#sheet").focus()

    @on(Button.Pressed)
    def take(self, event: Button.Pressed) -> None:
        """Take the answer of a button."""
        if event.button.id == "sheet":
            self.action_sheet()
        else:
            self.action_done()

    def action_sheet(self) -> None:
        """Ask where the sheet is to lie, and write it."""
        self.app.push_screen(
            AskPath("Write the sheet to which new .pdf or .html file?", str(self._place)),
            self._sheet_at,
        )

    def _sheet_at(self, path: str | None) -> None:
        if path:
            self.run_worker(self._write_sheet(Path(path)), group="sheet", exclusive=True)

    async def _write_sheet(self, path: Path) -> None:
        told = self.query_one("#sheet-told", Static)
        told.update("Writing …")
        wrong = await self._write(path)
        if not self.is_attached:
            return
        if wrong:
            told.update(harmless(f"✗ {wrong}"))
            return
        self._is_told = True
        told.update(f"✓ {harmless(str(path))}\nPrint it, and delete the file: it has the password.")
        self.query_one("#done", Button).label = "Done (d)"
        self.query_one("#done").focus()

    def action_done(self) -> None:
        """Forget the password."""
        self._is_told = True
        self.action_leave()

    def action_leave(self) -> None:
        """Close, unless the password would be lost by that."""
        if not self._is_told:
            self.query_one("#sheet-told", Static).update(
                "! It is not shown again. Write it down or print the sheet (p), then press d."
            )
            return
        del self._password
        self.dismiss(None)


def large_words(password: Password) -> Text:
    """Return a passphrase as it is read aloud and copied by hand: words numbered and spaced."""
    words = password.octets.decode("ascii").split(" ")
    half = -(-len(words) // 2) if len(words) > _FEW_WORDS else len(words)
    text = Text()
    for row in range(half):
        for place in (row, row + half) if half < len(words) else (row,):
            if place < len(words):
                text.append(f"{place + 1:>2}  ")
                text.append(f" {' '.join(words[place])} ", "bold reverse")
                taken = 2 * len(words[place]) + 1
                text.append(" " * max(_WORD_CELLS - taken, _SPACED) if place < half else "")
        gap = "\n\n" if half <= _FEW_WORDS else "\n"
        text.append(gap if row + 1 < half else "")
    return text
