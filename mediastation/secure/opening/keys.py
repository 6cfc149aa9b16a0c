"""What envelopes are opened with: passwords and private keys, which show themselves nowhere."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import CertificateName, Password
from mediastation.secure.opening.ber import BerError, BerReader
from mediastation.secure.opening.certificates import (
    Certificate,
    iter_pem,
    of_library,
    read_certificate,
)

MAX_KEY_FILE_BYTES = 1 << 20
_MAX_CERTIFICATES = 32

_PEM_KEY = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.+?-----END \1-----[^\n]*\n?", re.DOTALL
)
_WHAT_TO_GIVE = "Give the RSA key that belongs to the certificate the files were sealed for."

AskPassword = Callable[[], Password]


class PrivateKey:
    """An RSA key that opens what was sealed for its certificate.

    Made by `read_private_key`. It shows itself nowhere, and cannot be pickled.

    Parameters
    ----------
    key : RSAPrivateKey
        The key.
    certificate : Certificate or None
        Its certificate: only the entry that names it is opened. Without one
        every entry is tried that a key of this size could open.
    """

    __slots__ = ("_certificate", "_identifier", "_key")

    def __init__(self, key: RSAPrivateKey, certificate: Certificate | None = None) -> None:
        self._key = key
        self._certificate = certificate
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        # Most authorities make key identifiers so (RFC 5280 4.2.1.2).
        self._identifier = hashlib.sha1(public, usedforsecurity=False).digest()

    @property
    def name(self) -> CertificateName | None:
        """The certificate's name; None without one."""
        return self._certificate.name if self._certificate else None

    @property
    def key_bytes(self) -> int:
        """How long what it decrypts is, in octets."""
        return (self._key.key_size + 7) // 8

    @property
    def has_certificate(self) -> bool:
        """Whether it is known for which entries it is."""
        return self._certificate is not None

    def is_named(self, issuer: bytes, serial: int, key_identifier: bytes) -> bool:
        """Tell whether an entry with these names is for this key, as far as is known."""
        if key_identifier:
            own = self._certificate.key_identifier if self._certificate else b""
            return key_identifier in {own, self._identifier}
        certificate = self._certificate
        return certificate is not None and (
            (certificate.issuer, certificate.serial) == (issuer, serial)
        )

    def decrypt(self, encrypted: bytes, length: int) -> bytes:
        """Return `length` octets, random ones if nothing of that length was encrypted.

        That the padding was wrong is never told (RFC 3218).
        """
        key = os.urandom(length)
        if len(encrypted) != self.key_bytes:
            return key
        try:
            decrypted = self._key.decrypt(encrypted, padding.PKCS1v15())
        except ValueError:
            return key
        return decrypted if len(decrypted) == length else key

    def __repr__(self) -> str:
        return "PrivateKey(not shown)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not written anywhere")


class KeyRing:
    """Everything at hand to open envelopes with; it may be nothing. It shows nothing of itself.

    Parameters
    ----------
    passwords : sequence of Password
        Tried in this order, after the keys: they take longer.
    keys : sequence of PrivateKey
        RSA keys.
    content_keys : mapping
        Content-encryption keys by the name that `Opener.open` is given: whoever
        sealed a file can prove it with this where no recipient's key is at hand.
    """

    __slots__ = ("_content_keys", "_keys", "_passwords")

    def __init__(
        self,
        passwords: Sequence[Password] = (),
        keys: Sequence[PrivateKey] = (),
        content_keys: Mapping[str, bytes] | None = None,
    ) -> None:
        self._passwords = tuple(passwords)
        self._keys = tuple(keys)
        self._content_keys = dict(content_keys or {})

    @property
    def passwords(self) -> tuple[Password, ...]:
        """The passwords."""
        return self._passwords

    @property
    def keys(self) -> tuple[PrivateKey, ...]:
        """The private keys."""
        return self._keys

    @property
    def is_empty(self) -> bool:
        """Whether nothing is at hand."""
        return not (self._passwords or self._keys or self._content_keys)

    def content_key(self, name: str) -> bytes | None:
        """Return the content-encryption key of the file of that name."""
        return self._content_keys.get(name)

    def __repr__(self) -> str:
        return f"KeyRing({len(self._passwords)} passwords, {len(self._keys)} keys, not shown)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys and passwords are not written anywhere")


