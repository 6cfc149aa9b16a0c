"""What operating systems leave in the root of a medium that they have mounted."""

from __future__ import annotations

import re

_LEFT_BEHIND = re.compile(
    r"System Volume Information|lost\+found|\$RECYCLE\.BIN|\.Trash(?:es|-[0-9]+)?"
    r"|\.fseventsd|\.Spotlight-V100|\.TemporaryItems",
    re.IGNORECASE,
)


def is_system_file(path: str) -> bool:
    """Tell whether `path`, relative to a medium's root, is no content but a system's own.

    Nobody puts these there on purpose, and removing them brings them back.
    """
    return _LEFT_BEHIND.fullmatch(path.partition("/")[0]) is not None
