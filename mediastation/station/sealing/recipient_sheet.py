"""The sheet that tells a recipient the password: a file of its own, never on the medium."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mediastation.errors import ConfigError, MediastationError
from mediastation.model.file_id import file_set_id_from
from mediastation.model.finding import Finding, warning
from mediastation.model.secrecy import Password
from mediastation.pages.open_page import OPEN_NAME
from mediastation.station.exporting.request import ExportRequest, VolumeResult
from mediastation.station.sealing.plan import neutral_file_set_id, opens_in_browser
from mediastation.station.sealing.sheet_file import require_sheet_name, write_sheet_file
from mediastation.station.station import Station

FinishSheet = Callable[[Sequence[VolumeResult]], tuple[Finding, ...]]


def require_sheet_place(path: Path, request: ExportRequest) -> None:
    """Raise `ConfigError` where no sheet can be written, or where it would lie on the medium."""
    require_sheet_name(path)
    require_off_medium(path, request)


def require_off_medium(path: Path, request: ExportRequest) -> None:
    """Raise `ConfigError` where a file with the password would go out with the medium.

    It would in the place of the medium, and in a folder that is put onto it.
    """
    place = path.absolute().resolve()
    for taken in (request.output, *request.include):
        if taken.absolute().resolve() in (place, *place.parents):
            raise ConfigError(
                f"{path} would lie on the medium, with the password that opens it.",
                "Name a file elsewhere.",
            )


@contextmanager
def sheet_first(
    station: Station, path: Path, password: Password, request: ExportRequest
) -> Iterator[FinishSheet]:
    """Print the password before anything is sealed with it: no medium may outlive its password.

    Yields
    ------
    callable
        To be called with the volumes that were made: prints the sheet again with
        what names them, and returns what could not be printed. Where it is not
        called and no medium stands, the sheet is removed; what stops a command may
        come when one stands already.

    Raises
    ------
    ConfigError
        If the file cannot be a sheet.
    MediaError
        If the disk fails.
    """
    before = _standing(request.output)
    write_sheet(station, path, password, request)
    is_needed = False

    def finish(volumes: Sequence[VolumeResult]) -> tuple[Finding, ...]:
        nonlocal is_needed
        is_needed = True
        try:
            return write_sheet(station, path, password, request, volumes, instead=True)
        except MediastationError as fault:
            said = f"The sheet tells the password, and not which media it opens: {fault.message}"
            hint = "Write on the sheet what it is for, or print another one."
            return (warning("sheet-without-media", str(path), said, hint),)

    try:
        yield finish
    finally:
        after = None if is_needed else _standing(request.output)
        if after is not None and after == before:
            path.unlink(missing_ok=True)


def _standing(output: Path) -> frozenset[tuple[str, int, int]] | None:
    """Return what lies at `output` and in it; None where that cannot be seen.

    Each by its name, its number in the file system and, for a file, when it was written.
    """
    try:
        if not os.path.lexists(output):
            return frozenset()
        found = [("", output.lstat())]
        if output.is_dir():
            with os.scandir(output) as entries:
                found += [(one.name, one.stat(follow_symlinks=False)) for one in entries]
    except OSError:
        return None
    return frozenset(
        (name, status.st_ino, 0 if stat.S_ISDIR(status.st_mode) else status.st_mtime_ns)
        for name, status in found
    )


def write_sheet(
    station: Station,
    path: Path,
    password: Password,
    request: ExportRequest,
    volumes: Sequence[VolumeResult] = (),
    job: int = 0,
    *,
    instead: bool = False,
) -> tuple[Finding, ...]:
    """Print the password for the recipient of `volumes`, or of what `job` is going to make.

    Nobody but this account may read the file. What could not be printed is returned.
    With `instead`, it takes the place of the sheet that was written before.

    Raises
    ------
    ConfigError
        If the file cannot be a sheet.
    MediaError
        If the disk fails.
    """
    from mediastation.pages.recipient_sheet import (  # noqa: PLC0415 - fonts are slow to load
        RecipientSheetFacts,
        SheetMedium,
    )

    if not instead:
        require_sheet_place(path, request)
    settings = station.settings
    media = [SheetMedium(volume.file_set_uid, volume.file_set_id) for volume in volumes]
    if not media and job:
        named = file_set_id_from(request.label) or neutral_file_set_id(job)
        media = [SheetMedium(file_set_id=named)]
    facts = RecipientSheetFacts(
        created=station.clock.moment(),
        password=password,
        institution=settings.institution,
        contact=tuple(settings.contact),
        media=tuple(media),
        job=job,
        given_to=request.disclosure.given_to,
        open_page=OPEN_NAME if opens_in_browser(settings.secure) else "",
    )
    return write_sheet_file(path, facts, station.home / "templates", instead=instead)
