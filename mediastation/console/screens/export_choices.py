"""What an operator has chosen for an export: preset, profile, medium, who gets it, where to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediastation.model.ledger import Disclosure
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import ApplicationProfile, Security

if TYPE_CHECKING:
    from mediastation.station.export_request import ExportRequest
    from mediastation.station.presets import ReadyPreset

MOST_COPIES = 99
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Choices:
    """One way of exporting; empty texts stand for what is usual.

    Parameters
    ----------
    preset : str
        Name of the preset that it began with; empty once something else was chosen.
    profile, medium, format, compress : str
        As the commands call them.
    include : tuple of str
        Folders of the site's that go onto every volume.
    label : str
        Becomes the File-set ID; empty to take it from the patient.
    requested_by, given_to, reason : str
        What the ledger is told.
    output : str
        A path; empty for a folder of its own among the station's images.
    drive : str
        What burns it; empty for none.
    copies : int
        Discs of each volume.
    unsealed : bool
        Whether a secure profile is only looked at, in a folder.
    confirmed, several, drop : bool
        What somebody has decided about this very selection.
    """

    preset: str = ""
    profile: str = ""
    medium: str = ""
    format: str = ""
    compress: str = ""
    include: tuple[str, ...] = ()
    label: str = ""
    requested_by: str = ""
    given_to: str = ""
    reason: str = ""
    output: str = ""
    drive: str = ""
    copies: int = 1
    unsealed: bool = False
    confirmed: bool = False
    several: bool = False
    drop: bool = False
    people: tuple[str, ...] = ()

    def with_preset(
        self, ready: ReadyPreset, drive: str, others: Sequence[ReadyPreset] = ()
    ) -> Choices:
        """Return what a preset stands for; `drive` burns where it says so.

        Words that somebody typed stay; those of `others`, from which this one
        takes over, do not.
        """
        preset = ready.preset
        given_to = "" if self.given_to in {o.preset.given_to for o in others} else self.given_to
        reason = "" if self.reason in {other.preset.reason for other in others} else self.reason
        return replace(
            self,
            preset=ready.name,
            profile=ready.profile.name,
            medium=ready.medium.name,
            format=str(ready.format),
            compress=preset.compress,
            include=tuple(map(str, preset.include)),
            given_to=given_to or preset.given_to,
            reason=reason or preset.reason,
            output="",
            drive=drive if ready.is_burned else "",
            copies=preset.copies,
            unsealed=False,
            drop=False,
        )

    def with_profile(self, profile: ApplicationProfile) -> Choices:
        """Return them with another profile, and with what that one is usually written on."""
        medium = self.medium if self.medium in profile.media else profile.media[0]
        changed = replace(
            self,
            preset="",
            profile=profile.name,
            compress="",
            include=(),
            drop=False,
            unsealed=profile.security is not Security.NONE,
        )
        return changed.with_medium(medium)

    def with_medium(self, medium: str) -> Choices:
        """Return them with another medium, in its usual format."""
        form = MEDIA[medium].formats[0]
        drive = self.drive if form.is_disc and not self.unsealed else ""
        return replace(self, preset="", medium=medium, format=str(form), output="", drive=drive)

    def with_format(self, form: str) -> Choices:
        """Return them with another format of the medium."""
        drive = self.drive if Format(form).is_disc else ""
        return replace(self, preset="", format=form, output="", drive=drive)

    def for_others(self) -> Choices:
        """Return what holds for other patients too: no decision, label, name or path of these."""
        return replace(
            self,
            label="",
            requested_by="",
            given_to="",
            output="",
            confirmed=False,
            several=False,
            drop=False,
            people=(),
        )

    @property
    def form(self) -> Format:
        """What is written."""
        if self.unsealed:
            return Format.FOLDER
        return Format(self.format) if self.format else MEDIA[self.medium].formats[0]

    @property
    def is_burned(self) -> bool:
        """Whether discs are burned of what comes out."""
        return bool(self.drive) and self.form.is_disc

    def request(self, sources: tuple[str, ...], output: Path) -> ExportRequest:
        """Return the export of `sources` to `output`."""
        from mediastation.station.export_request import ExportRequest  # noqa: PLC0415

        return ExportRequest(
            sources=sources,
            profile=self.profile,
            output=output,
            medium=self.medium,
            format="" if self.unsealed else self.format,
            compress=self.compress,
            include=tuple(map(Path, self.include)),
            label=self.label,
            unsealed=self.unsealed,
            confirm_identity=self.confirmed,
            several_patients=self.several,
            people=self.people,
            drop_refused=self.drop,
            disclosure=Disclosure(self.requested_by, self.given_to, self.reason),
            burn_on=self.drive if self.is_burned else "",
            burn_copies=self.copies,
        )

    @property
    def planned_by(self) -> tuple[Any, ...]:
        """What a plan depends on; the rest may change without a new one."""
        names = ("profile", "medium", "format", "compress", "include", "label", "output",
                 "unsealed", "confirmed", "several", "drop", "people")  # fmt: skip
        return tuple(getattr(self, name) for name in names)

    def as_dict(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {**asdict(self), "include": list(self.include)}

    @classmethod
    def from_dict(cls, kept: Any, profiles: Mapping[str, ApplicationProfile]) -> Choices | None:
        """Return what `as_dict` gave; None where it does not fit (any more)."""
        if not isinstance(kept, dict):
            return None
        usual = cls()
        values: dict[str, Any] = {}
        for field in fields(cls):
            value = kept.get(field.name, getattr(usual, field.name))
            if field.name in {"include", "people"}:
                if not isinstance(value, (list, tuple)) or not all(map(_is_text, value)):
                    return None
                value = tuple(value)
            elif type(value) is not type(getattr(usual, field.name)) or len(str(value)) > _LONGEST:
                return None
            values[field.name] = value
        choices = cls(**values)
        profile = profiles.get(choices.profile)
        if profile is None or choices.medium not in profile.media:
            return None
        formats = {str(form) for form in MEDIA[choices.medium].formats}
        ok = choices.format in formats and 1 <= choices.copies <= MOST_COPIES
        return choices if ok else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST
