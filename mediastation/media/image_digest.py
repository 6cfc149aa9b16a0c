"""The digest of a whole image, taken while it is written."""

from __future__ import annotations

import hashlib
import queue
import threading

_RUNS_IN_FLIGHT = 8


class ImageDigest:
    """SHA-256 in a second thread; hashlib and the disk both work without the interpreter's lock."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._runs: queue.Queue[bytearray | None] = queue.Queue(_RUNS_IN_FLIGHT)
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="image digest", daemon=True)
        self._thread.start()

    def update(self, run: bytearray) -> None:
        """Take the next bytes; they must not change any more."""
        self._runs.put(run)

    def finish(self) -> str:
        """Return the digest of everything."""
        self.close()
        if self._fault is not None:
            raise self._fault
        return self._digest.hexdigest()

    def close(self) -> None:
        """End the thread; may be called again."""
        if self._thread.is_alive():
            self._runs.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (run := self._runs.get()) is not None:
            try:
                if self._fault is None:
                    self._digest.update(run)
            except BaseException as fault:  # told by finish(); the queue must go on emptying
                self._fault = fault
