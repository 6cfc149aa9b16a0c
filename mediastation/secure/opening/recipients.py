"""For whom an envelope was sealed: its recipient entries, read and bounded (RFC 5652 6.2)."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.model.secrecy import ContentCipher
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import OCTETS, SEQUENCE, BerError, BerReader
from mediastation.secure.opening.names import MAX_NAME_BYTES, name_text

MAX_RECIPIENTS = 100
MAX_RECIPIENT_BYTES = 1 << 16
_MAX_SALT_BYTES = 1 << 10
_MAX_KEY_BYTES = 1 << 12
_MAX_IDENTIFIER_BYTES = 256
_MAX_PARAMETER_BYTES = 1 << 12


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """For whom one entry of an envelope is; nothing of it is secret.

    Parameters
    ----------
    is_password : bool
        Whether a password opens it.
    issuer : str
        The issuer of the certificate it is for, as text; empty where the entry
        does not name it.
    serial : int or None
        That certificate's serial number.
    key_identifier : str
        Of the key it is for, in hexadecimal; empty unless it is named so.
    iterations : int
        How often a password is stretched; 0 for all else.
    derivation : str
        By which HMAC (``sha1`` …); empty for all else.
    unsupported : str
        What it needs that is not known here; empty if it can be opened.
    """

    is_password: bool = False
    issuer: str = ""
    serial: int | None = None
    key_identifier: str = ""
    iterations: int = 0
    derivation: str = ""
    unsupported: str = ""

    @property
    def text(self) -> str:
        """For whom it is, in words."""
        if self.is_password:
            return "a password" + (f" ({self.unsupported})" if self.unsupported else "")
        said = self.unsupported
        if self.serial is not None:
            said = f"certificate {self.serial:X} of {self.issuer or 'an unnamed issuer'}"
        elif self.key_identifier:
            said = f"the key {self.key_identifier}"
        else:
            return said
        return said + (f" ({self.unsupported})" if self.unsupported else "")


@dataclass(frozen=True, slots=True)
class PasswordEntry:
    """A content key that a password opens (PBKDF2, RFC 8018; PWRI-KEK, RFC 3211)."""

    facts: RecipientFacts
    salt: bytes
    iterations: int
    prf: str
    wrap_cipher: ContentCipher
    wrap_iv: bytes
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A content key that an RSA key opens (RSAES-PKCS1-v1_5, RFC 3370).

    Named by `issuer`, in DER, and `serial`, or else by `key_identifier`.
    """

    facts: RecipientFacts
    issuer: bytes
    serial: int
    key_identifier: bytes
    encrypted_key: bytes


@dataclass(frozen=True, slots=True)
class OtherEntry:
    """An entry that nothing here opens; `facts.unsupported` says why."""

    facts: RecipientFacts


Entry = PasswordEntry | KeyEntry | OtherEntry


class _UnsupportedError(Exception):
    """An entry of a kind that the profile does not have; says which."""


def read_entry(encoded: bytes) -> Entry:
    """Read one RecipientInfo.

    One that cannot be understood is nobody's; the others may be whole.
    """
    kind = encoded[0]
    reader = BerReader.of(encoded)
    try:
        if kind == SEQUENCE:
            return _key_entry(reader)
        if kind == 0xA3:
            return _password_entry(reader)
    except BerError as fault:
        return _other(f"an entry that is damaged: {fault}")
    if kind == 0xA1:
        return _other("a key that agrees with the sender's (elliptic curve or Diffie-Hellman)")
    if kind == 0xA2:
        return _other("a secret key that both sides have")
    return _other("a recipient of an unknown kind")


def read_algorithm(reader: BerReader, identifier: int, what: str) -> tuple[str, bytes]:
    """Return an algorithm's identifier and its parameters, encoded; empty without."""
    reader.enter(identifier, what)
    oid = reader.oid(what)
    parameters = b"" if reader.peek() is None else reader.element(what, _MAX_PARAMETER_BYTES)
    reader.leave()
    return oid, parameters


def read_cipher(reader: BerReader) -> tuple[ContentCipher | None, str, bytes]:
    """Return a cipher, None for an unknown one, its name, and its initialisation vector."""
    oid, parameters = read_algorithm(reader, SEQUENCE, "its cipher")
    cipher = oids.CIPHERS.get(oid)
    if cipher is None:
        return None, oids.name_of(oid), b""
    iv = BerReader.of(parameters).octets(OCTETS, "its initialisation vector", 64)
    if len(iv) != cipher.block_bytes:
        raise BerError("its initialisation vector is damaged")
    return cipher, cipher.value, iv


