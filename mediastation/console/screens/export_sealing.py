"""Encrypting an export: who opens it, the password when it starts, and the sheet that tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.console.screens.export_choices import ASK, MAKE
from mediastation.console.screens.export_editing import ExportEditing
from mediastation.console.screens.export_ways import submit_export
from mediastation.console.screens.export_words import patients_of, shortened
from mediastation.console.screens.giving import give
from mediastation.console.screens.handover_dialog import HandOver
from mediastation.console.screens.new_password_dialog import AskNewPassword
from mediastation.console.screens.recipients_dialog import Recipients
from mediastation.console.widgets.choose import Choice
from mediastation.console.widgets.dialogs import Confirm
from mediastation.errors import MediastationError
from mediastation.model.secrecy import Password
from mediastation.station.sealing.choice import (
    judge_password,
    look_at_certificates,
    new_password,
    personal_of,
    put_on_sheet,
    sheet_place,
)

if TYPE_CHECKING:
    from mediastation.station.exporting.request import ExportRequest
    from mediastation.station.sealing.choice import CertificateRow, Judgement

SEAL, LEAVE = "seal", "leave"


class ExportSealing(ExportEditing):
    """The part of the Export screen that encrypts.

    A password is typed or made only when the export starts, and lives no
    longer than the dialog that hands it over: nothing of it stands in what was
    chosen, in the request or in what the console remembers.
    """

    def dialogs(self) -> dict[str, Callable[[], None]]:
        """Return the dialogs of the choices, with those about encryption."""
        return super().dialogs() | {
            "sealed": self.edit_sealed,
            "recipients": self.edit_recipients,
            "password": self.edit_password,
        }

    # Who opens it

    def edit_sealed(self) -> None:
        """Choose whether what a secure profile seals is encrypted, or only looked at."""
        profile = self.choices.profile
        options = [
            Choice(SEAL, "encrypt every file", f"as {profile} says"),
            Choice(LEAVE, "leave it unsealed", "a plain folder, only to look at here"),
        ]
        chosen = LEAVE if self.choices.unsealed else SEAL
        self._pick(f"Encrypt {profile}?", options, chosen, self._sealed)

    def _sealed(self, name: str) -> None:
        sealed = self.choices.with_sealing(sealed=name == SEAL)
        if name == SEAL:
            self.choose(sealed, "leaving it unsealed")
            return

        def sure(yes: bool | None) -> None:
            if yes:
                self.choose(sealed, "encryption")

        self.app.push_screen(
            Confirm(
                f"Write {self.choices.profile} unsealed, only to look at it?",
                (),
                "The files are written into a folder as they are. They must not leave the house.",
                yes="Unsealed folder",
                no="No",
            ),
            sure,
        )

    def edit_recipients(self) -> None:
        """Choose the certificates of those who open it with a key."""

        async def look(paths: Sequence[Path]) -> list[CertificateRow] | None:
            return await self.ask(look_at_certificates, paths)

        def taken(paths: tuple[str, ...] | None) -> None:
            if paths is None or paths == self.choices.recipients:
                return
            before = self.choices
            self.choose(before.with_recipients(paths), "choice of recipients")
            if self.choices.password and not before.password:
                self.console.tell("Nobody's key opens it any more: a password is made.")

        self.app.push_screen(Recipients(self.choices.recipients, look), taken)

    def edit_password(self) -> None:
        """Choose how the password comes about."""
        why = "" if self.choices.recipients else "nobody could open it: name recipients first"
        options = [
            Choice(MAKE, "make one up", "words drawn at random, shown once when it starts"),
            Choice(ASK, "type one", "twice, when it starts"),
            Choice("", "none", "only the recipients' keys open it", why),
        ]
        self._pick(
            "Which password opens it?", options, self.choices.password,
            lambda how: self.choose(self.choices.with_password(how), "choice of password"),
        )  # fmt: skip

    @property
    def nobody_opens(self) -> bool:
        """Whether it would be encrypted for nobody."""
        return self.choices.is_sealed and not (self.choices.has_password or self.choices.recipients)

    # The password, when it starts

    def start(self, asked: object) -> None:
        """Begin the export that was confirmed; `asked` is the plan that it was confirmed for."""
        if self.choices.has_password and self.choices.password == ASK:
            self.app.push_screen(
                AskNewPassword(
                    "Which password opens the medium?",
                    self._judge,
                    shortened(patients_of(self.rows))[:1],
                    "Nothing of the patient may be in it. It is kept in memory until the job "
                    "begins, and written nowhere.",
                ),
                partial(self._typed, asked),
            )
            return
        self.in_background(partial(self._submit, asked, None), "start", exclusive=True)

    def _typed(self, asked: object, password: Password | None) -> None:
        if password is not None:
            self.in_background(partial(self._submit, asked, password), "start", exclusive=True)

    @property
    def _personal(self) -> tuple[str, ...]:
        return personal_of(row.study for row in self.rows if row.study is not None)

    async def _judge(self, password: Password) -> Judgement | None:
        return await self.ask(judge_password, password, self._personal)

    async def _submit(self, asked: object, password: Password | None) -> None:
        choices, sources = self.choices, self.sources
        if not self.is_still(asked):
            return
        is_new = choices.has_password and password is None
        if is_new:
            password = await self.ask(new_password, self._personal)
            if password is None:
                return
        submitted = await self.ask(submit_export, choices, sources)
        if submitted is None:
            return
        job, request = submitted
        if password is not None:
            await give(self, job, password)
        self.console.unmark(sources, f"marks of what went to job {job}")
        self.set_sources((), f"what went to job {job}")
        await self.console.go("jobs", job=job)
        if password is not None:
            self._hand_over(job, request, password, is_new=is_new)

    def _hand_over(
        self, job: int, request: ExportRequest, password: Password, *, is_new: bool
    ) -> None:
        async def write(path: Path) -> str:
            try:
                await self.desk.work(
                    "writing the sheet", put_on_sheet, path, password, request, job
                )
            except MediastationError as fault:
                return f"{fault.message} {fault.hint}".strip()
            return ""

        place = sheet_place(self.desk.station, job)
        self.app.push_screen(HandOver(job, password, write, place, is_new=is_new))
