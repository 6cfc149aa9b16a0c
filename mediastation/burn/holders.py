"""Who keeps a drive busy, as far as the system tells."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_MOST = 3


def holders(path: Path) -> list[str]:
    """Return who has the device or file at `path` mounted or open, a few of them.

    Empty where nobody is found, which does not mean that there is nobody:
    processes of other accounts keep their secrets.
    """
    found: list[str] = []
    for one in (*_mounts(path), *_processes(path)):
        if one not in found:
            found.append(one)
        if len(found) == _MOST:
            break
    return found


def _mounts(path: Path) -> Iterator[str]:
    device = os.path.realpath(path)
    try:
        text = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        source, _, rest = line.partition(" ")
        if source.startswith("/") and os.path.realpath(source) == device:
            place = rest.split(" ")[0].encode().decode("unicode_escape", errors="replace")
            yield f"it is mounted at {place}"


def _processes(path: Path) -> Iterator[str]:
    try:
        wanted = _identity(path.stat())
        numbers = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    except OSError:
        return
    for number in numbers:
        if number != os.getpid() and _has_open(Path(f"/proc/{number}"), wanted):
            yield f"process {number} ({_name(number)}) has it open"


def _has_open(process: Path, wanted: tuple[bool, int, int]) -> bool:
    try:
        for handle in (process / "fd").iterdir():
            try:
                if _identity(handle.stat()) == wanted:
                    return True
            except OSError:
                continue
    except OSError:
        pass
    return False


def _identity(status: os.stat_result) -> tuple[bool, int, int]:
    """Return what a device or a file is, by whatever name it was opened."""
    if stat.S_ISBLK(status.st_mode):
        return True, status.st_rdev, 0
    return False, status.st_dev, status.st_ino


def _name(number: int) -> str:
    try:
        return Path(f"/proc/{number}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
