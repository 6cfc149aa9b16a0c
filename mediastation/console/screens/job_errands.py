"""What is done with the job under the cursor; each step that moves data names the patients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediastation.console.screens.drive_choice import (
    OTHER,
    drive_choices,
    remember_drive,
    typed_drives,
    wrong_copies,
    wrong_drive,
)
from mediastation.console.screens.job_words import people_of_facts, title_of
from mediastation.console.screens.verify_errands import VerifyErrands
from mediastation.console.widgets.choose import AskWords, Choose, Field
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.question import QuestionDialog, people_of
from mediastation.console.words import number_text
from mediastation.errors import MediastationError
from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.ledger import Disclosure

if TYPE_CHECKING:
    from mediastation.station.job_facts import JobFacts, Output
    from mediastation.station.station import Station

RETRIED = (JobState.FAILED, JobState.REFUSED, JobState.CANCELLED, JobState.ABANDONED)
MAKING = ("export", "update", "reprint")
_UNKNOWN = "patient not known here: look at the label"


class JobErrands(VerifyErrands):
    """The actions of the Jobs screen; who they are about comes from `current` and `facts`."""

    @property
    @abstractmethod
    def current(self) -> JobRecord | None:
        """The job under the cursor."""

    @property
    @abstractmethod
    def facts(self) -> JobFacts | None:
        """What it is about."""

    @abstractmethod
    def select(self, job: int) -> None:
        """Put the cursor on a job, as soon as it is there."""

    @property
    def _people(self) -> list[str]:
        return people_of_facts(self.facts) or [_UNKNOWN]

    def _title(self, record: JobRecord) -> str:
        return f"job {record.id} ({title_of(record, self.facts)})"

    def _confirm(
        self, question: str, told: str, yes: str, act: Callable[[], Any], no: str = "Not now"
    ) -> None:
        def answered(sure: bool | None) -> None:
            if sure:
                self.in_background(act, "errand")

        self.app.push_screen(Confirm(question, self._people, told, yes=yes, no=no), answered)

    async def _told(self, done: bool, words: str) -> None:
        if done:
            self.console.tell(words)
        self.look_again()

    # Cancel, retry, priority

    def action_cancel(self) -> None:
        """Ask, naming the patients, then end the job."""
        record = self.current
        if record is None or not record.state.is_open:
            self.console.tell("There is nothing to cancel: this job has ended.")
            return
        told = "What it has not finished is not made. u takes this back."
        if record.kind == "burn" and record.state is JobState.RUNNING:
            told = "The disc that is being written is spoiled by this, and has to be destroyed."
        self._confirm(
            f"Cancel {self._title(record)}?", told, "Cancel it",
            partial(self._cancel, record.id), no="Go on",
        )  # fmt: skip

    async def _cancel(self, job: int) -> None:
        from mediastation.station.serving.submitting import cancel  # noqa: PLC0415

        try:
            await self.desk.call(cancel, job)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        self.console.can_take_back(f"cancel of job {job}", partial(self._retry, job))
        await self._told(True, f"Job {job} is being cancelled.")

    def action_retry(self) -> None:
        """Queue a job again that did not end well."""
        record = self.current
        if record is None or record.state not in RETRIED:
            self.console.tell("Only a job that did not end well is begun again.")
            return
        self._confirm(
            f"Begin {self._title(record)} again?",
            "What it had finished stays; the rest is done.",
            "Begin it",
            partial(self._retry, record.id),
        )

    async def _retry(self, job: int) -> None:
        from mediastation.station.serving.submitting import retry  # noqa: PLC0415

        try:
            await self.desk.call(retry, job)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        await self._told(True, f"Job {job} is queued again.")

    async def action_hurry(self, by: int) -> None:
        """Let a queued job run sooner, or later."""
        record = self.current
        if record is None or record.state is not JobState.QUEUED:
            self.console.tell("Only a job that is queued has a priority to change.")
            return
        before = record.priority
        await self._prioritise(record.id, before + by)
        self.console.can_take_back(
            f"priority of job {record.id}", partial(self._prioritise, record.id, before)
        )

    async def _prioritise(self, job: int, priority: int) -> None:
        from mediastation.station.serving.submitting import HIGHEST, LOWEST, prioritise  # noqa: PLC0415

        wanted = min(max(priority, LOWEST), HIGHEST)
        await self.ask(prioritise, job, wanted)
        self.look_again()

    # Answers

    def action_answer(self) -> None:
        """Show what a waiting job asks, and take the answer."""
        record = self.current
        question = record.question if record else None
        if record is None or record.state is not JobState.WAITING or question is None:
            self.console.tell("This job asks nothing.")
            return
        if question.kind == PASSWORD:
            studies = self.facts.studies if self.facts else ()
            self.answer_password(record, self._people, studies)
            return
        people = [] if people_of(question) else self._people
        dialog = QuestionDialog(question, record.findings, people, can_cancel=True)
        self.app.push_screen(dialog, partial(self._answer, record.id))

    def _answer(self, job: int, word: str | None) -> None:
        if word == "cancel":
            self.action_cancel()
        elif word:
            self.in_background(partial(self._send_answer, job, word), "errand")

    async def _send_answer(self, job: int, word: str) -> None:
        from mediastation.station.serving.submitting import answer  # noqa: PLC0415

        try:
            await self.desk.call(answer, job, word)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        # What an answer sets going can only be stopped, and then asked anew.
        self.console.can_take_back(f"answer to job {job}", partial(self._cancel, job))
        await self._told(True, f"Job {job} goes on.")

    # Burn, verify, reprint

    def action_burn(self) -> None:
        """Burn the images that a job made: asks for drive and copies, then for a yes."""
        from mediastation.station.job_facts import images_to_burn  # noqa: PLC0415

        record = self.current
        images = images_to_burn(record) if record else []
        if record is None or not images:
            self.console.tell("This job has made no image of a disc.")
            return
        work = partial(self._choose_drive, record, images)
        self.in_background(work, "errand", exclusive=True)

    async def _choose_drive(self, record: JobRecord, images: list[Output]) -> None:
        from mediastation.station.exporting.foresight import drives_here  # noqa: PLC0415

        self.console.tell("Looking at the drives …")
        try:
            drives = await self.desk.work("looking at the drives", drives_here)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            drives = []
        if self.desk.is_closing:
            return
        question = f"Burn {number_text(len(images), 'image')} of job {record.id} on which drive?"
        self.app.push_screen(
            Choose(question, drive_choices(drives, typed_drives(self.desk))),
            partial(self._ask_copies, record, images),
        )

    def _ask_copies(self, record: JobRecord, images: list[Output], drive: str | None) -> None:
        if drive is None:
            return
        fields = [Field("copies", "Copies of each", "1", check=wrong_copies)]
        if drive == OTHER:
            fields.insert(0, Field("drive", "Drive", "stdio:", "e.g. /dev/sr0", wrong_drive))
        self.app.push_screen(
            AskWords("How many discs?", fields), partial(self._confirm_burn, record, images, drive)
        )

    def _confirm_burn(
        self, record: JobRecord, images: list[Output], drive: str, words: dict[str, str] | None
    ) -> None:
        if words is None:
            return
        copies = int(words["copies"])
        if drive == OTHER:
            drive = words["drive"]
            remember_drive(self.desk, drive)
        discs = number_text(copies * len(images), "disc")
        self._confirm(
            f"Burn {discs} on {drive}?",
            "Put a blank disc in. " + ", ".join(str(image.path) for image in images),
            "Burn",
            partial(self._burn, record, images, drive, copies),
        )

    async def _burn(self, record: JobRecord, images: list[Output], drive: str, copies: int) -> None:
        from mediastation.station.burning.request import BurnRequest  # noqa: PLC0415

        disclosure = _disclosure(record)
        requests = [
            BurnRequest(
                image.path,
                (drive,),
                copies=copies,
                disclosure=disclosure,
                image_sha256=image.sha256,
            )
            for image in images
        ]
        await self._submit(requests)

    def action_verify(self) -> None:
        """Reread what a job made or burned, as a new job."""
        record = self.current
        media = media_of(record, self.facts) if record else []
        if not media:
            self.console.tell("This job has made nothing that could be verified.")
            return
        self.in_background(partial(self.verify_media, media, self._submit), "errand")

    def action_reprint(self) -> None:
        """Make a job's medium again: asks where to, then for a yes."""
        record = self.current
        if record is None or record.kind not in MAKING or record.state is not JobState.DONE:
            self.console.tell("Only a medium that was made can be made again.")
            return
        outputs = self.facts.outputs if self.facts else ()
        if not outputs:
            self.console.tell("This job has made no medium.")
            return
        fields = [Field("output", "Write to", told="e.g. /path/again.iso", check=_wrong_path,
                        is_path=True)]  # fmt: skip
        if len(outputs) > 1:
            check = partial(_wrong_volume, len(outputs))
            fields.insert(0, Field("volume", "Which volume", "1", f"1 to {len(outputs)}", check))
        self.app.push_screen(
            AskWords(f"Make the medium of job {record.id} again", fields,
                     "The same bytes as before, or the reason why not."),
            partial(self._confirm_reprint, record),
        )  # fmt: skip

    def _confirm_reprint(self, record: JobRecord, words: dict[str, str] | None) -> None:
        if words is None:
            return
        volume = int(words["volume"]) if "volume" in words else None
        output = Path(words["output"]).expanduser()
        self._confirm(
            f"Make the medium of {self._title(record)} again?",
            f"It is written to {output}.",
            "Reprint",
            partial(self._reprint, record, output, volume),
        )

    async def _reprint(self, record: JobRecord, output: Path, volume: int | None) -> None:
        from mediastation.station.serving.job_kinds import ReprintRequest  # noqa: PLC0415

        await self._submit([ReprintRequest(record.id, output, volume, _disclosure(record))])

    async def _submit(self, requests: list[Any]) -> list[int | None]:
        from mediastation.station.serving.submitting import submit  # noqa: PLC0415

        numbers = [await self.ask(submit, request) for request in requests]
        queued = [number for number in numbers if number is not None]
        if queued:
            self.select(queued[0])
            words = ", ".join(map(str, queued))
            await self._told(True, f"Job {words} queued.")
        return numbers

    async def action_report(self) -> None:
        """Say where the files of a job lie: reports, labels, directory; and copy the path."""
        record = self.current
        if record is None:
            return
        found = await self.ask(_job_files, record.id)
        if not found:
            self.console.tell(f"Job {record.id} has kept no files.")
            return
        self.app.copy_to_clipboard(found[0])
        self.console.tell("Copied: " + "\n".join(found))


