"""DICOM MIME entities as media (PS3.12 K, RFC 3240), and e-mails that carry a ZIP file (W).

Nothing is unpacked to disk: what lies in base64 is reached by position.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self, cast

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, note, warning
from mediastation.reading.contract import Extent, Found, VolumeFile
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.mime_body import Body
from mediastation.reading.mime_entity import SAVE, Archive, MimeEntity
from mediastation.reading.mime_parts import Part
from mediastation.reading.names import safe_name
from mediastation.reading.random_access import ExtentStream, RandomAccess
from mediastation.reading.zip_volume import ZipVolume

__all__ = ["MailVolume", "MimeVolume", "open_mime"]

_ZIP_NAME = "DICOM.ZIP"
_PHRASE = "DICOM-ZIP"
_PROFILE = "PS3.11 L.3.2"
_BUFFER_BYTES = 1 << 16


class _EntityVolume:
    """A medium that is a message: as a whole, `size_bytes` and `read_at` mean that."""

    def __init__(self, entity: MimeEntity) -> None:
        self._entity = entity

    @property
    def name(self) -> str:
        """The message's path."""
        return self._entity.name

    @property
    def root(self) -> Part:
        """The message: its header, and where its body lies."""
        return self._entity.root

    @property
    def parts(self) -> Sequence[Part]:
        """What consists of no other parts, in the order of the message."""
        return self._entity.parts

    @property
    def size_bytes(self) -> int:
        """Size of the message."""
        return self._entity.access.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the message itself, fewer at the end."""
        return self._entity.access.read_at(offset, length)

    def close(self) -> None:
        """Let the message go."""
        self._entity.access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MimeVolume(_EntityVolume):
    """The files of a MIME entity: DICOM parts by their ``id``, others by their names.

    They are decoded when they are read. A DICOM part without ``id`` is called
    ``PART0001`` and so on (RFC 3240 allows it where there is no DICOMDIR);
    other parts without a name are left out.

    Parameters
    ----------
    entity : MimeEntity
        Closed with the volume.
    """

    def __init__(self, entity: MimeEntity) -> None:
        super().__init__(entity)
        for archive in entity.archives:
            message = "is a ZIP file beside other parts; not entered"
            entity.log.add(warning("mime-archive", safe_name(archive.name), message, SAVE))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong, tolerated or left out while the parts were listed."""
        return tuple(self._entity.log)

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files in the order of their parts."""
        return iter(self._entity.index)

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`, decoded."""
        body = self._entity.open(path)
        raw = ExtentStream(body.read_at, (Extent(0, body.size_bytes),), body.size_bytes)
        return cast("BinaryIO", io.BufferedReader(raw, _BUFFER_BYTES))

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._entity.index.find(components)


class MailVolume(_EntityVolume):
    """The files in the ZIP file that an e-mail carries (PS3.12 W, PS3.11 L.3.2).

    Parameters
    ----------
    entity : MimeEntity
        Closed with the volume; `MediaError` unless it has one ZIP file, or
        one that is called DICOM.ZIP, and that can be read.
    subject : str
        Of the message around it, where the entity was sealed in one.

    Attributes
    ----------
    attachment : Part
        The part that has the ZIP file.
    """

    def __init__(self, entity: MimeEntity, subject: str = "") -> None:
        super().__init__(entity)
        try:
            chosen = self._choose()
            self._archive = ZipVolume(Path(entity.name), lambda _: _Attachment(chosen.body))
        except BaseException:
            self.close()
            raise
        self.attachment = chosen.part
        if _PHRASE not in (subject or entity.root.header.subject).upper():
            message = f"the subject does not hold {_PHRASE}"
            entity.log.add(note("mail-subject", "", message, reference=_PROFILE))
        if chosen.name.upper() != _ZIP_NAME:
            message = f"the ZIP file is not called {_ZIP_NAME}"
            entity.log.add(
                note("mail-attachment", safe_name(chosen.name), message, reference=_PROFILE)
            )

    def _choose(self) -> Archive:
        archives = self._entity.archives
        named = [archive for archive in archives if archive.name.upper() == _ZIP_NAME]
        if len(named or archives) != 1:
            raise MediaError(
                f"{self.name} carries {len(named or archives)} ZIP files",
                "save them with a mail program, and give them one by one",
            )
        return (named or archives)[0]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong, tolerated or left out in the e-mail, and in the ZIP file."""
        return (*self._entity.log, *self._archive.findings)

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files in the order of the archive's directory."""
        return self._archive.iter_files()

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`; its checksum is part of reading it."""
        return self._archive.open(path)

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._archive.find(components)


class _Attachment(RandomAccess):
    """The content of a part as if it were a file; what it lies in is closed by others."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._handle = -1
        self.is_device = False
        self.size_bytes = body.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end; `OSError` where they cannot be read."""
        return self._body.read_at(offset, length)


def open_mime(
    path: Path, opener: AccessOpener = RandomAccess, *, subject: str = ""
) -> MimeVolume | MailVolume:
    """Open an e-mail or MIME entity as what it carries.

    DICOM parts come first. Without any, it is a ZIP file that is entered, and
    without that the attachments are the files, whatever they are.

    Parameters
    ----------
    path : Path
        The message.
    opener : callable
        Opens it; what it returns is closed with the volume.
    subject : str
        Of the message around it, where it was sealed in one.

    Raises
    ------
    MediaError
        If it carries nothing, or something that cannot be entered.
    """
    entity = MimeEntity(path, opener)
    if entity.archives and not entity.has_dicom:
        return MailVolume(entity, subject)
    if not len(entity.index):
        entity.access.close()
        raise MediaError(f"{path} is an e-mail without DICOM files", "give the one that has them")
    if not entity.has_dicom and len(entity.blocked) == len(entity.index):
        entity.access.close()
        name, message = next(iter(entity.blocked.items()))
        raise MediaError(f"{path} is an e-mail whose {name} {message}", "have it sent again")
    return MimeVolume(entity)
