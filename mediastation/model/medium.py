"""Media that an image is made for: what fits, and in which file system (PS3.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mediastation.errors import ConfigError


class Format(StrEnum):
    """What is written for a medium; the commands use the values as words."""

    ISO9660 = "iso9660"
    """An ISO 9660 Level 1 image."""
    BRIDGE = "bridge"
    """An image with UDF 1.02 and ISO 9660, which share the files (PS3.12 P.1)."""
    UDF_1_02 = "udf-1.02"
    UDF_1_50 = "udf-1.50"
    UDF_2_01 = "udf-2.01"
    UDF_2_50 = "udf-2.50"
    UDF_2_60 = "udf-2.60"
    FAT16 = "fat16"
    FAT32 = "fat32"
    ZIP = "zip"
    """A ZIP file, to be sent or copied as it is."""
    MAIL = "mail"
    """An e-mail that carries a ZIP file (PS3.11 L.3.2)."""
    MIME = "mime"
    """A DICOM MIME entity (PS3.12 K)."""
    FOLDER = "folder"
    """The files themselves, in a folder or on a medium that is mounted."""

    @property
    def is_file(self) -> bool:
        """Whether it is one file; a folder otherwise."""
        return self is not Format.FOLDER

    @property
    def is_disc(self) -> bool:
        """Whether it is the image of a disc, to be burned."""
        return self in {Format.ISO9660, Format.BRIDGE} or bool(self.udf_revision)

    @property
    def is_image(self) -> bool:
        """Whether it is brought onto the medium sector by sector."""
        return self.is_disc or self.is_fat

    @property
    def is_fat(self) -> bool:
        """Whether it is the image of a device or card."""
        return self in {Format.FAT16, Format.FAT32}

    @property
    def udf_revision(self) -> str:
        """The revision of an image that is UDF alone, such as ``"2.50"``; empty otherwise."""
        return self.removeprefix("udf-") if self.startswith("udf-") else ""

    @property
    def words(self) -> str:
        """What a person calls it."""
        if self.udf_revision:
            return f"UDF {self.udf_revision}"
        return _WORDS[self]

    @property
    def suffix(self) -> str:
        """What a name that the station chooses ends in."""
        if self.is_disc:
            return ".ISO"
        return ".IMG" if self.is_fat else _SUFFIXES.get(self, "")


_WORDS = {
    Format.ISO9660: "ISO 9660 Level 1",
    Format.BRIDGE: "UDF 1.02 with ISO 9660",
    Format.FAT16: "FAT16",
    Format.FAT32: "FAT32",
    Format.ZIP: "ZIP",
    Format.MAIL: "e-mail",
    Format.MIME: "MIME entity",
    Format.FOLDER: "folder",
}
_SUFFIXES = {Format.ZIP: ".ZIP", Format.MAIL: ".EML", Format.MIME: ".MIM"}


@dataclass(frozen=True, slots=True)
class Medium:
    """One kind of medium.

    Parameters
    ----------
    name : str
        What the commands call it.
    annex : str
        Annex of PS3.12 that defines it.
    description : str
        What is printed on the box.
    capacity_sectors : int
        Sectors that hold user data.
    sector_bytes : int
        User data in one sector.
    file_system : str
        What the annex asks for, in words.
    formats : tuple of Format
        What may be written for it, the usual one first.
    appendable : bool
        Whether a further session may follow (PS3.12 F.2.2, P.3): where it may
        not, a disc is complete when it was written once.
    largest_bytes : int
        The largest medium of this kind that can conform at all; 0 where size
        does not matter.
    """

    name: str
    annex: str
    description: str
    capacity_sectors: int
    sector_bytes: int
    file_system: str
    formats: tuple[Format, ...]
    appendable: bool = False
    largest_bytes: int = 0

    @property
    def capacity_bytes(self) -> int:
        """User data that the whole medium holds."""
        return self.capacity_sectors * self.sector_bytes


_ISO9660_LEVEL_1 = "ISO 9660 Level 1"
_UDF_OR_ISO = "UDF 1.02 to 2.01, ISO 9660, or both"
_FAT = "FAT16 or FAT32"
_FAT16 = "FAT16"
_FAT16_BYTES = 1 << 31
"""32 KiB are the largest clusters that every system reads: 65,524 of them."""
_FAT32_BYTES = 1 << 41
"""Sectors of 512 bytes have numbers of 32 bits."""

# PS3.12 2024c, F.2.1.1 (note) names 74 and 80 minutes of CD-R. A second holds
# 75 sectors, and a Mode 1 or Mode 2 Form 1 sector 2048 bytes of user data. The
# other capacities are those of the industry; the standard names none. Cards and
# sticks come in any size: theirs is the largest that their file system holds.
# That of what is sent is what many mail servers and gateways let through.


def _cd(minutes: int) -> Medium:
    return Medium(
        f"CD-{minutes}",
        "F",
        f"CD-R, {minutes} minutes",
        minutes * 60 * 75,
        2048,
        _ISO9660_LEVEL_1,
        (Format.ISO9660,),
        appendable=True,
    )


def _dvd(name: str, description: str, sectors: int) -> Medium:
    formats = (
        Format.BRIDGE,
        Format.ISO9660,
        Format.UDF_1_02,
        Format.UDF_1_50,
        Format.UDF_2_01,
    )
    return Medium(name, "P", description, sectors, 2048, _UDF_OR_ISO, formats, appendable=True)


def _bd(name: str, description: str, sectors: int) -> Medium:
    form = Format.UDF_2_50 if name.startswith("BD-RE") else Format.UDF_2_60
    return Medium(name, "X", description, sectors, 2048, f"UDF {form.udf_revision}", (form,))


def _stick(name: str, annex: str, description: str) -> Medium:
    formats = (Format.FOLDER, Format.FAT32, Format.FAT16)
    return Medium(
        name, annex, description, _FAT32_BYTES // 512, 512, _FAT, formats, False, _FAT32_BYTES
    )


def _card(name: str, annex: str, description: str) -> Medium:
    formats = (Format.FOLDER, Format.FAT16)
    return Medium(
        name, annex, description, _FAT16_BYTES // 512, 512, _FAT16, formats, False, _FAT16_BYTES
    )


_ALL = (
    _cd(74),
    _cd(80),
    _dvd("DVD-R", "DVD-R", 2_298_496),
    _dvd("DVD+R", "DVD+R", 2_295_104),
    _dvd("DVD-RW", "DVD-RW", 2_298_496),
    _dvd("DVD+RW", "DVD+RW", 2_295_104),
    _dvd("DVD-R-DL", "DVD-R, dual layer", 4_171_712),
    _dvd("DVD+R-DL", "DVD+R, dual layer", 4_173_824),
    Medium("DVD-RAM", "J", "DVD-RAM, one side", 2_236_704, 2048, "UDF 1.50", (Format.UDF_1_50,)),
    _bd("BD-R-25", "BD-R, 25 GB", 12_219_392),
    _bd("BD-R-50", "BD-R, 50 GB", 24_438_784),
    _bd("BD-R-100", "BD-R XL, 100 GB", 48_878_592),
    _bd("BD-RE-25", "BD-RE, 25 GB", 12_219_392),
    _bd("BD-RE-50", "BD-RE, 50 GB", 24_438_784),
    _bd("BD-RE-100", "BD-RE XL, 100 GB", 48_878_592),
    Medium(
        "MOD41",
        "M",
        "130 mm MO disk, 4.1 GB, one side",
        4_000_000,
        512,
        _FAT16,
        (Format.FAT16, Format.FOLDER),
    ),
    Medium(
        "MOD23",
        "Q",
        "90 mm MO disk, 2.3 GB",
        1_000_000,
        2048,
        _FAT16,
        (Format.FAT16, Format.FOLDER),
    ),
    _stick("USB", "R", "USB device"),
    _stick("CF", "S", "CompactFlash card"),
    _card("MMC", "T", "MultiMediaCard"),
    _card("SD", "U", "SD card"),
    Medium("ZIP", "V", "ZIP file", 1 << 32, 512, "ZIP", (Format.ZIP,)),
    Medium("MAIL", "W", "ZIP file in an e-mail", 1 << 22, 512, "ZIP", (Format.MAIL,)),
    Medium("MIME", "K", "DICOM MIME entity", 1 << 22, 512, "MIME", (Format.MIME,)),
)
MEDIA: Mapping[str, Medium] = MappingProxyType({medium.name: medium for medium in _ALL})


def require_medium(name: str) -> Medium:
    """Return the medium called `name`, in either case.

    Raises
    ------
    ConfigError
        If there is none; the hint lists the names there are.
    """
    medium = MEDIA.get(name.upper())
    if medium is None:
        raise ConfigError(f"no medium is called {name!r}", f"Known media: {', '.join(MEDIA)}.")
    return medium
