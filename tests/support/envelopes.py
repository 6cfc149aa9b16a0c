"""Envelopes in memory, built the plainest way: the oracle of what opens and seals them.

Shares nothing with `mediastation.secure`: asn1crypto has the structures,
cryptography the primitives, and the lines below the order of things as
RFC 5652, RFC 3211 and PS3.15 D.1.1 give it. It also builds what no writer of
the profile may: each deviation is one argument.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from asn1crypto import algos, cms, core, x509
from cryptography import x509 as crypto_x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

Form = Literal["conforming", "content_info", "content_octets", "id_data_nested", "id_data_bare"]
Signed = tuple[rsa.RSAPrivateKey, crypto_x509.Certificate, Sequence[crypto_x509.Certificate]]

ID_DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
ENVELOPED_DATA = "1.2.840.113549.1.7.3"
DIGESTED_DATA = "1.2.840.113549.1.7.5"
PWRI_KEK = "1.2.840.113549.1.9.16.3.9"

KEY_BYTES = {"aes128": 16, "aes192": 24, "aes256": 32, "3des": 24}
CIPHER_NAMES = {
    "aes128": "aes128_cbc", "aes192": "aes192_cbc", "aes256": "aes256_cbc",
    "3des": "tripledes_3key",
}  # fmt: skip
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - the profile reads it
    "sha256": hashes.SHA256(), "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}  # fmt: skip


def make_envelope(
    content: bytes,
    *,
    password: str | None = None,
    certificates: Sequence[crypto_x509.Certificate] = (),
    cipher: str = "aes256",
    digest: str = "sha256",
    signer: Signed | None = None,
    signers: Sequence[Signed] = (),
    derivation: str = "sha1",
    iterations: int = 1000,
    form: Form = "conforming",
    indefinite: int = 0,
    inner_indefinite: int | None = None,
    rid: Literal["issuer", "ski"] = "issuer",
    salt: bytes | None = None,
    wrap_cipher: str | None = None,
    key_length: bool = False,
    passwords: Sequence[str] = (),
    other_recipients: Sequence[bytes] = (),
    content_key: bytes | None = None,
    signed_attributes: bool = True,
    signing_time: datetime | None = None,
    wrong_digest: bool = False,
    wrong_signature: bool = False,
) -> bytes:
    """Return an envelope around `content`.

    Parameters
    ----------
    content : bytes
        What is sealed.
    password, passwords : str
        One password recipient each.
    certificates : sequence of certificates
        One RSA key transport recipient each, after the passwords.
    cipher, wrap_cipher : str
        ``aes128``, ``aes192``, ``aes256`` or ``3des``: of the content, and of the
        wrapped key (as the content without it).
    digest, derivation : str
        ``sha1``, ``sha256``, ``sha384`` or ``sha512``.
    signer, signers : tuple
        Key, certificate and further certificates of who signs; digested without.
    form : str
        How the inner structure lies in the envelope; all but the first deviate.
    indefinite, inner_indefinite : int
        0 for DER, else indefinite lengths and octet strings in pieces of so many
        bytes. The inner structure follows the outer one unless it is told.
    key_length : bool
        Whether the derivation states the length of the key it makes.
    other_recipients : sequence of bytes
        Encoded RecipientInfos that come before all others.
    content_key : bytes
        The content-encryption key; random without.
    wrong_digest, wrong_signature : bool
        Spoil the (message) digest or the signatures.
    """
    signed = [*([signer] if signer else []), *signers]
    inner_chunk = indefinite if inner_indefinite is None else inner_indefinite
    spoil = (wrong_digest, wrong_signature)
    if signed:
        fields = signed_fields(
            content, signed, digest, inner_chunk, signed_attributes, signing_time, spoil
        )
        inner_type = SIGNED_DATA
    else:
        fields = digested_fields(content, digest, inner_chunk, wrong_digest)
        inner_type = DIGESTED_DATA
    inner = tlv(0x30, *fields, indefinite=bool(inner_chunk))
    if form in ("content_info", "id_data_nested"):
        inner = content_info(inner_type, inner, indefinite=bool(inner_chunk))
    elif form == "content_octets":
        inner = b"".join(fields)
    elif form == "id_data_bare":
        inner = content
    if form.startswith("id_data"):
        inner_type = ID_DATA

    key = content_key or os.urandom(KEY_BYTES[cipher])
    recipients = [*other_recipients]
    for word in [*([password] if password is not None else []), *passwords]:
        recipients.append(
            password_recipient(
                word, key, wrap_cipher or cipher, derivation, iterations, salt, key_length
            )
        )
    recipients += [key_recipient(certificate, key, rid) for certificate in certificates]
    iv = os.urandom(8 if cipher == "3des" else 16)
    padded = inner + bytes([len(iv) - len(inner) % len(iv)] * (len(iv) - len(inner) % len(iv)))
    encrypted = encryptor(cipher, key, iv).update(padded)
    streamed = bool(indefinite)
    version = 3 if password is not None or passwords else 0 if rid == "issuer" else 2
    enveloped = tlv(
        0x30,
        core.Integer(version).dump(),
        tlv(0x31, *sorted(recipients)),
        tlv(
            0x30,
            core.ObjectIdentifier(inner_type).dump(),
            cipher_identifier(cipher, iv).dump(),
            octets(0x80, encrypted, indefinite),
            indefinite=streamed,
        ),
        indefinite=streamed,
    )
    return content_info(ENVELOPED_DATA, enveloped, indefinite=streamed)


def tlv(tag: int, *parts: bytes, indefinite: bool = False) -> bytes:
    """Return `parts` behind a one-octet tag, with the shortest length or an indefinite one."""
    body = b"".join(parts)
    if indefinite:
        return bytes([tag, 0x80]) + body + b"\0\0"
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def octets(tag: int, value: bytes, chunk: int = 0) -> bytes:
    """Return an octet string under `tag`; in pieces of `chunk` bytes and of open end, if any."""
    if not chunk:
        return tlv(tag, value)
    pieces = [tlv(4, value[at : at + chunk]) for at in range(0, len(value), chunk)]
    return tlv(tag | 0x20, *pieces, indefinite=True)


def content_info(content_type: str, content: bytes, *, indefinite: bool = False) -> bytes:
    """Return a ContentInfo around the encoded `content`."""
    return tlv(
        0x30,
        core.ObjectIdentifier(content_type).dump(),
        tlv(0xA0, content, indefinite=indefinite),
        indefinite=indefinite,
    )


def encapsulated(content: bytes, chunk: int) -> bytes:
    """Return the EncapsulatedContentInfo of `content`."""
    streamed = bool(chunk)
    held = tlv(0xA0, octets(4, content, chunk), indefinite=streamed)
    return tlv(0x30, core.ObjectIdentifier(ID_DATA).dump(), held, indefinite=streamed)


def digested_fields(content: bytes, digest: str, chunk: int, wrong: bool) -> list[bytes]:
    """Return what a DigestedData consists of."""
    value = hashlib.new(digest, content + b"!" * wrong).digest()
    return [
        core.Integer(0).dump(),
        algos.DigestAlgorithm({"algorithm": digest}).dump(),
        encapsulated(content, chunk),
        core.OctetString(value).dump(),
    ]


def signed_fields(
    content: bytes,
    signers: Sequence[Signed],
    digest: str,
    chunk: int,
    attributes: bool,
    signing_time: datetime | None,
    spoil: tuple[bool, bool],
) -> list[bytes]:
    """Return what a SignedData consists of; all signers' certificates and chains travel in it."""
    wrong_digest, wrong_signature = spoil
    ders: list[bytes] = []
    infos: list[bytes] = []
    for key, certificate, chain in signers:
        for each in (certificate, *chain):
            der = each.public_bytes(serialization.Encoding.DER)
            if der not in ders:
                ders.append(der)
        own = x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
        info = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {
                        "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                            {"issuer": own.issuer, "serial_number": own.serial_number}
                        )
                    }
                ),
                "digest_algorithm": {"algorithm": digest},
                "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
                "signature": b"",
            }
        )
        to_sign = content + b"!" * (wrong_digest and not attributes)
        if attributes:
            value = hashlib.new(digest, content + b"!" * wrong_digest).digest()
            rows = [
                {"type": "content_type", "values": ["data"]},
                {"type": "message_digest", "values": [value]},
            ]
            if signing_time is not None:
                rows.append(
                    {"type": "signing_time", "values": [cms.Time({"utc_time": signing_time})]}
                )
            info["signed_attrs"] = cms.CMSAttributes(rows)
            to_sign = info["signed_attrs"].untag().dump()
        signature = key.sign(to_sign + b"!" * wrong_signature, padding.PKCS1v15(), HASHES[digest])
        info["signature"] = signature
        infos.append(info.dump())
    return [
        core.Integer(1).dump(),
        tlv(0x31, algos.DigestAlgorithm({"algorithm": digest}).dump()),
        encapsulated(content, chunk),
        tlv(0xA0, *sorted(ders)),
        tlv(0x31, *sorted(infos)),
    ]


