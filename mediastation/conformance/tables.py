"""Reading tables of a TOML document strictly: nothing missing, unknown or mistyped."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from mediastation.errors import ProfileError

Choice = TypeVar("Choice", bound=StrEnum)


class Table:
    """One TOML table, read key by key.

    Parameters
    ----------
    data : Mapping
        The table as `tomllib` gives it.
    file : str
        Name of the document, for messages.
    place : str
        Where in the document, such as ``object[0]``; empty for the top.

    Raises
    ------
    ProfileError
        From every method, naming document and key: for a value that is
        missing, empty, of another type or not among the known ones.
    """

    def __init__(self, data: Mapping[str, Any], file: str, place: str = "") -> None:
        self._data = data
        self._file = file
        self._place = place
        self._read: set[str] = set()

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        value = self._value(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(key, "is to be a text")
        return value

    def optional_text(self, key: str, default: str = "") -> str:
        """Return a string that is not empty, or `default` where the key is absent."""
        return self.text(key) if self.holds(key) else default

    def holds(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._data

    def integer(self, key: str, default: int | None = None) -> int:
        """Return a whole number, or `default` where the key is absent."""
        if default is not None and not self.holds(key):
            return default
        value = self._value(key)
        if not _is_integer(value):
            raise self.fault(key, "is to be a whole number")
        return int(value)

    def integers(self, key: str) -> tuple[int, ...]:
        """Return a list of whole numbers that is not empty."""
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(map(_is_integer, value)):
            raise self.fault(key, "is to be a list of whole numbers")
        return tuple(value)

    def flag(self, key: str) -> bool:
        """Return true or false; false where the key is absent."""
        value = self._value(key) if self.holds(key) else False
        if not isinstance(value, bool):
            raise self.fault(key, "is to be true or false")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of texts or whole numbers as texts; it repeats none and is not empty."""
        value = self._value(key)
        if not isinstance(value, list) or not value:
            raise self.fault(key, "is to be a list")
        if not all(_is_integer(item) or (isinstance(item, str) and item) for item in value):
            raise self.fault(key, "is to hold texts or whole numbers")
        words = tuple(map(str, value))
        if len(set(words)) != len(words):
            raise self.fault(key, "says something twice")
        return words

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings that is not empty and repeats none."""
        value = self._value(key)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, str) and item.strip() for item in value)
        ):
            raise self.fault(key, "is to be a list of texts")
        if len(set(value)) != len(value):
            raise self.fault(key, "says something twice")
        return tuple(value)

    def optional_texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty where the key is absent."""
        return self.texts(key) if key in self._data else ()

    def holds_text(self, key: str) -> bool:
        """Tell whether the value is one string, not a list."""
        return isinstance(self._data.get(key), str)

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        """Return the member of `kind` with this value."""
        return self._member(key, self.text(key), kind)

    def choices(self, key: str, kind: type[Choice]) -> tuple[Choice, ...]:
        """Return the members of `kind` with these values."""
        return tuple(self._member(key, text, kind) for text in self.texts(key))

    def table(self, key: str) -> Table:
        """Return the table under `key`."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.fault(key, "is to be a table")
        return Table(value, self._file, self._path(key))

    def tables(self, key: str) -> list[Table]:
        """Return an array of tables, empty where the key is absent."""
        self._read.add(key)
        value = self._data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.fault(key, "is to be an array of tables")
        return [
            Table(item, self._file, f"{self._path(key)}[{place}]")
            for place, item in enumerate(value)
        ]

    def require_all_read(self) -> None:
        """Raise for a key that nobody asked for: a slip must not be silently ignored."""
        for key in self._data:
            if key not in self._read:
                raise self.fault(key, "is not known here")

    def fault(self, key: str, what: str) -> ProfileError:
        """Return the error about `key`, to be raised."""
        return ProfileError(
            f"{self._file}: {self._path(key)} {what}", "Correct the profile file and try again."
        )

    def _value(self, key: str) -> Any:
        self._read.add(key)
        if key not in self._data:
            raise self.fault(key, "is missing")
        return self._data[key]

    def _member(self, key: str, text: str, kind: type[Choice]) -> Choice:
        try:
            return kind(text)
        except ValueError:
            known = ", ".join(kind)
            raise self.fault(key, f"is to be one of {known}, not {text!r}") from None

    def _path(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
