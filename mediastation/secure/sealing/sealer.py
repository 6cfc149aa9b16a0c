"""Seals DICOM files in CMS envelopes, however large, in constant memory (PS3.15 D.1.1)."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from mmap import mmap
from typing import Protocol

from asn1crypto import cms, core
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mediastation.errors import MediaError
from mediastation.model.secrecy import Content, ContentCipher, ContentKey, Digest, Password
from mediastation.secure.sealing.content import ContentFrame, DigestedContent, SignedContent
from mediastation.secure.sealing.der import SEQUENCE, SET, explicit, opening, set_of
from mediastation.secure.sealing.entries import (
    Entry,
    PasswordEntry,
    certificate_entries,
    encryption_algorithm,
)
from mediastation.secure.sealing.recipients import Recipient
from mediastation.secure.sealing.signer import Signer

__all__ = ["ContentKey", "Sealed", "Sealer", "Source", "WrongLengthError"]

CHUNK_BYTES = 256 << 10
"""What is read, digested and encrypted before the next is read: it stays in the core's cache."""

_BLOCK_BYTES = 16
_FRAME_BYTES = 512  # more than all headers around entries, content and file together
_ENCRYPTED_CONTENT = 0x80  # [0] IMPLICIT OCTET STRING, primitive
_ENVELOPED = cms.ContentType("enveloped_data").dump()


class WrongLengthError(MediaError):
    """The content was shorter or longer than announced; what was written of it is worthless."""


class Source(Protocol):
    """What content is read from: a file opened in binary, buffered or not."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill `buffer` or a part of it and return how much; 0 at the end."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is known of an envelope when it is written.

    `size_bytes` is its length, `content_sha256` the digest in hexadecimal of
    the file inside, whatever digest it is protected by.
    """

    size_bytes: int
    content_sha256: str
    content_key: ContentKey


