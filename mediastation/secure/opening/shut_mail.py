"""E-mails that are encrypted as a whole, read as they lie there: nobody has to have a key for it.

What goes around the encrypted content is all that can be seen: the header of
the message, signatures around the envelope, for whom that is, and whether its
structure is whole. That its content is whole, only who opens it can tell.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, Self

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.secrecy import ContentCipher
from mediastation.reading.contract import Found, VolumeFile
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.mime_header import MimeHeader
from mediastation.reading.random_access import RandomAccess, ReadAt
from mediastation.secure.opening.ber import BerError, BerReader
from mediastation.secure.opening.envelope import (
    Head,
    bad_envelope,
    check_head,
    iter_chunks,
    iter_encrypted,
    read_head,
    read_tail,
)
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.mail import SecureMailVolume, find_message, open_layers
from mediastation.secure.opening.mail_layers import REFERENCE, MailLayers
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.recipients import RecipientFacts
from mediastation.secure.opening.signatures import SignatureFacts
from mediastation.secure.opening.spool import Spool

__all__ = ["ShutEnvelope", "ShutMailVolume", "open_mail_without_key"]

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ShutEnvelope:
    """What an envelope shows that stays shut; nothing of it is proved.

    Parameters
    ----------
    recipients : tuple of RecipientFacts
        For whom it is; empty where its head is damaged.
    cipher : ContentCipher or None
        How its content is encrypted; None for a cipher that is not known here,
        and where its head is damaged.
    content_bytes : int
        How much is encrypted; 0 where it is damaged.
    fault : BadEnvelopeError or None
        What is wrong with its structure.
    findings : tuple of Finding
        What is outside the profile, or weak.
    """

    recipients: tuple[RecipientFacts, ...] = ()
    cipher: ContentCipher | None = None
    content_bytes: int = 0
    fault: BadEnvelopeError | None = None
    findings: tuple[Finding, ...] = ()


class ShutMailVolume:
    """A message with an envelope that stays shut; `open_mail_without_key` makes it.

    As a medium it has no files. As a whole, `size_bytes` and `read_at` mean
    the message: that can be held against the digest of what was made.

    Attributes
    ----------
    header : MimeHeader
        Of the message.
    envelope : ShutEnvelope
        The outermost one.
    signatures : tuple of SignatureFacts
        Of what lies around it, from the outside in; none is broken.
    """

    def __init__(
        self,
        access: RandomAccess,
        name: str,
        header: MimeHeader,
        envelope: ShutEnvelope,
        layers: MailLayers,
    ) -> None:
        self.name = name
        self.header = header
        self.envelope = envelope
        self.signatures: tuple[SignatureFacts, ...] = tuple(layers.signatures)
        self._access = access
        self._sha256 = ""
        self._told = (*layers.findings, *envelope.findings, *_told(name, envelope))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was tolerated, what signatures around it are worth, and what is wrong with it."""
        return self._told

    @property
    def size_bytes(self) -> int:
        """Size of the message."""
        return self._access.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the message itself, fewer at the end."""
        return self._access.read_at(offset, length)

    def sha256(self, progress: Callable[[int, int], None] | None = None) -> str:
        """Return the digest of the message in hexadecimal; it is read for that once.

        Parameters
        ----------
        progress : callable, optional
            Called with the bytes done and the bytes in all; may raise to stop.

        Raises
        ------
        MediaError
            If it cannot be read.
        """
        if not self._sha256:
            digest = hashlib.sha256()
            for start in range(0, self.size_bytes, _CHUNK_BYTES):
                try:
                    digest.update(self.read_at(start, _CHUNK_BYTES))
                except OSError as fault:
                    said = fault.strerror or fault
                    raise MediaError(f"{self.name} cannot be read: {said}") from fault
                if progress:
                    progress(min(start + _CHUNK_BYTES, self.size_bytes), self.size_bytes)
            self._sha256 = digest.hexdigest()
        return self._sha256

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield nothing: files are inside."""
        return iter(())

    def open(self, path: str) -> BinaryIO:
        """Raise `MediaError`."""
        raise MediaError(f"{path} cannot be read: {self.name} was not opened")

    def find(self, components: Sequence[str]) -> Found | None:  # noqa: ARG002 - nothing is there
        """Return None: files are inside."""
        return None

    def close(self) -> None:
        """Let the message go."""
        self._access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_mail_without_key(
    path: Path, opener: Opener, scratch: Path, access_opener: AccessOpener = RandomAccess
) -> SecureMailVolume | ShutMailVolume:
    """Open an e-mail that is signed or encrypted as a whole as far as that goes without a key.

    Parameters
    ----------
    path : Path
        The message, as mail programs save it.
    opener : Opener
        Judges signatures.
    scratch : Path
        A private folder for what lies in signatures; files in it have no name.
    access_opener : callable
        How the bytes of the message are reached.

    Returns
    -------
    SecureMailVolume or ShutMailVolume
        What was signed alone is opened as `open_secure_mail` does. Of what is
        encrypted the envelope is read to its end; that it is damaged, or that
        what it lies in cannot be decoded, is one of the findings.

    Raises
    ------
    BadEnvelopeError
        If a signature that needs no key is broken.
    ScratchError
        If there is no room for what lies in a signature.
    MediaError
        If it cannot be read, or carries no DICOM files.
    """
    name = os.fspath(path)
    layers = _Layers(name, opener, scratch)
    try:
        return open_layers(path, layers, access_opener)
    except _ShutError as shut:
        envelope = shut.envelope
    access = access_opener(path)
    try:
        header, _ = find_message(path, access)
    except OSError as fault:
        access.close()
        raise MediaError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    except BaseException:
        access.close()
        raise
    return ShutMailVolume(access, name, header, envelope, layers)


