"""Who opens an encrypted medium with a key: certificates, looked at, added and left out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from mediastation.console.widgets.dialogs import AskPath
from mediastation.console.widgets.page_table import Column, Key, PageRow, PageTable
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.station.sealing.choice import CertificateRow

Look = Callable[[Sequence[Path]], Awaitable["list[CertificateRow] | None"]]
"""Reads certificates, and the site's escrow behind them."""

COLUMNS = (
    Column("Whose key opens it", 20, flex=3),
    Column("Key", 8),
    Column("Until", 10),
)
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:[^\\,+]|\\.)+)")
_ESCAPED = re.compile(r"\\([^0-9A-Fa-f])")
_LIST_LINES = 6
_GROUP = 4


class Recipients(ModalScreen[tuple[str, ...] | None]):
    """Asks for the certificates of those who open it; Escape leaves them as they were.

    Parameters
    ----------
    paths : sequence of str
        Those that were chosen before.
    look : callable
        Reads them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("enter", "take", "Take", show=False, priority=True),
        Binding("a", "add", "Add", show=False),
        Binding("delete,backspace", "remove", "Remove", show=False),
    ]

    def __init__(self, paths: Sequence[str], look: Look) -> None:
        super().__init__()
        self._paths = [Path(path) for path in paths]
        self._look = look
        self._rows: dict[Key, CertificateRow] = {}

    def compose(self) -> ComposeResult:
        """Give the list, and all about the certificate under the cursor."""
        with Vertical(classes="dialog wide"):
            yield Static("Whose keys open the medium?", classes="question")
            yield PageTable(
                COLUMNS, empty="Nobody yet. a adds the file of a certificate.", id="recipients"
            )
            yield Static("", id="recipient-words", markup=False)
            yield Static("", classes="wrong", markup=False)
            yield Static(
                "a adds one · del leaves one out · Enter takes them · Escape leaves",
                classes="told",
            )

    def on_mount(self) -> None:
        """Read what was chosen before."""
        table = self.query_one("#recipients", PageTable)
        table.styles.height = _LIST_LINES
        table.focus()
        self.run_worker(self._read(), group="recipients")

    async def _read(self, added: Path | None = None) -> None:
        wanted = [*self._paths, *([added] if added is not None else [])]
        found = await self._look(wanted)
        if found is None or not self.is_attached:
            return
        table = self.query_one("#recipients", PageTable)
        if added is not None:
            new = found[len(self._paths)]
            if wrong := _why_not(new, [one for one in found if one is not new]):
                self._say(wrong)
                return
            self._paths.append(added)
            self._say("")
        self._rows = {("escrow" if one.is_escrow else "", str(one.path)): one for one in found}
        table.show_rows({key: _row(one) for key, one in self._rows.items()})
        if added is not None:
            table.move_to(("", str(added)))
        self._describe(table.cursor_key)

    def _say(self, wrong: str) -> None:
        self.query_one(".wrong", Static).update(harmless(f"! {wrong}") if wrong else "")

    @on(PageTable.Moved)
    def show_words(self, event: PageTable.Moved) -> None:
        """Tell all about the certificate under the cursor."""
        self._describe(event.key)

    def _describe(self, key: Key | None) -> None:
        row = self._rows.get(key)
        self.query_one("#recipient-words", Static).update(
            certificate_words(row) if row is not None else ""
        )

    def action_add(self) -> None:
        """Ask for the file of a certificate."""
        start = str(self._paths[-1].parent) + "/" if self._paths else ""
        self.app.push_screen(AskPath("The recipient's certificate: which file?", start), self._add)

    def _add(self, path: str | None) -> None:
        if not path:
            return
        added = Path(path).absolute()
        if added in self._paths:
            self._say(f"{added} is there already.")
            return
        self.run_worker(self._read(added), group="recipients", exclusive=True)

    def action_remove(self) -> None:
        """Leave out the certificate under the cursor; the escrow stays."""
        row = self._rows.get(self.query_one("#recipients", PageTable).cursor_key)
        if row is None:
            return
        if row.is_escrow:
            self._say("The escrow of the site opens everything that is encrypted here.")
            return
        self._paths.remove(row.path)
        self._say("")
        self.run_worker(self._read(), group="recipients", exclusive=True)

    def action_take(self) -> None:
        """Take the list as it stands."""
        self.dismiss(tuple(map(str, self._paths)))

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _why_not(new: CertificateRow, others: Sequence[CertificateRow]) -> str:
    """Return why a certificate is not taken into the list; empty if it is."""
    if new.trouble:
        return f"{new.trouble} {new.hint}".strip()
    for one in others:
        if one.name is not None and new.name is not None and one.name.sha256 == new.name.sha256:
            return f"{new.path.name} is the same certificate as {one.path.name}."
    return ""


def _row(one: CertificateRow) -> PageRow:
    if one.name is None:
        return PageRow((f"✗ {one.path.name}: cannot be used", "", ""), "error")
    whose = common_name(one.name.subject)
    if one.is_escrow:
        whose = f"escrow, always · {whose}"
    until = one.name.expires[:10]
    return PageRow((whose, f"RSA {one.key_bits}", until), "faint" if one.is_escrow else "")


def common_name(subject: str) -> str:
    """Return how a subject (RFC 4514) is called: its common name, else all of it."""
    found = _COMMON_NAME.search(subject)
    return _ESCAPED.sub(r"\1", found[1]) if found else subject


def certificate_words(one: CertificateRow) -> str:
    """Return all that tells a certificate from others: the fingerprint is what to compare."""
    if one.name is None:
        return _lines(str(one.path), f"✗ {one.trouble}", f"→ {one.hint}")
    digits = one.name.sha256.upper()
    groups = [digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP)]
    half = len(groups) // 2
    return _lines(
        one.name.subject,
        f"issued by {one.name.issuer}",
        f"SHA-256 {' '.join(groups[:half])}",
        f"        {' '.join(groups[half:])}",
        str(one.path),
    )


def _lines(*lines: str) -> str:
    return "\n".join(map(harmless, lines))
