"""What an envelope tells without a key (RFC 5652, 6): for whom it is, and how it is encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, note
from mediastation.model.secrecy import Content, ContentCipher
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import SEQUENCE, SET, BerError, BerReader
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.recipients import (
    MAX_RECIPIENT_BYTES,
    MAX_RECIPIENTS,
    Entry,
    KeyEntry,
    OtherEntry,
    PasswordEntry,
    RecipientFacts,
    read_cipher,
    read_entry,
)

REFERENCE = "PS3.15 D.1"

_FIRST_BYTES = 1 << 14
_CHUNK_BYTES = 1 << 18
_ENCRYPTED = 0x80
_LEAST_ITERATIONS, _LEAST_SALT_BYTES = 1000, 8
_CONTENTS = {oids.DIGESTED_DATA: Content.DIGESTED, oids.SIGNED_DATA: Content.SIGNED}


@dataclass(frozen=True, slots=True)
class Lock:
    """What one recipient's password or key has to fit: the same lock, the same answer.

    `what` is the certificate or key that an entry names, or how it stretches a
    password, `iterations` times.
    """

    what: tuple[object, ...]
    iterations: int = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an envelope tells about itself; nothing of it is proved.

    Parameters
    ----------
    recipients : tuple of RecipientFacts
        For whom it was sealed, in its order.
    cipher : ContentCipher or None
        How its content is encrypted; None for a cipher that is not known here.
    content : Content or None
        What it says it holds; None where it does not say, as envelopes of
        S/MIME programs do.
    findings : tuple of Finding
        What is outside the profile, or weak.
    locks : frozenset of Lock
        What it is shut with, as far as that can be opened here.
    """

    recipients: tuple[RecipientFacts, ...]
    cipher: ContentCipher | None
    content: Content | None
    findings: tuple[Finding, ...]
    locks: frozenset[Lock]


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in front of the encrypted content."""

    entries: tuple[Entry, ...]
    content_type: str
    cipher: ContentCipher | None
    cipher_name: str
    iv: bytes

    @property
    def recipients(self) -> tuple[RecipientFacts, ...]:
        """For whom the envelope is."""
        return tuple(entry.facts for entry in self.entries)


def read_envelope(stream: BinaryIO, size_bytes: int, name: str = "the envelope") -> Envelope:
    """Read what an envelope tells without a key, from its head.

    Parameters
    ----------
    stream : binary stream
        At the envelope's first byte.
    size_bytes : int
        How long the file is.
    name : str
        What the file is called in errors and findings.

    Raises
    ------
    BadEnvelopeError
        If it is no envelope, or damaged.
    MediaError
        If the stream cannot be read.
    """
    try:
        head = read_head(BerReader(iter_chunks(stream, size_bytes, name), size_bytes))
    except BerError as fault:
        raise bad_envelope(name, fault) from None
    return Envelope(
        head.recipients,
        head.cipher,
        _CONTENTS.get(head.content_type),
        tuple(check_head(head, name)),
        frozenset(_lock_of(one) for one in head.entries if not isinstance(one, OtherEntry)),
    )


def read_head(reader: BerReader) -> Head:
    """Read up to the encrypted content, which is the next element then."""
    identifier = reader.peek()
    if identifier != SEQUENCE:
        raise BerError("it is no secure envelope" + _what_instead(identifier))
    reader.enter(SEQUENCE, "the envelope")
    oid = reader.oid("its kind")
    if oid != oids.ENVELOPED_DATA:
        raise BerError(f"it is no secure envelope, but {oids.name_of(oid)}")
    reader.enter(0xA0, "its content")
    reader.enter(SEQUENCE, "its content")
    reader.integer("its version")
    if reader.peek() == 0xA0:
        reader.skip("what it says of its sender")
    entries: list[Entry] = []
    reader.enter(SET, "its list of recipients")
    while reader.peek() is not None:
        if len(entries) == MAX_RECIPIENTS:
            raise BerError(f"it has more than {MAX_RECIPIENTS} recipients")
        entries.append(read_entry(reader.element("a recipient's entry", MAX_RECIPIENT_BYTES)))
    reader.leave()
    reader.enter(SEQUENCE, "its encrypted content")
    content_type = reader.oid("the kind of its content")
    cipher, cipher_name, iv = read_cipher(reader)
    return Head(tuple(entries), content_type, cipher, cipher_name, iv)


def iter_encrypted(reader: BerReader) -> Iterator[bytes]:
    """Yield the encrypted content, which `read_head` has come to."""
    return reader.iter_octets(_ENCRYPTED, "its encrypted content")


def read_tail(reader: BerReader) -> int:
    """Read what comes behind the encrypted content; return how many bytes follow the envelope."""
    reader.leave()
    if reader.peek() == 0xA1:
        reader.skip("its unprotected attributes")
    for _ in range(3):
        reader.leave()
    return reader.rest()


def check_head(head: Head, name: str) -> Iterator[Finding]:
    """Yield what the head of an envelope has that the profile has not, or that is weak."""
    if head.cipher is None:
        yield note(
            "envelope-cipher", name,
            f"It is encrypted with {head.cipher_name}, which DICOM media do not use.",
            "Ask the sender for AES-256 in CBC mode.", REFERENCE,
        )  # fmt: skip
    others = [entry.facts for entry in head.entries if isinstance(entry, OtherEntry)]
    if others:
        yield note(
            "envelope-recipient", name,
            f"It has an entry for {others[0].text}, which DICOM media do not use.", "", REFERENCE,
        )  # fmt: skip
    for entry in head.entries:
        if isinstance(entry, PasswordEntry) and (
            entry.iterations < _LEAST_ITERATIONS or len(entry.salt) < _LEAST_SALT_BYTES
        ):
            yield note(
                "envelope-weak", name,
                f"Its password is stretched {entry.iterations:,} times with a salt of "
                f"{len(entry.salt)} bytes: whoever has the file can try many passwords.",
                f"Tell the sender: {_LEAST_ITERATIONS:,} times and {_LEAST_SALT_BYTES} bytes are "
                "the least that was ever advised.", REFERENCE,
            )  # fmt: skip
            return


def iter_chunks(stream: BinaryIO, size_bytes: int, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file, few at first: most questions are answered by its head."""
    left, step = size_bytes, _FIRST_BYTES
    while left > 0:
        try:
            chunk = stream.read(min(step, left))
        except OSError as fault:
            raise MediaError(f"{name} cannot be read: {fault.strerror or fault}") from fault
        if not chunk:
            return
        left -= len(chunk)
        step = _CHUNK_BYTES
        yield chunk


def bad_envelope(name: str, why: object) -> BadEnvelopeError:
    """Return the error of an envelope that cannot be opened by anybody."""
    return BadEnvelopeError(
        f"{name} cannot be opened: {why}.", "Ask the sender for the file again."
    )


def _lock_of(entry: PasswordEntry | KeyEntry) -> Lock:
    if isinstance(entry, KeyEntry):
        return Lock((entry.issuer, entry.serial, entry.key_identifier))
    return Lock((entry.salt, entry.prf, entry.wrap_cipher), entry.iterations)


def _what_instead(identifier: int | None) -> str:
    if identifier is None:
        return ", but empty"
    if identifier == ord("-"):
        return " in binary, but text; PEM is for mail"
    return ""
