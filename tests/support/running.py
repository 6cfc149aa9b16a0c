"""How the tests are run together: what they inherit, and in which order."""

from __future__ import annotations

import signal

import pytest

_FIRST = (
    "tests/interop/test_export_peers.py",
    "tests/interop/test_profiles_dcmmkdir.py",
    "tests/verify/test_bit_flips.py",
    "tests/station/serving/test_serve_kill.py",
    "tests/media/test_planning.py",
)
"""What takes long in one piece: begun last, one worker would do it while the others are idle."""


def pytest_configure() -> None:
    """Let the programs that tests start be interrupted.

    A shell without job control has what it runs in the background ignore
    SIGINT, and that is inherited by all that is started from there.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest; everything else keeps its order."""
    place = {module: number for number, module in enumerate(_FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(_FIRST)))
