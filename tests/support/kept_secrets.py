"""Stands in for a `serve` where a test lets its own worker run: keeps the passwords of jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediastation.station.serving import job_password


class KeptSecrets:
    """The passwords of jobs; `is_there` says whether anybody serves.

    Workers of the jobs in `came_in_vain` have asked before anybody gave one.
    """

    def __init__(self) -> None:
        self.secrets: dict[int, str] = {}
        self.is_there = True
        self.came_in_vain: set[int] = set()

    def ask(self, _home: Path, _word: str, *, job: int, secret: str) -> dict[str, Any] | None:
        """Keep a password."""
        if not self.is_there:
            return None
        self.secrets[job] = secret
        missed = job in self.came_in_vain
        self.came_in_vain.discard(job)
        return {"missed": missed}

    def take(self, _home: Path, job: int) -> str | None:
        """Give a password away, once."""
        return self.secrets.pop(job, None)

    def restart(self) -> None:
        """Forget all, as a `serve` that ends does."""
        self.secrets.clear()

    def put_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let jobs of this process ask here."""
        monkeypatch.setattr(job_password, "ask_serving", self.ask)
        monkeypatch.setattr(job_password, "take_secret", self.take)
