"""What ZIP files, DICOM MIME entities and e-mails take, to the byte.

What is the same in each of them is measured on plans of the smallest ones, so
that headers are spelled in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from mediastation.media.base64_body import decoded_bytes, encoded_bytes
from mediastation.media.level1 import MediumFile
from mediastation.media.mime import MailMedium, MimeMedium
from mediastation.media.secure_mail import MailSealer, SecureMailMedium, secure_mail_bytes
from mediastation.media.size_layout import Contents, SizeLayout, name_bytes
from mediastation.media.zip_archive import (
    ZipMedium,
    central_bytes,
    end_bytes,
    is_dicom_name,
    local_bytes,
    needs_zip64,
)

_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DICOMDIR: Final = "DICOMDIR"
_FAR_OFFSET_BYTES: Final = 12
_CIPHER_BLOCK_BYTES: Final = 16
_FILE_NAME_BYTES: Final = len("IM000001")


@dataclass(frozen=True, slots=True, eq=False)
class ZipLayout(SizeLayout):
    """ZIP files of `mediastation.media.zip_archive`, as large as their writer plans them.

    Above 2 GiB an upper bound: each file is counted as if it began behind
    them, which takes 12 bytes.
    """

    fixed_bytes: int
    fixed_files: int
    deflate: bool
    block_bytes: int = 1
    entry_blocks: int = 0

    @classmethod
    def of(cls, files: Mapping[str, int], digest_list: str, *, deflate: bool) -> ZipLayout:
        """Return the layout where each volume carries `files`, and a list in the root."""
        names = [*files, _DICOMDIR, *([digest_list] if digest_list else [])]
        layout = cls(2 * sum(name_bytes(name) for name in names), len(names), deflate)
        fixed_bytes = layout.fixed_bytes + sum(map(layout.file_blocks, files.values()))
        if not digest_list:
            # It is counted as a file of no bytes otherwise.
            fixed_bytes -= layout.file_blocks(0)
        return cls(fixed_bytes, len(names), deflate)

    def file_blocks(self, size_bytes: int) -> int:
        """Return what it takes in front and in the directory, its two names aside."""
        return local_bytes(size_bytes, self.deflate) + central_bytes(size_bytes, 0, self.deflate)

    def total_blocks(self, contents: Contents) -> int:
        """Return the bytes of the archive."""
        files = self.fixed_files + contents.instances
        total = self.fixed_bytes + contents.blocks + 2 * contents.path_bytes
        total += self.file_blocks(contents.directory_bytes)
        total += self.file_blocks(contents.listed_bytes)
        if needs_zip64(total):
            total += files * _FAR_OFFSET_BYTES
        return total + end_bytes(total, files)


@dataclass(frozen=True, slots=True, eq=False)
class MailLayout(SizeLayout):
    """E-mails of `mediastation.media.mime` that carry a ZIP file; counted in the bytes of that.

    `sealer` makes them those of `mediastation.media.secure_mail`.
    """

    archive: ZipLayout
    around_bytes: int
    block_bytes: int = 1
    entry_blocks: int = 0
    sealer: MailSealer | None = None
    head_bytes: int = 0

    @classmethod
    def of(
        cls,
        files: Mapping[str, int],
        digest_list: str,
        uid_bytes: int,
        sealer: MailSealer | None = None,
    ) -> MailLayout:
        """Return the layout for File-set UIDs of so many characters."""
        smallest = [MediumFile(_DICOMDIR, Path(), 0)]
        uid = "1" * uid_bytes
        mail = MailMedium(smallest, file_set_uid=uid, moment=_MOMENT)
        archive = ZipMedium(smallest, moment=_MOMENT)
        around_bytes = mail.size_bytes - encoded_bytes(archive.size_bytes)
        head_bytes = 0
        if sealer is not None:
            sealed = SecureMailMedium(smallest, file_set_uid=uid, moment=_MOMENT, sealer=sealer)
            head_bytes = sealed.head_bytes
        layout = ZipLayout.of(files, digest_list, deflate=False)
        return cls(layout, around_bytes, sealer=sealer, head_bytes=head_bytes)

    def file_blocks(self, size_bytes: int) -> int:
        """Return what it takes in the ZIP file."""
        return self.archive.file_blocks(size_bytes)

    def total_blocks(self, contents: Contents) -> int:
        """Return the bytes of the ZIP file."""
        return self.archive.total_blocks(contents)

    def size_bytes(self, blocks: int) -> int:
        """Return the bytes of the e-mail."""
        mail_bytes = self.around_bytes + encoded_bytes(blocks)
        if self.sealer is None:
            return mail_bytes
        return secure_mail_bytes(self.head_bytes, self.sealer, mail_bytes)

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return the largest ZIP file that goes into an e-mail of so many bytes."""
        if self.sealer is not None:
            capacity_bytes = self._largest_mail(capacity_bytes, self.sealer)
        room = capacity_bytes - self.around_bytes
        return decoded_bytes(room) if room >= 0 else -1

    def _largest_mail(self, capacity_bytes: int, sealer: MailSealer) -> int:
        """Return how long an e-mail may be that is sealed; negative if none may."""
        room = decoded_bytes(max(capacity_bytes - self.head_bytes, 0))
        # What lies around it grows with it, a little: the first is never too small by a block.
        mail_bytes = 2 * room - sealer.sealed_bytes(room) + _CIPHER_BLOCK_BYTES
        while mail_bytes >= 0 and sealer.sealed_bytes(mail_bytes) > room:
            mail_bytes -= 1
        return mail_bytes


