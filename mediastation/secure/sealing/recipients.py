"""Certificates that envelopes are sealed to (PS3.15 D.1.1: RSA key transport)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import CertificateName
from mediastation.secure.sealing.certificates import (
    der_of,
    end_of_chain,
    key_usage_of,
    load_certificate,
    name_of,
    read_certificates,
    require_rsa,
    require_valid,
)

__all__ = ["Recipient", "public_key_of", "read_recipient", "recipient_from_der"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody whose private key opens what is sealed; nothing of it is secret.

    `der` is the certificate, as job records and the escrow hold it.
    """

    name: CertificateName
    der: bytes


def read_recipient(path: Path, moment: datetime) -> Recipient:
    """Read the certificate of a recipient, PEM or DER.

    A file with several certificates is taken for a chain, and the one at its
    end, which issued none of the others, is the recipient's. Nobody vouches
    for a certificate here: the operator has chosen it and sees its name.

    Parameters
    ----------
    path : Path
        The file.
    moment : datetime
        The time of the export, with its zone: the certificate must be valid then.

    Returns
    -------
    Recipient
        With the name to show before anything is sealed.

    Raises
    ------
    SecrecyError
        If nothing could be sealed to what lies in the file: no certificate, a
        private key instead of one, no RSA key of 2048 bits or more, a
        certificate that is not valid yet or any more, or that is not for
        encipherment of keys. It says what to do.
    """
    what = str(path)
    certificate = end_of_chain(read_certificates(path), what)
    require_valid(certificate, moment, what)
    return _recipient(certificate, what)


def recipient_from_der(der: bytes) -> Recipient:
    """Return the recipient of a certificate that was read before, for example from a job's record.

    Its validity is not looked at: that was done when the work was ordered.

    Raises
    ------
    SecrecyError
        If nothing could be sealed to it.
    """
    what = "The recipient's certificate"
    return _recipient(load_certificate(der, what), what)


def public_key_of(der: bytes) -> RSAPublicKey:
    """Return the key that envelopes are sealed to; `SecrecyError` if it is no RSA key."""
    what = "The recipient's certificate"
    return require_rsa(load_certificate(der, what), what)


def _recipient(certificate: x509.Certificate, what: str) -> Recipient:
    require_rsa(certificate, what)
    usage = key_usage_of(certificate, what)
    if usage is not None and not usage.key_encipherment:
        if usage.key_cert_sign:
            raise SecrecyError(
                f"{what} is the certificate of an authority: it signs other certificates, and "
                "its key opens no envelopes.",
                "Ask the recipient for the certificate that this authority issued to them.",
            )
        raise SecrecyError(
            f"{what} is not for encryption: its key usage has no key encipherment.",
            "Ask the recipient for their certificate for encryption.",
        )
    return Recipient(name_of(certificate, what), der_of(certificate))
