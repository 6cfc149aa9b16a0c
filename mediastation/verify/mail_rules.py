"""E-mails signed and encrypted as a whole (PS3.11 L.3.4, PS3.15 B.8), and those that should be.

What keeps such an e-mail shut, and what its signatures are worth, its reader
says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mediastation.model.finding import Finding, Severity, error
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.model.secrecy import ContentCipher
from mediastation.reading.contract import Volume
from mediastation.reading.mime_volume import MailVolume
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.verify.envelopes import ContentProof
from mediastation.verify.mime_rules import check_mime

_PHRASE = "DICOM-ZIP"
_B8 = "PS3.15 B.8"


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
    severity = Severity.ERROR if strict else Severity.WARNING
    again = "strict receivers may refuse it; make it again" if strict else "tell the sender"
    if strict and _PHRASE not in volume.header.subject.upper():
        message = f"the subject does not hold {_PHRASE}"
        yield Finding("mail-subject", severity, "", message, again, "PS3.11 L.3.2")
    for message in _weaknesses(volume):
        yield Finding("mail-protection", severity, volume.name, message, again, _B8)
    for finding in check_mime(volume.mail, strict=strict):
        # Only the message around it has to say which MIME it is (RFC 2045 4).
        if strict or finding.rule != "mime-version":
            yield finding


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


def _weaknesses(volume: SecureMailVolume) -> Iterator[str]:
    if volume.opened is None:
        return
    if volume.opened.cipher is ContentCipher.TRIPLE_DES:
        yield "it is encrypted with Triple-DES, which the standard gave up for AES"
    if not volume.signatures:
        yield "nobody signed it"