@dataclass(frozen=True, slots=True, eq=False)
class MimeLayout(SizeLayout):
    """DICOM MIME entities of `mediastation.media.mime`; parts are numbered, which takes digits.

    `entry_blocks` are the bytes of the head of an instance's part, beside its
    path and number.
    """

    fixed_bytes: int
    fixed_parts: int
    entry_blocks: int
    block_bytes: int = 1

    @classmethod
    def of(cls, files: Mapping[str, int], digest_list: str, uid_bytes: int) -> MimeLayout:
        """Return the layout for File-set UIDs of so many characters."""
        smallest = _mime_bytes(uid_bytes)
        # Less the name, a DICOM file's path, and a digit.
        plain = _mime_bytes(uid_bytes, "A") - smallest - 3
        other = _mime_bytes(uid_bytes, "A.A") - smallest - 7
        names = [*files, *([digest_list] if digest_list else [])]
        # The number of the DICOMDIR, 0, is counted with the others.
        fixed_bytes = smallest - 1
        for path in names:
            name = name_bytes(path.rpartition("/")[2])
            if is_dicom_name(path):
                fixed_bytes += plain + name_bytes(path) + name
            else:
                fixed_bytes += other + len(quote(path, errors="replace")) + name
        fixed_bytes += sum(map(encoded_bytes, files.values()))
        return cls(fixed_bytes, len(names) + 1, plain + _FILE_NAME_BYTES)

    def file_blocks(self, size_bytes: int) -> int:
        """Return it in base64."""
        return encoded_bytes(size_bytes)

    def total_blocks(self, contents: Contents) -> int:
        """Return the bytes of the entity."""
        total = self.fixed_bytes + contents.blocks + contents.structure + contents.path_bytes
        total += encoded_bytes(contents.directory_bytes) + encoded_bytes(contents.listed_bytes)
        return total + _digits_below(self.fixed_parts + contents.instances)


def _mime_bytes(uid_bytes: int, *paths: str) -> int:
    files = [MediumFile(path, Path(), 0) for path in (_DICOMDIR, *paths)]
    return MimeMedium(files, file_set_uid="1" * uid_bytes, moment=_MOMENT).size_bytes


def _digits_below(count: int) -> int:
    """Return how many digits the numbers from 0 to `count` - 1 have together."""
    digits, power = count, 10
    while power < count:
        digits += count - power
        power *= 10
    return digits
