"""File-sets as MIME entities: DICOM MIME (PS3.12 Annex K) and a ZIP file in an e-mail (W).

Headers are written line by line, because one that another program folds or
encodes anew would not be the same bytes with its next release. No header
holds anything about a patient: mail servers log them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterable
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from mediastation.errors import RefusedError
from mediastation.media.base64_body import Base64Body, Base64Lines, encoded_bytes
from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.file_writer import FileWriter
from mediastation.media.level1 import MediumFile
from mediastation.media.part_file import PartFile
from mediastation.media.source_reader import SourceReader
from mediastation.media.zip_archive import (
    ZipMedium,
    check_one_file_set,
    digest_of,
    is_dicom_name,
)
from mediastation.media.zip_in_order import iter_zip
from mediastation.model.finding import Finding, error
from mediastation.model.uid import is_usable_uid

__all__ = ["MailMedium", "MimeMedium", "check_mime"]

MAIL_SUBJECT = "DICOM-ZIP"
ZIP_NAME = "DICOM.ZIP"

_DICOMDIR = "DICOMDIR"
_CHUNK_BYTES = 1 << 20
_COVER = (
    b"The attachment DICOM.ZIP holds a DICOM File-set (PS3.12 Annex V).\r\n"
    b"Unpack it, and open the file DICOMDIR with a DICOM viewer.\r\n"
)


def check_mime(files: Iterable[MediumFile]) -> list[Finding]:
    """Check that `files` can be the parts of one DICOM MIME entity; nothing is opened.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: those of `check_folder_names`,
        ``"mime-dicomdir"`` and ``"mime-name"``. Empty if all may be written.
    """
    files = tuple(files)
    findings = check_one_file_set(files, "mime", "A DICOM MIME entity", "PS3.12 K")
    findings += [
        error("mime-name", file.path, f"{file.path!r} cannot stand in a header as it is.")
        for file in files
        if not file.path.isascii() or '"' in file.path
    ]
    return findings


class _Entity(FileWriter):
    """What both kinds of entity have in common: a plan, written beside its final name."""

    def __init__(self, file_set_uid: str, moment: datetime) -> None:
        if not is_usable_uid(file_set_uid):
            raise ValueError(f"{file_set_uid!r} is no UID")
        if moment.tzinfo is None:
            raise ValueError("the moment has no time zone")
        # A line of base64 holds no underscore, so no boundary can appear in one.
        self._boundary = f"_{file_set_uid}_"
        self._date = format_datetime(moment.astimezone(UTC).replace(microsecond=0))
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Size of the entity."""
        return self._size_bytes

    @abstractmethod
    def _write_body(self, part: PartFile, progress: Progress | None) -> None:
        """Write the entity."""

    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        self._write_body(part, progress)
        if part.written_bytes != self.size_bytes:
            raise AssertionError(f"{part.written_bytes} bytes, planned {self.size_bytes}")
        if progress:
            progress(self.size_bytes, self.size_bytes)
        return WrittenImage(self.size_bytes, digest_of(part), ())

    def _separator(self) -> bytes:
        return f"--{self._boundary}\r\n".encode()

    def _end(self) -> bytes:
        return f"--{self._boundary}--\r\n".encode()


