"""What a job asks a password for: a new one for what it makes, or the one of what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.giving import give
from mediastation.console.screens.new_password_dialog import AskNewPassword
from mediastation.console.screens.opening_dialog import AskOpening, Opening
from mediastation.model.job import JobRecord
from mediastation.model.secrecy import Password

if TYPE_CHECKING:
    from mediastation.model.browsing import StudyRow
    from mediastation.station.sealing.choice import Judgement

SEALING = ("export", "update", "reprint")
"""Kinds of jobs whose password is a new one."""
TAKES_KEY = ("import", "verify")
"""Kinds of jobs that a private key may be named for instead."""


class PasswordErrands(ConsoleScreen):
    """Answers the question of a job for its password."""

    def answer_password(
        self, record: JobRecord, people: Sequence[str], studies: Sequence[StudyRow]
    ) -> None:
        """Ask for the password that `record` waits for, and give it; it moves `studies`."""
        question = record.question
        if question is None:
            return
        if record.kind in SEALING:
            self.app.push_screen(
                AskNewPassword(
                    question.text, partial(self._judge, studies), people[:1], question.hint
                ),
                partial(self._new_given, record.id),
            )
            return
        self.app.push_screen(
            AskOpening(question.text, question.hint, self.slip, takes_key=record.kind in TAKES_KEY),
            partial(self._opening_given, record.id),
        )

    async def _judge(self, studies: Sequence[StudyRow], password: Password) -> Judgement | None:
        from mediastation.station.sealing.choice import judge_password, personal_of  # noqa: PLC0415

        return await self.ask(judge_password, password, personal_of(studies))

    async def slip(self, password: Password) -> str | None:
        """Return what looks mistyped in a password."""
        from mediastation.station.sealing.choice import slip_in  # noqa: PLC0415

        return await self.ask(slip_in, password)

    def _new_given(self, job: int, password: Password | None) -> None:
        if password is not None:
            self.in_background(partial(self.give_opening, job, Opening(password)), "errand")

    def _opening_given(self, job: int, given: Opening | None) -> None:
        if given is not None:
            self.in_background(partial(self.give_opening, job, given), "errand")

    async def give_opening(self, job: int, given: Opening) -> None:
        """Give a waiting job its password, or the key that was named instead."""
        keys = (given.key,) if given.key is not None else ()
        if await give(self, job, given.password or given.key_password, keys):
            self.console.tell(f"Job {job} goes on.")
        self.look_again()
