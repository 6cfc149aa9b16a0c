"""The limits of reading elements, and what is raised inside the header scan when data reach one.

None of these exceptions leaves the room: `mediastation.dicom.header` turns them into
findings, `mediastation.dicom.walk` into errors of its own.
"""

from __future__ import annotations

from typing import Final

DEPTH_LIMIT: Final = 128
"""Sequences inside each other; the deepest of the standard's IODs have about ten."""
STEP_LIMIT: Final = 4_000_000
"""Heads read in one data set, items and fragments included."""
VALUE_LIMIT_BYTES: Final = 1024 * 1024
"""The longest value that is kept."""
HEADER_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""What all sequences and long values of one header may add up to."""


class Damage(Exception):  # noqa: N818 - caught by the walk, never shown as an error
    """The data set cannot be walked beyond this point.

    Parameters
    ----------
    rule : str
        Rule of the finding it becomes.
    message : str
        What is wrong.
    tag : int
        The top-level element it befell, if known.
    """

    def __init__(self, rule: str, message: str, tag: int = -1) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.tag = tag


class TooLongError(Exception):
    """A value is longer than the index keeps."""


class Steps:
    """How many heads were read; a limit against data made of nothing but heads."""

    def __init__(self) -> None:
        self.done = 0

    def count(self, heads: int = 1) -> None:
        """Count heads that were read."""
        self.done += heads
        if self.done > STEP_LIMIT:
            raise Damage("too-long", f"the data set has more than {STEP_LIMIT} elements")
