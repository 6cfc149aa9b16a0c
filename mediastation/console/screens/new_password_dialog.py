"""The dialog for a new password: typed twice, while a bar shows how hard it is to guess."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from mediastation.console.screens.job_words import bar
from mediastation.console.screens.password_dialog import PasswordDialog
from mediastation.console.words import number_text
from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.station.sealing.choice import Judgement

Judge = Callable[[Password], Awaitable["Judgement | None"]]
"""Tells what a password is worth; None where that cannot be told just now."""

_BAR = 20


class AskNewPassword(PasswordDialog[Password]):
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
            yield from self.head()
            yield self.masked_line("Password", "password")
            yield self.masked_line("The same again", "again")
            yield Static(strength_text(None), id="strength", markup=False)
            yield Static("", classes="wrong", markup=False)
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            yield Static("Enter goes on · Escape leaves", classes="told")

    @on(Input.Changed)
    def judge_typed(self) -> None:
        """Show what is typed so far is worth, one look at a time."""
        self.say_wrong("")
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
        typed = self.typed("password")
        if not typed:
            return None
        try:
            return await self._judge(Password(typed))
        except SecrecyError as fault:
            self.say_wrong(fault.message)
            return None

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """Go to the second line; from there, take the password if it may be used."""
        if event.input.id == "password":
            self.query_one("#again").focus()
        else:
            self.run_worker(self._take(), group="take", exclusive=True)

    async def _take(self) -> None:
        if not self.typed("password"):
            self._refuse("Type the password into the first line.", "password")
            return
        found = await self._judged()
        if found is None:
            self.query_one("#password").focus()  # why was told already
        elif found.trouble:
            self._refuse(found.trouble, "password")
        elif self.typed("password") != self.typed("again"):
            self._refuse("The two are not the same. Type the second one again.", "again")
        else:
            self.forget_typed()
            self.dismiss(found.password)

    def _refuse(self, wrong: str, name: str) -> None:
        self.say_wrong(wrong)
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
