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
    from mediastation.station.exporting.presets import ReadyPreset
    from mediastation.station.exporting.request import ExportRequest

MOST_COPIES = 99
MAKE, ASK = "make", "ask"
WAYS_TO_PASSWORDS = (MAKE, ASK, "")
"""How a password comes about: made up here, typed twice, or not at all."""
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
    security : Security
        How `profile` seals.
    recipients : tuple of str
        Certificates of those who open what is sealed with a key: paths.
    password : str
        How its password comes about: ``make``, ``ask``, or empty for none. The
        password itself is never here: what stands here is remembered.
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
    security: Security = Security.NONE
    recipients: tuple[str, ...] = ()
    password: str = ""
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
            security=ready.profile.security,
            recipients=tuple(map(str, preset.recipients)),
            password=ready.password,
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
            security=profile.security,
            recipients=self.recipients if profile.security is not Security.NONE else (),
            unsealed=False,
        )
        return changed.with_password(self.password).with_medium(medium)

    def with_password(self, how: str) -> Choices:
        """Return them with a password that comes about so, or in the only way that there is."""
        if self.security is not Security.MEDIA:
            how = ""  # nothing is sealed, or by a mail program, which takes none
        elif not how and not self.recipients:
            how = MAKE
        return replace(self, password=how)

    def with_recipients(self, recipients: Sequence[str]) -> Choices:
        """Return them with those who open it with a key; nobody left means a password."""
        changed = replace(self, preset="", recipients=tuple(recipients))
        return changed.with_password(self.password)

    def with_sealing(self, *, sealed: bool) -> Choices:
        """Return them sealed, or with the files as they are in a folder."""
        form = MEDIA[self.medium].formats[0]
        return replace(
            self,
            preset="",
            unsealed=not sealed,
            output="",
            drive=self.drive if sealed and form.is_disc else "",
        )

    def with_medium(self, medium: str) -> Choices:
        """Return them with another medium, in its usual format."""
        form = MEDIA[medium].formats[0]
        drive = self.drive if form.is_disc and not self.unsealed else ""
        return replace(self, preset="", medium=medium, format=str(form), output="", drive=drive)

    def with_format(self, form: str) -> Choices:
        """Return them with another format of the medium."""
        drive = self.drive if Format(form).is_disc else ""
        return replace(self, preset="", format=form, output="", drive=drive)

    def for_others(self, ready: ReadyPreset | None = None) -> Choices:
        """Return what holds for other patients too: no decision, label, name or path of these.

        Who gets it, and opens it, is whom the preset `ready` names, if any.
        """
        named = replace(self, recipients=tuple(map(str, ready.preset.recipients)) if ready else ())
        return replace(
            named.with_password(self.password),
            label="",
            requested_by="",
            given_to=ready.preset.given_to if ready else "",
            output="",
            confirmed=False,
            several=False,
            drop=False,
            people=(),
        )

    @property
    def is_sealed(self) -> bool:
        """Whether what comes out is encrypted."""
        return self.security is not Security.NONE and not self.unsealed

    @property
    def has_password(self) -> bool:
        """Whether a password opens it."""
        return self.is_sealed and bool(self.password)

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
        from mediastation.station.exporting.request import ExportRequest  # noqa: PLC0415

        return ExportRequest(
            sources=sources,
            profile=self.profile,
            output=output,
            medium=self.medium,
            format="" if self.unsealed else self.format,
            compress=self.compress,
            include=tuple(map(Path, self.include)),
            label=self.label,
            recipients=tuple(map(Path, self.recipients)) if self.is_sealed else (),
            with_password=self.has_password,
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
                 "recipients", "has_password", "unsealed", "confirmed", "several", "drop",
                 "people")  # fmt: skip
        return tuple(getattr(self, name) for name in names)

    def as_dict(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {
            **asdict(self),
            "include": list(self.include),
            "recipients": list(self.recipients),
        }

    @classmethod
    def from_dict(cls, kept: Any, profiles: Mapping[str, ApplicationProfile]) -> Choices | None:
        """Return what `as_dict` gave; None where it does not fit (any more)."""
        if not isinstance(kept, dict):
            return None
        usual = cls()
        values: dict[str, Any] = {}
        for field in fields(cls):
            if field.name == "security":
                continue  # the profile says so, as it is today
            value = kept.get(field.name, getattr(usual, field.name))
            if field.name in {"include", "people", "recipients"}:
                if not isinstance(value, (list, tuple)) or not all(map(_is_text, value)):
                    return None
                value = tuple(value)
            elif type(value) is not type(getattr(usual, field.name)) or len(str(value)) > _LONGEST:
                return None
            values[field.name] = value
        profile = profiles.get(values["profile"])
        if profile is None or values["medium"] not in profile.media:
            return None
        if values["password"] not in WAYS_TO_PASSWORDS:
            return None
        choices = cls(**values, security=profile.security).with_password(values["password"])
        if choices.unsealed and choices.security is Security.NONE:
            return None
        formats = {str(form) for form in MEDIA[choices.medium].formats}
        ok = choices.format in formats and 1 <= choices.copies <= MOST_COPIES
        return choices if ok else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST
