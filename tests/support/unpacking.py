"""Taking the files out of a medium with a program that nobody here wrote."""

from __future__ import annotations

import email.policy
from pathlib import Path

from tests.support.peers import run_peer

_IDENTIFIER = slice(16 * 2048 + 1, 16 * 2048 + 6)


def unpacked(medium: Path, folder: Path) -> Path:
    """Unpack a medium into `folder`: a folder is already, 7-Zip does UDF and FAT, bsdtar the rest.

    The parts of a MIME entity go where their ids say; Python's parser finds them.
    """
    if medium.is_dir():
        return medium
    folder.mkdir()
    front = medium.read_bytes()[:40_000]
    if b"MIME-Version:" in front[:2048]:
        _unpack_entity(medium, folder)
    elif front[_IDENTIFIER] == b"CD001" or front[:2] == b"PK":
        run_peer("bsdtar", "-C", folder, "-xf", medium)
    else:
        run_peer("7z", "x", "-y", f"-o{folder}", medium)
    return folder


def _unpack_entity(medium: Path, folder: Path) -> None:
    with medium.open("rb") as file:
        entity = email.message_from_binary_file(file, policy=email.policy.default)
    for part in entity.iter_parts():
        if part.get_filename() == "DICOM.ZIP":
            attached = folder / "attached.zip"
            attached.write_bytes(part.get_payload(decode=True))
            run_peer("bsdtar", "-C", folder, "-xf", attached)
            attached.unlink()
        elif identifier := part.get_param("id"):
            path = folder / str(identifier)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(part.get_payload(decode=True))
