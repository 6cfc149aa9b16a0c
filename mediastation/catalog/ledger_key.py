"""The key of the ledger's codes: 32 random bytes in the home, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, sync_folder
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, warning
from mediastation.model.ledger import key_name

KEY_NAME = "ledger.key"
OLD_KEY_NAME = "ledger.old.key"
KEY_BYTES = 32
_MOST_OLD_KEYS = 16


def read_key(home: Path) -> bytes | None:
    """Return the key; None where there is none.

    Raises
    ------
    MediaError
        If the file is no key: nothing is written under a guess.
    """
    return _read(home / KEY_NAME)


def read_keys(home: Path) -> dict[str, bytes]:
    """Return what entries can be verified with, by `key_name`: the key, and older ones.

    Older ones are `OLD_KEY_NAME` and whatever else begins with ``ledger.`` and
    ends with ``.key``; nothing is written under them.
    """
    older = sorted(home.glob("ledger.*.key"))[:_MOST_OLD_KEYS]
    keys = [_read(path) for path in (home / KEY_NAME, *older)]
    return {key_name(key): key for key in keys if key is not None}


def _read(path: Path) -> bytes | None:
    with disk_trouble_told(path.parent):
        try:
            with path.open("rb") as file:
                key = file.read(KEY_BYTES + 1)
        except FileNotFoundError:
            return None
    if len(key) != KEY_BYTES:
        raise MediaError(
            f"{path} is no key of the ledger: a key has {KEY_BYTES} bytes.",
            "Put it back from the backup of the home. If there is none, move it away: a new key "
            "is made, and the ledger says so.",
        )
    return key


def make_key(home: Path) -> bytes:
    """Make a key where there is none, durably, and return it. Hold the catalog's write lock."""
    path, part = home / KEY_NAME, home / f".{KEY_NAME}.part"
    key = secrets.token_bytes(KEY_BYTES)
    with disk_trouble_told(home):
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(home)
    return key


def check_key(home: Path) -> list[Finding]:
    """Say what is wrong with the file of the key; empty also where there is none yet."""
    path = home / KEY_NAME
    try:
        read_key(home)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return []
    except MediaError as fault:
        return [error("ledger-key", str(path), fault.message, fault.hint)]
    if mode & 0o077:
        return [
            warning(
                "ledger-key",
                str(path),
                "Others than its owner can read the key, and could write entries that pass.",
                f"Run `chmod 600 {path}`, and find out who may have read it.",
            )
        ]
    return []
