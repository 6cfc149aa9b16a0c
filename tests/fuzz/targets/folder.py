"""Folders full of links, pipes and names, changed between the list and the reading."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from random import Random

from mediastation.errors import MediaError
from mediastation.reading.folder import FolderVolume
from tests.fuzz.oracles import drain, require
from tests.fuzz.targets.coerce import IN_MEMORY

_SECRET = b"a secret of this computer"
_NAMES = (
    b"DICOMDIR", b"A", b"a", b"I1", b"\xff\xfe", b"\x1b[2J", b"A\nB", b"%1B[2J", b"C:", b"A\\B",
    b"\xe2\x80\xae", b" ", b"...", b"A;1", b"A" * 255, b"CON", b"\xed\xa0\x80", b"%", b"DICOM",
)  # fmt: skip
_SIZES = (0, 1, 12, 1 << 40)


class FolderTarget:
    """Each pair of bytes of an input does one thing to a tree; the second half comes late."""

    name = "folder"
    roots: tuple[str, ...] = ("reading/folder.py", "reading/names.py")
    most_bytes = 200

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """A few trees."""
        return [bytes(range(start, start + 60)) for start in (0, 50, 130)]

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Do something else, more, or less."""
        raw = bytearray(data)
        for _ in range(rng.choice((1, 3, 10))):
            at = rng.randrange(len(raw) + 1)
            raw[at : at + rng.choice((0, 1, 2))] = rng.randbytes(rng.choice((0, 1, 2)))
        return bytes(raw + other[: rng.randrange(20)])

    def run(self, data: bytes) -> set[str]:
        """List the tree, change it, read what was listed; nothing outside may come."""
        place = IN_MEMORY if IN_MEMORY.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="mediastation-fuzz-", dir=place) as above:
            (Path(above) / "secret").write_bytes(_SECRET)
            tree = os.fsencode(Path(above) / "tree")
            os.mkdir(tree)  # noqa: PTH102 - names are bytes here
            half = len(data) // 4 * 2
            _change(tree, data[:half])
            with FolderVolume(Path(os.fsdecode(tree))) as volume:
                _change(tree, data[half:])
                for file in volume.iter_files():
                    with contextlib.suppress(MediaError, OSError), volume.open(file.path) as stream:
                        require(stream.read(64) != _SECRET, f"{file.path!a} leads out")
            with FolderVolume(Path(os.fsdecode(tree))) as volume:
                said = drain(volume, 0, most_bytes=1 << 50)
                return said | {f"files {min(sum(1 for _ in volume.iter_files()), 6)}"}


def _change(tree: bytes, steps: bytes) -> None:
    """Make, replace, link and remove what lies in the tree; what cannot be is left."""
    folders = [tree]
    for what, which in zip(steps[::2], steps[1::2], strict=False):
        folder = folders[which % len(folders)]
        path = folder + b"/" + _NAMES[(which >> 3) % len(_NAMES)]
        with contextlib.suppress(OSError):
            _step(what % 9, path, folders, which)


def _step(what: int, path: bytes, folders: list[bytes], which: int) -> None:
    if what < 2:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            os.ftruncate(descriptor, _SIZES[which % len(_SIZES)])
        finally:
            os.close(descriptor)
    elif what < 4:
        os.mkdir(path)  # noqa: PTH102 - names are bytes here
        folders.append(path)
    elif what == 4:
        os.symlink(folders[0] + (b"", b"/../secret", b"/..", b"/A")[which % 4], path)  # noqa: PTH211
    elif what == 5:
        os.mkfifo(path)
    elif what == 6:
        os.unlink(path)  # noqa: PTH108 - names are bytes here
        os.symlink(folders[0] + b"/../secret", path)  # noqa: PTH211
    elif what == 7:
        os.rename(path, path + b"x")  # noqa: PTH104 - names are bytes here
        os.symlink(folders[0] + b"/..", path)  # noqa: PTH211
    else:
        os.link(folders[0] + b"/" + _NAMES[which % len(_NAMES)], path)
