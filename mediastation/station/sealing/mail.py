"""An e-mail that was signed and encrypted as a whole (PS3.15 B.8), opened again to prove it.

It is read through what shares nothing with its writer. The private keys of
its recipients are with them; the key that was sealed for them opens it here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.errors import RefusedError, SecrecyError
from mediastation.model.finding import Finding, has_errors
from mediastation.model.secrecy import ContentCipher
from mediastation.reading.contract import Volume as Medium
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import SecureMailVolume, open_secure_mail
from mediastation.secure.opening.opener import Opener
from mediastation.secure.sealing.sealer import Sealed
from mediastation.station.exporting.file_set import Volume
from mediastation.station.exporting.work import Work
from mediastation.station.sealing.envelope_folder import SEALED
from mediastation.station.sealing.plan import Sealing
from mediastation.station.sealing.volume import (
    NOT_SIGNED,
    is_sealed_for,
    is_signed_here,
    not_proved,
    own_opener,
    unseen_keys,
)


@contextmanager
def open_made(work: Work, volume: Volume, path: Path) -> Iterator[Medium]:
    """Open the medium that was made of `volume`; an e-mail that is sealed, as its recipient will.

    Raises
    ------
    RefusedError
        If a sealed e-mail does not open.
    MediaError
        If the medium cannot be read.
    """
    sealing, sealed = work.sealing, volume.mail.sealed if volume.mail else None
    if sealing is None or sealed is None:
        with open_volume(path) as plain:
            yield plain
        return
    opener = _opener(work, sealing, sealed, path)
    try:
        mail = open_secure_mail(path, opener, volume.folder / SEALED)
    except SecrecyError as fault:
        finding = not_proved(path.name, f"It cannot be opened again: {fault.message}")
        raise _refused([finding]) from fault
    with mail:
        yield mail


def prove_mail(work: Work, volume: Volume, medium: Medium) -> list[Finding]:
    """Hold what came out of a sealed e-mail against what was sealed; empty for other media.

    What lies in its ZIP file is held against the manifest by the reread.

    Raises
    ------
    RefusedError
        If it is not what was sealed, or not for those for whom it was.
    """
    sealing, sealed = work.sealing, volume.mail.sealed if volume.mail else None
    if sealing is None or sealed is None or not isinstance(medium, SecureMailVolume):
        return []
    findings = list(_differences(sealing, sealed, medium))
    if has_errors(findings):
        raise _refused(findings)
    if sealing.recipients:
        findings.append(unseen_keys(work.target.medium.name, sealing))
    return findings


def _opener(work: Work, sealing: Sealing, sealed: Sealed, path: Path) -> Opener:
    """Return what opens it: the password where there is one, else the key it was sealed with."""
    if sealing.password is not None:
        ring = KeyRing(passwords=(sealing.password,))
    else:
        ring = KeyRing(content_keys={os.fspath(path): sealed.content_key.octets})
    return own_opener(work, sealing, ring)


def _differences(sealing: Sealing, sealed: Sealed, mail: SecureMailVolume) -> Iterator[Finding]:
    name = Path(mail.name).name
    if mail.entity_sha256 != sealed.content_sha256:
        yield not_proved(name, "The e-mail in it is not the one that was sealed.")
    opened = mail.opened
    if opened is None or opened.cipher is ContentCipher.TRIPLE_DES:
        yield not_proved(name, "It is not encrypted as was asked for.")
    elif not is_sealed_for(sealing, opened.recipients):
        yield not_proved(name, "It is not sealed for exactly those who were named.")
    if not is_signed_here(mail.signatures):
        yield not_proved(name, NOT_SIGNED)


def _refused(findings: list[Finding]) -> RefusedError:
    return RefusedError(
        "The e-mail was sealed and opened again, and what came out is not what was sealed; it was "
        "removed.",
        findings,
        "Check memory and disk of this computer, then give the command again.",
    )
