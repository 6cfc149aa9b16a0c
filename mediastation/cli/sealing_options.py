"""Options of what seals media: recipients, the password, and the sheet that it travels on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediastation.cli.app import path_word
from mediastation.cli.output import Words
from mediastation.cli.secrets import STDIN, read_new_password, read_password
from mediastation.errors import ConfigError
from mediastation.model.secrecy import Password

if TYPE_CHECKING:
    from mediastation.station.exporting.request import ExportRequest
    from mediastation.station.station import Station

RECIPIENT = Annotated[
    list[Path] | None,
    typer.Option(
        parser=path_word,
        metavar="CERT.pem",
        help="Certificate of somebody who opens a sealed medium with a key; repeatable.",
    ),
]
MAKE_PASSWORD = Annotated[
    bool,
    typer.Option(
        "--make-password", help="Make up the password of a sealed medium; --sheet tells it."
    ),
]
SHEET = Annotated[
    Path | None,
    typer.Option(
        parser=path_word,
        metavar="FILE",
        help="Sheet with the password for the recipient, a new .pdf or .html.",
    ),
]


def require_sensible(file: Path | None, *, make: bool, sheet: Path | None, plan: bool) -> None:
    """Raise `ConfigError` where the options contradict each other."""
    if make and file is not None:
        raise ConfigError("--make-password and --password-file do not go together.", "Give one.")
    if make and sheet is None and not plan:
        raise ConfigError(
            "--make-password makes a password that nobody would learn.",
            "Give --sheet FILE.pdf besides; it prints it for the recipient.",
        )


def choose_password(
    words: Words,
    station: Station,
    request: ExportRequest,
    file: Path | None,
    *,
    make: bool,
    sheet: Path | None,
) -> Password | None:
    """Return the password that the medium gets; None where it gets none.

    Where nobody else was named to open it, whoever is at the keyboard is asked.
    """
    from mediastation.station.sealing.plan import is_sealed  # noqa: PLC0415
    from mediastation.station.sealing.recipient_sheet import (  # noqa: PLC0415
        require_off_medium,
        require_sheet_place,
    )

    require_sensible(file, make=make, sheet=sheet, plan=request.plan_only)
    if not is_sealed(request, station.find_profile(request.profile)):
        if make or sheet is not None:
            raise ConfigError(
                f"{request.profile} seals nothing, so there is no password to be told.",
                "Choose a profile with SEC in its name, such as STD-GEN-SEC-USB-JPEG.",
            )
        # A file for what takes no password is told as a mistake by the export itself.
        return read_password(words, file) if file is not None else None
    if sheet is not None:
        require_sheet_place(sheet, request)
    if file is not None and str(file) != STDIN:
        require_off_medium(file, request)
    if make:
        from mediastation.secure.passphrase import make_passphrase, words_for  # noqa: PLC0415

        return Password(make_passphrase(words_for(station.settings.secure.least_bits)))
    if request.recipients or request.plan_only:
        password = read_password(words, file)
    else:
        password = read_new_password(words, file)
    if password is not None:
        from mediastation.secure.passphrase import require_typed_right  # noqa: PLC0415

        password = require_typed_right(password)
    if password is None and sheet is not None and not request.plan_only:
        raise ConfigError(
            "There is no password for the sheet to tell.",
            "Give --make-password, or --password-file FILE.",
        )
    return password
