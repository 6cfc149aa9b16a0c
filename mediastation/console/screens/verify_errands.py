"""Verifying media as jobs: who gives what opens a sealed one has its content proved, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.console.screens.giving import give
from mediastation.console.screens.opening_dialog import AskOpening, Opening
from mediastation.console.screens.password_errands import PasswordErrands
from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.station.intake.keys import SealedFor
    from mediastation.station.serving.job_kinds import VerifyRequest
    from mediastation.station.station import Station

Submit = Callable[[list["VerifyRequest"]], Awaitable[Sequence[int | None]]]
"""Queues requests and tells of it; returns the job of each, None for one that was refused."""


class VerifyErrands(PasswordErrands):
    """Queues the reread of media; of sealed ones it is asked first what opens them."""

    async def verify_media(self, media: Sequence[Path], submit: Submit) -> None:
        """Queue the reread of `media`; a sealed one may have what is in it proved besides."""
        from mediastation.station.serving.job_kinds import VerifyRequest  # noqa: PLC0415

        sealed = await self._sealed_of(media)
        if self.desk.is_closing:
            return
        if not sealed:
            await submit([VerifyRequest(medium) for medium in media])
            return
        first = next(iter(sealed))
        takes_password = any(one.takes_password for one in sealed.values())
        self.app.push_screen(
            AskOpening(
                f"{first.name or first} is sealed for {sealed[first].told}.",
                "With what opens it, what is in it is proved, too."
                + ("" if takes_password else " No password opens it: a private key does."),
                self.slip,
                takes_key=True,
                takes_password=takes_password,
                without="the sealed files alone are verified",
            ),
            partial(self._verify_given, media, sealed, submit),
        )

    async def _sealed_of(self, media: Sequence[Path]) -> dict[Path, SealedFor]:
        """Return those of `media` that are sealed, as far as can be told now."""
        try:
            return await self.desk.work(f"looking at {media[0]}", _look, tuple(media))
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return {}

    def _verify_given(
        self,
        media: Sequence[Path],
        sealed: Mapping[Path, SealedFor],
        submit: Submit,
        given: Opening | None,
    ) -> None:
        if given is not None:
            self.in_background(partial(self._verify_with, media, sealed, submit, given), "errand")

    async def _verify_with(
        self,
        media: Sequence[Path],
        sealed: Mapping[Path, SealedFor],
        submit: Submit,
        given: Opening,
    ) -> None:
        from mediastation.station.serving.job_kinds import VerifyRequest  # noqa: PLC0415

        password = given.password or given.key_password
        keys = (given.key,) if given.key is not None else ()
        requests = [
            VerifyRequest(medium, key=keys, with_password=password is not None)
            if medium in sealed
            else VerifyRequest(medium)
            for medium in media
        ]
        for job, request in zip(await submit(requests), requests, strict=True):
            if job is not None and request.with_password:
                await give(self, job, password)


def _look(station: Station, media: tuple[Path, ...]) -> dict[Path, SealedFor]:
    """Look at media; a disc in a drive that is busy is left in peace, and counts as plain."""
    from mediastation.station.burning.drive_view import drive_jobs  # noqa: PLC0415
    from mediastation.station.intake.keys import look_for_seal  # noqa: PLC0415
    from mediastation.station.serving.job_kinds import resource_of  # noqa: PLC0415

    busy = {resource for resource, job in drive_jobs(station).items() if job.is_busy}
    found = {}
    for medium in media:
        if resource_of(str(medium)) not in busy and (sealed := look_for_seal(medium)) is not None:
            found[medium] = sealed
    return found