def media_of(record: JobRecord, facts: JobFacts | None) -> list[Path]:
    """Return what a finished job made or burned, to be reread."""
    if record.state is not JobState.DONE:
        return []
    if record.kind == "burn":
        drives = record.result.get("burns")
        found = drives if isinstance(drives, list) else []
        return [Path(one["path"]) for one in found if isinstance(one, dict) and "path" in one]
    if record.kind == "verify":
        return [Path(str(record.request["medium"]))] if record.request.get("medium") else []
    return [output.path for output in facts.outputs] if facts else []


def _disclosure(record: JobRecord) -> Disclosure:
    told = record.request.get("disclosure")
    if not isinstance(told, dict):
        return Disclosure()
    return Disclosure(*(str(told.get(name, "")) for name in Disclosure.__slots__))


def _wrong_path(path: str) -> str:
    return "" if path else "Name the image file, or a folder that does not exist yet."


def _wrong_volume(volumes: int, typed: str) -> str:
    ok = typed.isdecimal() and 1 <= int(typed) <= volumes
    return "" if ok else f"Volumes are 1 to {volumes}."


def _job_files(station: Station, job: int) -> list[str]:
    folder = station.jobs_folder / str(job)
    wanted = ("report.html", "report.htm", "report.pdf", "report.json", "fault.txt")
    reports = [str(folder / name) for name in wanted if (folder / name).exists()]
    return reports or ([str(folder)] if folder.is_dir() else [])
