"""What all media that are one file have in common: planned, written beside the name, committed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mediastation.media.contract import PendingMedium, Progress, WrittenImage
from mediastation.media.part_file import PartFile, open_part_file


class FileWriter(ABC):
    """A planned file; a kind of medium says how its bytes come about."""

    _closed = False

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """Bytes that will be written, or at most that many."""

    @property
    def stored_bytes(self) -> int:
        """Bytes that the disk has to have free: fewer where the file has holes."""
        return self.size_bytes

    @abstractmethod
    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        """Write all of it and say what was written; raises what `write` does."""

    def close(self) -> None:
        """Forget the plan. Nothing can be written afterwards; closing again does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def write(self, output: Path, *, progress: Progress | None = None) -> Iterator[PendingMedium]:
        """Write beside `output`; give it that name only by `commit`.

        ::

            with medium.write(Path("disc.iso")) as pending:
                verify(pending.path, pending.image)
                pending.commit()

        Leaving the block without `commit`, for whatever reason, removes what
        was written.

        Parameters
        ----------
        output : Path
            The final name; an older file of that name is replaced.
        progress : callable
            Is told bytes done and bytes in all, about once a mebibyte. What
            it raises ends the writing and comes out here.

        Raises
        ------
        MediaError
            If the disk is full or fails, or if a source is missing, cannot be
            read, or is not as long as it was planned.
        ValueError
            After `close`.
        """
        if self._closed:
            raise ValueError("the plan is closed")
        with open_part_file(output, self.stored_bytes) as part:
            written = self._write_into(part, progress)
            part.start_sync()
            yield PendingMedium(part, written)
