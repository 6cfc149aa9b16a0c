"""Which lines of the readers have run, so that inputs that reach new ones are kept."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any


class LineCoverage:
    """Counts lines that had not run before; functions that ran whole cost nothing any more.

    Parameters
    ----------
    roots : iterable of str
        Packages below ``mediastation`` whose lines count, as folders or files.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        package = Path(__file__).parents[2] / "mediastation"
        self._roots = tuple(str(package / root) for root in roots)
        self._left: dict[CodeType, set[int] | None] = {}
        self.lines = 0

    def start(self) -> None:
        """Watch what runs from here on."""
        sys.settrace(self._entered)

    def stop(self) -> None:
        """Watch no more."""
        sys.settrace(None)

    def _entered(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        try:
            left = self._left[code]
        except KeyError:
            left = None
            if code.co_filename.startswith(self._roots):
                left = {line for _, _, line in code.co_lines() if line} - {code.co_firstlineno}
            self._left[code] = left
        return self._ran if left else None

    def _ran(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            left = self._left[frame.f_code]
            if left and frame.f_lineno in left:
                left.discard(frame.f_lineno)
                self.lines += 1
        return self._ran
