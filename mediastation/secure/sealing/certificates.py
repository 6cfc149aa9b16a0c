"""Certificate files of recipients and signers, and what is asked of every certificate."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from asn1crypto import pkcs12
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.utils import CryptographyDeprecationWarning

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import CertificateName
from mediastation.secure.sealing.der import SEQUENCE, tlv

LEAST_RSA_BITS = 2048
MOST_RSA_BITS = 16384
"""Beyond this no program opens anything, and arithmetic becomes slow."""
MOST_CERTIFICATES = 32
LARGEST_FILE_BYTES = 1 << 20

_PEM = b"-----BEGIN "
_PEM_CERTIFICATES = (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CERTIFICATE-----")
_GIVE_ONE = "Give an X.509 certificate, as PEM or DER."
_GIVE_ANOTHER = "Ask for a certificate with an RSA key of 2048 bits or more, as PEM or DER."


def read_small_file(path: Path, what: str) -> bytes:
    """Return the octets of a file for keys or certificates; `what` names its kind.

    Raises
    ------
    SecrecyError
        If it cannot be read, is no regular file, or is too large for one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SecrecyError(f"{path} is not a file.", f"Give a file with {what}.")
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        raise SecrecyError(
            f"{path} cannot be read: {reason}.", f"Give a file with {what} that you may read."
        ) from fault
    if len(data) > LARGEST_FILE_BYTES:
        raise SecrecyError(
            f"{path} is too large for {what}: more than {LARGEST_FILE_BYTES:,} bytes.",
            f"Give a file with nothing but {what}.",
        )
    return data


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, in its order, or the one of a DER file.

    Raises
    ------
    SecrecyError
        If there is none, or one of them cannot be understood.
    """
    data = read_small_file(path, "a certificate")
    if _PEM not in data:
        try:
            return [load_certificate(data, str(path))]
        except SecrecyError:
            _require_no_private_key(path, data)
            raise
    if not any(begin in data for begin in _PEM_CERTIFICATES):
        if b"PRIVATE KEY-----" in data:
            raise _private_key(path)
        raise SecrecyError(f"{path} is no certificate.", _GIVE_ONE)
    with _understood(str(path)):
        certificates = x509.load_pem_x509_certificates(data)
    if len(certificates) > MOST_CERTIFICATES:
        raise SecrecyError(
            f"{path} holds {len(certificates)} certificates.",
            "Give a file with the one certificate, or with it and its chain.",
        )
    return certificates


def load_certificate(der: bytes, what: str) -> x509.Certificate:
    """Return the certificate in `der`; `SecrecyError` if it is none."""
    with _understood(what):
        return x509.load_der_x509_certificate(der)


def end_of_chain(certificates: Sequence[x509.Certificate], what: str) -> x509.Certificate:
    """Return the certificate that issued none of the others.

    Raises
    ------
    SecrecyError
        If there are several: nobody can tell which one was meant.
    """
    unique = list(dict.fromkeys(certificates))
    ends = [
        certificate
        for certificate in unique
        if not any(issued(other, certificate) for other in unique if other is not certificate)
    ]
    if len(ends) == 1:
        return ends[0]
    raise SecrecyError(
        f"{what} holds {len(unique)} certificates that are no chain.",
        "Give one file for each certificate.",
    )


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether `issuer` signed `certificate`."""
    try:
        with _understood(""):
            certificate.verify_directly_issued_by(issuer)
    except (SecrecyError, InvalidSignature):
        return False
    return True


def require_rsa(certificate: x509.Certificate, what: str) -> RSAPublicKey:
    """Return the RSA key of the certificate; `SecrecyError` if the profile cannot use it."""
    with _understood(what):
        # A key for PSS alone would be taken for any RSA key; it must not be used for the rest.
        algorithm = asn1_x509.Certificate.load(der_of(certificate)).public_key.algorithm
        key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or algorithm != "rsa":
        raise SecrecyError(
            f"{what} has no RSA key, and DICOM media know no others (PS3.15 D.1.1).",
            _GIVE_ANOTHER,
        )
    if not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
        raise SecrecyError(
            f"{what} has an RSA key of {key.key_size} bits; {LEAST_RSA_BITS} to {MOST_RSA_BITS} "
            "are taken.",
            _GIVE_ANOTHER,
        )
    return key


def require_valid(certificate: x509.Certificate, moment: datetime, what: str) -> None:
    """Raise `SecrecyError` unless the certificate is valid at `moment`, which has a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone is none")
    with _understood(what):
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if moment < begin:
        raise SecrecyError(
            f"{what} is not valid before {begin:%Y-%m-%d %H:%M} UTC.",
            "Check this computer's clock, or wait until then.",
        )
    if moment > end:
        raise SecrecyError(
            f"{what} expired on {end:%Y-%m-%d %H:%M} UTC.", "Ask for the certificate after it."
        )


def key_usage_of(certificate: x509.Certificate, what: str) -> x509.KeyUsage | None:
    """Return what the key may be used for; None if the certificate does not say."""
    with _understood(what):
        try:
            return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            return None


def name_of(certificate: x509.Certificate, what: str) -> CertificateName:
    """Return how the certificate is shown; `SecrecyError` if its names are none."""
    with _understood(what):
        return CertificateName(
            certificate.subject.rfc4514_string(),
            certificate.issuer.rfc4514_string(),
            certificate.serial_number,
            hashlib.sha256(der_of(certificate)).hexdigest(),
            certificate.not_valid_after_utc.isoformat(),
        )


def der_of(certificate: x509.Certificate) -> bytes:
    """Return the octets of the certificate."""
    return certificate.public_bytes(Encoding.DER)


def issuer_and_serial(certificate: asn1_x509.Certificate) -> bytes:
    """Return IssuerAndSerialNumber (RFC 5652 10.2.4) with the very octets of the certificate."""
    body = certificate["tbs_certificate"]
    return tlv(SEQUENCE, body["issuer"].dump(), body["serial_number"].dump())


def _require_no_private_key(path: Path, data: bytes) -> None:
    """Raise `SecrecyError` if there is a private key in DER, encrypted or not."""
    try:
        load_der_private_key(data, None)
    except TypeError:
        pass  # it has a password
    except (ValueError, UnsupportedAlgorithm):
        try:
            pkcs12.Pfx.load(data, strict=True)["auth_safe"]["content_type"].native  # noqa: B018
        except (ValueError, TypeError, KeyError):
            return
    raise _private_key(path)


def _private_key(path: Path) -> SecrecyError:
    return SecrecyError(
        f"{path} holds a private key and no certificate.",
        "Give the certificate to it. A private key stays with whoever opens the files; if this "
        "one was sent to you, tell its owner.",
    )


@contextmanager
def _understood(what: str) -> Iterator[None]:
    """Turn what libraries raise on octets that are no certificate into a `SecrecyError`.

    Serial numbers that are not positive stay: old certificates have them, and
    only name their owner here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            yield
        except (
            ValueError,
            TypeError,
            KeyError,
            UnsupportedAlgorithm,
            x509.DuplicateExtension,
        ) as fault:
            raise SecrecyError(
                f"{what} is no certificate that can be understood.", _GIVE_ONE
            ) from fault