def _key_entry(reader: BerReader) -> Entry:
    reader.enter(SEQUENCE, "its entry")
    reader.integer("its version")
    issuer, serial, key_identifier = read_signer_or_recipient(reader)
    oid, _ = read_algorithm(reader, SEQUENCE, "the cipher of the key")
    encrypted = reader.octets(OCTETS, "the key", _MAX_KEY_BYTES)
    reader.leave()
    unsupported = "" if oid == oids.RSA else f"encrypted with {oids.name_of(oid)}"
    facts = RecipientFacts(
        issuer=name_text(issuer) if issuer else "",
        serial=serial if issuer else None,
        key_identifier=key_identifier.hex(),
        unsupported=unsupported,
    )
    if unsupported:
        return OtherEntry(facts)
    return KeyEntry(facts, issuer, serial, key_identifier, encrypted)


def read_signer_or_recipient(reader: BerReader) -> tuple[bytes, int, bytes]:
    """Return issuer and serial number, or else the key identifier, of whom an entry names."""
    if reader.peek() == SEQUENCE:
        reader.enter(SEQUENCE, "whom it names")
        issuer = reader.element("whom it names", MAX_NAME_BYTES)
        serial = reader.integer("the serial number")
        reader.leave()
        return issuer, serial, b""
    return b"", 0, reader.octets(0x80, "whom it names", _MAX_IDENTIFIER_BYTES)


def _password_entry(reader: BerReader) -> Entry:
    reader.enter(0xA3, "its entry")
    reader.integer("its version")
    prf = ""
    iterations = 0
    try:
        if reader.peek() != 0xA0:
            raise _UnsupportedError("with a key that is derived in an unnamed way")
        salt, iterations, key_bytes, prf = _read_derivation(reader)
        oid, parameters = read_algorithm(reader, SEQUENCE, "the cipher of the key")
        if oid != oids.PWRI_KEK:
            raise _UnsupportedError(f"with a key wrapped by {oids.name_of(oid)}")
        cipher, name, iv = read_cipher(BerReader.of(parameters))
        if cipher is None:
            raise _UnsupportedError(f"with a key wrapped by {name}")
    except _UnsupportedError as fault:
        return OtherEntry(RecipientFacts(is_password=True, unsupported=str(fault)))
    wrapped = reader.octets(OCTETS, "the key", _MAX_KEY_BYTES)
    reader.leave()
    if key_bytes not in {None, cipher.key_bytes}:
        raise BerError("its key has another length than its cipher")
    facts = RecipientFacts(is_password=True, iterations=iterations, derivation=prf)
    return PasswordEntry(facts, salt, iterations, prf, cipher, iv, wrapped)


def _read_derivation(reader: BerReader) -> tuple[bytes, int, int | None, str]:
    """Return salt, iterations, length of the key if told, and HMAC of PBKDF2."""
    oid, parameters = read_algorithm(reader, 0xA0, "the derivation")
    if oid != oids.PBKDF2:
        raise _UnsupportedError(f"with a key derived by {oids.name_of(oid)}")
    inner = BerReader.of(parameters)
    inner.enter(SEQUENCE, "the derivation")
    if inner.peek() == SEQUENCE:
        raise _UnsupportedError("with a salt from elsewhere")
    salt = inner.octets(OCTETS, "the salt", _MAX_SALT_BYTES)
    iterations = inner.integer("the count")
    if iterations < 1:
        raise BerError("its count is none")
    key_bytes = inner.integer("the length of the key") if inner.peek() == 0x02 else None
    prf = "sha1"
    if inner.peek() is not None:
        oid, _ = read_algorithm(inner, SEQUENCE, "the derivation")
        if oid not in oids.DERIVATIONS:
            raise _UnsupportedError(f"with a key derived by {oids.name_of(oid)}")
        prf = oids.DERIVATIONS[oid]
    inner.leave()
    return salt, iterations, key_bytes, prf


def _other(why: str) -> OtherEntry:
    return OtherEntry(RecipientFacts(unsupported=why))