class Sealer:
    """Seals any number of files for the same recipients, in any number of threads at once.

    Each file has a content key and an initialisation vector of its own. The
    password is stretched once, when the first file is sealed: all of them
    share one salt, so that their reader derives one key, too.

    Parameters
    ----------
    recipients : sequence of Recipient
        Certificates; each of their keys opens every envelope by itself.
    password : Password or None
        Opens every envelope, too.
    moment : datetime
        The time of signing, with its zone.
    signer : Signer, optional
        Signs the content; without one it is protected by a digest alone.
    cipher : ContentCipher
        AES of any length. Triple-DES is only read.
    digest : Digest
        SHA-256 or longer.
    derivation : Digest
        The HMAC of PBKDF2. Readers that know no more than RFC 2898, which
        PS3.15 names, open SHA-1 only.
    iterations : int
        Of PBKDF2; 0 for what is advised for `derivation`. Never fewer than
        100,000 are taken.
    frame : ContentFrame, optional
        What encloses the content in place of what `signer` and `digest` say:
        an e-mail's is of another kind.

    Raises
    ------
    SecrecyError
        If a recipient's certificate cannot be used.
    ValueError
        If nobody could open what is sealed, or an algorithm is not for writing.
    """

    def __init__(
        self,
        recipients: Sequence[Recipient],
        password: Password | None,
        *,
        moment: datetime,
        signer: Signer | None = None,
        cipher: ContentCipher = ContentCipher.AES_256,
        digest: Digest = Digest.SHA_256,
        derivation: Digest = Digest.SHA_1,
        iterations: int = 0,
        frame: ContentFrame | None = None,
    ) -> None:
        if cipher is ContentCipher.TRIPLE_DES or digest is Digest.SHA_1:
            raise ValueError(f"{cipher} with {digest} is read and not written")
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone is none")
        self._entries: list[Entry] = [*certificate_entries(recipients)]
        if password is not None:
            self._entries.append(PasswordEntry(password, cipher, derivation, iterations))
        if not self._entries:
            raise ValueError("an envelope without recipients is opened by nobody")
        self._cipher = cipher
        if frame is None:
            frame = SignedContent(signer, digest, moment) if signer else DigestedContent(digest)
        self._frame = frame
        self._entries_bytes = sum(entry.size_bytes for entry in self._entries)
        self._version = core.Integer(_envelope_version(self._entries)).dump()
        self._buffers: deque[tuple[memoryview, memoryview]] = deque()

    @property
    def content(self) -> Content:
        """Whether what is sealed is signed or digested."""
        return self._frame.content

    def sealed_bytes(self, size_bytes: int) -> int:
        """Return how long the envelope of a file of `size_bytes` bytes is; nothing is done."""
        inner = len(self._frame.head(size_bytes)) + size_bytes + self._frame.tail_bytes
        encrypted = inner + _padding_bytes(inner)
        entries = opening(SET, 0, bytes(self._entries_bytes))
        return len(self._head(entries, bytes(_BLOCK_BYTES), encrypted)) + encrypted

    def seal(
        self, source: Source, size_bytes: int, write: Callable[[memoryview], object]
    ) -> Sealed:
        """Seal one file.

        Parameters
        ----------
        source : Source
            Where the file is read from, to its end.
        size_bytes : int
            Its length, which the envelope states before its content.
        write : callable
            Takes the envelope piece by piece, each time all of what it is
            given, which it may not keep: the memory is used again.

        Returns
        -------
        Sealed
            `sealed_bytes` of `size_bytes` were written.

        Raises
        ------
        WrongLengthError
            If the file is shorter or longer.
        """
        key, vector = os.urandom(self._cipher.key_bytes), os.urandom(_BLOCK_BYTES)
        inner_head = self._frame.head(size_bytes)
        inner_bytes = len(inner_head) + size_bytes + self._frame.tail_bytes
        padding_bytes = _padding_bytes(inner_bytes)
        head = self._head(
            set_of(entry.encode(key) for entry in self._entries),
            vector,
            inner_bytes + padding_bytes,
        )
        digest = hashlib.new(self._frame.digest.value)
        sha256 = digest if self._frame.digest is Digest.SHA_256 else hashlib.sha256()
        encryptor = Cipher(AES(key), CBC(vector)).encryptor()

        plain, output = buffers = self._take_buffers()
        plain[: len(inner_head)] = inner_head
        output[: len(head)] = head
        filled, pending, left = len(inner_head), len(head), size_bytes
        while left:
            end = min(len(plain), filled + left)
            got = source.readinto(plain[filled:end])
            if not got:
                raise WrongLengthError(f"{left:,} of {size_bytes:,} bytes are missing")
            digest.update(plain[filled : filled + got])
            if sha256 is not digest:
                sha256.update(plain[filled : filled + got])
            filled += got
            left -= got
            if filled == len(plain):
                pending += encryptor.update_into(plain, output[pending:])
                write(output[:CHUNK_BYTES])
                # What is over, as long as the head, waits: files take whole pages in one go.
                pending -= CHUNK_BYTES
                output[:pending] = output[CHUNK_BYTES : CHUNK_BYTES + pending]
                filled = 0
        if source.readinto(memoryview(bytearray(1))):
            raise WrongLengthError(f"there are more than {size_bytes:,} bytes")
        pending += encryptor.update_into(plain[:filled], output[pending:])
        tail = self._frame.tail(digest.digest()) + bytes((padding_bytes,)) * padding_bytes
        pending += encryptor.update_into(tail, output[pending:])
        encryptor.finalize()
        write(output[:pending])
        self._buffers.append(buffers)
        return Sealed(len(head) + inner_bytes + padding_bytes, sha256.hexdigest(), ContentKey(key))

    def _head(self, entries: bytes, vector: bytes, encrypted_bytes: int) -> bytes:
        """Return what precedes the encrypted content: an envelope ends with it."""
        start = self._frame.content_type + encryption_algorithm(self._cipher, vector)
        content = start + opening(_ENCRYPTED_CONTENT, encrypted_bytes)
        body = self._version + entries + opening(SEQUENCE, encrypted_bytes, content)
        enveloped = opening(SEQUENCE, encrypted_bytes, body)
        wrapped = opening(explicit(0), encrypted_bytes, enveloped)
        return opening(SEQUENCE, encrypted_bytes, _ENVELOPED + wrapped)

    def _take_buffers(self) -> tuple[memoryview, memoryview]:
        """Return memory of a thread that is done; fresh memory costs as much as digesting it.

        It begins where a page does: so it is copied into files faster.
        """
        try:
            return self._buffers.pop()
        except IndexError:
            around = _FRAME_BYTES + self._entries_bytes + self._frame.tail_bytes
            plain, output = mmap(-1, CHUNK_BYTES), mmap(-1, CHUNK_BYTES + around)
            return memoryview(plain), memoryview(output)


def _envelope_version(entries: Sequence[Entry]) -> int:
    """Return the version by the rule of RFC 5652 6.1, for what is written here."""
    if any(entry.is_password for entry in entries):
        return 3
    return 2 if any(entry.version for entry in entries) else 0


def _padding_bytes(size_bytes: int) -> int:
    """Return how much PKCS#7 padding follows: a whole block after whole ones."""
    return _BLOCK_BYTES - size_bytes % _BLOCK_BYTES
