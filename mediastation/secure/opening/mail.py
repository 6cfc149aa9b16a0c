"""E-mails in S/MIME as media: the File-set in the ZIP file that was signed and encrypted (B.8)."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Self

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, note, warning
from mediastation.reading.contract import Found, VolumeFile
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.mime_body import open_body
from mediastation.reading.mime_header import (
    MimeHeader,
    find_header,
    looks_mime,
    mailbox_line_bytes,
)
from mediastation.reading.mime_volume import MailVolume, MimeVolume, open_mime
from mediastation.reading.random_access import RandomAccess, ReadAt
from mediastation.secure.opening.envelope import read_envelope
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.mail_layers import REFERENCE, MailLayers, is_layer
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.recipients import RecipientFacts
from mediastation.secure.opening.signatures import SignatureFacts

__all__ = [
    "SecureMailVolume",
    "find_message",
    "is_secure_mail",
    "mail_recipients",
    "open_layers",
    "open_secure_mail",
]

_SUFFIX = ".p7m"
_SAVED = MimeHeader(media_type="application/pkcs7-mime", encoding="binary")
_FRONT_BYTES = 32
_HEAD_BYTES = 1 << 20
_KINDS = tuple(bytes.fromhex(f"06092a864886f70d0107{last}") for last in ("02", "03"))
"""SignedData and EnvelopedData, as object identifiers in DER."""


class SecureMailVolume:
    """The files in a signed or encrypted e-mail; `open_secure_mail` makes it.

    As a whole, `size_bytes` and `read_at` mean the message as it was sent:
    that is what can be held against the digest of what was made.

    Attributes
    ----------
    mail : MailVolume or MimeVolume
        The e-mail inside, by itself.
    header : MimeHeader
        Of the message around it.
    opened : Opened or None
        What the envelope gave; None if the message is signed and not encrypted.
    signatures : tuple of SignatureFacts
        Who signed it, from the outside in; none is broken.
    entity_sha256 : str
        Of the e-mail inside.
    """

    def __init__(
        self,
        access: RandomAccess,
        header: MimeHeader,
        mail: MailVolume | MimeVolume,
        layers: MailLayers,
    ) -> None:
        self.mail = mail
        self.header = header
        self.opened: Opened | None = layers.opened
        self.signatures: tuple[SignatureFacts, ...] = tuple(layers.signatures)
        self.entity_sha256 = layers.sha256
        self._access = access
        self._layers = layers
        self._told = (*layers.findings, *_check_protection(self, mail.name))

    @property
    def name(self) -> str:
        """The message's path."""
        return self.mail.name

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was tolerated, what the signatures are worth, and what was wrong inside."""
        return (*self._told, *self.mail.findings)

    @property
    def size_bytes(self) -> int:
        """Size of the message."""
        return self._access.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the message itself, fewer at the end."""
        return self._access.read_at(offset, length)

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files in the order of the archive's directory, or of their parts."""
        return self.mail.iter_files()

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`; all of it was proved before."""
        return self.mail.open(path)

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self.mail.find(components)

    def close(self) -> None:
        """Let the message go, and what was taken out of it."""
        self.mail.close()
        self._layers.close()
        self._access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_secure_mail(path: Path, access_opener: AccessOpener = RandomAccess) -> bool:
    """Tell whether there is an e-mail at `path` that is signed or encrypted as a whole.

    The envelope of one may have been saved by itself, under its name
    ``smime.p7m``; no File ID has a point, so that no secure DICOM file is
    called so. False for what cannot be read: others say why.
    """
    if not path.is_file():
        return False
    try:
        access = access_opener(path)
    except MediaError:
        return False
    try:
        if _is_saved_envelope(path, access):
            return True
        return looks_mime(access) and is_layer(_header(access)[0])
    except (OSError, MediaError):
        return False
    finally:
        access.close()


def mail_recipients(path: Path) -> tuple[RecipientFacts, ...]:
    """Return for whom an e-mail is encrypted, without a key; empty where that cannot be told.

    Of one that is signed around its envelope nothing is told before it is opened.
    """
    try:
        with closing(RandomAccess(path)) as access:
            header, start = find_message(path, access)
            if header.is_multipart:
                return ()
            head = _decoded_head(access, start, header.encoding)
            # The whole of it is no longer than the message that it is encoded in.
            envelope = read_envelope(io.BytesIO(head), access.size_bytes, os.fspath(path))
            return envelope.recipients
    except (OSError, MediaError, BadEnvelopeError):
        return ()


def open_secure_mail(
    path: Path, opener: Opener, scratch: Path, access_opener: AccessOpener = RandomAccess
) -> SecureMailVolume:
    """Open an e-mail that is signed or encrypted as a whole, once everything about it is proved.

    Any order of signing and encrypting is taken, signatures beside and around
    their content, and up to `MAX_LAYERS` of all of these.

    Parameters
    ----------
    path : Path
        The message, as mail programs save it.
    opener : Opener
        Opens envelopes and judges signatures.
    scratch : Path
        A private folder for what is decrypted; files in it have no name.
    access_opener : callable
        How the bytes of the message are reached.

    Returns
    -------
    SecureMailVolume
        To be closed by the caller.

    Raises
    ------
    WrongKeyError
        If nothing at hand opens it; says for whom it was sealed.
    BadEnvelopeError
        If it is damaged, a signature is broken, or nothing proves the content.
    ScratchError
        If there is no room for the content.
    MediaError
        If it cannot be read, or carries no DICOM files.
    """
    return open_layers(path, MailLayers(os.fspath(path), opener, scratch), access_opener)


def open_layers(
    path: Path, layers: MailLayers, access_opener: AccessOpener = RandomAccess
) -> SecureMailVolume:
    """Open an e-mail with what takes its layers off, which is closed with it; `open_secure_mail`.

    What `layers` raises goes through.
    """
    access = access_opener(path)
    try:
        header, body = find_message(path, access)
        place = layers.take_off(access.read_at, header, body, access.size_bytes)
        mail = open_mime(path, lambda _: _Entity(*place), subject=header.subject)
    except OSError as fault:
        layers.close()
        access.close()
        raise MediaError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    except BaseException:
        layers.close()
        access.close()
        raise
    return SecureMailVolume(access, header, mail, layers)


def find_message(path: Path, access: RandomAccess) -> tuple[MimeHeader, int]:
    """Return the header of the message at `path`, and where its body begins.

    An envelope that was saved by itself has none; one is made up for it.

    Raises
    ------
    MediaError
        If there is a header that does not end.
    OSError
        If it cannot be read.
    """
    return (_SAVED, 0) if _is_saved_envelope(path, access) else _header(access)


class _Entity(RandomAccess):
    """What lies in all layers, as if it were a file; what it lies in is closed by others."""

    def __init__(self, read_at: ReadAt, start: int, end: int) -> None:
        self._read_there = read_at
        self._start = start
        self._handle = -1
        self.is_device = False
        self.size_bytes = end - start

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end; `OSError` where they cannot be read."""
        length = min(length, self.size_bytes - offset)
        return self._read_there(self._start + offset, length) if length > 0 else b""


def _decoded_head(access: RandomAccess, start: int, encoding: str) -> bytes:
    """Return the first bytes of a body, more than the recipients of an envelope take."""
    end = min(access.size_bytes, start + _HEAD_BYTES)
    for less in range(4):  # where letters of base64 are cut, they make no byte
        body = open_body(access.read_at, start, end - less, encoding)
        if body is not None and not body.fault:
            return body.read_at(0, body.size_bytes)
    return b""


def _is_saved_envelope(path: Path, access: RandomAccess) -> bool:
    """Tell whether it is the attachment of a message, CMS in binary, under the name it had."""
    if path.suffix.lower() != _SUFFIX:
        return False
    front = access.read_at(0, _FRONT_BYTES)
    return front[:1] == b"\x30" and any(oid in front for oid in _KINDS)


def _header(access: RandomAccess) -> tuple[MimeHeader, int]:
    """Return the header of the message, and where its body begins."""
    start = mailbox_line_bytes(access.read_at)
    found = find_header(access.read_at, start, access.size_bytes)
    if found is None:
        raise MediaError("what begins like an e-mail has a header that does not end")
    return found


def _check_protection(volume: SecureMailVolume, name: str) -> Iterator[Finding]:
    """Yield what of the protection is missing that PS3.15 B.8 asks for."""
    if not volume.signatures:
        yield warning(
            "mail-unsigned", name,
            "It is encrypted and whole, and nobody signed it: who sent it is not known.",
            "Ask the sender whether it is theirs.", REFERENCE,
        )  # fmt: skip
    if volume.opened is None:
        yield note(
            "mail-unencrypted", name,
            "It is signed and not encrypted: everybody on its way could read it.",
            "Tell the sender.", REFERENCE,
        )  # fmt: skip
