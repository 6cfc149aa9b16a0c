"""The Unix socket of a home: one line of JSON in, one out, between processes of one account.

The socket is in the home, for this account only; both ends ask the kernel who
is at the other. Whoever that is, a line, an answer and the time for both are
bounded.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SOCKET_NAME = "control.sock"
LONGEST_LINE = 1 << 16
LONGEST_ANSWER = 1 << 20
TIMEOUT_S = 10.0
_LONGEST_PATH = 107
_CREDENTIALS = struct.Struct("3i")


class ControlError(Exception):
    """What the other end sent is no line of this protocol, or it is somebody else."""


@contextmanager
def address_of(home: Path) -> Iterator[str]:
    """Give the address of the home's socket, however long the home's path is.

    The kernel takes 107 bytes; a longer one is reached through an open
    descriptor of its folder.
    """
    path = str(home / SOCKET_NAME)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET_NAME}"
    finally:
        os.close(folder)


def listen(home: Path) -> socket.socket:
    """Listen on the home's socket, in the place of one that a dead process left.

    To be called by whoever holds the lock of `serve`. `OSError` where the
    file system has no sockets.
    """
    path = home / SOCKET_NAME
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The kernel makes the file with this mode: at no moment may others connect.
        os.fchmod(sock.fileno(), 0o600)
        with address_of(home) as address:
            sock.bind(address)
        sock.listen(16)
    except BaseException:
        sock.close()
        raise
    return sock


def connect(home: Path, timeout_s: float) -> socket.socket:
    """Connect to the home's socket; `OSError` where nobody listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        with address_of(home) as address:
            sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def require_same_account(sock: socket.socket) -> int:
    """Return the process at the other end; `ControlError` if it is of another account."""
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(told)
    if user != os.geteuid():
        raise ControlError("another account is at the other end")
    return int(process)


def send_line(sock: socket.socket, told: Mapping[str, Any]) -> None:
    """Send one object."""
    sock.sendall(json.dumps(told).encode() + b"\n")


def read_line(sock: socket.socket, longest: int, timeout_s: float) -> dict[str, Any]:
    """Read one object.

    Raises
    ------
    ControlError
        If it is too long, no JSON object, or ends before its line does.
    TimeoutError
        If it takes longer than `timeout_s`, however many bytes trickle in.
    """
    deadline = time.monotonic() + timeout_s
    line = bytearray()
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        data = sock.recv(min(65536, longest + 1 - len(line)))
        if not data:
            raise ControlError("the line does not end")
        line += data
        if b"\n" in line[:-1]:
            raise ControlError("one line at a time")
        if len(line) > longest:
            raise ControlError("the line is too long")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise ControlError("the line is no JSON") from None
    if not isinstance(told, dict):
        raise ControlError("the line is no JSON object")
    return told
