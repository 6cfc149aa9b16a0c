"""E-mails signed and encrypted as a whole (PS3.15 B.8, S/MIME: RFC 8551).

The standard leaves it open whether a mail is signed before it is encrypted or
after. Here it is signed first: nobody on the way sees who signed it, and what
was decrypted is proved by the signature alone, wherever it is kept. It is
signed in clear (``multipart/signed``), so that the ZIP file is in base64 once
for the mail that carries it and once for the envelope; in an opaque signature
it would be there a third time, and a third larger again.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from asn1crypto import cms

from mediastation.model.secrecy import Content, ContentCipher, Digest, Password
from mediastation.secure.sealing.content import SignedContent
from mediastation.secure.sealing.recipients import Recipient
from mediastation.secure.sealing.sealer import Sealer
from mediastation.secure.sealing.signer import Signer

__all__ = ["SignedEntity", "mail_sealer"]

_MICALG = {Digest.SHA_256: "sha-256", Digest.SHA_384: "sha-384", Digest.SHA_512: "sha-512"}
_SIGNATURE_NAME = "smime.p7s"


class SignedEntity:
    """``multipart/signed`` around a MIME entity: what is encrypted of an e-mail (RFC 8551 3.5.3).

    The entity is signed as it stands, so it has to be in the canonical form of
    its kind: lines that end in CRLF, no octets that a mail server may change.

    Parameters
    ----------
    signer : Signer
        Its chain goes with the mail.
    digest : Digest
        SHA-256 or longer.
    moment : datetime
        The time of signing, with its zone.
    boundary : str, optional
        What no line of the entity begins with behind two hyphens; random
        without it.
    """

    content = Content.SIGNED
    content_type = cms.ContentType("data").dump()

    def __init__(
        self, signer: Signer, digest: Digest, moment: datetime, boundary: str = ""
    ) -> None:
        self.digest = digest
        self._boundary = boundary or f"=_signed_{secrets.token_hex(16)}"
        self._signature = SignedContent(signer, digest, moment)
        self._head = self._lines(
            "Content-Type: multipart/signed;",
            ' protocol="application/pkcs7-signature";',
            f" micalg={_MICALG[digest]};",
            f' boundary="{self._boundary}"',
            "",
            f"--{self._boundary}",
        )
        self.tail_bytes = len(self._tail(bytes(self._signature.detached_bytes)))

    def head(self, size_bytes: int) -> bytes:  # noqa: ARG002 - nothing states the length here
        """Return what precedes the entity, whatever its length."""
        return self._head

    def tail(self, digest: bytes) -> bytes:
        """Return what follows the entity whose digest this is: its signature as the second part."""
        return self._tail(self._signature.detached(digest))

    def _tail(self, signature: bytes) -> bytes:
        front = self._lines(
            "",
            f"--{self._boundary}",
            f'Content-Type: application/pkcs7-signature; name="{_SIGNATURE_NAME}"',
            "Content-Transfer-Encoding: base64",
            f'Content-Disposition: attachment; filename="{_SIGNATURE_NAME}"',
            "",
        )
        body = base64.encodebytes(signature).replace(b"\n", b"\r\n")
        return front + body + self._lines(f"--{self._boundary}--")

    @staticmethod
    def _lines(*lines: str) -> bytes:
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def mail_sealer(
    recipients: Sequence[Recipient],
    password: Password | None,
    *,
    moment: datetime,
    signer: Signer,
    cipher: ContentCipher = ContentCipher.AES_256,
    digest: Digest = Digest.SHA_256,
    derivation: Digest = Digest.SHA_1,
    iterations: int = 0,
) -> Sealer:
    """Return what seals e-mails: a MIME entity goes in, EnvelopedData in DER comes out.

    Parameters and errors are those of `Sealer`; a mail is always signed. A
    password opens it with OpenSSL and here: mail programs know certificates
    only.
    """
    return Sealer(
        recipients,
        password,
        moment=moment,
        cipher=cipher,
        derivation=derivation,
        iterations=iterations,
        frame=SignedEntity(signer, digest, moment),
    )
