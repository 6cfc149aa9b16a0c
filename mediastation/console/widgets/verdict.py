"""What a proof came to, large, with the findings below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mediastation.model.text import harmless


class VerdictDialog(ModalScreen[None]):
    """Shows a verdict until it is put away.

    Parameters
    ----------
    title : str
        A few large words.
    lines : sequence of str
        What they mean.
    is_good : bool
        Whether nothing has to be done.
    findings : Text
        What was found.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,n,y", "leave", "Close", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, is_good: bool, findings: Text) -> None:
        super().__init__()
        self.verdict = title
        self.lines = tuple(lines)
        self.is_good = is_good
        self.findings = findings

    def compose(self) -> ComposeResult:
        """Give the words, what they mean, and the findings."""
        with Vertical(classes="dialog wide"):
            sign = "✓" if self.is_good else "✗"
            yield Static(
                f"{sign} {harmless(self.verdict)}",
                classes=f"verdict {'good' if self.is_good else 'bad'}",
                markup=False,
            )
            yield Static("\n".join(map(harmless, self.lines)), classes="means", markup=False)
            with VerticalScroll(classes="found", can_focus=False):
                yield Static(self.findings)
            yield Static("Enter puts this away", classes="told")

    def action_scroll(self, lines: int) -> None:
        """Show more of the findings."""
        self.query_one(".found").scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Put it away."""
        self.dismiss(None)
