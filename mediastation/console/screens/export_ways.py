"""The ways of exporting that there are here, and one of them taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.console.screens.export_choices import Choices
from mediastation.model.profile import ApplicationProfile

if TYPE_CHECKING:
    from mediastation.station.exporting.presets import ReadyPreset
    from mediastation.station.exporting.request import ExportRequest
    from mediastation.station.station import Station

Ways = tuple[list["ReadyPreset"], dict[str, str], Mapping[str, ApplicationProfile]]
"""Presets that can be used, why each of the others cannot, and the profiles in force."""


def read_ways(station: Station) -> Ways:
    """Return presets and profiles."""
    from mediastation.station.exporting.presets import ready_presets  # noqa: PLC0415 - not for the paint

    ready, faulty = ready_presets(station)
    return ready, faulty, station.profiles


def submit_export(
    station: Station, choices: Choices, sources: tuple[str, ...]
) -> tuple[int, ExportRequest]:
    """Queue an export; where no output was named it gets a folder of its own.

    Returns
    -------
    tuple of int and ExportRequest
        The job, and what was asked for: without the password, which is given
        to the job apart.
    """
    from mediastation.config import Preset  # noqa: PLC0415
    from mediastation.station.exporting.presets import output_for, require_preset  # noqa: PLC0415
    from mediastation.station.serving.submitting import submit  # noqa: PLC0415

    if choices.output:
        output = Path(choices.output)
    else:
        preset = Preset(profile=choices.profile, medium=choices.medium, format=choices.format)
        ready = require_preset(station, choices.preset or choices.profile, preset)
        output = output_for(station, ready, choices.label or ready.name)
    request = choices.request(sources, output)
    return submit(station, request), request
