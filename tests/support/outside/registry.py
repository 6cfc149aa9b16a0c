"""All damages: importing this enters them."""

from __future__ import annotations

from tests.support.outside import (  # noqa: F401 - each enters its own
    container_damage,
    directory_damage,
    file_damage,
    medium_damage,
)
from tests.support.outside.damage import DAMAGES, Damage, Kind

__all__ = ["ALL", "OF_MEDIA", "OF_TREES", "Damage", "Kind"]

ALL: tuple[Damage, ...] = tuple(DAMAGES.values())
OF_TREES = tuple(damage for damage in ALL if damage.apply is not None)
"""Of directories and files: any medium may have them."""
OF_MEDIA = tuple(damage for damage in ALL if damage.make is not None)
