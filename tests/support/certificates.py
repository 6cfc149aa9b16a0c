"""RSA keys and certificates for recipients, signers and authorities; keys are made once a session.

Validity is fixed, from 2020 to 2049, so that `MOMENT` and the clock of a peer
program both lie inside it.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

__all__ = ["MOMENT", "Identity", "elliptic_certificate", "issue", "key_usage", "rsa_key", "to_pem"]

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(2049, 12, 31, tzinfo=UTC)

_serials = itertools.count(0x1000)


@functools.cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key; the same number and size give the same one all session long."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Identity:
    """A private key, its certificate, and the certificates above it, nearest first."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return to_pem([self.certificate])

    @property
    def chain_pem(self) -> bytes:
        """The certificate and those above it in PEM."""
        return to_pem([self.certificate, *self.above])

    def key_pem(self, password: bytes = b"", *, traditional: bool = False) -> bytes:
        """Return the key in PEM: PKCS#8 (or PKCS#1), encrypted if there is a password."""
        return self._key_bytes(serialization.Encoding.PEM, password, traditional)

    def key_der(self, password: bytes = b"", *, traditional: bool = False) -> bytes:
        """Return the key in DER: PKCS#8 (or PKCS#1), encrypted if there is a password."""
        return self._key_bytes(serialization.Encoding.DER, password, traditional)

    def pkcs12(self, password: bytes = b"") -> bytes:
        """Return key, certificate and those above it as PKCS#12."""
        return pkcs12.serialize_key_and_certificates(
            b"mediastation", self.key, self.certificate, list(self.above), _protection(password)
        )

    def write(self, folder: Path, name: str, password: bytes = b"") -> tuple[Path, Path]:
        """Write ``name.pem`` (certificate and those above) and ``name.key.pem``; both paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key.pem"
        certificate.write_bytes(self.chain_pem)
        key.write_bytes(self.key_pem(password))
        return certificate, key

    def _key_bytes(
        self, encoding: serialization.Encoding, password: bytes, traditional: bool
    ) -> bytes:
        kind = serialization.PrivateFormat
        return self.key.private_bytes(
            encoding,
            kind.TraditionalOpenSSL if traditional else kind.PKCS8,
            _protection(password),
        )


def issue(
    common_name: str,
    *,
    number: int = 0,
    bits: int = 2048,
    issuer: Identity | None = None,
    authority: bool | None = None,
    usage: x509.KeyUsage | None = None,
    key_identifier: bool = True,
    valid_from: datetime = VALID_FROM,
    valid_until: datetime = VALID_UNTIL,
    serial: int | None = None,
) -> Identity:
    """Issue a certificate for `rsa_key(number, bits)`, signed by `issuer` or by itself.

    `authority` is what its basic constraints say; None leaves them out, and
    `usage` None leaves out key usage.
    """
    key = rsa_key(number, bits)
    subject = _name(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(next(_serials) if serial is None else serial)
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if key_identifier:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    above = (issuer.certificate, *issuer.above) if issuer else ()
    return Identity(key, certificate, above)


def elliptic_certificate(common_name: str = "Elliptic") -> bytes:
    """Return the PEM certificate of a key that is no RSA key."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name(common_name))
        .public_key(key.public_key())
        .serial_number(next(_serials))
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
    )
    return to_pem([builder.sign(key, hashes.SHA256())])


def key_usage(*names: str) -> x509.KeyUsage:
    """Return a key usage in which the named ones are set, for example ``key_encipherment``."""
    known = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in names for name in known})


def to_pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """Return the certificates in PEM, one after the other."""
    return b"".join(
        certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Hospital"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _protection(password: bytes) -> serialization.KeySerializationEncryption:
    if password:
        return serialization.BestAvailableEncryption(password)
    return serialization.NoEncryption()
