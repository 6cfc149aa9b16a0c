"""Dialogs about passwords: typing a new one, typing one that exists, and handing one over.

A password stands in a dialog for as long as that is open; what a dialog gives
back hides itself (`mediastation.model.secrecy.Password`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mediastation.console.screens.job_words import bar
from mediastation.console.widgets.dialogs import AskPath, PathSuggester
from mediastation.console.words import number_text
from mediastation.errors import SecrecyError
from mediastation.model.secrecy import LONGEST_PASSWORD, Password
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.station.sealing.choice import Judgement

Judge = Callable[[Password], Awaitable["Judgement | None"]]
"""Tells what a password is worth; None where that cannot be told just now."""

_BAR = 20
_FEW_WORDS = 4
_SPACED = 3
_WORD_CELLS = 24


_Given = TypeVar("_Given")


class _PasswordDialog(ModalScreen[_Given | None]):
    """A question with masked lines; they are emptied before it closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
        Binding("down", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, question: str, people: Sequence[str] = (), told: str = "") -> None:
        super().__init__()
        self.question, self.people, self.told = question, tuple(people), told

    def _head(self) -> ComposeResult:
        yield Static(harmless(self.question), classes="question", markup=False)
        for name in self.people:
            yield Static(harmless(name), classes="person", markup=False)

    def _line(self, label: str, name: str) -> Horizontal:
        line = Input(password=True, max_length=LONGEST_PASSWORD, id=name)
        return Horizontal(Static(label, classes="field-label"), line, classes="field")

    def on_mount(self) -> None:
        """Begin with the first line."""
        self.query(Input).first().focus()

    def _say(self, wrong: str) -> None:
        self.query_one(".wrong", Static).update(harmless(f"! {wrong}") if wrong else "")

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value

    def _forget(self) -> None:
        for line in self.query(Input):
            with line.prevent(Input.Changed):
                line.value = ""

    def action_leave(self) -> None:
        """Give nothing."""
        self._forget()
        self.dismiss(None)


class AskNewPassword(_PasswordDialog[Password]):
    """Asks twice for a password that is to seal something, and shows how strong it is.

    Parameters
    ----------
    question : str
    judge : callable
        Tells what a password is worth.
    people : sequence of str
        The patients concerned.
    told : str
        What follows from it.
    """

    def __init__(
        self, question: str, judge: Judge, people: Sequence[str] = (), told: str = ""
    ) -> None:
        super().__init__(question, people, told)
        self._judge = judge
        self._is_judging = self._is_stale = False

    def compose(self) -> ComposeResult:
        """Give two masked lines, and below them what the first one is worth."""
        with Vertical(classes="dialog wide"):
            yield from self._head()
            yield self._line("Password", "password")
            yield self._line("The same again", "again")
            yield Static(strength_text(None), id="strength", markup=False)
            yield Static("", classes="wrong", markup=False)
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            yield Static("Enter goes on · Escape leaves", classes="told")

    @on(Input.Changed)
    def judge_typed(self) -> None:
        """Show what is typed so far is worth, one look at a time."""
        self._say("")
        if self._is_judging:
            self._is_stale = True
        else:
            self._is_judging = True
            self.run_worker(self._judge_typed(), group="judge")

    async def _judge_typed(self) -> None:
        try:
            while True:
                self._is_stale = False
                found = await self._judged()
                if self.is_attached:
                    self.query_one("#strength", Static).update(strength_text(found))
                if not self._is_stale:
                    return
        finally:
            self._is_judging = False

    async def _judged(self) -> Judgement | None:
        typed = self._value("password")
        if not typed:
            return None
        try:
            return await self._judge(Password(typed))
        except SecrecyError as fault:
            self._say(fault.message)
            return None

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """Go to the second line; from there, take the password if it may be used."""
        if event.input.id == "password":
            self.query_one("#again").focus()
        else:
            self.run_worker(self._take(), group="take", exclusive=True)

    async def _take(self) -> None:
        if not self._value("password"):
            self._refuse("Type the password into the first line.", "password")
            return
        found = await self._judged()
        if found is None:
            self.query_one("#password").focus()  # why was told already
        elif found.trouble:
            self._refuse(found.trouble, "password")
        elif self._value("password") != self._value("again"):
            self._refuse("The two are not the same. Type the second one again.", "again")
        else:
            self._forget()
            self.dismiss(found.password)

    def _refuse(self, wrong: str, name: str) -> None:
        self._say(wrong)
        line = self.query_one(f"#{name}", Input)
        line.focus()
        if name == "again":
            with line.prevent(Input.Changed):
                line.value = ""


