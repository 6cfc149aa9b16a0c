"""Where outside instances came from, beside the index: it may be lost, and the files do not say.

An instance from an outside medium goes to nobody until it is reconciled, and a
coerced copy stands for somebody's decision. Neither may be forgotten with the
index, so each gets a line in ``origins/`` before it gets its row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder, sync_folder
from mediastation.catalog.staging import Staged
from mediastation.model.entry import Kind, Source

RECORDED_SOURCES = frozenset({"medium", "reconciled"})
"""Kinds of `Source` that get a line."""

UNVOUCHED_SOURCES = frozenset({"folder", "file", "image", "recovered"})
"""Kinds of `Source` that say where a file lay, and nothing of who sent it."""

_FOLDER = "origins"


@dataclass(frozen=True, slots=True)
class Origin:
    """What the index knew of one file.

    `of` is the SHA-256 of the original that a coerced copy was made from, with
    its recipe; both are empty for an original.
    """

    sha256: str
    kind: Kind
    source_kind: str
    source_detail: str
    of: str = ""
    recipe: str = ""

    @property
    def source(self) -> Source:
        """Where it came from."""
        return Source(self.source_kind, self.source_detail)


class OriginLog:
    """The lines of one session, in a file of its own; made when the first one is written."""

    def __init__(self, home: Path, name: str) -> None:
        self._path = home / _FOLDER / f"{name}.jsonl"

    def add(self, batch: Iterable[tuple[Staged, str]]) -> None:
        """Write what has to be known of a batch, durably: pairs of file and `Origin.of`."""
        self.write(
            Origin(one.sha256, one.kind, one.source.kind, one.source.detail, of, one.recipe)
            for one, of in batch
            if one.source.kind in RECORDED_SOURCES
        )

    def write(self, origins: Iterable[Origin]) -> None:
        """Write these, durably; of a file that has a line already the later one counts."""
        lines = [json.dumps(asdict(origin)) for origin in origins]
        if not lines:
            return
        with disk_trouble_told(self._path.parent.parent):
            make_private_folder(self._path.parent)
            is_new = not self._path.exists()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o600), "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync_folder(self._path.parent)


def read_origins(home: Path) -> dict[str, Origin]:
    """Return what is known of files by their SHA-256; half a line, from a kill, is passed over."""
    found: dict[str, Origin] = {}
    folder = home / _FOLDER
    if not folder.is_dir():
        return found
    with disk_trouble_told(home):
        for path in sorted(folder.glob("*.jsonl")):
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    origin = _origin(line)
                    if origin is not None:
                        found[origin.sha256] = origin
    return found


def _origin(line: str) -> Origin | None:
    try:
        told = json.loads(line)
        return Origin(**{**told, "kind": Kind(told["kind"])})
    except (ValueError, TypeError, KeyError):
        return None
