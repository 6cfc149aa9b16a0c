"""A medium held in a mapping, for tests and for small archives already in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Self, cast

from mediastation.model.finding import Finding
from mediastation.reading.contract import FileIndex, Found, VolumeFile


class MemoryVolume:
    """Files by path; the mapping is copied, its values are not."""

    def __init__(self, files: Mapping[str, bytes], name: str = "memory") -> None:
        self._contents = dict(files)
        self._index = FileIndex(
            VolumeFile(path, len(content), recorded=path.rpartition("/")[2])
            for path, content in self._contents.items()
        )
        self._name = name

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._name

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Nothing can be wrong with a mapping."""
        return ()

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files in the mapping's order."""
        return iter(self._index)

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`; `MediaError` if there is none."""
        content = self._contents[self._index.require(path, self._name).path]
        return cast("BinaryIO", io.BufferedReader(io.BytesIO(content)))

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._index.find(components)

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
