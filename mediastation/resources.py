"""Where the data files lie that travel with the program: in the wheel, or beside the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource_folder(name: str) -> Path:
    """Return the folder `name` (``profiles`` or ``templates``).

    An installed wheel carries it inside the package; a checkout has it at the
    top.
    """
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
