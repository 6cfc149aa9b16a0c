"""How the ledger reads: a row for each entry, all about one, and the verdict on the chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import date_text, name_text, number_text
from mediastation.model.finding import Severity
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEvent, LedgerHead
from mediastation.model.text import harmless, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediastation.catalog.ledger_check import LedgerReport
    from mediastation.model.ledger import LedgerEntry, LedgerPatient
    from mediastation.station.recording.media_made import MadeMedium, MediumStory

COLUMNS = (
    Column("No.", 6, right=True, from_width=100),
    Column("When", 16),
    Column("What", 12),
    Column("Patient", 14, flex=3),
    Column("Recipient", 10, flex=2),
    Column("Medium", 8),
    Column("File-set", 16, from_width=120),
    Column("Images", 7, right=True, from_width=110),
    Column("State", 14),
    Column("Job", 5, right=True, from_width=100),
    Column("By", 10, from_width=130),
)
_SIGNS = {
    LedgerEvent.MADE: "+",
    LedgerEvent.BURNED: "◉",
    LedgerEvent.REPRINTED: "↻",
    LedgerEvent.IMPORTED: "↓",
    LedgerEvent.REFUSED: "✗",
    LedgerEvent.RECONCILED: "=",
    LedgerEvent.SENDING: "…",
    LedgerEvent.SENT: "→",
    LedgerEvent.FETCHED: "←",
    LedgerEvent.OPENED: "○",
}
_MOST_PATIENTS = 12
_MOST_STUDIES = 20
_MOST_RELATED = 40
_UNCERTAIN = {
    JobState.RUNNING: "its job is still running",
    JobState.ABANDONED: "its job was killed: look whether the medium has its name",
    JobState.FAILED: "its job failed afterwards",
    JobState.CANCELLED: "its job was cancelled afterwards",
}
_CUT = frozenset({"ledger-cut", "ledger-missing", "ledger-one-copy"})


def medium_row(made: MadeMedium, withdrawn: str | None) -> PageRow:
    """Return a medium as a row; `withdrawn` is why it did not come to be, None if it did."""
    medium = made.medium
    people = medium.patients
    more = f" +{len(people) - 1}" if len(people) > 1 else ""
    return PageRow(
        (
            str(made.number),
            when_text(made.at),
            f"{_SIGNS.get(made.event, '·')} {made.event}",
            name_text(people[0].name) + more if people else "(nobody named)",
            made.disclosure.given_to or made.disclosure.requested_by,
            medium.medium,
            medium.file_set_id,
            f"{medium.instances:,}",
            state_text(made, withdrawn),
            str(made.job) if made.job is not None else "",
            made.operator,
        ),
        "faint" if withdrawn is not None else "" if made.verified else "error",
    )


def traffic_row(entry: LedgerEntry, withdrawn: str | None) -> PageRow:
    """Return what was imported, reconciled or transferred as a row; see `medium_row`."""
    from mediastation.station.recording.entry_words import traffic_cells  # noqa: PLC0415

    told = traffic_cells(entry)
    people = told.patients
    more = f" +{len(people) - 1}" if len(people) > 1 else ""
    return PageRow(
        (
            str(entry.number),
            when_text(entry.at),
            f"{_SIGNS.get(entry.event, '·')} {entry.event}",
            name_text(people[0].name) + more if people else "(nobody named)",
            told.other,
            told.medium,
            told.label,
            f"{told.instances:,}",
            "– withdrawn" if withdrawn is not None else told.state,
            str(entry.job) if entry.job is not None else "",
            entry.operator,
        ),
        "faint" if withdrawn is not None else "error" if entry.event is LedgerEvent.REFUSED else "",
    )


def traffic_text(entry: LedgerEntry, withdrawn: str | None) -> Text:
    """Return everything about an import, an identity or a transfer."""
    from mediastation.station.recording.entry_words import traffic_cells, traffic_words  # noqa: PLC0415

    text = Text()
    job = entry.job if entry.job is not None else "–"
    _line(text, f"Entry {entry.number}: {entry.event}, {when_text(entry.at)}, "
          f"by {entry.operator or 'nobody named'}, job {job}", "bold")  # fmt: skip
    if withdrawn is not None:
        _line(text, f"– withdrawn: {withdrawn or 'it did not come to be'}", "bold")
    people = traffic_cells(entry).patients
    for one in people[:_MOST_PATIENTS]:
        _line(text, f"Patient {patient_text(one)}", "bold")
    if len(people) > _MOST_PATIENTS:
        _line(text, f"and {len(people) - _MOST_PATIENTS:,} more")
    _line(text, traffic_words(entry))
    medium = entry.facts.get("outside_medium")
    if isinstance(medium, dict):
        uid, digest = medium.get("file_set_uid"), medium.get("sha256")
        _line(text, f"File-set UID {uid}" if uid else "")
        _line(text, f"Medium SHA-256 {digest}" if digest else "")
    files = entry.facts.get("files_sha256")
    _line(text, f"Files  SHA-256 {files}" if files else "")
    _line(text, "→ o goes to its job.")
    return text


def state_text(made: MadeMedium, withdrawn: str | None) -> str:
    """Return whether a medium was proved, or withdrawn."""
    if withdrawn is not None:
        return "– withdrawn"
    return "✓ verified" if made.verified else "✗ not verified"


def when_text(at: str) -> str:
    """Return a moment of the ledger, ISO 8601, in local time as people here write it."""
    try:
        return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return at


def people_of(made: MadeMedium) -> list[str]:
    """Return whose data are on a medium, for a confirmation."""
    names = [patient_text(one) for one in made.medium.patients[:_MOST_PATIENTS]]
    if len(made.medium.patients) > _MOST_PATIENTS:
        names.append(f"and {len(made.medium.patients) - _MOST_PATIENTS:,} more")
    return names or ["nobody is named in the ledger: look at the label"]


def patient_text(patient: LedgerPatient) -> str:
    """Return what names a patient: name, ID and birth date."""
    born = f", born {date_text(patient.birth_date)}" if patient.birth_date else ""
    return f"{name_text(patient.name)} ({patient.patient_id or 'no ID'}{born})"


def story_text(made: MadeMedium, story: MediumStory | None, withdrawn: str | None) -> Text:
    """Return everything about a medium; `story` is None until it has been read."""
    text = Text()
    medium = made.medium
    volume = f" {medium.volume} of {medium.volumes}" if medium.volumes > 1 else ""
    job = made.job if made.job is not None else "–"
    _line(text, f"Entry {made.number}: {medium.medium}{volume} {made.event}, "
          f"{when_text(made.at)}, by {made.operator}, job {job}", "bold")  # fmt: skip
    if withdrawn is not None:
        _line(text, f"– withdrawn: {withdrawn or 'it did not come to be'}", "bold")
    elif story is not None and story.state in _UNCERTAIN and not made.reread:
        _line(text, f"! {_UNCERTAIN[story.state]}", "bold")
    for name in people_of(made):
        _line(text, f"Patient {name}", "bold")
    why = made.disclosure
    for label, said in (("Asked for by", why.requested_by), ("Given to", why.given_to),
                        ("Because of", why.reason)):  # fmt: skip
        _line(text, f"{label} {said}" if said else "")
    sealed = ", sealed" if medium.encrypted else ""
    _line(text, f"{medium.profile}, {medium.format}{sealed}: "
          f"{number_text(medium.instances, 'image')}, {size_text(medium.size_bytes)}")  # fmt: skip
    _line(text, f"Opened by {', '.join(medium.opened_by)}" if medium.opened_by else "")
    _line(text, f"File-set {medium.file_set_id or '(no ID)'}, UID {medium.file_set_uid}")
    _line(text, f"Image  SHA-256 {medium.image_sha256}" if medium.image_sha256 else "")
    _line(text, f"Files  SHA-256 {medium.contents_sha256}")
    _line(text, f"Path   {medium.path}")
    _studies(text, made)
    _line(text, state_text(made, withdrawn) + (f": reread {made.reread}" if made.reread else ""))
    if story is None:
        _line(text, "Reading its copies …")
    else:
        _related(text, made, story)
        if story.job is None:
            _line(text, "→ Its job is not here any more: copy a medium that is there.")
        else:
            _line(text, "→ r makes it again, the same bytes, or says why not.")
    return text


def _studies(text: Text, made: MadeMedium) -> None:
    for study in made.medium.studies[:_MOST_STUDIES]:
        count = sum(study.sop_classes.values())
        accession = f", accession {study.accession_number}" if study.accession_number else ""
        _line(text, f"Study {study.description or '(no description)'}{accession}, "
              f"{number_text(count, 'image')}, {study.study_instance_uid}")  # fmt: skip
    if len(made.medium.studies) > _MOST_STUDIES:
        _line(text, f"… and {len(made.medium.studies) - _MOST_STUDIES:,} studies more")


def _related(text: Text, made: MadeMedium, story: MediumStory) -> None:
    others = [one for one in story.related if one.number != made.number]
    if others:
        _line(text, "The same image in the ledger:", "bold")
    for one in others[:_MOST_RELATED]:
        copy = f" copy {one.copy} of {one.copies}" if one.copies > 1 else ""
        drive = f" on {one.drive}" if one.drive else ""
        reread = f", reread {one.reread}" if one.reread else ""
        bad = f", {one.bad_sectors:,} bad sectors" if one.bad_sectors else ""
        gone = ", withdrawn" if one.number in story.withdrawn else ""
        _line(text, f"  {one.number}: {one.event}{copy}, {when_text(one.at)}{drive}{reread}"
              f"{bad}{gone}")  # fmt: skip
    if len(others) > _MOST_RELATED:
        _line(text, f"  … and {len(others) - _MOST_RELATED:,} more")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the proof came to: a few large words, what they mean, and what to do."""

    title: str
    lines: Sequence[str]
    is_good: bool


