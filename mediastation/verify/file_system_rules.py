"""Which rules a medium's file system is held against: a line for each kind of volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.finding import Finding
from mediastation.model.manifest import Manifest
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import ApplicationProfile
from mediastation.reading.contract import Volume
from mediastation.reading.fat import FatVolume
from mediastation.reading.iso9660 import IsoVolume
from mediastation.verify.annex_f import check_iso9660
from mediastation.verify.fat_rules import check_fat

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


def check_file_system(volume: Volume, expected: Expected) -> Iterator[Finding]:
    """Check the structures and names of `volume` by the rules of its kind.

    The volume's own findings are not repeated. `OSError` passes through where
    the medium cannot be read.
    """
    if isinstance(volume, IsoVolume):
        yield from check_iso9660(
            volume, file_set_id=expected.file_set_id, strict=expected.demands_annex_f
        )
    elif isinstance(volume, FatVolume):
        yield from check_fat(volume, annex=expected.annex, strict=expected.is_fat_of_ours)
