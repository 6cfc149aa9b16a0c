"""A medium of envelopes, read as if nothing on it were sealed."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Self

from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.reading.contract import Found, Volume, VolumeFile
from mediastation.reading.file_meta import is_enveloped
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.spool import MEMORY_BYTES, ScratchError, Spool

__all__ = ["MAX_OPENINGS", "MEMORY_BYTES", "OpenedVolume", "ScratchError"]

MAX_OPENINGS = 10_000
"""How many of the latest openings are remembered."""

_FRONT_BYTES = 32


class OpenedVolume:
    """The files of a medium, those in envelopes as they were before; threads may share it.

    Paths stay. Plain files pass as they are. What is in an envelope is decrypted
    anew each time it is opened, and given out when it was proved as a whole.

    Parameters
    ----------
    volume : Volume
        The medium; closed with this.
    opener : Opener
        Opens its envelopes.
    scratch : Path
        A private folder for content beyond `MEMORY_BYTES`, made where it is
        needed. The files in it have no name: nothing is left when they are
        closed, or the process dies.
    """

    def __init__(self, volume: Volume, opener: Opener, scratch: Path) -> None:
        self._volume = volume
        self._opener = opener
        self._scratch = scratch
        self._lock = threading.Lock()
        self._openings: OrderedDict[str, Opened] = OrderedDict()
        self._sizes: dict[str, int | None] = {}

    @property
    def name(self) -> str:
        """What the medium is called."""
        return self._volume.name

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong with the medium; what was said of its envelopes is in `openings`."""
        return self._volume.findings

    @property
    def openings(self) -> Mapping[str, Opened]:
        """By path, what came out of the `MAX_OPENINGS` envelopes that were opened last.

        A view: it changes while envelopes are opened.
        """
        return MappingProxyType(self._openings)

    def opening(self, path: str) -> Opened | None:
        """Return what came out of the envelope at `path`; None where there is none, or not yet."""
        with self._lock:
            return self._openings.get(path)

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield each file once; the size of sealed ones is that of their content, where it says so.

        Each file's front is read for that, once. A content that nothing at hand
        opens, or whose end alone tells where it ends, has the envelope's size.
        """
        for file in self._volume.iter_files():
            yield self._inside(file)

    def open(self, path: str) -> BinaryIO:
        """Return the file's content, read-only and seekable; of an envelope, when it was proved.

        Raises
        ------
        WrongKeyError
            If nothing at hand opens the envelope.
        BadEnvelopeError
            If it is damaged, or its content is not what was sealed.
        ScratchError
            If there is no room for the content.
        MediaError
            If the medium cannot be read.
        """
        stream = self._volume.open(path)
        try:
            if not is_enveloped(_front(stream, path)):
                return stream
            spool = Spool(self._scratch)
            try:
                size_bytes = self._sealed_bytes(path, stream)
                opened = self._opener.open(stream, size_bytes, spool.write, path)
                content = spool.content()
            except BaseException:
                spool.close()
                raise
        except BaseException:
            stream.close()
            raise
        stream.close()
        with self._lock:
            self._openings[path] = opened
            self._openings.move_to_end(path)
            if len(self._openings) > MAX_OPENINGS:
                self._openings.popitem(last=False)
            self._sizes[path] = opened.size_bytes
        return content

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then as other systems may spell it."""
        found = self._volume.find(components)
        return replace(found, file=self._inside(found.file)) if found else None

    def close(self) -> None:
        """Let the medium go."""
        self._volume.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sealed_bytes(self, path: str, stream: BinaryIO) -> int:
        """Return how long an envelope is; packed files would be unpacked to find their end."""
        found = self._volume.find(path.split("/"))
        if found is not None and found.file.path == path:
            return found.file.size_bytes
        size_bytes = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        return size_bytes

    def _inside(self, file: VolumeFile) -> VolumeFile:
        with self._lock:
            size_bytes = self._sizes.get(file.path, -1)
        if size_bytes == -1:
            size_bytes = self._content_bytes(file)
            with self._lock:
                self._sizes[file.path] = size_bytes
        if size_bytes is None:
            return file
        return replace(file, size_bytes=size_bytes, extents=())

    def _content_bytes(self, file: VolumeFile) -> int | None:
        """Return how long the content of an envelope says it is; None of anything else."""
        try:
            with self._volume.open(file.path) as stream:
                if not is_enveloped(_front(stream, file.path)):
                    return None
                return self._opener.content_bytes(stream, file.size_bytes, file.path)
        except (OSError, MediaError):
            return None


def _front(stream: BinaryIO, path: str) -> bytes:
    """Return the first bytes of a file, and set it back to its beginning."""
    try:
        front = stream.read(_FRONT_BYTES)
        stream.seek(0)
    except OSError as fault:
        raise MediaError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    return front
