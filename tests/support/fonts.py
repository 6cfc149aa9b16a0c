"""Fonts that tests may use: Debian's fonts-noto-core, and fonts-noto-cjk where it is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mediastation.pages.fonts import FontShelf

NOTO = Path("/usr/share/fonts/truetype/noto")
CJK = Path("/usr/share/fonts/opentype/noto")


def needs_noto() -> None:
    """Skip without fonts-noto-core; fail under ``REQUIRE_PEERS=1``."""
    if not (NOTO / "NotoSansDevanagari-Regular.ttf").exists():
        if os.environ.get("REQUIRE_PEERS") == "1":
            pytest.fail("fonts-noto-core is required and not installed")
        pytest.skip("fonts-noto-core is not installed")


def needs_cjk() -> None:
    """Skip without fonts-noto-cjk, which is large and asked for nowhere."""
    if not (CJK / "NotoSansCJK-Regular.ttc").exists():
        pytest.skip("fonts-noto-cjk is not installed")


def core_fonts() -> FontShelf:
    """Return a shelf of fonts-noto-core and nothing else, whatever is installed."""
    return FontShelf([NOTO])
