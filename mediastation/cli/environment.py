"""MEDIASTATION_PASSWORD: taken out of the environment before anything else is started."""

from __future__ import annotations

import os

_NAME = "MEDIASTATION_PASSWORD"
_taken: list[str] = []


def take_password_out() -> None:
    """Keep the password to ourselves: no program that we start is to inherit it."""
    given = os.environ.pop(_NAME, "")
    _taken[:] = [given] if given else []


def environment_password() -> str:
    """Return what was taken out; empty if there was nothing."""
    return _taken[0] if _taken else ""
