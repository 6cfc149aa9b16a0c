"""The key that content is signed with, and the certificates that go with the signature."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import CertificateName, Digest, Password
from mediastation.secure.sealing.certificates import (
    der_of,
    issued,
    key_usage_of,
    name_of,
    read_certificates,
    read_small_file,
    require_rsa,
    require_valid,
)

__all__ = ["Signer", "read_signer"]

_HASHES: dict[Digest, hashes.HashAlgorithm] = {
    Digest.SHA_256: hashes.SHA256(),
    Digest.SHA_384: hashes.SHA384(),
    Digest.SHA_512: hashes.SHA512(),
}


class Signer:
    """Signs content as the site (RSA PKCS#1 v1.5); `read_signer` makes one.

    Its key shows itself nowhere: not when it is printed, and it cannot be
    pickled.

    Attributes
    ----------
    name : CertificateName
        Of the signer's certificate.
    chain : tuple of bytes
        Certificates in DER: the signer's, then each one's issuer, as far as
        they were at hand.
    signature_bytes : int
        Length of a signature.
    """

    __slots__ = ("_key", "chain", "name", "signature_bytes")

    def __init__(self, key: RSAPrivateKey, name: CertificateName, chain: Sequence[bytes]) -> None:
        self._key = key
        self.name = name
        self.chain = tuple(chain)
        self.signature_bytes = (key.key_size + 7) // 8

    def sign(self, data: bytes, digest: Digest) -> bytes:
        """Return the signature of `data`; the same each time."""
        return self._key.sign(data, PKCS1v15(), _HASHES[digest])

    def __repr__(self) -> str:
        return f"Signer({self.name.subject!r}, key not shown)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not written anywhere")


def read_signer(
    key: Path, certificate: Path, moment: datetime, password: Password | None = None
) -> Signer:
    """Read the signing key and its certificates.

    Parameters
    ----------
    key : Path
        The private key, PEM or DER.
    certificate : Path
        The certificate to it and those between it and its root, in any order.
        What does not belong to that chain is left out.
    moment : datetime
        The time of signing, with its zone: the certificates must be valid then.
    password : Password, optional
        Of the key.

    Returns
    -------
    Signer
        Ready to sign.

    Raises
    ------
    SecrecyError
        If a file cannot be read or is something else, the password is wrong or
        missing, the key is no RSA key of 2048 bits or more, the certificate
        belongs to another key, is not valid at `moment`, or is not for
        signatures. It says which file and what to do.
    """
    private = _read_key(key, password)
    what = str(certificate)
    certificates = read_certificates(certificate)
    own = _certificate_of(private, certificates)
    if own is None:
        raise SecrecyError(
            f"{what} has no certificate of the key in {key}.",
            "Give the key and the certificate that belong together.",
        )
    require_rsa(own, what)
    usage = key_usage_of(own, what)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise SecrecyError(
            f"{what} is not for signatures: its key usage has no digital signature.",
            "Give a certificate for signatures, or leave the signing key out.",
        )
    chain = _chain(own, certificates)
    for member in chain:
        require_valid(member, moment, what)
    return Signer(private, name_of(own, what), [der_of(member) for member in chain])


def _read_key(path: Path, password: Password | None) -> RSAPrivateKey:
    data = read_small_file(path, "a private key")
    load = load_pem_private_key if b"-----BEGIN " in data else load_der_private_key
    octets = password.octets if password else None
    try:
        try:
            key = load(data, octets)
        except TypeError:
            # Only the libraries know which keys are encrypted: a password that none asks for
            # does no harm.
            if octets is None:
                raise
            key = load(data, None)
    except TypeError:
        raise SecrecyError(
            f"The key in {path} is encrypted.",
            "Put its password into a file and name that in signing_key_password_file.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        # What the library says could quote what it read.
        raise SecrecyError(
            f"{path} holds no private key, or its password is another one.",
            "Give a private key, as PEM or DER, and its password.",
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise SecrecyError(
            f"The key in {path} is no RSA key, and DICOM media know no other signatures "
            "(PS3.15 D.1.1).",
            "Give an RSA key of 2048 bits or more.",
        )
    return key


def _certificate_of(
    key: RSAPrivateKey, certificates: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    numbers = key.public_key().public_numbers()
    for certificate in certificates:
        try:
            public = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(public, RSAPublicKey) and public.public_numbers() == numbers:
            return certificate
    return None


def _chain(
    own: x509.Certificate, certificates: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    chain = [own]
    while True:
        above = next(
            (
                certificate
                for certificate in certificates
                if certificate not in chain and issued(chain[-1], certificate)
            ),
            None,
        )
        if above is None:
            return chain
        chain.append(above)
