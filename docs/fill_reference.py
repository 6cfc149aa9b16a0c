"""Put the reference of the settings into the administrator's page: ``make reference``."""

from __future__ import annotations

import re
from pathlib import Path

from mediastation.station.settings_view import settings_reference

PAGE = Path(__file__).parent / "administrator.md"
_BETWEEN = re.compile(r"(<!-- settings: .*? -->\n).*?(<!-- end of settings -->)", re.DOTALL)


def with_reference(page: str) -> str:
    """Return `page` with the reference of today between its markers."""
    told = settings_reference()
    filled, number = _BETWEEN.subn(lambda found: f"{found[1]}\n{told}\n\n{found[2]}", page)
    if number != 1:
        raise SystemExit(f"{PAGE} needs its two markers, once.")
    return filled


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
