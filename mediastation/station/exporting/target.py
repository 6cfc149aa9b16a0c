"""What an export makes: which medium, in which format, with how much room."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import ConfigError, ProfileError
from mediastation.media.fat import (
    SHAPES,
    VolumeTooSmallError,
    largest_volume_bytes,
    plan_geometry,
)
from mediastation.model.medium import Format, Medium, require_medium
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.station.exporting.request import ExportRequest

_IMAGE_SUFFIXES = frozenset({".img", ".ima", ".dd", ".raw"})
"""By these a path names the image of a stick or card; without one it is a folder."""


@dataclass(frozen=True, slots=True)
class Target:
    """What comes out of an export.

    Parameters
    ----------
    medium : Medium
        What the File-set goes onto.
    format : Format
        What is written for that.
    capacity_bytes : int
        Room for everything, the file system's own structures included.
    claims : str
        The Application Profile that the medium may name; empty where what is
        written is not all that the profile asks for.
    filled_bytes : int
        The device that a FAT volume fills to its end; 0 where the image is as
        small as can be, and for all other formats.
    """

    medium: Medium
    format: Format
    capacity_bytes: int
    claims: str
    filled_bytes: int = 0


def choose_target(request: ExportRequest, profile: ApplicationProfile) -> Target:
    """Return what an export makes.

    Raises
    ------
    ProfileError
        If the profile is not written on the medium that was asked for, or no
        medium of that size or format conforms to it.
    RefusedError
        If no FAT volume is as small as the device.
    ConfigError
        If what is sealed nowhere is to be left unsealed.
    """
    _require_sense(request, profile)
    medium = require_medium(request.medium or profile.media[0])
    if medium.name not in profile.media:
        raise ProfileError(
            f"{profile.name} is not written on {medium.name}.",
            f"Its media are {', '.join(profile.media)}.",
        )
    capacity = request.capacity_bytes or medium.capacity_bytes
    if medium.largest_bytes and capacity > medium.largest_bytes:
        raise ProfileError(
            f"No {medium.description} of {capacity:,} bytes can conform to {profile.name}: Annex "
            f"{medium.annex} of PS3.12 allows {medium.file_system} only, and that ends at "
            f"{medium.largest_bytes:,} bytes.",
            _what_else(medium),
        )
    if request.unsealed:
        return Target(medium, Format.FOLDER, capacity, "")
    form = _format(request, medium)
    if form is Format.FOLDER and not request.capacity_bytes and os.path.ismount(request.output):
        capacity = min(capacity, shutil.disk_usage(request.output).free)
    if not form.is_fat:
        return Target(medium, form, capacity, profile.name)
    filled = filled_bytes(medium, form, request.capacity_bytes)
    if filled:
        plan_geometry(form, SHAPES[medium.name], filled)
    else:
        capacity = min(capacity, largest_volume_bytes(form, SHAPES[medium.name]))
    return Target(medium, form, capacity, profile.name, filled)


def filled_bytes(medium: Medium, form: Format, capacity_bytes: int | None = None) -> int:
    """Return the size of the device that an image fills; 0 if it is as small as can be.

    Sticks and cards come in any size, so theirs is known only where
    `capacity_bytes` was told. MO disks have the size of their annex.
    """
    if not form.is_fat:
        return 0
    return capacity_bytes or (0 if medium.largest_bytes else medium.capacity_bytes)


def _require_sense(request: ExportRequest, profile: ApplicationProfile) -> None:
    if request.unsealed and profile.security is Security.NONE:
        raise ConfigError(
            f"{profile.name} seals nothing, so there is nothing to leave unsealed.",
            "Leave --unsealed out.",
        )


def _format(request: ExportRequest, medium: Medium) -> Format:
    if request.format:
        wanted = Format(request.format)
        if wanted not in medium.formats:
            raise ProfileError(
                f"{medium.description} is not written as {wanted}: Annex {medium.annex} of PS3.12 "
                f"asks for {medium.file_system}.",
                f"Give --format {' or '.join(medium.formats)}, or leave it out.",
            )
        return wanted
    usual = medium.formats[0]
    if usual is Format.FOLDER and _names_an_image(request.output):
        images = medium.formats[1:]
        told = request.capacity_bytes
        # FAT32 begins where small devices end.
        return next((form for form in images if not told or _fills(medium, form, told)), images[-1])
    return usual


def _fills(medium: Medium, form: Format, capacity_bytes: int) -> bool:
    try:
        plan_geometry(form, SHAPES[medium.name], capacity_bytes)
    except VolumeTooSmallError:
        return False
    return True


def _names_an_image(output: Path) -> bool:
    return output.suffix.lower() in _IMAGE_SUFFIXES and not output.is_dir()


def _what_else(medium: Medium) -> str:
    if medium.name == "SD":
        return (
            "Cards of more than 2 GB are SDHC or SDXC, which come with FAT32 or exFAT: use an SD "
            "card of up to 2 GB, or a USB device under its own profile."
        )
    return "Use a smaller one, or a USB device under its own profile."
