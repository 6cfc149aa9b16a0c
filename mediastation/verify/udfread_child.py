"""List the files of a UDF image as libudfread reads them; run as a program of its own.

The library is written in C and gets hostile media to read: it must not run
inside the station. Each line that this prints is a JSON list of path, size
and SHA-256. Nothing of the package is imported.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys

_DIRECTORY = 1
_CHUNK_BYTES = 1 << 20
_MOST_FILES = 500_000
_LIBRARY = "libudfread.so.0"


class _Entry(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint), ("name", ctypes.c_char_p)]


def load() -> ctypes.CDLL | None:
    """Return the library, its functions declared; None where it is not installed."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    handle, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("udfread_init", handle, []),
        ("udfread_open", ctypes.c_int, [handle, text]),
        ("udfread_opendir", handle, [handle, text]),
        ("udfread_readdir", handle, [handle, ctypes.POINTER(_Entry)]),
        ("udfread_closedir", None, [handle]),
        ("udfread_file_open", handle, [handle, text]),
        ("udfread_file_size", ctypes.c_int64, [handle]),
        ("udfread_file_read", ctypes.c_ssize_t, [handle, handle, ctypes.c_size_t]),
        ("udfread_file_close", None, [handle]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main(image: str) -> int:
    """Print what is on `image`."""
    library = load()
    if library is None:
        print(f"{_LIBRARY} is not installed", file=sys.stderr)
        return 3
    volume = library.udfread_init()
    if not volume or library.udfread_open(volume, image.encode()) != 0:
        print("it sees no UDF volume", file=sys.stderr)
        return 1
    waiting, left = [b""], _MOST_FILES
    while waiting and left > 0:
        above = waiting.pop()
        directory = library.udfread_opendir(volume, above or b"/")
        if not directory:
            continue
        entry = _Entry()
        while left > 0 and library.udfread_readdir(directory, ctypes.byref(entry)):
            if entry.name in (b".", b".."):
                continue
            path, left = above + b"/" + entry.name, left - 1
            if entry.type == _DIRECTORY:
                waiting.append(path)
            else:
                print(json.dumps(_read(library, volume, path)), flush=False)
        library.udfread_closedir(directory)
    return 0


def _read(library: ctypes.CDLL, volume: int, path: bytes) -> list[str | int]:
    shown = path[1:].decode("utf-8", "replace")
    file = library.udfread_file_open(volume, path)
    if not file:
        return [shown, -1, ""]
    size, done = library.udfread_file_size(file), 0
    digest = hashlib.sha256()
    buffer = ctypes.create_string_buffer(_CHUNK_BYTES)
    while done < size:
        wanted = min(_CHUNK_BYTES, size - done)
        count = library.udfread_file_read(file, ctypes.addressof(buffer), wanted)
        if count <= 0:
            break
        digest.update(memoryview(buffer)[:count])
        done += count
    library.udfread_file_close(file)
    return [shown, size, digest.hexdigest() if done == size else ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
