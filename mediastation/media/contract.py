"""What all writers of media have in common: plan, write beside the final name, commit.

Whoever makes a medium plans it, writes it, has it verified where it lies, and
only then gives it its name; the kind of medium makes no difference to that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mediastation.model.manifest import SectorDigest

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class WrittenImage:
    """What was written.

    `structure` has the digest of every sector that belongs to no file, the
    first sector first; `sha256` is that of the whole image. Both are empty for
    a folder, which is proved by the digests of its files.
    """

    size_bytes: int
    sha256: str
    structure: tuple[SectorDigest, ...]


class Part(Protocol):
    """What lies beside its final name until it is committed: a file or a folder."""

    path: Path

    def sync(self) -> None:
        """Bring every byte to the disk. Raises `MediaError`."""

    def commit(self) -> Path:
        """Make it durable and give it its final name. Raises `MediaError`."""


class PendingMedium:
    """A medium that is whole and has not got its final name yet.

    `path` is where it lies meanwhile, for whoever wants to verify it first;
    `image` says what was written.
    """

    def __init__(self, part: Part, image: WrittenImage) -> None:
        self._part = part
        self.path = part.path
        self.image = image

    def sync(self) -> None:
        """Bring every byte to the disk; `commit` does it otherwise. Raises `MediaError`."""
        self._part.sync()

    def commit(self) -> Path:
        """Make the medium durable and give it its final name. Raises `MediaError`."""
        self.path = self._part.commit()
        return self.path


class MediumWriter(Protocol):
    """A medium that is planned: its names and sizes are checked, nothing is opened."""

    @property
    def size_bytes(self) -> int:
        """How many bytes will be written."""

    def write(
        self, output: Path, *, progress: Progress | None = None
    ) -> AbstractContextManager[PendingMedium]:
        """Write beside `output`; leaving the block without `commit` removes what was written."""

    def close(self) -> None:
        """Forget the plan."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
