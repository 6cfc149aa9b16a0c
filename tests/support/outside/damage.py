"""What may be wrong with outside media: a registry of damages, each with a name and what it costs.

A damage of the directory or of a file changes a tree of files, so that any
medium can be made of it; a damage of the medium makes one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.outside.directories import good_dicomdir
from tests.support.outside.patients import COUNT, instance_files

if TYPE_CHECKING:
    from tests.support.outside.writers import OutsideMedia

Tree = dict[str, bytes]
"""Contents by path, ``/`` between components."""


class Kind(StrEnum):
    """What is damaged."""

    DIRECTORY = "directory"
    FILE = "file"
    MEDIUM = "medium"


class Seen(StrEnum):
    """Where an independent program sees the damage; `LEGAL` is only unusual, and seen too."""

    PICTURE = "picture"
    """In what dcmdump and pydicom say of the files that were changed."""
    NAMES = "names"
    """In the list of files."""
    LEGAL = "legal"
    """As `PICTURE`, and no rule is broken: nothing has to be said."""
    TOOL = "tool"
    """In what the medium's own checker says: isoinfo, 7-Zip, unzip, fsck.fat, udfinfo, find."""
    BYTES = "bytes"
    """In the bytes alone: pixels that are other pixels look as good as any, and other programs
    pass over much."""


@dataclass(frozen=True)
class Expects:
    """What is to come of it, typed from what the damage destroys.

    `found` files hold an instance, copies included. Of those, `imported` come
    into the catalog, `duplicates` are there already, and `held` wait for a
    decision. At least one of `rules` names the damage; without any, nothing
    has to be said. `lost` files are lost for good. `directory` tells whether a
    DICOMDIR in the root can be read, be it badly; `repairs` how many of its
    faults can be repaired at least.
    """

    found: int = COUNT
    imported: int = COUNT
    duplicates: int = 0
    held: int = 0
    rules: frozenset[str] = frozenset()
    repairs: int = 0
    lost: tuple[str, ...] = ()
    directory: bool = True

    def __post_init__(self) -> None:
        assert self.found == self.imported + self.duplicates + self.held, self


@dataclass(frozen=True)
class Damage:
    """One damage. Of `apply` and `make`, it has the one that its kind needs."""

    name: str
    kind: Kind
    expects: Expects
    seen: Seen = Seen.PICTURE
    apply: Callable[[Tree], Tree] | None = None
    make: Callable[[OutsideMedia, Path], Path] | None = None
    base: str = "folder"
    """The good medium that a damaged one is to be compared with."""

    def tree(self) -> Tree:
        """The good tree with this damage; without a `make` alone."""
        assert self.apply is not None
        return self.apply(good_tree())


def good_tree() -> Tree:
    """The outside patient's medium, with nothing wrong."""
    return {
        "DICOMDIR": good_dicomdir(),
        "README.TXT": b"Klinik S\xfcd: made elsewhere.\r\n",
        **instance_files(),
    }


DAMAGES: dict[str, Damage] = {}


def register(damage: Damage) -> None:
    """Enter a damage whose name is not taken."""
    assert damage.name not in DAMAGES, damage.name
    DAMAGES[damage.name] = damage


def rules(words: str) -> frozenset[str]:
    """The set of `words`, blanks between them."""
    return frozenset(words.split())


def changed(files: Mapping[str, bytes | None]) -> Callable[[Tree], Tree]:
    """A change of a tree: files that are replaced or come new; None takes one away."""

    def apply(tree: Tree) -> Tree:
        merged = {**tree, **files}
        return {path: content for path, content in merged.items() if content is not None}

    return apply
