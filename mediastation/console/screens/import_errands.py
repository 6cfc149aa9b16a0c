"""What is done on the Import screen: taking a medium in, sending on, the report."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import Any

from mediastation.console.screens.giving import give
from mediastation.console.screens.import_onward import report_of, why_not_sent
from mediastation.console.screens.import_sections import Shown
from mediastation.console.screens.import_words import identity_text, medium_name
from mediastation.console.screens.job_errands import JobErrands
from mediastation.console.screens.opening_dialog import AskOpening, Opening
from mediastation.console.widgets.dialogs import AskPath, Confirm
from mediastation.console.widgets.page_table import Key
from mediastation.console.words import number_text
from mediastation.errors import MediastationError
from mediastation.model.job import JobRecord, JobState


class ImportErrands(JobErrands):
    """The actions of the Import screen; what they are about comes from `one` and `row`."""

    @property
    @abstractmethod
    def one(self) -> Shown | None:
        """The import that is shown; None in the list."""

    @property
    @abstractmethod
    def row(self) -> Key | None:
        """The row under the cursor of the section that is shown."""

    @abstractmethod
    def open_import(self, job: int) -> None:
        """Show one import."""

    @abstractmethod
    def show_one(self) -> None:
        """Draw anew what is shown of one import."""

    @property
    def _people(self) -> list[str]:
        record = self.current
        patients = record.result.get("patients") if record is not None else None
        found = [one for one in patients if isinstance(one, dict)] if type(patients) is list else []
        from mediastation.model.identity import PatientIdentity  # noqa: PLC0415

        names = [
            identity_text(
                PatientIdentity(
                    str(one.get("patient_id", "")),
                    name=str(one.get("patient_name", "")),
                    birth_date=str(one.get("patient_birth_date", "")),
                )
            )
            for one in found[:12]
        ]
        return names or ([f"medium {medium_name(record)}"] if record is not None else [])

    # Taking a medium in

    def action_other(self) -> None:
        """Ask for the path of a medium."""
        self.app.push_screen(
            AskPath("Import which image, folder, ZIP file or drive? It is only read."),
            self._take_typed,
        )

    def _take_typed(self, path: str | None) -> None:
        if path:
            self.take_in(Path(path))

    def take_in(self, medium: Path) -> None:
        """Queue the import of a medium, and follow it."""
        self.in_background(partial(self._take_in, medium), "errand")

    async def _take_in(self, medium: Path) -> None:
        from mediastation.station.intake.request import ImportRequest  # noqa: PLC0415

        there = await self.ask(lambda _: medium.exists())
        if not there:
            self.console.tell(f"{medium} does not exist. Check the path, or mount the medium.",
                              grave=True)  # fmt: skip
            return
        job = await self._queue(ImportRequest(medium), f"import, job {{}}, of {medium.name}")
        if job is not None:
            self.open_import(job)

    async def _queue(self, request: Any, undo: str) -> int | None:
        """Submit a request; `undo` names it, with the number of the job in place of ``{}``."""
        from mediastation.station.serving.submitting import submit  # noqa: PLC0415

        job = await self.ask(submit, request)
        if job is None:
            return None
        self.console.can_take_back(undo.format(job), partial(self._cancel, job))
        self.look_again()
        return job

    # Beginning again: a sealed medium needs what opens it

    def action_retry(self) -> None:
        """Begin an import again; of one that failed, look first whether its medium is sealed."""
        record = self.current
        if record is None or record.state is not JobState.FAILED:
            super().action_retry()
            return
        self.in_background(partial(self._open_again, record), "errand", exclusive=True)

    async def _open_again(self, record: JobRecord) -> None:
        from mediastation.station.intake.keys import look_for_seal  # noqa: PLC0415

        medium = Path(str(record.request.get("medium", "")))
        self.console.tell(f"Looking at {medium_name(record)} …")
        try:
            sealed = await self.desk.work(f"looking at {medium}", lambda _: look_for_seal(medium))
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        if sealed is None:
            super().action_retry()
            return
        self.app.push_screen(
            AskOpening(
                f"{medium_name(record)} is sealed for {sealed.told}.",
                "It is imported anew with what opens it." if sealed.takes_password
                else "No password opens it: a private key does.",
                self.slip,
                takes_key=True,
                takes_password=sealed.takes_password,
            ),
            partial(self._opened_again, medium),
        )  # fmt: skip

    def _opened_again(self, medium: Path, given: Opening | None) -> None:
        if given is not None:
            self.in_background(partial(self._import_with, medium, given), "errand")

    async def _import_with(self, medium: Path, given: Opening) -> None:
        from mediastation.station.intake.request import ImportRequest  # noqa: PLC0415

        keys = (given.key,) if given.key is not None else ()
        request = ImportRequest(medium, key=keys)
        job = await self._queue(request, f"import, job {{}}, of {medium.name}")
        if job is None:
            return
        if (password := given.password or given.key_password) is not None:
            await give(self, job, password)
        self.open_import(job)

    # Sending on, report, export

    def send_on(self) -> None:
        """Ask, naming the patients, then send what was reconciled to the peer under the cursor."""
        one, key = self.one, self.row
        if one is None or not isinstance(key, tuple) or key[0] != "to":
            return
        if why_not := why_not_sent(one):
            self.console.tell(why_not, grave=True)
            return
        view, name = one.view, str(key[1])
        peer = next(row for row in one.peers if row["name"] == name)
        people = list(dict.fromkeys(
            identity_text(local) for patient in view.patients for local, _ in patient.local
        ))  # fmt: skip
        missing = view.instances - view.reconciled
        left = f" {number_text(missing, 'image')} not reconciled stay here." if missing else ""
        self.app.push_screen(
            Confirm(
                f"Send {number_text(view.reconciled, 'image')} to {peer['title']} ({peer['aet']})?",
                people,
                f"Under the identity of this site.{left}",
                yes="Send",
                no="Not now",
            ),
            partial(self._sure_to_send, view.record, name),
        )

    def _sure_to_send(self, record: JobRecord, peer: str, sure: bool | None) -> None:
        if sure:
            self.in_background(partial(self._send, record.id, peer), "errand")

    async def _send(self, job: int, peer: str) -> None:
        from mediastation.station.traffic.requests import SendRequest  # noqa: PLC0415

        number = await self._queue(SendRequest((f"import:{job}",), peer), "sending, job {}")
        if number is not None:
            self.console.tell(f"Job {number} sends it. 3 shows it; u cancels it.")

    async def use_report(self) -> None:
        """Do what the row under the cursor of the report says."""
        one, key = self.one, self.row
        if one is None or not isinstance(key, tuple):
            return
        page, job = report_of(one), one.view.record.id
        match key[1]:
            case "export":
                await self.console.go("export", sources=[f"import:{job}"])
            case "job":
                await self.console.go("jobs", job=job)
            case _ if page is None:
                self.console.tell("The report is not written yet.")
            case "copy":
                self.app.push_screen(
                    AskPath("Copy the report to which folder, .htm or .pdf file?"),
                    partial(self._copy_to, page),
                )
            case word:
                path = page if word == "page" else page.with_suffix(".pdf")
                self.app.copy_to_clipboard(str(path))
                self.console.tell(f"Copied: {path}")

    def _copy_to(self, page: Path, path: str | None) -> None:
        if path:
            self.in_background(partial(self._copy_report, page, Path(path)), "errand")

    async def _copy_report(self, page: Path, path: Path) -> None:
        from mediastation.station.intake.report_copy import copy_import_report  # noqa: PLC0415

        written = await self.ask(copy_import_report, page, path)
        if written is not None:
            self.console.tell(f"Written: {', '.join(map(str, written))}")
