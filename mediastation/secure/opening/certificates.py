"""What of a certificate matters here (RFC 5280): names and rules are read before anything is used.

Certificates come with envelopes, from strangers. Their fields are read by
`ber`; the library sees them for dates, keys and signatures.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from mediastation.model.secrecy import CertificateName
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import (
    INTEGER,
    OCTETS,
    SEQUENCE,
    BerError,
    BerReader,
)
from mediastation.secure.opening.names import MAX_NAME_BYTES, name_text

MAX_CERTIFICATE_BYTES = 1 << 16
MAX_RSA_BITS, MAX_EXPONENT_BITS = 8192, 33
"""Strangers send keys, and each signature that is checked takes time by their size."""

_MAX_EXTENSIONS = 64
_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"

_DIGITAL_SIGNATURE, _CONTENT_COMMITMENT, _KEY_CERT_SIGN = 0, 1, 5
_UNDERSTOOD: Final = frozenset(
    {
        oids.KEY_IDENTIFIER,
        oids.KEY_USAGE,
        oids.BASIC_CONSTRAINTS,
        "2.5.29.17",  # subject alternative name
        "2.5.29.32",  # policies: none is asked for
        "2.5.29.35",  # authority key identifier
        "2.5.29.37",  # extended key usage: PS3.15 names none
    }
)

EntryNames = tuple[str, int, str]
"""What an envelope may name a certificate by: issuer, serial number, identifier of its key."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as chains are built of them.

    `issuer` and `subject` are names in DER, as recorded; `key_identifier` is
    empty where there is none. `usage` has the bits of key usage that are set,
    None if the certificate does not say. `puzzles` are critical extensions that
    nobody here understands, name constraints among them. `path_length` is how
    many authorities may follow an authority's.
    """

    der: bytes
    parsed: x509.Certificate
    issuer: bytes
    subject: bytes
    serial: int
    key_identifier: bytes
    is_authority: bool
    path_length: int | None
    usage: frozenset[int] | None
    puzzles: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    rsa_key: RSAPublicKey | None

    @property
    def name(self) -> CertificateName:
        """How people see it."""
        return CertificateName(
            name_text(self.subject),
            name_text(self.issuer),
            self.serial,
            hashlib.sha256(self.der).hexdigest(),
            self.valid_until.isoformat(),
        )

    @property
    def may_sign(self) -> bool:
        """Whether content may be signed with its key."""
        return self.usage is None or bool({_DIGITAL_SIGNATURE, _CONTENT_COMMITMENT} & self.usage)

    @property
    def may_issue(self) -> bool:
        """Whether it is an authority's."""
        return self.is_authority and (self.usage is None or _KEY_CERT_SIGN in self.usage)

    def is_valid(self, moment: datetime) -> bool:
        """Tell whether `moment` lies in its time."""
        return self.valid_from <= moment <= self.valid_until

    def was_issued_by(self, issuer: Certificate) -> bool:
        """Tell whether `issuer` signed it, with a digest that still proves something."""
        if self.issuer != issuer.subject:
            return False
        try:
            algorithm = self.parsed.signature_hash_algorithm
            if algorithm is not None and algorithm.name in {"md5", "sha1"}:
                return False
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except Exception:
            return False
        return True


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate; `BerError` if it is none, or none that could be used."""
    serial, issuer, subject, extensions = _read_body(der)
    if serial <= 0:
        raise BerError("its serial number is none")
    parsed, valid, key = _read_by_library(der)
    is_authority, path_length = _constraints(extensions)
    return Certificate(
        der, parsed, issuer, subject, serial,
        key_identifier=_key_identifier(extensions),
        is_authority=is_authority,
        path_length=path_length,
        usage=_usage(extensions),
        puzzles=tuple(
            oid for oid, (critical, _) in extensions.items()
            if (critical and oid not in _UNDERSTOOD) or oid == oids.NAME_CONSTRAINTS
        ),
        valid_from=valid[0], valid_until=valid[1], rsa_key=key,
    )  # fmt: skip


def read_entry_names(der: bytes) -> EntryNames:
    """Return what names a certificate in envelopes, as `RecipientFacts` has it.

    Returns
    -------
    tuple of str, int and str
        Its issuer and its serial number, whatever that is, and the identifier of
        its key in hexadecimal, empty where there is none.

    Raises
    ------
    BerError
        If it is no certificate.
    """
    serial, issuer, _, extensions = _read_body(der)
    return name_text(issuer), serial, _key_identifier(extensions).hex()


def iter_pem(data: bytes) -> Iterator[bytes]:
    """Yield the certificates of a PEM file, in DER; `BerError` where one is damaged."""
    at = 0
    while (begin := data.find(_PEM_BEGIN, at)) >= 0:
        at = data.find(_PEM_END, begin)
        if at < 0:
            raise BerError("a certificate in it has no end")
        try:
            yield binascii.a2b_base64(data[begin + len(_PEM_BEGIN) : at])
        except binascii.Error:
            raise BerError("a certificate in it is damaged") from None


def of_library(certificate: x509.Certificate) -> Certificate:
    """Return what the library has read, as read here."""
    return read_certificate(certificate.public_bytes(Encoding.DER))


def _read_body(der: bytes) -> tuple[int, bytes, bytes, dict[str, tuple[bool, bytes]]]:
    """Return serial number, issuer, subject and extensions."""
    reader = BerReader.of(der)
    reader.enter(SEQUENCE, "the certificate")
    reader.enter(SEQUENCE, "the certificate")
    if reader.peek() == 0xA0:
        reader.skip("its version")
    serial = reader.integer("its serial number")
    reader.skip("its algorithm")
    issuer = reader.element("its issuer", MAX_NAME_BYTES)
    reader.skip("its time")
    subject = reader.element("its subject", MAX_NAME_BYTES)
    reader.skip("its key")
    while reader.peek() in {0x81, 0x82, 0xA1, 0xA2}:
        reader.skip("an identifier of it")
    return serial, issuer, subject, _read_extensions(reader) if reader.peek() == 0xA3 else {}


def _read_by_library(
    der: bytes,
) -> tuple[x509.Certificate, tuple[datetime, datetime], RSAPublicKey | None]:
    """Return the certificate, when it is valid, and its key if that is an RSA key."""
    try:
        parsed = x509.load_der_x509_certificate(der)
        valid = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    except Exception as fault:  # a stranger's bytes; the library has many ways to say no
        raise BerError("a certificate cannot be understood") from fault
    try:
        key = parsed.public_key()
    except Exception:
        return parsed, valid, None
    if not isinstance(key, RSAPublicKey):
        return parsed, valid, None
    exponent = key.public_numbers().e
    if key.key_size > MAX_RSA_BITS or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise BerError("its key is larger than any in use")
    return parsed, valid, key


def _read_extensions(reader: BerReader) -> dict[str, tuple[bool, bytes]]:
    found: dict[str, tuple[bool, bytes]] = {}
    reader.enter(0xA3, "its extensions")
    reader.enter(SEQUENCE, "its extensions")
    while reader.peek() is not None:
        reader.enter(SEQUENCE, "an extension")
        oid = reader.oid("an extension's identifier")
        critical = reader.peek() == 0x01 and reader.value(0x01, "a mark", 1) != b"\0"
        value = reader.octets(OCTETS, "an extension", MAX_CERTIFICATE_BYTES)
        reader.leave()
        if oid in found or len(found) == _MAX_EXTENSIONS:
            raise BerError("its extensions cannot be understood")
        found[oid] = critical, value
    return found


def _key_identifier(extensions: dict[str, tuple[bool, bytes]]) -> bytes:
    if oids.KEY_IDENTIFIER not in extensions:
        return b""
    reader = BerReader.of(extensions[oids.KEY_IDENTIFIER][1])
    return reader.value(OCTETS, "its key identifier", 256)


def _constraints(extensions: dict[str, tuple[bool, bytes]]) -> tuple[bool, int | None]:
    if oids.BASIC_CONSTRAINTS not in extensions:
        return False, None
    reader = BerReader.of(extensions[oids.BASIC_CONSTRAINTS][1])
    reader.enter(SEQUENCE, "its constraints")
    is_authority = reader.peek() == 0x01 and reader.value(0x01, "its constraints", 1) != b"\0"
    path_length = reader.integer("its constraints") if reader.peek() == INTEGER else None
    return is_authority, path_length


def _usage(extensions: dict[str, tuple[bool, bytes]]) -> frozenset[int] | None:
    if oids.KEY_USAGE not in extensions:
        return None
    bits = BerReader.of(extensions[oids.KEY_USAGE][1]).value(0x03, "its key usage", 4)[1:]
    return frozenset(
        8 * place + bit
        for place, octet in enumerate(bits)
        for bit in range(8)
        if octet & 0x80 >> bit
    )
