"""The media table, typed again from PS3.12 and the arithmetic of a CD."""

from __future__ import annotations

import pytest

from mediastation.errors import ConfigError
from mediastation.model.medium import MEDIA, require_medium


@pytest.mark.parametrize(
    ("name", "sectors", "size_bytes"),
    [("CD-74", 333_000, 681_984_000), ("CD-80", 360_000, 737_280_000)],
)
def test_a_cd_holds_what_its_minutes_say(name: str, sectors: int, size_bytes: int) -> None:
    medium = require_medium(name.lower())

    assert (medium.name, medium.annex) == (name, "F")
    assert (medium.capacity_sectors, medium.capacity_bytes) == (sectors, size_bytes)
    assert medium.file_system == "ISO 9660 Level 1"


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'CD-90'") as raised:
        require_medium("CD-90")

    assert all(name in raised.value.hint for name in MEDIA)
