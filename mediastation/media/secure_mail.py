"""E-mails with a File-set, signed and encrypted as a whole (PS3.11 L.3.4, PS3.15 B.8).

The files in the ZIP file are plain. What is sealed is the e-mail of
`mediastation.media.mime` to its last byte; around the envelope there is a
message again, whose header tells no more than that of the plain one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol

from mediastation.media.base64_body import Base64Lines, encoded_bytes
from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.file_writer import FileWriter
from mediastation.media.level1 import MediumFile
from mediastation.media.mime import MAIL_SUBJECT, MailMedium, headers
from mediastation.media.part_file import PartFile

__all__ = ["MailSealer", "SecureMailMedium"]

_NAME = "smime.p7m"


class Source(Protocol):
    """What is to be sealed, to be read once and to its end."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill `buffer` or a part of it and return how much; 0 at the end."""


class MailSealer(Protocol):
    """Makes an envelope of what it reads: EnvelopedData (RFC 5652) around a signed MIME entity."""

    def sealed_bytes(self, size_bytes: int) -> int:
        """Return how long the envelope of so many bytes is, exactly."""

    def seal(
        self, source: Source, size_bytes: int, write: Callable[[memoryview], object]
    ) -> object:
        """Seal `size_bytes` bytes of `source`; `write` takes the envelope piece by piece."""


class SecureMailMedium(FileWriter):
    """An e-mail with a File-set in its attachment DICOM.ZIP, readable for its recipients alone.

    Written in one pass and in constant memory. No two are the same: keys are
    random.

    Parameters
    ----------
    files, file_set_uid, moment
        As for `MailMedium`.
    sealer : MailSealer
        Encrypts and signs; everything about recipients and keys is its own.

    Attributes
    ----------
    size_bytes : int
        Size of the e-mail, exactly.

    Raises
    ------
    RefusedError, ValueError
        As for `MailMedium`.
    """

    def __init__(
        self,
        files: Iterable[MediumFile],
        *,
        file_set_uid: str,
        moment: datetime,
        sealer: MailSealer,
    ) -> None:
        self._mail = MailMedium(files, file_set_uid=file_set_uid, moment=moment)
        self._sealer = sealer
        self._head = headers(
            f"Date: {format_datetime(moment.astimezone(UTC).replace(microsecond=0))}",
            f"Subject: {MAIL_SUBJECT}",
            "MIME-Version: 1.0",
            "Content-Type: application/pkcs7-mime; smime-type=enveloped-data;",
            f' name="{_NAME}"',
            f'Content-Disposition: attachment; filename="{_NAME}"',
            "Content-Transfer-Encoding: base64",
        )
        self._size_bytes = secure_mail_bytes(len(self._head), sealer, self._mail.size_bytes)

    @property
    def size_bytes(self) -> int:
        """Size of the e-mail."""
        return self._size_bytes

    @property
    def head_bytes(self) -> int:
        """Size of its header."""
        return len(self._head)

    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        digest = hashlib.sha256()
        lines = Base64Lines()

        def write(data: bytes) -> None:
            digest.update(data)
            part.append(data)

        def write_sealed(data: memoryview) -> None:
            write(lines.encode(data))
            if progress:
                progress((self.size_bytes + part.written_bytes) // 2, self.size_bytes)

        def report_first_reading(done: int, total: int) -> None:
            # All sources are read twice: half of the way is behind the first time.
            if progress:
                progress(self.size_bytes * done // (2 * total), self.size_bytes)

        write(self._head)
        with closing(self._mail.iter_pieces(report_first_reading)) as pieces:
            self._sealer.seal(_Pieces(pieces), self._mail.size_bytes, write_sealed)
        write(lines.finish())
        if part.written_bytes != self.size_bytes:
            raise AssertionError(f"{part.written_bytes} bytes, planned {self.size_bytes}")
        if progress:
            progress(self.size_bytes, self.size_bytes)
        return WrittenImage(self.size_bytes, digest.hexdigest(), ())


def secure_mail_bytes(head_bytes: int, sealer: MailSealer, mail_bytes: int) -> int:
    """Return the size of the message around an e-mail of `mail_bytes` bytes."""
    return head_bytes + encoded_bytes(sealer.sealed_bytes(mail_bytes))


class _Pieces:
    """Pieces of any length, as a source to read from."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill as much of `buffer` as the next piece gives; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
