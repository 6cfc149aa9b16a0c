"""libudfread, which media players read Blu-ray discs with, as an oracle (its API of version 1)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

_DIRECTORY = 1


class _Entry(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint), ("name", ctypes.c_char_p)]


def _library() -> ctypes.CDLL:
    """Load it; skip without it, fail under ``REQUIRE_PEERS=1``."""
    try:
        library = ctypes.CDLL("libudfread.so.0")
    except OSError:
        if os.environ.get("REQUIRE_PEERS") == "1":
            pytest.fail("libudfread is required and not installed")
        pytest.skip("libudfread is not installed")
    handle, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("udfread_init", handle, []),
        ("udfread_open", ctypes.c_int, [handle, text]),
        ("udfread_close", None, [handle]),
        ("udfread_opendir", handle, [handle, text]),
        ("udfread_readdir", handle, [handle, ctypes.POINTER(_Entry)]),
        ("udfread_closedir", None, [handle]),
        ("udfread_file_open", handle, [handle, text]),
        ("udfread_file_size", ctypes.c_int64, [handle]),
        ("udfread_file_read", ctypes.c_ssize_t, [handle, handle, ctypes.c_size_t]),
        ("udfread_file_seek", ctypes.c_int64, [handle, ctypes.c_int64, ctypes.c_int]),
        ("udfread_file_close", None, [handle]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def udfread_tree(image: Path) -> dict[str, bytes]:
    """Return every file of `image` as libudfread reads it."""
    library = _library()
    volume = library.udfread_init()
    assert library.udfread_open(volume, bytes(image)) == 0
    try:
        files = {}
        waiting = [""]
        while waiting:
            above = waiting.pop()
            for is_directory, name in _names(library, volume, above or "/"):
                path = f"{above}/{name}"
                if is_directory:
                    waiting.append(path)
                else:
                    files[path[1:]] = _content(library, volume, path)
        return files
    finally:
        library.udfread_close(volume)


def udfread_at(image: Path, path: str, offsets: Iterable[int]) -> tuple[int, bytes]:
    """Return the size of a file of any length, and its bytes at `offsets`."""
    library = _library()
    volume = library.udfread_init()
    assert library.udfread_open(volume, bytes(image)) == 0
    file = library.udfread_file_open(volume, f"/{path}".encode())
    assert file, f"{path} cannot be opened"
    found = b""
    byte = ctypes.create_string_buffer(1)
    for offset in offsets:
        assert library.udfread_file_seek(file, offset, os.SEEK_SET) == offset
        assert library.udfread_file_read(file, ctypes.addressof(byte), 1) == 1
        found += byte.raw
    size = library.udfread_file_size(file)
    library.udfread_file_close(file)
    library.udfread_close(volume)
    return size, found


def _names(library: ctypes.CDLL, volume: int, path: str) -> list[tuple[bool, str]]:
    directory = library.udfread_opendir(volume, path.encode())
    assert directory, f"{path} cannot be opened"
    entry, found = _Entry(), []
    while library.udfread_readdir(directory, ctypes.byref(entry)):
        if entry.name not in (b".", b".."):
            found.append((entry.type == _DIRECTORY, entry.name.decode()))
    library.udfread_closedir(directory)
    return found


def _content(library: ctypes.CDLL, volume: int, path: str) -> bytes:
    file = library.udfread_file_open(volume, path.encode())
    assert file, f"{path} cannot be opened"
    size = library.udfread_file_size(file)
    data = ctypes.create_string_buffer(max(1, size))
    done = 0
    while done < size:
        count = library.udfread_file_read(file, ctypes.addressof(data) + done, size - done)
        assert count > 0, f"{path} cannot be read"
        done += count
    library.udfread_file_close(file)
    return data.raw[:size]
