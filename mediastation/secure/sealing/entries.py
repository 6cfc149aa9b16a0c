"""The entries of an envelope's recipients: how each of them finds the content key (RFC 5652 6.2).

All that does not change from file to file is encoded once: an envelope of a
small file is mostly entries.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from asn1crypto import algos, cms, core, x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import ContentCipher, Digest, Password
from mediastation.secure.sealing.certificates import issuer_and_serial
from mediastation.secure.sealing.der import OCTETS, SEQUENCE, explicit, tlv
from mediastation.secure.sealing.recipients import Recipient, public_key_of

__all__ = [
    "CertificateEntry",
    "Entry",
    "PasswordEntry",
    "certificate_entries",
    "encryption_algorithm",
    "wrap_key",
]

ADVISED_ITERATIONS = {
    Digest.SHA_1: 1_300_000,
    Digest.SHA_256: 600_000,
    Digest.SHA_384: 210_000,
    Digest.SHA_512: 210_000,
}
"""How often a password is stirred, as advised in 2023 (OWASP) and still today."""
FEWEST_ITERATIONS = 100_000
MOST_ITERATIONS = 10_000_000

_SALT_BYTES = 16
_BLOCK_BYTES = 16
_PWRI_KEK = "1.2.840.113549.1.9.16.3.9"
_CIPHER_IDENTIFIERS = {
    cipher: algos.EncryptionAlgorithmId(f"{cipher.value}_cbc").dump()
    for cipher in (ContentCipher.AES_128, ContentCipher.AES_192, ContentCipher.AES_256)
}


class Entry(Protocol):
    """One recipient of every envelope of a sealer."""

    @property
    def size_bytes(self) -> int:
        """Length of what `encode` returns: the same for every content key."""

    @property
    def version(self) -> int:
        """The entry's version, which that of the envelope follows from."""

    @property
    def is_password(self) -> bool:
        """Whether this is a PasswordRecipientInfo."""

    def encode(self, key: bytes) -> bytes:
        """Return the RecipientInfo that gives the content key to this recipient."""


class CertificateEntry:
    """KeyTransRecipientInfo: the content key under the RSA key of a certificate.

    The certificate is named by issuer and serial number, or by its subject key
    identifier.
    """

    is_password = False

    def __init__(self, recipient: Recipient, *, by_key_identifier: bool = False) -> None:
        certificate = x509.Certificate.load(recipient.der)
        if by_key_identifier:
            self.version = 2
            name = tlv(0x80, certificate.key_identifier)
        else:
            self.version = 0
            name = issuer_and_serial(certificate)
        self._start = (
            core.Integer(self.version).dump()
            + name
            + cms.KeyEncryptionAlgorithm({"algorithm": "rsaes_pkcs1v15"}).dump()
        )
        self._key = public_key_of(recipient.der)
        self.size_bytes = len(self._entry(bytes(self._key.key_size + 7 >> 3)))

    def encode(self, key: bytes) -> bytes:
        """Return the entry; the padding of PKCS#1 v1.5 is random."""
        return self._entry(self._key.encrypt(key, PKCS1v15()))

    def _entry(self, encrypted_key: bytes) -> bytes:
        return tlv(SEQUENCE, self._start, tlv(OCTETS, encrypted_key))


class PasswordEntry:
    """PasswordRecipientInfo: the content key under a key derived from a password.

    The key is derived when the first envelope asks for it, once for all of
    them: one salt for a set lets its reader derive once, too. What wraps the
    content key is of the same strength as what encrypts the content.
    """

    is_password = True
    version = 0

    def __init__(
        self, password: Password, cipher: ContentCipher, derivation: Digest, iterations: int
    ) -> None:
        self._password = password
        self._cipher = cipher
        self._digest = derivation
        if not 0 <= iterations <= MOST_ITERATIONS:
            raise ValueError(f"{iterations:,} iterations are more than readers take")
        self._iterations = max(iterations or ADVISED_ITERATIONS[derivation], FEWEST_ITERATIONS)
        self._salt = secrets.token_bytes(_SALT_BYTES)
        self._derived: bytes | None = None
        self._lock = threading.Lock()
        self._start = core.Integer(0).dump() + self._derivation_algorithm()
        self._wrap = core.ObjectIdentifier(_PWRI_KEK).dump()
        self.size_bytes = len(self._entry(bytes(_BLOCK_BYTES), bytes(_wrapped_bytes(cipher))))

    def encode(self, key: bytes) -> bytes:
        """Return the entry, with an initialisation vector of its own."""
        vector = os.urandom(_BLOCK_BYTES)
        return self._entry(vector, wrap_key(self._wrapping_key(), key, vector))

    def _entry(self, vector: bytes, wrapped: bytes) -> bytes:
        algorithm = tlv(SEQUENCE, self._wrap, encryption_algorithm(self._cipher, vector))
        return tlv(explicit(3), self._start, algorithm, tlv(OCTETS, wrapped))

    def _wrapping_key(self) -> bytes:
        with self._lock:
            if self._derived is None:
                self._derived = hashlib.pbkdf2_hmac(
                    self._digest.value,
                    self._password.octets,
                    self._salt,
                    self._iterations,
                    self._cipher.key_bytes,
                )
            return self._derived

    def _derivation_algorithm(self) -> bytes:
        """Return PBKDF2 with its parameters; the HMAC is left out where it is the default."""
        parameters: dict[str, object] = {
            "salt": {"specified": self._salt},
            "iteration_count": self._iterations,
        }
        if self._digest is not Digest.SHA_1:
            parameters["prf"] = {"algorithm": self._digest.value, "parameters": core.Null()}
        algorithm = {"algorithm": "pbkdf2", "parameters": algos.Pbkdf2Params(parameters)}
        encoded: bytes = algos.KdfAlgorithm(algorithm).dump()
        return bytes((explicit(0),)) + encoded[1:]


