"""Outside media as fixtures: made once a session, for whoever asks."""

from __future__ import annotations

import pytest

from tests.support.outside.writers import OutsideMedia


@pytest.fixture(scope="session")
def outside_media(tmp_path_factory: pytest.TempPathFactory) -> OutsideMedia:
    """Good media of every kind; what is spoiled is a copy."""
    return OutsideMedia(tmp_path_factory.mktemp("outside"))
