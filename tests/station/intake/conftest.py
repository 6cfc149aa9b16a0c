"""What imports under test have in common: a station, and a disk that is quick."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog import durable
from mediastation.pages.pen import PrintedPages
from mediastation.station.intake import report_file as import_report_file
from mediastation.station.station import Station


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither power cuts nor print are looked at here."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    monkeypatch.setattr(durable._libc, "syncfs", lambda _handle: 0, raising=False)
    monkeypatch.setattr(
        import_report_file, "render_import_report_pdf", lambda *_: PrintedPages(b"%PDF-")
    )


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose disk may be as full as that of whoever runs this."""
    with Station(tmp_path / "home") as opened:
        opened.settings = opened.settings.model_copy(update={"disk_reserve_bytes": 0})
        yield opened
