"""The `serve` of a home, from outside: ask it, start it, stop it.

It lives on its own: who started it may end, and who asks need not have started it.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from mediastation.errors import ConfigError, MediastationError, NetworkError
from mediastation.station.log_folder import SERVE, log_path
from mediastation.station.own_process import begin_own
from mediastation.station.process_lock import SERVE_LOCK, lock_is_held
from mediastation.station.serving.control_socket import (
    LONGEST_ANSWER,
    TIMEOUT_S,
    ControlError,
    connect,
    read_line,
    require_same_account,
    send_line,
)

_LOOK_EVERY_S = 0.05
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 120.0
_SHOWN_BYTES = 16_384

_started: list[subprocess.Popen[bytes]] = []
"""Those that this process began and that may still run; the others are reaped on the way."""


def ask_serving(home: Path, word: str, **more: Any) -> dict[str, Any] | None:
    """Say a word to the `serve` of `home` and return its answer; None where nobody serves.

    Parameters
    ----------
    word : str
        One of `mediastation.station.serving.control`.
    **more
        What goes with the word: ``job=`` and ``secret=``.

    Raises
    ------
    ConfigError
        If it says no; with its reason.
    """
    try:
        with connect(home.expanduser().absolute(), TIMEOUT_S) as sock:
            require_same_account(sock)
            send_line(sock, {"word": word, **more})
            told = read_line(sock, LONGEST_ANSWER, TIMEOUT_S)
    except (OSError, ControlError):
        return None
    if not told.pop("ok", False):
        raise ConfigError(str(told.get("error", "")), str(told.get("hint", "")))
    return told


def take_secret(home: Path, job: int) -> str | None:
    """Return the password that somebody gave for the job of this worker; None if nobody did."""
    with suppress(ConfigError):
        told = ask_serving(home, "secret-take", job=job)
        secret = told.get("secret") if told is not None else None
        return secret if isinstance(secret, str) else None
    return None


def start_serving(home: Path, *more: str, timeout_s: float = _START_TIMEOUT_S) -> tuple[str, int]:
    """Begin to serve `home` in a process of its own, and return the address when it listens.

    Where somebody serves it already, that is enough.

    Parameters
    ----------
    *more : str
        Further words of the command `serve`.

    Raises
    ------
    MediastationError
        If it does not come up; its log says why.
    """
    home = home.expanduser().absolute()
    told = _serving(home)
    if told is not None:
        return _address_in(told)
    _reap()
    path = log_path(home, SERVE)
    begin = path.stat().st_size if path.exists() else 0
    process = begin_own(home, "serve", *more, log=SERVE, stdin=subprocess.DEVNULL)
    _started.append(process)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        told = _serving(home)
        if told is not None:
            if told["pid"] != process.pid:
                # Somebody was quicker; this one must not take over when that one ends.
                process.terminate()
                process.wait()
            return _address_in(told)
        code = process.poll()
        # Where somebody else was quicker, that one may still be on the way.
        if code is not None and not lock_is_held(home / SERVE_LOCK):
            raise _why(home, begin, code)
        time.sleep(_LOOK_EVERY_S)
    raise NetworkError(
        f"{home} is not served within {timeout_s:.0f} s.",
        f"Look into {log_path(home, SERVE)}.",
    )


def stop_serving(home: Path, *, timeout_s: float = _STOP_TIMEOUT_S) -> bool:
    """End the `serve` of `home`, and wait until it has; false where nobody served.

    What runs goes back to the queue; a disc that is being made is finished first.

    Raises
    ------
    NetworkError
        If it goes on for `timeout_s`; it ends when it can.
    """
    home = home.expanduser().absolute()
    told = ask_serving(home, "stop")
    if told is None:
        _reap()
        return False
    deadline = time.monotonic() + timeout_s
    while lock_is_held(home / SERVE_LOCK):
        if time.monotonic() > deadline:
            raise NetworkError(
                f"{home} is still served: it ends when the disc is done that is being made.",
                "`mediastation jobs` shows how far it is.",
            )
        time.sleep(_LOOK_EVERY_S)
    for process in _started:
        if process.pid == told["pid"]:
            process.wait()
    _reap()
    return True


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def _serving(home: Path) -> dict[str, Any] | None:
    told = ask_serving(home, "ping")
    return None if told is None or told.get("stopping") else told


def _address_in(told: dict[str, Any]) -> tuple[str, int]:
    return str(told["address"]), int(told["port"])


def _why(home: Path, begin: int, code: int) -> MediastationError:
    """Return what the log says of a `serve` that did not come up."""
    with log_path(home, SERVE).open("rb") as log:
        log.seek(begin)
        lines = log.read(_SHOWN_BYTES).decode(errors="replace").splitlines()
    found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    hints = [line.removeprefix("  → ") for line in lines if line.startswith("  → ")]
    kind = ConfigError if code == ConfigError.exit_code else NetworkError
    return kind(
        found[-1] if found else f"{home} cannot be served: exit code {code}.",
        hints[-1] if hints else f"Look into {log_path(home, SERVE)}.",
    )
