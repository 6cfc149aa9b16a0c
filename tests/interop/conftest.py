"""One browser for all tests of a session that need one, and who signs and receives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import Browser
from tests.support.certificates import Identity, issue, key_usage


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A running browser; each test loads its page anew."""
    with Browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="session")
def recipient() -> Identity:
    """Somebody whom media are sealed for."""
    return issue("Dr. Recipient", usage=key_usage("key_encipherment"))


@pytest.fixture(scope="session")
def site() -> Identity:
    """The institution that signs."""
    return issue("St. Elsewhere, Radiology", number=1, usage=key_usage("digital_signature"))
