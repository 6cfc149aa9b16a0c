"""Files that only their owner may read, such as a password or the sheet that tells it."""

from __future__ import annotations

import os
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, sync_folder
from mediastation.errors import ConfigError


def require_new_file(path: Path) -> None:
    """Raise `ConfigError` where something has this name, or there is no folder for it.

    Nothing is made. `write_private_file` looks once more, at the moment of writing.
    """
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"The folder {path.absolute().parent} does not exist.", "Make it first.")
    if os.path.lexists(path):
        raise _taken(path)


def write_private_file(path: Path, data: bytes) -> None:
    """Make a new file of mode 0600 and write it durably; what is there already is never replaced.

    Whoever reads it before it is whole could be its owner alone. If it cannot be
    written, nothing stays.

    Raises
    ------
    ConfigError
        If something has that name.
    MediaError
        If the disk refuses.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with disk_trouble_told(path.absolute().parent):
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError as fault:
            raise _taken(path) from fault
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.absolute().parent)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def replace_private_file(path: Path, data: bytes) -> None:
    """Put a new file of mode 0600 durably in the place of `path`, which stays whole until then.

    Raises
    ------
    ConfigError
        If a file is in the way under the name that it has until it is whole.
    MediaError
        If the disk refuses; `path` is as it was.
    """
    part = path.with_name(f".{path.name}.part")
    write_private_file(part, data)
    with disk_trouble_told(path.absolute().parent):
        try:
            part.replace(path)
            sync_folder(path.absolute().parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _taken(path: Path) -> ConfigError:
    return ConfigError(f"{path} is there already; it was left as it is.", "Choose another name.")
