"""What there is to say where a stored file cannot be had."""

from __future__ import annotations

from pathlib import Path

from mediastation.errors import MediaError

__all__ = ["stored_file_gone"]


def stored_file_gone(subject: str, path: Path) -> MediaError:
    """Return what stops the work when the file of `subject` does not lie at `path` any more.

    The index spoke of it a moment ago: most likely somebody forgot it since.
    """
    return MediaError(
        f"The stored file of {subject} is gone ({path}).",
        "If it was forgotten meanwhile, give the command again. If not, run `mediastation "
        "reindex` to see what else is missing, and check the disk.",
    )
