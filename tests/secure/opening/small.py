"""Small envelopes and the ways to open them, for the tests of this folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from mediastation.model.secrecy import Password
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.keys import KeyRing, PrivateKey
from mediastation.secure.opening.opener import MAX_ITERATIONS, Opened, Opener
from mediastation.secure.opening.trust import TrustStore
from tests.support.certificates import MOMENT, Identity
from tests.support.envelopes import Signed

WORDS = "one two three"
FILE = b"\0" * 128 + b"DICM" + b"the rest of a DICOM file"


def words(*texts: str) -> KeyRing:
    """A ring of passwords."""
    return KeyRing([Password(text) for text in texts or (WORDS,)])


def key_of(identity: Identity, *, with_certificate: bool = True) -> KeyRing:
    """A ring of one private key."""
    certificate = of_library(identity.certificate) if with_certificate else None
    return KeyRing(keys=[PrivateKey(identity.key, certificate)])


def by(identity: Identity) -> Signed:
    """Who signs, as `make_envelope` takes it."""
    return identity.key, identity.certificate, identity.above


def trusting(*identities: Identity) -> TrustStore:
    """A list of whom the site trusts."""
    return TrustStore([of_library(identity.certificate) for identity in identities])


def open_with(
    ring: KeyRing,
    envelope: bytes,
    *,
    trust: TrustStore | None = None,
    moment: datetime = MOMENT,
    max_iterations: int = MAX_ITERATIONS,
    allow_unproved: bool = False,
) -> tuple[bytes, Opened]:
    """Open an envelope; return its content and what is told of it."""
    opener = Opener(ring, trust=trust, moment=moment, max_iterations=max_iterations)
    return open_by(opener, envelope, allow_unproved=allow_unproved)


def open_by(
    opener: Opener, envelope: bytes, *, allow_unproved: bool = False
) -> tuple[bytes, Opened]:
    """Open an envelope with an opener that is there already."""
    content = io.BytesIO()
    opened = opener.open(
        io.BytesIO(envelope), len(envelope), content.write, "IM1", allow_unproved=allow_unproved
    )
    return content.getvalue(), opened


def rules(opened: Opened) -> Sequence[str]:
    """The rules of what was found, without what is said of quick derivations."""
    return [finding.rule for finding in opened.findings if finding.rule != "envelope-weak"]
