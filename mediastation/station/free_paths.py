"""Paths for files from outside in a folder of ours: their own, as far as nothing has them."""

from __future__ import annotations

import os

_LONGEST_NAME_BYTES = 240
"""File systems take 255; a number behind it has to fit as well."""
_LONGEST_PATH_BYTES = 3800
"""Systems take 4,096, the folder that they lie in included."""


class FreePaths:
    """Gives each file of a medium a path that no other has, where letter case does not count.

    The folder may lie on a stick, where `A` and `a` are one name; and media may
    have a file and a directory of the same one. Who comes later is then called
    ``NAME%2``.

    Parameters
    ----------
    reserved : str
        Names in the root that nothing may have.
    """

    def __init__(self, *reserved: str) -> None:
        self._taken = {name.casefold() for name in reserved}
        self._directories: dict[str, str] = {}
        self._copies: dict[str, int] = {}

    def take(self, path: str) -> str:
        """Return the path of the file that is called `path` on its medium.

        Each component is safe already, as those of a `Volume` are.

        Raises
        ------
        ValueError
            If it is longer than file systems take.
        """
        if len(os.fsencode(path)) > _LONGEST_PATH_BYTES:
            raise ValueError("its path is longer than file systems take")
        *above, name = path.split("/")
        if any(len(os.fsencode(part)) > _LONGEST_NAME_BYTES for part in (*above, name)):
            raise ValueError("its name is longer than file systems take")
        recorded = free = ""
        for part in above:
            recorded = f"{recorded}/{part}"
            if recorded not in self._directories:
                self._directories[recorded] = self._free(f"{free}/{part}")
            free = self._directories[recorded]
        return self._free(f"{free}/{name}").removeprefix("/")

    def _free(self, path: str) -> str:
        key = path.casefold().removeprefix("/")
        number = self._copies.get(key, 1)
        chosen = key
        while chosen in self._taken:
            number += 1
            chosen = f"{key}%{number}"
        if chosen != key:
            self._copies[key] = number
            path = f"{path}%{number}"
        self._taken.add(chosen)
        return path
