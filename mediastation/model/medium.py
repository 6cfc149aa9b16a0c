"""Media that an image is made for: what fits, and in which file system (PS3.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mediastation.errors import ConfigError


class Output(StrEnum):
    """What the station makes for a medium."""

    IMAGE = "image"
    """An image, to be burned sector by sector."""
    FOLDER = "folder"
    """The files as they are copied onto the mounted medium."""
    ZIP = "zip"
    """A ZIP file, to be sent or copied as it is."""
    PARTS = "parts"
    """The files alone: what turns them into the medium is not made here."""

    @property
    def is_file(self) -> bool:
        """Whether it is one file; a folder otherwise."""
        return self in {Output.IMAGE, Output.ZIP}


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
        The file system that the annex asks for.
    output : Output
        What an export writes for it.
    """

    name: str
    annex: str
    description: str
    capacity_sectors: int
    sector_bytes: int
    file_system: str
    output: Output = Output.PARTS

    @property
    def capacity_bytes(self) -> int:
        """User data that the whole medium holds."""
        return self.capacity_sectors * self.sector_bytes


_ISO9660_LEVEL_1 = "ISO 9660 Level 1"
_UDF_OR_ISO = "UDF 1.02 to 2.01, ISO 9660, or both"
_FAT = "FAT16 or FAT32"
_FAT16 = "FAT16"

# PS3.12 2024c, F.2.1.1 (note) names 74 and 80 minutes of CD-R. A second holds
# 75 sectors, and a Mode 1 or Mode 2 Form 1 sector 2048 bytes of user data. The
# other capacities are those of the industry; the standard names none. Cards and
# sticks come in any size: theirs is the largest that their file system holds.
_ALL = (
    Medium("CD-74", "F", "CD-R, 74 minutes", 74 * 60 * 75, 2048, _ISO9660_LEVEL_1, Output.IMAGE),
    Medium("CD-80", "F", "CD-R, 80 minutes", 80 * 60 * 75, 2048, _ISO9660_LEVEL_1, Output.IMAGE),
    Medium("DVD-R", "P", "DVD-R", 2_298_496, 2048, _UDF_OR_ISO, Output.IMAGE),
    Medium("DVD+R", "P", "DVD+R", 2_295_104, 2048, _UDF_OR_ISO, Output.IMAGE),
    Medium("DVD-RW", "P", "DVD-RW", 2_298_496, 2048, _UDF_OR_ISO, Output.IMAGE),
    Medium("DVD+RW", "P", "DVD+RW", 2_295_104, 2048, _UDF_OR_ISO, Output.IMAGE),
    Medium("DVD-R-DL", "P", "DVD-R, dual layer", 4_171_712, 2048, _UDF_OR_ISO, Output.IMAGE),
    Medium("DVD+R-DL", "P", "DVD+R, dual layer", 4_173_824, 2048, _UDF_OR_ISO, Output.IMAGE),
    Medium("DVD-RAM", "J", "DVD-RAM, one side", 2_236_704, 2048, "UDF 1.50"),
    Medium("BD-R-25", "X", "BD-R, 25 GB", 12_219_392, 2048, "UDF 2.60"),
    Medium("BD-R-50", "X", "BD-R, 50 GB", 24_438_784, 2048, "UDF 2.60"),
    Medium("BD-R-100", "X", "BD-R XL, 100 GB", 48_878_592, 2048, "UDF 2.60"),
    Medium("BD-RE-25", "X", "BD-RE, 25 GB", 12_219_392, 2048, "UDF 2.50"),
    Medium("BD-RE-50", "X", "BD-RE, 50 GB", 24_438_784, 2048, "UDF 2.50"),
    Medium("BD-RE-100", "X", "BD-RE XL, 100 GB", 48_878_592, 2048, "UDF 2.50"),
    Medium("MOD41", "M", "130 mm MO disk, 4.1 GB, one side", 4_000_000, 512, _FAT16),
    Medium("MOD23", "Q", "90 mm MO disk, 2.3 GB", 1_000_000, 2048, _FAT16),
    Medium("USB", "R", "USB device", 1 << 32, 512, _FAT, Output.FOLDER),
    Medium("CF", "S", "CompactFlash card", 1 << 32, 512, _FAT, Output.FOLDER),
    Medium("MMC", "T", "MultiMediaCard", 1 << 22, 512, _FAT16, Output.FOLDER),
    Medium("SD", "U", "SD card", 1 << 22, 512, _FAT16, Output.FOLDER),
    Medium("ZIP", "V", "ZIP file", 1 << 32, 512, "ZIP", Output.ZIP),
    Medium("MAIL", "W", "ZIP file in an e-mail", 1 << 22, 512, "ZIP"),
    Medium("MIME", "K", "DICOM MIME entity", 1 << 22, 512, "MIME"),
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
