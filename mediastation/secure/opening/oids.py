"""Object identifiers of envelopes, and what they are called (RFC 5652, PS3.15 D.1.1)."""

from __future__ import annotations

from typing import Final

from mediastation.model.secrecy import ContentCipher, Digest

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
DIGESTED_DATA: Final = "1.2.840.113549.1.7.5"

RSA: Final = "1.2.840.113549.1.1.1"
PBKDF2: Final = "1.2.840.113549.1.5.12"
PWRI_KEK: Final = "1.2.840.113549.1.9.16.3.9"

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"

KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
NAME_CONSTRAINTS: Final = "2.5.29.30"

CIPHERS: Final = {
    "2.16.840.1.101.3.4.1.2": ContentCipher.AES_128,
    "2.16.840.1.101.3.4.1.22": ContentCipher.AES_192,
    "2.16.840.1.101.3.4.1.42": ContentCipher.AES_256,
    "1.2.840.113549.3.7": ContentCipher.TRIPLE_DES,
}

DIGESTS: Final = {
    "1.3.14.3.2.26": Digest.SHA_1,
    "2.16.840.1.101.3.4.2.1": Digest.SHA_256,
    "2.16.840.1.101.3.4.2.2": Digest.SHA_384,
    "2.16.840.1.101.3.4.2.3": Digest.SHA_512,
}

SIGNATURE_DIGESTS: Final = {
    "1.2.840.113549.1.1.5": Digest.SHA_1,
    "1.2.840.113549.1.1.11": Digest.SHA_256,
    "1.2.840.113549.1.1.12": Digest.SHA_384,
    "1.2.840.113549.1.1.13": Digest.SHA_512,
}
"""RSA signatures (PKCS#1 v1.5) that name their digest."""

DERIVATIONS: Final = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
"""The HMAC of PBKDF2, by the name of its digest. No profile has SHA-224; who has it sends it."""

_NAMES: Final = {
    DATA: "data",
    SIGNED_DATA: "signed data",
    ENVELOPED_DATA: "an envelope",
    "1.2.840.113549.1.7.4": "data both signed and enveloped, as before CMS",
    DIGESTED_DATA: "digested data",
    "1.2.840.113549.1.7.6": "data encrypted without recipients",
    "1.2.840.113549.1.9.16.1.2": "authenticated data",
    "1.2.840.113549.1.9.16.1.9": "compressed data",
    "1.2.840.113549.1.9.16.1.23": "an authenticated envelope (AuthEnvelopedData)",
    RSA: "RSA",
    "1.2.840.113549.1.1.7": "RSA-OAEP",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.10045.4.1": "ECDSA",
    "1.2.840.10045.4.3.2": "ECDSA",
    "1.2.840.10045.4.3.3": "ECDSA",
    "1.2.840.10045.4.3.4": "ECDSA",
    "1.3.101.112": "Ed25519",
    "1.2.840.10040.4.3": "DSA",
    "2.16.840.1.101.3.4.1.6": "AES-128-GCM",
    "2.16.840.1.101.3.4.1.26": "AES-192-GCM",
    "2.16.840.1.101.3.4.1.46": "AES-256-GCM",
    "1.2.840.113549.3.2": "RC2",
    "1.3.14.3.2.7": "DES",
    "1.2.840.113549.2.5": "MD5",
    "2.16.840.1.101.3.4.2.4": "SHA-224",
    "2.16.840.1.101.3.4.2.8": "SHA3-256",
    "1.3.6.1.4.1.11591.4.11": "scrypt",
}


def name_of(oid: str) -> str:
    """Return what an identifier is called; itself if nobody here knows."""
    return _NAMES.get(oid, oid)
