"""What seals one e-mail, and can tell afterwards how to prove it."""

from __future__ import annotations

from collections.abc import Callable

from mediastation.secure.sealing.sealer import Sealed, Sealer, Source


class OneMailSealer:
    """Seals one e-mail; `sealed` says what came of it, and keeps the key that proves it.

    Parameters
    ----------
    sealer : Sealer
        Made for e-mails.
    """

    def __init__(self, sealer: Sealer) -> None:
        self.sealed: Sealed | None = None
        self._sealer = sealer

    def sealed_bytes(self, size_bytes: int) -> int:
        """Return how long the envelope of an e-mail of so many bytes is."""
        return self._sealer.sealed_bytes(size_bytes)

    def seal(
        self, source: Source, size_bytes: int, write: Callable[[memoryview], object]
    ) -> Sealed:
        """Seal the e-mail."""
        self.sealed = self._sealer.seal(source, size_bytes, write)
        return self.sealed
