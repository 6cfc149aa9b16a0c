"""What is done with the drive under the cursor; what destroys or goes out names the patients."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediastation.burn.drive import SECTOR_BYTES, DiscStatus, is_stdio, path_of
from mediastation.console.screens.drive_choice import wrong_copies
from mediastation.console.screens.drive_words import people_of
from mediastation.console.screens.verify_errands import VerifyErrands
from mediastation.console.widgets.choose import AskWords, Choice, Choose, Field
from mediastation.console.widgets.dialogs import AskPath, Confirm
from mediastation.console.words import name_text, number_text
from mediastation.errors import MediastationError
from mediastation.model.job import JobRecord, JobState
from mediastation.model.text import size_text

if TYPE_CHECKING:
    from mediastation.station.burning.drive_view import Burnable, DriveJob, DriveView
    from mediastation.station.intake.keys import SealedFor
    from mediastation.station.job_facts import Output
    from mediastation.station.serving.job_kinds import Request, VerifyRequest
    from mediastation.station.station import Station

_OTHER = "other"
_UNKNOWN = "nobody knows whose: it is no File-set that can be read"
_SPOILING = ("burn", "blank")


class DriveErrands(VerifyErrands):
    """The actions of the Drives screen; which drive they are about comes from `current`."""

    def __init__(self) -> None:
        super().__init__()
        self.drives_in_use = asyncio.Lock()
        """Held while drives are looked at: a job that began just then would find them busy."""

    @property
    @abstractmethod
    def current(self) -> DriveView | None:
        """The drive under the cursor."""

    @property
    @abstractmethod
    def job(self) -> DriveJob | None:
        """Its job."""

    @abstractmethod
    def read_drives(self) -> None:
        """Look at the drives in the background."""

    def _free_drive(self, *, with_disc: bool = True) -> DriveView | None:
        """Return the drive under the cursor if something can be done there; say so if not."""
        view, job = self.current, self.job
        if view is None:
            self.console.tell("There is no drive. Connect one and press r, or a adds a file.")
            return None
        device = view.drive.device
        if job is not None and job.is_busy:
            self.console.tell(
                f"{device} is busy with job {job.record.id}. Wait until it is done, or cancel it "
                "in Jobs (Enter goes there)."
            )
            return None
        if view.drive.trouble:
            self.console.tell(f"{device}: {view.drive.trouble} Then press r.", grave=True)
            return None
        if with_disc and view.disc.status is DiscStatus.NONE:
            self.console.tell(f"There is no disc in {device}. Put one in, then press r.")
            return None
        return view

    # Verify, eject

    def action_verify(self) -> None:
        """Reread the disc as a job."""
        view = self._free_drive()
        if view is None:
            return
        if view.disc.status is DiscStatus.BLANK:
            self.console.tell(f"The disc in {view.drive.device} is blank: nothing to verify.")
            return
        self.run_worker(self._verify(view), group="errand")

    async def _verify(self, view: DriveView) -> None:
        await self.verify_media([path_of(view.drive.device)], self._submit_all)

    async def _sealed_of(self, media: Sequence[Path]) -> dict[Path, SealedFor]:
        async with self.drives_in_use:
            return await super()._sealed_of(media)

    async def _submit_all(self, requests: list[VerifyRequest]) -> list[int | None]:
        return [await self._submit(request) for request in requests]

    def action_eject(self) -> None:
        """Put the disc out."""
        view = self._free_drive(with_disc=False)
        if view is None:
            return
        if is_stdio(view.drive.device):
            self.console.tell("A file has no tray. w makes it blank, d takes it off the list.")
            return
        self.run_worker(self._eject(view.drive.device), group="errand", exclusive=True)

    async def _eject(self, device: str) -> None:
        from mediastation.station.burning.drives import eject  # noqa: PLC0415

        try:
            async with self.drives_in_use:
                await self.desk.work(f"opening {device}", eject, device, self.desk.engine)
        except MediastationError as fault:
            self.console.tell_fault(fault)
        else:
            self.console.tell(f"{device} is open.")
        self.read_drives()

    # Wipe

    def action_wipe(self, whole: bool) -> None:
        """Make the disc blank: first shows what lies on it now, then asks."""
        view = self._free_drive()
        if view is None:
            return
        if not view.disc.is_rewritable:
            self.console.tell(
                f"The {view.disc.kind or 'disc'} in {view.drive.device} can be written only once. "
                "Destroy it if nobody needs it any more; put a new blank in to burn."
            )
            return
        self.run_worker(self._ask_wipe(view.drive.device, whole), group="errand", exclusive=True)

    async def _ask_wipe(self, device: str, whole: bool) -> None:
        view = await self._look_at(device)
        if view is None:
            return
        if view.disc.status is DiscStatus.BLANK and not whole:
            self.console.tell(f"The disc in {device} is blank already. b burns an image onto it.")
            return
        lines = tuple(view.content.lines) if view.content else ()
        made = f" It was made here by job {view.made_by}." if view.made_by else ""
        took = "Every sector is written, which takes long." if whole else ""
        holds = f"On it: {'; '.join(lines)}." if lines else "It is blank."
        self.app.push_screen(
            Confirm(
                f"Make the {view.disc.kind} in {device} blank?",
                people_of(view.content) or ([_UNKNOWN] if lines else []),
                f"{holds}{made} All of it is lost; this cannot be taken back. {took}".strip(),
                yes="Wipe",
                no="Keep",
            ),
            partial(self._wipe, device, lines, whole),
        )

    def _wipe(self, device: str, lines: tuple[str, ...], whole: bool, sure: bool | None) -> None:
        from mediastation.station.serving.job_kinds import BlankRequest  # noqa: PLC0415

        if sure:
            self.run_worker(self._submit(BlankRequest(device, lines, whole)), group="errand")

    async def _look_at(self, device: str) -> DriveView | None:
        from mediastation.station.burning.drive_view import look_at_drive  # noqa: PLC0415

        async with self.drives_in_use:
            return await self.ask(look_at_drive, device, self.desk.engine)

    # Burn

    def action_burn(self) -> None:
        """Burn an image: asks which one, how often, then for a yes."""
        view = self._free_drive(with_disc=False)
        if view is not None:
            self.run_worker(self._choose_image(view.drive.device), group="errand", exclusive=True)

    async def _choose_image(self, device: str) -> None:
        from mediastation.station.burning.drive_view import recent_images  # noqa: PLC0415

        images = await self.ask(recent_images)
        if images is None:
            return
        choices = [
            Choice(
                str(number),
                f"Job {record.id}: {image.path.name}",
                " · ".join(filter(None, (", ".join(map(name_text, people)), image.file_set_id,
                                         size_text(image.size_bytes)))),
            )
            for number, (record, image, people) in enumerate(images)
        ]  # fmt: skip
        choices.append(Choice(_OTHER, "another …", "type the path of an image"))
        self.app.push_screen(
            Choose(f"Burn which image on {device}?", choices),
            partial(self._take_image, device, images),
        )

    def _take_image(
        self,
        device: str,
        images: list[tuple[JobRecord, Output, tuple[str, ...]]],
        chosen: str | None,
    ) -> None:
        if chosen == _OTHER:
            self.app.push_screen(
                AskPath("Which image is to be burned?"),
                lambda path: self._begin_burn(device, Path(path), None) if path else None,
            )
        elif chosen is not None:
            record, image, _ = images[int(chosen)]
            self._begin_burn(device, image.path, record)

    def _begin_burn(self, device: str, path: Path, record: JobRecord | None) -> None:
        self.run_worker(self._ask_copies(device, path, record), group="errand", exclusive=True)

    async def _ask_copies(self, device: str, path: Path, record: JobRecord | None) -> None:
        from mediastation.station.burning.drive_view import read_burnable  # noqa: PLC0415

        image = await self.ask(read_burnable, path, record)
        if image is None:
            return
        speeds = self.current.disc.speeds if self.current else ()
        offered = f"empty for the fastest; {', '.join(one.words for one in speeds)}"
        self.app.push_screen(
            AskWords(
                f"Burn {path.name} on {device}",
                [
                    Field("copies", "Copies", "1", check=wrong_copies),
                    Field("speed", "Speed", "", offered.rstrip("; "), wrong_speed),
                ],
            ),
            lambda words: self._ask_burn(device, image, words) if words else None,
        )

    def _ask_burn(self, device: str, image: Burnable, words: dict[str, str]) -> None:
        copies = int(words["copies"])
        speed = float(words["speed"].rstrip("xX") or 0)
        view = self.current
        lies = ""
        if view is not None and view.drive.device == device:
            lies = _lies(view, image)
        told = f"{image.path}, {size_text(image.size_bytes)}. {lies}"
        given = image.disclosure.given_to
        told += f" For {given}." if given else ""
        self.app.push_screen(
            Confirm(
                f"Burn {number_text(copies, 'disc')} on {device}?",
                people_of(image.content) or [_UNKNOWN],
                told,
                yes="Burn",
                no="Not now",
            ),
            partial(self._burn, device, image, copies, speed),
        )

    def _burn(
        self, device: str, image: Burnable, copies: int, speed: float, sure: bool | None
    ) -> None:
        from mediastation.station.burning.request import BurnRequest  # noqa: PLC0415

        if sure:
            request = BurnRequest(
                image.path,
                (device,),
                speed,
                copies,
                disclosure=image.disclosure,
                image_sha256=image.image_sha256,
            )
            self.run_worker(self._submit(request), group="errand")

    # Jobs

    async def _submit(self, request: Request) -> int | None:
        from mediastation.station.serving.submitting import submit  # noqa: PLC0415

        async with self.drives_in_use:
            number = await self.ask(submit, request)
        if number is None:
            return None
        status = self.console.status
        if status is not None and not status.is_served:
            self.console.tell(
                f"Job {number} is queued, and nobody works on jobs now: start that in Network "
                "(5, s).",
                grave=True,
            )
        else:
            self.console.tell(f"Job {number} is queued. Enter shows it.")
        self.console.can_take_back(f"job {number}", partial(self._take_back, number))
        self.look_again()
        return number

    async def _take_back(self, number: int) -> bool:
        """Cancel a job, unless a disc would be spoiled by that."""
        from mediastation.station.serving.submitting import cancel  # noqa: PLC0415

        record = await self.ask(_job, number)
        if record is None:
            return False
        if record.kind in _SPOILING and record.state is JobState.RUNNING:
            self.console.tell(
                f"Job {number} has begun: to stop it spoils the disc. Cancel it in Jobs (3, c) if "
                "that is meant.",
                grave=True,
            )
            return False
        try:
            await self.desk.call(cancel, number)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return False
        self.look_again()
        return True


def wrong_speed(speed: str) -> str:
    """Return what is wrong with a speed, empty if nothing is."""
    try:
        ok = 0 <= float(speed.rstrip("xX") or 0) <= 1000
    except ValueError:
        ok = False
    return "" if ok else "A speed is a number as on the box, such as 8x."


def _lies(view: DriveView, image: Burnable) -> str:
    """Return what lies in the drive that is to take an image, and whether it can."""
    disc = view.disc
    if disc.status is DiscStatus.NONE:
        return "There is no disc in the drive: the job asks for one."
    if disc.status is not DiscStatus.BLANK:
        return f"! A {disc.words} lies in the drive: the job asks for a blank disc."
    if image.size_bytes > disc.free_sectors * SECTOR_BYTES:
        room = size_text(disc.free_sectors * SECTOR_BYTES)
        return f"! The {disc.words} in the drive has {room}: the job asks for a larger one."
    return f"A {disc.words} lies in the drive."


def _job(station: Station, number: int) -> Any:
    return station.jobs.get(number, station.clock.now())
