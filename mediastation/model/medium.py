"""Media that an image is made for: what fits, and in which file system (PS3.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mediastation.errors import ConfigError


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
    """

    name: str
    annex: str
    description: str
    capacity_sectors: int
    sector_bytes: int
    file_system: str

    @property
    def capacity_bytes(self) -> int:
        """User data that the whole medium holds."""
        return self.capacity_sectors * self.sector_bytes


_ISO9660_LEVEL_1 = "ISO 9660 Level 1"

# PS3.12 2024c, F.2.1.1 (note) names 74 and 80 minutes. A second holds 75
# sectors, and a Mode 1 or Mode 2 Form 1 sector 2048 bytes of user data.
_ALL = (
    Medium("CD-74", "F", "CD-R, 74 minutes", 74 * 60 * 75, 2048, _ISO9660_LEVEL_1),
    Medium("CD-80", "F", "CD-R, 80 minutes", 80 * 60 * 75, 2048, _ISO9660_LEVEL_1),
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
