"""What was written onto a stick is reread from the stick: memory has it whatever became of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mediastation.catalog.durable import sync_file_system
from mediastation.model.finding import Finding, note
from mediastation.reading.contract import Volume
from mediastation.reading.fresh import Cache
from mediastation.station.station import Station
from mediastation.verify.reread import forget_files


def forget_written(
    station: Station, output: Path, written: Path, medium: Volume
) -> Iterator[Finding]:
    """Have a folder on another disk than the home reread from there; a note where that may fail.

    Images are reread when they are on their discs, and folders in the house when
    somebody has copied them.

    Parameters
    ----------
    output, written : Path
        The name of the folder, and what it is called until it has that.
    medium : Volume
        What is there, open.
    """
    if not written.is_dir():
        return
    if not os.path.ismount(output) and not _is_on_another_disk(written, station.home):
        return
    with suppress(OSError):
        sync_file_system(written)  # one wait for all files makes the many that follow short
    if forget_files(written, medium) is not Cache.DEFEATED:
        yield note(
            "read-from-memory",
            str(output),
            "What was reread may have come from the memory of this computer.",
            "Take the medium out, put it back in, and let `mediastation verify` read it.",
        )


def _is_on_another_disk(path: Path, home: Path) -> bool:
    return path.stat().st_dev != home.stat().st_dev