def certificate_entries(recipients: Iterable[Recipient]) -> list[CertificateEntry]:
    """Return an entry for each certificate; one that is given twice is one recipient.

    Issuer and serial number name a certificate to every reader. Home-made ones
    may share both: these are told apart by their subject key identifiers,
    where they have any.

    Raises
    ------
    SecrecyError
        If two are named alike in every way: OpenSSL and others take the first entry
        for theirs, and only one of the two could open what is sealed.
    """
    unique = {recipient.der: recipient for recipient in recipients}
    certificates = {der: x509.Certificate.load(der) for der in unique}
    named: dict[bytes, int] = {}
    for certificate in certificates.values():
        name = issuer_and_serial(certificate)
        named[name] = named.get(name, 0) + 1
    bare = [
        issuer_and_serial(certificate)
        for certificate in certificates.values()
        if certificate.key_identifier is None
    ]
    for recipient, certificate in zip(unique.values(), certificates.values(), strict=True):
        if certificate.key_identifier is None and bare.count(issuer_and_serial(certificate)) > 1:
            raise _named_alike(recipient)
    return [
        CertificateEntry(
            recipient,
            by_key_identifier=named[issuer_and_serial(certificates[der])] > 1
            and certificates[der].key_identifier is not None,
        )
        for der, recipient in unique.items()
    ]


def _named_alike(recipient: Recipient) -> SecrecyError:
    return SecrecyError(
        f"Two certificates are called {recipient.name.subject}, with the same issuer, the same "
        f"serial number {recipient.name.serial} and no key identifier: programs cannot tell which "
        "of them is theirs, and one of the two could not open the files.",
        "Give one of the two, or ask for a certificate with another serial number.",
    )


def encryption_algorithm(cipher: ContentCipher, vector: bytes) -> bytes:
    """Return the AlgorithmIdentifier of `cipher` in CBC mode (RFC 3565)."""
    return tlv(SEQUENCE, _CIPHER_IDENTIFIERS[cipher], tlv(OCTETS, vector))


def wrap_key(
    wrapping_key: bytes,
    key: bytes,
    vector: bytes,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Wrap a content key as id-alg-PWRI-KEK does with AES (RFC 3211 2.3.1).

    Parameters
    ----------
    wrapping_key : bytes
        16, 24 or 32 octets.
    key : bytes
        The content key, at least 3 octets and at most 255.
    vector : bytes
        The initialisation vector, 16 octets.
    random : callable
        Gives octets to fill up the last block with; for known answers.

    Returns
    -------
    bytes
        A multiple of 16 octets, at least 32.
    """
    check = bytes(octet ^ 0xFF for octet in key[:3])
    block = bytes((len(key),)) + check + key
    block += random(_padded_bytes(len(block)) - len(block))
    encryptor = Cipher(AES(wrapping_key), CBC(vector)).encryptor()
    # The second pass goes on with the chain where the first one ended.
    wrapped: bytes = encryptor.update(encryptor.update(block))
    return wrapped


def _wrapped_bytes(cipher: ContentCipher) -> int:
    return _padded_bytes(1 + 3 + cipher.key_bytes)


def _padded_bytes(size_bytes: int) -> int:
    return max(-(-size_bytes // _BLOCK_BYTES), 2) * _BLOCK_BYTES
