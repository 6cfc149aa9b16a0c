"""The dialog that opens something sealed: with its password, or with the file of a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from mediastation.console.screens.password_dialog import PasswordDialog
from mediastation.console.widgets.dialogs import PathSuggester
from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.model.text import harmless


@dataclass(frozen=True, slots=True)
class Opening:
    """What was given to open something with: a password, or the file of a private key.

    Nothing of these where somebody chose to go on without.
    """

    password: Password | None = None
    key: Path | None = None
    key_password: Password | None = None


class AskOpening(PasswordDialog[Opening]):
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
    without : str
        What happens without either, where that is a choice; empty if it is none.
    """

    def __init__(
        self,
        question: str,
        told: str,
        check: Callable[[Password], Awaitable[str | None]],
        *,
        takes_key: bool = False,
        takes_password: bool = True,
        without: str = "",
    ) -> None:
        super().__init__(question, (), told)
        self._check, self._takes_key = check, takes_key
        self._takes_password = takes_password
        self._without = without
        self._warned = False

    def compose(self) -> ComposeResult:
        """Give a masked line, and one for the file of a key."""
        with Vertical(classes="dialog wide"):
            yield from self.head()
            if self._takes_password:
                yield self.masked_line("Password", "password")
            if self._takes_key:
                label = "or a key file" if self._takes_password else "Key file"
                key = Input(placeholder="PEM, DER or PKCS#12", suggester=PathSuggester(), id="key")
                yield Horizontal(Static(label, classes="field-label"), key, classes="field")
                yield self.masked_line("password of it", "key-password")
            yield Static("", classes="wrong", markup=False)
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            completes = " · → completes a path" if self._takes_key else ""
            yield Static(f"Enter opens · Escape leaves{completes}", classes="told")
            if self._without:
                yield Static(f"Enter on empty lines: {self._without}", classes="told")

    @on(Input.Changed)
    def begin_again(self) -> None:
        """Take back what was said of what stood there before."""
        self._warned = False
        self.say_wrong("")

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
            self.say_wrong(wrong)
            return
        self.forget_typed()
        self.dismiss(given)

    async def _given(self) -> tuple[Opening | None, str]:
        if self._takes_password and (typed := self.typed("password")):
            password = Password(typed)
            slip = "" if self._warned else await self._check(password)
            if slip:
                # It may be a password that only looks like one of ours: the second Enter tries it.
                self._warned = True
                return None, f"{slip} Enter tries it all the same."
            return Opening(password), ""
        path = self.typed("key").strip() if self._takes_key else ""
        if not path and self._without:
            return Opening(), ""
        if not path:
            ways = ["type the password"] if self._takes_password else []
            ways += ["name the file of a key"] if self._takes_key else []
            return None, f"{', or '.join(ways)}.".capitalize()
        key = Path(path).expanduser()
        if not key.is_file():
            return None, f"There is no file {key}."
        of_key = self.typed("key-password")
        return Opening(key=key.absolute(), key_password=Password(of_key) if of_key else None), ""
