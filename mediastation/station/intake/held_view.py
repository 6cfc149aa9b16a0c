"""A held file beside what it contradicts, for whoever decides about it."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.dicom.worker_messages import PreviewTask
from mediastation.dicom.workers import CodecWorkers, Failed
from mediastation.importing.judge import Judge
from mediastation.importing.quarantine import Quarantine, QuarantinedFile
from mediastation.importing.side_by_side import (
    Side,
    SideBySide,
    lay_side_by_side,
    side_of_entry,
    side_of_file,
)
from mediastation.model.picture import Picture, WindowChange
from mediastation.station.station import Station

if TYPE_CHECKING:
    from mediastation.model.finding import Finding

_TIMEOUT_S = 20.0
_MEMORY_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class HeldView:
    """A held file, and both sides of what it contradicts.

    Parameters
    ----------
    file : QuarantinedFile
    held : Side
        The file as it lies in quarantine.
    here : Side, optional
        What is here; None where the other one is not in the catalog: it came
        on the same medium, or was forgotten.
    laid : SideBySide, optional
        Both beside each other; None without `here`.
    """

    file: QuarantinedFile
    held: Side
    here: Side | None = None
    laid: SideBySide | None = None


def view_held(station: Station, sha256: str) -> HeldView:
    """Lay a held file beside the entry that it contradicts; decodes where that is needed.

    Raises
    ------
    ConfigError
        If the file is held no more.
    MediaError
        If the disk fails, or decoders cannot be started.
    """
    quarantine = Quarantine(station.home)
    path = quarantine.path(sha256)
    file = quarantine.get(sha256)
    held = side_of_file(f"{file.path} on {file.medium}", path, f"{file.held_at}, held")
    here = side_of_entry(station.catalog, file.other) if file.other else None
    if here is None:
        return HeldView(file, held)
    with (
        tempfile.TemporaryDirectory(prefix="compare-", dir=quarantine.folder) as scratch,
        Judge(Path(scratch)) as judge,
    ):
        return HeldView(file, held, here, lay_side_by_side(here, held, judge))


class SidePictures:
    """Renders one side or the other; its process starts with the first picture."""

    def __init__(self) -> None:
        self._workers = CodecWorkers(1, timeout_s=_TIMEOUT_S, memory_bytes=_MEMORY_BYTES)
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._workers.__exit__(None, None, None)

    def picture(self, _: Station, side: Side, rows: int, columns: int) -> Picture | Finding | None:
        """Return a picture of a side, or why there is none; None if its file cannot be read.

        Raises
        ------
        MediaError
            If the process does not start.
        """
        if side.header is None:
            return None
        change = WindowChange()
        task = PreviewTask(0, side.path, side.header, rows, columns, None, change)
        with self._lock:
            (result,) = self._workers.run([task])
        if isinstance(result, Failed):
            return result.finding
        assert isinstance(result.value, Picture)  # noqa: S101 - the channel holds answers to tasks
        return result.value
