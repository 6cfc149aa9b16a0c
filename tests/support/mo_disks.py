"""MO disks of a size that tests can afford."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def small_mo_disks() -> Iterator[None]:
    """Let the image of an MO disk be as small as can be: all of them have 2 GB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mediastation.station.exporting.target.filled_bytes", lambda *_: 0)
        yield
