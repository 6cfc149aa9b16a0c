"""What keeps an envelope shut."""

from __future__ import annotations

from collections.abc import Sequence

from mediastation.errors import SecrecyError
from mediastation.model.finding import Finding


class WrongKeyError(SecrecyError):
    """No password or key at hand opens the envelope, as far as can be told."""


class BadEnvelopeError(SecrecyError):
    """The envelope is none, is damaged, or its content was changed.

    `findings` say which of its signatures are broken; empty for all else.
    """

    def __init__(self, message: str, hint: str = "", findings: Sequence[Finding] = ()) -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)