def read_private_key(path: Path, ask_password: AskPassword | None = None) -> PrivateKey:
    """Read the private key of a recipient, and its certificate if that is there: PEM, DER, PKCS#12.

    Parameters
    ----------
    path : Path
        The file. Of the certificates in it, the one that belongs to the key
        tells which entries of envelopes are for it.
    ask_password : callable, optional
        Is asked once, where the key has a password of its own.

    Raises
    ------
    SecrecyError
        If there is no RSA key in the file, or it has another password.
    """
    data = _read(path)
    if b"-----BEGIN " in data:
        key, certificates = _of_pem(path, data, ask_password)
    else:
        key, certificates = _of_der(path, data, ask_password)
    if not isinstance(key, RSAPrivateKey):
        raise SecrecyError(
            f"{path} holds a key that is no RSA key; DICOM media know no others (PS3.15 D.1.1).",
            _WHAT_TO_GIVE,
        )
    own = key.public_key().public_numbers()
    for certificate in certificates:
        if certificate.rsa_key is not None and certificate.rsa_key.public_numbers() == own:
            return PrivateKey(key, certificate)
    return PrivateKey(key)


def _of_pem(
    path: Path, data: bytes, ask_password: AskPassword | None
) -> tuple[object, list[Certificate]]:
    block = _PEM_KEY.search(data)
    if block is None:
        raise _no_key(path)
    try:
        certificates = [read_certificate(der) for der in islice(iter_pem(data), _MAX_CERTIFICATES)]
    except BerError as fault:
        raise SecrecyError(
            f"{path} holds a certificate that cannot be understood: {fault}.",
            "Give the key with its own certificate, or without any.",
        ) from None
    try:
        return load_pem_private_key(block[0], None), certificates
    except TypeError:
        pass
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path) from None
    password = _asked(path, ask_password)
    try:
        return load_pem_private_key(block[0], password.octets), certificates
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _wrong_password(path) from None


def _of_der(
    path: Path, data: bytes, ask_password: AskPassword | None
) -> tuple[object, list[Certificate]]:
    is_container = _is_pkcs12(data)

    def load(password: bytes | None) -> tuple[object, list[Certificate]]:
        if not is_container:
            return load_der_private_key(data, password), []
        key, own, others = pkcs12.load_key_and_certificates(data, password)
        return key, [of_library(one) for one in (*([own] if own else []), *others)]

    try:
        return load(None)
    except TypeError:
        pass
    except (ValueError, UnsupportedAlgorithm, BerError):
        if not is_container:
            raise _no_key(path) from None
    password = _asked(path, ask_password)
    try:
        return load(password.octets)
    except (ValueError, TypeError, UnsupportedAlgorithm, BerError):
        raise _wrong_password(path) from None


def _is_pkcs12(data: bytes) -> bool:
    reader = BerReader.of(data)
    try:
        reader.enter(0x30, "the file")
        return reader.integer("its version") == 3 and reader.peek() == 0x30
    except BerError:
        return False


def _asked(path: Path, ask_password: AskPassword | None) -> Password:
    if ask_password is None:
        raise SecrecyError(
            f"The key in {path} has a password of its own.",
            "Give the command where somebody can type it, or a key without one.",
        )
    return ask_password()


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SecrecyError(f"{path} is not a file.", _WHAT_TO_GIVE)
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as fault:
        raise SecrecyError(f"{path} cannot be read: {fault.strerror}.", _WHAT_TO_GIVE) from fault
    if len(data) > MAX_KEY_FILE_BYTES:
        raise SecrecyError(f"{path} is too large for a key.", _WHAT_TO_GIVE)
    return data


def _no_key(path: Path) -> SecrecyError:
    return SecrecyError(f"{path} holds no private key that is understood here.", _WHAT_TO_GIVE)


def _wrong_password(path: Path) -> SecrecyError:
    return SecrecyError(
        f"{path} cannot be opened with that password, or is damaged.", "Give the command again."
    )