def strength_text(found: Judgement | None) -> Text:
    """Return how strong a password is: a bar, bits of those asked for, words of one of ours."""
    if found is None:
        return Text("How hard it is to guess shows here.", "dim")
    share = found.bits / found.least_bits
    told = f"{bar(share, _BAR)} {found.bits:.0f} of {found.least_bits} bits"
    if found.words:
        told += f" · {number_text(found.words, 'word')} and the checksum word"
    if found.trouble:
        return Text.assemble(f"{told}\n", (f"✗ {harmless(found.trouble)}", "bold"))
    return Text.assemble(f"{told}\n", ("✓ strong enough", "bold"))


@dataclass(frozen=True, slots=True)
class Opening:
    """What was given to open something with: a password, or the file of a private key."""

    password: Password | None = None
    key: Path | None = None
    key_password: Password | None = None


class AskOpening(_PasswordDialog[Opening]):
    """Asks for the password of something sealed, or for the file of a key that opens it.

    Parameters
    ----------
    question : str
    told : str
        What was tried before, or what follows.
    check : callable
        Returns what looks mistyped in a password; empty if nothing does.
    takes_key, takes_password : bool
        Whether a key can be named, and whether a password opens it at all.
    """

    def __init__(
        self,
        question: str,
        told: str,
        check: Callable[[Password], Awaitable[str | None]],
        *,
        takes_key: bool = False,
        takes_password: bool = True,
    ) -> None:
        super().__init__(question, (), told)
        self._check, self._takes_key = check, takes_key
        self._takes_password = takes_password
        self._warned = False

    def compose(self) -> ComposeResult:
        """Give a masked line, and one for the file of a key."""
        with Vertical(classes="dialog wide"):
            yield from self._head()
            if self._takes_password:
                yield self._line("Password", "password")
            if self._takes_key:
                label = "or a key file" if self._takes_password else "Key file"
                key = Input(placeholder="PEM, DER or PKCS#12", suggester=PathSuggester(), id="key")
                yield Horizontal(Static(label, classes="field-label"), key, classes="field")
                yield self._line("password of it", "key-password")
            yield Static("", classes="wrong", markup=False)
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            completes = " · → completes a path" if self._takes_key else ""
            yield Static(f"Enter opens · Escape leaves{completes}", classes="told")

    @on(Input.Changed)
    def begin_again(self) -> None:
        """Take back what was said of what stood there before."""
        self._warned = False
        self._say("")

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """Take what was given; an empty password leads on to the key."""
        if event.input.id == "password" and not event.value and self._takes_key:
            self.query_one("#key").focus()
        else:
            self.run_worker(self._take(), group="take", exclusive=True)

    async def _take(self) -> None:
        try:
            given, wrong = await self._given()
        except SecrecyError as fault:
            given, wrong = None, fault.message
        if given is None or wrong:
            self._say(wrong)
            return
        self._forget()
        self.dismiss(given)

    async def _given(self) -> tuple[Opening | None, str]:
        if self._takes_password and (typed := self._value("password")):
            password = Password(typed)
            slip = "" if self._warned else await self._check(password)
            if slip:
                # It may be a password that only looks like one of ours: the second Enter tries it.
                self._warned = True
                return None, f"{slip} Enter tries it all the same."
            return Opening(password), ""
        path = self._value("key").strip() if self._takes_key else ""
        if not path:
            ways = ["type the password"] if self._takes_password else []
            ways += ["name the file of a key"] if self._takes_key else []
            return None, f"{', or '.join(ways)}.".capitalize()
        key = Path(path).expanduser()
        if not key.is_file():
            return None, f"There is no file {key}."
        of_key = self._value("key-password")
        return Opening(key=key.absolute(), key_password=Password(of_key) if of_key else None), ""


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