def verdict_on(report: LedgerReport, wanted: LedgerHead | None = None) -> Verdict:
    """Return what a proof of the ledger, or of a printed head, means in plain words."""
    entries = number_text(report.entries, "entry", "entries")
    if report.ok:
        lines = [f"{entries}, each proved in the file and in the index."]
        title = "THE LEDGER IS WHOLE"
        if wanted is not None and report.found_at is not None:
            title = "THE HEAD IS RIGHT, AND THE LEDGER IS WHOLE"
            lines.append(
                f"It was printed when entry {report.found_at:,} was the last: nothing up to there "
                "was changed or removed since."
            )
        return Verdict(title, lines, is_good=True)
    rules = {one.rule for one in report.findings if one.severity is Severity.ERROR}
    if rules == {"ledger-head"}:
        return Verdict(
            "THIS HEAD IS NOT OF THIS LEDGER",
            [f"All {entries} are proved by themselves.",
             "The head was typed badly, is another station's, or all was written anew since."],
            is_good=False,
        )  # fmt: skip
    if rules == {"ledger-key"}:
        return Verdict("THE LEDGER COULD NOT BE PROVED", [f"{entries}; the key is the trouble."],
                       is_good=False)  # fmt: skip
    title = "THE LEDGER WAS CUT" if rules & _CUT else "THE LEDGER WAS CHANGED"
    lines = [f"{entries}."]
    if report.broken_from is not None:
        lines = [f"From entry {report.broken_from:,} on, of {entries}."]
    if report.whole:
        copy = {"file": "the file ledger.jsonl", "table": "the index"}[report.whole]
        lines.append(f"Its copy in {copy} is whole and proved: rely on that.")
        lines.append("Find out who changed the other; then `mediastation reindex` makes it anew.")
    else:
        lines.append("What it says from there on proves nothing by itself any more.")
    return Verdict(title, lines, is_good=False)


def _line(text: Text, words: str, style: str = "") -> None:
    if not words:
        return
    if text.plain:
        text.append("\n")
    text.append(harmless(words), style)
