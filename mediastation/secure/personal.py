"""What of a patient somebody could make a password of, and whether a text has it in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from mediastation.model.name_spelling import typed_words

SHORTEST = 3
"""Letters of a name, and signs of a number, that are looked for; less is in every password."""

_LONGEST = 512
_LEAST_DIGITS = 4
_LEAST_DATE = 6
_DATE = re.compile(r"([0-9]{4})([-./]?)([0-9]{2})\2([0-9]{2})")
_OTHER_SIGNS = re.compile(r"[^a-z0-9]+")
_PARTICLES = frozenset({"von", "van", "der", "den", "del", "dos", "das", "des", "bin", "ibn"})
"""Parts of many names, and of many words besides; alone they name nobody."""
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Pieces of the patients' data, in small letters and digits of ASCII.

    Parameters
    ----------
    names : frozenset of str
        Words of names.
    numbers : frozenset of str
        Identifiers, accession numbers and birth dates without what parts their
        signs, dates in every order.
    """

    names: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, values: Iterable[str]) -> PersonalData:
        """Take values of Patient's Name, Patient ID, birth date, Accession Number, in any order.

        What a value is shows in itself: one with ``^`` or without a digit is a
        name, eight digits that are a day are a date, the rest are identifiers.
        """
        names: set[str] = set()
        numbers: set[str] = set()
        for value in values:
            text = value[:_LONGEST].strip()
            if "^" in text or "=" in text or not any(char.isdigit() for char in text):
                names |= typed_words(text)
            else:
                numbers.update(_iter_numbers(text))
        return cls(
            frozenset(name for name in names - _PARTICLES if len(name) >= SHORTEST),
            frozenset(number for number in numbers if len(number) >= SHORTEST),
        )

    def found_in(self, text: str) -> str:
        """Return what kind of a patient's data stands anywhere in `text`; empty for none."""
        lower = text.lower()
        bare = lower.replace("'", "")
        if any(name in lower or name in bare for name in self.names):
            return "the name of a patient"
        squeezed = _OTHER_SIGNS.sub("", lower)
        if any(number in squeezed for number in self.numbers):
            return "an identifier or the birth date of a patient"
        return ""


def _iter_numbers(text: str) -> Iterator[str]:
    """Yield an identifier as it is typed, or the writings of a date."""
    if found := _DATE.fullmatch(text):
        year, _, month, day = found.groups()
        with suppress(ValueError):  # digits that are no day
            yield from _writings(date(int(year), int(month), int(day)))
    squeezed = _OTHER_SIGNS.sub("", text.lower())
    yield squeezed
    for digits in re.findall(r"[0-9]+", text):
        for run in (digits, digits.lstrip("0")):
            if len(run) >= _LEAST_DIGITS:
                yield run


def _writings(day: date) -> Iterator[str]:
    """Yield a date in the orders that people write it in, without the signs between."""
    years = (f"{day.year:04}", f"{day.year % 100:02}")
    word = _MONTHS[day.month - 1]
    months = (f"{day.month:02}", str(day.month), word, word[:3])
    for year in years:
        for month in months:
            for number in (f"{day.day:02}", str(day.day)):
                for parts in (
                    (year, month, number),
                    (number, month, year),
                    (month, number, year),
                    (year, number, month),
                ):
                    # Shorter ones, as 1160, are in too many numbers.
                    if len(written := "".join(parts)) >= _LEAST_DATE:
                        yield written
