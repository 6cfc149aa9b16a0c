"""Where an export goes: the medium, what is made for it, and whether its name may be taken."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from mediastation.errors import ConfigError, MediaError, ProfileError, SecrecyError
from mediastation.media.contract import MediumWriter
from mediastation.media.folder import FolderMedium
from mediastation.media.iso9660 import Iso9660Image, MediumFile
from mediastation.media.zip_archive import ZipMedium
from mediastation.model.file_id import file_set_id_from
from mediastation.model.finding import Finding, note, warning
from mediastation.model.medium import Medium, Output, require_medium
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.station.export_request import ExportRequest

_STANDARD_IDENTIFIER_AT = 16 * 2048 + 1
"""Where an ISO 9660 image says that it is one (ECMA-119 6.7.1 and 8.1.2)."""
_ZIP_OF_OURS = b"PK\x03\x04", b"DICOMDIR"
"""How a ZIP file begins whose first file, named at byte 30, is a DICOMDIR."""
_LONGEST_NAME_BYTES = 240
"""File systems take 255; `.NAME.part` has to fit as well."""


def choose_medium(request: ExportRequest, profile: ApplicationProfile) -> Medium:
    """Return the medium of an export.

    Raises
    ------
    ProfileError
        If the profile is not written on the one that was asked for.
    SecrecyError
        If the profile wants its files sealed: nothing plain may pass for that.
    """
    if profile.security is not Security.NONE and not request.unsealed:
        raise SecrecyError(
            f"{profile.name} seals every file, and this station cannot seal yet: nothing was "
            "written.",
            "Choose a profile without SEC and protect the medium by other means, or look at the "
            "plain File-set in a folder with --unsealed. That folder must not leave the house.",
        )
    if request.unsealed and profile.security is Security.NONE:
        raise ConfigError(
            f"{profile.name} seals nothing, so there is nothing to leave unsealed.",
            "Leave --unsealed out.",
        )
    if not request.medium:
        return require_medium(profile.media[0])
    medium = require_medium(request.medium)
    if medium.name not in profile.media:
        raise ProfileError(
            f"{profile.name} is not written on {medium.name}.",
            f"Its media are {', '.join(profile.media)}.",
        )
    return medium


def require_label(request: ExportRequest) -> None:
    """Raise `ConfigError` where the label that was asked for cannot be written at all."""
    if request.label and not file_set_id_from(request.label):
        raise ConfigError(
            f"The label {request.label!r} holds nothing that a File-set ID can hold.",
            "Use letters A-Z, digits and underscores, at most 16.",
        )


def output_kind(request: ExportRequest, medium: Medium) -> Output:
    """Return what is made: never an image of what was to be sealed and is not."""
    return Output.PARTS if request.unsealed else medium.output


def claimed_profile(request: ExportRequest, profile: ApplicationProfile, medium: Medium) -> str:
    """Return the profile that the medium may name; empty if what is written is not all of it."""
    return "" if output_kind(request, medium) is Output.PARTS else profile.name


def check_output(
    request: ExportRequest, profile: ApplicationProfile, medium: Medium
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
    elif medium.output is Output.ZIP:
        yield note(
            "zip-mail",
            medium.name,
            "The ZIP file is made, the e-mail that carries it is not.",
            "Attach it under the name DICOM.ZIP, and put DICOM-ZIP into the subject.",
            "PS3.11 L.3.2",
        )
    elif medium.output is Output.PARTS:
        yield warning(
            "medium-format",
            medium.name,
            f"The File-set is written as a folder: this station does not make {medium.file_system} "
            f"for {medium.description}.",
            f"Write what is in the folder to the root of the medium with a program that makes "
            f"{medium.file_system}; only then does it conform to {profile.name}.",
            f"PS3.12 Annex {medium.annex}",
        )


def open_writer(
    request: ExportRequest,
    medium: Medium,
    files: Iterable[MediumFile],
    volume_id: str,
    moment: datetime,
) -> MediumWriter:
    """Plan what comes out; nothing is written yet. Raises `RefusedError` for illegal names."""
    match output_kind(request, medium):
        case Output.IMAGE:
            return Iso9660Image(files, volume_id=volume_id, moment=moment)
        case Output.ZIP:
            return ZipMedium(files, moment=moment)
        case Output.FOLDER | Output.PARTS:
            return FolderMedium(files)


def require_output(output: Path, kind: Output) -> None:
    """Raise where `output` cannot become what comes out, before any work is done for it.

    A link is not replaced: whoever made it did not mean it to go. Nor is a file
    that is something else than what comes out, which a slip of the hand would
    destroy, nor a folder that holds anything.
    """
    folder = output.absolute().parent
    if len(os.fsencode(output.name)) > _LONGEST_NAME_BYTES:
        raise ConfigError(f"The name {output.name[:40]}… is too long.", "Use a shorter one.")
    if output.is_symlink():
        raise ConfigError(f"{output} is a link.", f"Name the file itself: {output.resolve()}.")
    if not folder.is_dir():
        raise ConfigError(f"The folder {folder} does not exist.", "Make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MediaError(f"Nothing can be written in the folder {folder}.", "Name another one.")
    if kind.is_file:
        _require_file_place(output, kind)
    else:
        _require_folder_place(output)


def _require_file_place(output: Path, kind: Output) -> None:
    if output.is_dir():
        hint = "Name the image file, such as patient.iso."
        if kind is Output.ZIP:
            hint = "Name the ZIP file, such as patient.zip."
        raise ConfigError(f"{output} is a folder.", hint)
    if output.exists() and not (output.is_file() and _may_be_replaced(output, kind)):
        what = "image" if kind is Output.IMAGE else "ZIP file with a File-set"
        raise ConfigError(
            f"{output} is there already and is no {what}; it was left as it is.",
            "Name another file, or move this one away.",
        )


def _require_folder_place(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise ConfigError(
            f"{output} is a file; what is written here is a folder.",
            "Name a folder that does not exist yet.",
        )
    try:
        holds_anything = output.is_dir() and any(output.iterdir())
    except OSError as fault:
        raise MediaError(f"{output}: {fault.strerror}.", "Name another folder.") from fault
    if holds_anything:
        raise ConfigError(
            f"The folder {output} is not empty; it was left as it is.",
            "Name a folder that does not exist yet: nothing is mixed with what is there.",
        )


def _may_be_replaced(output: Path, kind: Output) -> bool:
    try:
        with output.open("rb") as file:
            if kind is Output.ZIP:
                front = file.read(38)
                return not front or (front[:4], front[30:]) == _ZIP_OF_OURS
            file.seek(_STANDARD_IDENTIFIER_AT)
            return file.read(5) == b"CD001" or file.seek(0, os.SEEK_END) == 0
    except OSError as fault:
        raise MediaError(f"{output}: {fault.strerror}.", "Name another file.") from fault
