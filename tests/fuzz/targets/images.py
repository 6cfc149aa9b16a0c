"""What the targets of file systems have in common: a medium in memory, opened, drained."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from mediastation.errors import MediaError
from mediastation.reading.contract import Volume
from mediastation.reading.image_base import AccessOpener
from tests.fuzz.oracles import drain, require_harmless
from tests.support.damaged import SECTOR, MemoryAccess
from tests.support.file_sets import write_folder

NAME = Path("disc.img")
FILES: Mapping[str, bytes] = {
    "DICOMDIR": b"twelve bytes",
    "DICOM/S1/I1": bytes(range(256)) * 9,
    "DICOM/S1/I2": b"",
    "README.TXT": b"Read me.\r\n",
}


def opened(
    open_it: Callable[[Path, AccessOpener], Volume],
    data: bytes,
    look: Callable[[Volume, set[str]], None],
    *,
    most_bytes: int = 0,
) -> set[str]:
    """Open a medium, read all of it, and look closer; return what was said.

    One input in eight has sectors that cannot be read, chosen by its bytes,
    so that the same input always meets the same fate.
    """
    chance = Random(zlib.crc32(data))
    bad: set[int] = set()
    if not chance.randrange(8):
        sectors = max(1, len(data) // SECTOR)
        bad = {chance.randrange(sectors) for _ in range(chance.choice((1, 2, 8, 200)))}
    access = MemoryAccess(data, bad=bad, is_device=not chance.randrange(16))
    try:
        volume = open_it(NAME, access)
    except MediaError as fault:
        for text in (fault.message, fault.hint):
            require_harmless(text, "error")
        return {f"refused: {' '.join(word for word in fault.message.split() if word.isalpha())}"}
    with volume:
        said = drain(volume, len(data), most_bytes=most_bytes)
        look(volume, said)
    return said


def made_by(folder: Path, *command: str | Path, files: Mapping[str, bytes] = FILES) -> list[bytes]:
    """Return the image that a program makes of `files`; nothing if it is missing or fails.

    In the command, ``TREE`` stands for the folder of the files and ``IMAGE``
    for what it has to write.
    """
    tree = write_folder(files, folder / "tree")
    image = folder / "made.img"
    image.unlink(missing_ok=True)
    places = {"TREE": str(tree), "IMAGE": str(image)}
    words = [places.get(str(word), str(word)) for word in command]
    try:
        subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    return [image.read_bytes()] if image.exists() else []
