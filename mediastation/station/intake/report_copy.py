"""The report of an import for whoever wants it, copied from the job's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.catalog.durable import disk_trouble_told, write_bytes_durably
from mediastation.errors import ConfigError

if TYPE_CHECKING:
    from mediastation.station.station import Station

_SHEET = frozenset({".pdf"})
_PAGE = frozenset({".htm", ".html"})
_MOST_BYTES = 64 << 20


def copy_import_report(_: Station, page: Path, target: Path) -> list[Path]:
    """Copy the report that lies as `page`, with its sheet beside it, and return what was written.

    Parameters
    ----------
    page : Path
        ``report.htm`` of an import's folder.
    target : Path
        A folder, which gets both; or a file whose name says which: ``.htm``,
        ``.html`` or ``.pdf``.

    Raises
    ------
    ConfigError
        If the report is not there any more, the name ends in something else, or
        something of that name is there.
    MediaError
        If the disk refuses.
    """
    target = target.absolute()
    if target.is_dir():
        folder = page.parent.name
        pairs = [
            (one, target / f"import-{folder}-{one.name}")
            for one in (page, page.with_suffix(".pdf"))
        ]
    elif target.suffix.lower() in _SHEET:
        pairs = [(page.with_suffix(".pdf"), target)]
    elif target.suffix.lower() in _PAGE:
        pairs = [(page, target)]
    else:
        raise ConfigError(
            f"{target.name} says not what the report is to be.",
            "Name a folder, or a file that ends in .htm or .pdf.",
        )
    for source, path in pairs:
        if path.exists():
            raise ConfigError(f"{path} is there already.", "Choose another name.")
        if not source.is_file() or source.stat().st_size > _MOST_BYTES:
            raise ConfigError(
                f"{source} is not there any more.", "The ledger tells of the import (6)."
            )
    for source, path in pairs:
        with disk_trouble_told(path.parent):
            write_bytes_durably(path, source.read_bytes())
    return [path for _, path in pairs]