class _ShutError(Exception):
    """An envelope was come to, which nobody opens here."""

    def __init__(self, envelope: ShutEnvelope) -> None:
        super().__init__("an envelope")
        self.envelope = envelope


class _Layers(MailLayers):
    """Takes off what needs no key, up to the first envelope."""

    _is_signed = False

    def _open(
        self, read_at: ReadAt, start: int, end: int, header: MimeHeader
    ) -> tuple[ReadAt, int]:
        try:
            return super()._open(read_at, start, end, header)
        except BadEnvelopeError as fault:
            if self._is_signed:
                raise
            raise _ShutError(ShutEnvelope(fault=fault)) from None

    def _prove_around(self, stream: BinaryIO, size_bytes: int, spool: Spool) -> None:
        self._is_signed = True  # what is wrong from here on is a signature
        super()._prove_around(stream, size_bytes, spool)
        self._is_signed = False

    def _decrypt(self, stream: BinaryIO, size_bytes: int, spool: Spool) -> NoReturn:  # noqa: ARG002 - nothing comes out
        raise _ShutError(read_shut_envelope(stream, size_bytes, self._name))


def read_shut_envelope(stream: BinaryIO, size_bytes: int, name: str) -> ShutEnvelope:
    """Read an envelope to its end without a key; what is wrong with it is in what is returned.

    Parameters
    ----------
    stream : binary stream
        At the envelope's first byte; read once.
    size_bytes : int
        How long what it lies in is.
    name : str
        What it is called in errors and findings.

    Raises
    ------
    MediaError
        If the stream cannot be read.
    """
    reader = BerReader(iter_chunks(stream, size_bytes, name), size_bytes)
    head: Head | None = None
    content_bytes = 0
    found: list[Finding] = []
    try:
        head = read_head(reader)
        found += check_head(head, name)
        content_bytes = sum(map(len, iter_encrypted(reader)))
        trailing = read_tail(reader)
        if head.cipher and (not content_bytes or content_bytes % head.cipher.block_bytes):
            raise BerError(
                f"its encrypted content has {content_bytes:,} bytes, which are no whole blocks of "
                f"{head.cipher.text}"
            )
    except BerError as fault:
        recipients = head.recipients if head else ()
        cipher = head.cipher if head else None
        return ShutEnvelope(recipients, cipher, 0, bad_envelope(name, fault), tuple(found))
    if trailing:
        found.append(
            warning(
                "envelope-trailing", name, f"{trailing:,} bytes lie behind the envelope.",
                "Tell the sender.", REFERENCE,
            )
        )  # fmt: skip
    return ShutEnvelope(head.recipients, head.cipher, content_bytes, None, tuple(found))


def _told(name: str, envelope: ShutEnvelope) -> Iterator[Finding]:
    """Yield that it was not opened, and what is wrong with its structure."""
    if envelope.fault is not None:
        fault = envelope.fault
        yield error("bad-envelope", name, fault.message, fault.hint, REFERENCE)
        return
    texts = list(dict.fromkeys(one.text for one in envelope.recipients))
    yield note(
        "enveloped", name,
        f"It is encrypted as a whole{f' for {_joined(texts)}' if texts else ''}: nothing in it was "
        "looked at.",
        "Give `verify` the key or password that opens it, or take the files out with `open`.",
        REFERENCE,
    )  # fmt: skip


_MOST_NAMED = 4


def _joined(texts: list[str]) -> str:
    more = len(texts) - _MOST_NAMED
    return " and ".join(texts[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
