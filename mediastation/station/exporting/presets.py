"""Presets: from a site's ways of making media to the request of one export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.config import Preset
from mediastation.errors import ConfigError, ProfileError
from mediastation.model.ledger import Disclosure
from mediastation.model.medium import MEDIA, Format, Medium
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.model.transfer_syntax import COMPRESSIONS
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9]+")
_MOST_WORDS = 40


@dataclass(frozen=True, slots=True)
class ReadyPreset:
    """A preset that can be used here.

    Parameters
    ----------
    name : str
        Its name in the file.
    preset : Preset
        What the site wrote.
    profile : ApplicationProfile
        The profile that it names.
    medium : Medium
        Its medium, or the profile's default.
    format : Format
        What is written.
    """

    name: str
    preset: Preset
    profile: ApplicationProfile
    medium: Medium
    format: Format

    @property
    def title(self) -> str:
        """What people read."""
        return self.preset.title or self.name

    @property
    def password(self) -> str:
        """How the password of a sealed medium comes about: ``make``, ``ask``, or empty for none.

        Where nobody was named who could open it, one is made.
        """
        if self.preset.password or self.preset.recipients:
            return self.preset.password
        return "make" if self.profile.security is Security.MEDIA else ""

    @property
    def is_burned(self) -> bool:
        """Whether what comes out is to be burned."""
        return self.preset.burn and self.format.is_disc


def ready_presets(station: Station) -> tuple[list[ReadyPreset], dict[str, str]]:
    """Return the presets that can be used, and why each of the others cannot, by name."""
    ready: list[ReadyPreset] = []
    faulty: dict[str, str] = {}
    for name, preset in station.settings.presets.items():
        try:
            ready.append(require_preset(station, name, preset))
        except ConfigError as fault:
            faulty[name] = f"{fault.message} {fault.hint}".strip()
    return ready, faulty


def require_preset(station: Station, name: str, preset: Preset) -> ReadyPreset:
    """Return a preset with what it names looked up.

    Raises
    ------
    ConfigError
        If it names a profile, medium, format or compression that does not
        exist or does not fit.
    """
    where = f"Correct [presets.{name}] in {station.home / 'config.toml'}."
    try:
        profile = station.find_profile(preset.profile)
    except ProfileError as fault:
        raise ConfigError(f"The preset {name}: {fault.message}", fault.hint or where) from fault
    word = preset.medium or profile.media[0]
    if word not in profile.media:
        raise ConfigError(
            f"The preset {name} wants {word}; {profile.name} goes onto {', '.join(profile.media)}.",
            where,
        )
    medium = MEDIA[word]
    formats = [str(form) for form in medium.formats]
    if preset.format and preset.format not in formats:
        raise ConfigError(
            f"The preset {name} wants the format {preset.format}; {word} has {', '.join(formats)}.",
            where,
        )
    if preset.compress and preset.compress not in COMPRESSIONS:
        raise ConfigError(
            f"The preset {name} wants the compression {preset.compress!r}; there are "
            f"{', '.join(COMPRESSIONS)}.",
            where,
        )
    _require_secrecy(name, preset, profile, where)
    form = Format(preset.format) if preset.format else medium.formats[0]
    return ReadyPreset(name, preset, profile, medium, form)


def _require_secrecy(name: str, preset: Preset, profile: ApplicationProfile, where: str) -> None:
    """Raise `ConfigError` where a preset names who opens what nobody has to, or cannot."""
    if profile.security is Security.NONE and (preset.recipients or preset.password):
        raise ConfigError(
            f"The preset {name} says who opens the medium, and {profile.name} seals nothing.",
            f"{where} A profile with SEC in its name seals.",
        )
    if profile.security is Security.MAIL and preset.password:
        raise ConfigError(
            f"The preset {name} wants a password; {profile.name} is encrypted for certificates, "
            "since mail programs take none.",
            where,
        )


def export_of(
    ready: ReadyPreset,
    sources: Sequence[str],
    output: Path,
    disclosure: Disclosure | None = None,
) -> ExportRequest:
    """Return the export of `sources` that a preset stands for; its password is given apart."""
    preset = ready.preset
    told = disclosure or Disclosure("", preset.given_to, preset.reason)
    return ExportRequest(
        sources=tuple(sources),
        profile=ready.profile.name,
        output=output,
        medium=ready.medium.name,
        format=str(ready.format),
        compress=preset.compress,
        include=preset.include,
        recipients=preset.recipients,
        with_password=bool(ready.password),
        disclosure=told,
    )


def output_for(station: Station, ready: ReadyPreset, words: str) -> Path:
    """Return a place of its own for what an export makes, in the station's folder for images.

    A folder for each export, which is made: how many volumes come out is not
    known yet. Nothing in its name tells the patient.

    Parameters
    ----------
    words : str
        A part of the name; what is no letter or digit of ASCII becomes a dash.
    """
    folder = station.settings.images or station.home / "images"
    stem = _NOT_PLAIN.sub("-", words).strip("-")[:_MOST_WORDS]
    moment = station.clock.moment().strftime("%Y%m%d-%H%M%S")
    with disk_trouble_told(station.home):
        make_private_folder(folder)
        for number in range(1, 1000):
            more = f"-{number}" if number > 1 else ""
            place = folder / f"{moment}-{stem or ready.name}{more}"
            if not place.exists():
                make_private_folder(place)
                return place
    raise ConfigError(f"{folder} is full of exports of this very second.", "Try again.")