def cipher_identifier(cipher: str, iv: bytes) -> algos.EncryptionAlgorithm:
    """Return the AlgorithmIdentifier of a cipher in CBC mode."""
    return algos.EncryptionAlgorithm(
        {"algorithm": CIPHER_NAMES[cipher], "parameters": core.OctetString(iv)}
    )


def encryptor(cipher: str, key: bytes, iv: bytes) -> CipherContext:
    """Return what encrypts in CBC mode."""
    return Cipher((TripleDES if cipher == "3des" else AES)(key), CBC(iv)).encryptor()


def derived_key(password: str, salt: bytes, iterations: int, prf: str, length: int) -> bytes:
    """Return the key of a password (PBKDF2, RFC 8018)."""
    return hashlib.pbkdf2_hmac(prf, password.encode("ascii"), salt, iterations, length)


def wrapped_key(key: bytes, cipher: str, kek: bytes, iv: bytes) -> bytes:
    """Return `key` wrapped as RFC 3211 says: a block with check bytes, encrypted twice."""
    size = len(iv)
    block = bytes([len(key), *(byte ^ 0xFF for byte in key[:3])]) + key
    block += os.urandom(max(2 * size, -(-len(block) // size) * size) - len(block))
    once = encryptor(cipher, kek, iv).update(block)
    return encryptor(cipher, kek, once[-size:]).update(once)


def password_recipient(
    password: str,
    key: bytes,
    cipher: str = "aes256",
    derivation: str = "sha1",
    iterations: int = 1000,
    salt: bytes | None = None,
    key_length: bool = False,
    said_iterations: int | None = None,
) -> bytes:
    """Return an encoded PasswordRecipientInfo, with its tag [3]; it may lie about its count."""
    salt = os.urandom(16) if salt is None else salt
    iv = os.urandom(8 if cipher == "3des" else 16)
    kek = derived_key(password, salt, iterations, derivation, KEY_BYTES[cipher])
    parameters = {
        "salt": algos.Pbkdf2Salt({"specified": salt}),
        "iteration_count": iterations if said_iterations is None else said_iterations,
        "prf": {"algorithm": derivation},
    }
    if key_length:
        parameters["key_length"] = KEY_BYTES[cipher]
    info = cms.PasswordRecipientInfo(
        {
            "version": 0,
            "key_derivation_algorithm": {"algorithm": "pbkdf2", "parameters": parameters},
            "key_encryption_algorithm": {
                "algorithm": PWRI_KEK,
                "parameters": cipher_identifier(cipher, iv),
            },
            "encrypted_key": wrapped_key(key, cipher, kek, iv),
        }
    )
    der: bytes = cms.RecipientInfo({"pwri": info}).dump()
    return der


def key_recipient(
    certificate: crypto_x509.Certificate,
    key: bytes,
    rid: Literal["issuer", "ski"] = "issuer",
) -> bytes:
    """Return an encoded KeyTransRecipientInfo (RSAES-PKCS1-v1_5)."""
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    own = x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    if rid == "issuer":
        identifier = cms.RecipientIdentifier(
            {
                "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                    {"issuer": own.issuer, "serial_number": own.serial_number}
                )
            }
        )
    else:
        identifier = cms.RecipientIdentifier({"subject_key_identifier": own.key_identifier})
    info = cms.KeyTransRecipientInfo(
        {
            "version": "v0" if rid == "issuer" else "v2",
            "rid": identifier,
            "key_encryption_algorithm": {"algorithm": "rsaes_pkcs1v15"},
            "encrypted_key": public.encrypt(key, padding.PKCS1v15()),
        }
    )
    der: bytes = cms.RecipientInfo({"ktri": info}).dump()
    return der
