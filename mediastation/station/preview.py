"""Pictures of stored instances for the screen, decoded in a process of their own."""

from __future__ import annotations

import threading

from mediastation.catalog.selection import read_entry
from mediastation.dicom.worker_messages import PreviewTask
from mediastation.dicom.workers import CodecWorkers, Failed
from mediastation.errors import ConfigError, MediaError
from mediastation.model.finding import Finding
from mediastation.model.picture import Picture, WindowChange
from mediastation.station.station import Station

_TIMEOUT_S = 20.0
_MEMORY_BYTES = 2 << 30


class Previewer:
    """Renders one picture after the other; its process starts with the first one.

    Several threads may ask: they wait for each other.
    """

    def __init__(self) -> None:
        self._workers = CodecWorkers(1, timeout_s=_TIMEOUT_S, memory_bytes=_MEMORY_BYTES)
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            self._workers.__exit__(None, None, None)

    def picture(
        self,
        station: Station,
        entry: int,
        rows: int,
        columns: int,
        frame: int | None = None,
        change: WindowChange = WindowChange(),  # noqa: B008 - frozen
    ) -> Picture | Finding:
        """Return a picture of an entry, or why there is none.

        Raises
        ------
        ConfigError
            If the entry was forgotten meanwhile.
        MediaError
            If its file cannot be read, or the process does not start.
        """
        found = read_entry(station.catalog, entry)
        if found is None:
            raise ConfigError("This instance is no longer in the catalog.", "Choose another one.")
        path = station.catalog.store.path(found.sha256, found.kind)
        task = PreviewTask(entry, path, found.header, rows, columns, frame, change)
        with self._lock:
            if self._closed:
                raise MediaError("The console is being closed.")
            (result,) = self._workers.run([task])  # to its end: what is left half-way is killed
        if isinstance(result, Failed):
            return result.finding
        assert isinstance(result.value, Picture)  # noqa: S101 - the channel holds answers to tasks
        return result.value
