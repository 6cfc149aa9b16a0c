"""The sheet that tells a recipient the password: a file of its own, never on the medium."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, write_bytes_durably
from mediastation.errors import ConfigError
from mediastation.model.secrecy import Password
from mediastation.station.export_request import ExportRequest, VolumeResult
from mediastation.station.sealing import neutral_file_set_id
from mediastation.station.station import Station

_PDF, _HTML = ".pdf", ".html"
_MODE = 0o600


def require_sheet_place(path: Path, output: Path) -> None:
    """Raise `ConfigError` where no sheet can be written, or where it would lie on the medium."""
    if path.suffix.lower() not in (_PDF, _HTML):
        raise ConfigError(f"{path} is no name for a sheet.", "Name a .pdf or .html file.")
    if path.exists() or path.is_symlink():
        raise ConfigError(f"{path} is there already.", "Name a new file.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"The folder {path.absolute().parent} does not exist.", "Make it first.")
    place, medium = path.absolute().resolve(), output.absolute().resolve()
    if medium in place.parents:
        raise ConfigError(
            f"{path} would lie on the medium, with the password that opens it.",
            "Name a file elsewhere.",
        )


def write_sheet(
    station: Station,
    path: Path,
    password: Password,
    request: ExportRequest,
    volumes: Sequence[VolumeResult] = (),
    job: int = 0,
) -> None:
    """Print the password for the recipient of `volumes`, or of what `job` is going to make.

    Nobody but this account may read the file.

    Raises
    ------
    ConfigError
        If the file cannot be a sheet.
    MediaError
        If the disk fails.
    """
    from mediastation.pages.recipient_sheet import (  # noqa: PLC0415 - fonts are slow to load
        RecipientSheetFacts,
        render_recipient_sheet,
        render_recipient_sheet_html,
    )

    require_sheet_place(path, request.output)
    settings = station.settings
    names = [volume.file_set_id for volume in volumes]
    if not names and job:
        names = [request.label or neutral_file_set_id(job)]
    facts = RecipientSheetFacts(
        created=station.clock.moment(),
        passphrase=password.octets.decode("ascii"),
        file_set_ids=tuple(names),
        file_set_uids=tuple(volume.file_set_uid for volume in volumes),
        institution=settings.institution,
        contact=tuple(settings.contact),
        given_to=request.disclosure.given_to,
    )
    content = (
        render_recipient_sheet(facts).content
        if path.suffix.lower() == _PDF
        else render_recipient_sheet_html(facts)
    )
    with disk_trouble_told(path):
        write_bytes_durably(path, content, _MODE)
