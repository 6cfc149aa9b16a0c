"""What envelopes are to whoever looks at a medium, without what opens them.

Processes that look at plain media load no cryptography.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol, runtime_checkable

from mediastation.errors import MediaError, MediastationError
from mediastation.model.finding import Finding
from mediastation.model.importing import OpenedEnvelope


class ShutError(MediaError):
    """An envelope stays shut; `findings` say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings[0].message.rstrip("."), findings[0].hint)
        self.findings = tuple(findings)


class OwnDiskError(MediastationError):
    """Our own disk cannot take what is in an envelope: the medium is not to blame."""

    exit_code = MediaError.exit_code


@runtime_checkable
class Unsealing(Protocol):
    """A medium that opens its envelopes (`mediastation.importing.unsealed.UnsealedVolume`)."""

    def unseal(self, path: str) -> tuple[BinaryIO, OpenedEnvelope | None, tuple[Finding, ...]]:
        """Return what the file at `path` holds, how it was opened, and what is to be said of that.

        Of a file in no envelope there is nothing to be said.

        Raises
        ------
        ShutError
            If its envelope cannot be opened, or what is in it is not to be believed.
        OwnDiskError
            If there is no room to open it in.
        MediaError
            If the medium cannot be read.
        """
