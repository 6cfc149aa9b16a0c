"""What other programs see on an ISO 9660 image."""

from __future__ import annotations

from pathlib import Path

import pycdlib


def pycdlib_files(path: Path) -> dict[str, tuple[int, bytes]]:
    """First sector and content of each file of the primary tree, as pycdlib reads them."""
    iso = pycdlib.PyCdlib()
    iso.open(str(path))
    try:
        found = {}
        for folder, _, names in iso.walk(iso_path="/"):
            for name in names:
                full = f"{folder.rstrip('/')}/{name}"
                record = iso.get_record(iso_path=full)
                with iso.open_file_from_iso(iso_path=full) as stream:
                    content = stream.read()
                plain = full.lstrip("/").split(";")[0].removesuffix(".")
                found[plain] = (record.extent_location(), content)
        return found
    finally:
        iso.close()
