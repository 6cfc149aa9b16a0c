"""Which rules a medium's file system is held against: a line for each kind of volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, warning
from mediastation.model.manifest import Manifest
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import ApplicationProfile
from mediastation.reading.contract import Volume
from mediastation.reading.fat import FatVolume
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.mime_volume import MailVolume, MimeVolume
from mediastation.reading.udf import UdfVolume
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.shut_mail import ShutMailVolume
from mediastation.verify.annex_f import check_iso9660
from mediastation.verify.bridge_rules import RULE, check_bridge
from mediastation.verify.fat_rules import check_fat
from mediastation.verify.mail_rules import (
    check_protection,
    check_secure_mail,
    check_shut_mail,
)
from mediastation.verify.mime_rules import check_mime
from mediastation.verify.udf_rules import check_udf

_ANNEX = "PS3.12 Annex "
_ANNEX_F = f"{_ANNEX}F"


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a medium when its file system is checked.

    Parameters
    ----------
    manifest : Manifest or None
        What was meant to be written, from elsewhere than the medium; None
        where nobody knows.
    profile : ApplicationProfile or None
        What the medium claims, where it is at hand.
    file_set_id : str or None
        As the DICOMDIR has it; None if there is none that can be read.
    """

    manifest: Manifest | None = None
    profile: ApplicationProfile | None = None
    file_set_id: str | None = None

    @property
    def demands_annex_f(self) -> bool:
        """Whether it was made for PS3.12 Annex F, whose file system has nothing optional.

        A profile that is not at hand any more is known by its name (PS3.11,
        Table C.3-3 for CDR).
        """
        if self.manifest is None:
            return False
        if self.profile is not None and self.profile.name == self.manifest.profile:
            return self.profile.medium_format == _ANNEX_F
        return self.manifest.profile.endswith(("-CD", "-CDR"))

    @property
    def annex(self) -> str:
        """Letter of the annex of PS3.12 that it was made for or claims; empty if nobody knows."""
        medium = MEDIA.get(self.manifest.medium) if self.manifest else None
        if medium is not None:
            return medium.annex
        stated = self.profile.medium_format if self.profile else ""
        return stated.removeprefix(_ANNEX) if len(stated) == len(_ANNEX) + 1 else ""

    @property
    def is_fat_of_ours(self) -> bool:
        """Whether the whole FAT volume was written here, and not only files onto one."""
        return self.manifest is not None and self.manifest.format in {Format.FAT16, Format.FAT32}

    @property
    def is_mime_of_ours(self) -> bool:
        """Whether the entity or e-mail was written here."""
        return self.manifest is not None and self.manifest.format in {Format.MIME, Format.MAIL}

    @property
    def is_udf_of_ours(self) -> bool:
        """Whether UDF was written here, by the manifest's word or by that of a profile's annex."""
        if self.manifest is None:
            return False
        if not self.manifest.format:
            return bool(self.manifest.profile) and self.annex in {"J", "P", "X"}
        return self.is_bridge_of_ours or self.revision > 0

    @property
    def is_bridge_of_ours(self) -> bool:
        """Whether both UDF and ISO 9660 were written here."""
        return self.manifest is not None and self.manifest.format == Format.BRIDGE

    @property
    def revision(self) -> int:
        """The UDF revision that was written, such as 0x0250; 0 where nobody knows."""
        written = self.manifest.format if self.manifest else ""
        if written not in set(Format):
            return 0
        stated = "1.02" if written == Format.BRIDGE else Format(written).udf_revision
        return int(stated.replace(".", "") or "0", 16)


def check_file_system(volume: Volume, expected: Expected) -> Iterator[Finding]:
    """Check the structures and names of `volume` by the rules of its kind.

    The volume's own findings are not repeated. `OSError` passes through where
    the medium cannot be read.
    """
    if isinstance(volume, IsoVolume):
        yield from check_iso9660(
            volume, file_set_id=expected.file_set_id, strict=expected.demands_annex_f
        )
    elif isinstance(volume, UdfVolume):
        yield from _check_udf(volume, expected)
    elif isinstance(volume, FatVolume):
        yield from check_fat(volume, annex=expected.annex, strict=expected.is_fat_of_ours)
    elif isinstance(volume, MimeVolume | MailVolume):
        yield from check_mime(volume, strict=expected.is_mime_of_ours)
    elif isinstance(volume, SecureMailVolume):
        yield from check_secure_mail(volume, strict=expected.is_mime_of_ours)
    elif isinstance(volume, ShutMailVolume):
        yield from check_shut_mail(volume, strict=expected.is_mime_of_ours)
    yield from check_protection(volume, expected.profile)
    if isinstance(volume, IsoVolume | UdfVolume):
        yield from _check_other_side(volume, expected)


def _check_udf(volume: UdfVolume, expected: Expected) -> Iterator[Finding]:
    files = expected.manifest.files if expected.manifest else ()
    return check_udf(
        volume,
        annex=expected.annex,
        strict=expected.is_udf_of_ours,
        revision=expected.revision,
        file_set={file.path for file in files if file.sop_instance_uid},
    )


def _check_other_side(volume: IsoVolume | UdfVolume, expected: Expected) -> Iterator[Finding]:
    """Read the file system that lies beside `volume`, and hold the two against each other."""
    wanted = expected.is_bridge_of_ours
    is_iso = isinstance(volume, IsoVolume)
    name = "UDF" if is_iso else "ISO 9660"
    if not (volume.has_udf if isinstance(volume, IsoVolume) else volume.has_iso9660):
        if wanted:
            yield error(RULE, volume.name, f"has no {name} beside this file system")
        return
    kind: type[UdfVolume | IsoVolume] = UdfVolume if is_iso else IsoVolume
    try:
        other = kind(Path(volume.name), volume.opener)
    except MediaError as fault:
        told = error if wanted else warning
        yield told(RULE, volume.name, f"its {name} cannot be read: {fault}")
        return
    with other:
        yield from other.findings
        if isinstance(volume, IsoVolume) and isinstance(other, UdfVolume):
            yield from _check_udf(other, expected)
            yield from check_bridge(other, volume, strict=wanted)
        elif isinstance(volume, UdfVolume) and isinstance(other, IsoVolume):
            yield from check_iso9660(other, file_set_id=expected.file_set_id, strict=False)
            yield from check_bridge(volume, other, strict=wanted)
