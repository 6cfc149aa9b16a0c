"""What the list of the *Ledger* holds so far: media, and what was taken in and sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.console.screens.ledger_words import (
    medium_row,
    story_text,
    traffic_row,
    traffic_text,
)
from mediastation.console.widgets.page_table import PageRow
from mediastation.model.ledger import LedgerEntry, LedgerEvent

if TYPE_CHECKING:
    from mediastation.station.recording.media_made import MadeMedium, MediaPage, MediumStory


@dataclass(slots=True)
class LedgerList:
    """Entries by number, and which of them were withdrawn or answered since."""

    told: dict[int, MadeMedium | LedgerEntry] = field(default_factory=dict)
    withdrawn: dict[int, str] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)

    def take(self, page: MediaPage) -> None:
        """Take in what was read, in whatever order."""
        self.told |= {made.number: made for made in page.media}
        self.told |= {entry.number: entry for entry in page.traffic}
        # What withdrew or answered an entry stands behind it, so it was read before.
        self.withdrawn |= page.withdrawn
        self.answered |= page.answered

    @property
    def numbers(self) -> list[int]:
        """The entries that have a row, the newest first."""
        return sorted(filter(self._has_row, self.told), reverse=True)

    def medium(self, number: object) -> MadeMedium | None:
        """Return the medium of an entry; None if it tells of something else."""
        found = self.told.get(number) if isinstance(number, int) else None
        return None if isinstance(found, LedgerEntry) else found

    def job(self, number: object) -> int | None:
        """Return the job that recorded an entry."""
        found = self.told.get(number) if isinstance(number, int) else None
        return None if found is None else found.job

    def row(self, number: object) -> PageRow | None:
        """Return the row of an entry."""
        found = self.told.get(number) if isinstance(number, int) else None
        if found is None:
            return None
        why = self.withdrawn.get(found.number)
        if isinstance(found, LedgerEntry):
            return traffic_row(found, why)
        return medium_row(found, why)

    def words(self, number: object, story: MediumStory | None) -> Text | str:
        """Return everything about an entry; `story` is the last that was read of any."""
        found = self.told.get(number) if isinstance(number, int) else None
        if found is None:
            return ""
        why = self.withdrawn.get(found.number)
        if isinstance(found, LedgerEntry):
            return traffic_text(found, why)
        is_its = story is not None and story.medium.number == found.number
        return story_text(found, story if is_its else None, why)

    def counted(self, more: str) -> list[str]:
        """Return how many rows there are, `more` behind each number."""
        numbers = self.numbers
        others = sum(isinstance(self.told[number], LedgerEntry) for number in numbers)
        words = [f"{len(numbers) - others:,}{more} media"]
        if others:
            words.append(f"{others:,}{more} imports and transfers")
        return words

    def _has_row(self, number: int) -> bool:
        """Tell whether an entry has a row: what was confirmed need not be announced as well."""
        found = self.told[number]
        return (
            not isinstance(found, LedgerEntry)
            or found.event is not LedgerEvent.SENDING
            or number not in self.answered
            or number in self.withdrawn
        )
