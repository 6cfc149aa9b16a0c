"""E-mails signed and encrypted as a whole (PS3.11 L.3.4, PS3.15 B.8), and those that should be.

What keeps such an e-mail shut, and what its signatures are worth, its reader
says. Of one that stays shut, only what lies around its content is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mediastation.model.finding import Finding, Severity, error, note
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.model.secrecy import ContentCipher
from mediastation.reading.contract import Volume
from mediastation.reading.mime_header import MimeHeader
from mediastation.reading.mime_volume import MailVolume
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.shut_mail import ShutMailVolume
from mediastation.verify.envelopes import ContentProof
from mediastation.verify.mime_rules import check_mime, check_version

_PHRASE = "DICOM-ZIP"
_B8 = "PS3.15 B.8"
_TRIPLE_DES = "it is encrypted with Triple-DES, which the standard gave up for AES"


def check_secure_mail(volume: SecureMailVolume, *, strict: bool) -> Iterator[Finding]:
    """Check the message, how it is protected, and the e-mail inside.

    Parameters
    ----------
    volume : SecureMailVolume
        Opened; its own findings are not repeated.
    strict : bool
        Whether it is ours, so that the standard is the law.

    Yields
    ------
    Finding
        Those of `check_mime` on the e-mail inside, and errors if `strict`, else
        warnings: ``"mail-subject"``, ``"mail-protection"``.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    severity, again = _how_grave(strict=strict)
    if strict:
        yield from _check_subject(volume.header, strict=strict)
    for message in _weaknesses(volume):
        yield Finding("mail-protection", severity, volume.name, message, again, _B8)
    for finding in check_mime(volume.mail, strict=strict):
        # Only the message around it has to say which MIME it is (RFC 2045 4).
        if strict or finding.rule != "mime-version":
            yield finding


def check_shut_mail(volume: ShutMailVolume, *, strict: bool) -> Iterator[Finding]:
    """Check what can be seen of a message whose envelope stays shut: its header, and the cipher.

    Parameters
    ----------
    volume : ShutMailVolume
        Its own findings are not repeated.
    strict : bool
        Whether it is ours, so that the standard is the law.

    Yields
    ------
    Finding
        Errors if `strict`, else warnings: ``"mime-version"``,
        ``"mail-protection"``; and ``"mail-subject"``, which is a note where
        the message is not ours. An envelope that was saved by itself has no
        header to speak of.
    """
    severity, again = _how_grave(strict=strict)
    header = volume.header
    if header.says_mime:
        yield from _check_subject(header, strict=strict)
        for message in check_version(header):
            yield Finding("mime-version", severity, "", message, again, "RFC 2045 4")
    if volume.envelope.cipher is ContentCipher.TRIPLE_DES:
        yield Finding("mail-protection", severity, volume.name, _TRIPLE_DES, again, _B8)


def check_protection(volume: Volume, profile: ApplicationProfile | None) -> Iterator[Finding]:
    """Yield an error where everybody can read what `profile` wants encrypted."""
    if profile is None or profile.security is not Security.MAIL:
        return
    is_open = isinstance(volume, SecureMailVolume) and volume.opened is None
    if is_open or isinstance(volume, MailVolume):
        yield error(
            "not-sealed",
            volume.name,
            f"anybody can read it, and {profile.name} encrypts the e-mail as a whole",
            "do not send it; make it again",
            f"PS3.11 Annex {profile.annex}; {_B8}",
        )


def proof_of_mail(volume: SecureMailVolume) -> ContentProof:
    """Return what was opened: the message, where it was encrypted, and its signatures."""
    worth = Counter(str(one.signature) for one in volume.signatures)
    return ContentProof(opened=int(volume.opened is not None), signatures=dict(worth))


def _how_grave(*, strict: bool) -> tuple[Severity, str]:
    """Return how grave a slip is, and what to do about it."""
    if strict:
        return Severity.ERROR, "strict receivers may refuse it; make it again"
    return Severity.WARNING, "tell the sender"


def _check_subject(header: MimeHeader, *, strict: bool) -> Iterator[Finding]:
    if _PHRASE not in header.subject.upper():
        told = error if strict else note
        again = _how_grave(strict=strict)[1] if strict else ""
        yield told(
            "mail-subject", "", f"the subject does not hold {_PHRASE}", again, "PS3.11 L.3.2"
        )


def _weaknesses(volume: SecureMailVolume) -> Iterator[str]:
    if volume.opened is None:
        return
    if volume.opened.cipher is ContentCipher.TRIPLE_DES:
        yield _TRIPLE_DES
    if not volume.signatures:
        yield "nobody signed it"
