"""What is decided on the Import screen: about held files, and whose the images are."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from mediastation.console.screens.import_errands import ImportErrands
from mediastation.console.screens.import_held import HeldDialog
from mediastation.console.screens.import_identity import (
    LookUp,
    MayBe,
    look_up,
    may_be_at,
    patient_at,
    patient_key,
    question_of,
    reconciling,
)
from mediastation.console.screens.import_sections import Shown
from mediastation.console.screens.import_words import identity_text
from mediastation.console.widgets.choose import AskWords, Field
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.question import QuestionDialog
from mediastation.console.words import number_text
from mediastation.errors import MediastationError
from mediastation.model.importing import Verdict

if TYPE_CHECKING:
    from mediastation.importing.quarantine import QuarantinedFile
    from mediastation.station.intake.request import WantedPatient
    from mediastation.station.intake.view import OutsidePatient


class ImportDecisions(ImportErrands):
    """The decisions about one import; each asks first, and names the patients."""

    # What is held

    def _held_at_cursor(self) -> QuarantinedFile | None:
        one, key = self.one, self.row
        found = one.view.held if one is not None else ()
        return next((file for file in found if file.sha256 == key), None)

    async def show_held(self) -> None:
        """Show both sides of the held file under the cursor."""
        file = self._held_at_cursor()
        if file is None:
            return
        from mediastation.station.intake.held_view import view_held  # noqa: PLC0415 - loads decoders

        self.console.tell("Comparing both sides …")
        try:
            view = await self.desk.work(f"comparing {file.path}", view_held, file.sha256)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        self.app.push_screen(HeldDialog(view), partial(self._decide, file))

    def action_keep(self) -> None:
        """Ask, then take the held file under the cursor in beside what it contradicts."""
        if (file := self._held_at_cursor()) is not None:
            self._decide(file, "keep")

    def action_leave_held(self) -> None:
        """Ask, then leave the held file under the cursor in quarantine for good."""
        if (file := self._held_at_cursor()) is not None:
            self._decide(file, "leave")

    def _decide(self, file: QuarantinedFile, word: str | None) -> None:
        if not word:
            return
        if file.verdict is not None:
            self.console.tell("That is decided already.")
            return
        verdict = Verdict(word)
        told = (
            "It comes into the catalog beside what it contradicts. "
            if verdict is Verdict.KEEP
            else "It stays in quarantine for good, and comes into no catalog. "
        )
        question = f"{'Keep' if verdict is Verdict.KEEP else 'Leave'} {file.path}: why?"
        self.app.push_screen(
            AskWords(
                question,
                [Field("why", "Why", told="for whoever meets this decision again")],
                f"{told}The same contradiction from the same place is decided alike from now on.",
            ),
            partial(self._confirm_decision, file, verdict),
        )

    def _confirm_decision(
        self, file: QuarantinedFile, verdict: Verdict, words: dict[str, str] | None
    ) -> None:
        if words is None:
            return
        keeps = verdict is Verdict.KEEP
        self.app.push_screen(
            Confirm(
                f"{'Take in' if keeps else 'Leave in quarantine'} {file.path}?",
                self._people,
                "This is remembered, and cannot be taken back here.",
                yes="Keep" if keeps else "Leave",
                no="Not now",
            ),
            lambda sure: (
                self.in_background(
                    partial(self._write_decision, file, verdict, words["why"]), "errand"
                )
                if sure
                else None
            ),
        )

    async def _write_decision(self, file: QuarantinedFile, verdict: Verdict, why: str) -> None:
        from mediastation.station.intake.quarantine_desk import decide  # noqa: PLC0415

        try:
            stop = self.desk.stop_on_leaving
            told = f"deciding about {file.path}"
            done = await self.desk.work(told, decide, [file.sha256], verdict, why, stop)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        kept = "taken into the catalog" if done.kept else "left in quarantine for good"
        self.console.tell(f"{file.path}: {kept}.")
        self.look_again()

    # Whose it is

    def ask_who(self, patient: OutsidePatient, wanted: WantedPatient | None = None) -> None:
        """Ask worklist, archive and catalog who of this site an outside patient may be."""
        one = self.one
        if one is None or one.asking:
            return
        if not patient.sources:
            self.console.tell("Its images cannot be told from another patient's here.", grave=True)
            return
        one.asking = patient_key(patient)
        self.show_one()
        self.in_background(partial(self._ask_who, one, patient, wanted), "who")

    async def _ask_who(
        self, one: Shown, patient: OutsidePatient, wanted: WantedPatient | None
    ) -> None:
        from mediastation.station.intake.request import WantedPatient  # noqa: PLC0415

        told = f"asking who {identity_text(patient.identity)} is"
        try:
            found = await self.desk.work(told, look_up, patient, wanted or WantedPatient())
        except MediastationError as fault:
            self.console.tell_fault(fault)
            found = LookUp(trouble=f"{fault.message} {fault.hint}".strip())
        finally:
            one.asking = ""
        one.looked_up[patient_key(patient)] = found
        self.show_one()

    def choose_who(self) -> None:
        """Ask who the outside patient under the cursor is; on one who it may be, ask for a yes."""
        one = self.one
        patient = patient_at(one, self.row) if one else None
        if one is None or patient is None:
            return
        if (job := reconciling(one, patient)) is not None:
            self.console.tell(f"Job {job.id} reconciles these images; 3 shows it.")
            return
        chosen = may_be_at(one, self.row)
        looked = one.looked_up.get(patient_key(patient))
        if chosen is None or looked is None or looked.outside is None:
            self.ask_who(patient)
            return
        candidate = chosen.match.candidate
        if not candidate.identity.patient_id and candidate.order is None:
            self.console.tell("That patient has no Patient ID to be named by.", grave=True)
            return
        self.app.push_screen(
            QuestionDialog(question_of(looked.outside, chosen)),
            partial(self._chosen, one, patient, looked, chosen),
        )

    def _chosen(
        self, one: Shown, patient: OutsidePatient, looked: LookUp, chosen: MayBe, word: str | None
    ) -> None:
        if word == "confirm" and looked.outside is not None:
            self.in_background(partial(self._reconcile, one, patient, looked, chosen), "errand")

    async def _reconcile(
        self, one: Shown, patient: OutsidePatient, looked: LookUp, chosen: MayBe
    ) -> None:
        from mediastation.station.intake.request import ReconcileRequest  # noqa: PLC0415

        assert looked.outside is not None  # noqa: S101 - `_chosen` has looked
        local, order = chosen.match.candidate.identity, chosen.match.candidate.order
        request = ReconcileRequest(
            patient.sources,
            local.patient_id,
            accession_number=order.accession_number if order else "",
            # Only what stood side by side was confirmed, and only where something differs.
            confirm_identity=bool(chosen.differing),
            people=tuple(sorted({looked.outside.identity.key, local.key})),
        )
        job = await self._queue(request, "reconciling, job {}")
        if job is not None:
            one.looked_up.pop(patient_key(patient), None)
            self.console.tell(f"Job {job} reconciles with {identity_text(local)}.")

    def action_number(self) -> None:
        """Ask for a Patient ID or accession number, and who bears it."""
        one = self.one
        patient = patient_at(one, self.row) if one else None
        if patient is None:
            return
        fields = [
            Field("patient_id", "Patient ID", told="of this site"),
            Field("accession", "Accession no.", told="of the order that the import is for"),
        ]
        self.app.push_screen(
            AskWords(f"Who is {identity_text(patient.identity)} here?", fields),
            partial(self._with_number, patient),
        )

    def _with_number(self, patient: OutsidePatient, words: dict[str, str] | None) -> None:
        if not words or not any(words.values()):
            return
        from mediastation.station.intake.request import WantedPatient  # noqa: PLC0415

        self.ask_who(patient, WantedPatient(words["patient_id"], words["accession"]))

    def action_type(self) -> None:
        """Ask for the values of a patient whom nobody knows, where the site allows that."""
        one = self.one
        patient = patient_at(one, self.row) if one else None
        if patient is None or not self.desk.settings.reconcile.typed:
            self.console.tell("Values of a patient are not typed at this site.")
            return
        fields = [
            Field("patient_id", "Patient ID", told="of this site", check=_wrong_if_empty),
            Field("name", "Name", told="Family^Given", check=_wrong_if_empty),
            Field("birth_date", "Born", told="YYYYMMDD", check=_wrong_date),
            Field("sex", "Sex", told="M, F or O", check=_wrong_sex),
        ]
        self.app.push_screen(
            AskWords(
                f"Who is {identity_text(patient.identity)} here?",
                fields,
                "Nobody vouches for what is typed; it is marked as typed for ever.",
            ),
            partial(self._confirm_typed, patient),
        )

    def _confirm_typed(self, patient: OutsidePatient, words: dict[str, str] | None) -> None:
        if words is None:
            return
        self.in_background(partial(self._ask_typed, patient, words), "errand")

    async def _ask_typed(self, patient: OutsidePatient, words: dict[str, str]) -> None:
        from mediastation.model.identity import PatientIdentity  # noqa: PLC0415
        from mediastation.model.job import Question  # noqa: PLC0415
        from mediastation.station.intake.request import ReconcileRequest  # noqa: PLC0415

        local = PatientIdentity(
            words["patient_id"], "", words["name"], words["birth_date"], words["sex"]
        )
        people = [
            {**asdict(patient.identity), "instances": patient.instances, "side": "outside"},
            {**asdict(local), "instances": 0, "side": "local"},
        ]
        question = Question(
            "reconcile",
            f"Do the {number_text(patient.instances, 'image')} become those of this patient?",
            "Nobody vouches for what was typed. Compare with the papers, letter by letter.",
            {"people": people, "vouched for by": "nobody: typed here"},
            ("confirm",),
        )
        request = ReconcileRequest(
            patient.sources, local.patient_id, name=local.name, birth_date=local.birth_date,
            sex=local.sex, confirm_identity=True,
            people=tuple(sorted({patient.identity.key, local.key})),
        )  # fmt: skip

        def answered(word: str | None) -> None:
            if word == "confirm":
                self.in_background(partial(self._queue, request, "reconciling, job {}"), "errand")

        self.app.push_screen(QuestionDialog(question), answered)


def _wrong_if_empty(typed: str) -> str:
    return "" if typed else "This has to be given."


def _wrong_date(typed: str) -> str:
    return "" if len(typed) == 8 and typed.isdecimal() else "Eight digits: YYYYMMDD."


def _wrong_sex(typed: str) -> str:
    return "" if typed in {"", "M", "F", "O"} else "M, F or O, or nothing."
