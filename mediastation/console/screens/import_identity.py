"""The part of one import that tells whose it is: outside patients, and who they may be here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.console.screens.import_sections import Section, Shown, add_line
from mediastation.console.screens.import_words import identity_text
from mediastation.console.widgets.page_table import Column, Key, PageRow
from mediastation.console.words import date_text, fit, name_text, number_text
from mediastation.model.job import JobRecord, JobState, Question

if TYPE_CHECKING:
    from mediastation.model.finding import Finding
    from mediastation.model.identity import PersonCluster
    from mediastation.model.reconciliation import Match
    from mediastation.pages.import_facts import SidesRow
    from mediastation.station.intake.request import WantedPatient
    from mediastation.station.intake.view import OutsidePatient
    from mediastation.station.station import Station

_ORIGINS = {"worklist": "worklist of {}", "peer": "patients of {}", "catalog": "this catalog",
            "typed": "typed here"}  # fmt: skip
_ALL_AGREES = "facts agree"
_OPEN = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)
_LABEL_WIDTH, _AGREEMENT_WIDTH = 14, 21


@dataclass(frozen=True, slots=True)
class MayBe:
    """One patient of this site who an outside one may be.

    `rows` hold both fact by fact with how they agree in words; `differing` are
    the demographics that somebody has to confirm.
    """

    match: Match
    rows: tuple[SidesRow, ...]
    differing: tuple[str, ...]

    @property
    def vouched(self) -> str:
        """Who vouches for the identity."""
        candidate = self.match.candidate
        return _ORIGINS[candidate.origin].format(candidate.peer)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Who an outside patient may be: what was asked for, and what came back."""

    wanted: str = ""
    outside: PersonCluster | None = None
    found: tuple[MayBe, ...] = ()
    asked: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    trouble: str = ""


def look_up(station: Station, patient: OutsidePatient, wanted: WantedPatient) -> LookUp:
    """Ask worklist, peer and catalog; takes as long as they do.

    Raises
    ------
    MediastationError
        Whatever keeps that from being answered.
    """
    from mediastation.station.intake.report import sides_of  # noqa: PLC0415 - not for the paint
    from mediastation.station.intake.request import IdentityDecision  # noqa: PLC0415
    from mediastation.station.reconciling.choice import differences  # noqa: PLC0415
    from mediastation.station.reconciling.reconcile import find_candidates  # noqa: PLC0415

    outside, found = find_candidates(station, patient.sources, wanted)
    may_be = []
    for match in found.matches:
        decision = IdentityDecision(
            outside.identity, outside.instances, match.candidate, match.likeness
        )
        may_be.append(MayBe(match, sides_of(decision).rows, differences(match.likeness)))
    told = " ".join(filter(None, (wanted.patient_id, wanted.accession_number)))
    return LookUp(told, outside, tuple(may_be), found.asked, found.findings)


def patient_key(patient: OutsidePatient) -> str:
    """Return what an outside patient is looked up under."""
    return patient.identity.key


def patient_at(shown: Shown, key: Key | None) -> OutsidePatient | None:
    """Return the outside patient of a row, be it a candidate's."""
    match key:
        case ("who", int(number), *_) if number < len(shown.view.patients):
            return shown.view.patients[number]
    return None


def may_be_at(shown: Shown, key: Key | None) -> MayBe | None:
    """Return the candidate of a row."""
    patient = patient_at(shown, key)
    if patient is None or not isinstance(key, tuple) or len(key) != 3:
        return None
    found = shown.looked_up.get(patient_key(patient), LookUp()).found
    return found[key[2]] if key[2] < len(found) else None


def reconciling(shown: Shown, patient: OutsidePatient) -> JobRecord | None:
    """Return the open job that reconciles a patient's instances."""
    return next(
        (
            job
            for job in shown.view.later
            if job.kind == "reconcile"
            and job.state in _OPEN
            and set(patient.sources) & set(map(str, job.request.get("sources", ())))
        ),
        None,
    )