class MimeMedium(_Entity):
    """A File-set as one ``multipart/related`` entity (RFC 3240), the DICOMDIR first.

    Each DICOM file is a part ``Application/dicom`` with its File ID as ``id``;
    files whose names have a point are parts that receivers ignore. The same
    files, UID and moment give the same bytes.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    file_set_uid : str
        Boundary and Content-IDs are made from it.
    moment : datetime
        With a time zone; the date of the entity.

    Attributes
    ----------
    size_bytes : int
        Size of the entity, exactly.

    Raises
    ------
    RefusedError
        With the findings of `check_mime`.
    ValueError
        If `file_set_uid` is no UID, or `moment` has no time zone.
    """

    def __init__(self, files: Iterable[MediumFile], *, file_set_uid: str, moment: datetime) -> None:
        super().__init__(file_set_uid, moment)
        self._file_set_uid = file_set_uid
        self._files = sorted(files, key=lambda file: (file.path != _DICOMDIR, file.path))
        if findings := check_mime(self._files):
            raise RefusedError(f"{findings[0].message} No MIME entity was made.", findings)
        self._size_bytes = len(self._head()) + len(self._end())
        for number, file in enumerate(self._files):
            self._size_bytes += len(self._part_head(number, file)) + encoded_bytes(file.size_bytes)

    def _head(self) -> bytes:
        return headers(
            f"Date: {self._date}",
            "MIME-Version: 1.0",
            "Content-Type: multipart/related;",
            ' type="Application/dicom";',
            f' start="<{self._content_id(0)}>";',
            f' boundary="{self._boundary}"',
        )

    def _part_head(self, number: int, file: MediumFile) -> bytes:
        name = file.path.rpartition("/")[2]
        if is_dicom_name(file.path):
            name += "" if file.path == _DICOMDIR else ".dcm"
            kind = ["Content-Type: Application/dicom;", f' id="{file.path}";', f' name="{name}"']
        else:
            # Only here does a receiver learn the folder that the file belongs into (RFC 2557, 4.2).
            place = f"Content-Location: {quote(file.path)}"
            kind = ["Content-Type: application/octet-stream;", f' name="{name}"', place]
        return self._separator() + headers(
            *kind,
            f"Content-ID: <{self._content_id(number)}>",
            "Content-Transfer-Encoding: base64",
        )

    def _content_id(self, number: int) -> str:
        return f"{number}@{self._file_set_uid}"

    def _write_body(self, part: PartFile, progress: Progress | None) -> None:
        part.append(self._head())
        reader = SourceReader(self._files)
        try:
            for number, file in enumerate(self._files):
                part.append(self._part_head(number, file))
                body = Base64Body(part)
                reader.open(file)
                left = file.size_bytes
                while left:
                    data = reader.read(min(left, _CHUNK_BYTES))
                    body.append(data)
                    left -= len(data)
                    if progress:
                        progress(part.written_bytes, self.size_bytes)
                body.finish()
        finally:
            reader.close()
        part.append(self._end())


class MailMedium(_Entity):
    """An e-mail with a File-set in its attachment DICOM.ZIP (PS3.11 L.3.2).

    Sender and recipient are left to the mail program that sends it. The
    attachment is stored, not deflated: the annex lets nothing but the ZIP file
    itself be compressed, and images often are already.

    Parameters
    ----------
    files, file_set_uid, moment
        As for `MimeMedium`, with the names that `check_zip` asks for.

    Attributes
    ----------
    size_bytes : int
        Size of the e-mail, exactly.

    Raises
    ------
    RefusedError
        With the findings of `check_zip`.
    ValueError
        If `file_set_uid` is no UID, or `moment` cannot be recorded.
    """

    def __init__(self, files: Iterable[MediumFile], *, file_set_uid: str, moment: datetime) -> None:
        super().__init__(file_set_uid, moment)
        self._zip = ZipMedium(files, moment=moment)
        self._size_bytes = (
            len(self._head()) + encoded_bytes(self._zip.size_bytes) + len(self._end())
        )

    def _head(self) -> bytes:
        head = headers(
            f"Date: {self._date}",
            f"Subject: {MAIL_SUBJECT}",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed;",
            f' boundary="{self._boundary}"',
        )
        cover = headers(
            'Content-Type: text/plain; charset="us-ascii"', "Content-Transfer-Encoding: 7bit"
        )
        attached = headers(
            "Content-Type: application/zip;",
            f' id="{ZIP_NAME}";',
            f' name="{ZIP_NAME}"',
            f'Content-Disposition: attachment; filename="{ZIP_NAME}"',
            "Content-Transfer-Encoding: base64",
        )
        separator = self._separator()
        return b"".join((head, separator, cover, _COVER, separator, attached))

    def iter_pieces(self, progress: Progress | None = None) -> Generator[bytes]:
        """Yield the e-mail in its order, for what cannot go back; sources are read twice.

        `progress` is told of the first reading, in bytes of the ZIP file.
        Raises what `write` does.
        """
        yield self._head()
        lines = Base64Lines()
        with closing(iter_zip(self._zip, progress)) as pieces:
            for piece in pieces:
                yield lines.encode(piece)
        yield lines.finish()
        yield self._end()

    def _write_body(self, part: PartFile, progress: Progress | None) -> None:
        def report(_done: int, _total: int) -> None:
            if progress:
                progress(part.written_bytes, self.size_bytes)

        part.append(self._head())
        body = Base64Body(part)
        self._zip.write_to(body, report)
        body.finish()
        part.append(self._end())


def headers(*lines: str) -> bytes:
    """Return header lines with the empty line that ends them."""
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
