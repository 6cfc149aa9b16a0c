"""The parts of something that is shown one at a time; the one that is shown stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static


class SectionTab(Static):
    """One part; a click shows it."""

    def __init__(self, part: str) -> None:
        super().__init__("", markup=False)
        self.part = part

    def on_click(self) -> None:
        """Ask for it."""
        self.post_message(SectionBar.Chosen(self.part))


class SectionBar(Horizontal):
    """Names of parts, each with what is open there.

    Parameters
    ----------
    parts : sequence of (str, str, str)
        Name, title, and what stands for the title where there is little room.
    """

    @dataclass
    class Chosen(Message):
        """A part was clicked."""

        name: str

    def __init__(self, parts: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.parts = tuple(parts)

    def compose(self) -> ComposeResult:
        """Give the tabs."""
        for name, _, _ in self.parts:
            yield SectionTab(name)

    def show(self, shown: str, numbers: Mapping[str, str]) -> None:
        """Draw the tabs as wide as there is room for; `numbers` says what is open in each."""
        width = self.size.width
        long, short, least = (self._words(numbers, kind, shown) for kind in (1, 2, 0))
        fits = [one for one in (long, short) if sum(cell_len(w) + 1 for w in one) <= width]
        for tab, words in zip(self.query(SectionTab), (fits or [least])[0], strict=True):
            tab.update(words)
            tab.set_class(tab.part == shown, "shown")

    def _words(self, numbers: Mapping[str, str], kind: int, shown: str) -> list[str]:
        words = []
        for part in self.parts:
            name = part[kind] if kind else part[1] if part[0] == shown else part[2][0]
            words.append(f"{name} {numbers[part[0]]}" if numbers.get(part[0]) else name)
        return words
