"""Files of an outside medium, lent for a moment as files of our own disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.errors import MediaError
from mediastation.importing.look import OutsideError, read_fully
from mediastation.model.importing import ArrivedFile
from mediastation.reading.contract import Volume

_CHUNK = 1 << 20

Lend = Callable[[ArrivedFile], AbstractContextManager[Path]]
"""Gives a local file with the content of an arriving instance, for as long as it is needed."""


def lend_from(volume: Volume, folder: Path) -> Lend:
    """Return what copies an instance from `volume` into `folder`, and removes the copy again.

    Asked for an instance, it raises `OutsideError` where the medium cannot be
    read or holds something else than when it was looked at, and `MediaError`
    where our own disk fails.

    Parameters
    ----------
    volume : Volume
        The medium.
    folder : Path
        A folder of the job's own; made, private, if it is not there.
    """
    numbers = count()

    @contextmanager
    def lend(arrived: ArrivedFile) -> Iterator[Path]:
        path = folder / f"lent-{next(numbers)}"
        try:
            with disk_trouble_told(folder.parent):
                make_private_folder(folder)
            if copy_out(volume, arrived.path, path) != arrived.sha256:
                raise OutsideError(f"{arrived.path} is not what it was when it was looked at")
            yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    return lend


def copy_out(volume: Volume, name: str, path: Path) -> str:
    """Copy a file of `volume` to `path`, which is new and private; return its SHA-256.

    Raises
    ------
    OutsideError
        If the medium cannot be read.
    MediaError
        If our own disk fails.
    """
    digest = hashlib.sha256()
    try:
        stream = volume.open(name)
    except (OSError, MediaError) as fault:
        raise OutsideError.of(fault) from fault
    with stream, disk_trouble_told(path.parent):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb", buffering=0) as output:
            while chunk := read_fully(stream, _CHUNK):
                digest.update(chunk)
                rest = memoryview(chunk)
                while rest:
                    rest = rest[output.write(rest) :]
    return digest.hexdigest()
