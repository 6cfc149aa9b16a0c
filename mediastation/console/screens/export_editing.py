"""Choosing how an export is made: each row of the choices with the dialog that changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mediastation.console.screens.drive_choice import (
    OTHER,
    drive_choices,
    remember_drive,
    typed_drives,
    wrong_copies,
    wrong_drive,
)
from mediastation.console.screens.export_choosing import NO_DRIVE, ExportChoosing
from mediastation.console.screens.export_words import ENCRYPTED
from mediastation.console.widgets.choose import AskWords, Choice, Choose, Field
from mediastation.errors import MediastationError
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import Role, Security
from mediastation.model.text import size_text
from mediastation.model.transfer_syntax import COMPRESSIONS

_LABEL_LETTERS = 16
_LONGEST_WORDS = 200


class ExportEditing(ExportChoosing):
    """The dialogs of the Export screen; what comes of them goes to `choose`."""

    def dialogs(self) -> dict[str, Callable[[], None]]:
        """Return what opens the dialog of each choice; any other is a line of the disclosure."""
        return {
            "preset": self._edit_preset,
            "profile": self._edit_profile,
            "medium": self._edit_medium,
            "format": self._edit_format,
            "compress": self._edit_compress,
            "label": self._edit_label,
            "output": self._edit_output,
            "drive": self._edit_drive,
            "copies": self._edit_copies,
        }

    def edit(self, name: str) -> None:
        """Open the dialog that changes one of the choices."""
        self.dialogs().get(name, partial(self._edit_disclosure, name))()

    def _pick(
        self, question: str, options: Sequence[Choice], chosen: str, take: Callable[[str], None]
    ) -> None:
        def taken(name: str | None) -> None:
            if name is not None and name != chosen:
                take(name)

        self.app.push_screen(Choose(question, options, chosen), taken)

    # Preset, profile, medium, format, compression

    def _edit_preset(self) -> None:
        options = [
            Choice(
                one.name,
                f"{self.letters.get(one.name, ' ')}  {one.title}",
                f"{one.profile.name} on {one.medium.name}",
            )
            for one in self.presets
        ]
        options += [Choice(name, f"   {name}", why_not=why) for name, why in self.faulty.items()]
        self._pick("Which preset?", options, self.choices.preset, self.take_preset)

    def take_preset(self, name: str) -> None:
        """Choose what a preset stands for."""
        ready = next((one for one in self.presets if one.name == name), None)
        if ready is None:
            return
        self.choose(
            self.choices.with_preset(ready, self.usual_drive(), self.presets),
            f"choice of {ready.title}",
        )
        if not ready.is_burned:
            return
        if not self.choices.drive:
            self.console.tell(
                "No drive is chosen: the image is made, and can be burned later from Jobs."
            )

    def _edit_profile(self) -> None:
        options = []
        for profile in self.profiles.values():
            told = f"{', '.join(profile.media[:2])} · {profile.title}"
            why = profile.retired and "retired: such media are only read"
            if not why and Role.CREATOR not in profile.roles:
                why = "nobody creates media under it"
            if profile.security is not Security.NONE:
                told = f"{ENCRYPTED} · {told}"
            options.append(Choice(profile.name, profile.name, told, why))
        self._pick("Which Application Profile?", options, self.choices.profile, self._profile)

    def _profile(self, name: str) -> None:
        choices = self.choices.with_profile(self.profiles[name])
        self.choose(choices, f"choice of {name}")

    def _edit_medium(self) -> None:
        profile = self.profiles[self.choices.profile]
        options = []
        for name in profile.media:
            medium = MEDIA[name]
            told = f"{medium.description}, {size_text(medium.capacity_bytes)}"
            options.append(Choice(name, name, told))
        self._pick(
            f"Which medium for {profile.name}?", options, self.choices.medium,
            lambda name: self.choose(self.choices.with_medium(name), f"choice of {name}"),
        )  # fmt: skip

    def _edit_format(self) -> None:
        if self.choices.unsealed:
            self.console.tell("What is unsealed is written as a folder.")
            return
        options = [Choice(str(form), form.words) for form in MEDIA[self.choices.medium].formats]
        self._pick(
            f"Which format on {self.choices.medium}?", options, str(self.choices.form),
            lambda name: self.choose(self.choices.with_format(name), f"choice of {name}"),
        )  # fmt: skip

    def _edit_compress(self) -> None:
        allowed = self.profiles[self.choices.profile].all_transfer_syntaxes()
        why = f"{self.choices.profile} does not have it"
        options = [Choice("", "only where needed", "as the images came, where that may go out")]
        options += [
            Choice(word, word, "without loss", "" if uid in allowed else why)
            for word, uid in COMPRESSIONS.items()
        ]
        self._pick(
            "Compress the images?", options, self.choices.compress,
            lambda word: self.choose(
                replace(self.choices, preset="", compress=word), "choice of compression"
            ),
        )  # fmt: skip

    # Words

    def _edit_label(self) -> None:
        field = Field("label", "Label", self.choices.label, "empty: from the patient", _wrong_label)
        told = "Becomes the File-set ID and the name of the volume (PS3.10 8.5)."
        self._ask("What is the label?", [field], told)

    def _edit_disclosure(self, first: str) -> None:
        choices = self.choices
        fields = [
            Field("requested_by", "Who asked for it", choices.requested_by, "e.g. Dr Who, ward 3",
                  _too_long),
            Field("given_to", "Who gets it", choices.given_to, "e.g. the patient", _too_long),
            Field("reason", "For what reason", choices.reason, "e.g. referral", _too_long),
        ]  # fmt: skip
        place = next((at for at, field in enumerate(fields) if field.name == first), 0)
        self._ask(
            "Why do the images go out?", fields[place:] + fields[:place],
            "The ledger keeps it with every medium.",
        )  # fmt: skip

    def _ask(self, question: str, fields: Sequence[Field], told: str) -> None:
        def taken(words: dict[str, str] | None) -> None:
            if words is not None:
                self.choose(replace(self.choices, **words), f"{fields[0].label.lower()}")  # type: ignore[arg-type]

        self.app.push_screen(AskWords(question, fields, told), taken)

    # Where to

    def _edit_output(self) -> None:
        form = self.choices.form
        question = "Write to which file or folder?"
        if form is Format.FOLDER:
            question = "Where is the stick mounted, or which new folder?"
        field = Field("output", "Write to", self.choices.output, "among the station's images",
                      is_path=True)  # fmt: skip

        def taken(words: dict[str, str] | None) -> None:
            if words is not None:
                typed = words["output"]
                path = str(Path(typed).expanduser()) if typed else ""
                self.choose(replace(self.choices, output=path), "where it is written")

        told = "Empty: a folder of its own among the station's images."
        self.app.push_screen(AskWords(question, [field], told), taken)

    def action_drives(self) -> None:
        """Look at the drives, in the background."""
        self.in_background(self._read_drives, "drives", exclusive=True)

    async def _read_drives(self) -> None:
        from mediastation.station.exporting.foresight import drives_here  # noqa: PLC0415

        try:
            self.drives = await self.desk.work("looking at the drives", drives_here)
        except MediastationError as fault:
            self.console.tell_fault(fault)
        if not self.is_shown:
            return
        ready = next((one for one in self.presets if one.name == self.choices.preset), None)
        if ready is not None and ready.is_burned and not self.choices.drive:
            self.choices = replace(self.choices, drive=self.usual_drive())
        self.show_choices()

    def usual_drive(self) -> str:
        """Return the drive that was chosen last, or the only one there is."""
        kept = self.desk.recall("export.drive", "")
        if kept == NO_DRIVE:
            return ""
        if isinstance(kept, str) and (kept in self.known_drives):
            return kept
        return self.drives[0].device if len(self.drives) == 1 else ""

    def _edit_drive(self) -> None:
        options = [
            Choice(NO_DRIVE, "no drive", "make the image only"),
            *drive_choices(self.drives, typed_drives(self.desk)),
        ]
        self._pick("Burn on which drive?", options, self.choices.drive or NO_DRIVE, self._drive)

    def _drive(self, name: str) -> None:
        if name == OTHER:
            field = Field("drive", "Drive", "stdio:", "e.g. /dev/sr0", wrong_drive)
            self.app.push_screen(AskWords("Which drive?", [field]), self._typed_drive)
            return
        drive = "" if name == NO_DRIVE else name
        self.choose(replace(self.choices, drive=drive), "choice of drive")

    def _typed_drive(self, words: dict[str, str] | None) -> None:
        if words is not None:
            remember_drive(self.desk, words["drive"])
            self.choose(replace(self.choices, drive=words["drive"]), "choice of drive")

    def _edit_copies(self) -> None:
        field = Field("copies", "Discs of each", str(self.choices.copies), check=wrong_copies)

        def taken(words: dict[str, str] | None) -> None:
            if words is not None:
                self.choose(replace(self.choices, copies=int(words["copies"])), "copies")

        self.app.push_screen(AskWords("How many discs of each volume?", [field]), taken)


def _wrong_label(label: str) -> str:
    plain = label.upper().replace("_", "A")
    if not label or (plain.isascii() and plain.isalnum() and len(plain) <= _LABEL_LETTERS):
        return ""
    return f"A label has A-Z, 0-9 and _, at most {_LABEL_LETTERS}."


def _too_long(words: str) -> str:
    return f"At most {_LONGEST_WORDS} letters." if len(words) > _LONGEST_WORDS else ""
