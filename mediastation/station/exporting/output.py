"""What is written for an export, and whether its name may be taken."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mediastation.errors import ConfigError, MediaError
from mediastation.media.bridge import BridgeImage
from mediastation.media.contract import MediumWriter
from mediastation.media.fat import SHAPES, FatImage, fat_label
from mediastation.media.folder import FolderMedium
from mediastation.media.iso9660 import Iso9660Image, MediumFile
from mediastation.media.mime import MailMedium, MimeMedium
from mediastation.media.mounted import check_mounted
from mediastation.media.secure_mail import MailSealer, SecureMailMedium
from mediastation.media.udf import UdfImage
from mediastation.media.zip_archive import ZipMedium
from mediastation.model.file_id import file_set_id_from
from mediastation.model.finding import Finding, note, warning
from mediastation.model.medium import Format, Medium
from mediastation.model.profile import ApplicationProfile
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.exporting.target import Target
from mediastation.station.recording.made_here import is_made_here
from mediastation.station.station import Station

_STANDARD_IDENTIFIER_AT = 16 * 2048 + 1
"""Where the image of a disc says that it is one (ECMA-119 8.1.2, ECMA-167 2/9.1.2)."""
_DISC_IDENTIFIERS = b"CD001", b"BEA01"
_REPLACED = {form: "image" for form in Format if form.is_disc} | {
    Format.ZIP: "ZIP file with a File-set"
}
"""What may be written over, and what it is called; nothing else is."""
_ZIP_OF_OURS = b"PK\x03\x04", b"DICOMDIR"
"""How a ZIP file begins whose first file, named at byte 30, is a DICOMDIR."""
_YEARS = dict.fromkeys((Format.FAT16, Format.FAT32, Format.ZIP, Format.MAIL), range(1980, 2108))
"""DOS counts years from 1980 in seven bits."""
_LONGEST_NAME_BYTES = 240
"""File systems take 255; `.NAME.part` has to fit as well."""


def require_label(request: ExportRequest) -> None:
    """Raise `ConfigError` where the label that was asked for cannot be written at all."""
    if request.label and not file_set_id_from(request.label):
        raise ConfigError(
            f"The label {request.label!r} holds nothing that a File-set ID can hold.",
            "Use letters A-Z, digits and underscores, at most 16.",
        )


def check_output(
    request: ExportRequest, profile: ApplicationProfile, target: Target
) -> Iterable[Finding]:
    """Say what will be otherwise than asked for, and what is still to be done to conform."""
    written = file_set_id_from(request.label)
    if written != request.label.upper():
        yield note(
            "label",
            request.label,
            f"The label is written as {written}: a File-set ID has at most 16 characters out of "
            "A-Z, 0-9 and _.",
            reference="PS3.10 8.5",
        )
    if request.unsealed:
        yield warning(
            "unsealed",
            profile.name,
            "The files are not sealed: the folder shows what would be, and claims no profile.",
            "Do not hand it out.",
            "PS3.15 D.1",
        )
    elif target.format is Format.FOLDER and os.path.ismount(request.output):
        yield from check_mounted(request.output, _annex_file_systems(target.medium))
    elif target.format is Format.ZIP:
        yield note(
            "zip-mail",
            target.medium.name,
            "The ZIP file is made, the e-mail that carries it is not.",
            "Attach it under the name DICOM.ZIP, and put DICOM-ZIP into the subject.",
            "PS3.11 L.3.2",
        )


def _annex_file_systems(medium: Medium) -> list[str]:
    return [str(form) for form in medium.formats if form.is_fat]


def open_writer(
    medium: Medium,
    form: Format,
    files: Iterable[MediumFile],
    *,
    file_set_id: str,
    file_set_uid: str,
    moment: datetime,
    filled_bytes: int = 0,
    mail_sealer: MailSealer | None = None,
) -> MediumWriter:
    """Plan what comes out; nothing is written yet.

    The same arguments give the same bytes. `filled_bytes` is the device that a
    FAT volume fills; without it, the volume is the smallest that holds `files`.
    An e-mail is signed and encrypted by `mail_sealer`, where there is one; no
    two are the same then.

    Raises
    ------
    RefusedError
        If a name or a size cannot be recorded in this format.
    """
    match form:
        case Format.ISO9660:
            return Iso9660Image(files, volume_id=file_set_id, moment=moment)
        case Format.BRIDGE:
            return BridgeImage(
                files, volume_id=file_set_id, moment=moment, volume_set_seed=file_set_uid
            )
        case Format.FAT16 | Format.FAT32:
            return FatImage(
                files,
                kind=form,
                shape=SHAPES[medium.name],
                volume_label=fat_label(file_set_id),
                moment=moment,
                seed=file_set_uid,
                capacity_bytes=filled_bytes or None,
            )
        case Format.ZIP:
            return ZipMedium(files, moment=moment)
        case Format.MAIL if mail_sealer is not None:
            return SecureMailMedium(
                files, file_set_uid=file_set_uid, moment=moment, sealer=mail_sealer
            )
        case Format.MAIL:
            return MailMedium(files, file_set_uid=file_set_uid, moment=moment)
        case Format.MIME:
            return MimeMedium(files, file_set_uid=file_set_uid, moment=moment)
        case Format.FOLDER:
            return FolderMedium(files)
        case _:
            return UdfImage(
                files,
                revision=form.udf_revision,
                volume_id=file_set_id,
                moment=moment,
                volume_set_seed=file_set_uid,
            )


def require_moment(form: Format, moment: datetime) -> None:
    """Raise `ConfigError` where the medium cannot bear the moment that was asked for."""
    years = _YEARS.get(form)
    if years and moment.astimezone(UTC).year not in years:
        raise ConfigError(
            f"{form.words} cannot bear the year {moment.year}.",
            f"Give a --timestamp from {years[0]} to {years[-1]}, or leave it out.",
        )


def require_output(station: Station, output: Path, form: Format) -> None:
    """Raise where `output` cannot become what comes out, before any work is done for it.

    A link is not replaced: whoever made it did not mean it to go. Nor is a file
    that is something else than what comes out, or that was made elsewhere, which
    a slip of the hand would destroy, nor a folder that holds anything.
    """
    folder = output.absolute().parent
    if len(os.fsencode(output.name)) > _LONGEST_NAME_BYTES:
        raise ConfigError(f"The name {output.name[:40]}… is too long.", "Use a shorter one.")
    if output.is_symlink():
        raise ConfigError(f"{output} is a link.", f"Name the file itself: {output.resolve()}.")
    if not folder.is_dir():
        raise ConfigError(f"The folder {folder} does not exist.", "Make it first.")
    # A medium is written where it is mounted; systems keep the folder above to themselves.
    place = output if not form.is_file and os.path.ismount(output) else folder
    if not os.access(place, os.W_OK | os.X_OK):
        raise MediaError(f"Nothing can be written in the folder {place}.", "Name another one.")
    if form.is_file:
        _require_file_place(station, output, form)
    else:
        _require_folder_place(output)


def _require_file_place(station: Station, output: Path, form: Format) -> None:
    if output.is_dir():
        raise ConfigError(
            f"{output} is a folder.", f"Name the file, such as patient{form.suffix.lower()}."
        )
    if output.exists() and not (output.is_file() and _may_be_replaced(output, form)):
        what = f" and is no {_REPLACED[form]}" if form in _REPLACED else ""
        raise ConfigError(
            f"{output} is there already{what}; it was left as it is.",
            "Name another file, or move this one away.",
        )
    if output.exists() and output.stat().st_size and not is_made_here(station, output):
        raise ConfigError(
            f"{output} exists and was not made here; it was left as it is.",
            "Choose another name, or move it away.",
        )


def _require_folder_place(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise ConfigError(
            f"{output} is a file; what is written here is a folder.",
            "Name a folder that does not exist yet.",
        )
    if os.path.ismount(output):
        check_mounted(output)
        return
    try:
        holds_anything = output.is_dir() and any(output.iterdir())
    except OSError as fault:
        raise MediaError(f"{output}: {fault.strerror}.", "Name another folder.") from fault
    if holds_anything:
        raise ConfigError(
            f"The folder {output} is not empty; it was left as it is.",
            "Name a folder that does not exist yet: nothing is mixed with what is there.",
        )


def _may_be_replaced(output: Path, form: Format) -> bool:
    """Tell whether a slip of the hand would destroy nothing but what this makes itself."""
    try:
        with output.open("rb") as file:
            front = file.read(38)
            if not front:
                return True
            if form is Format.ZIP:
                return (front[:4], front[30:]) == _ZIP_OF_OURS
            if not form.is_disc:
                return False
            file.seek(_STANDARD_IDENTIFIER_AT)
            return file.read(5) in _DISC_IDENTIFIERS
    except OSError as fault:
        raise MediaError(f"{output}: {fault.strerror}.", "Name another file.") from fault
