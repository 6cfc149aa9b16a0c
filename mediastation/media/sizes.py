"""The size model of each `Format`: how large its writer makes a volume, told beforehand."""

from __future__ import annotations

from collections.abc import Iterable

from mediastation.media.fat_layout import CARD, Shape
from mediastation.media.secure_mail import MailSealer
from mediastation.media.size_archives import MailLayout, MimeLayout, ZipLayout
from mediastation.media.size_fat import FatLayout, FilledFatLayout
from mediastation.media.size_file_systems import (
    BridgeLayout,
    FolderLayout,
    Iso9660Layout,
    UdfLayout,
)
from mediastation.media.size_layout import SizeLayout, name_bytes
from mediastation.media.volume_size import (
    LISTED_BYTES,
    RecordBytes,
    SizeModel,
)
from mediastation.model.medium import Format
from mediastation.model.uid import MAX_UID_CHARACTERS

__all__ = ["RecordBytes", "SizeModel", "size_model"]


def size_model(
    format: Format,  # noqa: A002
    records: RecordBytes,
    *,
    files: Iterable[tuple[str, int]] = (),
    digest_list: str = "",
    deflate: bool = False,
    uid_bytes: int = MAX_UID_CHARACTERS,
    shape: Shape = CARD,
    filled_bytes: int = 0,
    mail_sealer: MailSealer | None = None,
) -> SizeModel:
    """Return the sizes of volumes that are written as `format`.

    They are those that the writers tell as `size_bytes`, exactly where
    `records` is exact, and never less. They are upper bounds for volumes of
    more than a thousand patients, and besides:

    - ISO 9660 with so many fixed files in the root that its folder takes more
      than a sector: a sector or two above;
    - ZIP and e-mail from 2 GiB on: up to 12 bytes an instance above; deflated
      ZIP: as the writer's own plan, which is as if nothing could be deflated;
    - bridge: the same, and a sector for each 4 GiB behind the first of a file;
    - FAT with just more than there are clusters of one size for: some MiB above;
    - MIME and e-mail, unless `uid_bytes` is told: up to two bytes an instance
      and three more above for each character that the UID is shorter.

    Parameters
    ----------
    format : Format
        What is written.
    records : RecordBytes
        Of the DICOMDIR.
    files : iterable of (str, int)
        Path and size of what every volume carries beside the File-set.
    digest_list : str
        Name, in the root, of the list of digests, which grows with the
        File-set; empty if there is none.
    deflate : bool
        Whether the files of a ZIP file are compressed.
    uid_bytes : int
        Characters of the File-set UID, which MIME entities repeat.
    shape : Shape
        Of a FAT volume.
    filled_bytes : int
        The device that a FAT volume fills; 0 if it is the smallest that holds
        the files.
    mail_sealer : MailSealer, optional
        What e-mails are signed and encrypted with.

    Raises
    ------
    RefusedError
        If the device is too small for this kind of FAT.
    """
    fixed = dict(files)
    listed = sum(LISTED_BYTES + name_bytes(path) for path in ("DICOMDIR", *fixed))
    return SizeModel(
        _layout(format, fixed, digest_list, deflate, uid_bytes, shape, filled_bytes, mail_sealer),
        records,
        listed if digest_list else None,
    )


def _layout(
    kind: Format,
    files: dict[str, int],
    digest_list: str,
    deflate: bool,
    uid_bytes: int,
    shape: Shape,
    filled_bytes: int,
    mail_sealer: MailSealer | None,
) -> SizeLayout:
    if kind.udf_revision:
        return UdfLayout.of(kind.udf_revision, files, digest_list)
    if kind.is_fat and filled_bytes:
        return FilledFatLayout.of(kind, shape, files, digest_list, filled_bytes)
    if kind.is_fat:
        return FatLayout.of(kind, shape, files, digest_list)
    match kind:
        case Format.BRIDGE:
            return BridgeLayout.of(files, digest_list)
        case Format.ISO9660:
            return Iso9660Layout.of(files, digest_list)
        case Format.FOLDER:
            return FolderLayout.of(files)
        case Format.ZIP:
            return ZipLayout.of(files, digest_list, deflate=deflate)
        case Format.MAIL:
            return MailLayout.of(files, digest_list, uid_bytes, mail_sealer)
        case Format.MIME:
            return MimeLayout.of(files, digest_list, uid_bytes)
    raise ValueError(f"nothing tells the sizes of {kind}")
