"""What is heard of a copy while it is made: how far it is, and that it still lives."""

from __future__ import annotations

from collections.abc import Callable

from mediastation.dicom.walk import Window

Progress = Callable[[int, int], None]
"""Takes bytes done and bytes expected; may raise to stop the work."""


class Report:
    """Bytes done and expected, over all stages of one copy.

    Stages yet to come are expected to be as long as the present one. All of
    it is for the thread that makes the copy.

    Parameters
    ----------
    tell : callable or None
        Who wants to hear.
    stages : int
        How many there will be.
    """

    def __init__(self, tell: Progress | None, stages: int) -> None:
        self._tell = tell
        self._to_come = stages
        self._before = self._done = self._expected = 0

    def begin(self, expected: int) -> None:
        """Begin a stage of about `expected` bytes."""
        self._before += self._done
        self._done, self._expected = 0, expected
        self._to_come -= 1

    def done(self, count: int) -> None:
        """Say that `count` bytes of this stage are done."""
        self._done = count
        self._expected = max(self._expected, count)
        self.again()

    def end(self) -> None:
        """Say that this stage has no more bytes to come."""
        self._expected = self._done
        self.again()

    def again(self) -> None:
        """Say the same once more: the work goes on without growing, as a proof does."""
        if self._tell is not None:
            whole = self._expected * (1 + self._to_come)
            self._tell(self._before + self._done, self._before + whole)


class Watched(Window):
    """A file whose every read is told of: proving a copy can take as long as making it."""

    def __init__(self, descriptor: int, told: Callable[[], None]) -> None:
        super().__init__(descriptor)
        self._told = told

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes as `Window.read` does."""
        self._told()
        return super().read(offset, length)
