"""What envelopes and those who seal and open them are called (PS3.15 D.1.1); no cryptography."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from mediastation.errors import SecrecyError

LONGEST_PASSWORD = 1024
"""Octets. The standard sets no limit; this one keeps out files that are no password."""


class ContentCipher(StrEnum):
    """How the content of an envelope is encrypted; all in CBC mode.

    Triple-DES is read and never written.
    """

    AES_128 = "aes128"
    AES_192 = "aes192"
    AES_256 = "aes256"
    TRIPLE_DES = "3des"

    @property
    def text(self) -> str:
        """What people call it."""
        return "Triple-DES" if self is ContentCipher.TRIPLE_DES else f"AES-{self.value[3:]}"

    @property
    def key_bytes(self) -> int:
        """Length of a content-encryption key in octets."""
        return {"aes128": 16, "aes192": 24, "aes256": 32, "3des": 24}[self]

    @property
    def block_bytes(self) -> int:
        """Length of a block, and of the initialisation vector, in octets."""
        return 8 if self is ContentCipher.TRIPLE_DES else 16


class Digest(StrEnum):
    """Digests of the profile. SHA-1 is read; it is written in no envelope of ours."""

    SHA_1 = "sha1"
    SHA_256 = "sha256"
    SHA_384 = "sha384"
    SHA_512 = "sha512"

    @property
    def text(self) -> str:
        """What people call it."""
        return f"SHA-{self.value[3:]}"


class Content(StrEnum):
    """What an envelope holds: integrity always, origin only where it is signed."""

    DIGESTED = "digested"
    SIGNED = "signed"


class Signature(StrEnum):
    """What a signature is worth: intact from a trusted or an unknown signer, or broken."""

    TRUSTED = "trusted"
    UNKNOWN_SIGNER = "unknown signer"
    BROKEN = "broken"


class Password:
    """A password as the profile has it: graphic characters of ISO IR 6 and SPACE, as octets.

    It shows itself nowhere: not when printed, and it cannot be pickled.
    """

    __slots__ = ("_octets",)

    def __init__(self, text: str) -> None:
        """Take a password; `SecrecyError` for an empty one, or one with other characters."""
        if not text:
            raise SecrecyError("The password is empty.", "Give one.")
        if len(text) > LONGEST_PASSWORD:
            raise SecrecyError(f"A password has at most {LONGEST_PASSWORD:,} characters.")
        if not all(" " <= character <= "~" for character in text):
            raise SecrecyError(
                "The password has characters that DICOM does not allow in one: only letters "
                "without accents, digits, blanks and the signs of ASCII are the same on every "
                "keyboard (PS3.15 D.1.1).",
                "Choose another one, or let `mediastation passphrase` make one.",
            )
        self._octets = text.encode("ascii")

    @property
    def octets(self) -> bytes:
        """The password as key derivation takes it."""
        return self._octets

    def __repr__(self) -> str:
        return "Password(not shown)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a password is not written anywhere")


class ContentKey:
    """The key that one envelope's content is encrypted with; like `Password`, it stays in memory.

    Whoever sealed an envelope proves it with this key where neither password
    nor private key is at hand.
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @property
    def octets(self) -> bytes:
        """The key as the cipher takes it."""
        return self._octets

    def __repr__(self) -> str:
        return "ContentKey(not shown)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a content key is not written anywhere")


@dataclass(frozen=True, slots=True)
class CertificateName:
    """How a certificate is shown to people and kept in records; nothing of it is secret.

    `subject` and `issuer` are names as text (RFC 4514), `serial` the serial
    number, `sha256` the digest of the certificate in hexadecimal, `expires`
    the end of its validity as ISO 8601.
    """

    subject: str
    issuer: str
    serial: int
    sha256: str
    expires: str
