"""Whether a row of ledger lines is the chain that was written, line by line."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mediastation.model.finding import Finding, error
from mediastation.model.ledger import (
    NO_LINE,
    LedgerEntry,
    LedgerHead,
    digest_of_line,
    mac_of,
    split_line,
)

_MOST_KEYS = 16
_KEEP_BOTH = (
    "Do not write over it. Compare with a backup and with heads on printed labels and reports; "
    "tell who is responsible for data protection."
)


@dataclass(slots=True)
class _Unproved:
    first: int
    last: int
    entries: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """What can be said of a line alone: `entry` is None where it cannot be read."""

    text: str
    digest: str
    entry: LedgerEntry | None
    has_key: bool
    is_proved: bool


class Keys:
    """The keys there are, by `key_name`. Copies that are checked side by side share one of these.

    They then have to be the same, line by line, and each is looked into once.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = keys
        self._last = _Line("", "", None, has_key=False, is_proved=False)

    def look_into(self, line: str) -> _Line:
        """Return what can be said of `line` without the others."""
        if line != self._last.text:
            self._last = self._looked_into(line)
        return self._last

    def _looked_into(self, line: str) -> _Line:
        digest = digest_of_line(line)
        parts = split_line(line)
        entry = None if parts is None else _read(parts[0])
        if parts is None or entry is None:
            return _Line(line, digest, None, has_key=False, is_proved=False)
        key = self._keys.get(entry.key)
        proved = key is not None and hmac.compare_digest(mac_of(parts[0], key), parts[1])
        return _Line(line, digest, entry, has_key=key is not None, is_proved=proved)


@dataclass(slots=True)
class ChainCheck:
    """Takes the lines of one copy of the ledger, in order, and says where it breaks.

    What is wrong with one entry is told once: the next one, which follows an
    entry that is no longer there, is not blamed. Memory does not grow.

    Parameters
    ----------
    where : str
        What the findings call this copy.
    keys : Keys
        The keys there are.
    wanted : LedgerHead, optional
        A head to look for; `found_at` is then its place.

    Attributes
    ----------
    place : int
        The number of the line taken last; where it cannot be told, the one that belonged there.
    digest : str
        Of the line taken last.
    entry : LedgerEntry or None
        The one taken last, as far as it can be read and is not known to be changed.
    is_proved : bool
        Whether its code is right, wherever it stands.
    """

    where: str
    keys: Keys
    wanted: LedgerHead | None = None
    place: int = 0
    digest: str = NO_LINE
    entry: LedgerEntry | None = None
    is_proved: bool = False
    found_at: int | None = None
    _expected: int = 1
    _told: bool = False
    _unproved: dict[str, _Unproved] = field(default_factory=dict)

    def take(self, line: str, position: int | None = None) -> Iterator[Finding]:
        """Take the next line; yield what is wrong with it.

        Parameters
        ----------
        position : int, optional
            The number under which this copy keeps the line.
        """
        seen = self.keys.look_into(line)
        before, self.digest = self.digest, seen.digest
        told, self._told = self._told, True
        self.place, self.entry, self.is_proved = self._expected, None, False
        entry = seen.entry
        if entry is None:
            self._expected += 1
            yield error(
                "ledger-unreadable",
                self._subject(),
                "What stands there is no entry any more.",
                _KEEP_BOTH,
            )
            return
        if seen.has_key and not seen.is_proved:
            # What it says of its own number cannot be believed either.
            self._expected += 1
            yield error(
                "ledger-changed",
                self._subject(),
                "It was changed after it was written: its code is not that of its content.",
                _KEEP_BOTH,
            )
            return
        self.place, self.entry, self.is_proved = entry.number, entry, seen.is_proved
        wrong = list(self._check_place(entry, position, before, told=told))
        self._expected = max(self._expected, entry.number + 1)
        if not seen.has_key:
            self._note_unproved(entry)
        if self.wanted is not None and self.digest.startswith(self.wanted.sha256):
            self.found_at = entry.number
        self._told = bool(wrong)
        yield from wrong

    def close(self) -> Iterator[Finding]:
        """Yield what is to be said of the whole: keys that are not here."""
        for name, unproved in self._unproved.items():
            yield error(
                "ledger-key",
                f"entries {unproved.first} to {unproved.last} ({self.where})",
                f"{unproved.entries:,} entries were written under the key {name}, which is not "
                "here: it was lost or exchanged. That says nothing against the entries; whether "
                "they were changed can be told from printed heads only.",
                "Put ledger.key back from the backup of the home, then verify again.",
            )

    def _subject(self) -> str:
        return f"entry {self.place} ({self.where})"

    def _check_place(
        self, entry: LedgerEntry, position: int | None, before: str, *, told: bool
    ) -> Iterator[Finding]:
        number = entry.number
        subject = self._subject()
        if position is not None and position != number:
            yield error(
                "ledger-order", subject, f"It is kept as number {position} there.", _KEEP_BOTH
            )
        elif number > self._expected:
            last = number - 1
            missing = str(last) if last == self._expected else f"{self._expected} to {last}"
            yield error(
                "ledger-missing",
                f"entry {missing} ({self.where})",
                f"Removed: entry {number} follows where {self._expected} belongs.",
                _KEEP_BOTH,
            )
        elif number < self._expected:
            yield error(
                "ledger-order",
                subject,
                f"It stands where entry {self._expected} belongs.",
                _KEEP_BOTH,
            )
        elif entry.before != before and not told:
            yield error(
                "ledger-forked",
                subject,
                "It was written behind another entry than the one that stands in front of it.",
                _KEEP_BOTH,
            )

    def _note_unproved(self, entry: LedgerEntry) -> None:
        name = entry.key if entry.key in self._unproved else entry.key[:16]
        if name not in self._unproved and len(self._unproved) >= _MOST_KEYS:
            name = "of several other names"
        kept = self._unproved.setdefault(name, _Unproved(entry.number, entry.number))
        kept.first, kept.last = min(kept.first, entry.number), max(kept.last, entry.number)
        kept.entries += 1


def _read(body: str) -> LedgerEntry | None:
    try:
        return LedgerEntry.from_body(body)
    except ValueError:
        return None