def who_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return the outside patients, each with those of this site who they may be."""
    rows: dict[Key, PageRow] = {}
    for number, patient in enumerate(shown.view.patients):
        identity = patient.identity
        state, look = _state(shown, patient)
        rows["who", number] = PageRow(
            (name_text(identity.name), date_text(identity.birth_date), identity.patient_id,
             state, f"{patient.instances:,}"),
            look,
        )  # fmt: skip
        looked = shown.looked_up.get(patient_key(patient))
        for place, one in enumerate(looked.found if looked else ()):
            rows["who", number, place] = _may_be_row(one)
    return rows


def _state(shown: Shown, patient: OutsidePatient) -> tuple[str, str]:
    if (job := reconciling(shown, patient)) is not None:
        asks = " asks: press !" if job.state is JobState.WAITING else " reconciles"
        return f"▶ job {job.id}{asks}", "warning" if asks.endswith("!") else "strong"
    if patient.reconciled:
        missing = patient.instances - patient.reconciled
        rest = f", ! {missing:,} not" if missing else ""
        return f"✓ as {identity_text(patient.local[0][0])}{rest}", "warning" if rest else ""
    key = patient_key(patient)
    if shown.asking == key:
        return "asking …", "strong"
    looked = shown.looked_up.get(key)
    if looked is None:
        return "? Enter asks who that is here", "warning"
    if looked.trouble:
        return "✗ nobody could be asked", "error"
    return ("? Enter on the right one" if looked.found else "? nobody found: n"), "warning"


def _may_be_row(one: MayBe) -> PageRow:
    candidate, likeness = one.match.candidate, one.match.likeness
    words = ["UNLIKE"] if likeness.verdict == "apart" else []
    differ = "differs" if len(one.differing) == 1 else "differ"
    words += [f"{' and '.join(one.differing)} {differ}" if one.differing else _ALL_AGREES]
    words += [one.vouched]
    words += ["as decided before"] if one.match.remembered else []
    order = candidate.order
    words += [f"order {order.accession_number}"] if order and order.accession_number else []
    identity = candidate.identity
    look = "error" if likeness.verdict == "apart" else "faint" if one.differing else ""
    return PageRow(
        (f"  = {name_text(identity.name)}", date_text(identity.birth_date), identity.patient_id,
         " · ".join(words), ""),
        look,
    )  # fmt: skip


def who_words(shown: Shown, key: Key | None) -> Text:
    """Return both identities fact by fact, or what can be done for an outside patient."""
    text = Text()
    patient, one = patient_at(shown, key), may_be_at(shown, key)
    if one is not None and patient is not None:
        _add_sides(text, one, shown.width)
        return text
    if patient is None:
        return text
    add_line(text, f"On the medium: {identity_text(patient.identity)}", "bold")
    for local, number in patient.local:
        add_line(text, f"✓ {number_text(number, 'image')} as {identity_text(local)}")
    looked = shown.looked_up.get(patient_key(patient))
    if not patient.sources:
        add_line(text, "! Its images stand among another patient's in too many series; see the "
                       "report, and reconcile by command, series by series.")  # fmt: skip
    elif looked is None:
        add_line(text, "Enter asks worklist, archive and catalog who that is at this site.")
    elif looked.trouble:
        add_line(text, f"✗ {looked.trouble}", "bold")
    else:
        asked = ", ".join(looked.asked) or "nobody"
        about = f" for {looked.wanted}" if looked.wanted else ""
        add_line(text, f"{number_text(len(looked.found), 'patient')} found{about}; asked: {asked}.")
        for finding in looked.findings:
            add_line(text, f"! {finding.message} {finding.hint}".rstrip(), "bold")
    typed = " · t types the patient in" if shown.typed else ""
    add_line(text, f"n asks for a Patient ID or accession number{typed}", "dim")
    return text


def _add_sides(text: Text, one: MayBe, width: int) -> None:
    half = max((width - _LABEL_WIDTH - _AGREEMENT_WIDTH - 3) // 2, 10)
    add_line(text, fit("", _LABEL_WIDTH) + fit("On the medium", half) + " " +
             fit("At this site", half) + " Agreement", "bold")  # fmt: skip
    for row in one.rows:
        if not (row.outside or row.local):
            continue
        sides = f"{fit(row.fact, _LABEL_WIDTH)}{fit(row.outside, half)} {fit(row.local, half)} "
        text.append(sides)
        wrong = row.agreement.startswith("DIFFERS")
        text.append(f"{row.agreement}\n", "bold reverse" if wrong else "")
    again = ", as decided before" if one.match.remembered else ""
    add_line(text, f"Vouched for by: {one.vouched}{again}. Enter: it is this patient.")


def question_of(outside: PersonCluster, one: MayBe) -> Question:
    """Return the question before a reconciliation: both identities, letter by letter."""
    from dataclasses import asdict  # noqa: PLC0415

    candidate = one.match.candidate
    order = candidate.order
    facts = {
        "people": [
            {**asdict(outside.identity), "instances": outside.instances, "side": "outside"},
            {**asdict(candidate.identity), "instances": 0, "side": "local"},
        ],
        "vouched for by": one.vouched,
        "they differ in": " and ".join(one.differing) or "nothing that counts",
    }
    if order is not None:
        what = order.requested_procedure_description or order.scheduled_step_description
        facts["order"] = f"{order.accession_number or 'no accession number'} {what}".strip()
    return Question(
        "reconcile",
        f"Do the {number_text(outside.instances, 'image')} become those of this patient?",
        "Copies get the identity on the right, with what they replace; the originals stay as they "
        "came. Compare with the patient's papers, letter by letter.",
        facts,
        ("confirm",),
    )


def _open_number(shown: Shown) -> str:
    some = [one for one in shown.view.patients if one.reconciled < one.instances]
    return f"?{len(some)}" if some else "✓" if shown.view.patients else ""


WHO_SECTION = Section(
    "who", "Whose", "Whose",
    (Column("Patient", 18, flex=2), Column("Born", 10), Column("Patient ID", 10, flex=1),
     Column("At this site", 18, flex=4), Column("Images", 6, right=True, from_width=90)),
    who_rows, who_words,
    lambda _: "Nothing of it is in the catalog: there is nobody to be reconciled.",
    _open_number,
)  # fmt: skip
